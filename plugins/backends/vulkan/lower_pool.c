/* Pooling, padding, resizing. One invocation per element of the result; gradients gather. The
 * shaders count in 32 bits: what would not fit is refused. */
#include <cnnrun/ops.h>

#include "plan.h"

enum {
    SMALL_KERNEL = 9,  /* elements of a window whose loops are unrolled */
    WIDE_WINDOW = 256, /* elements of a window that a work group shares */
    LARGEST_CELL = 3   /* side of what an invocation of max_pool2d_grad makes */
};

static const int64_t longest_side = (int64_t)1 << 30;

/* struct side of image.glsl */
static void push_side(vk_step *step, int64_t n)
{
    vk_push(step, (uint64_t)n);
    vk_push_divisor(step, (uint64_t)n);
}

/* A step that makes `out`. The first push constant is the number of invocations that work. */
static vk_step *begin(vk_plan *plan, uint32_t node, const char *shader, const int32_t *in,
                      uint32_t n_in, int32_t out, int64_t invocations)
{
    const uint64_t count = (uint64_t)invocations;
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

/* A pooling as its shaders see it. Each plane has a grid of invocations. */
typedef struct pooling {
    cnn_pool2d_attrs attrs;
    int64_t planes, grid[2];
    int64_t from[2], to[2];
} pooling;

static pooling pooling_of(const vk_plan *plan, uint32_t n, int32_t x, int32_t y)
{
    const cnn_type *from = vk_type(plan, x), *to = vk_type(plan, y);
    pooling p = { .attrs = pool_attrs(cnn_node_at(plan->program, n)),
                  .planes = from->dim[0] * from->dim[1] };
    for (int i = 0; i < 2; i++) {
        p.from[i] = from->dim[2 + i];
        p.grid[i] = p.to[i] = to->dim[2 + i];
    }
    return p;
}

static int64_t invocations(const pooling *p)
{
    return p->planes * p->grid[0] * p->grid[1];
}

/* struct axis of pool.glsl */
static void push_axis(vk_step *step, const pooling *p, int axis)
{
    const cnn_pool2d_attrs *a = &p->attrs;
    push_side(step, p->from[axis]);
    push_side(step, p->to[axis]);
    vk_push(step, (uint64_t)a->kernel[axis]);
    push_side(step, a->stride[axis]);
    vk_push(step, (uint64_t)a->pad[2 * axis]);
    vk_push(step, (uint64_t)(p->from[axis] + a->pad[2 * axis + 1]));
}

/* Large windows that overlap: elements read again and again decide how long it takes. */
static void push_pooling(vk_step *step, const pooling *p)
{
    const cnn_pool2d_attrs *a = &p->attrs;
    const double window = (double)a->kernel[0] * (double)a->kernel[1];
    const double reads = window * (double)p->planes * (double)p->to[0] * (double)p->to[1];
    push_side(step, p->grid[0]);
    push_side(step, p->grid[1]);
    push_axis(step, p, 0);
    push_axis(step, p, 1);
    if (window > 8 * (double)a->stride[0] * (double)a->stride[1])
        step->macs = reads;
}

static bool is_small(const cnn_pool2d_attrs *a)
{
    return a->kernel[0] <= SMALL_KERNEL && a->kernel[1] <= SMALL_KERNEL / a->kernel[0];
}

/* Constants 1 to 4 of pool_max.glsl. */
static void spec_windows(vk_step *step, const cnn_pool2d_attrs *a, bool unrolled)
{
    vk_spec(step, unrolled ? (uint32_t)a->kernel[0] : 0);
    vk_spec(step, unrolled ? (uint32_t)a->kernel[1] : 0);
    vk_spec(step, (uint32_t)a->dilation[0]);
    vk_spec(step, (uint32_t)a->dilation[1]);
}

/* Values of the windows of x, or their winners' places. */
static void max_step(vk_plan *plan, uint32_t n, const pooling *p, int32_t out, bool says_where)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    vk_step *step = begin(plan, n, "max_pool2d", node->in, 1, out, invocations(p));
    spec_windows(step, &p->attrs, is_small(&p->attrs));
    vk_spec(step, says_where);
    push_pooling(step, p);
}

