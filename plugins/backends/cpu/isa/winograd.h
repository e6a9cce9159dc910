/* Convolutions by Winograd's F(4x4, 3x3) (Lavin, Gray, Fast Algorithms for Convolutional Neural
 * Networks, 2016). Whether lanes are images or channels is all one to the transforms. */
#ifndef CPU_WINOGRAD_H
#define CPU_WINOGRAD_H

#include "conv.h"
#include "walk.h"

enum { TILE = CPU_WINOGRAD_TILE, PATCH = 6, POINTS = CPU_WINOGRAD_POINTS };

/* B^T d: six numbers of an axis. With a and b for the two magnitudes of points, a b = 1. */
ALWAYS void winograd_points(const vf d[PATCH], vf v[PATCH])
{
    const float a = CPU_WINOGRAD_A, b = CPU_WINOGRAD_B, a2 = a * a, b2 = b * b;
    const vf even = d[4] - splat(b2) * d[2], odd = splat(a) * d[3] - splat(b) * d[1];
    const vf even2 = d[4] - splat(a2) * d[2], odd2 = splat(b) * d[3] - splat(a) * d[1];
    v[0] = d[0] - splat(a2 + b2) * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    v[5] = d[1] - splat(a2 + b2) * d[3] + d[5];
}

/* A^T m: four results of an axis. */
ALWAYS void winograd_results(const vf m[PATCH], vf y[TILE])
{
    const float a = CPU_WINOGRAD_A, b = CPU_WINOGRAD_B, a2 = a * a, b2 = b * b;
    const vf sum = m[1] + m[2], difference = m[1] - m[2];
    const vf sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    y[0] = m[0] + sum + sum2;
    y[1] = splat(a) * difference + splat(b) * difference2;
    y[2] = splat(a2) * sum + splat(b2) * sum2;
    y[3] = splat(a * a2) * difference + splat(b * b2) * difference2 + m[5];
}

/* A patch, of which row i begins at x[i], to 36 points. */
ALWAYS void winograd_patch(const float *const x[PATCH], float *v, int64_t point)
{
    vf half[PATCH][PATCH], axis[PATCH];
    for (int j = 0; j < PATCH; j++) {
        for (int i = 0; i < PATCH; i++)
            axis[i] = load(x[i] + j * LANES);
        winograd_points(axis, half[j]);
    }
    for (int i = 0; i < PATCH; i++) {
        vf out[PATCH];
        for (int j = 0; j < PATCH; j++)
            axis[j] = half[j][i];
        winograd_points(axis, out);
        for (int j = 0; j < PATCH; j++)
            store(v + (i * PATCH + j) * point, out[j]);
    }
}

static const float winograd_zeros[PATCH * LANES];

/* Some columns of the patch at at x lie outside: row by row into `copy`, zeros there. */
static void winograd_border(const cpu_winograd_in *w, const float *x[PATCH], int64_t at,
                            float *copy)
{
    for (int i = 0; i < PATCH; i++)
        for (int j = 0; j < PATCH; j++) {
            const bool inside = x[i] != winograd_zeros && at + j >= w->x0 && at + j < w->x1;
            store(copy + (i * PATCH + j) * LANES, inside ? load(x[i] + j * LANES) : splat(0));
        }
    for (int i = 0; i < PATCH; i++)
        x[i] = copy + i * PATCH * LANES;
}

static void winograd_in(const cpu_winograd_in *w)
{
    float copy[POINTS * LANES];
    for (int32_t t = 0; t < w->tiles; t++) {
        const int64_t at = w->first_column + t * TILE;
        const float *x[PATCH];
        for (int i = 0; i < PATCH; i++) {
            const int64_t y = w->first_row + i;
            x[i] = y >= w->y0 && y < w->y1 ? w->x + y * w->row + at * LANES : winograd_zeros;
        }
        if (at < w->x0 || at + PATCH > w->x1)
            winograd_border(w, x, at, copy);
        winograd_patch(x, w->v + t * LANES, w->point);
    }
}

ALWAYS void winograd_tile(const float *m, int64_t point, vf y[TILE][TILE])
{
    vf half[PATCH][TILE], axis[PATCH];
    for (int j = 0; j < PATCH; j++) {
        for (int i = 0; i < PATCH; i++)
            axis[i] = load(m + (i * PATCH + j) * point);
        winograd_results(axis, half[j]);
    }
    for (int i = 0; i < TILE; i++) {
        for (int j = 0; j < PATCH; j++)
            axis[j] = half[j][i];
        winograd_results(axis, y[i]);
    }
}

