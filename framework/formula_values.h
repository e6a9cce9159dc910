/* Arithmetic of formulas. */
#ifndef CNNRUN_FORMULA_VALUES_H
#define CNNRUN_FORMULA_VALUES_H

#include "formula.h"

/* op: + - * / %. Integers give integers; an overflow, a division by zero or one that does not come
 * out even is an error. */
cnn_status cnn_number_calculate(char op, cnn_number_value a, cnn_number_value b,
                                cnn_number_value *out, cnn_error *err);
/* op: == != < <= > >= */
cnn_status cnn_number_compare(const char *op, cnn_number_value a, cnn_number_value b,
                              cnn_number_value *out, cnn_error *err);

/* "an integer", ... */
const char *cnn_number_kind_text(cnn_number_kind kind);
/* As one would write it; floats with as few digits as give the same number back. */
const char *cnn_number_text(const cnn_number_value *value, cnn_arena *arena);

#endif
