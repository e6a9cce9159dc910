/* The catalogue: one row per built-in op. Attribute tables name the fields of the structs in ops.h.
 * Multiply-adds are counted as PyTorch's counters do: convolutions and matrix products only. */
#include "ops_internal.h"

#include "registry.h"

#define PAIR .min_count = 2, .max_count = 2
#define SIDES .min_count = 4, .max_count = 4

static const cnn_param conv2d_params[] = {
    { CNN_FIELD(cnn_conv2d_attrs, stride, INT), PAIR, .def = "1", .help = "y, x", .min = 1,
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_conv2d_attrs, dilation, INT), PAIR, .def = "1", .help = "y, x", .min = 1,
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_conv2d_attrs, pad, INT), SIDES, .def = "0", .help = "top, bottom, left, right",
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_conv2d_attrs, groups, INT), .def = "1",
      .help = "channels are convolved in so many separate groups", .min = 1,
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_conv2d_attrs, size, INT), PAIR, .def = "0",
      .help = "gradients: height and width of the result", .max = CNN_OP_MAX_SIZE },
};

static const cnn_param matmul_params[] = {
    { CNN_FIELD(cnn_matmul_attrs, trans_a, BOOL), .def = "false",
      .help = "the left factor is stored transposed" },
    { CNN_FIELD(cnn_matmul_attrs, trans_b, BOOL), .def = "false",
      .help = "the right factor is stored transposed" },
};

static const cnn_param pool2d_params[] = {
    { CNN_FIELD(cnn_pool2d_attrs, kernel, INT), PAIR, .def = "1", .help = "y, x", .min = 0,
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_pool2d_attrs, stride, INT), PAIR, .def = "1", .help = "y, x", .min = 0,
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_pool2d_attrs, dilation, INT), PAIR, .def = "1", .help = "y, x; max_pool2d only",
      .min = 0, .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_pool2d_attrs, pad, INT), SIDES, .def = "0", .help = "top, bottom, left, right",
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_pool2d_attrs, ceil_mode, BOOL), .def = "false",
      .help = "keep a last window that is cut off" },
    { CNN_FIELD(cnn_pool2d_attrs, count_include_pad, BOOL), .def = "false",
      .help = "avg_pool2d: the padding counts in the divisor" },
    { CNN_FIELD(cnn_pool2d_attrs, adaptive, INT), PAIR, .def = "0",
      .help = "avg_pool2d: output size, the windows follow from it; 0: not adaptive",
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_pool2d_attrs, size, INT), PAIR, .def = "0",
      .help = "avg_pool2d_grad: height and width of the result", .max = CNN_OP_MAX_SIZE },
};

static const cnn_param pad2d_params[] = {
    { CNN_FIELD(cnn_pad2d_attrs, mode, CHOICE), .def = "constant",
      .choices = "constant|reflect|replicate|circular", .help = "what stands in the border" },
    { CNN_FIELD(cnn_pad2d_attrs, pad, INT), SIDES, .def = "0",
      .help = "top, bottom, left, right; negative crops", .min = -CNN_OP_MAX_SIZE,
      .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_pad2d_attrs, value, FLOAT), .def = "0", .help = "of the constant border" },
    { CNN_FIELD(cnn_pad2d_attrs, size, INT), PAIR, .def = "0",
      .help = "pad2d_grad: height and width of the result", .max = CNN_OP_MAX_SIZE },
};

static const cnn_param resize2d_params[] = {
    { CNN_FIELD(cnn_resize2d_attrs, mode, CHOICE), .def = "nearest", .choices = "nearest|bilinear",
      .help = "how values between pixels are made" },
    { CNN_FIELD(cnn_resize2d_attrs, align_corners, BOOL), .def = "false",
      .help = "bilinear: the corner pixels' centres stay at the corners" },
    { CNN_FIELD(cnn_resize2d_attrs, size, INT), PAIR, .help = "height and width of the image made",
      .min = 1, .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_resize2d_attrs, from, INT), PAIR, .def = "0",
      .help = "resize2d_grad: height and width of the result", .max = CNN_OP_MAX_SIZE },
};

static const cnn_param batch_norm_params[] = {
    { CNN_FIELD(cnn_batch_norm_attrs, eps, FLOAT), .def = "1e-5",
      .help = "added to the variance before the root", .min = 0, .max = 1e30 },
};

