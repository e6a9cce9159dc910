/* Expressions of `map` nodes: building, simplifying, composing, differentiating, printing. Pure
 * functions on terms; simplification never changes a finite result by more than rounding (x*1, x+0,
 * constant folding, common terms). */
#ifndef CNNRUN_EXPR_INTERNAL_H
#define CNNRUN_EXPR_INTERNAL_H

#include <cnnrun/expr.h>

#include "base/arena.h"
#include "base/text.h"

/* An expression under construction: equal terms are shared, constants folded, identities removed.
 */
typedef struct cnn_expr_builder {
    cnn_arena *arena;
    cnn_term *terms;
    uint32_t count;
} cnn_expr_builder;

int32_t cnn_expr_input(cnn_expr_builder *e, int32_t input);
int32_t cnn_expr_const(cnn_expr_builder *e, double k);
int32_t cnn_expr_term(cnn_expr_builder *e, uint32_t op, int32_t a, int32_t b, int32_t c);

/* Copies `from` into e with its inputs replaced by terms of e; returns the result's term. */
int32_t cnn_expr_inline(cnn_expr_builder *e, const cnn_expr *from, const int32_t *inputs);

/* The finished expression with `result` as last term and unused terms dropped. */
cnn_expr cnn_expr_finish(cnn_expr_builder *e, int32_t result);

/* Drops inputs that no term uses: renumbers the expression's (its terms are copied) and moves the
 * others of in[0..n_in) up. Returns how many are left. */
uint32_t cnn_expr_compact(cnn_arena *arena, cnn_expr *expr, int32_t *in, uint32_t n_in);

/* d expr / d input, as an expression over the same inputs, times input number n_inputs (the
 * incoming gradient); input number n_inputs + 1 is the value of expr. A result that is the constant
 * 0 means: no gradient. */
cnn_expr cnn_expr_derivative(cnn_arena *arena, const cnn_expr *expr, uint32_t n_inputs,
                             uint32_t wrt);

/* In double, one element. The reference backend and constant folding share this meaning. */
double cnn_expr_eval(const cnn_expr *expr, const double *inputs, double *scratch);

/* "max(x0, 0)", with the names given or x0, x1, ... */
void cnn_expr_print(const cnn_expr *expr, const char *const *names, cnn_text *out);

#endif