/* With what else the convolution does. */
static void winograd_out(const cpu_winograd_out *w)
{
    const cpu_channel_conv *c = w->epilogue;
    const vf bias = c->bias != NULL ? load(c->bias) : splat(0);
    for (int32_t t = 0; t < w->tiles; t++) {
        vf y[TILE][TILE];
        winograd_tile(w->m + t * LANES, w->point, y);
        const int64_t columns = smaller(w->columns - t * TILE, TILE);
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

/* ---- tiles of images ---- */

typedef struct winograd_operands {
    const float *x, *w, *bias, *add;
    float *y, *v, *m;
} winograd_operands;

static void winograd_transform(const cpu_winograd_params *k, const winograd_operands *o,
                               int64_t first, int64_t rows)
{
    const cpu_view *x = &k->x;
    const int64_t tiles = k->at_once * k->tile_columns;
    for (int64_t c = 0; c < x->c; c++)
        for (int64_t r = 0; r < rows; r++) {
            const cpu_winograd_in in = {
                .x = o->x + c * x->plane * LANES,
                .row = x->row * LANES,
                .first_row = (first + r) * TILE - k->pad[0],
                .first_column = -k->pad[1],
                .y1 = x->h,
                .x0 = -k->left,
                .x1 = x->w + k->right,
                .tiles = k->tile_columns,
                .v = o->v + (c * tiles + r * k->tile_columns) * LANES,
                .point = cpu_winograd_point(x->c, tiles) * LANES,
            };
            winograd_in(&in);
        }
}

/* m = w v at every point, for `count` tiles. */
static void winograd_multiply(const cpu_winograd_params *k, const winograd_operands *o,
                              int64_t count)
{
    const int64_t tiles = k->at_once * k->tile_columns;
    for (int64_t p = 0; p < POINTS; p++)
        for (int32_t b = 0; b < k->n_blocks; b++) {
            const cpu_conv_block *block = &k->blocks[b];
            const int32_t width = k->width[block->shape];
            conv_args a = {
                .x = o->v + p * cpu_winograd_point(k->x.c, tiles) * LANES,
                .w = o->w + p * k->packed + block->weights,
                .y = o->m + (p * cpu_winograd_point(k->y.c, tiles) + block->first * tiles) * LANES,
                .taps = &k->taps,
                .x_step = LANES,
                .y_step = LANES,
                .y_plane = tiles * LANES,
                .repeat = (int32_t)(count / width),
            };
            const int32_t rest = (int32_t)(count % width);
            if (a.repeat > 0)
                conv_fns[block->height][width](&a);
            a.x += (count - rest) * LANES;
            a.y += (count - rest) * LANES;
            a.repeat = 1;
            if (rest > 0)
                conv_fns[block->height][rest](&a);
        }
}

static void winograd_finish(const cpu_winograd_params *k, const winograd_operands *o, int64_t first,
                            int64_t rows)
{
    const cpu_view *y = &k->y;
    const int64_t tiles = k->at_once * k->tile_columns;
    for (int64_t c = 0; c < y->c; c++) {
        const vf bias = splat(o->bias != NULL ? o->bias[c] : 0);
        for (int64_t r = 0; r < rows; r++) {
            const int64_t row = (first + r) * TILE, at = (c * y->plane + row * y->row) * LANES;
            const cpu_channel_conv epilogue = { .bias = (const float *)&bias,
                                                .add = o->add != NULL ? o->add + at : NULL,
                                                .y = o->y + at,
                                                .clamps = k->clamps,
                                                .low = k->low,
                                                .high = k->high };
            const cpu_winograd_out out = {
                .m = o->m + (c * tiles + r * k->tile_columns) * LANES,
                .point = cpu_winograd_point(y->c, tiles) * LANES,
                .tiles = k->tile_columns,
                .rows = smaller(y->h - row, TILE),
                .columns = y->w,
                .y_row = y->row * LANES,
                .add_row = y->row * LANES,
                .epilogue = &epilogue,
            };
            winograd_out(&out);
        }
    }
}

static void winograd_run(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_winograd_params *k = params;
    const int bias = 2, add = bias + k->has_bias, y = add + k->has_add;
    const winograd_operands o = { .x = p[0],
                                  .w = p[1],
                                  .bias = k->has_bias ? p[bias] : NULL,
                                  .add = k->has_add ? p[add] : NULL,
                                  .y = p[y],
                                  .v = p[y + 1],
                                  .m = p[y + 2] };
    (void)tile;
    for (int64_t first = 0; first < k->tile_rows; first += k->at_once) {
        const int64_t rows = smaller(k->tile_rows - first, k->at_once);
        winograd_transform(k, &o, first, rows);
        winograd_multiply(k, &o, rows * k->tile_columns);
        winograd_finish(k, &o, first, rows);
    }
}

#endif