static cnn_status lower_max(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const pooling p = pooling_of(plan, n, node->in[0], node->out[0]);
    (void)err;
    max_step(plan, n, &p, node->out[0], false);
    return CNN_OK;
}

/* Small windows that do not overlap: looking for a window's winner again costs less than writing
 * winners and reading them. */
static bool finds_anew(const cnn_pool2d_attrs *a)
{
    return is_small(a) && a->dilation[0] == 1 && a->dilation[1] == 1 &&
           a->kernel[0] <= a->stride[0] && a->kernel[1] <= a->stride[1];
}

/* Cells of the image that invocations make: as large as the stride if that is small. */
static void use_cells(pooling *p, uint32_t cell[2])
{
    const cnn_pool2d_attrs *a = &p->attrs;
    const bool small = a->stride[0] <= LARGEST_CELL && a->stride[1] <= LARGEST_CELL;
    for (int i = 0; i < 2; i++) {
        const int64_t side = small ? a->stride[i] : 1;
        p->grid[i] = (p->from[i] + a->pad[2 * i] % side + side - 1) / side;
        cell[i] = (uint32_t)side;
    }
}

static cnn_status lower_max_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    pooling p = pooling_of(plan, n, node->in[0], node->in[1]);
    const bool anew = finds_anew(&p.attrs);
    int32_t in[2] = { node->in[0], node->in[1] };
    uint32_t cell[2];
    (void)err;
    if (!anew) {
        in[0] = vk_scratch(plan, (uint64_t)cnn_bytes(vk_type(plan, node->in[1])));
        max_step(plan, n, &p, in[0], true);
    }
    use_cells(&p, cell);
    vk_step *step = begin(plan, n, "max_pool2d_grad", in, 2, node->out[0], invocations(&p));
    spec_windows(step, &p.attrs, anew);
    vk_spec(step, !anew);
    vk_spec(step, cell[0]);
    vk_spec(step, cell[1]);
    push_pooling(step, &p);
    return CNN_OK;
}

/* Constants 1 and 2 of pool_average.glsl. */
static void spec_average(vk_step *step, const cnn_pool2d_attrs *a)
{
    vk_spec(step, a->adaptive[0] > 0);
    vk_spec(step, a->count_include_pad);
}

/* A work group for each window needs 64 times as many invocations: below 2^31 of them. */
static bool is_wide(const pooling *p)
{
    const cnn_pool2d_attrs *a = &p->attrs;
    int64_t size[2];
    for (int i = 0; i < 2; i++)
        size[i] = a->adaptive[0] > 0 ? p->from[i] / p->to[i] : a->kernel[i];
    return size[0] * size[1] >= WIDE_WINDOW && invocations(p) < (int64_t)1 << 25;
}

static cnn_status lower_average(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const pooling p = pooling_of(plan, n, node->in[0], node->out[0]);
    const bool wide = is_wide(&p);
    (void)err;
    vk_step *step = begin(plan, n, wide ? "avg_pool2d_wide" : "avg_pool2d", node->in, 1,
                          node->out[0], invocations(&p));
    spec_average(step, &p.attrs);
    push_pooling(step, &p);
    if (wide)
        vk_cover(plan, step, (uint64_t)invocations(&p) * step->kernel.specs[0]);
    return CNN_OK;
}

static cnn_status lower_average_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    pooling p = pooling_of(plan, n, node->out[0], node->in[0]);
    (void)err;
    for (int i = 0; i < 2; i++)
        p.grid[i] = p.from[i];
    vk_step *step = begin(plan, n, "avg_pool2d_grad", node->in, 1, node->out[0], invocations(&p));
    spec_average(step, &p.attrs);
    push_pooling(step, &p);
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
    const int64_t count = cnn_count(vk_type(plan, node->out[0]));
    vk_step *step = begin(plan, n, shader, node->in, 1, node->out[0], count);
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
    const int64_t count = cnn_count(vk_type(plan, node->out[0]));
    vk_step *step = begin(plan, n, shader, node->in, 1, node->out[0], count);
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
