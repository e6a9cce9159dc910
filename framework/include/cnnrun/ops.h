/* The catalogue of built-in ops: names, attributes, inputs -> outputs, formulas. Contracts live in
 * framework/ops. */
#ifndef CNNRUN_OPS_H
#define CNNRUN_OPS_H

#include "builder.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- conv2d family
 * ------------------------------------------------------------------------------------------------
 * Cross-correlation with implicit zero padding. N images, C input and O output channels, G groups.
 *   conv2d              x[N,C,H,W], w[O,C/G,kh,kw]    -> y[N,O,oh,ow]   oh = (H + top + bottom -
 * dh(kh-1) - 1)/sh + 1 conv2d_input_grad   dy[N,O,oh,ow], w              -> dx[N,C,size]   also the
 * forward of conv_transpose2d conv2d_weight_grad  x, dy                         -> dw[O,C/G,size]
 * sums over the batch */
typedef struct cnn_conv2d_attrs {
    int64_t stride[2];   /* y, x */
    int64_t dilation[2]; /* y, x */
    int64_t pad[4];      /* top, bottom, left, right; >= 0 */
    int64_t groups;
    int64_t size[2]; /* of the result of the two gradients: H, W of dx, or kh, kw of dw; unused (0)
                        in conv2d */
} cnn_conv2d_attrs;

/* ---- matmul: a[M,K] b[K,N] -> [M,N]; a flag says that the operand is stored transposed
 * ----------------------------
 */
typedef struct cnn_matmul_attrs {
    bool trans_a, trans_b;
} cnn_matmul_attrs;

/* ---- pooling
 * ------------------------------------------------------------------------------------------------------
 *   max_pool2d       x[N,C,H,W] -> y    padding never wins; NaN wins; of equal values the first in
 * row-major order max_pool2d_grad  x, dy -> dx        recomputes the winner avg_pool2d       x -> y
 * divides by the window's size, padding included or not avg_pool2d_grad  dy -> dx[N,C,size]
 * adaptive (avg only, PyTorch's rule): output o x p; window i covers [floor(i*H/o),
 * ceil((i+1)*H/o)); rest ignored. */
typedef struct cnn_pool2d_attrs {
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad[4];
    bool ceil_mode;
    bool count_include_pad;
    int64_t adaptive[2]; /* 0, 0: not adaptive */
    int64_t size[2];     /* avg_pool2d_grad: H, W of dx */
} cnn_pool2d_attrs;

/* ---- pad2d: x[N,C,H,W] -> y; pad2d_grad: dy -> dx[N,C,size]
 * ------------------------------------------------------ */
typedef enum cnn_pad_mode {
    CNN_PAD_CONSTANT,
    CNN_PAD_REFLECT,
    CNN_PAD_REPLICATE,
    CNN_PAD_CIRCULAR
} cnn_pad_mode;

typedef struct cnn_pad2d_attrs {
    int32_t mode;   /* cnn_pad_mode, in the order of the parameter's choices */
    int64_t pad[4]; /* top, bottom, left, right; negative crops in constant mode */
    double value;
    int64_t size[2];
} cnn_pad2d_attrs;

/* ---- resize2d: x[N,C,H,W] -> y[N,C,size]; resize2d_grad: dy -> dx[N,C,from]
 * -------------------------------------- */
typedef enum cnn_resize_mode { CNN_RESIZE_NEAREST, CNN_RESIZE_BILINEAR } cnn_resize_mode;

typedef struct cnn_resize2d_attrs {
    int32_t mode;
    bool align_corners;
    int64_t size[2];
    int64_t from[2];
} cnn_resize2d_attrs;

/* ---- batch_norm: x[N,C,...], w[C], b[C] -> y, mean[C], var[C] (biased, over N and space)
 * -------------------------- y = (x - mean) / sqrt(var + eps) * w + b batch_norm_grad: x, w, mean,
 * var, dy -> dx, dw[C], db[C] */
typedef struct cnn_batch_norm_attrs {
    double eps;
} cnn_batch_norm_attrs;

/* ---- softmax: x -> y along axis; log: its logarithm; softmax_grad: y, dy -> dx
 * ------------------------------------
 */
typedef struct cnn_softmax_attrs {
    int64_t axis;
    bool log;
} cnn_softmax_attrs;

/* ---- cross_entropy: x[N,C,...], target i32 [N,...] -> loss[N,...], per sample, not reduced
 * ------------------------ cross_entropy_grad: x, target, dloss -> dx label_smoothing e: target
 * distribution (1-e) one-hot + e/C. Targets equal to ignore_index give loss 0. */
typedef struct cnn_cross_entropy_attrs {
    double label_smoothing;
    int64_t ignore_index;
} cnn_cross_entropy_attrs;

/* ---- reduce: x -> y over the axes of a bit mask (bit i: axis i)
 * ---------------------------------------------------
 */
typedef enum cnn_reduce_kind { CNN_REDUCE_SUM, CNN_REDUCE_MEAN, CNN_REDUCE_MAX } cnn_reduce_kind;

