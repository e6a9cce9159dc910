/* Convolution in its three directions. A row of outputs is summed at once, so that the inner loops
 * run over neighbouring numbers; every sum still has its own accumulator and order: c, ky, kx. */
#include <string.h>

#include "kernels.h"

enum { ROW = 512 }; /* outputs of a row that are summed at once: 4 KiB of doubles */

typedef struct geometry {
    int64_t n, c, h, w;     /* of x */
    int64_t o, oh, ow;      /* of y */
    int64_t kh, kw, cg, og; /* kernel; channels per group of x and y */
    const cnn_conv2d_attrs *a;
} geometry;

static geometry geometry_of(const cnn_type *x, const cnn_type *w, const cnn_type *y,
                            const cnn_conv2d_attrs *a)
{
    return (geometry){ x->dim[0],
                       x->dim[1],
                       x->dim[2],
                       x->dim[3],
                       y->dim[1],
                       y->dim[2],
                       y->dim[3],
                       w->dim[2],
                       w->dim[3],
                       x->dim[1] / a->groups,
                       y->dim[1] / a->groups,
                       a };
}

/* Smallest and past-largest output position whose tap at `offset` lies inside [0, size). */
static void tap_range(int64_t outs, int64_t size, int64_t stride, int64_t offset, int64_t *first,
                      int64_t *end)
{
    *first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    *end = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
    *end = *end < outs ? *end : outs;
}

/* sums[x - x0] += weight * in[x * stride + offset] for x in [x0, x1) where the input exists. */
static void add_tap(double *sums, const float *in, double weight, const geometry *g, int64_t offset,
                    int64_t x0, int64_t x1)
{
    int64_t first, end, stride = g->a->stride[1];
    tap_range(g->ow, g->w, stride, offset, &first, &end);
    first = first > x0 ? first : x0;
    end = end < x1 ? end : x1;
    if (stride == 1) {
        const float *from = in + offset;
        for (int64_t x = first; x < end; x++)
            sums[x - x0] += weight * (double)from[x];
    } else {
        for (int64_t x = first; x < end; x++)
            sums[x - x0] += weight * (double)in[x * stride + offset];
    }
}

static void forward_row(const geometry *g, const float *x, const float *w, float *y, int64_t oy,
                        int64_t x0, int64_t x1)
{
    double sums[ROW] = { 0 };
    for (int64_t c = 0; c < g->cg; c++)
        for (int64_t ky = 0; ky < g->kh; ky++) {
            int64_t iy = oy * g->a->stride[0] - g->a->pad[0] + ky * g->a->dilation[0];
            if (iy < 0 || iy >= g->h)
                continue;
            for (int64_t kx = 0; kx < g->kw; kx++)
                add_tap(sums, x + (c * g->h + iy) * g->w, (double)w[(c * g->kh + ky) * g->kw + kx],
                        g, kx * g->a->dilation[1] - g->a->pad[2], x0, x1);
        }
    for (int64_t i = x0; i < x1; i++)
        y[i] = (float)sums[i - x0];
}

/* One output plane: image i / O, channel i % O. */
static void forward_plane(const cnn_kernel_args *args, int64_t i)
{
    geometry g = geometry_of(&args->in[0].type, &args->in[1].type, &args->out[0].type, args->attrs);
    int64_t n = i / g.o, o = i % g.o, group = o / g.og;
    const float *x = cnn_f32(&args->in[0]) + (n * g.c + group * g.cg) * g.h * g.w;
    const float *w = cnn_f32(&args->in[1]) + o * g.cg * g.kh * g.kw;
    float *y = cnn_f32(&args->out[0]) + i * g.oh * g.ow;
    for (int64_t oy = 0; oy < g.oh; oy++)
        for (int64_t x0 = 0; x0 < g.ow; x0 += ROW)
            forward_row(&g, x, w, y + oy * g.ow, oy, x0, x0 + ROW < g.ow ? x0 + ROW : g.ow);
}

cnn_status reference_conv2d(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *y = &args->out[0].type;
    (void)err;
    return reference_parallel(args, y->dim[0] * y->dim[1], forward_plane);
}

/* sums[ix - x0] += weight * dy[ox] for all ox with ox * stride + offset = ix in [x0, x1). */
static void add_back(double *sums, const float *dy, double weight, const geometry *g,
                     int64_t offset, int64_t x0, int64_t x1)
{
    int64_t first, end, stride = g->a->stride[1];
    tap_range(g->ow, x1, stride, offset, &first, &end);
    int64_t low = x0 - offset > 0 ? (x0 - offset + stride - 1) / stride : 0;
    first = first > low ? first : low;
    if (stride == 1) {
        double *to = sums + offset - x0;
        for (int64_t x = first; x < end; x++)
            to[x] += weight * (double)dy[x];
    } else {
        for (int64_t x = first; x < end; x++)
            sums[x * stride + offset - x0] += weight * (double)dy[x];
    }
}

