/* Moving data: between plain memory and tiles, between tiles, and to other types. */
#ifndef CPU_MOVE_H
#define CPU_MOVE_H

#include <cnnrun/tensor.h>

#include "walk.h"

/* Vectors of floats or integers, moved as bits. */
typedef vf vf_bits __attribute__((may_alias));

ALWAYS vf load_bits(const void *p)
{
    return *(const vf_bits *)p;
}

ALWAYS void store_bits(void *p, vf v)
{
    *(vf_bits *)p = v;
}

/* Plain memory has no alignment but that of its elements. */
ALWAYS vf load_any(const void *p)
{
    return *(const vf_any *)p;
}

ALWAYS void store_any(void *p, vf v)
{
    *(vf_any *)p = v;
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLE(a, b, ...) __builtin_shufflevector((a), (b), __VA_ARGS__)
#endif
#endif
#ifndef SHUFFLE
#define SHUFFLE(a, b, ...) __builtin_shuffle((a), (b), (vi){ __VA_ARGS__ })
#endif

/* The lower, or the upper, halves of two vectors in turn: elements within every four lanes (128
 * bits, which are cheap to shuffle in), and fours within the vector. */
#if LANES == 4
#define LOWER_ELEMENTS 0, 4, 1, 5
#define UPPER_ELEMENTS 2, 6, 3, 7
#define LOWER_QUADS 0, 1, 2, 3 /* not used */
#define UPPER_QUADS 0, 1, 2, 3
#elif LANES == 8
#define LOWER_ELEMENTS 0, 8, 1, 9, 4, 12, 5, 13
#define UPPER_ELEMENTS 2, 10, 3, 11, 6, 14, 7, 15
#define LOWER_QUADS 0, 1, 2, 3, 8, 9, 10, 11
#define UPPER_QUADS 4, 5, 6, 7, 12, 13, 14, 15
#else
#define LOWER_ELEMENTS 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define UPPER_ELEMENTS 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define LOWER_QUADS 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23
#define UPPER_QUADS 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31
#endif

/* Four rows, in every four lanes: r[i][j] <-> r[j][i]. A round takes the highest bit of the row's
 * number to the lowest of the lane's, and the highest bit of the lane's to the lowest of the row's:
 * after as many rounds as there are bits they have changed places. */
ALWAYS void transpose_elements(vf r[4])
{
#pragma GCC unroll 2
    for (int round = 0; round < 2; round++) {
        vf a = r[0], b = r[1], c = r[2], d = r[3];
        r[0] = SHUFFLE(a, c, LOWER_ELEMENTS);
        r[1] = SHUFFLE(a, c, UPPER_ELEMENTS);
        r[2] = SHUFFLE(b, d, LOWER_ELEMENTS);
        r[3] = SHUFFLE(b, d, UPPER_ELEMENTS);
    }
}

/* The same with four lanes as one element, for every fourth row. */
ALWAYS void transpose_quads(vf *r)
{
#pragma GCC unroll 2
    for (int quads = 1; quads < LANES / 4; quads *= 2) {
        vf t[LANES / 4];
#pragma GCC unroll 2
        for (int i = 0; i < LANES / 8; i++) {
            vf a = r[4 * i], b = r[4 * i + LANES / 2];
            t[2 * i] = SHUFFLE(a, b, LOWER_QUADS);
            t[2 * i + 1] = SHUFFLE(a, b, UPPER_QUADS);
        }
#pragma GCC unroll 4
        for (int i = 0; i < LANES / 4; i++)
            r[4 * i] = t[i];
    }
}

/* r[i][j] <-> r[j][i] */
ALWAYS void transpose_block(vf r[LANES])
{
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4)
        transpose_elements(r + i);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        transpose_quads(r + i);
}

#undef LOWER_ELEMENTS
#undef UPPER_ELEMENTS
#undef LOWER_QUADS
#undef UPPER_QUADS

ALWAYS void gather_block(vf r[LANES], const float *from, int64_t size, int64_t images)
{
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++)
        r[l] = l < images ? load_any(from + l * size) : splat(0);
    transpose_block(r);
}

/* Stores vectors [skip, LANES) of a block where the cursor stands. */
ALWAYS void put_block(float *to, const vf r[LANES], int skip, cursor *c, const cpu_view *v)
{
    if (skip == 0 && c->x + LANES < v->w) {
#pragma GCC unroll 16
        for (int k = 0; k < LANES; k++)
            store_bits(to + (c->at + k) * LANES, r[k]);
        c->at += LANES;
        c->x += LANES;
        return;
    }
    for (int k = skip; k < LANES; k++) {
        store_bits(to + c->at * LANES, r[k]);
        cursor_next(c, v);
    }
}

/* Fewer elements than lanes. */
static void gather_few(const float *from, float *to, const cpu_view *v, int64_t images)
{
    int64_t size = view_count(v);
    cursor c = { 0 };
    for (int64_t i = 0; i < size; i++, cursor_next(&c, v))
        for (int l = 0; l < LANES; l++)
            if (l < images)
                memcpy(to + c.at * LANES + l, from + l * size + i, sizeof *to);
            else
                memset(to + c.at * LANES + l, 0, sizeof *to);
}

/* The last block ends with the image and repeats some of the one before. */
static void gather_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_view v = joined(((const cpu_params *)params)->view[1]);
    int64_t size = view_count(&v), i = 0;
    const float *from = (const float *)p[0] + tile->first * size;
    float *to = p[1];
    cursor c = { 0 };
    vf r[LANES];
    if (size < LANES) {
        gather_few(from, to, &v, tile->images);
        return;
    }
    if (tile->images == LANES)
        for (; i + LANES <= size; i += LANES) {
            gather_block(r, from + i, size, LANES);
            put_block(to, r, 0, &c, &v);
        }
    for (; i < size; i += LANES) {
        int64_t start = smaller(i, size - LANES);
        gather_block(r, from + start, size, tile->images);
        put_block(to, r, (int)(i - start), &c, &v);
    }
}

