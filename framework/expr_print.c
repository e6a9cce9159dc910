/* Expressions as people write them: infix, no parentheses but those that change the meaning. Terms
 * that are used more than once are named first: "t0 = tanh(x0); x1*(1 - t0*t0)". */
#include "expr.h"

#include <stdbool.h>
#include <stdlib.h>

typedef enum level { COMPARE = 1, SUM, PRODUCT, SIGN, CALL } level;

typedef struct notation {
    const char *text; /* the function's name, or what stands between the operands */
    level level;
} notation;

static const notation notations[CNN_TERM_OP_COUNT] = {
    [CNN_TERM_NEG] = { "-", SIGN },      [CNN_TERM_ABS] = { "abs", CALL },
    [CNN_TERM_SIGN] = { "sign", CALL },  [CNN_TERM_FLOOR] = { "floor", CALL },
    [CNN_TERM_EXP] = { "exp", CALL },    [CNN_TERM_EXPM1] = { "expm1", CALL },
    [CNN_TERM_LOG] = { "log", CALL },    [CNN_TERM_LOG1P] = { "log1p", CALL },
    [CNN_TERM_SQRT] = { "sqrt", CALL },  [CNN_TERM_RSQRT] = { "rsqrt", CALL },
    [CNN_TERM_SIN] = { "sin", CALL },    [CNN_TERM_COS] = { "cos", CALL },
    [CNN_TERM_TANH] = { "tanh", CALL },  [CNN_TERM_SIGMOID] = { "sigmoid", CALL },
    [CNN_TERM_ERF] = { "erf", CALL },    [CNN_TERM_ADD] = { " + ", SUM },
    [CNN_TERM_SUB] = { " - ", SUM },     [CNN_TERM_MUL] = { "*", PRODUCT },
    [CNN_TERM_DIV] = { "/", PRODUCT },   [CNN_TERM_POW] = { "pow", CALL },
    [CNN_TERM_MIN] = { "min", CALL },    [CNN_TERM_MAX] = { "max", CALL },
    [CNN_TERM_LT] = { " < ", COMPARE },  [CNN_TERM_LE] = { " <= ", COMPARE },
    [CNN_TERM_EQ] = { " == ", COMPARE }, [CNN_TERM_SELECT] = { "select", CALL },
};

typedef struct printer {
    const cnn_expr *expr;
    const char *const *names;
    const int32_t *named; /* number of the term's name, or -1 */
    cnn_text *out;
} printer;

static void print_term(const printer *p, int32_t t, level around);

/* As few digits as give the same number back. */
static void print_number(double k, level around, cnn_text *out)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, k);
        if (strtod(text, NULL) == k)
            break;
    }
    cnn_text_add(out, text[0] == '-' && around > SIGN ? "(%s)" : "%s", text);
}

static void print_call(const printer *p, const cnn_term *t)
{
    const int32_t operands[3] = { t->a, t->b, t->c };
    cnn_text_add(p->out, "%s(", notations[t->op].text);
    for (int i = 0; i < cnn_term_arity(t->op); i++) {
        cnn_text_add(p->out, "%s", i > 0 ? ", " : "");
        print_term(p, operands[i], 0);
    }
    cnn_text_add(p->out, ")");
}

/* Left to right: a - b - c is (a - b) - c, so a right operand of the same level keeps its
 * parentheses; comparisons do not chain. */
static void print_operator(const printer *p, const cnn_term *t, level around)
{
    const notation *n = &notations[t->op];
    bool inner = n->level < around;
    cnn_text_add(p->out, "%s", inner ? "(" : "");
    if (n->level != SIGN)
        print_term(p, t->a, n->level == COMPARE ? SUM : n->level);
    cnn_text_add(p->out, "%s", n->text);
    print_term(p, n->level == SIGN ? t->a : t->b, n->level + 1);
    cnn_text_add(p->out, "%s", inner ? ")" : "");
}

static void print_whole(const printer *p, int32_t at, level around)
{
    const cnn_term *t = &p->expr->terms[at];
    if (t->op == CNN_TERM_INPUT && p->names != NULL)
        cnn_text_add(p->out, "%s", p->names[t->a]);
    else if (t->op == CNN_TERM_INPUT)
        cnn_text_add(p->out, "x%d", t->a);
    else if (t->op == CNN_TERM_CONST)
        print_number(t->k, around, p->out);
    else if (notations[t->op].level == CALL)
        print_call(p, t);
    else
        print_operator(p, t, around);
}

static void print_term(const printer *p, int32_t t, level around)
{
    if (p->named[t] >= 0)
        cnn_text_add(p->out, "t%d", p->named[t]);
    else
        print_whole(p, t, around);
}

/* Numbers the terms with operands that are used more than once. */
static void number_shared(const cnn_expr *expr, int32_t *named)
{
    for (uint32_t i = 0; i < expr->count; i++) {
        const cnn_term *t = &expr->terms[i];
        const int32_t operands[3] = { t->a, t->b, t->c };
        for (int k = 0; k < cnn_term_arity(t->op); k++)
            named[operands[k]]++;
    }
    int32_t n = 0;
    for (uint32_t i = 0; i < expr->count; i++)
        named[i] = named[i] > 1 && cnn_term_arity(expr->terms[i].op) > 0 ? n++ : -1;
}

void cnn_expr_print(const cnn_expr *expr, const char *const *names, cnn_text *out)
{
    if (expr->count == 0)
        return;
    int32_t *named = calloc(expr->count, sizeof *named);
    if (named == NULL)
        cnn_out_of_memory(expr->count * sizeof *named);
    number_shared(expr, named);
    const printer p = { expr, names, named, out };
    for (uint32_t i = 0; i < expr->count; i++) {
        if (named[i] < 0)
            continue;
        cnn_text_add(out, "t%d = ", named[i]);
        print_whole(&p, (int32_t)i, 0);
        cnn_text_add(out, "; ");
    }
    print_term(&p, (int32_t)expr->count - 1, 0);
    free(named);
}
