/* Data movement: concat, slice, reshape, transpose, cast, random, assign. */
#include <string.h>

#include <cnnrun/rng.h>

#include "kernels.h"

cnn_status reference_concat(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_axis_attrs *attrs = args->attrs;
    const cnn_type *out = &args->out[0].type;
    uint32_t axis = (uint32_t)attrs->axis;
    int64_t outer = cnn_span(out, 0, axis), size = cnn_dtype_size(out->dtype);
    char *to = args->out[0].data;
    (void)err;
    for (int64_t o = 0; o < outer; o++)
        for (uint32_t i = 0; i < args->n_in; i++) {
            const cnn_type *in = &args->in[i].type;
            size_t bytes = (size_t)(cnn_span(in, axis, in->rank) * size);
            memcpy(to, (const char *)args->in[i].data + (size_t)o * bytes, bytes);
            to += bytes;
        }
    return CNN_OK;
}

cnn_status reference_slice(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_slice_attrs *attrs = args->attrs;
    const cnn_type *in = &args->in[0].type;
    uint32_t axis = (uint32_t)attrs->axis;
    int64_t outer = cnn_span(in, 0, axis);
    int64_t inner = cnn_span(in, axis + 1, in->rank) * cnn_dtype_size(in->dtype);
    (void)err;
    for (int64_t o = 0; o < outer; o++)
        memcpy((char *)args->out[0].data + o * attrs->length * inner,
               (const char *)args->in[0].data + (o * in->dim[axis] + attrs->start) * inner,
               (size_t)(attrs->length * inner));
    return CNN_OK;
}

/* The planner may have given both the same place. */
cnn_status reference_reshape(const cnn_kernel_args *args, cnn_error *err)
{
    (void)err;
    if (args->out[0].data != args->in[0].data)
        memcpy(args->out[0].data, args->in[0].data, (size_t)cnn_bytes(&args->in[0].type));
    return CNN_OK;
}

cnn_status reference_transpose(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_dims_attrs *attrs = args->attrs;
    const cnn_type *in = &args->in[0].type, *out = &args->out[0].type;
    int64_t size = cnn_dtype_size(in->dtype), count = cnn_count(out);
    (void)err;
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, from = 0;
        for (uint32_t k = out->rank; k > 0; k--) {
            uint32_t axis = (uint32_t)attrs->dims.v[k - 1];
            from += rest % out->dim[k - 1] * cnn_span(in, axis + 1, in->rank);
            rest /= out->dim[k - 1];
        }
        memcpy((char *)args->out[0].data + i * size, (const char *)args->in[0].data + from * size,
               (size_t)size);
    }
    return CNN_OK;
}

static double load(const cnn_tensor *t, int64_t i)
{
    switch (t->type.dtype) {
    case CNN_I32:
        return (double)cnn_i32(t)[i];
    case CNN_U8:
        return (double)cnn_u8(t)[i];
    default:
        return (double)cnn_f32(t)[i];
    }
}

/* Truncation towards zero; NaN is 0; what does not fit becomes the nearest number that does. */
static double saturate(double v, double low, double high)
{
    return v != v ? 0 : v < low ? low : v > high ? high : v;
}

cnn_status reference_cast(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_tensor *out = &args->out[0];
    (void)err;
    for (int64_t i = 0; i < cnn_count(&out->type); i++) {
        double v = load(&args->in[0], i);
        if (out->type.dtype == CNN_I32)
            cnn_i32(out)[i] = (int32_t)saturate(v, -2147483648.0, 2147483647.0);
        else if (out->type.dtype == CNN_U8)
            cnn_u8(out)[i] = (uint8_t)saturate(v, 0, 255);
        else
            cnn_f32(out)[i] = (float)v;
    }
    return CNN_OK;
}

/* in: seed (two halves), step. */
cnn_status reference_random(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_random_attrs *attrs = args->attrs;
    const int32_t *halves = cnn_i32(&args->in[0]);
    uint64_t seed = (uint64_t)(uint32_t)halves[1] << 32 | (uint32_t)halves[0];
    uint32_t step = (uint32_t)cnn_i32(&args->in[1])[0];
    uint32_t purpose = (uint32_t)CNN_RNG_OP + (uint32_t)attrs->stream;
    float *out = cnn_f32(&args->out[0]);
    (void)err;
    for (int64_t i = 0; i < cnn_count(&args->out[0].type); i++)
        out[i] = cnn_unit_float(cnn_random_bits(seed, purpose, step, (uint64_t)i));
    return CNN_OK;
}

/* in: state, value. Nothing reads the state after this in the program. */
cnn_status reference_assign(const cnn_kernel_args *args, cnn_error *err)
{
    (void)err;
    memcpy(args->in[0].data, args->in[1].data, (size_t)cnn_bytes(&args->in[0].type));
    return CNN_OK;
}
