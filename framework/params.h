/* Parameters: doc nodes -> the typed struct that a parameter table describes. The one place where
 * text gets a type. */
#ifndef CNNRUN_PARAMS_H
#define CNNRUN_PARAMS_H

#include <cnnrun/param.h>

#include "doc.h"

/* Fills a new struct of `size` bytes from options: a map, the bare value of the first parameter, or
 * NULL (defaults). `owner` names the component in messages. Keys in `also` (may be NULL) are left
 * alone. Returns NULL after errors; all of them are in diags: unknown option with did-you-mean and
 * the list, wrong type, out of range, missing, wrong number of elements. Formulas must have been
 * substituted before: see cnn_formula_substitute. */
void *cnn_params_read(const char *owner, const cnn_table *params, size_t size,
                      const cnn_doc *options, cnn_place place, const char *const *also,
                      cnn_arena *arena, cnn_diags *diags);

/* Checks what can be checked before formulas are known: option names, and the values without `$`.
 */
bool cnn_params_check(const char *owner, const cnn_table *params, const cnn_doc *options,
                      cnn_place place, const char *const *also, cnn_arena *arena, cnn_diags *diags);

/* "out_channels: 10, kernel_size: [5, 5]" on one line; `all`: defaults too. */
void cnn_params_print(const cnn_table *params, const void *values, bool all, FILE *out);

/* Checks a table itself (loader): names, types, offsets inside `size`, defaults that parse and lie
 * in range. */
cnn_status cnn_params_validate(const char *owner, const cnn_table *params, size_t size,
                               cnn_error *err);

/* "int", "float", "one of zeros, reflect", "list of int", ... */
void cnn_param_type_text(const cnn_param *param, char *out, size_t size);

#endif
