/* Pooling, PyTorch's rules. One plane (image, channel) per task. */
#include <math.h>
#include <string.h>

#include "kernels.h"

typedef struct window {
    int64_t y0, y1, x0, x1; /* rows and columns of the input, after clipping */
    int64_t divisor;        /* of an average */
} window;

/* Window of output (oy, ox) for averages: ATen clips to the padded input before it counts. */
static window average_window(const cnn_pool2d_attrs *a, int64_t h, int64_t w, int64_t oh,
                             int64_t ow, int64_t oy, int64_t ox)
{
    window win;
    if (a->adaptive[0] > 0) {
        win.y0 = oy * h / oh;
        win.y1 = ((oy + 1) * h + oh - 1) / oh;
        win.x0 = ox * w / ow;
        win.x1 = ((ox + 1) * w + ow - 1) / ow;
        win.divisor = (win.y1 - win.y0) * (win.x1 - win.x0);
        return win;
    }
    win.y0 = oy * a->stride[0] - a->pad[0];
    win.x0 = ox * a->stride[1] - a->pad[2];
    win.y1 = win.y0 + a->kernel[0] < h + a->pad[1] ? win.y0 + a->kernel[0] : h + a->pad[1];
    win.x1 = win.x0 + a->kernel[1] < w + a->pad[3] ? win.x0 + a->kernel[1] : w + a->pad[3];
    win.divisor = (win.y1 - win.y0) * (win.x1 - win.x0);
    win.y0 = win.y0 > 0 ? win.y0 : 0;
    win.x0 = win.x0 > 0 ? win.x0 : 0;
    win.y1 = win.y1 < h ? win.y1 : h;
    win.x1 = win.x1 < w ? win.x1 : w;
    if (!a->count_include_pad)
        win.divisor = (win.y1 - win.y0) * (win.x1 - win.x0);
    return win;
}

static void average_plane(const cnn_kernel_args *args, int64_t plane)
{
    const cnn_type *in = &args->in[0].type, *out = &args->out[0].type;
    int64_t h = in->dim[2], w = in->dim[3], oh = out->dim[2], ow = out->dim[3];
    const float *x = cnn_f32(&args->in[0]) + plane * h * w;
    float *y = cnn_f32(&args->out[0]) + plane * oh * ow;
    for (int64_t oy = 0; oy < oh; oy++)
        for (int64_t ox = 0; ox < ow; ox++) {
            window win = average_window(args->attrs, h, w, oh, ow, oy, ox);
            double sum = 0;
            for (int64_t iy = win.y0; iy < win.y1; iy++)
                for (int64_t ix = win.x0; ix < win.x1; ix++)
                    sum += (double)x[iy * w + ix];
            *y++ = (float)(sum / (double)win.divisor);
        }
}

cnn_status reference_avg_pool2d(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *in = &args->in[0].type;
    (void)err;
    return reference_parallel(args, in->dim[0] * in->dim[1], average_plane);
}

/* A row of dx in double; sums over the windows in the order of the outputs. */
static void average_grad_plane(const cnn_kernel_args *args, int64_t plane)
{
    const cnn_type *in = &args->in[0].type, *out = &args->out[0].type;
    int64_t oh = in->dim[2], ow = in->dim[3], h = out->dim[2], w = out->dim[3];
    const float *dy = cnn_f32(&args->in[0]) + plane * oh * ow;
    float *dx = cnn_f32(&args->out[0]) + plane * h * w;
    for (int64_t iy = 0; iy < h; iy++)
        for (int64_t ix = 0; ix < w; ix++)
            dx[iy * w + ix] = 0;
    for (int64_t oy = 0; oy < oh; oy++)
        for (int64_t ox = 0; ox < ow; ox++) {
            window win = average_window(args->attrs, h, w, oh, ow, oy, ox);
            double part = (double)dy[oy * ow + ox] / (double)win.divisor;
            for (int64_t iy = win.y0; iy < win.y1; iy++)
                for (int64_t ix = win.x0; ix < win.x1; ix++)
                    dx[iy * w + ix] = (float)((double)dx[iy * w + ix] + part);
        }
}

cnn_status reference_avg_pool2d_grad(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *in = &args->in[0].type;
    (void)err;
    return reference_parallel(args, in->dim[0] * in->dim[1], average_grad_plane);
}

/* Index of the largest element of a window; NaN wins, of equals the first. */
static int64_t winner(const cnn_pool2d_attrs *a, const float *x, int64_t h, int64_t w, int64_t oy,
                      int64_t ox)
{
    int64_t best = -1;
    for (int64_t ky = 0; ky < a->kernel[0]; ky++)
        for (int64_t kx = 0; kx < a->kernel[1]; kx++) {
            int64_t iy = oy * a->stride[0] - a->pad[0] + ky * a->dilation[0];
            int64_t ix = ox * a->stride[1] - a->pad[2] + kx * a->dilation[1];
            if (iy < 0 || iy >= h || ix < 0 || ix >= w)
                continue;
            int64_t at = iy * w + ix;
            if (best < 0 || x[at] > x[best] || (isnan(x[at]) && !isnan(x[best])))
                best = at;
        }
    return best;
}

static void max_plane(const cnn_kernel_args *args, int64_t plane)
{
    const cnn_type *in = &args->in[0].type, *out = &args->out[0].type;
    int64_t h = in->dim[2], w = in->dim[3], oh = out->dim[2], ow = out->dim[3];
    const float *x = cnn_f32(&args->in[0]) + plane * h * w;
    float *y = cnn_f32(&args->out[0]) + plane * oh * ow;
    for (int64_t oy = 0; oy < oh; oy++)
        for (int64_t ox = 0; ox < ow; ox++) {
            int64_t best = winner(args->attrs, x, h, w, oy, ox);
            *y++ = best >= 0 ? x[best] : -INFINITY;
        }
}

cnn_status reference_max_pool2d(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *in = &args->in[0].type;
    (void)err;
    return reference_parallel(args, in->dim[0] * in->dim[1], max_plane);
}

static void max_grad_plane(const cnn_kernel_args *args, int64_t plane)
{
    const cnn_type *in = &args->in[0].type, *out = &args->in[1].type;
    int64_t h = in->dim[2], w = in->dim[3], oh = out->dim[2], ow = out->dim[3];
    const float *x = cnn_f32(&args->in[0]) + plane * h * w;
    const float *dy = cnn_f32(&args->in[1]) + plane * oh * ow;
    float *dx = cnn_f32(&args->out[0]) + plane * h * w;
    memset(dx, 0, (size_t)(h * w) * sizeof *dx);
    for (int64_t oy = 0; oy < oh; oy++)
        for (int64_t ox = 0; ox < ow; ox++) {
            int64_t best = winner(args->attrs, x, h, w, oy, ox);
            if (best >= 0)
                dx[best] = (float)((double)dx[best] + (double)dy[oy * ow + ox]);
        }
}

cnn_status reference_max_pool2d_grad(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *in = &args->in[0].type;
    (void)err;
    return reference_parallel(args, in->dim[0] * in->dim[1], max_grad_plane);
}
