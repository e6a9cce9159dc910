/* Pooling, PyTorch's rules, one vector of images at a time. */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include <math.h>

#include "walk.h"

/* What a window covers along one axis, after clipping to the input. */
typedef struct reach {
    int64_t first, count; /* positions in the input, `dilation` apart */
    int64_t divisor;      /* of an average: its share */
} reach;

ALWAYS reach max_reach(const cnn_pool2d_attrs *a, int axis, int64_t out, int64_t size)
{
    int64_t kernel = a->kernel[axis], dilation = a->dilation[axis];
    reach r = { out * a->stride[axis] - a->pad[2 * axis], kernel, kernel };
    if (r.first < 0) {
        int64_t outside = (dilation - 1 - r.first) / dilation;
        r.first += outside * dilation;
        r.count -= outside;
    }
    if (r.first + (r.count - 1) * dilation >= size)
        r.count = r.first < size ? (size - 1 - r.first) / dilation + 1 : 0;
    return r;
}

/* Averages: ATen clips to the padded input before it counts. */
ALWAYS reach average_reach(const cnn_pool2d_attrs *a, int axis, int64_t out, int64_t size,
                           int64_t out_size)
{
    if (a->adaptive[0] > 0) {
        int64_t first = out * size / out_size;
        int64_t count = ((out + 1) * size + out_size - 1) / out_size - first;
        return (reach){ first, count, count };
    }
    int64_t first = out * a->stride[axis] - a->pad[2 * axis];
    int64_t end = smaller(first + a->kernel[axis], size + a->pad[2 * axis + 1]);
    reach r = { larger(first, 0), 0, end - first };
    r.count = smaller(end, size) - r.first;
    if (!a->count_include_pad)
        r.divisor = r.count;
    return r;
}

/* The largest of rows x columns vectors, `row` and `column` vectors apart. */
ALWAYS vf window_max(const float *x, int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    vf best = splat(-INFINITY);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            vf v = load(x + (i * row + j * column) * LANES);
            best = choose(wins(v, best), v, best);
        }
    return best;
}

static void max_pool_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_pool2d_attrs *a = k->attrs;
    const cpu_view *x = &k->view[0], *y = &k->view[1];
    int64_t row = x->row * a->dilation[0], column = a->dilation[1];
    (void)tile;
    for (int64_t c = 0; c < y->c; c++)
        for (int64_t i = 0; i < y->h; i++) {
            reach v = max_reach(a, 0, i, x->h);
            const float *from = (const float *)p[0] + (c * x->plane + v.first * x->row) * LANES;
            float *to = (float *)p[1] + (c * y->plane + i * y->row) * LANES;
            for (int64_t j = 0; j < y->w; j++) {
                reach u = max_reach(a, 1, j, x->w);
                store(to + j * LANES,
                      window_max(from + u.first * LANES, v.count, u.count, row, column));
            }
        }
}

/* Adds dy to the winner of each lane. */
ALWAYS void window_max_grad(const float *x, vf dy, float *dx, int64_t rows, int64_t columns,
                            int64_t row, int64_t column, int64_t dx_row)
{
    vf best = load(x);
    vi winner = splat_int(0), number = splat_int(0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++, number += 1) {
            vf v = load(x + (i * row + j * column) * LANES);
            vi better = wins(v, best);
            best = choose(better, v, best);
            winner = (better & number) | (~better & winner);
        }
    number = splat_int(0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++, number += 1) {
            float *to = dx + (i * dx_row + j * column) * LANES;
            store(to, load(to) + (vf)((winner == number) & (vi)dy));
        }
}

static void max_pool_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_pool2d_attrs *a = k->attrs;
    const cpu_view *x = &k->view[0], *dy = &k->view[1], *dx = &k->view[2];
    int64_t row = x->row * a->dilation[0], dx_row = dx->row * a->dilation[0];
    (void)tile;
    zero_view(p[2], dx);
    for (int64_t c = 0; c < dy->c; c++)
        for (int64_t i = 0; i < dy->h; i++) {
            reach v = max_reach(a, 0, i, x->h);
            const float *from = (const float *)p[0] + (c * x->plane + v.first * x->row) * LANES;
            const float *d = (const float *)p[1] + (c * dy->plane + i * dy->row) * LANES;
            float *to = (float *)p[2] + (c * dx->plane + v.first * dx->row) * LANES;
            for (int64_t j = 0; j < dy->w; j++) {
                reach u = max_reach(a, 1, j, x->w);
                if (v.count > 0 && u.count > 0)
                    window_max_grad(from + u.first * LANES, load(d + j * LANES),
                                    to + u.first * LANES, v.count, u.count, row, a->dilation[1],
                                    dx_row);
            }
        }
}

/* Rows are summed one by one and then together: the error grows with the sides, not the area. */
ALWAYS vf window_sum(const float *x, int64_t rows, int64_t columns, int64_t row)
{
    vf sum = splat(0);
    for (int64_t i = 0; i < rows; i++) {
        vf part = splat(0);
        for (int64_t j = 0; j < columns; j++)
            part += load(x + (i * row + j) * LANES);
        sum += part;
    }
    return sum;
}

static void avg_pool_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cpu_view *x = &k->view[0], *y = &k->view[1];
    (void)tile;
    for (int64_t c = 0; c < y->c; c++)
        for (int64_t i = 0; i < y->h; i++) {
            reach v = average_reach(k->attrs, 0, i, x->h, y->h);
            const float *from = (const float *)p[0] + (c * x->plane + v.first * x->row) * LANES;
            float *to = (float *)p[1] + (c * y->plane + i * y->row) * LANES;
            for (int64_t j = 0; j < y->w; j++) {
                reach u = average_reach(k->attrs, 1, j, x->w, y->w);
                vf sum = window_sum(from + u.first * LANES, v.count, u.count, x->row);
                store(to + j * LANES, sum * splat(1.0f / (float)(v.divisor * u.divisor)));
            }
        }
}

static void avg_pool_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cpu_view *dy = &k->view[0], *dx = &k->view[1];
    (void)tile;
    zero_view(p[1], dx);
    for (int64_t c = 0; c < dy->c; c++)
        for (int64_t i = 0; i < dy->h; i++) {
            reach v = average_reach(k->attrs, 0, i, dx->h, dy->h);
            const float *from = (const float *)p[0] + (c * dy->plane + i * dy->row) * LANES;
            float *to = (float *)p[1] + (c * dx->plane + v.first * dx->row) * LANES;
            for (int64_t j = 0; j < dy->w; j++) {
                reach u = average_reach(k->attrs, 1, j, dx->w, dy->w);
                vf part = load(from + j * LANES) * splat(1.0f / (float)(v.divisor * u.divisor));
                for (int64_t y = 0; y < v.count; y++)
                    for (int64_t z = u.first; z < u.first + u.count; z++) {
                        float *at = to + (y * dx->row + z) * LANES;
                        store(at, load(at) + part);
                    }
            }
        }
}

#endif