static const cnn_param softmax_params[] = {
    { CNN_FIELD(cnn_softmax_attrs, axis, INT), .def = "1", .help = "values along it sum to 1",
      .min = 0, .max = CNN_MAX_RANK - 1 },
    { CNN_FIELD(cnn_softmax_attrs, log, BOOL), .def = "false", .help = "give the logarithm" },
};

static const cnn_param cross_entropy_params[] = {
    { CNN_FIELD(cnn_cross_entropy_attrs, label_smoothing, FLOAT), .def = "0",
      .help = "share of the target spread evenly over all classes", .min = 0, .max = 1 },
    { CNN_FIELD(cnn_cross_entropy_attrs, ignore_index, INT), .def = "-100",
      .help = "a target that gives loss 0" },
};

static const cnn_param reduce_params[] = {
    { CNN_FIELD(cnn_reduce_attrs, kind, CHOICE), .def = "sum", .choices = "sum|mean|max",
      .help = "what becomes of the elements" },
    { CNN_FIELD(cnn_reduce_attrs, axes, INT), .help = "bit i: axis i is reduced", .min = 0,
      .max = (1 << CNN_MAX_RANK) - 1 },
    { CNN_FIELD(cnn_reduce_attrs, keepdim, BOOL), .def = "false",
      .help = "reduced axes stay, with size 1" },
};

static const cnn_param axis_params[] = {
    { CNN_FIELD(cnn_axis_attrs, axis, INT), .def = "1",
      .help = "the axis that is joined or searched", .min = 0, .max = CNN_MAX_RANK - 1 },
};

static const cnn_param slice_params[] = {
    { CNN_FIELD(cnn_slice_attrs, axis, INT), .help = "the axis that is cut", .min = 0,
      .max = CNN_MAX_RANK - 1 },
    { CNN_FIELD(cnn_slice_attrs, start, INT), .def = "0", .help = "first element" },
    { CNN_FIELD(cnn_slice_attrs, length, INT), .help = "how many elements" },
};

static const cnn_param dims_params[] = {
    { CNN_FIELD(cnn_dims_attrs, dims, INTS),
      .help = "reshape: the new shape; transpose: which input axis each output axis is",
      .max_count = CNN_MAX_RANK },
};

static const cnn_param random_params[] = {
    { CNN_FIELD(cnn_random_attrs, stream, INT), .help = "keeps the numbers of different ops apart",
      .min = 0, .max = CNN_OP_MAX_SIZE },
    { CNN_FIELD(cnn_random_attrs, dims, INTS), .help = "shape of the result",
      .max_count = CNN_MAX_RANK },
};

static const cnn_param cast_params[] = {
    { CNN_FIELD(cnn_cast_attrs, dtype, CHOICE), .choices = "f32|i32|u8",
      .help = "type of the result's elements" },
};

/* The expression is not made of numbers and has a printer of its own (cnn_expr_print). */
static const cnn_param map_params[] = {
    { CNN_FIELD(cnn_map_attrs, dims, INTS), .help = "shape of the result",
      .max_count = CNN_MAX_RANK },
};

#define HEAD(name, struct_type, params, signature, example) \
    .c = CNN_COMPONENT(cnn_op, name, sizeof(struct_type), CNN_TABLE(params), signature, example)
#define COUNTS(inputs, outputs) .min_in = (inputs), .max_in = (inputs), .n_out = (outputs)

