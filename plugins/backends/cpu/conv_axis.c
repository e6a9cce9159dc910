/* One axis of a convolution: which taps an output sees, and how far they reach outside. */
#include "conv_axis.h"

#include <string.h>

static bool fits_phase(const cpu_extent *e, bool gradient, int64_t f, int64_t k)
{
    return !gradient || (f + e->before - k * e->dilation) % e->stride == 0;
}

static int64_t offset_of(const cpu_extent *e, bool gradient, int64_t f, int64_t k)
{
    return gradient ? (f + e->before - k * e->dilation) / e->stride : k * e->dilation - e->before;
}

static void add_taps(const cpu_extent *e, bool gradient, cpu_phase *p)
{
    for (int64_t i = 0; i < e->kernel; i++) {
        int64_t k = gradient ? e->kernel - 1 - i : i; /* so that offsets ascend */
        if (!fits_phase(e, gradient, p->first, k))
            continue;
        p->tap[p->n_taps] = (int32_t)k;
        p->offset[p->n_taps++] = offset_of(e, gradient, p->first, k);
    }
}

/* `in` and `out` are those of the forward convolution also for its gradient. */
bool cpu_make_axis(cpu_plan *plan, const cpu_extent *e, bool gradient, cpu_axis *a)
{
    const int64_t outs = gradient ? e->in : e->out;
    a->in_size = gradient ? e->out : e->in;
    a->stride = gradient ? e->stride : 1;
    a->step = gradient ? 1 : e->stride;
    a->n_phases = (int32_t)(a->stride < outs ? a->stride : outs);
    a->phases = cpu_plan_alloc(plan, (size_t)a->n_phases, sizeof *a->phases);
    for (int32_t f = 0; f < a->n_phases && !plan->out_of_memory; f++) {
        cpu_phase *p = &a->phases[f];
        p->first = f;
        p->count = cpu_divided_up(outs - f, a->stride);
        p->tap = cpu_plan_alloc(plan, (size_t)e->kernel, sizeof *p->tap);
        p->offset = cpu_plan_alloc(plan, (size_t)e->kernel, sizeof *p->offset);
        if (!plan->out_of_memory)
            add_taps(e, gradient, p);
    }
    return !plan->out_of_memory;
}

/* Taps [first, end) of a phase that lie inside the input for some j in [j0, j1). */
void cpu_taps_inside(const cpu_axis *a, const cpu_phase *p, int64_t j0, int64_t j1, int32_t *first,
                     int32_t *end)
{
    *first = 0;
    *end = p->n_taps;
    while (*first < *end && (j1 - 1) * a->step + p->offset[*first] < 0)
        (*first)++;
    while (*end > *first && j0 * a->step + p->offset[*end - 1] >= a->in_size)
        (*end)--;
}

/* Columns outside the input that may be read: left and right of it. */
static void margins_of(const cpu_extent *e, bool gradient, int32_t margin[2])
{
    const int64_t stride = gradient ? e->stride : 1, step = gradient ? 1 : e->stride;
    const int64_t outs = gradient ? e->in : e->out, size = gradient ? e->out : e->in;
    for (int64_t f = 0; f < stride && f < outs; f++)
        for (int64_t k = 0; k < e->kernel; k++) {
            if (!fits_phase(e, gradient, f, k))
                continue;
            int64_t count = cpu_divided_up(outs - f, stride);
            int64_t low = offset_of(e, gradient, f, k);
            int64_t high = (count - 1) * step + low - (size - 1);
            margin[0] = -low > margin[0] ? (int32_t)-low : margin[0];
            margin[1] = high > margin[1] ? (int32_t)high : margin[1];
        }
}

cpu_extent cpu_extent_of(const cnn_conv2d_attrs *a, int side, const cnn_type *x, const cnn_type *y,
                         int64_t kernel)
{
    return (cpu_extent){ x->dim[2 + side], y->dim[2 + side],  kernel,
                         a->stride[side],  a->dilation[side], a->pad[2 * side] };
}

void cpu_conv_margins(const cnn_node *node, const cnn_program *p, int side, int32_t (*margins)[2])
{
    const char *op = node->op->c.name;
    const bool forward = strcmp(op, "conv2d") == 0, weights = strcmp(op, "conv2d_weight_grad") == 0;
    const bool gradient = strcmp(op, "conv2d_input_grad") == 0;
    if ((!forward && !weights && !gradient) || !cpu_is_batched(p, node->in[0]))
        return;
    const cnn_type *in0 = &cnn_value_at(p, node->in[0])->type;
    const cnn_type *in1 = &cnn_value_at(p, node->in[1])->type;
    const cnn_type *out = &cnn_value_at(p, node->out[0])->type;
    const cnn_type *x = gradient ? out : in0, *w = weights ? out : in1;
    const cnn_type *y = gradient ? in0 : weights ? in1 : out;
    cpu_extent e = cpu_extent_of(node->attrs, side, x, y, w->dim[2 + side]);
    margins_of(&e, gradient, margins[node->in[0]]);
}
