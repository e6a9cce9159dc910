/* Reductions over the axes of a mask: for each image, and over the batch; argmax. */
#ifndef CPU_REDUCE_H
#define CPU_REDUCE_H

#include <math.h>

#include "move.h"
#include "walk.h"

/* Extents and strides of what stays and of what is reduced; an axis is one of both, and the other
 * has extent 1. */
typedef struct nest {
    int64_t kept[3], gone[3], stride[3];
    int64_t count; /* reduced to one */
} nest;

ALWAYS nest nest_of(const cpu_view *v, int32_t axes)
{
    nest n = { .count = 1 };
    for (int32_t i = 0; i < 3; i++) {
        bool gone = (axes >> i & 1) != 0;
        n.kept[i] = gone ? 1 : extent_of(v, i);
        n.gone[i] = gone ? extent_of(v, i) : 1;
        n.stride[i] = stride_of(v, i) * LANES;
        n.count *= n.gone[i];
    }
    return n;
}

/* The axes that are reduced, the long one innermost: rows that touch are joined. */
typedef struct run {
    int64_t planes, rows, length; /* extents */
    int64_t plane, row, step;     /* strides, in floats */
} run;

ALWAYS run run_of(const nest *n)
{
    run r = { n->gone[0], n->gone[1], n->gone[2], n->stride[0], n->stride[1], n->stride[2] };
    if (r.length == 1 || r.row == r.length * r.step) {
        r.step = r.length == 1 ? r.row : r.step;
        r.length *= r.rows;
        r.rows = 1;
        r.row = r.length * r.step;
    }
    if (r.rows == 1 && (r.length == 1 || r.plane == r.length * r.step)) {
        r.step = r.length == 1 ? r.plane : r.step;
        r.length *= r.planes;
        r.planes = 1;
    }
    return r;
}

enum {
    REDUCE_PART = 256
}; /* so many vectors are summed before they are added to the others' sum:
      the error grows with the length of a chain of additions */

ALWAYS vf sum_part(const float *x, int64_t length, int64_t step)
{
    vf s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0);
    int64_t i = 0;
    for (; i + 4 <= length; i += 4) {
        s0 += load(x + i * step);
        s1 += load(x + (i + 1) * step);
        s2 += load(x + (i + 2) * step);
        s3 += load(x + (i + 3) * step);
    }
    for (; i < length; i++)
        s0 += load(x + i * step);
    return (s0 + s1) + (s2 + s3);
}

ALWAYS vf sum_run(const float *x, const run *r)
{
    vf sum = splat(0);
    if (r->planes * r->rows * r->length == 1)
        return load(x);
    for (int64_t c = 0; c < r->planes; c++) {
        vf plane = splat(0);
        for (int64_t y = 0; y < r->rows; y++) {
            const float *row = x + c * r->plane + y * r->row;
            for (int64_t i = 0; i < r->length; i += REDUCE_PART)
                plane += sum_part(row + i * r->step, smaller(REDUCE_PART, r->length - i), r->step);
        }
        sum += plane;
    }
    return sum;
}

ALWAYS vf max_run(const float *x, const run *r)
{
    vf most = splat(-INFINITY);
    for (int64_t c = 0; c < r->planes; c++)
        for (int64_t y = 0; y < r->rows; y++)
            for (int64_t i = 0; i < r->length; i++) {
                vf v = load(x + c * r->plane + y * r->row + i * r->step);
                most = choose(wins(v, most), v, most);
            }
    return most;
}

static void reduce_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_reduce_attrs *a = k->attrs;
    const nest n = nest_of(&k->view[0], k->axes);
    const run r = run_of(&n);
    const vf scale = splat(a->kind == CNN_REDUCE_MEAN ? 1 / (float)n.count : 1);
    cursor to = { 0 };
    (void)tile;
    for (int64_t c = 0; c < n.kept[0]; c++)
        for (int64_t y = 0; y < n.kept[1]; y++)
            for (int64_t x = 0; x < n.kept[2]; x++) {
                const float *from =
                    (const float *)p[0] + c * n.stride[0] + y * n.stride[1] + x * n.stride[2];
                store((float *)p[1] + to.at * LANES,
                      a->kind == CNN_REDUCE_MAX ? max_run(from, &r) : sum_run(from, &r) * scale);
                cursor_next(&to, &k->view[1]);
            }
}

/* to[i] += the sum of the lanes of v[i], halves being added to halves. */
ALWAYS void add_lane_sums(float *to, vf v[LANES], int64_t count)
{
    transpose_block(v);
#pragma GCC unroll 4
    for (int n = LANES / 2; n > 0; n /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < n; i++)
            v[i] += v[i + n];
    for (int i = 0; i < count; i++)
        to[i] += v[0][i];
}

static void reduce_batch_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const nest n = nest_of(&k->view[0], k->axes);
    const run r = run_of(&n);
    const vi exists = image_mask(tile);
    float *to = p[1];
    vf sums[LANES] = { { 0 } };
    int64_t ready = 0;
    for (int64_t c = 0; c < n.kept[0]; c++)
        for (int64_t y = 0; y < n.kept[1]; y++)
            for (int64_t x = 0; x < n.kept[2]; x++) {
                const float *from =
                    (const float *)p[0] + c * n.stride[0] + y * n.stride[1] + x * n.stride[2];
                sums[ready++] = (vf)(exists & (vi)sum_run(from, &r));
                if (ready == LANES) {
                    add_lane_sums(to, sums, LANES);
                    to += LANES;
                    ready = 0;
                }
            }
    add_lane_sums(to, sums, ready);
}

/* Of equal values the first; NaN wins. */
ALWAYS vi argmax_run(const float *x, const run *r)
{
    vf best = load(x);
    vi at = splat_int(0);
    for (int64_t i = 1; i < r->length; i++) {
        vf v = load(x + i * r->step);
        vi better = wins(v, best);
        best = choose(better, v, best);
        at = (better & splat_int((int32_t)i)) | (~better & at);
    }
    return at;
}

static void argmax_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const nest n = nest_of(&k->view[0], 1 << k->axis);
    const run r = run_of(&n);
    cursor to = { 0 };
    (void)tile;
    for (int64_t c = 0; c < n.kept[0]; c++)
        for (int64_t y = 0; y < n.kept[1]; y++)
            for (int64_t x = 0; x < n.kept[2]; x++) {
                const float *from =
                    (const float *)p[0] + c * n.stride[0] + y * n.stride[1] + x * n.stride[2];
                store_int((int32_t *)p[1] + to.at * LANES, argmax_run(from, &r));
                cursor_next(&to, &k->view[1]);
            }
}

#endif
