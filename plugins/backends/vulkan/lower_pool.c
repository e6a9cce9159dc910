/* Pooling, padding, resizing. One invocation per element of the result; gradients gather. The
 * shaders count in 32 bits: what would not fit is refused. */
#include <cnnrun/ops.h>

#include "plan.h"

enum {
    SMALL_KERNEL = 9, /* elements of a window whose loops are unrolled */
    WIDE_WINDOW = 256 /* elements of a window that a work group shares */
};

static const int64_t longest_side = (int64_t)1 << 30;

/* struct side of image.glsl */
static void push_side(vk_step *step, int64_t n)
{
    vk_push(step, (uint64_t)n);
    vk_push_divisor(step, (uint64_t)n);
}

/* A step that makes `out`. The first push constant is the number of its elements. */
static vk_step *begin(vk_plan *plan, uint32_t node, const char *shader, const int32_t *in,
                      uint32_t n_in, int32_t out)
{
    const uint64_t count = plan->bytes[out] / sizeof(float);
    vk_step *step = vk_begin(plan, node, shader);
    for (uint32_t i = 0; i < n_in; i++)
        vk_reads(plan, step, in[i]);
    vk_writes(plan, step, out);
    vk_push(step, count);
    vk_cover(plan, step, count);
    return step;
}

/* ---- pooling ---- */

/* Without what adaptive pooling ignores. */
static cnn_pool2d_attrs pool_attrs(const cnn_node *node)
{
    const cnn_pool2d_attrs *a = node->attrs;
    const cnn_pool2d_attrs adaptive = { .kernel = { 1, 1 },
                                        .stride = { 1, 1 },
                                        .dilation = { 1, 1 },
                                        .adaptive = { a->adaptive[0], a->adaptive[1] } };
    return a->adaptive[0] > 0 ? adaptive : *a;
}

/* struct axis of pool.glsl */
static void push_axis(vk_step *step, const cnn_pool2d_attrs *a, const cnn_type *x,
                      const cnn_type *y, int axis)
{
    push_side(step, x->dim[2 + axis]);
    push_side(step, y->dim[2 + axis]);
    vk_push(step, (uint64_t)a->kernel[axis]);
    vk_push(step, (uint64_t)a->dilation[axis]);
    push_side(step, a->stride[axis]);
    vk_push(step, (uint64_t)a->pad[2 * axis]);
    vk_push(step, (uint64_t)(x->dim[2 + axis] + a->pad[2 * axis + 1]));
}

/* `reads`: elements that all windows have; more than a few times what is bound, and they decide
 * how long it takes. */
static void pool_step(vk_step *step, const cnn_pool2d_attrs *a, const cnn_type *x,
                      const cnn_type *y, double reads)
{
    push_axis(step, a, x, y, 0);
    push_axis(step, a, x, y, 1);
    if (reads > 8 * (double)(cnn_count(x) + cnn_count(y)))
        step->macs = reads;
}

static double elements_read(const cnn_pool2d_attrs *a, const cnn_type *y)
{
    return (double)cnn_count(y) * (double)a->kernel[0] * (double)a->kernel[1];
}

static bool is_small(const cnn_pool2d_attrs *a)
{
    return a->kernel[0] <= SMALL_KERNEL && a->kernel[1] <= SMALL_KERNEL / a->kernel[0];
}

/* Constants 1 and 2 of pool_max.glsl. */
static void spec_kernel(vk_step *step, const cnn_pool2d_attrs *a, bool fixed)
{
    vk_spec(step, fixed ? (uint32_t)a->kernel[0] : 0);
    vk_spec(step, fixed ? (uint32_t)a->kernel[1] : 0);
}

/* Values of the windows of x, or their winners' places. */
static void max_step(vk_plan *plan, uint32_t n, const cnn_type *y, int32_t out, bool says_where)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_pool2d_attrs a = pool_attrs(node);
    vk_step *step = begin(plan, n, "max_pool2d", node->in, 1, out);
    spec_kernel(step, &a, is_small(&a));
    vk_spec(step, says_where);
    pool_step(step, &a, vk_type(plan, node->in[0]), y, elements_read(&a, y));
}

static cnn_status lower_max(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    (void)err;
    max_step(plan, n, vk_type(plan, node->out[0]), node->out[0], false);
    return CNN_OK;
}

/* Small windows that do not overlap: looking for the winner of an element's only window costs less
 * than writing winners and reading them. */
static bool finds_anew(const cnn_pool2d_attrs *a)
{
    return is_small(a) && a->dilation[0] == 1 && a->dilation[1] == 1 &&
           a->kernel[0] <= a->stride[0] && a->kernel[1] <= a->stride[1];
}

