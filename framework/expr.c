/* Building expressions. Each new term passes through the identities of its op, constant folding and
 * a search for an equal term, so that whatever is built is simple and shares what it can.
 *
 * The identities keep every finite result up to the sign of a zero. Those that drop an operand
 * (x*0, 0/x, x-x) turn what would be inf or NaN into a number: derivatives are full of such terms,
 * and for them that is what is wanted. */
#include "expr.h"

#include <math.h>
#include <stdbool.h>

typedef cnn_expr_builder builder;

static bool is_const(const builder *e, int32_t t)
{
    return e->terms[t].op == CNN_TERM_CONST;
}

static bool equals(const builder *e, int32_t t, double k)
{
    return is_const(e, t) && e->terms[t].k == k;
}

static bool is_op(const builder *e, int32_t t, uint32_t op)
{
    return e->terms[t].op == op;
}

/* Bits, not values: 0 and -0 differ. */
static bool same_number(double a, double b)
{
    return a == b && signbit(a) == signbit(b);
}

static bool commutes(uint32_t op)
{
    return op == CNN_TERM_ADD || op == CNN_TERM_MUL || op == CNN_TERM_EQ;
}

static int32_t find(const builder *e, const cnn_term *t)
{
    for (uint32_t i = 0; i < e->count; i++) {
        const cnn_term *u = &e->terms[i];
        if (u->op != t->op || u->c != t->c || (t->op == CNN_TERM_CONST && !same_number(u->k, t->k)))
            continue;
        if ((u->a == t->a && u->b == t->b) || (commutes(t->op) && u->a == t->b && u->b == t->a))
            return (int32_t)i;
    }
    return -1;
}

/* The term itself, or one that is equal. */
static int32_t share(builder *e, uint32_t op, int32_t a, int32_t b, int32_t c, double k)
{
    cnn_term t = { .op = op, .a = a, .b = b, .c = c, .k = k };
    int32_t found = find(e, &t);
    if (found >= 0)
        return found;
    e->terms = cnn_arena_grow(e->arena, e->terms, e->count, sizeof *e->terms);
    e->terms[e->count] = t;
    return (int32_t)e->count++;
}

int32_t cnn_expr_input(builder *e, int32_t input)
{
    return share(e, CNN_TERM_INPUT, input, -1, -1, 0.0);
}

int32_t cnn_expr_const(builder *e, double k)
{
    return share(e, CNN_TERM_CONST, -1, -1, -1, k);
}

static int32_t unary(builder *e, uint32_t op, int32_t a)
{
    return cnn_expr_term(e, op, a, -1, -1);
}

static int32_t binary(builder *e, uint32_t op, int32_t a, int32_t b)
{
    return cnn_expr_term(e, op, a, b, -1);
}

/* ---- identities: the term that stands for the result, or -1 */

static int32_t simplify_neg(builder *e, int32_t a)
{
    const cnn_term t = e->terms[a];
    if (t.op == CNN_TERM_NEG)
        return t.a;
    return t.op == CNN_TERM_SUB ? binary(e, CNN_TERM_SUB, t.b, t.a) : -1;
}

static int32_t simplify_abs(builder *e, int32_t a)
{
    const cnn_term t = e->terms[a];
    if (t.op == CNN_TERM_ABS)
        return a;
    return t.op == CNN_TERM_NEG ? unary(e, CNN_TERM_ABS, t.a) : -1;
}

/* Constants stand on the right, and a sum with a negative one is a difference. */
static int32_t simplify_add(builder *e, int32_t a, int32_t b)
{
    if (is_const(e, a))
        return binary(e, CNN_TERM_ADD, b, a);
    if (equals(e, b, 0.0))
        return a;
    if (is_const(e, b) && e->terms[b].k < 0.0)
        return binary(e, CNN_TERM_SUB, a, cnn_expr_const(e, -e->terms[b].k));
    if (is_op(e, b, CNN_TERM_NEG))
        return binary(e, CNN_TERM_SUB, a, e->terms[b].a);
    return is_op(e, a, CNN_TERM_NEG) ? binary(e, CNN_TERM_SUB, b, e->terms[a].a) : -1;
}

