/* Convolutions: register blocks of `height` channels times `width` columns. */
#ifndef CPU_CONV_H
#define CPU_CONV_H

#include "vector.h"

typedef struct conv_args {
    const float *x, *w, *bias; /* of the first column; of the block; per channel, or NULL */
    const float *add;          /* what is added to y, or NULL */
    float *y;
    const cpu_conv_taps *taps;
    int64_t x_step, y_step, y_plane, add_plane; /* add's columns are as far apart as y's */
    int32_t repeat;
    const cpu_conv_params *clamp; /* or NULL */
} conv_args;

/* Sums stay in registers while the taps go by: per tap `width` loads of x, `height` weights. */
ALWAYS void conv_block(const conv_args *a, const int H, const int W)
{
    const float *x = a->x;
    float *y = a->y;
    const int32_t n = a->taps->count;
    const int64_t *tx = a->taps->x, x_step = a->x_step;
    const int32_t *tw = a->taps->w;
    for (int32_t r = 0; r < a->repeat; r++, x += W * x_step, y += W * a->y_step) {
        vf sum[12][8];
#pragma GCC unroll 12
        for (int h = 0; h < H; h++)
#pragma GCC unroll 8
            for (int w = 0; w < W; w++)
                sum[h][w] = splat(a->bias != NULL ? a->bias[h] : 0.0f);
        for (int32_t t = 0; t < n; t++) {
            const float *from = x + tx[t], *weight = a->w + (int64_t)tw[t] * H;
            vf v[8];
#pragma GCC unroll 8
            for (int w = 0; w < W; w++)
                v[w] = load(from + w * x_step);
#pragma GCC unroll 12
            for (int h = 0; h < H; h++) {
                const vf k = splat(weight[h]);
#pragma GCC unroll 8
                for (int w = 0; w < W; w++)
                    sum[h][w] += v[w] * k;
            }
        }
#pragma GCC unroll 12
        for (int h = 0; h < H; h++)
#pragma GCC unroll 8
            for (int w = 0; w < W; w++) {
                vf s = sum[h][w];
                if (a->add != NULL)
                    s += load(a->add + (y - a->y) + h * a->add_plane + w * a->y_step);
                if (a->clamp != NULL)
                    s = clamped(s, a->clamp->low, a->clamp->high);
                store(y + h * a->y_plane + w * a->y_step, s);
            }
    }
}

typedef void (*conv_fn)(const conv_args *);

#define CONV(H, W)                                 \
    static void conv_##H##x##W(const conv_args *a) \
    {                                              \
        conv_block(a, H, W);                       \
    }
/* Blocks that leave room for a row of x and a weight. */
#define CONV_16_REGISTERS(X)                                                                \
    X(1, 1)                                                                                 \
    X(1, 2)                                                                                 \
    X(1, 3)                                                                                 \
    X(1, 4)                                                                                 \
    X(1, 5)                                                                                 \
    X(1, 6)                                                                                 \
    X(1, 7)                                                                                 \
    X(2, 1)                                                                                 \
    X(2, 2)                                                                                 \
    X(2, 3)                                                                                 \
    X(2, 4)                                                                                 \
    X(2, 5)                                                                                 \
    X(3, 1) X(3, 2) X(3, 3) X(4, 1) X(4, 2) X(4, 3) X(5, 1) X(5, 2) X(6, 1) X(6, 2) X(7, 1) \
        X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1)
#define CONV_32_REGISTERS(X)                                                                 \
    X(1, 8)                                                                                  \
    X(2, 6)                                                                                  \
    X(2, 7)                                                                                  \
    X(2, 8)                                                                                  \
    X(3, 4)                                                                                  \
    X(3, 5)                                                                                  \
    X(3, 6)                                                                                  \
    X(3, 7)                                                                                  \
    X(4, 4)                                                                                  \
    X(4, 5)                                                                                  \
    X(4, 6)                                                                                  \
    X(5, 3)                                                                                  \
    X(5, 4) X(5, 5) X(6, 3) X(6, 4) X(7, 2) X(7, 3) X(8, 2) X(8, 3) X(9, 2) X(9, 3) X(10, 2) \
        X(11, 2) X(12, 2)

