/* Sums of batch normalisation, exact enough to be differences of large numbers: floats of a short
 * stretch, relative to a number near the mean, then doubles. */
#ifndef CPU_NORM_H
#define CPU_NORM_H

#include "walk.h"

typedef double vd __attribute__((vector_size(8 * LANES)));

enum { NORM_PART = 128 }; /* vectors summed as floats */

/* Sum over the images that exist, in their order. */
ALWAYS double sum_images(const vd *v, int64_t images)
{
    double sum = 0;
    for (int64_t l = 0; l < images; l++)
        sum += (*v)[l];
    return sum;
}

enum {
    NORM_CHAINS = 4
}; /* sums side by side: an addition takes as many cycles as two units start
      additions in */

ALWAYS vf sum_chains(const vf v[NORM_CHAINS])
{
    return (v[0] + v[1]) + (v[2] + v[3]);
}

/* Adds the sums of x - shift and of (x - shift)^2 over a stretch. */
ALWAYS void add_moments(const float *x, int64_t count, vf shift, vd *sum, vd *squares)
{
    vf s[NORM_CHAINS] = { { 0 } }, q[NORM_CHAINS] = { { 0 } };
    int64_t i = 0;
    for (; i + NORM_CHAINS <= count; i += NORM_CHAINS)
#pragma GCC unroll 4
        for (int n = 0; n < NORM_CHAINS; n++) {
            vf d = load(x + (i + n) * LANES) - shift;
            s[n] += d;
            q[n] += d * d;
        }
    for (; i < count; i++) {
        vf d = load(x + i * LANES) - shift;
        s[0] += d;
        q[0] += d * d;
    }
    *sum += __builtin_convertvector(sum_chains(s), vd);
    *squares += __builtin_convertvector(sum_chains(q), vd);
}

/* A number near the mean: that of the images' middle elements, or the mean of the tiles before. */
ALWAYS float shift_of(const float *x, const cpu_view *v, const double *part, int64_t images)
{
    if (part[0] > 0)
        return (float)part[1];
    const float *middle = x + (v->h / 2 * v->row + v->w / 2) * LANES;
    float sum = 0;
    for (int64_t l = 0; l < images; l++)
        sum += middle[l];
    return sum / (float)images;
}

/* Merges `count` values of a mean and a sum of squared differences from it. */
ALWAYS void merge_moments(double part[3], double count, double mean, double m2)
{
    double all = part[0] + count, delta = mean - part[1];
    part[2] += m2 + delta * delta * part[0] * count / all;
    part[1] += delta * count / all;
    part[0] = all;
}

static void batch_norm_stats_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_view v = rows_joined(((const cpu_params *)params)->view[0]);
    const double count = (double)(tile->images * v.h * v.w);
    double *part = p[1];
    for (int64_t c = 0; c < v.c; c++, part += 3) {
        const float *x = (const float *)p[0] + c * v.plane * LANES;
        float shift = shift_of(x, &v, part, tile->images);
        vd sum = { 0 }, squares = { 0 };
        for (int64_t y = 0; y < v.h; y++)
            for (int64_t i = 0; i < v.w; i += NORM_PART)
                add_moments(x + (y * v.row + i) * LANES, smaller(NORM_PART, v.w - i), splat(shift),
                            &sum, &squares);
        double s = sum_images(&sum, tile->images);
        double m2 = sum_images(&squares, tile->images) - s * s / count;
        merge_moments(part, count, (double)shift + s / count, m2 < 0 ? 0 : m2);
    }
}

/* Adds the sums of dy and of dy (x - mean) over a stretch. */
ALWAYS void add_products(const float *x, const float *dy, int64_t count, vf mean, vd *sum,
                         vd *products)
{
    vf s[NORM_CHAINS] = { { 0 } }, q[NORM_CHAINS] = { { 0 } };
    int64_t i = 0;
    for (; i + NORM_CHAINS <= count; i += NORM_CHAINS)
#pragma GCC unroll 4
        for (int n = 0; n < NORM_CHAINS; n++) {
            vf d = load(dy + (i + n) * LANES);
            s[n] += d;
            q[n] += d * (load(x + (i + n) * LANES) - mean);
        }
    for (; i < count; i++) {
        vf d = load(dy + i * LANES);
        s[0] += d;
        q[0] += d * (load(x + i * LANES) - mean);
    }
    *sum += __builtin_convertvector(sum_chains(s), vd);
    *products += __builtin_convertvector(sum_chains(q), vd);
}

static void batch_norm_grad_stats_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    cpu_view x = ((const cpu_params *)params)->view[0], dy = ((const cpu_params *)params)->view[1];
    const float *mean = p[2];
    double *part = p[3];
    if (x.row == x.w && dy.row == dy.w) {
        x = rows_joined(x);
        dy = rows_joined(dy);
    }
    for (int64_t c = 0; c < x.c; c++, part += 2) {
        const float *from = (const float *)p[0] + c * x.plane * LANES;
        const float *d = (const float *)p[1] + c * dy.plane * LANES;
        vd sum = { 0 }, products = { 0 };
        for (int64_t y = 0; y < x.h; y++)
            for (int64_t i = 0; i < x.w; i += NORM_PART)
                add_products(from + (y * x.row + i) * LANES, d + (y * dy.row + i) * LANES,
                             smaller(NORM_PART, x.w - i), splat(mean[c]), &sum, &products);
        part[0] += sum_images(&sum, tile->images);
        part[1] += sum_images(&products, tile->images);
    }
}

#endif
