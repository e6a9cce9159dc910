/* Padding: every output element has one source; the gradient adds outputs to their sources. */
#include <string.h>

#include "kernels.h"

/* Source position for an output position, or -1: outside, in constant mode. */
static int64_t source(int64_t out, int64_t before, int64_t size, int32_t mode)
{
    int64_t at = out - before;
    if (at >= 0 && at < size)
        return at;
    switch (mode) {
    case CNN_PAD_REFLECT:
        return at < 0 ? -at : 2 * (size - 1) - at;
    case CNN_PAD_REPLICATE:
        return at < 0 ? 0 : size - 1;
    case CNN_PAD_CIRCULAR:
        return at < 0 ? at + size : at - size;
    default:
        return -1;
    }
}

static void pad_plane(const cnn_kernel_args *args, int64_t plane)
{
    const cnn_pad2d_attrs *a = args->attrs;
    const cnn_type *in = &args->in[0].type, *out = &args->out[0].type;
    int64_t h = in->dim[2], w = in->dim[3], oh = out->dim[2], ow = out->dim[3];
    const float *x = cnn_f32(&args->in[0]) + plane * h * w;
    float *y = cnn_f32(&args->out[0]) + plane * oh * ow;
    for (int64_t oy = 0; oy < oh; oy++)
        for (int64_t ox = 0; ox < ow; ox++) {
            int64_t iy = source(oy, a->pad[0], h, a->mode), ix = source(ox, a->pad[2], w, a->mode);
            *y++ = iy >= 0 && ix >= 0 ? x[iy * w + ix] : (float)a->value;
        }
}

cnn_status reference_pad2d(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *in = &args->in[0].type;
    (void)err;
    return reference_parallel(args, in->dim[0] * in->dim[1], pad_plane);
}

static void pad_grad_plane(const cnn_kernel_args *args, int64_t plane)
{
    const cnn_pad2d_attrs *a = args->attrs;
    const cnn_type *in = &args->in[0].type, *out = &args->out[0].type;
    int64_t oh = in->dim[2], ow = in->dim[3], h = out->dim[2], w = out->dim[3];
    const float *dy = cnn_f32(&args->in[0]) + plane * oh * ow;
    float *dx = cnn_f32(&args->out[0]) + plane * h * w;
    memset(dx, 0, (size_t)(h * w) * sizeof *dx);
    for (int64_t oy = 0; oy < oh; oy++)
        for (int64_t ox = 0; ox < ow; ox++) {
            int64_t iy = source(oy, a->pad[0], h, a->mode), ix = source(ox, a->pad[2], w, a->mode);
            if (iy >= 0 && ix >= 0)
                dx[iy * w + ix] = (float)((double)dx[iy * w + ix] + (double)dy[oy * ow + ox]);
        }
}

cnn_status reference_pad2d_grad(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *in = &args->in[0].type;
    (void)err;
    return reference_parallel(args, in->dim[0] * in->dim[1], pad_grad_plane);
}
