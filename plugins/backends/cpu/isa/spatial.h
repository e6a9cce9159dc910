/* Padding and resampling. */
#ifndef CPU_SPATIAL_H
#define CPU_SPATIAL_H

#include "walk.h"

/* Source of an output position, or -1: outside, in constant mode. */
ALWAYS int64_t pad_source(int64_t out, int64_t before, int64_t size, int32_t mode)
{
    int64_t at = out - before;
    if (at >= 0 && at < size)
        return at;
    if (mode == CNN_PAD_REFLECT)
        return at < 0 ? -at : 2 * (size - 1) - at;
    if (mode == CNN_PAD_REPLICATE)
        return at < 0 ? 0 : size - 1;
    if (mode == CNN_PAD_CIRCULAR)
        return at < 0 ? at + size : at - size;
    return -1;
}

ALWAYS void fill(float *to, vf v, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        store(to + i * LANES, v);
}

/* Columns [from, to) of a row of y; x is the source's row. */
ALWAYS void pad_columns(const float *x, float *y, int64_t from, int64_t to, int64_t w,
                        const cnn_pad2d_attrs *a)
{
    for (int64_t j = from; j < to; j++) {
        int64_t at = pad_source(j, a->pad[2], w, a->mode);
        store(y + j * LANES, at >= 0 ? load(x + at * LANES) : splat((float)a->value));
    }
}

static void pad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_pad2d_attrs *a = k->attrs;
    const cpu_view *x = &k->view[0], *y = &k->view[1];
    int64_t first = larger(a->pad[2], 0), end = smaller(a->pad[2] + x->w, y->w);
    (void)tile;
    for (int64_t c = 0; c < y->c; c++)
        for (int64_t i = 0; i < y->h; i++) {
            float *to = (float *)p[1] + (c * y->plane + i * y->row) * LANES;
            int64_t source = pad_source(i, a->pad[0], x->h, a->mode);
            if (source < 0) {
                fill(to, splat((float)a->value), y->w);
                continue;
            }
            const float *from = (const float *)p[0] + (c * x->plane + source * x->row) * LANES;
            pad_columns(from, to, 0, first, x->w, a);
            memcpy(to + first * LANES, from + (first - a->pad[2]) * LANES,
                   (size_t)(end - first) * LANES * sizeof *to);
            pad_columns(from, to, end, y->w, x->w, a);
        }
}

/* Adds columns [from, to) of a row of dy to the row of dx that they come from. */
ALWAYS void pad_grad_columns(const float *dy, float *dx, int64_t from, int64_t to, int64_t w,
                             const cnn_pad2d_attrs *a)
{
    for (int64_t j = from; j < to; j++) {
        int64_t at = pad_source(j, a->pad[2], w, a->mode);
        if (at >= 0)
            add_to(dx + at * LANES, load(dy + j * LANES));
    }
}

static void pad_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_pad2d_attrs *a = k->attrs;
    const cpu_view *dy = &k->view[0], *dx = &k->view[1];
    int64_t first = larger(a->pad[2], 0), end = smaller(a->pad[2] + dx->w, dy->w);
    (void)tile;
    zero_view(p[1], dx);
    for (int64_t c = 0; c < dy->c; c++)
        for (int64_t i = 0; i < dy->h; i++) {
            int64_t row = pad_source(i, a->pad[0], dx->h, a->mode);
            if (row < 0)
                continue;
            const float *from = (const float *)p[0] + (c * dy->plane + i * dy->row) * LANES;
            float *to = (float *)p[1] + (c * dx->plane + row * dx->row) * LANES;
            pad_grad_columns(from, to, 0, first, dx->w, a);
            for (int64_t j = first; j < end; j++)
                add_to(to + (j - a->pad[2]) * LANES, load(from + j * LANES));
            pad_grad_columns(from, to, end, dy->w, dx->w, a);
        }
}

/* Two source positions of an output position with their weights. */
typedef struct resize_taps {
    int64_t a, b;
    float wa, wb;
} resize_taps;

