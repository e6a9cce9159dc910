/* Symbolic differentiation in reverse mode: one sweep from the result back to the input, on the
 * terms of the expression itself. With t = f(a, b) and g = d result / d t, each op adds its
 * d t / d a * g to a's share and so on. Formulas reuse t wherever that is the stable form, e.g.
 * sigmoid' = t (1 - t); where t is the result, which is there already, it is read, not computed. */
#include "expr.h"

#include <stdbool.h>

#define TWO_OVER_SQRT_PI 1.12837916709551257390

typedef struct sweep {
    cnn_expr_builder e;
    const bool *needs; /* does the term depend on the input? */
    int32_t *share;    /* d result / d term, or -1 while nothing has arrived */
    int32_t result;    /* the term that is the result, and the input that holds its value */
    int32_t given;
} sweep;

static int32_t neg(sweep *s, int32_t a)
{
    return cnn_expr_term(&s->e, CNN_TERM_NEG, a, -1, -1);
}

static int32_t call(sweep *s, uint32_t op, int32_t a)
{
    return cnn_expr_term(&s->e, op, a, -1, -1);
}

static int32_t add(sweep *s, int32_t a, int32_t b)
{
    return cnn_expr_term(&s->e, CNN_TERM_ADD, a, b, -1);
}

static int32_t sub(sweep *s, int32_t a, int32_t b)
{
    return cnn_expr_term(&s->e, CNN_TERM_SUB, a, b, -1);
}

static int32_t mul(sweep *s, int32_t a, int32_t b)
{
    return cnn_expr_term(&s->e, CNN_TERM_MUL, a, b, -1);
}

static int32_t divide(sweep *s, int32_t a, int32_t b)
{
    return cnn_expr_term(&s->e, CNN_TERM_DIV, a, b, -1);
}

static int32_t select(sweep *s, int32_t condition, int32_t a, int32_t b)
{
    return cnn_expr_term(&s->e, CNN_TERM_SELECT, condition, a, b);
}

static int32_t number(sweep *s, double k)
{
    return cnn_expr_const(&s->e, k);
}

static void give(sweep *s, int32_t to, int32_t gradient)
{
    s->share[to] = s->share[to] < 0 ? gradient : add(s, s->share[to], gradient);
}

static void give_unary(sweep *s, uint32_t op, int32_t t, int32_t a, int32_t g)
{
    switch (op) {
    case CNN_TERM_NEG:
        give(s, a, neg(s, g));
        break;
    case CNN_TERM_ABS:
        give(s, a, mul(s, g, call(s, CNN_TERM_SIGN, a)));
        break;
    case CNN_TERM_EXP:
        give(s, a, mul(s, g, t));
        break;
    case CNN_TERM_EXPM1:
        give(s, a, mul(s, g, add(s, t, number(s, 1))));
        break;
    case CNN_TERM_LOG:
        give(s, a, divide(s, g, a));
        break;
    case CNN_TERM_LOG1P:
        give(s, a, divide(s, g, add(s, a, number(s, 1))));
        break;
    case CNN_TERM_SQRT:
        give(s, a, divide(s, mul(s, g, number(s, 0.5)), t));
        break;
    case CNN_TERM_RSQRT:
        give(s, a, mul(s, mul(s, g, number(s, -0.5)), mul(s, t, mul(s, t, t))));
        break;
    case CNN_TERM_SIN:
        give(s, a, mul(s, g, call(s, CNN_TERM_COS, a)));
        break;
    case CNN_TERM_COS:
        give(s, a, neg(s, mul(s, g, call(s, CNN_TERM_SIN, a))));
        break;
    case CNN_TERM_TANH:
        give(s, a, mul(s, g, sub(s, number(s, 1), mul(s, t, t))));
        break;
    case CNN_TERM_SIGMOID:
        give(s, a, mul(s, g, mul(s, t, sub(s, number(s, 1), t))));
        break;
    case CNN_TERM_ERF:
        give(s, a,
             mul(s, g,
                 mul(s, number(s, TWO_OVER_SQRT_PI), call(s, CNN_TERM_EXP, neg(s, mul(s, a, a))))));
        break;
    default: /* sign, floor: 0 almost everywhere */
        break;
    }
}

/* b a^(b-1), and a^b log a. Both are 0 where the factor before an infinite one is: for b = 0 and
 * for a = 0, as PyTorch has it. */
static void give_pow(sweep *s, int32_t t, int32_t a, int32_t b, int32_t g)
{
    int32_t zero = number(s, 0);
    if (s->needs[a]) {
        int32_t power = cnn_expr_term(&s->e, CNN_TERM_POW, a, sub(s, b, number(s, 1)), -1);
        int32_t none = cnn_expr_term(&s->e, CNN_TERM_EQ, b, zero, -1);
        give(s, a, select(s, none, zero, mul(s, g, mul(s, b, power))));
    }
    if (s->needs[b]) {
        int32_t none = cnn_expr_term(&s->e, CNN_TERM_EQ, a, zero, -1);
        int32_t slope = mul(s, t, call(s, CNN_TERM_LOG, a));
        give(s, b, select(s, none, zero, mul(s, g, slope)));
    }
}

