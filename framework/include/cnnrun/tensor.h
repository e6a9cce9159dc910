/* Types and views of tensors. Shapes are static, memory is dense and row-major; images are N x C x
 * H x W. */
#ifndef CNNRUN_TENSOR_H
#define CNNRUN_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CNN_MAX_RANK 6

typedef enum cnn_dtype {
    CNN_F32 = 1, /* IEEE 754 binary32: activations, weights, gradients */
    CNN_I32 = 2, /* labels, indices, the step counter */
    CNN_U8 = 3,  /* pixels as files hold them */
} cnn_dtype;

/* Element type and shape. rank 0 is a scalar. Unused dims are 0. Plain data: copy and compare
 * freely. */
typedef struct cnn_type {
    uint32_t dtype; /* cnn_dtype */
    uint32_t rank;
    int64_t dim[CNN_MAX_RANK];
} cnn_type;

/* A view of host memory: whoever made it says how long `data` lives. */
typedef struct cnn_tensor {
    cnn_type type;
    void *data;
} cnn_tensor;

static inline cnn_type cnn_scalar_type(cnn_dtype dtype)
{
    cnn_type t;
    t.dtype = (uint32_t)dtype;
    t.rank = 0;
    for (int i = 0; i < CNN_MAX_RANK; i++)
        t.dim[i] = 0;
    return t;
}

static inline cnn_type cnn_type1(cnn_dtype dtype, int64_t a)
{
    cnn_type t = cnn_scalar_type(dtype);
    t.rank = 1;
    t.dim[0] = a;
    return t;
}

static inline cnn_type cnn_type2(cnn_dtype dtype, int64_t a, int64_t b)
{
    cnn_type t = cnn_type1(dtype, a);
    t.rank = 2;
    t.dim[1] = b;
    return t;
}

static inline cnn_type cnn_type3(cnn_dtype dtype, int64_t a, int64_t b, int64_t c)
{
    cnn_type t = cnn_type2(dtype, a, b);
    t.rank = 3;
    t.dim[2] = c;
    return t;
}

static inline cnn_type cnn_type4(cnn_dtype dtype, int64_t a, int64_t b, int64_t c, int64_t d)
{
    cnn_type t = cnn_type3(dtype, a, b, c);
    t.rank = 4;
    t.dim[3] = d;
    return t;
}

/* Elements in a tensor of this type; the host only makes types whose count and bytes fit int64_t.
 */
static inline int64_t cnn_count(const cnn_type *t)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

static inline int64_t cnn_dtype_size(uint32_t dtype)
{
    return dtype == CNN_U8 ? 1 : 4;
}

static inline int64_t cnn_bytes(const cnn_type *t)
{
    return cnn_count(t) * cnn_dtype_size(t->dtype);
}

/* Product of the dims in [first, last). */
static inline int64_t cnn_span(const cnn_type *t, uint32_t first, uint32_t last)
{
    int64_t n = 1;
    for (uint32_t i = first; i < last; i++)
        n *= t->dim[i];
    return n;
}

static inline bool cnn_same_shape(const cnn_type *a, const cnn_type *b)
{
    if (a->rank != b->rank)
        return false;
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

static inline bool cnn_same_type(const cnn_type *a, const cnn_type *b)
{
    return a->dtype == b->dtype && cnn_same_shape(a, b);
}

static inline float *cnn_f32(const cnn_tensor *t)
{
    return (float *)t->data;
}

static inline int32_t *cnn_i32(const cnn_tensor *t)
{
    return (int32_t *)t->data;
}

static inline uint8_t *cnn_u8(const cnn_tensor *t)
{
    return (uint8_t *)t->data;
}

#ifdef __cplusplus
}
#endif
#endif
