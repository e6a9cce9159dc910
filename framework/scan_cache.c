/* The cache of verdicts as text. A line is looked up by the exact bytes that its key would have, so
 * a damaged line is one that nobody finds. */
#include "scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_LINE "cnnrun plugin cache 1\n"
#define MAX_LINES 2000u /* about 50 builds of this program with 40 plugins */

static void add_escaped(cnn_text *out, const char *s)
{
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x20 || c == 0x7f || c == '%')
            cnn_text_add(out, "%%%02X", c);
        else
            cnn_text_add_bytes(out, s, 1);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* NULL if it is damaged. */
static const char *unescape(const char *s, size_t length, cnn_arena *arena)
{
    char *out = cnn_arena_alloc(arena, length + 1), *p = out;
    for (size_t i = 0; i < length; i++) {
        if (s[i] != '%') {
            *p++ = s[i];
            continue;
        }
        int high = i + 2 < length ? hex_digit(s[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0))
            return NULL;
        *p++ = (char)(high * 16 + low);
        i += 2;
    }
    return out;
}

/* host TAB path TAB: all lines about a file. */
static void add_subject(cnn_text *out, const char *host, const cnn_candidate *c)
{
    add_escaped(out, host);
    cnn_text_add_bytes(out, "\t", 1);
    add_escaped(out, c->path);
    cnn_text_add_bytes(out, "\t", 1);
}

static void add_key(cnn_text *out, const char *host, const cnn_candidate *c)
{
    add_subject(out, host, c);
    cnn_text_add(out, "%" PRIu64 "\t%" PRId64 "\t", c->size, c->mtime_ns);
}

/* The next line without its newline; false at the end. A last line without newline was cut off. */
static bool next_line(const char **text, const char *end, const char **line, size_t *length)
{
    const char *newline = *text < end ? memchr(*text, '\n', (size_t)(end - *text)) : NULL;
    if (newline == NULL)
        return false;
    *line = *text;
    *length = (size_t)(newline - *text);
    *text = newline + 1;
    return true;
}

static bool starts_with(const char *line, size_t length, const cnn_text *prefix)
{
    return length >= prefix->length && memcmp(line, prefix->data, prefix->length) == 0;
}

static const char *skip_first_line(const char *text, size_t length)
{
    size_t n = strlen(FIRST_LINE);
    return text != NULL && length >= n && memcmp(text, FIRST_LINE, n) == 0 ? text + n : NULL;
}

static void read_verdict(const char *s, size_t length, cnn_candidate *c, cnn_arena *arena)
{
    static const char refused[] = "refused\t";
    size_t n = sizeof refused - 1;
    if (length == 2 && memcmp(s, "ok", 2) == 0) {
        c->known = true;
        return;
    }
    if (length <= n || memcmp(s, refused, n) != 0)
        return;
    const char *end = s + length, *reason = s + n;
    const char *tab = memchr(reason, '\t', (size_t)(end - reason));
    if (tab == NULL || tab == reason)
        return;
    c->refusal = unescape(reason, (size_t)(tab - reason), arena);
    c->hint = end > tab + 1 ? unescape(tab + 1, (size_t)(end - tab - 1), arena) : NULL;
    c->known = c->refusal != NULL;
}

void cnn_scan_cache_apply(const char *text, size_t length, const char *host,
                          cnn_candidate *candidates, size_t count, cnn_arena *arena)
{
    const char *first = skip_first_line(text, length), *line;
    size_t n;
    if (first == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        cnn_text key = { 0 };
        const char *p = first;
        add_key(&key, host, &candidates[i]);
        while (!candidates[i].known && next_line(&p, text + length, &line, &n))
            if (starts_with(line, n, &key))
                read_verdict(line + key.length, n - key.length, &candidates[i], arena);
        cnn_text_free(&key);
    }
}

static void add_verdict(cnn_text *out, const char *host, const cnn_candidate *c)
{
    add_key(out, host, c);
    if (c->refusal == NULL) {
        cnn_text_add(out, "ok\n");
        return;
    }
    cnn_text_add(out, "refused\t");
    add_escaped(out, c->refusal);
    cnn_text_add_bytes(out, "\t", 1);
    add_escaped(out, c->hint != NULL ? c->hint : "");
    cnn_text_add_bytes(out, "\n", 1);
}

/* Most lines are of other builds; those of this one are compared with every candidate. */
static bool is_replaced(const char *line, size_t length, const char *host,
                        const cnn_candidate *candidates, size_t count)
{
    cnn_text prefix = { 0 };
    add_escaped(&prefix, host);
    bool found = false, ours = starts_with(line, length, &prefix);
    cnn_text_free(&prefix);
    for (size_t i = 0; ours && i < count && !found; i++) {
        cnn_text subject = { 0 };
        add_subject(&subject, host, &candidates[i]);
        found = starts_with(line, length, &subject);
        cnn_text_free(&subject);
    }
    return found;
}

void cnn_scan_cache_format(const char *old, size_t length, const char *host,
                           const cnn_candidate *candidates, size_t count, cnn_text *out)
{
    size_t lines = 0, n;
    cnn_text_add(out, FIRST_LINE);
    for (size_t i = 0; i < count && lines < MAX_LINES; i++) {
        if (!candidates[i].known || candidates[i].passing)
            continue;
        add_verdict(out, host, &candidates[i]);
        lines++;
    }
    const char *p = skip_first_line(old, length), *line;
    while (p != NULL && lines < MAX_LINES && next_line(&p, old + length, &line, &n)) {
        if (is_replaced(line, n, host, candidates, count))
            continue;
        cnn_text_add_bytes(out, line, n + 1);
        lines++;
    }
}
