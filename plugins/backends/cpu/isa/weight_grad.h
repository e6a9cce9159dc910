/* The gradient of weights: register blocks of `height` channels of dy times `width` taps, summed
 * over positions; the lanes, which are images, are added at the end. */
#ifndef CPU_WEIGHT_GRAD_H
#define CPU_WEIGHT_GRAD_H

#include "reduce.h"

enum { WEIGHT_GRAD_SUMS = CPU_WEIGHT_GRAD_CHUNK * CPU_WEIGHT_GRAD_HEIGHT };

typedef struct weight_grad_args {
    const float *dy;                       /* of the first channel */
    const float *x[CPU_WEIGHT_GRAD_WIDTH]; /* per tap */
    vf *sums;                              /* [tap][channel] */
    const int32_t (*at)[2];                /* the positions, in dy and x */
    int64_t dy_plane, count;
} weight_grad_args;

ALWAYS void weight_grad_block(const weight_grad_args *a, const int H, const int W)
{
    vf sum[CPU_WEIGHT_GRAD_HEIGHT][CPU_WEIGHT_GRAD_WIDTH];
#pragma GCC unroll 8
    for (int h = 0; h < H; h++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++)
            sum[h][w] = a->sums[w * H + h];
    for (int64_t i = 0; i < a->count; i++) {
        const float *dy = a->dy + a->at[i][0];
        const int64_t at = a->at[i][1];
        vf x[CPU_WEIGHT_GRAD_WIDTH];
#pragma GCC unroll 4
        for (int w = 0; w < W; w++)
            x[w] = load(a->x[w] + at);
#pragma GCC unroll 8
        for (int h = 0; h < H; h++) {
            const vf d = load(dy + h * a->dy_plane);
#pragma GCC unroll 4
            for (int w = 0; w < W; w++)
                sum[h][w] += d * x[w];
        }
    }
#pragma GCC unroll 8
    for (int h = 0; h < H; h++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++)
            a->sums[w * H + h] = sum[h][w];
}

typedef void (*weight_grad_fn)(const weight_grad_args *);

#define WEIGHT_GRAD(H, W)                                        \
    static void weight_grad_##H##x##W(const weight_grad_args *a) \
    {                                                            \
        weight_grad_block(a, H, W);                              \
    }
#define WEIGHT_GRAD_16_REGISTERS(X)                                                         \
    X(1, 1)                                                                                 \
    X(1, 2)                                                                                 \
    X(1, 3)                                                                                 \
    X(1, 4)                                                                                 \
    X(2, 1)                                                                                 \
    X(2, 2)                                                                                 \
    X(2, 3)                                                                                 \
    X(2, 4)                                                                                 \
    X(3, 1) X(3, 2) X(3, 3) X(4, 1) X(4, 2) X(4, 3) X(5, 1) X(5, 2) X(6, 1) X(6, 2) X(7, 1) \
        X(8, 1)
#define WEIGHT_GRAD_32_REGISTERS(X) X(3, 4) X(4, 4) X(5, 3) X(5, 4) X(6, 3) X(6, 4) X(7, 2) X(8, 2)

WEIGHT_GRAD_16_REGISTERS(WEIGHT_GRAD)
#if CPU_REGISTERS >= 32
WEIGHT_GRAD_32_REGISTERS(WEIGHT_GRAD)
#endif

#define ENTRY(H, W) [H][W] = weight_grad_##H##x##W,
static const weight_grad_fn weight_grad_fns[CPU_WEIGHT_GRAD_HEIGHT + 1]
                                           [CPU_WEIGHT_GRAD_WIDTH + 1] = {
                                               WEIGHT_GRAD_16_REGISTERS(ENTRY)
#if CPU_REGISTERS >= 32
                                                   WEIGHT_GRAD_32_REGISTERS(ENTRY)
#endif
                                           };
#undef ENTRY
#undef WEIGHT_GRAD

/* `height` channels of dy against the blocks [first, end), which are one chunk. */
static void weight_grad_chunk(const cpu_weight_grad_params *p, const float *x, const float *dy,
                              int32_t height, int32_t first, int32_t end, vf *sums)
{
    weight_grad_args a = { .dy = dy, .dy_plane = p->dy_plane };
    const int32_t tap = p->blocks[first].first;
    for (int32_t y = 0; y < p->rows; y += p->strip)
        for (int32_t i = first; i < end; i++) {
            const cpu_weight_grad_block *b = &p->blocks[i];
            const int32_t y0 = b->y0 > y ? b->y0 : y;
            const int32_t y1 = b->y1 < y + p->strip ? b->y1 : y + p->strip;
            if (y0 >= y1)
                continue;
            a.at = p->at + y0 * p->columns;
            a.count = (int64_t)(y1 - y0) * p->columns;
            a.sums = sums + (b->first - tap) * height;
            for (int32_t w = 0; w < b->width; w++)
                a.x[w] = x + p->x[b->first + w];
            weight_grad_fns[height][b->width](&a);
        }
}

/* dw[channel][tap] += the lanes of sums[tap][channel]. */
static void weight_grad_store(vf *sums, int32_t taps, int32_t height, float *dw, int32_t n_taps)
{
    float total[WEIGHT_GRAD_SUMS] = { 0 };
    const int32_t count = taps * height;
    for (int32_t i = 0; i < count; i += LANES)
        add_lane_sums(total + i, sums + i, count - i < LANES ? count - i : LANES);
    for (int32_t t = 0; t < taps; t++)
        for (int32_t h = 0; h < height; h++)
            dw[(int64_t)h * n_taps + t] += total[t * height + h];
}

static void weight_grad_channels(const cpu_weight_grad_params *p, const float *x, const float *dy,
                                 float *dw, int32_t height)
{
    vf sums[WEIGHT_GRAD_SUMS];
    for (int32_t first = 0, end; first < p->n_blocks; first = end) {
        const int32_t tap = p->blocks[first].first;
        int32_t taps = 0;
        for (end = first; end < p->n_blocks && p->blocks[end].first / CPU_WEIGHT_GRAD_CHUNK ==
                                                   tap / CPU_WEIGHT_GRAD_CHUNK;
             end++)
            taps += p->blocks[end].width;
        memset(sums, 0, (size_t)(taps * height) * sizeof *sums);
        weight_grad_chunk(p, x, dy, height, first, end, sums);
        weight_grad_store(sums, taps, height, dw + tap, p->n_taps);
    }
}

static void weight_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_weight_grad_params *g = params;
    (void)tile;
    for (int32_t i = 0; i < g->groups; i++) {
        const float *x = (const float *)p[0] + i * g->x_group;
        for (int32_t c = 0; c < g->channels; c += g->height) {
            const int32_t height = g->channels - c < g->height ? g->channels - c : g->height;
            const int64_t channel = (int64_t)i * g->channels + c;
            weight_grad_channels(g, x, (const float *)p[1] + channel * g->dy_plane,
                                 (float *)p[2] + channel * g->n_taps, height);
        }
    }
}

#endif
