/* The sums of products of shaders/gemm.glsl, which says what they mean, as steps. */
#ifndef VULKAN_GEMM_H
#define VULKAN_GEMM_H

#include "plan.h"

static inline int64_t vk_divided_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* The elements of a value that a step sees. */
typedef struct vk_span {
    int32_t value;
    int64_t first, count;
} vk_span;

/* Along one axis, place in the plane = at * stride + tap * step + offset. */
typedef struct vk_sweep {
    int64_t stride, step, offset;
} vk_sweep;

/* Distances are in elements. Those in `left`, `right` and `out` count from the span's first. */
typedef struct vk_gemm {
    uint32_t node;
    int64_t groups, rows;
    int64_t u, i, j; /* columns: u * i * j */
    int64_t c, r, s; /* terms: c * r * s, or none */
    struct {
        vk_span span;
        int64_t first, group, row, c, r, s;
    } left;
    struct {
        vk_span span;
        int64_t first, group, u, c, height, width;
    } right;
    vk_sweep y, x;
    struct {
        vk_span span;
        int64_t first, part, row, u, i, j; /* groups are `rows` rows apart */
    } out;
    int32_t packed;   /* a value of vk_gemm_room() elements, or 0 */
    int64_t parts;    /* of the terms, each with a result of its own */
    bool along_terms; /* neighbours in `right` are terms, not columns */
} vk_gemm;

/* Into how many parts the terms of one result are cut: few, so that long sums stay exact, and more
 * where the results alone are too few for a wide device. Depends on sizes only, as long as the
 * parts' results fit one binding. */
int64_t vk_gemm_parts(const vk_plan *, int64_t groups, int64_t rows, int64_t columns,
                      int64_t terms);

/* Elements of scratch in which `left` is better packed first, 0: none. */
int64_t vk_gemm_room(const vk_plan *, int64_t groups, int64_t rows, int64_t columns, int64_t terms);

/* One step, or two. */
void vk_gemm_add(vk_plan *, const vk_gemm *);

/* out = the sum of n parts of out.count elements each, one after the other from the start of
 * `parts`. */
void vk_gemm_sum(vk_plan *, uint32_t node, int32_t parts, int64_t n, vk_span out);

/* vk_begin() of a shader that reads the first n bindings, or of NAME_texels, `texels`, where they
 * are better read so. */
vk_step *vk_begin_reading(vk_plan *, uint32_t node, const char *shader, const char *texels,
                          uint32_t n);

/* Binds a span; returns how many elements it is after the binding's start, which is aligned. */
int64_t vk_bind_span(vk_step *, vk_span, uint32_t access);

/* Pushes two words in one: x, and y << 16. Both fit 16 bits signed. */
void vk_push_pair(vk_step *, int64_t y, int64_t x);

/* Elements that a span may have, whatever its first is. */
int64_t vk_span_limit(const cnn_device *);

#endif
