/* Collects diagnostics and prints them with the source line and a caret:
 *
 *     hw1.yaml:25:31: error: sgd: unknown option 'momentun'
 *        25 |   optimizer: {sgd: {lr: 0.01, momentun: 0.5}}
 *           |                               ^
 *        hint: did you mean 'momentum'?
 *
 * Tabs are repeated in the caret line and wide characters take two blanks there, so the caret
 * stands right on every terminal. A long line is cut to a window around the place. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 100 /* characters of a source line that are shown */
#define LONGEST_WORD 64

CNN_PRINTF(4, 0)
static cnn_diag *add(cnn_diags *diags, cnn_place place, bool warning, const char *format,
                     va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    size_t bytes = length > 0 ? (size_t)length + 1 : 1;
    char *text = cnn_arena_alloc(diags->arena, bytes);
    (void)vsnprintf(text, bytes, format, again);
    va_end(again);

    for (size_t i = 0; i < diags->count; i++) {
        cnn_diag *d = &diags->items[i];
        if (d->warning == warning && d->place.source == place.source &&
            d->place.line == place.line && d->place.column == place.column &&
            strcmp(d->text, text) == 0)
            return d;
    }
    diags->items = cnn_arena_grow(diags->arena, diags->items, diags->count, sizeof *diags->items);
    cnn_diag *d = &diags->items[diags->count++];
    *d = (cnn_diag){ .place = place, .warning = warning, .text = text };
    diags->errors += !warning;
    return d;
}

cnn_diag *cnn_diag_error(cnn_diags *diags, cnn_place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cnn_diag *d = add(diags, place, false, format, args);
    va_end(args);
    return d;
}

cnn_diag *cnn_diag_warning(cnn_diags *diags, cnn_place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cnn_diag *d = add(diags, place, true, format, args);
    va_end(args);
    return d;
}

void cnn_diag_hint(cnn_diags *diags, cnn_diag *diag, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    size_t bytes = length > 0 ? (size_t)length + 1 : 1;
    char *text = cnn_arena_alloc(diags->arena, bytes);
    (void)vsnprintf(text, bytes, format, again);
    va_end(again);
    va_end(args);
    diag->hint = text;
}

/* Text without control characters: what a file holds must not steer the terminal. */
static void put_clean(const char *text, size_t length, FILE *out)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        (void)fputc((c < 0x20 && c != '\t') || c == 0x7f ? '?' : c, out);
    }
}

/* A text of one or more lines, the first behind `first`, the others behind `rest`. */
static void put_lines(const char *text, const char *first, const char *rest, FILE *out)
{
    const char *indent = first;
    do {
        size_t length = strcspn(text, "\n");
        (void)fputs(indent, out);
        put_clean(text, length, out);
        (void)fputc('\n', out);
        text += length;
        text += *text == '\n';
        indent = rest;
    } while (*text != '\0');
}

/* Bytes of the UTF-8 character at p, 1 for anything malformed. */
static size_t character(const char *p, const char *end, uint32_t *code)
{
    unsigned char lead = (unsigned char)*p;
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    *code = n == 1 ? lead : lead & (0x7fu >> n);
    if ((size_t)(end - p) < n)
        return 1;
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80) {
            *code = lead;
            return 1;
        }
        *code = *code << 6 | ((unsigned char)p[i] & 0x3f);
    }
    return n;
}

/* East Asian wide characters and emoji: two columns on a terminal. */
static bool is_wide(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        { 0x1100, 0x115f },   { 0x2e80, 0xa4cf },   { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
        { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f },
        { 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    return false;
}

/* The text of a line, without its end. false: there is no such line. */
static bool find_line(const cnn_source *source, int line, const char **start, const char **end)
{
    const char *p = source->text, *stop = p + source->length;
    for (int i = 1; i < line; i++) {
        p = p < stop ? memchr(p, '\n', (size_t)(stop - p)) : NULL;
        if (p == NULL)
            return false;
        p++;
    }
    const char *newline = p < stop ? memchr(p, '\n', (size_t)(stop - p)) : NULL;
    *start = p;
    *end = newline != NULL ? newline : stop;
    if (*end > p && (*end)[-1] == '\r')
        (*end)--;
    return true;
}

static const char *skip(const char *p, const char *end, int characters)
{
    uint32_t code;
    for (int i = 0; i < characters && p < end; i++)
        p += character(p, end, &code);
    return p;
}

static void put_source(cnn_place place, FILE *out)
{
    const char *start, *end;
    if (place.source->text == NULL || place.line < 1 || place.column < 1 ||
        !find_line(place.source, place.line, &start, &end))
        return;
    const char *caret = skip(start, end, place.column - 1);
    const char *from = start, *to = skip(start, end, WINDOW);
    if (to < end) {
        int first = place.column > WINDOW / 2 ? place.column - WINDOW / 2 : 0;
        from = skip(start, end, first);
        to = skip(from, end, WINDOW);
    }
    (void)fprintf(out, "%5d | %s", place.line, from > start ? "..." : "");
    put_clean(from, (size_t)(to - from), out);
    (void)fprintf(out, "%s\n      | %s", to < end ? "..." : "", from > start ? "   " : "");
    for (const char *p = from; p < caret;) {
        uint32_t code;
        p += character(p, end, &code);
        (void)fputs(code == '\t' ? "\t" : is_wide(code) ? "  " : " ", out);
    }
    (void)fputs("^\n", out);
}

static void put_diag(const cnn_diag *d, FILE *out)
{
    const cnn_place *p = &d->place;
    if (p->source != NULL) {
        (void)fputs(p->source->name, out);
        if (p->line > 0)
            (void)fprintf(out, ":%d:%d", p->line, p->column);
        (void)fputs(": ", out);
    } else {
        (void)fputs("cnnrun: ", out);
    }
    put_lines(d->text, d->warning ? "warning: " : "error: ", "   ", out);
    if (p->source != NULL)
        put_source(*p, out);
    if (d->hint != NULL && d->hint[0] != '\0')
        put_lines(d->hint, "   hint: ", "         ", out);
    if (d->trail != NULL && d->trail[0] != '\0')
        put_lines(d->trail, "   ", "   ", out);
}

void cnn_diags_print(const cnn_diags *diags, FILE *out)
{
    for (size_t i = 0; i < diags->count; i++)
        put_diag(&diags->items[i], out);
}

/* Letters count as equal in either case, and so do '-' and '_': who knows ReLU finds relu. */
static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein (optimal string alignment): inserted, deleted, replaced and swapped letters.
 * Three rows of the table are enough. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t rows[3][LONGEST_WORD + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t replace = above[j - 1] + (fold(a[i - 1]) != fold(b[j - 1]));
            row[j] = least(replace, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

const char *cnn_did_you_mean(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t n = strlen(word), best_distance = LONGEST_WORD;
    if (n == 0 || n > LONGEST_WORD)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t m = strlen(words[i]);
        if (m == 0 || m > LONGEST_WORD)
            continue;
        size_t d = distance(word, n, words[i], m);
        if (d <= (n > m ? n : m) / 3 && d < best_distance) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