/* The gradient of a choice goes the way the value came. */
static void give_choice(sweep *s, int32_t condition, int32_t a, int32_t b, int32_t g)
{
    int32_t zero = number(s, 0);
    if (s->needs[a])
        give(s, a, select(s, condition, g, zero));
    if (s->needs[b])
        give(s, b, select(s, condition, zero, g));
}

static bool is_zero(const sweep *s, int32_t term)
{
    return s->e.terms[term].op == CNN_TERM_CONST && s->e.terms[term].k == 0;
}

/* y = u <= 0 ? 0 : u, the rectifier: u <= 0 exactly where y <= 0, NaN included, so that u need not
 * be kept or computed again. */
static int32_t condition_of(sweep *s, int32_t t)
{
    const cnn_term select = s->e.terms[t], le = s->e.terms[select.a];
    bool rectifies =
        le.op == CNN_TERM_LE && le.a == select.c && is_zero(s, le.b) && is_zero(s, select.b);
    return t == s->result && rectifies ? cnn_expr_term(&s->e, CNN_TERM_LE, s->given, le.b, -1)
                                       : select.a;
}

static void give_product(sweep *s, int32_t a, int32_t b, int32_t g)
{
    if (s->needs[a])
        give(s, a, mul(s, g, b));
    if (s->needs[b])
        give(s, b, mul(s, g, a));
}

static void give_quotient(sweep *s, int32_t t, int32_t a, int32_t b, int32_t g)
{
    int32_t slope = divide(s, g, b);
    if (s->needs[a])
        give(s, a, slope);
    if (s->needs[b])
        give(s, b, neg(s, mul(s, slope, t)));
}

static void give_sum(sweep *s, uint32_t op, int32_t a, int32_t b, int32_t g)
{
    if (s->needs[a])
        give(s, a, g);
    if (s->needs[b])
        give(s, b, op == CNN_TERM_SUB ? neg(s, g) : g);
}

static void give_operands(sweep *s, int32_t t, int32_t g)
{
    const cnn_term u = s->e.terms[t];
    const int32_t value = t == s->result ? s->given : t;
    switch (u.op) {
    case CNN_TERM_INPUT:
    case CNN_TERM_CONST:
    case CNN_TERM_LT:
    case CNN_TERM_LE:
    case CNN_TERM_EQ:
        break;
    case CNN_TERM_ADD:
    case CNN_TERM_SUB:
        give_sum(s, u.op, u.a, u.b, g);
        break;
    case CNN_TERM_MUL:
        give_product(s, u.a, u.b, g);
        break;
    case CNN_TERM_DIV:
        give_quotient(s, value, u.a, u.b, g);
        break;
    case CNN_TERM_POW:
        give_pow(s, value, u.a, u.b, g);
        break;
    case CNN_TERM_MIN:
        give_choice(s, cnn_expr_term(&s->e, CNN_TERM_LT, u.a, u.b, -1), u.a, u.b, g);
        break;
    case CNN_TERM_MAX:
        give_choice(s, cnn_expr_term(&s->e, CNN_TERM_LT, u.b, u.a, -1), u.a, u.b, g);
        break;
    case CNN_TERM_SELECT:
        give_choice(s, condition_of(s, t), u.b, u.c, g);
        break;
    default:
        give_unary(s, u.op, value, u.a, g);
        break;
    }
}

static const bool *dependent(const cnn_expr_builder *e, int32_t result, int32_t input)
{
    bool *needs = CNN_NEW_ARRAY(e->arena, bool, result + 1);
    for (int32_t i = 0; i <= result; i++) {
        const cnn_term *t = &e->terms[i];
        int arity = cnn_term_arity(t->op);
        needs[i] = i == input || (arity > 0 && needs[t->a]) || (arity > 1 && needs[t->b]) ||
                   (arity > 2 && needs[t->c]);
    }
    return needs;
}

cnn_expr cnn_expr_derivative(cnn_arena *arena, const cnn_expr *expr, uint32_t n_inputs,
                             uint32_t wrt)
{
    sweep s = { .e = { .arena = arena } };
    int32_t *inputs = CNN_NEW_ARRAY(arena, int32_t, n_inputs);
    for (uint32_t i = 0; i < n_inputs; i++)
        inputs[i] = cnn_expr_input(&s.e, (int32_t)i);
    int32_t incoming = cnn_expr_input(&s.e, (int32_t)n_inputs);
    s.given = cnn_expr_input(&s.e, (int32_t)n_inputs + 1);
    int32_t result = cnn_expr_inline(&s.e, expr, inputs);
    s.result = result;
    s.needs = dependent(&s.e, result, inputs[wrt]);
    s.share = CNN_NEW_ARRAY(arena, int32_t, result + 1);
    for (int32_t i = 0; i <= result; i++)
        s.share[i] = -1;
    s.share[result] = incoming;
    for (int32_t i = result; i >= 0; i--)
        if (s.needs[i] && s.share[i] >= 0 && i != inputs[wrt])
            give_operands(&s, i, s.share[i]);
    int32_t gradient = s.needs[result] ? s.share[inputs[wrt]] : -1;
    return cnn_expr_finish(&s.e, gradient >= 0 ? gradient : number(&s, 0));
}
