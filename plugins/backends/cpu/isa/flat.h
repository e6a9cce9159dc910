/* Few images, lanes are pixels: convolutions as sums of shifted lines, and dot products. */
#ifndef CPU_FLAT_H
#define CPU_FLAT_H

#include "conv.h"

static int32_t flat_width(int32_t height, int64_t vectors)
{
    int32_t width = CPU_REGISTERS >= 32 ? 8 : 7;
    while (width > 1 && (width > vectors || conv_fns[height][width] == NULL))
        width--;
    return width;
}

/* One block of channels on a few vectors of a line, for a range of taps: as many register blocks of
 * one width as fit, then a smaller one. The first range begins with the bias and what is added, the
 * others with what is there. */
static void flat_block(const cpu_flat *f, const cpu_conv_block *b, const cpu_conv_taps *taps,
                       int64_t first, int64_t vectors)
{
    const int32_t width = flat_width(b->height, vectors);
    const bool begins = taps->x == f->taps->x;
    const bool ends = taps->x + taps->count == f->taps->x + f->taps->count;
    float *y = f->y + b->first * f->y_plane + first * LANES;
    conv_args a = {
        .x = f->x + first * LANES,
        .w = f->w + b->weights,
        .bias = begins && f->bias != NULL ? f->bias + b->first : NULL,
        .add = !begins          ? y
               : f->add != NULL ? f->add + b->first * f->add_plane + first * LANES
                                : NULL,
        .y = y,
        .taps = taps,
        .x_step = LANES,
        .y_step = LANES,
        .y_plane = f->y_plane,
        .add_plane = begins ? f->add_plane : f->y_plane,
        .repeat = (int32_t)(vectors / width),
        .relu = ends && f->relu,
    };
    const int32_t rest = (int32_t)(vectors % width);
    conv_fns[b->height][width](&a);
    if (rest == 0)
        return;
    const int64_t done = (vectors - rest) * LANES;
    a.x += done;
    a.y += done;
    a.add = a.add != NULL ? a.add + done : NULL;
    a.repeat = 1;
    conv_fns[b->height][rest](&a);
}

static void flat_run(const cpu_flat *f)
{
    const int64_t part = f->chunk < f->taps->count ? CPU_FLAT_VECTORS : f->vectors;
    for (int64_t first = 0; first < f->vectors; first += part) {
        const int64_t rest = f->vectors - first;
        for (int32_t t = 0; t < f->taps->count; t += f->chunk) {
            const int32_t left = f->taps->count - t;
            const cpu_conv_taps taps = { left < f->chunk ? left : f->chunk, f->taps->x + t,
                                         f->taps->w + t };
            for (int32_t i = 0; i < f->n_blocks; i++)
                flat_block(f, &f->blocks[i], &taps, first, rest < part ? rest : part);
        }
    }
}

static void larger_run(const float *x, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vf a = load(x + i), b = load(y + i);
        store(y + i, choose((a > b) | (a != a), a, b));
    }
    for (; i < n; i++)
        y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
}

static void every_run(const float *x, float *y, int64_t n, int64_t stride)
{
    int64_t i = 0;
    vi even;
    for (int k = 0; k < LANES; k++)
        even[k] = 2 * k;
    for (; stride == 2 && i + LANES <= n; i += LANES)
        store(y + i, __builtin_shuffle(load(x + 2 * i), load(x + 2 * i + LANES), even));
    for (; i < n; i++)
        y[i] = x[i * stride];
}

/* y[i] = x . w[i] for rows of k floats, four rows at a time. */
ALWAYS void dots_block(const float *x, const float *w, float *y, int64_t k, const int N)
{
    vf sum[4][2];
    for (int i = 0; i < N; i++)
        sum[i][0] = sum[i][1] = (vf){ 0 };
    int64_t at = 0;
    for (; at + 2 * LANES <= k; at += 2 * LANES)
#pragma GCC unroll 4
        for (int i = 0; i < N; i++) {
            sum[i][0] += load(x + at) * load(w + i * k + at);
            sum[i][1] += load(x + at + LANES) * load(w + i * k + at + LANES);
        }
    for (int i = 0; i < N; i++) {
        float s = sum_lanes(sum[i][0] + sum[i][1]);
        for (int64_t r = at; r < k; r++)
            s += x[r] * w[i * k + r];
        y[i] = s;
    }
}

static void dots_run(const float *x, const float *w, float *y, int64_t k, int64_t rows)
{
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4)
        dots_block(x, w + i * k, y + i, k, 4);
    for (; i < rows; i++)
        dots_block(x, w + i * k, y + i, k, 1);
}

#endif
