/* Resampling as torch.nn.functional.interpolate: nearest by floor, bilinear with or without aligned
 * corners. Two source rows and columns with weights serve both modes and the gradient. */
#include <string.h>

#include "kernels.h"

typedef struct tap {
    int64_t a, b; /* source positions */
    double wb;    /* weight of b; that of a is 1 - wb */
} tap;

static tap tap_of(const cnn_resize2d_attrs *attrs, int64_t out, int64_t in_size, int64_t out_size)
{
    tap t = { out * in_size / out_size, 0, 0 };
    t.b = t.a;
    if (attrs->mode == CNN_RESIZE_NEAREST)
        return t;
    double at =
        attrs->align_corners
            ? (out_size > 1 ? (double)out * (double)(in_size - 1) / (double)(out_size - 1) : 0)
            : ((double)out + 0.5) * (double)in_size / (double)out_size - 0.5;
    at = at > 0 ? at : 0;
    t.a = (int64_t)at;
    t.a = t.a < in_size - 1 ? t.a : in_size - 1;
    t.b = t.a < in_size - 1 ? t.a + 1 : t.a;
    t.wb = at - (double)t.a;
    return t;
}

static void resize_plane(const cnn_kernel_args *args, int64_t plane)
{
    const cnn_type *in = &args->in[0].type, *out = &args->out[0].type;
    int64_t h = in->dim[2], w = in->dim[3], oh = out->dim[2], ow = out->dim[3];
    const float *x = cnn_f32(&args->in[0]) + plane * h * w;
    float *y = cnn_f32(&args->out[0]) + plane * oh * ow;
    for (int64_t oy = 0; oy < oh; oy++) {
        tap v = tap_of(args->attrs, oy, h, oh);
        for (int64_t ox = 0; ox < ow; ox++) {
            tap u = tap_of(args->attrs, ox, w, ow);
            double top = (1 - u.wb) * (double)x[v.a * w + u.a] + u.wb * (double)x[v.a * w + u.b];
            double low = (1 - u.wb) * (double)x[v.b * w + u.a] + u.wb * (double)x[v.b * w + u.b];
            *y++ = (float)((1 - v.wb) * top + v.wb * low);
        }
    }
}

cnn_status reference_resize2d(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *in = &args->in[0].type;
    (void)err;
    return reference_parallel(args, in->dim[0] * in->dim[1], resize_plane);
}

static void add_to(float *dx, int64_t at, double value)
{
    dx[at] = (float)((double)dx[at] + value);
}

static void resize_grad_plane(const cnn_kernel_args *args, int64_t plane)
{
    const cnn_type *in = &args->in[0].type, *out = &args->out[0].type;
    int64_t oh = in->dim[2], ow = in->dim[3], h = out->dim[2], w = out->dim[3];
    const float *dy = cnn_f32(&args->in[0]) + plane * oh * ow;
    float *dx = cnn_f32(&args->out[0]) + plane * h * w;
    memset(dx, 0, (size_t)(h * w) * sizeof *dx);
    for (int64_t oy = 0; oy < oh; oy++) {
        tap v = tap_of(args->attrs, oy, h, oh);
        for (int64_t ox = 0; ox < ow; ox++) {
            tap u = tap_of(args->attrs, ox, w, ow);
            double d = (double)*dy++;
            add_to(dx, v.a * w + u.a, d * (1 - v.wb) * (1 - u.wb));
            add_to(dx, v.a * w + u.b, d * (1 - v.wb) * u.wb);
            add_to(dx, v.b * w + u.a, d * v.wb * (1 - u.wb));
            add_to(dx, v.b * w + u.b, d * v.wb * u.wb);
        }
    }
}

cnn_status reference_resize2d_grad(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *in = &args->in[0].type;
    (void)err;
    return reference_parallel(args, in->dim[0] * in->dim[1], resize_grad_plane);
}