static int32_t simplify_sub(builder *e, int32_t a, int32_t b)
{
    if (a == b)
        return cnn_expr_const(e, 0.0);
    if (equals(e, b, 0.0))
        return a;
    if (equals(e, a, 0.0))
        return unary(e, CNN_TERM_NEG, b);
    if (is_const(e, b) && e->terms[b].k < 0.0)
        return binary(e, CNN_TERM_ADD, a, cnn_expr_const(e, -e->terms[b].k));
    return is_op(e, b, CNN_TERM_NEG) ? binary(e, CNN_TERM_ADD, a, e->terms[b].a) : -1;
}

/* Constants stand on the left. */
static int32_t simplify_mul(builder *e, int32_t a, int32_t b)
{
    if (is_const(e, b) && !is_const(e, a))
        return binary(e, CNN_TERM_MUL, b, a);
    if (equals(e, a, 0.0))
        return a;
    if (equals(e, a, 1.0))
        return b;
    if (equals(e, a, -1.0))
        return unary(e, CNN_TERM_NEG, b);
    if (is_op(e, b, CNN_TERM_NEG)) {
        if (is_const(e, a))
            return binary(e, CNN_TERM_MUL, cnn_expr_const(e, -e->terms[a].k), e->terms[b].a);
        if (is_op(e, a, CNN_TERM_NEG))
            return binary(e, CNN_TERM_MUL, e->terms[a].a, e->terms[b].a);
    }
    return -1;
}

static int32_t simplify_div(builder *e, int32_t a, int32_t b)
{
    if (equals(e, b, 1.0) || equals(e, a, 0.0))
        return a;
    return equals(e, b, -1.0) ? unary(e, CNN_TERM_NEG, a) : -1;
}

static int32_t simplify_pow(builder *e, int32_t a, int32_t b)
{
    if (equals(e, b, 1.0) || equals(e, a, 1.0))
        return a;
    if (equals(e, b, 0.0))
        return cnn_expr_const(e, 1.0);
    if (equals(e, b, 2.0))
        return binary(e, CNN_TERM_MUL, a, a);
    if (equals(e, b, 0.5))
        return unary(e, CNN_TERM_SQRT, a);
    return equals(e, b, -1.0) ? binary(e, CNN_TERM_DIV, cnn_expr_const(e, 1.0), a) : -1;
}

static int32_t simplify_select(const builder *e, int32_t a, int32_t b, int32_t c)
{
    if (b == c)
        return b;
    if (!is_const(e, a))
        return -1;
    return e->terms[a].k != 0.0 ? b : c;
}

static int32_t simplify(builder *e, uint32_t op, int32_t a, int32_t b, int32_t c)
{
    switch (op) {
    case CNN_TERM_NEG:
        return simplify_neg(e, a);
    case CNN_TERM_ABS:
        return simplify_abs(e, a);
    case CNN_TERM_ADD:
        return simplify_add(e, a, b);
    case CNN_TERM_SUB:
        return simplify_sub(e, a, b);
    case CNN_TERM_MUL:
        return simplify_mul(e, a, b);
    case CNN_TERM_DIV:
        return simplify_div(e, a, b);
    case CNN_TERM_POW:
        return simplify_pow(e, a, b);
    case CNN_TERM_MIN:
    case CNN_TERM_MAX:
        return a == b ? a : -1;
    case CNN_TERM_SELECT:
        return simplify_select(e, a, b, c);
    default:
        return -1;
    }
}

/* The constant that an op of constants gives; -1 if it is none or not finite: such a result keeps
 * its cause in view, and shader languages cannot write it. */