CONV_16_REGISTERS(CONV)
#if CPU_REGISTERS >= 32
CONV_32_REGISTERS(CONV)
#endif

#define ENTRY(H, W) [H][W] = conv_##H##x##W,
static const conv_fn conv_fns[13][9] = { CONV_16_REGISTERS(ENTRY)
#if CPU_REGISTERS >= 32
                                             CONV_32_REGISTERS(ENTRY)
#endif
};
#undef ENTRY
#undef CONV

typedef struct conv_operands { /* of a group */
    const float *x, *w, *bias, *add;
    float *y;
} conv_operands;

static bool conv_has(int64_t height, int64_t width)
{
    return height <= 12 && width <= 8 && conv_fns[height][width] != NULL;
}

/* The taps of one range of channels; those of a channel follow each other. */
static cpu_conv_taps conv_part(const cpu_conv_params *c, const cpu_conv_taps *taps, int32_t part)
{
    const int32_t each = taps->count / c->channels;
    const int32_t first = part * c->channels / c->parts * each;
    const int32_t end = (part + 1) * c->channels / c->parts * each;
    return (cpu_conv_taps){ end - first, taps->x + first, taps->w + first };
}

/* The first range of channels begins with the bias and what is added, the others with what is there
 * already. */
static void conv_row(const cpu_conv_params *c, const cpu_conv_row *row, const cpu_conv_block *block,
                     const conv_operands *o, int32_t part)
{
    const int32_t *line = c->lines + (row->line * c->n_shapes + block->shape) * 2;
    const int64_t first = block->first * c->y_plane + row->y;
    const float *add = part == 0 ? o->add : o->y;
    for (int32_t i = line[0]; i < line[0] + line[1]; i++) {
        const cpu_conv_span *span = &c->spans[i];
        const cpu_conv_taps *all = &c->taps[span->taps];
        const cpu_conv_taps taps = c->parts == 1 ? *all : conv_part(c, all, part);
        const conv_args args = {
            .x = o->x + row->x + span->column * c->x_step,
            .w = o->w + block->weights,
            .bias = part == 0 && o->bias != NULL ? o->bias + block->first : NULL,
            .add = add != NULL ? add + first + span->column * c->y_step : NULL,
            .y = o->y + first + span->column * c->y_step,
            .add_plane = c->y_plane,
            .taps = &taps,
            .x_step = c->x_step,
            .y_step = c->y_step,
            .y_plane = c->y_plane,
            .repeat = span->repeat,
            .clamp = part + 1 == c->parts && c->clamps ? c : NULL,
        };
        conv_fns[block->height][span->width](&args);
    }
}

static void conv_group(const cpu_conv_params *c, const conv_operands *o)
{
    if (!c->rows_outside) {
        for (int32_t b = 0; b < c->n_blocks; b++)
            for (int32_t r = 0; r < c->n_rows; r++)
                conv_row(c, &c->rows[r], &c->blocks[b], o, 0);
        return;
    }
    for (int32_t r = 0; r < c->n_rows; r++)
        for (int32_t part = 0; part < c->parts; part++)
            for (int32_t b = 0; b < c->n_blocks; b++)
                conv_row(c, &c->rows[r], &c->blocks[b], o, part);
}

static void conv_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_conv_params *c = params;
    const int bias = 2, add = bias + c->has_bias, y = add + c->has_add;
    (void)tile;
    for (int32_t g = 0; g < c->groups; g++) {
        const int64_t channel = g * c->y_group;
        const conv_operands o = {
            .x = (const float *)p[0] + g * c->x_group,
            .w = (const float *)p[1] + g * c->w_group,
            .bias = c->has_bias ? (const float *)p[bias] + channel : NULL,
            .add = c->has_add ? (const float *)p[add] + channel * c->y_plane : NULL,
            .y = (float *)p[y] + channel * c->y_plane,
        };
        conv_group(c, &o);
    }
}

#endif
