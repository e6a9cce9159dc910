/* A growing string: capacity doubles, one byte is kept for the terminator. */
#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define FIRST_CAPACITY 64u

static void reserve(cnn_text *text, size_t more)
{
    if (more > SIZE_MAX / 2 - text->length - 1)
        cnn_out_of_memory(more);
    size_t need = text->length + more + 1;
    if (need <= text->capacity)
        return;
    size_t capacity = text->capacity > 0 ? text->capacity : FIRST_CAPACITY;
    while (capacity < need)
        capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (data == NULL)
        cnn_out_of_memory(capacity);
    text->data = data;
    text->capacity = capacity;
}

void cnn_text_add(cnn_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length > 0) {
        reserve(text, (size_t)length);
        (void)vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void cnn_text_add_bytes(cnn_text *text, const char *bytes, size_t count)
{
    if (count == 0)
        return;
    reserve(text, count);
    memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = '\0';
}

/* The letter behind the backslash for characters with a short escape, or 0. */
static char short_escape(unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c != 0 ? strchr(from, c) : NULL;
    return found != NULL ? to[found - from] : '\0';
}

void cnn_text_add_json(cnn_text *text, const char *s)
{
    cnn_text_add_bytes(text, "\"", 1);
    for (const unsigned char *p = (const unsigned char *)s; *p != 0; p++) {
        char letter = short_escape(*p);
        if (letter != '\0')
            cnn_text_add(text, "\\%c", letter);
        else if (*p < 0x20 || *p == 0x7f)
            cnn_text_add(text, "\\u%04x", *p);
        else
            cnn_text_add_bytes(text, (const char *)p, 1);
    }
    cnn_text_add_bytes(text, "\"", 1);
}

const char *cnn_text_get(const cnn_text *text)
{
    return text->data != NULL ? text->data : "";
}

void cnn_text_free(cnn_text *text)
{
    free(text->data);
    *text = (cnn_text){ 0 };
}