static int32_t fold(builder *e, uint32_t op, const int32_t operands[3])
{
    cnn_term terms[4];
    double scratch[4];
    int arity = cnn_term_arity(op);
    for (int i = 0; i < arity; i++) {
        if (!is_const(e, operands[i]))
            return -1;
        terms[i] = e->terms[operands[i]];
    }
    terms[arity] = (cnn_term){ .op = op, .a = 0, .b = 1, .c = 2 };
    const cnn_expr expr = { (uint32_t)arity + 1, terms };
    double k = cnn_expr_eval(&expr, NULL, scratch);
    return isfinite(k) ? cnn_expr_const(e, k) : -1;
}

int32_t cnn_expr_term(builder *e, uint32_t op, int32_t a, int32_t b, int32_t c)
{
    const int32_t operands[3] = { a, b, c };
    int32_t t = fold(e, op, operands);
    bool constants = t < 0;
    for (int i = 0; i < cnn_term_arity(op); i++)
        constants = constants && is_const(e, operands[i]);
    if (t < 0 && !constants)
        t = simplify(e, op, a, b, c);
    return t >= 0 ? t : share(e, op, a, b, c, 0.0);
}

int32_t cnn_expr_inline(builder *e, const cnn_expr *from, const int32_t *inputs)
{
    int32_t *at = CNN_NEW_ARRAY(e->arena, int32_t, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        const cnn_term *t = &from->terms[i];
        int arity = cnn_term_arity(t->op);
        if (t->op == CNN_TERM_INPUT)
            at[i] = inputs[t->a];
        else if (t->op == CNN_TERM_CONST)
            at[i] = cnn_expr_const(e, t->k);
        else
            at[i] = cnn_expr_term(e, t->op, at[t->a], arity > 1 ? at[t->b] : -1,
                                  arity > 2 ? at[t->c] : -1);
    }
    return at[from->count - 1];
}

cnn_expr cnn_expr_finish(builder *e, int32_t result)
{
    int32_t *at = CNN_NEW_ARRAY(e->arena, int32_t, result + 1);
    cnn_term *terms = CNN_NEW_ARRAY(e->arena, cnn_term, result + 1);
    at[result] = 1; /* 1: used; below, the new place */
    for (int32_t i = result; i >= 0; i--) {
        const int32_t operands[3] = { e->terms[i].a, e->terms[i].b, e->terms[i].c };
        for (int k = 0; at[i] != 0 && k < cnn_term_arity(e->terms[i].op); k++)
            at[operands[k]] = 1;
    }
    uint32_t count = 0;
    for (int32_t i = 0; i <= result; i++) {
        if (at[i] == 0)
            continue;
        cnn_term t = e->terms[i];
        int arity = cnn_term_arity(t.op);
        t.a = arity > 0 ? at[t.a] : t.a;
        t.b = arity > 1 ? at[t.b] : t.b;
        t.c = arity > 2 ? at[t.c] : t.c;
        at[i] = (int32_t)count;
        terms[count++] = t;
    }
    return (cnn_expr){ count, terms };
}

uint32_t cnn_expr_compact(cnn_arena *arena, cnn_expr *expr, int32_t *in, uint32_t n_in)
{
    int32_t *number = CNN_NEW_ARRAY(arena, int32_t, n_in);
    cnn_term *terms = cnn_arena_copy(arena, expr->terms, expr->count * sizeof *terms);
    uint32_t kept = 0;
    for (uint32_t t = 0; t < expr->count; t++)
        if (terms[t].op == CNN_TERM_INPUT)
            number[terms[t].a] = 1;
    for (uint32_t i = 0; i < n_in; i++)
        if (number[i] == 1) {
            number[i] = (int32_t)kept;
            in[kept++] = in[i];
        }
    for (uint32_t t = 0; t < expr->count; t++)
        if (terms[t].op == CNN_TERM_INPUT)
            terms[t].a = number[terms[t].a];
    expr->terms = terms;
    return kept;
}
