/* Expressions in double, with an interval for each term that holds whatever its operands' intervals
 * and its own tolerance allow: the result lies in the last one however a comparison of near numbers
 * turns out. */
#ifndef TEST_CPU_RANGES_H
#define TEST_CPU_RANGES_H

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include <cnnrun/expr.h>

enum { RANGES_TERMS = 64 };

/* Units in the last place. One operation that is rounded to nearest is off by half; rsqrt is two of
 * them. The functions of math.h were compared with libm's double functions on 20 million arguments:
 * exp 1.04, expm1 1.65, log 0.81, log1p 1.44, tanh 2.45, sigmoid 2.29, erf 1.19. libm's own float
 * functions are good to 1. What only picks is exact. */
static const double tolerance[CNN_TERM_OP_COUNT] = {
    [CNN_TERM_EXP] = 1.5,  [CNN_TERM_EXPM1] = 2,   [CNN_TERM_LOG] = 1,   [CNN_TERM_LOG1P] = 2,
    [CNN_TERM_SQRT] = 0.5, [CNN_TERM_RSQRT] = 1.5, [CNN_TERM_SIN] = 1,   [CNN_TERM_COS] = 1,
    [CNN_TERM_TANH] = 3,   [CNN_TERM_SIGMOID] = 3, [CNN_TERM_ERF] = 2,   [CNN_TERM_ADD] = 0.5,
    [CNN_TERM_SUB] = 0.5,  [CNN_TERM_MUL] = 0.5,   [CNN_TERM_DIV] = 0.5, [CNN_TERM_POW] = 1,
};

/* The definition: expr.h. */
static inline double value_of(uint32_t op, double a, double b)
{
    switch (op) {
    case CNN_TERM_NEG:
        return -a;
    case CNN_TERM_ABS:
        return fabs(a);
    case CNN_TERM_SIGN:
        return (double)(a > 0) - (double)(a < 0);
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
        return 1 / sqrt(a);
    case CNN_TERM_SIN:
        return sin(a);
    case CNN_TERM_COS:
        return cos(a);
    case CNN_TERM_TANH:
        return tanh(a);
    case CNN_TERM_SIGMOID:
        return 1 / (1 + exp(-a));
    case CNN_TERM_ERF:
        return erf(a);
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
    default: /* CNN_TERM_EQ */
        return a == b;
    }
}

/* Of a float near v; denormal numbers lie 2^-149 apart. */
static inline double ulp(double v)
{
    int exponent;
    frexp(v, &exponent);
    return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

typedef struct range {
    double low, high; /* both NaN: it is NaN */
    bool unknown;     /* anything, also NaN */
} range;

static const range anything = { -INFINITY, INFINITY, true };

static inline range point(double v)
{
    return (range){ v, v, false };
}

static inline range widened(range r, double ulps)
{
    if (r.unknown || isnan(r.low) || ulps == 0)
        return r;
    if (isfinite(r.low))
        r.low -= ulps * ulp(r.low);
    if (isfinite(r.high))
        r.high += ulps * ulp(r.high);
    r.high = r.high > (double)FLT_MAX ? (double)INFINITY : r.high;
    r.low = r.low < -(double)FLT_MAX ? -(double)INFINITY : r.low;
    return r;
}

static inline range both(range a, range b)
{
    bool unknown = a.unknown || b.unknown || isnan(a.low) != isnan(b.low);
    return (range){ fmin(a.low, b.low), fmax(a.high, b.high), unknown };
}

static inline range selected(range a, range b, range c)
{
    if (isnan(a.low) || a.low > 0 || a.high < 0)
        return b;
    if (a.low == 0 && a.high == 0 && !a.unknown)
        return c;
    return both(b, c);
}

static inline range compared(uint32_t op, range a, range b)
{
    if (isnan(a.low) || isnan(b.low))
        return point(0);
    bool yes, no;
    if (op == CNN_TERM_LT)
        yes = a.low < b.high, no = a.high >= b.low;
    else if (op == CNN_TERM_LE)
        yes = a.low <= b.high, no = a.high > b.low;
    else
        yes = a.low <= b.high && b.low <= a.high, no = a.low != b.high || b.low != a.high;
    no = no || a.unknown || b.unknown;
    return (range){ yes && !no ? 1 : 0, yes ? 1 : 0, false };
}

static inline bool has_0(range r)
{
    return r.low <= 0 && r.high >= 0;
}

static inline bool is_infinite(range r)
{
    return isinf(r.low) || isinf(r.high);
}

/* Where a function is not monotone in each operand, or not a number between the ends. */
static inline bool is_hard(uint32_t op, range a, range b)
{
    bool is_point = a.low == a.high && b.low == b.high;
    if (is_point)
        return false;
    return (op == CNN_TERM_DIV && has_0(b)) || (op == CNN_TERM_POW && a.low <= 0) ||
           (op == CNN_TERM_MUL && ((is_infinite(a) && has_0(b)) || (is_infinite(b) && has_0(a)))) ||
           op == CNN_TERM_SIN || op == CNN_TERM_COS;
}

static inline range applied(uint32_t op, range a, range b)
{
    if (op == CNN_TERM_LT || op == CNN_TERM_LE || op == CNN_TERM_EQ)
        return compared(op, a, b);
    if ((op == CNN_TERM_MIN || op == CNN_TERM_MAX) && (isnan(a.low) || isnan(b.low)))
        return b;
    if (a.unknown || b.unknown || is_hard(op, a, b))
        return anything;
    const double corners[4] = { value_of(op, a.low, b.low), value_of(op, a.low, b.high),
                                value_of(op, a.high, b.low), value_of(op, a.high, b.high) };
    range r = point(corners[0]);
    for (int i = 1; i < 4; i++)
        r = both(r, point(corners[i]));
    if (op == CNN_TERM_ABS && a.low < 0 && a.high > 0)
        r.low = 0;
    return widened(r, tolerance[op]);
}

static inline range bounds(const cnn_expr *e, const double *in)
{
    range r[RANGES_TERMS];
    for (uint32_t t = 0; t < e->count; t++) {
        const cnn_term *u = &e->terms[t];
        const range b = cnn_term_arity(u->op) > 1 ? r[u->b] : point(0);
        if (u->op == CNN_TERM_INPUT)
            r[t] = point(in[u->a]);
        else if (u->op == CNN_TERM_CONST)
            r[t] = point((double)(float)u->k);
        else if (u->op == CNN_TERM_SELECT)
            r[t] = selected(r[u->a], b, r[u->c]);
        else
            r[t] = applied(u->op, r[u->a], b);
    }
    return r[e->count - 1];
}

#endif
