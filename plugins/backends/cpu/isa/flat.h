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

/* As many register blocks of one width as fit, then a smaller one. */
static void flat_block(const cpu_flat *f, const cpu_conv_block *b)
{
    const int32_t width = flat_width(b->height, f->vectors);
    conv_args a = {
        .x = f->x,
        .w = f->w + b->weights,
        .bias = f->bias != NULL ? f->bias + b->first : NULL,
        .add = f->add != NULL ? f->add + b->first * f->add_plane : NULL,
        .y = f->y + b->first * f->y_plane,
        .taps = f->taps,
        .x_step = LANES,
        .y_step = LANES,
        .y_plane = f->y_plane,
        .add_plane = f->add_plane,
        .repeat = (int32_t)(f->vectors / width),
        .relu = f->relu,
    };
    const int32_t rest = (int32_t)(f->vectors % width);
    conv_fns[b->height][width](&a);
    if (rest == 0)
        return;
    const int64_t done = (f->vectors - rest) * LANES;
    a.x += done;
    a.y += done;
    a.add = a.add != NULL ? a.add + done : NULL;
    a.repeat = 1;
    conv_fns[b->height][rest](&a);
}

static void flat_run(const cpu_flat *f)
{
    for (int32_t i = 0; i < f->n_blocks; i++)
        flat_block(f, &f->blocks[i]);
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
