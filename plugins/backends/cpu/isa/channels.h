/* Few images, lanes are channels: convolutions, and the transforms of Winograd's. */
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

/* ---- Winograd's F(4x4, 3x3) (Lavin, Gray 2016), points 0, 1, -1, 2, -2 and infinity ---- */

enum { TILE = 4, PATCH = 6, POINTS = PATCH * PATCH };

/* B^T d: six numbers of an axis. */
ALWAYS void winograd_points(const vf d[PATCH], vf v[PATCH])
{
    const vf four = splat(4), two = splat(2), five = splat(5);
    const vf even = d[4] - four * d[2], odd = d[3] - four * d[1];
    const vf even2 = d[4] - d[2], odd2 = two * (d[3] - d[1]);
    v[0] = four * d[0] - five * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    v[5] = four * d[1] - five * d[3] + d[5];
}

/* A^T m: four results of an axis. */
ALWAYS void winograd_results(const vf m[PATCH], vf y[TILE])
{
    const vf sum = m[1] + m[2], difference = m[1] - m[2];
    const vf sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    y[0] = m[0] + sum + sum2;
    y[1] = difference + splat(2) * difference2;
    y[2] = sum + splat(4) * sum2;
    y[3] = difference + splat(8) * difference2 + m[5];
}

/* A patch whose rows are `row` floats apart, to 36 points. */
ALWAYS void winograd_patch(const float *x, int64_t row, float *v, int64_t point)
{
    vf half[PATCH][PATCH], line[PATCH];
    for (int j = 0; j < PATCH; j++) {
        for (int i = 0; i < PATCH; i++)
            line[i] = load(x + i * row + j * LANES);
        winograd_points(line, half[j]);
    }
    for (int i = 0; i < PATCH; i++) {
        vf out[PATCH];
        for (int j = 0; j < PATCH; j++)
            line[j] = half[j][i];
        winograd_points(line, out);
        for (int j = 0; j < PATCH; j++)
            store(v + (i * PATCH + j) * point, out[j]);
    }
}

/* What lies outside the plane and its margins is zero. */
static void winograd_border(const cpu_winograd_in *w, int64_t y, int64_t x, float *patch)
{
    for (int i = 0; i < PATCH; i++)
        for (int j = 0; j < PATCH; j++) {
            const bool inside = y + i >= w->y0 && y + i < w->y1 && x + j >= w->x0 && x + j < w->x1;
            const float *from = w->x + ((y + i) * w->row + (x + j) * LANES);
            store(patch + (i * PATCH + j) * LANES, inside ? load(from) : splat(0));
        }
}

static void winograd_in(const cpu_winograd_in *w)
{
    float patch[POINTS * LANES];
    for (int32_t t = 0; t < w->tiles; t++) {
        const int64_t y = w->first_row, x = w->first_column + t * TILE;
        const bool inside = y >= w->y0 && y + PATCH <= w->y1 && x >= w->x0 && x + PATCH <= w->x1;
        if (!inside)
            winograd_border(w, y, x, patch);
        winograd_patch(inside ? w->x + y * w->row + x * LANES : patch,
                       inside ? w->row : PATCH * LANES, w->v + t * LANES, w->point);
    }
}

ALWAYS void winograd_tile(const float *m, int64_t point, vf y[TILE][TILE])
{
    vf half[PATCH][TILE], line[PATCH];
    for (int j = 0; j < PATCH; j++) {
        for (int i = 0; i < PATCH; i++)
            line[i] = load(m + (i * PATCH + j) * point);
        winograd_results(line, half[j]);
    }
    for (int i = 0; i < TILE; i++) {
        for (int j = 0; j < PATCH; j++)
            line[j] = half[j][i];
        winograd_results(line, y[i]);
    }
}

/* A row of tiles of one vector of channels, with what else the convolution does. */
static void winograd_out(const cpu_winograd_out *w)
{
    const cpu_channel_conv *c = w->epilogue;
    const vf bias = c->bias != NULL ? load(c->bias) : splat(0);
    for (int32_t t = 0; t < w->tiles; t++) {
        vf y[TILE][TILE];
        winograd_tile(w->m + t * LANES, w->point, y);
        const int64_t columns = w->columns - t * TILE < TILE ? w->columns - t * TILE : TILE;
        for (int64_t i = 0; i < w->rows; i++)
            for (int64_t j = 0; j < columns; j++) {
                vf s = y[i][j] + bias;
                if (c->add != NULL)
                    s += load(c->add + i * w->add_row + (t * TILE + j) * LANES);
                store(c->y + i * w->y_row + (t * TILE + j) * LANES,
                      c->clamps ? clamped(s, c->low, c->high) : s);
            }
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
