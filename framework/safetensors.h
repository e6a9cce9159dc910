/* safetensors: 8-byte little-endian header length, JSON header, raw tensors. Read by Python's
 * `safetensors` as it is. https://github.com/huggingface/safetensors#format */
#ifndef CNNRUN_SAFETENSORS_H
#define CNNRUN_SAFETENSORS_H

#include <cnnrun/tensor.h>

#include "base/arena.h"
#include "base/diag.h"

typedef struct cnn_stored {
    const char *name;
    cnn_type type; /* F32, I32, U8 */
    const void *data;
} cnn_stored;

typedef struct cnn_meta {
    const char *key;
    const char *value;
} cnn_meta;

/* Writes aside, fsync, rename. Tensors in the given order; equal contents give equal bytes. */
cnn_status cnn_safetensors_write(const char *path, const cnn_stored *tensors, uint32_t n_tensors,
                                 const cnn_meta *meta, uint32_t n_meta, cnn_error *err);

typedef struct cnn_safetensors {
    cnn_stored *tensors;
    uint32_t n_tensors;
    cnn_meta *meta;
    uint32_t n_meta;
} cnn_safetensors;

/* Reads and checks everything: header length and JSON, dtypes, shapes, offsets inside the file, not
 * overlapping, no holes. Everything lives in the arena. */
cnn_status cnn_safetensors_read(const char *path, cnn_arena *arena, cnn_safetensors *out,
                                cnn_error *err);
/* The same from memory (fuzzing). */
cnn_status cnn_safetensors_parse(const char *name, const void *bytes, size_t size, cnn_arena *arena,
                                 cnn_safetensors *out, cnn_error *err);

#endif
