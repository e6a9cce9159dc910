/* The gradient of weights: register blocks of `height` channels of dy times `width` taps, summed
 * over all positions; the lanes, which are images, are added at the end. */
#ifndef CPU_WEIGHT_GRAD_H
#define CPU_WEIGHT_GRAD_H

#include "vector.h"

typedef struct weight_grad_args {
    const float *dy;   /* of the first channel, row y0 */
    const float *x[4]; /* per tap, for row y0 */
    float *dw;         /* of the first channel */
    const int32_t *w;  /* per tap: place in dw */
    int64_t dy_plane, dy_row, x_row, x_step;
    int32_t rows, columns, taps; /* taps of a channel, from one to the next in dw */
} weight_grad_args;

ALWAYS void weight_grad_block(const weight_grad_args *a, const int H, const int W)
{
    vf sum[8][4];
#pragma GCC unroll 8
    for (int h = 0; h < H; h++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++)
            sum[h][w] = (vf){ 0 };
    for (int32_t r = 0; r < a->rows; r++) {
        const float *dy = a->dy + r * a->dy_row;
        int64_t at = r * a->x_row;
        for (int32_t i = 0; i < a->columns; i++, dy += LANES, at += a->x_step) {
            vf x[4];
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
    }
#pragma GCC unroll 8
    for (int h = 0; h < H; h++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++)
            a->dw[(int64_t)h * a->taps + a->w[w]] += sum_lanes(sum[h][w]);
}

typedef void (*weight_grad_fn)(const weight_grad_args *);

#define WEIGHT_GRAD(H, W)                                        \
    static void weight_grad_##H##x##W(const weight_grad_args *a) \
    {                                                            \
        weight_grad_block(a, H, W);                              \
    }
#define WEIGHT_GRAD_16_REGISTERS(X)                                                         \
    X(1, 1)                                                                                 \
    X(1, 2) X(1, 3) X(1, 4) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(3, 1) X(3, 2) X(3, 3) X(4, 1) \
        X(4, 2) X(4, 3) X(5, 1) X(5, 2) X(6, 1) X(6, 2) X(7, 1) X(8, 1)
#define WEIGHT_GRAD_32_REGISTERS(X) X(3, 4) X(4, 4) X(5, 3) X(5, 4) X(6, 3) X(6, 4) X(7, 2) X(8, 2)

WEIGHT_GRAD_16_REGISTERS(WEIGHT_GRAD)
#if CPU_REGISTERS >= 32
WEIGHT_GRAD_32_REGISTERS(WEIGHT_GRAD)
#endif

#define ENTRY(H, W) [H][W] = weight_grad_##H##x##W,
static const weight_grad_fn weight_grad_fns[9][5] = { WEIGHT_GRAD_16_REGISTERS(ENTRY)
#if CPU_REGISTERS >= 32
                                                          WEIGHT_GRAD_32_REGISTERS(ENTRY)
#endif
};
#undef ENTRY
#undef WEIGHT_GRAD

static void weight_grad_rows(const cpu_weight_grad_params *p, const float *x, const float *dy,
                             float *dw, int32_t height)
{
    for (int32_t k = 0; k < p->n_rows; k++) {
        const cpu_weight_grad_row *row = &p->rows[k];
        for (int32_t t = 0; t < row->count; t += p->width) {
            const int32_t width = row->count - t < p->width ? row->count - t : p->width;
            weight_grad_args a = { .dy = dy + row->y0 * p->dy_row,
                                   .dw = dw,
                                   .w = p->w + row->first + t,
                                   .dy_plane = p->dy_plane,
                                   .dy_row = p->dy_row,
                                   .x_row = p->x_row,
                                   .x_step = p->x_step,
                                   .rows = row->y1 - row->y0,
                                   .columns = p->columns,
                                   .taps = p->n_taps };
            for (int32_t w = 0; w < width; w++)
                a.x[w] = x + p->x[row->first + t + w] + row->y0 * p->x_row;
            weight_grad_fns[height][width](&a);
        }
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
            weight_grad_rows(g, x, (const float *)p[1] + channel * g->dy_plane,
                             (float *)p[2] + channel * g->n_taps, height);
        }
    }
}

#endif
