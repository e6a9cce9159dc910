/* Elementwise formulas: with names, then with numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "explain/lesson.h"
#include "expr.h"

enum { LETTERS = 26 };

/* "a", "b", ...; "x" if it is the only one. */
static const char *letter_of(const cnn_lesson *lesson, uint32_t i, uint32_t n)
{
    if (n == 1)
        return "x";
    if (i < LETTERS)
        return cnn_arena_printf(lesson->page.arena, "%c", (int)('a' + i));
    return cnn_arena_printf(lesson->page.arena, "a%u", i);
}

/* The formula with constants of six digits. */
static cnn_expr rounded(const cnn_lesson *lesson, const cnn_expr *expr)
{
    cnn_term *terms = cnn_arena_copy(lesson->page.arena, expr->terms, expr->count * sizeof *terms);
    char number[CNN_NUMBER_SIZE];
    for (uint32_t t = 0; t < expr->count; t++)
        if (terms[t].op == CNN_TERM_CONST)
            terms[t].k = strtod(cnn_digits(terms[t].k, number), NULL);
    return (cnn_expr){ expr->count, terms };
}

/* "tanh((-3))" as "tanh(-3)": negative numbers bring parentheses of their own. */
static char *without_doubles(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0';) {
        size_t length = strncmp(from, "((-", 3) == 0 ? 2 + strspn(from + 2, "-+.e0123456789") : 0;
        if (length > 0 && strncmp(from + length, "))", 2) == 0) {
            memmove(to, from + 1, length);
            to += length;
            from += length + 2;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return text;
}

static void print_formula(const cnn_lesson *lesson, const cnn_expr *expr, const char *const *names,
                          const char *after)
{
    const cnn_expr shown = rounded(lesson, expr);
    cnn_text text = { 0 };
    cnn_expr_print(&shown, names, &text);
    cnn_page_text(&lesson->page, "%s%s",
                  without_doubles(cnn_arena_string(lesson->page.arena, cnn_text_get(&text))),
                  after);
    cnn_text_free(&text);
}

static void tell_words(const cnn_lesson *lesson, const cnn_expr *expr)
{
    static const struct {
        uint32_t op;
        const char *says;
    } words[] = {
        { CNN_TERM_SELECT, "select(c, p, q) is p where c holds, else q." },
        { CNN_TERM_RSQRT, "rsqrt(v) is 1 / sqrt(v)." },
        { CNN_TERM_SIGMOID, "sigmoid(v) is 1 / (1 + exp(-v))." },
        { CNN_TERM_ERF, "erf is the error function." },
    };
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
        for (uint32_t t = 0; t < expr->count; t++)
            if (expr->terms[t].op == words[w].op) {
                cnn_page_text(&lesson->page, "%s", words[w].says);
                break;
            }
}

/* The largest number on the way: rounding is relative to it. */
static double scale_of(const cnn_expr *expr, const double *scratch)
{
    double scale = 0;
    for (uint32_t t = 0; t < expr->count; t++)
        if (isfinite(scratch[t]))
            scale = fmax(scale, fabs(scratch[t]));
    return scale;
}

cnn_worked cnn_work_map(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_expr *expr = &((const cnn_map_attrs *)node->attrs)->expr;
    cnn_arena *arena = lesson->page.arena;
    double *inputs = CNN_NEW_ARRAY(arena, double, node->n_in);
    double *scratch = CNN_NEW_ARRAY(arena, double, expr->count);
    const char **letters = CNN_NEW_ARRAY(arena, const char *, node->n_in);
    const char **numbers = CNN_NEW_ARRAY(arena, const char *, node->n_in);
    char name[CNN_SPOT_SIZE], number[CNN_NUMBER_SIZE];
    for (uint32_t i = 0; i < node->n_in; i++) {
        const cnn_spot in = cnn_lesson_broadcast(lesson, node->in[i], spot);
        inputs[i] = cnn_lesson_read(lesson, &in);
        letters[i] = letter_of(lesson, i, node->n_in);
        numbers[i] = cnn_arena_string(arena, cnn_operand(inputs[i], number));
    }
    double value = cnn_expr_eval(expr, inputs, scratch);
    print_formula(lesson, expr, letters, "");
    for (uint32_t i = 0; i < node->n_in; i++) {
        const cnn_spot in = cnn_lesson_broadcast(lesson, node->in[i], spot);
        cnn_page_add(&lesson->page, "    %s = %-12s %s\n", letters[i],
                     cnn_digits(inputs[i], number), cnn_spot_name(lesson, &in, name));
    }
    tell_words(lesson, expr);
    print_formula(lesson, expr, numbers,
                  cnn_arena_printf(arena, " = %s", cnn_digits(value, number)));
    return (cnn_worked){ value, scale_of(expr, scratch) };
}
