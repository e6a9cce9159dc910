/* Ops that move data: concat, slice, reshape, transpose. Any dtype; gradients for f32. */
#include "ops_internal.h"

cnn_status cnn_concat_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                            cnn_error *err)
{
    int64_t axis = ((const cnn_axis_attrs *)attrs)->axis;
    cnn_status status = cnn_op_check_axis(axis, &in[0], err);
    if (status != CNN_OK)
        return status;
    cnn_type sum = in[0];
    for (uint32_t i = 1; i < n_in; i++) {
        cnn_type like = in[0];
        if (in[i].rank == like.rank)
            like.dim[axis] = in[i].dim[axis];
        if (!cnn_same_type(&like, &in[i]))
            return cnn_fail(err, CNN_INVALID,
                            "input 1 is %s %s, but input %u is %s %s: they may differ in axis "
                            "%lld only",
                            cnn_op_dtype(in[0].dtype), cnn_op_shape(&in[0]).s, i + 1,
                            cnn_op_dtype(in[i].dtype), cnn_op_shape(&in[i]).s, (long long)axis);
        if (sum.dim[axis] > INT64_MAX - in[i].dim[axis])
            return cnn_fail(err, CNN_INVALID, "the joined axis is too long");
        sum.dim[axis] += in[i].dim[axis];
    }
    return cnn_op_result(out, sum.dtype, sum.rank, sum.dim, err);
}

void cnn_concat_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    int64_t axis = ((const cnn_axis_attrs *)call->attrs)->axis, start = 0;
    for (uint32_t i = 0; i < call->n_in; i++) {
        int64_t length = cnn_dim(b, call->in[i], (uint32_t)axis);
        if (call->wanted[i])
            dx[i] = cnn_slice(b, dy[0], axis, start, length);
        start += length;
    }
}

cnn_status cnn_slice_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                           cnn_error *err)
{
    const cnn_slice_attrs *a = attrs;
    (void)n_in;
    cnn_status status = cnn_op_check_axis(a->axis, &in[0], err);
    if (status != CNN_OK)
        return status;
    int64_t size = in[0].dim[a->axis];
    if (a->start < 0 || a->length < 1 || a->start > size || a->length > size - a->start)
        return cnn_fail(err, CNN_INVALID,
                        "cannot take %lld elements from number %lld on: axis %lld of %s has %lld",
                        (long long)a->length, (long long)a->start, (long long)a->axis,
                        cnn_op_shape(&in[0]).s, (long long)size);
    *out = in[0];
    out->dim[a->axis] = a->length;
    return CNN_OK;
}

/* Zeros before and behind. */
void cnn_slice_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    const cnn_slice_attrs *a = call->attrs;
    if (!call->wanted[0])
        return;
    cnn_value parts[3];
    uint32_t n = 0;
    cnn_type part = *cnn_type_of(b, call->in[0]);
    int64_t behind = part.dim[a->axis] - a->start - a->length;
    part.dim[a->axis] = a->start;
    if (a->start > 0)
        parts[n++] = cnn_op_zeros(b, part);
    parts[n++] = dy[0];
    part.dim[a->axis] = behind;
    if (behind > 0)
        parts[n++] = cnn_op_zeros(b, part);
    dx[0] = n == 1 ? dy[0] : cnn_concat(b, parts, n, a->axis);
}

uint32_t cnn_slice_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    (void)in, (void)batched, (void)n_in;
    return ((const cnn_slice_attrs *)attrs)->axis == 0 ? CNN_BATCH_COUPLED : CNN_BATCH_PER_SAMPLE;
}

cnn_status cnn_reshape_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                             cnn_error *err)
{
    const cnn_ints *dims = &((const cnn_dims_attrs *)attrs)->dims;
    (void)n_in;
    cnn_status status = cnn_op_result(out, in[0].dtype, dims->count, dims->v, err);
    if (status != CNN_OK || cnn_count(out) == cnn_count(&in[0]))
        return status;
    return cnn_fail(err, CNN_INVALID, "%s has %lld elements, but %s has %lld",
                    cnn_op_shape(&in[0]).s, (long long)cnn_count(&in[0]), cnn_op_shape(out).s,
                    (long long)cnn_count(out));
}

void cnn_reshape_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_type x = *cnn_type_of(b, call->in[0]);
    if (call->wanted[0])
        dx[0] = cnn_reshape(b, dy[0], x.rank, x.dim);
}

uint32_t cnn_reshape_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    const cnn_ints *dims = &((const cnn_dims_attrs *)attrs)->dims;
    (void)batched, (void)n_in;
    return dims->count > 0 && dims->v[0] == in[0].dim[0] ? CNN_BATCH_PER_SAMPLE : CNN_BATCH_COUPLED;
}

cnn_status cnn_transpose_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                               cnn_error *err)
{
    const cnn_ints *dims = &((const cnn_dims_attrs *)attrs)->dims;
    (void)n_in;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < dims->count && dims->count == in[0].rank; i++)
        if (dims->v[i] >= 0 && dims->v[i] < (int64_t)in[0].rank)
            seen |= 1u << dims->v[i];
    if (dims->count != in[0].rank || seen != (1u << in[0].rank) - 1)
        return cnn_fail(err, CNN_INVALID,
                        "the order of axes must name each of the %u axes of %s "
                        "once, from 0 on",
                        in[0].rank, cnn_op_shape(&in[0]).s);
    *out = in[0];
    for (uint32_t i = 0; i < dims->count; i++)
        out->dim[i] = in[0].dim[dims->v[i]];
    return CNN_OK;
}

void cnn_transpose_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    const cnn_ints *dims = &((const cnn_dims_attrs *)call->attrs)->dims;
    int64_t inverse[CNN_MAX_RANK] = { 0 };
    for (uint32_t i = 0; i < dims->count; i++)
        inverse[dims->v[i]] = i;
    cnn_dims_attrs back = { { dims->count, -1, inverse } };
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "transpose", &back, &dy[0], 1);
}

uint32_t cnn_transpose_role(const void *attrs, const cnn_type *in, const bool *batched,
                            uint32_t n_in)
{
    const cnn_ints *dims = &((const cnn_dims_attrs *)attrs)->dims;
    (void)in, (void)batched, (void)n_in;
    return dims->count > 0 && dims->v[0] == 0 ? CNN_BATCH_PER_SAMPLE : CNN_BATCH_COUPLED;
}