typedef struct cnn_reduce_attrs {
    int32_t kind;
    int64_t axes;
    bool keepdim; /* reduced axes stay as 1 */
} cnn_reduce_attrs;

/* ---- shapes: concat (any number of inputs), slice, reshape, transpose
 * ---------------------------------------------
 */
typedef struct cnn_axis_attrs {
    int64_t axis;
} cnn_axis_attrs; /* concat; argmax: x -> i32, the axis removed, the first of equal values */

typedef struct cnn_slice_attrs {
    int64_t axis, start, length;
} cnn_slice_attrs;

typedef struct cnn_dims_attrs {
    cnn_ints dims; /* reshape: the new shape; transpose: out axis i is in axis dims[i] */
} cnn_dims_attrs;

/* ---- random: seed i32[2], step i32[] -> f32 uniform in [0,1): cnn_random_bits(seed, CNN_RNG_OP +
 * stream, step, i) -
 */
typedef struct cnn_random_attrs {
    int64_t stream;
    cnn_ints dims;
} cnn_random_attrs;

/* ---- cast: x -> the same numbers as dtype; to integers truncates and saturates
 * ------------------------------------
 */
typedef struct cnn_cast_attrs {
    int32_t dtype; /* choice: f32 | i32 | u8 */
} cnn_cast_attrs;

/* ---- map: any inputs, f32 -> f32 of shape `dims`; assign: state, value -> nothing
 * ---------------------------------
 */
typedef struct cnn_map_attrs {
    cnn_expr expr;
    cnn_ints dims; /* shape of the result; inputs are broadcast to it */
} cnn_map_attrs;

/* ---- typed wrappers for what layers use most
 * ----------------------------------------------------------------------
 */

static inline cnn_value cnn_conv2d(cnn_builder *b, cnn_value x, cnn_value w,
                                   const cnn_conv2d_attrs *attrs)
{
    cnn_value in[2] = { x, w };
    return cnn_op1(b, "conv2d", attrs, in, 2);
}

static inline cnn_value cnn_matmul(cnn_builder *b, cnn_value x, cnn_value y, bool trans_a,
                                   bool trans_b)
{
    cnn_matmul_attrs attrs = { trans_a, trans_b };
    cnn_value in[2] = { x, y };
    return cnn_op1(b, "matmul", &attrs, in, 2);
}

static inline cnn_value cnn_reduce(cnn_builder *b, cnn_value x, cnn_reduce_kind kind, int64_t axes,
                                   bool keepdim)
{
    cnn_reduce_attrs attrs = { (int32_t)kind, axes, keepdim };
    return cnn_op1(b, "reduce", &attrs, &x, 1);
}

/* Mask of all axes of x. */
static inline int64_t cnn_all_axes(cnn_builder *b, cnn_value x)
{
    return ((int64_t)1 << cnn_type_of(b, x)->rank) - 1;
}

static inline cnn_value cnn_reshape(cnn_builder *b, cnn_value x, uint32_t rank, const int64_t *dims)
{
    cnn_dims_attrs attrs = { { rank, -1, dims } };
    return cnn_op1(b, "reshape", &attrs, &x, 1);
}

/* A per-channel vector [C] as [1,C,1,1,...] with as many axes as x, so that it broadcasts over
 * x[N,C,...]. */
static inline cnn_value cnn_per_channel(cnn_builder *b, cnn_value v, cnn_value x)
{
    int64_t dims[CNN_MAX_RANK] = { 1, 1, 1, 1, 1, 1 };
    uint32_t rank = cnn_type_of(b, x)->rank;
    dims[1] = cnn_dim(b, v, 0);
    return cnn_reshape(b, v, rank, dims);
}

static inline cnn_value cnn_concat(cnn_builder *b, const cnn_value *in, uint32_t n, int64_t axis)
{
    cnn_axis_attrs attrs = { axis };
    return cnn_op1(b, "concat", &attrs, in, n);
}

static inline cnn_value cnn_slice(cnn_builder *b, cnn_value x, int64_t axis, int64_t start,
                                  int64_t length)
{
    cnn_slice_attrs attrs = { axis, start, length };
    return cnn_op1(b, "slice", &attrs, &x, 1);
}

static inline cnn_value cnn_cast(cnn_builder *b, cnn_value x, cnn_dtype dtype)
{
    cnn_cast_attrs attrs = { (int32_t)dtype - 1 };
    return cnn_op1(b, "cast", &attrs, &x, 1);
}

static inline cnn_value cnn_argmax(cnn_builder *b, cnn_value x, int64_t axis)
{
    cnn_axis_attrs attrs = { axis };
    return cnn_op1(b, "argmax", &attrs, &x, 1);
}

/* Uniform numbers in [0, 1) of the type's shape, others in every step. `random` without inputs: the
 * builder puts the run's seed and step there. */
static inline cnn_value cnn_random(cnn_builder *b, cnn_type type)
{
    cnn_random_attrs attrs = { (int64_t)cnn_stream(b), { type.rank, -1, type.dim } };
    return cnn_op1(b, "random", &attrs, NULL, 0);
}

#ifdef __cplusplus
}
#endif
#endif
