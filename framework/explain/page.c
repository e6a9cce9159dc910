/* Numbers, paragraphs and sums. */
#include "explain/page.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"

enum { INDENT = 2, LONG_SUM = 30, SUM_HEAD = 9, SUM_TAIL = 2 };

const char *cnn_digits(double value, char *out)
{
    (void)snprintf(out, CNN_NUMBER_SIZE, "%.6g", value == 0 ? 0 : value);
    return out;
}

const char *cnn_operand(double value, char *out)
{
    (void)snprintf(out, CNN_NUMBER_SIZE, value < 0 ? "(%.6g)" : "%.6g", value == 0 ? 0 : value);
    return out;
}

void cnn_page_add(const cnn_page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vfprintf(page->out, format, args);
    va_end(args);
}

/* Characters of UTF-8 text. */
static size_t length_of(const char *text, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

/* Breaks at single spaces; two in a row belong to the word. */
static void wrap(const cnn_page *page, const char *text)
{
    size_t used = INDENT;
    cnn_page_add(page, "%*s", INDENT, "");
    for (const char *word = text; *word != '\0';) {
        size_t bytes = strcspn(word, " \n"), length = length_of(word, bytes);
        bool first = used == INDENT;
        if (!first && used + 1 + length > CNN_PAGE_WIDTH) {
            cnn_page_add(page, "\n%*s", INDENT + 2, "");
            used = INDENT + 2;
            first = true;
        }
        cnn_page_add(page, "%s%.*s", first ? "" : " ", (int)bytes, word);
        used += length + (first ? 0 : 1);
        word += bytes;
        word += *word != '\0';
    }
    cnn_page_add(page, "\n");
}

CNN_PRINTF(2, 0)
static char *format_text(cnn_arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = cnn_arena_alloc(arena, (size_t)(length > 0 ? length : 0) + 1);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

void cnn_page_text(const cnn_page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    wrap(page, format_text(page->arena, format, args));
    va_end(args);
}

void cnn_page_heading(const cnn_page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = format_text(page->arena, format, args);
    va_end(args);
    cnn_page_add(page, "%s%s%s\n", page->colour ? "\033[1m" : "", text,
                 page->colour ? "\033[0m" : "");
}

/* ---- sums ---- */

static void add_term(cnn_text *out, double term, bool first)
{
    char number[CNN_NUMBER_SIZE];
    const char *sign = first ? (term < 0 ? "-" : "") : term < 0 ? " - " : " + ";
    cnn_text_add(out, "%s%s", sign, cnn_digits(fabs(term), number));
}

static void add_rest(cnn_text *out, const double *terms, int64_t from, int64_t to)
{
    char number[CNN_NUMBER_SIZE];
    double sum = 0;
    for (int64_t i = from; i < to; i++)
        sum += terms[i];
    cnn_text_add(out, " + … (%lld more: %s)", (long long)(to - from), cnn_digits(sum, number));
}

void cnn_page_sum(const cnn_page *page, const char *what, const double *terms, int64_t n)
{
    cnn_text out = { 0 };
    char number[CNN_NUMBER_SIZE];
    double sum = 0;
    int64_t head = n > LONG_SUM && !page->all ? SUM_HEAD : n, tail = n - SUM_TAIL;
    cnn_text_add(&out, "%s", what);
    for (int64_t i = 0; i < n; i++) {
        sum += terms[i];
        if (i < head || i >= tail)
            add_term(&out, terms[i], i == 0);
        else if (i == head)
            add_rest(&out, terms, head, tail);
    }
    cnn_text_add(&out, "%s = %s", n == 0 ? "0" : "", cnn_digits(sum, number));
    wrap(page, cnn_text_get(&out));
    cnn_text_free(&out);
}

void cnn_page_list_sum(const cnn_page *page, const double *terms, int64_t n)
{
    char number[CNN_NUMBER_SIZE];
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += terms[i];
    cnn_page_add(page, "%s", n > 1 ? "\n" : "");
    if (n <= CNN_LONG_LIST && n > 1)
        cnn_page_sum(page, "", terms, n);
    else if (n > 1)
        cnn_page_text(page, "the sum of all %lld: %s", (long long)n, cnn_digits(sum, number));
}
