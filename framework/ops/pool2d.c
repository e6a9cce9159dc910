/* max_pool2d, avg_pool2d and their gradients; PyTorch's window rules. */
#include "ops_internal.h"

static const int64_t no_dilation[2] = { 1, 1 };

static cnn_op_windows windows(const cnn_pool2d_attrs *a, const int64_t *dilation)
{
    return (cnn_op_windows){ a->kernel, a->stride, dilation, a->pad, a->ceil_mode };
}

static cnn_status check_attrs(const cnn_pool2d_attrs *a, const int64_t *dilation, cnn_error *err)
{
    cnn_status status = cnn_op_check_sizes("kernel size", a->kernel, 2, 1, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("stride", a->stride, 2, 1, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("dilation", dilation, 2, 1, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("padding", a->pad, 4, 0, err);
    if (status != CNN_OK)
        return status;
    for (int i = 0; i < 4; i++) {
        int64_t reach = dilation[i / 2] * (a->kernel[i / 2] - 1) + 1;
        if (a->pad[i] >= reach)
            return cnn_fail(err, CNN_INVALID,
                            "padding %lld is not smaller than the kernel, which reaches over %lld: "
                            "a window would lie in the padding alone",
                            (long long)a->pad[i], (long long)reach);
    }
    return CNN_OK;
}

/* With a dilation larger than the input all taps of a window that begins in the padding may miss
 * the input. Taps of a window at `start` < 0 that are not negative begin at start mod dilation;
 * the pattern repeats after at most `dilation` windows. */
static bool window_misses(const cnn_pool2d_attrs *a, const int64_t in[2], const int64_t out[2],
                          int axis)
{
    int64_t dilation = a->dilation[axis], start = -a->pad[2 * axis];
    if (dilation <= in[axis])
        return false;
    for (int64_t i = 0; i < out[axis] && i < dilation && start < 0; i++) {
        int64_t tap = (dilation - -start % dilation) % dilation;
        if (tap >= in[axis])
            return true;
        start += a->stride[axis];
    }
    return false;
}

cnn_status cnn_max_pool2d_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                                cnn_error *err)
{
    const cnn_pool2d_attrs *a = attrs;
    (void)n_in;
    cnn_status status = cnn_op_check_type(&in[0], "the input", CNN_F32, 4, err);
    if (status != CNN_OK)
        return status;
    if (a->adaptive[0] != 0 || a->adaptive[1] != 0)
        return cnn_fail(err, CNN_UNSUPPORTED, "max pooling has no adaptive form");
    int64_t dims[4] = { in[0].dim[0], in[0].dim[1], 0, 0 };
    cnn_op_windows slide = windows(a, a->dilation);
    status = check_attrs(a, a->dilation, err);
    if (status == CNN_OK)
        status = cnn_op_count_windows(&slide, in[0].dim + 2, dims + 2, err);
    if (status != CNN_OK)
        return status;
    if (window_misses(a, in[0].dim + 2, dims + 2, 0) ||
        window_misses(a, in[0].dim + 2, dims + 2, 1))
        return cnn_fail(err, CNN_INVALID, "dilation %s makes a window miss the input %s",
                        cnn_op_pair(a->dilation).s, cnn_op_pair(in[0].dim + 2).s);
    return cnn_op_result(out, CNN_F32, 4, dims, err);
}

cnn_status cnn_max_pool2d_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                     cnn_type *out, cnn_error *err)
{
    (void)n_in;
    cnn_type y;
    cnn_status status = cnn_max_pool2d_infer(attrs, in, 1, &y, err);
    if (status == CNN_OK)
        status = cnn_op_check_same(&y, "the result", &in[1], "its gradient", err);
    *out = in[0];
    return status;
}

/* Output size of average pooling over an input of size[2]. */
static cnn_status avg_size(const cnn_pool2d_attrs *a, const int64_t size[2], int64_t out[2],
                           cnn_error *err)
{
    if (a->adaptive[0] != 0 || a->adaptive[1] != 0) {
        out[0] = a->adaptive[0];
        out[1] = a->adaptive[1];
        return cnn_op_check_sizes("output size", a->adaptive, 2, 1, err);
    }
    cnn_status status = check_attrs(a, no_dilation, err);
    if (status != CNN_OK)
        return status;
    if (a->dilation[0] != 1 || a->dilation[1] != 1)
        return cnn_fail(err, CNN_INVALID, "average pooling has no dilation, but %s was asked for",
                        cnn_op_pair(a->dilation).s);
    cnn_op_windows slide = windows(a, no_dilation);
    return cnn_op_count_windows(&slide, size, out, err);
}

cnn_status cnn_avg_pool2d_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                                cnn_error *err)
{
    (void)n_in;
    cnn_status status = cnn_op_check_type(&in[0], "the input", CNN_F32, 4, err);
    if (status != CNN_OK)
        return status;
    int64_t dims[4] = { in[0].dim[0], in[0].dim[1], 0, 0 };
    status = avg_size(attrs, in[0].dim + 2, dims + 2, err);
    return status == CNN_OK ? cnn_op_result(out, CNN_F32, 4, dims, err) : status;
}

cnn_status cnn_avg_pool2d_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                     cnn_type *out, cnn_error *err)
{
    const cnn_pool2d_attrs *a = attrs;
    int64_t y[2];
    (void)n_in;
    cnn_status status = cnn_op_check_type(&in[0], "the gradient", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("input size", a->size, 2, 1, err);
    if (status == CNN_OK)
        status = avg_size(a, a->size, y, err);
    if (status != CNN_OK)
        return status;
    if (y[0] != in[0].dim[2] || y[1] != in[0].dim[3])
        return cnn_fail(err, CNN_INVALID,
                        "an input of %s gives an output of %s, but the gradient is %s",
                        cnn_op_pair(a->size).s, cnn_op_pair(y).s, cnn_op_pair(in[0].dim + 2).s);
    int64_t dims[4] = { in[0].dim[0], in[0].dim[1], a->size[0], a->size[1] };
    return cnn_op_result(out, CNN_F32, 4, dims, err);
}

void cnn_max_pool2d_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_value in[2] = { call->in[0], dy[0] };
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "max_pool2d_grad", call->attrs, in, 2);
}

void cnn_avg_pool2d_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_pool2d_attrs a = *(const cnn_pool2d_attrs *)call->attrs;
    a.size[0] = cnn_dim(b, call->in[0], 2);
    a.size[1] = cnn_dim(b, call->in[0], 3);
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "avg_pool2d_grad", &a, &dy[0], 1);
}

/* Averaging is linear: the gradient of its gradient is averaging again. */
void cnn_avg_pool2d_grad_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy,
                              cnn_value *dx)
{
    cnn_pool2d_attrs a = *(const cnn_pool2d_attrs *)call->attrs;
    a.size[0] = a.size[1] = 0;
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "avg_pool2d", &a, &dy[0], 1);
}