static resize_taps resize_taps_of(const cnn_resize2d_attrs *attrs, int64_t out, int64_t in_size,
                                  int64_t out_size)
{
    resize_taps t = { out * in_size / out_size, 0, 1, 0 };
    t.b = t.a;
    if (attrs->mode == CNN_RESIZE_NEAREST)
        return t;
    double at = ((double)out + 0.5) * (double)in_size / (double)out_size - 0.5;
    if (attrs->align_corners)
        at = out_size > 1 ? (double)out * (double)(in_size - 1) / (double)(out_size - 1) : 0;
    at = at > 0 ? at : 0;
    t.a = smaller((int64_t)at, in_size - 1);
    t.b = smaller(t.a + 1, in_size - 1);
    t.wb = (float)(at - (double)t.a);
    t.wa = (float)(1 - (at - (double)t.a));
    return t;
}

enum { RESIZE_COLUMNS = 32 }; /* whose taps are computed once for all channels */

static void resize_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cpu_view *x = &k->view[0], *y = &k->view[1];
    resize_taps u[RESIZE_COLUMNS];
    (void)tile;
    for (int64_t first = 0; first < y->w; first += RESIZE_COLUMNS) {
        int64_t count = smaller(RESIZE_COLUMNS, y->w - first);
        for (int64_t j = 0; j < count; j++)
            u[j] = resize_taps_of(k->attrs, first + j, x->w, y->w);
        for (int64_t i = 0; i < y->h; i++) {
            resize_taps v = resize_taps_of(k->attrs, i, x->h, y->h);
            for (int64_t c = 0; c < y->c; c++) {
                const float *top = (const float *)p[0] + (c * x->plane + v.a * x->row) * LANES;
                const float *low = (const float *)p[0] + (c * x->plane + v.b * x->row) * LANES;
                float *to = (float *)p[1] + (c * y->plane + i * y->row + first) * LANES;
                for (int64_t j = 0; j < count; j++) {
                    vf over = splat(u[j].wa) * load(top + u[j].a * LANES) +
                              splat(u[j].wb) * load(top + u[j].b * LANES);
                    vf under = splat(u[j].wa) * load(low + u[j].a * LANES) +
                               splat(u[j].wb) * load(low + u[j].b * LANES);
                    store(to + j * LANES, splat(v.wa) * over + splat(v.wb) * under);
                }
            }
        }
    }
}

static void resize_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cpu_view *dy = &k->view[0], *dx = &k->view[1];
    resize_taps u[RESIZE_COLUMNS];
    (void)tile;
    zero_view(p[1], dx);
    for (int64_t first = 0; first < dy->w; first += RESIZE_COLUMNS) {
        int64_t count = smaller(RESIZE_COLUMNS, dy->w - first);
        for (int64_t j = 0; j < count; j++)
            u[j] = resize_taps_of(k->attrs, first + j, dx->w, dy->w);
        for (int64_t i = 0; i < dy->h; i++) {
            resize_taps v = resize_taps_of(k->attrs, i, dx->h, dy->h);
            for (int64_t c = 0; c < dy->c; c++) {
                const float *from =
                    (const float *)p[0] + (c * dy->plane + i * dy->row + first) * LANES;
                float *top = (float *)p[1] + (c * dx->plane + v.a * dx->row) * LANES;
                float *low = (float *)p[1] + (c * dx->plane + v.b * dx->row) * LANES;
                for (int64_t j = 0; j < count; j++) {
                    vf d = load(from + j * LANES);
                    add_to(top + u[j].a * LANES, d * splat(v.wa * u[j].wa));
                    add_to(top + u[j].b * LANES, d * splat(v.wa * u[j].wb));
                    add_to(low + u[j].a * LANES, d * splat(v.wb * u[j].wa));
                    add_to(low + u[j].b * LANES, d * splat(v.wb * u[j].wb));
                }
            }
        }
    }
}

#endif
