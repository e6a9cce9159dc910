/* Softmax, cross-entropy and their gradients, along one axis, for a vector of images at a time. The
 * largest element is subtracted first, so that nothing overflows. */
#ifndef CPU_LOSS_H
#define CPU_LOSS_H

#include <math.h>

#include "math.h"
#include "walk.h"

/* Elements of a line along the axis; strides in floats. */
typedef struct line {
    const float *x;
    int64_t stride, length;
} line;

enum { LOSS_PART = 32 }; /* so many are summed before they are added to the others' sum */

ALWAYS vf line_max(const line *x)
{
    vf most = splat(-INFINITY);
    for (int64_t k = 0; k < x->length; k++) {
        vf v = load(x->x + k * x->stride);
        most = choose(v > most, v, most);
    }
    return most;
}

/* Sum of exp(x - most); the terms are kept in y unless that is NULL. */
ALWAYS vf line_exp(const line *x, vf most, float *y, int64_t y_stride)
{
    vf sum = splat(0);
    for (int64_t first = 0; first < x->length; first += LOSS_PART) {
        int64_t end = smaller(first + LOSS_PART, x->length);
        vf part = splat(0);
        for (int64_t k = first; k < end; k++) {
            vf e = vexp(load(x->x + k * x->stride) - most);
            part += e;
            if (y != NULL)
                store(y + k * y_stride, e);
        }
        sum += part;
    }
    return sum;
}

ALWAYS void softmax_line(const line *x, float *y, int64_t y_stride)
{
    vf scale = splat(1) / line_exp(x, line_max(x), y, y_stride);
    for (int64_t k = 0; k < x->length; k++)
        store(y + k * y_stride, load(y + k * y_stride) * scale);
}

ALWAYS void log_softmax_line(const line *x, float *y, int64_t y_stride)
{
    vf most = line_max(x), log_sum = vlog(line_exp(x, most, NULL, 0));
    for (int64_t k = 0; k < x->length; k++)
        store(y + k * y_stride, load(x->x + k * x->stride) - most - log_sum);
}

/* dx = y (dy - sum(y dy)), or for the logarithm dy - exp(y) sum(dy). */
ALWAYS void softmax_grad_line(const line *y, const line *dy, float *dx, int64_t dx_stride, bool log)
{
    vf sum = splat(0);
    for (int64_t first = 0; first < y->length; first += LOSS_PART) {
        int64_t end = smaller(first + LOSS_PART, y->length);
        vf part = splat(0);
        for (int64_t k = first; k < end; k++) {
            vf d = load(dy->x + k * dy->stride);
            part += log ? d : d * load(y->x + k * y->stride);
        }
        sum += part;
    }
    for (int64_t k = 0; k < y->length; k++) {
        vf v = load(y->x + k * y->stride), d = load(dy->x + k * dy->stride);
        store(dx + k * dx_stride, log ? d - vexp(v) * sum : v * (d - sum));
    }
}

/* The line with number i, j along the other two axes. */
ALWAYS int64_t line_start(const cpu_view *v, int32_t axis, int64_t i, int64_t j)
{
    return (i * stride_of(v, axis == 0 ? 1 : 0) + j * stride_of(v, axis == 2 ? 1 : 2)) * LANES;
}

static void softmax_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cpu_view *x = &k->view[0], *y = &k->view[1];
    int32_t axis = k->axis;
    int64_t y_stride = stride_of(y, axis) * LANES;
    (void)tile;
    for (int64_t i = 0; i < extent_of(x, axis == 0 ? 1 : 0); i++)
        for (int64_t j = 0; j < extent_of(x, axis == 2 ? 1 : 2); j++) {
            line from = { (const float *)p[0] + line_start(x, axis, i, j),
                          stride_of(x, axis) * LANES, extent_of(x, axis) };
            float *to = (float *)p[1] + line_start(y, axis, i, j);
            if (((const cnn_softmax_attrs *)k->attrs)->log)
                log_softmax_line(&from, to, y_stride);
            else
                softmax_line(&from, to, y_stride);
        }
}