static const cnn_op ops[] = {
    { HEAD("conv2d", cnn_conv2d_attrs, conv2d_params,
           "cross-correlation: x[N,C,H,W], w[O,C/G,kh,kw] -> y[N,O,oh,ow]",
           "conv2d(x, w) {stride: [2, 2], pad: [1, 1, 1, 1]}"),
      COUNTS(2, 1), .differentiable = 1, .infer = cnn_conv2d_infer, .grad = cnn_conv2d_grad,
      .batch_role = cnn_conv2d_role, .macs = cnn_conv2d_macs },
    { HEAD("conv2d_input_grad", cnn_conv2d_attrs, conv2d_params,
           "dy[N,O,oh,ow], w[O,C/G,kh,kw] -> dx[N,C,size]; also a transposed convolution",
           "conv2d_input_grad(dy, w) {size: [28, 28]}"),
      COUNTS(2, 1), .differentiable = 1, .infer = cnn_conv2d_input_grad_infer,
      .grad = cnn_conv2d_input_grad_grad, .batch_role = cnn_conv2d_role,
      .macs = cnn_conv2d_input_grad_macs },
    { HEAD("conv2d_weight_grad", cnn_conv2d_attrs, conv2d_params,
           "x[N,C,H,W], dy[N,O,oh,ow] -> dw[O,C/G,size], summed over the batch",
           "conv2d_weight_grad(x, dy) {size: [5, 5]}"),
      COUNTS(2, 1), .differentiable = 1, .infer = cnn_conv2d_weight_grad_infer,
      .grad = cnn_conv2d_weight_grad_grad, .batch_role = cnn_conv2d_weight_grad_role,
      .macs = cnn_conv2d_weight_grad_macs },
    { HEAD("matmul", cnn_matmul_attrs, matmul_params, "matrix product: a[M,K], b[K,N] -> y[M,N]",
           "matmul(x, w) {trans_b: true}"),
      COUNTS(2, 1), .differentiable = 1, .infer = cnn_matmul_infer, .grad = cnn_matmul_grad,
      .batch_role = cnn_matmul_role, .macs = cnn_matmul_macs },
    { HEAD("max_pool2d", cnn_pool2d_attrs, pool2d_params,
           "largest value of each window: x[N,C,H,W] -> y[N,C,oh,ow]",
           "max_pool2d(x) {kernel: [2, 2], stride: [2, 2]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_max_pool2d_infer,
      .grad = cnn_max_pool2d_grad },
    { HEAD("max_pool2d_grad", cnn_pool2d_attrs, pool2d_params,
           "x[N,C,H,W], dy[N,C,oh,ow] -> dx[N,C,H,W], to the winner of each window",
           "max_pool2d_grad(x, dy) {kernel: [2, 2], stride: [2, 2]}"),
      COUNTS(2, 1), .differentiable = 1, .infer = cnn_max_pool2d_grad_infer },
    { HEAD("avg_pool2d", cnn_pool2d_attrs, pool2d_params,
           "mean of each window: x[N,C,H,W] -> y[N,C,oh,ow]", "avg_pool2d(x) {adaptive: [1, 1]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_avg_pool2d_infer,
      .grad = cnn_avg_pool2d_grad },
    { HEAD("avg_pool2d_grad", cnn_pool2d_attrs, pool2d_params, "dy[N,C,oh,ow] -> dx[N,C,size]",
           "avg_pool2d_grad(dy) {adaptive: [1, 1], size: [7, 7]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_avg_pool2d_grad_infer,
      .grad = cnn_avg_pool2d_grad_grad },
    { HEAD("pad2d", cnn_pad2d_attrs, pad2d_params, "a border around images: x[N,C,H,W] -> y",
           "pad2d(x) {mode: reflect, pad: [2, 2, 2, 2]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_pad2d_infer, .grad = cnn_pad2d_grad },
    { HEAD("pad2d_grad", cnn_pad2d_attrs, pad2d_params, "dy -> dx[N,C,size]",
           "pad2d_grad(dy) {mode: reflect, pad: [2, 2, 2, 2], size: [28, 28]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_pad2d_grad_infer,
      .grad = cnn_pad2d_grad_grad },
    { HEAD("resize2d", cnn_resize2d_attrs, resize2d_params,
           "images in another size: x[N,C,H,W] -> y[N,C,size]", "resize2d(x) {size: [32, 32]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_resize2d_infer, .grad = cnn_resize2d_grad },
    { HEAD("resize2d_grad", cnn_resize2d_attrs, resize2d_params, "dy[N,C,size] -> dx[N,C,from]",
           "resize2d_grad(dy) {size: [32, 32], from: [28, 28]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_resize2d_grad_infer,
      .grad = cnn_resize2d_grad_grad },
    { HEAD("batch_norm", cnn_batch_norm_attrs, batch_norm_params,
           "x[N,C,...], w[C], b[C] -> y, mean[C], biased variance[C]", "batch_norm(x, w, b)"),
      COUNTS(3, 3), .differentiable = 1, .infer = cnn_batch_norm_infer, .grad = cnn_batch_norm_grad,
      .batch_role = cnn_coupled_role },
    { HEAD("batch_norm_grad", cnn_batch_norm_attrs, batch_norm_params,
           "x, w, mean, variance, dy -> dx, dw[C], db[C]", "batch_norm_grad(x, w, mean, var, dy)"),
      COUNTS(5, 3), .differentiable = 1, .infer = cnn_batch_norm_grad_infer,
      .batch_role = cnn_coupled_role },
    { HEAD("softmax", cnn_softmax_attrs, softmax_params,
           "exp(x) / sum of exp(x) along an axis, or its logarithm", "softmax(x) {axis: 1}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_softmax_infer, .grad = cnn_softmax_grad,
      .batch_role = cnn_softmax_role },
    { HEAD("softmax_grad", cnn_softmax_attrs, softmax_params, "result y, dy -> dx",
           "softmax_grad(y, dy) {axis: 1}"),
      COUNTS(2, 1), .differentiable = 1, .infer = cnn_softmax_grad_infer,
      .batch_role = cnn_softmax_role },
    { HEAD("cross_entropy", cnn_cross_entropy_attrs, cross_entropy_params,
           "scores x[N,C,...], labels i32 [N,...] -> loss[N,...], not reduced",
           "cross_entropy(x, target)"),
      COUNTS(2, 1), .differentiable = 1, .infer = cnn_cross_entropy_infer,
      .grad = cnn_cross_entropy_grad },
    { HEAD("cross_entropy_grad", cnn_cross_entropy_attrs, cross_entropy_params,
           "scores x, labels, dloss -> dx", "cross_entropy_grad(x, target, dloss)"),
      COUNTS(3, 1), .differentiable = 1, .infer = cnn_cross_entropy_grad_infer },
    { HEAD("reduce", cnn_reduce_attrs, reduce_params, "sum, mean or maximum over axes",
           "reduce(x) {kind: mean, axes: 12}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_reduce_infer, .grad = cnn_reduce_grad,
      .batch_role = cnn_reduce_role },
    { HEAD("concat", cnn_axis_attrs, axis_params, "inputs one after the other along an axis",
           "concat(a, b, c) {axis: 1}"),
      .min_in = 1, .max_in = UINT32_MAX, .n_out = 1, .differentiable = 1, .infer = cnn_concat_infer,
      .grad = cnn_concat_grad, .batch_role = cnn_axis_role },
    { HEAD("slice", cnn_slice_attrs, slice_params, "a range of an axis",
           "slice(x) {axis: 1, start: 0, length: 16}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_slice_infer, .grad = cnn_slice_grad,
      .batch_role = cnn_slice_role },
    { HEAD("reshape", cnn_dims_attrs, dims_params, "the same elements in another shape",
           "reshape(x) {dims: [64, 1440]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_reshape_infer, .grad = cnn_reshape_grad,
      .batch_role = cnn_reshape_role },
    { HEAD("transpose", cnn_dims_attrs, dims_params, "axes in another order",
           "transpose(x) {dims: [0, 2, 3, 1]}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_transpose_infer, .grad = cnn_transpose_grad,
      .batch_role = cnn_transpose_role },
    { HEAD("random", cnn_random_attrs, random_params,
           "seed i32[2], step i32 -> uniform numbers in [0, 1)",
           "random(seed, step) {stream: 0, dims: [64, 50]}"),
      COUNTS(2, 1), .infer = cnn_random_infer },
    { HEAD("cast", cnn_cast_attrs, cast_params, "the same numbers in another element type",
           "cast(x) {dtype: f32}"),
      COUNTS(1, 1), .differentiable = 1, .infer = cnn_cast_infer, .grad = cnn_cast_grad },
    { HEAD("argmax", cnn_axis_attrs, axis_params,
           "index of the first largest element along an axis", "argmax(x) {axis: 1}"),
      COUNTS(1, 1), .infer = cnn_argmax_infer, .batch_role = cnn_axis_role },
    { HEAD("map", cnn_map_attrs, map_params,
           "a scalar expression for each element, inputs broadcast", "map(x) {dims: [64, 50]}"),
      .max_in = UINT32_MAX, .n_out = 1, .differentiable = 1, .infer = cnn_map_infer,
      .batch_role = cnn_map_role },
    { .c = CNN_COMPONENT(cnn_op, "assign", 0, CNN_NO_PARAMS,
                         "state := value at the end of the step", "assign(state, value)"),
      COUNTS(2, 0),
      .infer = cnn_assign_infer,
      .batch_role = cnn_coupled_role },
};

const cnn_plugin cnn_builtin_plugin = {
    .magic = CNN_MAGIC,
    .name = "builtin",
    .version = CNNRUN_VERSION,
    .license = "MIT",
    .summary = "the ops that every backend knows",
    .ops = CNN_TABLE(ops),
};