ALWAYS void take_block(const float *from, vf r[LANES], cursor *c, const cpu_view *v)
{
    if (c->x + LANES < v->w) {
#pragma GCC unroll 16
        for (int k = 0; k < LANES; k++)
            r[k] = load_bits(from + (c->at + k) * LANES);
        c->at += LANES;
        c->x += LANES;
        return;
    }
    for (int k = 0; k < LANES; k++) {
        r[k] = load_bits(from + c->at * LANES);
        cursor_next(c, v);
    }
}

ALWAYS void scatter_block(vf r[LANES], float *to, int64_t size, int64_t images)
{
    transpose_block(r);
#pragma GCC unroll 16
    for (int l = 0; l < LANES; l++)
        if (l < images)
            store_any(to + l * size, r[l]);
}

static void scatter_few(const float *from, float *to, const cpu_view *v, int64_t images)
{
    int64_t size = view_count(v);
    cursor c = { 0 };
    for (int64_t i = 0; i < size; i++, cursor_next(&c, v))
        for (int l = 0; l < images; l++)
            memcpy(to + l * size + i, from + c.at * LANES + l, sizeof *to);
}

static void scatter_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_view v = joined(((const cpu_params *)params)->view[0]);
    int64_t size = view_count(&v), i = 0;
    const float *from = p[0];
    float *to = (float *)p[1] + tile->first * size;
    cursor c = { 0 };
    vf r[LANES];
    if (size < LANES) {
        scatter_few(from, to, &v, tile->images);
        return;
    }
    if (tile->images == LANES)
        for (; i + LANES <= size; i += LANES) {
            take_block(from, r, &c, &v);
            scatter_block(r, to + i, size, LANES);
        }
    for (; i < size; i += LANES) {
        int64_t start = smaller(i, size - LANES);
        c = cursor_at(&v, start);
        take_block(from, r, &c, &v);
        scatter_block(r, to + start, size, tile->images);
    }
}

static void copy_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *a = params;
    cpu_view x = a->view[0], y = a->view[1];
    (void)tile;
    join_both(&x, &y);
    for (int64_t c = 0; c < x.c; c++)
        for (int64_t i = 0; i < x.h; i++)
            memcpy((float *)p[1] + (c * y.plane + i * y.row) * LANES,
                   (const float *)p[0] + (c * x.plane + i * x.row) * LANES,
                   (size_t)x.w * LANES * sizeof(float));
}

static void zero_margins_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *a = params;
    const cpu_view *v = &a->view[0];
    (void)tile;
    for (int64_t c = 0; c < v->c; c++)
        for (int64_t i = 0; i < v->h; i++) {
            float *row = (float *)p[0] + (c * v->plane + i * v->row) * LANES;
            for (int64_t x = -a->left; x < 0; x++)
                store_bits(row + x * LANES, splat(0));
            for (int64_t x = v->w; x < v->w + a->right; x++)
                store_bits(row + x * LANES, splat(0));
        }
}

static void mask_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_view v = joined(((const cpu_params *)params)->view[0]);
    const vi exists = image_mask(tile);
    if (tile->images == LANES)
        return;
    for (int64_t c = 0; c < v.c; c++)
        for (int64_t i = 0; i < v.h; i++)
            for (int64_t x = 0; x < v.w; x++) {
                float *at = (float *)p[0] + (c * v.plane + i * v.row + x) * LANES;
                store_bits(at, (vf)(exists & (vi)load_bits(at)));
            }
}

static void transpose_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *a = params;
    const cpu_view *x = &a->view[0], *y = &a->view[1];
    const int64_t stride[3] = { x->plane, x->row, 1 };
    int64_t sc = stride[a->perm[0]], sh = stride[a->perm[1]], sw = stride[a->perm[2]];
    (void)tile;
    for (int64_t c = 0; c < y->c; c++)
        for (int64_t i = 0; i < y->h; i++) {
            const float *from = (const float *)p[0] + (c * sc + i * sh) * LANES;
            float *to = (float *)p[1] + (c * y->plane + i * y->row) * LANES;
            for (int64_t j = 0; j < y->w; j++)
                store_bits(to + j * LANES, load_bits(from + j * sw * LANES));
        }
}

/* Truncation towards zero; NaN is 0; what does not fit becomes the nearest number that does. */
ALWAYS vi to_int(vf x)
{
    const float limit = 2147483648.0f; /* 2^31 */
    vi high = x >= splat(limit), fits = (x >= splat(-limit)) & ~high;
    vi low = x < splat(-limit);
    vi number = __builtin_convertvector((vf)(fits & (vi)x), vi);
    return number | (high & splat_int(INT32_MAX)) | (low & splat_int(INT32_MIN));
}

static void cast_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *a = params;
    cpu_view x = a->view[0], y = a->view[1];
    if (a->from == a->to) {
        copy_tile(params, p, tile);
        return;
    }
    join_both(&x, &y);
    for (int64_t c = 0; c < x.c; c++)
        for (int64_t i = 0; i < x.h; i++) {
            const float *from = (const float *)p[0] + (c * x.plane + i * x.row) * LANES;
            float *to = (float *)p[1] + (c * y.plane + i * y.row) * LANES;
            for (int64_t j = 0; j < x.w; j++) {
                vf bits = load_bits(from + j * LANES);
                store_bits(to + j * LANES, a->to == CNN_I32
                                               ? (vf)to_int(bits)
                                               : __builtin_convertvector((vi)bits, vf));
            }
        }
}

#endif