static void softmax_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_softmax_attrs *a = k->attrs;
    const cpu_view *y = &k->view[0], *dy = &k->view[1], *dx = &k->view[2];
    int32_t axis = k->axis;
    (void)tile;
    for (int64_t i = 0; i < extent_of(y, axis == 0 ? 1 : 0); i++)
        for (int64_t j = 0; j < extent_of(y, axis == 2 ? 1 : 2); j++) {
            line result = { (const float *)p[0] + line_start(y, axis, i, j),
                            stride_of(y, axis) * LANES, extent_of(y, axis) };
            line d = { (const float *)p[1] + line_start(dy, axis, i, j),
                       stride_of(dy, axis) * LANES, extent_of(dy, axis) };
            softmax_grad_line(&result, &d, (float *)p[2] + line_start(dx, axis, i, j),
                              stride_of(dx, axis) * LANES, a->log);
        }
}

ALWAYS vi is_ignored(vi target, const cnn_cross_entropy_attrs *a)
{
    int32_t ignored = (int32_t)a->ignore_index;
    return ignored == a->ignore_index ? target == splat_int(ignored) : splat_int(0);
}

/* loss = (1 - e) (lse - x[t]) + e (lse - mean(x)). x[t] is picked out while passing: a target
 * without an image may be any number. */
ALWAYS vf cross_entropy_line(const line *x, vi target, const cnn_cross_entropy_attrs *a)
{
    vf most = line_max(x), at_target = splat(0), sum = splat(0);
    for (int64_t first = 0; first < x->length; first += LOSS_PART) {
        int64_t end = smaller(first + LOSS_PART, x->length);
        vf part = splat(0);
        for (int64_t k = first; k < end; k++) {
            vf v = load(x->x + k * x->stride) - most;
            at_target = choose(target == splat_int((int32_t)k), v, at_target);
            part += v;
        }
        sum += part;
    }
    vf log_sum = vlog(line_exp(x, most, NULL, 0));
    float e = (float)a->label_smoothing;
    vf loss = log_sum - at_target;
    if (e > 0)
        loss = splat(1 - e) * loss + splat(e) * (log_sum - sum * splat(1 / (float)x->length));
    return (vf)(~is_ignored(target, a) & (vi)loss);
}

static void cross_entropy_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cpu_view *x = &k->view[0], *target = &k->view[1], *loss = &k->view[2];
    cursor t = { 0 }, l = { 0 };
    (void)tile;
    for (int64_t i = 0; i < x->h; i++)
        for (int64_t j = 0; j < x->w; j++) {
            line from = { (const float *)p[0] + (i * x->row + j) * LANES, x->plane * LANES, x->c };
            vi want = load_int((const int32_t *)p[1] + t.at * LANES);
            store((float *)p[2] + l.at * LANES, cross_entropy_line(&from, want, k->attrs));
            cursor_next(&t, target);
            cursor_next(&l, loss);
        }
}

/* dx = dloss (softmax(x) - target distribution) */
ALWAYS void cross_entropy_grad_line(const line *x, vi target, vf dloss, float *dx, int64_t stride,
                                    const cnn_cross_entropy_attrs *a)
{
    vf scale = splat(1) / line_exp(x, line_max(x), dx, stride);
    float e = (float)a->label_smoothing;
    vf others = splat(e / (float)x->length), own = others + splat(1 - e);
    dloss = (vf)(~is_ignored(target, a) & (vi)dloss);
    for (int64_t k = 0; k < x->length; k++) {
        vf want = choose(target == splat_int((int32_t)k), own, others);
        store(dx + k * stride, dloss * (load(dx + k * stride) * scale - want));
    }
}

static void cross_entropy_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cpu_view *x = &k->view[0], *target = &k->view[1], *loss = &k->view[2];
    const cpu_view *dx = &k->view[3];
    cursor t = { 0 }, l = { 0 };
    (void)tile;
    for (int64_t i = 0; i < x->h; i++)
        for (int64_t j = 0; j < x->w; j++) {
            line from = { (const float *)p[0] + (i * x->row + j) * LANES, x->plane * LANES, x->c };
            vi want = load_int((const int32_t *)p[1] + t.at * LANES);
            cross_entropy_grad_line(&from, want, load((const float *)p[2] + l.at * LANES),
                                    (float *)p[3] + (i * dx->row + j) * LANES, dx->plane * LANES,
                                    k->attrs);
            cursor_next(&t, target);
            cursor_next(&l, loss);
        }
}

#endif