static cnn_status lower_max_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_pool2d_attrs a = pool_attrs(node);
    const cnn_type *dy = vk_type(plan, node->in[1]);
    const bool anew = finds_anew(&a);
    int32_t in[2] = { node->in[0], node->in[1] };
    (void)err;
    if (!anew) {
        in[0] = vk_scratch(plan, (uint64_t)cnn_bytes(dy));
        max_step(plan, n, dy, in[0], true);
    }
    vk_step *step = begin(plan, n, "max_pool2d_grad", in, 2, node->out[0]);
    spec_kernel(step, &a, anew);
    vk_spec(step, !anew);
    pool_step(step, &a, vk_type(plan, node->out[0]), dy, elements_read(&a, dy));
    return CNN_OK;
}

/* Constants 1 and 2 of pool_average.glsl. */
static void spec_average(vk_step *step, const cnn_pool2d_attrs *a)
{
    vk_spec(step, a->adaptive[0] > 0);
    vk_spec(step, a->count_include_pad);
}

/* A work group for each window needs 64 times as many invocations: below 2^31 of them. */
static bool is_wide(const cnn_pool2d_attrs *a, const cnn_type *x, const cnn_type *y)
{
    int64_t size[2];
    for (int i = 0; i < 2; i++)
        size[i] = a->adaptive[0] > 0 ? x->dim[2 + i] / y->dim[2 + i] : a->kernel[i];
    return size[0] * size[1] >= WIDE_WINDOW && cnn_count(y) < (int64_t)1 << 25;
}

static cnn_status lower_average(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_pool2d_attrs a = pool_attrs(node);
    const cnn_type *x = vk_type(plan, node->in[0]), *y = vk_type(plan, node->out[0]);
    const bool wide = is_wide(&a, x, y);
    (void)err;
    vk_step *step =
        begin(plan, n, wide ? "avg_pool2d_wide" : "avg_pool2d", node->in, 1, node->out[0]);
    spec_average(step, &a);
    pool_step(step, &a, x, y, elements_read(&a, y));
    if (wide)
        vk_cover(plan, step, (uint64_t)step->push[0] * step->kernel.specs[0]);
    return CNN_OK;
}

static cnn_status lower_average_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_pool2d_attrs a = pool_attrs(node);
    const cnn_type *dy = vk_type(plan, node->in[0]), *dx = vk_type(plan, node->out[0]);
    (void)err;
    vk_step *step = begin(plan, n, "avg_pool2d_grad", node->in, 1, node->out[0]);
    spec_average(step, &a);
    pool_step(step, &a, dx, dy, elements_read(&a, dy));
    return CNN_OK;
}

static cnn_status covers_windows(const cnn_pool2d_attrs *a, const cnn_type *x, const cnn_type *y,
                                 cnn_error *why)
{
    for (int i = 0; i < 2; i++) {
        const int64_t from = x->dim[2 + i], to = y->dim[2 + i];
        if (from + a->pad[2 * i] + a->pad[2 * i + 1] >= longest_side)
            return cnn_fail(why, CNN_UNSUPPORTED, "a side of 2^30 or more with its padding");
        if (a->adaptive[0] > 0 && (from + 1) * (to + 1) > UINT32_MAX)
            return cnn_fail(why, CNN_UNSUPPORTED,
                            "a side of %lld in %lld windows: the product is above 2^32",
                            (long long)from, (long long)to);
    }
    return CNN_OK;
}

static cnn_status covers_pool(const cnn_device *device, const cnn_program *program,
                              const cnn_node *node, cnn_error *why)
{
    const cnn_pool2d_attrs a = pool_attrs(node);
    (void)device;
    return covers_windows(&a, &cnn_value_at(program, node->in[0])->type,
                          &cnn_value_at(program, node->out[0])->type, why);
}

static cnn_status covers_average_grad(const cnn_device *device, const cnn_program *program,
                                      const cnn_node *node, cnn_error *why)
{
    const cnn_pool2d_attrs a = pool_attrs(node);
    (void)device;
    return covers_windows(&a, &cnn_value_at(program, node->out[0])->type,
                          &cnn_value_at(program, node->in[0])->type, why);
}

/* ---- padding ---- */

/* struct axis of pad.glsl */
static void push_padding(vk_step *step, const cnn_pad2d_attrs *a, const cnn_type *x,
                         const cnn_type *y, int axis)
{
    push_side(step, x->dim[2 + axis]);
    push_side(step, y->dim[2 + axis]);
    vk_push_signed(step, a->pad[2 * axis]);
}

