/* What the files of `params` share. */
#ifndef CNNRUN_PARAMS_INTERNAL_H
#define CNNRUN_PARAMS_INTERNAL_H

#include "params.h"

typedef struct cnn_params_reader {
    const char *owner;
    const cnn_table *params;
    const char *const *also;
    cnn_arena *arena;
    cnn_diags *diags;
} cnn_params_reader;

/* Reads one value into its field; false after an error in diags. (param_values.c) */
bool cnn_param_read(const cnn_params_reader *reader, const cnn_param *param, const cnn_doc *doc,
                    void *field);

/* The default as a doc; NULL after errors. */
cnn_doc *cnn_param_default(const cnn_param *param, cnn_arena *arena, cnn_diags *diags);

/* Bytes of the field, 0 for an unknown type. */
size_t cnn_param_width(const cnn_param *param);

/* Numbers of an INT parameter with max_count n > 1: int64_t[n] in place; else 1. */
uint32_t cnn_param_places(const cnn_param *param);

#endif
