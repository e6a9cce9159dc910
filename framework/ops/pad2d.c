/* pad2d and its gradient: PyTorch's torch.nn.functional.pad on the last two axes. */
#include "ops_internal.h"

static const char *const mode_names[] = { "constant", "reflect", "replicate", "circular" };

static cnn_status check_side(const cnn_pad2d_attrs *a, int64_t pad, int64_t size, cnn_error *err)
{
    int64_t limit = CNN_OP_MAX_SIZE;
    if (a->mode == CNN_PAD_REFLECT)
        limit = size - 1;
    if (a->mode == CNN_PAD_CIRCULAR)
        limit = size;
    if (pad > limit)
        return cnn_fail(err, CNN_INVALID,
                        "padding %lld is too large for mode %s on an input side of %lld: at most "
                        "%lld",
                        (long long)pad, mode_names[a->mode], (long long)size, (long long)limit);
    if (pad < 0 && a->mode != CNN_PAD_CONSTANT)
        return cnn_fail(err, CNN_INVALID, "padding %lld: only mode constant can crop, not %s",
                        (long long)pad, mode_names[a->mode]);
    return CNN_OK;
}

static int64_t crop(int64_t pad)
{
    return pad < 0 ? -pad : 0;
}

/* in -> out for both axes. */
static cnn_status padded_size(const cnn_pad2d_attrs *a, const int64_t in[2], int64_t out[2],
                              cnn_error *err)
{
    if (a->mode < 0 || a->mode > CNN_PAD_CIRCULAR)
        return cnn_fail(err, CNN_INVALID, "padding mode %d does not exist", a->mode);
    cnn_status status = cnn_op_check_sizes("padding", a->pad, 4, -CNN_OP_MAX_SIZE, err);
    for (int i = 0; i < 4 && status == CNN_OK; i++)
        status = check_side(a, a->pad[i], in[i / 2], err);
    if (status != CNN_OK)
        return status;
    for (int axis = 0; axis < 2; axis++) {
        int64_t before = a->pad[2 * axis], after = a->pad[2 * axis + 1];
        if (crop(before) + crop(after) >= in[axis])
            return cnn_fail(err, CNN_INVALID, "cropping %lld and %lld leaves nothing of %lld",
                            (long long)crop(before), (long long)crop(after), (long long)in[axis]);
        out[axis] = in[axis] + before + after;
    }
    return CNN_OK;
}

cnn_status cnn_pad2d_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                           cnn_error *err)
{
    (void)n_in;
    cnn_status status = cnn_op_check_type(&in[0], "the input", CNN_F32, 4, err);
    if (status != CNN_OK)
        return status;
    int64_t dims[4] = { in[0].dim[0], in[0].dim[1], 0, 0 };
    status = padded_size(attrs, in[0].dim + 2, dims + 2, err);
    return status == CNN_OK ? cnn_op_result(out, CNN_F32, 4, dims, err) : status;
}

cnn_status cnn_pad2d_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                                cnn_error *err)
{
    const cnn_pad2d_attrs *a = attrs;
    int64_t y[2];
    (void)n_in;
    cnn_status status = cnn_op_check_type(&in[0], "the gradient", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("input size", a->size, 2, 1, err);
    if (status == CNN_OK)
        status = padded_size(a, a->size, y, err);
    if (status != CNN_OK)
        return status;
    if (y[0] != in[0].dim[2] || y[1] != in[0].dim[3])
        return cnn_fail(err, CNN_INVALID, "%s is padded to %s, but the gradient is %s",
                        cnn_op_pair(a->size).s, cnn_op_pair(y).s, cnn_op_pair(in[0].dim + 2).s);
    int64_t dims[4] = { in[0].dim[0], in[0].dim[1], a->size[0], a->size[1] };
    return cnn_op_result(out, CNN_F32, 4, dims, err);
}

void cnn_pad2d_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_pad2d_attrs a = *(const cnn_pad2d_attrs *)call->attrs;
    a.size[0] = cnn_dim(b, call->in[0], 2);
    a.size[1] = cnn_dim(b, call->in[0], 3);
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "pad2d_grad", &a, &dy[0], 1);
}

/* Without the constant, padding is linear. */
void cnn_pad2d_grad_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_pad2d_attrs a = *(const cnn_pad2d_attrs *)call->attrs;
    a.value = 0.0;
    a.size[0] = a.size[1] = 0;
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "pad2d", &a, &dy[0], 1);
}