static void pad_step(vk_plan *plan, uint32_t n, const char *shader, int32_t x, int32_t y)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_pad2d_attrs *a = node->attrs;
    vk_step *step = begin(plan, n, shader, node->in, 1, node->out[0]);
    vk_spec(step, (uint32_t)a->mode);
    vk_push_float(step, a->value);
    push_padding(step, a, vk_type(plan, x), vk_type(plan, y), 0);
    push_padding(step, a, vk_type(plan, x), vk_type(plan, y), 1);
}

static cnn_status lower_pad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    (void)err;
    pad_step(plan, n, "pad2d", node->in[0], node->out[0]);
    return CNN_OK;
}

static cnn_status lower_pad_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    (void)err;
    pad_step(plan, n, "pad2d_grad", node->out[0], node->in[0]);
    return CNN_OK;
}

/* ---- resizing ---- */

/* Where output o lies: max(o * step + plus - minus, 0) / whole, of the source positions
 *   nearest        o * from / to
 *   aligned        o * (from - 1) / (to - 1)
 *   bilinear       (o + 1/2) * from / to - 1/2 */
typedef struct scale {
    int64_t step, whole, plus, minus;
} scale;

static scale scale_of(const cnn_resize2d_attrs *a, int64_t from, int64_t to)
{
    if (a->mode == CNN_RESIZE_NEAREST)
        return (scale){ from, to, 0, 0 };
    if (!a->align_corners)
        return (scale){ 2 * from, 2 * to, from, to };
    return to > 1 ? (scale){ from - 1, to - 1, 0, 0 } : (scale){ 0, 1, 0, 0 };
}

/* struct axis of resize.glsl; nothing is divided by a step of 0. */
static void push_scale(vk_step *step, const cnn_resize2d_attrs *a, int64_t from, int64_t to)
{
    const scale s = scale_of(a, from, to);
    push_side(step, from);
    push_side(step, to);
    vk_push(step, (uint64_t)s.step);
    vk_push_divisor(step, s.step > 0 ? (uint64_t)s.step : 1);
    push_side(step, s.whole);
    vk_push(step, (uint64_t)s.plus);
    vk_push(step, (uint64_t)s.minus);
}

static void resize_step(vk_plan *plan, uint32_t n, const char *shader, int32_t x, int32_t y)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_resize2d_attrs *a = node->attrs;
    const cnn_type *from = vk_type(plan, x), *to = vk_type(plan, y);
    vk_step *step = begin(plan, n, shader, node->in, 1, node->out[0]);
    vk_spec(step, a->mode == CNN_RESIZE_BILINEAR);
    push_scale(step, a, from->dim[2], to->dim[2]);
    push_scale(step, a, from->dim[3], to->dim[3]);
}

static cnn_status lower_resize(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    (void)err;
    resize_step(plan, n, "resize2d", node->in[0], node->out[0]);
    return CNN_OK;
}

static cnn_status lower_resize_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    (void)err;
    resize_step(plan, n, "resize2d_grad", node->out[0], node->in[0]);
    return CNN_OK;
}

/* A bound of all that the shaders add up: (to + 1/2) * 2 from, and a step more to round up. */
static cnn_status covers_resize(const cnn_device *device, const cnn_program *program,
                                const cnn_node *node, cnn_error *why)
{
    const cnn_type *a = &cnn_value_at(program, node->in[0])->type;
    const cnn_type *b = &cnn_value_at(program, node->out[0])->type;
    (void)device;
    for (int i = 2; i < 4; i++)
        if (2 * (a->dim[i] + 1) * (b->dim[i] + 1) > UINT32_MAX)
            return cnn_fail(why, CNN_UNSUPPORTED,
                            "a side of %lld from one of %lld: twice the product is above 2^32",
                            (long long)b->dim[i], (long long)a->dim[i]);
    return CNN_OK;
}

const vk_lowering vk_pool_lowerings[] = {
    { .op = "max_pool2d", .lower = lower_max, .covers = covers_pool },
    { .op = "max_pool2d_grad", .lower = lower_max_grad, .covers = covers_pool },
    { .op = "avg_pool2d", .lower = lower_average, .covers = covers_pool },
    { .op = "avg_pool2d_grad", .lower = lower_average_grad, .covers = covers_average_grad },
    { .op = "pad2d", .lower = lower_pad },
    { .op = "pad2d_grad", .lower = lower_pad_grad },
    { .op = "resize2d", .lower = lower_resize, .covers = covers_resize },
    { .op = "resize2d_grad", .lower = lower_resize_grad, .covers = covers_resize },
    { .op = NULL },
};
