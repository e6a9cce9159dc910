/* What the data sets share: numbers from bytes, sizes that do not overflow, names of files. */
#ifndef CNNRUN_PLUGINS_DATASETS_H
#define CNNRUN_PLUGINS_DATASETS_H

#include <cnnrun/plugin.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATASET_VERSION "0.1.0"
#define DATASET_LICENSE "MIT"

/* Longest axis of a sample. Three such axes of 4-byte numbers fit int64_t. */
#define DATASET_MAX_DIM 65536

static inline uint32_t dataset_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t dataset_u32le(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* *n *= factor; false if the product does not fit. */
static inline bool dataset_multiply(uint64_t *n, uint64_t factor)
{
    if (factor != 0 && *n > UINT64_MAX / factor)
        return false;
    *n *= factor;
    return true;
}

static inline char *dataset_join(const char *dir, const char *name, const char *suffix)
{
    size_t size = strlen(dir) + strlen(name) + strlen(suffix) + 2;
    char *path = malloc(size);
    if (path != NULL)
        (void)snprintf(path, size, "%s/%s%s", dir, name, suffix);
    return path;
}

static inline char *dataset_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static inline cnn_status dataset_no_memory(cnn_error *err, const char *what)
{
    return cnn_fail(err, CNN_MEMORY, "not enough memory for %s", what);
}

#endif
