/* Lists: a label and some numbers on each line. */
#include <math.h>
#include <string.h>

#include "explain/page_number.h"

enum { INDENT = 2, LIST_HEAD = 7, LIST_TAIL = 2, MAX_COLUMNS = 8, LIST_DIGITS = 5 };

/* ---- formats ---- */

/* Decimals, at most `most`, that show every number exactly; else `most`. */
static int exact_decimals(const double *numbers, int64_t n, int64_t stride, int most)
{
    for (int d = 0; d < most; d++) {
        double unit = pow(10, d);
        int64_t i = 0;
        while (i < n && fabs(round(numbers[i * stride] * unit) / unit - numbers[i * stride]) <=
                            1e-7 * fabs(numbers[i * stride]))
            i++;
        if (i == n)
            return d;
    }
    return most;
}

/* Some digits of the largest number; an exponent where that would be long or say nothing. */
cnn_number_format cnn_number_format_of(const double *numbers, int64_t n, int64_t stride, int digits)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(numbers[i * stride]))
            largest = fmax(largest, fabs(numbers[i * stride]));
    int before = largest >= 1 ? (int)floor(log10(largest)) + 1 : 1;
    if (largest >= 1e7 || (largest > 0 && largest < 1e-3))
        return (cnn_number_format){ -1 };
    int most = before < digits ? digits - before : 0;
    return (cnn_number_format){ exact_decimals(numbers, n, stride, most) };
}

void cnn_number_write(cnn_number_format format, double value, char *out)
{
    int decimals = format.decimals < 0 ? 0 : format.decimals;
    if (format.decimals < 0 && value != 0)
        (void)snprintf(out, CNN_NUMBER_SIZE, "%.2e", value);
    else
        (void)snprintf(out, CNN_NUMBER_SIZE, "%.*f", decimals, value);
    if (out[0] == '-' && strspn(out, "-0.") == strlen(out))
        memmove(out, out + 1, strlen(out)); /* -0 */
}

/* ---- lists ---- */

typedef struct layout {
    cnn_number_format format[MAX_COLUMNS];
    int width[MAX_COLUMNS];
    int label;
    int64_t head, tail; /* lines before `head` and from `tail` on are shown */
} layout;

static bool is_shown(const cnn_list *list, const layout *l, int64_t line)
{
    return line < l->head || line >= l->tail || line == list->chosen;
}

static layout lay_out(const cnn_page *page, const cnn_list *list)
{
    char text[CNN_LABEL_SIZE];
    bool whole = page->all || list->count <= CNN_LONG_LIST;
    layout l = { .head = whole ? list->count : LIST_HEAD, .tail = list->count - LIST_TAIL };
    for (uint32_t c = 0; c < list->columns; c++) {
        l.format[c] =
            cnn_number_format_of(list->numbers + c, list->count, list->columns, LIST_DIGITS);
        l.width[c] = (int)strlen(list->titles[c]);
    }
    for (int64_t i = 0; i < list->count; i++) {
        if (!is_shown(list, &l, i))
            continue;
        list->label(list->context, i, text, sizeof text);
        l.label = (int)strlen(text) > l.label ? (int)strlen(text) : l.label;
        for (uint32_t c = 0; c < list->columns; c++) {
            cnn_number_write(l.format[c], list->numbers[i * list->columns + c], text);
            l.width[c] = (int)strlen(text) > l.width[c] ? (int)strlen(text) : l.width[c];
        }
    }
    return l;
}

static void print_line(const cnn_page *page, const cnn_list *list, const layout *l, int64_t line)
{
    char text[CNN_LABEL_SIZE];
    bool chosen = line == list->chosen;
    list->label(list->context, line, text, sizeof text);
    cnn_page_add(page, "%s%*s%-*s", chosen && page->colour ? "\033[1;31m" : "", INDENT, "",
                 l->label, text);
    for (uint32_t c = 0; c < list->columns; c++) {
        cnn_number_write(l->format[c], list->numbers[line * list->columns + c], text);
        cnn_page_add(page, "   %*s", l->width[c], text);
    }
    cnn_page_add(page, "%s%s\n", chosen ? "  <-" : "", chosen && page->colour ? "\033[0m" : "");
}

/* The lines [line, end) are left out. */
static void print_gap(const cnn_page *page, const cnn_list *list, int64_t line, int64_t end)
{
    char number[CNN_NUMBER_SIZE];
    double sum = 0;
    for (int64_t i = line; i < end; i++)
        sum += list->numbers[i * list->columns + list->columns - 1];
    cnn_page_add(page, "%*s… %lld more", INDENT, "", (long long)(end - line));
    if (list->summed)
        cnn_page_add(page, ", together %s", cnn_digits(sum, number));
    cnn_page_add(page, "\n");
}

void cnn_page_list(const cnn_page *page, const cnn_list *list)
{
    layout l = lay_out(page, list);
    cnn_page_add(page, "%*s", INDENT + l.label, "");
    for (uint32_t c = 0; c < list->columns; c++)
        cnn_page_add(page, "   %*s", l.width[c], list->titles[c]);
    cnn_page_add(page, "\n");
    for (int64_t i = 0; i < list->count;) {
        int64_t end = i;
        while (end < list->count && !is_shown(list, &l, end))
            end++;
        if (end > i)
            print_gap(page, list, i, end);
        else
            print_line(page, list, &l, i);
        i = end > i ? end : i + 1;
    }
}
