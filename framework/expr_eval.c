/* What terms mean, in double. */
#include "expr.h"

#include <math.h>

static double sign(double a)
{
    return (double)((a > 0.0) - (a < 0.0));
}

/* The form without overflow on either side. */
static double sigmoid(double a)
{
    double e = exp(-fabs(a));
    return a >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

static double unary(uint32_t op, double a)
{
    switch (op) {
    case CNN_TERM_NEG:
        return -a;
    case CNN_TERM_ABS:
        return fabs(a);
    case CNN_TERM_SIGN:
        return sign(a);
    case CNN_TERM_FLOOR:
        return floor(a);
    case CNN_TERM_EXP:
        return exp(a);
    case CNN_TERM_EXPM1:
        return expm1(a);
    case CNN_TERM_LOG:
        return log(a);
    case CNN_TERM_LOG1P:
        return log1p(a);
    case CNN_TERM_SQRT:
        return sqrt(a);
    case CNN_TERM_RSQRT:
        return 1.0 / sqrt(a);
    case CNN_TERM_SIN:
        return sin(a);
    case CNN_TERM_COS:
        return cos(a);
    case CNN_TERM_TANH:
        return tanh(a);
    case CNN_TERM_SIGMOID:
        return sigmoid(a);
    case CNN_TERM_ERF:
        return erf(a);
    default:
        return NAN;
    }
}

static double binary(uint32_t op, double a, double b)
{
    switch (op) {
    case CNN_TERM_ADD:
        return a + b;
    case CNN_TERM_SUB:
        return a - b;
    case CNN_TERM_MUL:
        return a * b;
    case CNN_TERM_DIV:
        return a / b;
    case CNN_TERM_POW:
        return pow(a, b);
    case CNN_TERM_MIN:
        return a < b ? a : b;
    case CNN_TERM_MAX:
        return b < a ? a : b;
    case CNN_TERM_LT:
        return a < b;
    case CNN_TERM_LE:
        return a <= b;
    case CNN_TERM_EQ:
        return a == b;
    default:
        return NAN;
    }
}

double cnn_expr_eval(const cnn_expr *expr, const double *inputs, double *scratch)
{
    for (uint32_t i = 0; i < expr->count; i++) {
        const cnn_term *t = &expr->terms[i];
        int arity = cnn_term_arity(t->op);
        if (t->op == CNN_TERM_INPUT)
            scratch[i] = inputs[t->a];
        else if (t->op == CNN_TERM_CONST)
            scratch[i] = t->k;
        else if (arity == 1)
            scratch[i] = unary(t->op, scratch[t->a]);
        else if (arity == 2)
            scratch[i] = binary(t->op, scratch[t->a], scratch[t->b]);
        else
            scratch[i] = scratch[t->a] != 0.0 ? scratch[t->b] : scratch[t->c];
    }
    return expr->count > 0 ? scratch[expr->count - 1] : 0.0;
}
