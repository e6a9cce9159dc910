/* resize2d and its gradient: torch.nn.functional.interpolate to a given size. */
#include "ops_internal.h"

static cnn_status check_attrs(const cnn_resize2d_attrs *a, cnn_error *err)
{
    if (a->mode != CNN_RESIZE_NEAREST && a->mode != CNN_RESIZE_BILINEAR)
        return cnn_fail(err, CNN_INVALID, "resize mode %d does not exist", a->mode);
    if (a->align_corners && a->mode == CNN_RESIZE_NEAREST)
        return cnn_fail(err, CNN_INVALID, "align_corners has a meaning for mode bilinear only");
    return cnn_op_check_sizes("output size", a->size, 2, 1, err);
}

cnn_status cnn_resize2d_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                              cnn_error *err)
{
    const cnn_resize2d_attrs *a = attrs;
    (void)n_in;
    cnn_status status = cnn_op_check_type(&in[0], "the input", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = check_attrs(a, err);
    int64_t dims[4] = { in[0].dim[0], in[0].dim[1], a->size[0], a->size[1] };
    return status == CNN_OK ? cnn_op_result(out, CNN_F32, 4, dims, err) : status;
}

cnn_status cnn_resize2d_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                   cnn_type *out, cnn_error *err)
{
    const cnn_resize2d_attrs *a = attrs;
    (void)n_in;
    cnn_status status = cnn_op_check_type(&in[0], "the gradient", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = check_attrs(a, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("input size", a->from, 2, 1, err);
    if (status != CNN_OK)
        return status;
    if (a->size[0] != in[0].dim[2] || a->size[1] != in[0].dim[3])
        return cnn_fail(err, CNN_INVALID, "resizing gives %s, but the gradient is %s",
                        cnn_op_pair(a->size).s, cnn_op_pair(in[0].dim + 2).s);
    int64_t dims[4] = { in[0].dim[0], in[0].dim[1], a->from[0], a->from[1] };
    return cnn_op_result(out, CNN_F32, 4, dims, err);
}

void cnn_resize2d_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_resize2d_attrs a = *(const cnn_resize2d_attrs *)call->attrs;
    a.from[0] = cnn_dim(b, call->in[0], 2);
    a.from[1] = cnn_dim(b, call->in[0], 3);
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "resize2d_grad", &a, &dy[0], 1);
}

/* Resizing is linear. */
void cnn_resize2d_grad_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy,
                            cnn_value *dx)
{
    cnn_resize2d_attrs a = *(const cnn_resize2d_attrs *)call->attrs;
    a.from[0] = a.from[1] = 0;
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "resize2d", &a, &dy[0], 1);
}
