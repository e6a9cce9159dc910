/* Batch normalisation (Ioffe and Szegedy, 2015): one channel per task, two passes in double. */
#include <math.h>

#include "kernels.h"

typedef struct extent {
    int64_t n, c, space;
    double count; /* values per channel */
} extent;

static extent extent_of(const cnn_type *x)
{
    extent e = { x->dim[0], x->dim[1], cnn_span(x, 2, x->rank), 0 };
    e.count = (double)(e.n * e.space);
    return e;
}

static double mean_of(const float *x, const extent *e, int64_t c)
{
    double sum = 0;
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t i = 0; i < e->space; i++)
            sum += (double)x[(n * e->c + c) * e->space + i];
    return sum / e->count;
}

static double variance_of(const float *x, const extent *e, int64_t c, double mean)
{
    double sum = 0;
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t i = 0; i < e->space; i++) {
            double d = (double)x[(n * e->c + c) * e->space + i] - mean;
            sum += d * d;
        }
    return sum / e->count;
}

static void normalise_channel(const cnn_kernel_args *args, int64_t c)
{
    const cnn_batch_norm_attrs *attrs = args->attrs;
    const extent e = extent_of(&args->in[0].type);
    const float *x = cnn_f32(&args->in[0]);
    float *y = cnn_f32(&args->out[0]);
    double mean = mean_of(x, &e, c), variance = variance_of(x, &e, c, mean);
    double scale = (double)cnn_f32(&args->in[1])[c] / sqrt(variance + attrs->eps);
    double shift = (double)cnn_f32(&args->in[2])[c];
    cnn_f32(&args->out[1])[c] = (float)mean;
    cnn_f32(&args->out[2])[c] = (float)variance;
    for (int64_t n = 0; n < e.n; n++)
        for (int64_t i = 0; i < e.space; i++) {
            int64_t at = (n * e.c + c) * e.space + i;
            y[at] = (float)(((double)x[at] - mean) * scale + shift);
        }
}

cnn_status reference_batch_norm(const cnn_kernel_args *args, cnn_error *err)
{
    (void)err;
    return reference_parallel(args, args->in[0].type.dim[1], normalise_channel);
}

/* in: x, w, mean, var, dy; out: dx, dw, db.
 *   xh = (x - mean) r,  r = 1 / sqrt(var + eps)
 *   dx = w r (dy - mean(dy) - xh mean(dy xh)) */
static void gradient_channel(const cnn_kernel_args *args, int64_t c)
{
    const cnn_batch_norm_attrs *attrs = args->attrs;
    const extent e = extent_of(&args->in[0].type);
    const float *x = cnn_f32(&args->in[0]), *dy = cnn_f32(&args->in[4]);
    float *dx = cnn_f32(&args->out[0]);
    double mean = (double)cnn_f32(&args->in[2])[c];
    double r = 1 / sqrt((double)cnn_f32(&args->in[3])[c] + attrs->eps);
    double w = (double)cnn_f32(&args->in[1])[c], db = 0, dw = 0;
    for (int64_t n = 0; n < e.n; n++)
        for (int64_t i = 0; i < e.space; i++) {
            int64_t at = (n * e.c + c) * e.space + i;
            db += (double)dy[at];
            dw += (double)dy[at] * ((double)x[at] - mean) * r;
        }
    cnn_f32(&args->out[1])[c] = (float)dw;
    cnn_f32(&args->out[2])[c] = (float)db;
    for (int64_t n = 0; n < e.n; n++)
        for (int64_t i = 0; i < e.space; i++) {
            int64_t at = (n * e.c + c) * e.space + i;
            double xh = ((double)x[at] - mean) * r;
            dx[at] = (float)(w * r * ((double)dy[at] - db / e.count - xh * dw / e.count));
        }
}

cnn_status reference_batch_norm_grad(const cnn_kernel_args *args, cnn_error *err)
{
    (void)err;
    return reference_parallel(args, args->in[0].type.dim[1], gradient_channel);
}