static void input_grad_row(const geometry *g, const float *dy, const float *w, float *dx,
                           int64_t iy, int64_t x0, int64_t x1)
{
    double sums[ROW] = { 0 };
    for (int64_t o = 0; o < g->og; o++)
        for (int64_t ky = 0; ky < g->kh; ky++) {
            int64_t top = iy + g->a->pad[0] - ky * g->a->dilation[0];
            int64_t oy = top / g->a->stride[0];
            if (top < 0 || top % g->a->stride[0] != 0 || oy >= g->oh)
                continue;
            for (int64_t kx = 0; kx < g->kw; kx++)
                add_back(sums, dy + (o * g->oh + oy) * g->ow,
                         (double)w[(o * g->cg * g->kh + ky) * g->kw + kx], g,
                         kx * g->a->dilation[1] - g->a->pad[2], x0, x1);
        }
    for (int64_t i = x0; i < x1; i++)
        dx[i] = (float)sums[i - x0];
}

/* One plane of dx: image i / C, channel i % C. */
static void input_grad_plane(const cnn_kernel_args *args, int64_t i)
{
    geometry g = geometry_of(&args->out[0].type, &args->in[1].type, &args->in[0].type, args->attrs);
    int64_t n = i / g.c, c = i % g.c, group = c / g.cg;
    const float *dy = cnn_f32(&args->in[0]) + (n * g.o + group * g.og) * g.oh * g.ow;
    const float *w = cnn_f32(&args->in[1]) + (group * g.og * g.cg + c % g.cg) * g.kh * g.kw;
    float *dx = cnn_f32(&args->out[0]) + i * g.h * g.w;
    for (int64_t iy = 0; iy < g.h; iy++)
        for (int64_t x0 = 0; x0 < g.w; x0 += ROW)
            input_grad_row(&g, dy, w, dx + iy * g.w, iy, x0, x0 + ROW < g.w ? x0 + ROW : g.w);
}

cnn_status reference_conv2d_input_grad(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *dx = &args->out[0].type;
    (void)err;
    return reference_parallel(args, dx->dim[0] * dx->dim[1], input_grad_plane);
}

/* Columns of dy are summed in LANES interleaved sums, column x in sum x % LANES, which are added
 * in order at the end: a fixed order that vectorises. */
enum { LANES = 8 };

/* Adds the products of one row of dy with one row of x to the sums of one tap. */
static void add_row(double *lanes, const float *x, const float *dy, const geometry *g,
                    int64_t offset)
{
    int64_t first, end, stride = g->a->stride[1];
    tap_range(g->ow, g->w, stride, offset, &first, &end);
    int64_t i = first;
    if (stride == 1) {
        const float *from = x + offset;
        for (; i + LANES <= end; i += LANES)
            for (int k = 0; k < LANES; k++)
                lanes[k] += (double)from[i + k] * (double)dy[i + k];
    }
    for (; i < end; i++)
        lanes[(i - first) % LANES] += (double)x[i * stride + offset] * (double)dy[i];
}

static double tap_sum(const geometry *g, const cnn_kernel_args *args, int64_t o, int64_t c,
                      int64_t ky, int64_t kx)
{
    double lanes[LANES] = { 0 }, sum = 0;
    for (int64_t n = 0; n < g->n; n++) {
        const float *x = cnn_f32(&args->in[0]) + (n * g->c + c) * g->h * g->w;
        const float *dy = cnn_f32(&args->in[1]) + (n * g->o + o) * g->oh * g->ow;
        for (int64_t oy = 0; oy < g->oh; oy++) {
            int64_t iy = oy * g->a->stride[0] - g->a->pad[0] + ky * g->a->dilation[0];
            if (iy >= 0 && iy < g->h)
                add_row(lanes, x + iy * g->w, dy + oy * g->ow, g,
                        kx * g->a->dilation[1] - g->a->pad[2]);
        }
    }
    for (int k = 0; k < LANES; k++)
        sum += lanes[k];
    return sum;
}

/* One kernel of dw: output channel i / (C/G), input channel i % (C/G) of its group. */
static void weight_grad_kernel(const cnn_kernel_args *args, int64_t i)
{
    geometry g = geometry_of(&args->in[0].type, &args->out[0].type, &args->in[1].type, args->attrs);
    int64_t o = i / g.cg, c = o / g.og * g.cg + i % g.cg;
    float *dw = cnn_f32(&args->out[0]) + i * g.kh * g.kw;
    for (int64_t ky = 0; ky < g.kh; ky++)
        for (int64_t kx = 0; kx < g.kw; kx++)
            *dw++ = (float)tap_sum(&g, args, o, c, ky, kx);
}

cnn_status reference_conv2d_weight_grad(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_type *dw = &args->out[0].type;
    (void)err;
    return reference_parallel(args, dw->dim[0] * dw->dim[1], weight_grad_kernel);
}
