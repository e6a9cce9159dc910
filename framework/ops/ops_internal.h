/* What the op descriptors share: checks of types and attributes with readable errors, checked
 * result types, and the callbacks that builtin.c collects in one table. */
#ifndef CNNRUN_OPS_INTERNAL_H
#define CNNRUN_OPS_INTERNAL_H

#include <cnnrun/op.h>
#include <cnnrun/ops.h>

/* Upper bound of strides, paddings, ...: a product of two and a sum of a few of them fit int64_t.
 */
#define CNN_OP_MAX_SIZE INT32_MAX

/* "64x10x24x24", "scalar"; by value, so that it can stand among printf's arguments. */
typedef struct cnn_op_text {
    char s[160];
} cnn_op_text;

cnn_op_text cnn_op_shape(const cnn_type *type);
cnn_op_text cnn_op_pair(const int64_t size[2]); /* "5x5" */
const char *cnn_op_dtype(uint32_t dtype);

/* "the input is f32 64x10, but conv2d needs ..." Rank and dtype must match exactly. */
cnn_status cnn_op_check_type(const cnn_type *type, const char *what, cnn_dtype dtype, uint32_t rank,
                             cnn_error *err);
cnn_status cnn_op_check_dtype(const cnn_type *type, const char *what, cnn_dtype dtype,
                              cnn_error *err);
/* Each of v[0..n) lies in [min, CNN_OP_MAX_SIZE]. */
cnn_status cnn_op_check_sizes(const char *what, const int64_t *v, uint32_t n, int64_t min,
                              cnn_error *err);
cnn_status cnn_op_check_axis(int64_t axis, const cnn_type *type, cnn_error *err);
cnn_status cnn_op_check_same(const cnn_type *a, const char *what_a, const cnn_type *b,
                             const char *what_b, cnn_error *err);

/* Sets *out; an error unless all dims are at least 1 and the bytes fit int64_t. */
cnn_status cnn_op_result(cnn_type *out, uint32_t dtype, uint32_t rank, const int64_t *dims,
                         cnn_error *err);

/* Windows that slide over the last two axes of an image. */
typedef struct cnn_op_windows {
    const int64_t *kernel, *stride, *dilation; /* y, x */
    const int64_t *pad;                        /* top, bottom, left, right */
    bool ceil_mode; /* keep a last window that is cut off, unless it starts in the padding */
} cnn_op_windows;

/* How many windows there are in each direction; an error where there is none. */
cnn_status cnn_op_count_windows(const cnn_op_windows *w, const int64_t in[2], int64_t out[2],
                                cnn_error *err);
/* For gradients: an input of size `in` must have given the windows that dy has. */
cnn_status cnn_op_check_windows(const cnn_op_windows *w, const int64_t in[2], const cnn_type *dy,
                                cnn_error *err);

/* Zeros of a type, as an expression without inputs. */
cnn_value cnn_op_zeros(cnn_builder *b, cnn_type type);

#define INFER(name)                                                                      \
    cnn_status name(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out, \
                    cnn_error *err)
#define GRAD(name) \
    void name(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
/* PER_SAMPLE and SUMS also hold where an input that runs along the batch is not marked as batched
 * (a random mask, an expanded number): it is there as a whole, and is read at the same rows. */
#define ROLE(name) \
    uint32_t name(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
#define MACS(name) double name(const void *attrs, const cnn_type *in, const cnn_type *out)

INFER(cnn_conv2d_infer);
INFER(cnn_conv2d_input_grad_infer);
INFER(cnn_conv2d_weight_grad_infer);
GRAD(cnn_conv2d_grad);
GRAD(cnn_conv2d_input_grad_grad);
GRAD(cnn_conv2d_weight_grad_grad);
ROLE(cnn_conv2d_role); /* also of conv2d_input_grad */
ROLE(cnn_conv2d_weight_grad_role);
MACS(cnn_conv2d_macs);
MACS(cnn_conv2d_input_grad_macs);
MACS(cnn_conv2d_weight_grad_macs);

INFER(cnn_matmul_infer);
GRAD(cnn_matmul_grad);
ROLE(cnn_matmul_role);
MACS(cnn_matmul_macs);

INFER(cnn_max_pool2d_infer);
INFER(cnn_max_pool2d_grad_infer);
INFER(cnn_avg_pool2d_infer);
INFER(cnn_avg_pool2d_grad_infer);
GRAD(cnn_max_pool2d_grad);
GRAD(cnn_avg_pool2d_grad);
GRAD(cnn_avg_pool2d_grad_grad);

INFER(cnn_pad2d_infer);
INFER(cnn_pad2d_grad_infer);
GRAD(cnn_pad2d_grad);
GRAD(cnn_pad2d_grad_grad);

INFER(cnn_resize2d_infer);
INFER(cnn_resize2d_grad_infer);
GRAD(cnn_resize2d_grad);
GRAD(cnn_resize2d_grad_grad);

INFER(cnn_batch_norm_infer);
INFER(cnn_batch_norm_grad_infer);
GRAD(cnn_batch_norm_grad);

INFER(cnn_softmax_infer);
INFER(cnn_softmax_grad_infer);
INFER(cnn_cross_entropy_infer);
INFER(cnn_cross_entropy_grad_infer);
GRAD(cnn_softmax_grad);
GRAD(cnn_cross_entropy_grad);
ROLE(cnn_softmax_role); /* also of softmax_grad */

INFER(cnn_reduce_infer);
INFER(cnn_argmax_infer);
GRAD(cnn_reduce_grad);
ROLE(cnn_reduce_role);
ROLE(cnn_axis_role); /* of concat and argmax */

INFER(cnn_concat_infer);
INFER(cnn_slice_infer);
INFER(cnn_reshape_infer);
INFER(cnn_transpose_infer);
GRAD(cnn_concat_grad);
GRAD(cnn_slice_grad);
GRAD(cnn_reshape_grad);
GRAD(cnn_transpose_grad);
ROLE(cnn_slice_role);
ROLE(cnn_reshape_role);
ROLE(cnn_transpose_role);

INFER(cnn_random_infer);
INFER(cnn_cast_infer);
INFER(cnn_map_infer);
INFER(cnn_assign_infer);
GRAD(cnn_cast_grad);
ROLE(cnn_map_role);
ROLE(cnn_coupled_role); /* COUPLED in any case */

#endif
