/* reduce (sum, mean, max over axes) and argmax. */
#include "ops_internal.h"

static bool reduced(const cnn_reduce_attrs *a, uint32_t axis)
{
    return (a->axes >> axis & 1) != 0;
}

/* The result's type with the reduced axes as 1, or without them. */
static cnn_type result(const cnn_reduce_attrs *a, const cnn_type *x, bool keepdim)
{
    cnn_type y = cnn_scalar_type((cnn_dtype)x->dtype);
    for (uint32_t i = 0; i < x->rank; i++)
        if (!reduced(a, i) || keepdim)
            y.dim[y.rank++] = reduced(a, i) ? 1 : x->dim[i];
    return y;
}

cnn_status cnn_reduce_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                            cnn_error *err)
{
    const cnn_reduce_attrs *a = attrs;
    (void)n_in;
    cnn_status status = cnn_op_check_dtype(&in[0], "the input", CNN_F32, err);
    if (status != CNN_OK)
        return status;
    if (a->kind < 0 || a->kind > CNN_REDUCE_MAX)
        return cnn_fail(err, CNN_INVALID, "reduction %d does not exist", a->kind);
    if (a->axes < 0 || a->axes >> in[0].rank != 0)
        return cnn_fail(err, CNN_INVALID, "the axes mask %lld does not fit %s, which has %u axes",
                        (long long)a->axes, cnn_op_shape(&in[0]).s, in[0].rank);
    *out = result(a, &in[0], a->keepdim);
    return CNN_OK;
}

/* sum: dy goes to every element; mean: divided by their number; max: shared evenly among the
 * elements that equal the maximum, as torch.amax does. */
void cnn_reduce_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    const cnn_reduce_attrs *a = call->attrs;
    if (!call->wanted[0])
        return;
    cnn_type x = *cnn_type_of(b, call->in[0]);
    cnn_type kept = result(a, &x, true);
    cnn_value g = cnn_reshape(b, dy[0], kept.rank, kept.dim);
    if (a->kind == CNN_REDUCE_MAX) {
        cnn_value y = cnn_reshape(b, call->out[0], kept.rank, kept.dim);
        cnn_value winners = cnn_eq(b, call->in[0], y);
        cnn_value ties = cnn_reduce(b, winners, CNN_REDUCE_SUM, a->axes, true);
        dx[0] = cnn_mul(b, winners, cnn_div(b, g, ties));
        return;
    }
    if (a->kind == CNN_REDUCE_MEAN)
        g = cnn_scale(b, g, (double)cnn_count(&kept) / (double)cnn_count(&x));
    dx[0] = cnn_expand(b, g, x);
}

uint32_t cnn_reduce_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    const cnn_reduce_attrs *a = attrs;
    (void)in, (void)batched, (void)n_in;
    if (!reduced(a, 0))
        return CNN_BATCH_PER_SAMPLE;
    return a->kind == CNN_REDUCE_MAX ? CNN_BATCH_COUPLED : CNN_BATCH_SUMS;
}

cnn_status cnn_argmax_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                            cnn_error *err)
{
    int64_t axis = ((const cnn_axis_attrs *)attrs)->axis;
    (void)n_in;
    cnn_status status = cnn_op_check_dtype(&in[0], "the input", CNN_F32, err);
    if (status == CNN_OK)
        status = cnn_op_check_axis(axis, &in[0], err);
    if (status != CNN_OK)
        return status;
    if (in[0].dim[axis] > INT32_MAX)
        return cnn_fail(err, CNN_INVALID, "axis %lld of %s is too long for an i32 index",
                        (long long)axis, cnn_op_shape(&in[0]).s);
    cnn_reduce_attrs one = { CNN_REDUCE_MAX, (int64_t)1 << axis, false };
    *out = result(&one, &in[0], false);
    out->dtype = CNN_I32;
    return CNN_OK;
}

uint32_t cnn_axis_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    (void)in, (void)batched, (void)n_in;
    return ((const cnn_axis_attrs *)attrs)->axis == 0 ? CNN_BATCH_COUPLED : CNN_BATCH_PER_SAMPLE;
}
