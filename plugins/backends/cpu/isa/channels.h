/* Few images, lanes are channels: convolutions, and dot products. */
#ifndef CPU_CHANNELS_H
#define CPU_CHANNELS_H

#include "vector.h"

/* ---- register blocks: `height` vectors of channels times `width` columns ---- */

typedef struct channel_args {
    const cpu_channel_conv *c;
    const float *x, *add;
    float *y;
} channel_args;

/* `lanes` input channels that lie side by side, for all columns: the fewer of weights and pixels
 * stay in registers while the others come one by one. */
ALWAYS const float *channel_tap(vf sum[4][16], const float *x, const float *w, int64_t lanes,
                                int64_t step, const int H, const int W)
{
#pragma GCC unroll 4
    for (int64_t i = 0; i < lanes; i++, w += H * LANES) {
        vf few[4];
        if (H <= W) {
#pragma GCC unroll 4
            for (int h = 0; h < H; h++)
                few[h] = load(w + h * LANES);
#pragma GCC unroll 16
            for (int k = 0; k < W; k++) {
                const vf pixel = splat(x[i + k * step]);
#pragma GCC unroll 4
                for (int h = 0; h < H; h++)
                    sum[h][k] += few[h] * pixel;
            }
        } else {
#pragma GCC unroll 4
            for (int k = 0; k < W; k++)
                few[k] = splat(x[i + k * step]);
#pragma GCC unroll 4
            for (int h = 0; h < H; h++) {
                const vf weight = load(w + h * LANES);
#pragma GCC unroll 4
                for (int k = 0; k < W; k++)
                    sum[h][k] += weight * few[k];
            }
        }
    }
    return w;
}

/* step: floats from column to column, known when this is compiled if they touch. */
ALWAYS void channel_block(const channel_args *a, const int64_t step, const int H, const int W)
{
    const cpu_channel_conv *c = a->c;
    const float *w = c->w;
    vf sum[4][16];
#pragma GCC unroll 4
    for (int h = 0; h < H; h++)
#pragma GCC unroll 16
        for (int k = 0; k < W; k++)
            sum[h][k] = c->bias != NULL ? load(c->bias + h * LANES) : splat(0);
    for (int32_t t = 0; t < c->n_whole; t++)
        w = channel_tap(sum, a->x + c->taps[t], w, LANES, step, H, W);
    for (int32_t t = c->n_whole; t < c->n_whole + c->n_rest; t++)
        w = channel_tap(sum, a->x + c->taps[t], w, c->rest, step, H, W);
#pragma GCC unroll 4
    for (int h = 0; h < H; h++)
#pragma GCC unroll 16
        for (int k = 0; k < W; k++) {
            vf s = sum[h][k];
            if (a->add != NULL)
                s += load(a->add + h * c->add_vector + k * LANES);
            store(a->y + h * c->y_vector + k * LANES, c->clamps ? clamped(s, c->low, c->high) : s);
        }
}

/* Each channel by its own weights: w holds one vector per tap. */
ALWAYS void depthwise_block(const channel_args *a, const int64_t step, const int W)
{
    const cpu_channel_conv *c = a->c;
    vf sum[16];
#pragma GCC unroll 16
    for (int k = 0; k < W; k++)
        sum[k] = c->bias != NULL ? load(c->bias) : splat(0);
    for (int32_t t = 0; t < c->n_whole; t++) {
        const vf weight = load(c->w + t * LANES);
        const float *x = a->x + c->taps[t];
#pragma GCC unroll 16
        for (int k = 0; k < W; k++)
            sum[k] += load(x + k * step) * weight;
    }
#pragma GCC unroll 16
    for (int k = 0; k < W; k++) {
        vf s = sum[k];
        if (a->add != NULL)
            s += load(a->add + k * LANES);
        store(a->y + k * LANES, c->clamps ? clamped(s, c->low, c->high) : s);
    }
}

typedef void (*channel_fn)(const channel_args *);

#define CHANNELS(H, W)                                    \
    static void channels_##H##x##W(const channel_args *a) \
    {                                                     \
        if (a->c->x_step == LANES)                        \
            channel_block(a, LANES, H, W);                \
        else                                              \
            channel_block(a, a->c->x_step, H, W);         \
    }
#define DEPTHWISE(W)                                 \
    static void depthwise_##W(const channel_args *a) \
    {                                                \
        if (a->c->x_step == LANES)                   \
            depthwise_block(a, LANES, W);            \
        else                                         \
            depthwise_block(a, a->c->x_step, W);     \
    }
/* H W sums, the fewer of H and W, and one more. */
// clang-format off
#define CHANNELS_16(X)                                                                            \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) X(1, 9) X(1, 10) X(1, 11)     \
    X(1, 12) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6) X(3, 1) X(3, 2) X(3, 3) X(3, 4)      \
    X(4, 1) X(4, 2) X(4, 3)
#define CHANNELS_32(X)                                                                            \
    X(1, 13) X(1, 14) X(1, 15) X(1, 16) X(2, 7) X(2, 8) X(2, 9) X(2, 10) X(2, 11) X(2, 12)        \
    X(2, 13) X(2, 14) X(3, 5) X(3, 6) X(3, 7) X(3, 8) X(3, 9) X(4, 4) X(4, 5) X(4, 6)
#define DEPTHWISE_ALL(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
// clang-format on

CHANNELS_16(CHANNELS)
#if CPU_REGISTERS >= 32
CHANNELS_32(CHANNELS)
#endif
DEPTHWISE_ALL(DEPTHWISE)

#define ENTRY(H, W) [H][W] = channels_##H##x##W,
static const channel_fn channel_fns[CPU_CHANNEL_HEIGHT + 1][CPU_CHANNEL_WIDTH + 1] = {
    CHANNELS_16(ENTRY)
#if CPU_REGISTERS >= 32
        CHANNELS_32(ENTRY)
#endif
};
#undef ENTRY
#define ENTRY(W) [W] = depthwise_##W,
static const channel_fn depthwise_fns[CPU_CHANNEL_WIDTH + 1] = { DEPTHWISE_ALL(ENTRY) };
#undef ENTRY
#undef DEPTHWISE
#undef CHANNELS

static bool channels_have(int64_t height, int64_t width)
{
    if (height < 0 || height > CPU_CHANNEL_HEIGHT || width < 1 || width > CPU_CHANNEL_WIDTH)
        return false;
    return (height == CPU_DEPTHWISE ? depthwise_fns[width] : channel_fns[height][width]) != NULL;
}

static void channels_run(const cpu_channel_conv *c)
{
    channel_args a = { c, c->x, c->add, c->y };
    for (int32_t i = 0; i < c->n_wide + c->n_narrow; i++) {
        const int32_t width = i < c->n_wide ? c->width : c->width - 1;
        (c->height == CPU_DEPTHWISE ? depthwise_fns[width] : channel_fns[c->height][width])(&a);
        a.x += width * c->x_step;
        a.y += width * LANES;
        a.add = a.add != NULL ? a.add + width * LANES : NULL;
    }
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
