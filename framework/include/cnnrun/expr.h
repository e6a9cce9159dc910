/* Scalar expressions: what a `map` node computes for each element of its output.
 *
 * An expression is a list of terms in evaluation order; the last one is the result. It is the whole
 * contract between layers (which write them through the builder), the framework (which
 * differentiates and composes them) and backends (which interpret, vectorise or print them as
 * shader code). Truth values are 0 and 1. */
#ifndef CNNRUN_EXPR_H
#define CNNRUN_EXPR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cnn_term_op {
    CNN_TERM_INPUT = 1, /* element of input number a (broadcast like NumPy) */
    CNN_TERM_CONST,     /* k */
    CNN_TERM_NEG,       /* -a */
    CNN_TERM_ABS,       /* |a|, derivative sign(a) */
    CNN_TERM_SIGN,      /* -1, 0, 1 */
    CNN_TERM_FLOOR,
    CNN_TERM_EXP,
    CNN_TERM_EXPM1, /* exp(a) - 1 */
    CNN_TERM_LOG,
    CNN_TERM_LOG1P, /* log(1 + a) */
    CNN_TERM_SQRT,
    CNN_TERM_RSQRT, /* 1 / sqrt(a) */
    CNN_TERM_SIN,
    CNN_TERM_COS,
    CNN_TERM_TANH,
    CNN_TERM_SIGMOID, /* 1 / (1 + exp(-a)) */
    CNN_TERM_ERF,
    CNN_TERM_ADD, /* a + b */
    CNN_TERM_SUB,
    CNN_TERM_MUL,
    CNN_TERM_DIV,
    CNN_TERM_POW,
    CNN_TERM_MIN, /* a < b ? a : b; the gradient of a tie goes to b */
    CNN_TERM_MAX, /* b < a ? a : b; the gradient of a tie goes to b */
    CNN_TERM_LT,  /* a < b; no gradient, like LE and EQ */
    CNN_TERM_LE,
    CNN_TERM_EQ,
    CNN_TERM_SELECT, /* a != 0 ? b : c; no gradient to a */
    CNN_TERM_OP_COUNT
} cnn_term_op;

typedef struct cnn_term {
    uint32_t op;     /* cnn_term_op */
    int32_t a, b, c; /* earlier terms (for INPUT: a is the input's number); unused ones are -1 */
    double k;        /* CONST only */
} cnn_term;

typedef struct cnn_expr {
    uint32_t count;
    const cnn_term *terms;
} cnn_expr;

/* Operands that op takes: 0 for INPUT and CONST, else 1 to 3. */
static inline int cnn_term_arity(uint32_t op)
{
    if (op <= CNN_TERM_CONST)
        return 0;
    if (op < CNN_TERM_ADD)
        return 1;
    return op == CNN_TERM_SELECT ? 3 : 2;
}

#ifdef __cplusplus
}
#endif
#endif
