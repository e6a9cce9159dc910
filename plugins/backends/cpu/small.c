/* Few images: which programs, the gaps of their images, and the ops that only move. */
#include "small.h"

#include <string.h>

#include "small_steps.h"

/* ---- gaps ---- */

static const cnn_type *type_of(const cpu_plan *plan, int32_t v)
{
    return &cnn_value_at(plan->program, v)->type;
}

static bool is_forward_conv(const cnn_node *node, const cnn_program *p)
{
    return strcmp(node->op->c.name, "conv2d") == 0 && cpu_is_batched(p, node->in[0]);
}

static int32_t larger(int32_t a, int64_t b)
{
    return b > a ? (int32_t)b : a;
}

/* Padding of a convolution of stride 1 lies in the gaps and rows of zeros of its input. With
 * another stride the parts it is split into have rows as long as those of the result: that has
 * to leave room for the taps. */
static void want_zeros(cpu_plan *plan, const cnn_node *node)
{
    const cnn_conv2d_attrs *a = node->attrs;
    const cnn_type *w = type_of(plan, node->in[1]);
    const int32_t x = node->in[0], y = node->out[0];
    if (a->stride[0] == 1 && a->stride[1] == 1) {
        plan->gaps[x] = larger(plan->gaps[x], a->pad[2] > a->pad[3] ? a->pad[2] : a->pad[3]);
        plan->tops[x] = larger(plan->tops[x], a->pad[0]);
        plan->bottoms[x] = larger(plan->bottoms[x], a->pad[1]);
        const int64_t lost = type_of(plan, x)->dim[3] - type_of(plan, y)->dim[3];
        plan->gaps[y] = larger(plan->gaps[y], plan->gaps[x] + lost);
    } else {
        plan->gaps[y] = larger(plan->gaps[y], (w->dim[3] - 1) * a->dilation[1] / a->stride[1]);
    }
}

/* The same gap for the same width. */
static bool level_gaps(cpu_plan *plan)
{
    const cnn_program *p = plan->program;
    bool changed = false;
    for (uint32_t v = 0; v < p->n_values; v++)
        for (uint32_t u = 0; u < p->n_values; u++) {
            const cnn_type *a = type_of(plan, (int32_t)v), *b = type_of(plan, (int32_t)u);
            if (a->rank != 4 || b->rank != 4 || a->dim[3] != b->dim[3] ||
                plan->gaps[v] >= plan->gaps[u])
                continue;
            plan->gaps[v] = plan->gaps[u];
            changed = true;
        }
    return changed;
}

static bool is_small(const cpu_plan *plan)
{
    const cnn_program *p = plan->program;
    bool has_conv = false;
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(p, n);
        if (node->phase >= CNN_PHASE_BACKWARD)
            return false;
        has_conv = has_conv || is_forward_conv(node, p);
    }
    return has_conv && 2 * p->batch <= plan->kernels->lanes;
}

void cpu_small_prepare(cpu_plan *plan)
{
    const cnn_program *p = plan->program;
    enum { ROUNDS = 8 }; /* gaps that still differ then cost a copy, nothing else */
    plan->small = is_small(plan);
    plan->gaps = cpu_plan_alloc(plan, p->n_values, sizeof *plan->gaps);
    plan->tops = cpu_plan_alloc(plan, p->n_values, sizeof *plan->tops);
    plan->bottoms = cpu_plan_alloc(plan, p->n_values, sizeof *plan->bottoms);
    if (!plan->small || plan->out_of_memory)
        return;
    for (int i = 0; i < ROUNDS; i++) {
        for (uint32_t n = 0; n < p->n_nodes; n++)
            if (is_forward_conv(cnn_node_at(p, n), p))
                want_zeros(plan, cnn_node_at(p, n));
        if (!level_gaps(plan))
            break;
    }
}

/* ---- images ---- */

int32_t cpu_new_image(cpu_plan *plan, int32_t program_value)
{
    const cnn_type type = *type_of(plan, program_value);
    int32_t v = cpu_add_value(plan, &type);
    cpu_value *value = &plan->values[v];
    value->space = CPU_PLAIN;
    value->image = true;
    value->left = plan->gaps[program_value];
    value->top = plan->tops[program_value];
    value->bottom = plan->bottoms[program_value];
    plan->image[program_value] = v;
    return v;
}

void cpu_small_view(const cpu_plan *plan, cpu_value *value)
{
    const int64_t lanes = plan->kernels->lanes;
    cpu_view *v = &value->view;
    v->row = v->w + value->left;
    v->plane = value->left + (value->top + v->h + value->bottom) * v->row;
    v->plane = (v->plane + lanes - 1) / lanes * lanes;
    /* Registers are read whole, and so are rows of taps behind the last plane. */
    value->bytes =
        ((uint64_t)(value->type.dim[0] * v->c * v->plane) + (uint64_t)(v->row + 16 * lanes)) *
        sizeof(float);
}

uint64_t cpu_small_start(const cpu_value *value)
{
    return (uint64_t)(value->left + value->top * value->view.row) * sizeof(float);
}

int32_t cpu_image_of(cpu_plan *plan, uint32_t n, int32_t program_value)
{
    if (plan->image[program_value] >= 0)
        return plan->image[program_value];
    int32_t from = cpu_plain_of(plan, program_value), to = cpu_new_image(plan, program_value);
    cpu_step *step = cpu_add_whole(plan, n, cpu_small_lay_out, NULL);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, to);
    return to;
}

int32_t cpu_small_dense(cpu_plan *plan, int32_t program_value)
{
    const uint32_t n = (uint32_t)cnn_value_at(plan->program, program_value)->producer;
    const int32_t image = plan->image[program_value], tile = plan->tile[program_value];
    int32_t to = cpu_new_plain(plan, program_value);
    cpu_step *step = image >= 0 ? cpu_add_whole(plan, n, cpu_small_gather, NULL)
                                : cpu_add_kernel(plan, n, plan->kernels->scatter, NULL);
    cpu_step_in(plan, step, image >= 0 ? image : tile);
    cpu_step_out(plan, step, to);
    return to;
}

/* ---- lowering ---- */

typedef struct lowering {
    const char *op;
    bool (*lower)(cpu_plan *, uint32_t node); /* false: not in this form */
} lowering;

static bool lower_concat(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_axis_attrs *a = node->attrs;
    int32_t in[CPU_MAX_OPERANDS];
    if (a->axis != 1 || type_of(plan, node->out[0])->rank != 4 || node->n_in >= CPU_MAX_OPERANDS)
        return false;
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = cpu_image_of(plan, n, node->in[i]);
    int32_t out = cpu_new_image(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, cpu_small_concat, NULL);
    for (uint32_t i = 0; i < node->n_in; i++)
        cpu_step_in(plan, step, in[i]);
    cpu_step_out(plan, step, out);
    return true;
}

/* [N,C,H,W] in another shape: from the dense form. */
static bool lower_reshape(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_type *in = type_of(plan, node->in[0]);
    if (in->dtype != CNN_F32 && in->dtype != CNN_I32)
        return false;
    int32_t from = cpu_plain_of(plan, node->in[0]), to = cpu_new_plain(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, cpu_whole_of("reshape"), NULL);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, to);
    return true;
}

static bool lower_pool(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_pool2d_attrs *a = node->attrs;
    enum { WIDEST = 4096 };
    if (type_of(plan, node->in[0])->dim[3] + a->pad[2] + a->pad[3] + a->kernel[1] * a->dilation[1] >
        WIDEST)
        return false;
    int32_t from = cpu_image_of(plan, n, node->in[0]), to = cpu_new_image(plan, node->out[0]);
    const bool max = strcmp(node->op->c.name, "max_pool2d") == 0;
    cpu_step *step =
        cpu_add_whole(plan, n, max ? cpu_small_max_pool : cpu_small_avg_pool, node->attrs);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, to);
    return true;
}

static bool lower_matmul(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_matmul_attrs *a = node->attrs;
    if (a->trans_a || !a->trans_b || cpu_is_batched(plan->program, node->in[1]))
        return false;
    int32_t x = cpu_plain_of(plan, node->in[0]), w = cpu_plain_of(plan, node->in[1]);
    int32_t y = cpu_new_plain(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, cpu_small_matmul, node->attrs);
    cpu_step_in(plan, step, x);
    cpu_step_in(plan, step, w);
    cpu_step_out(plan, step, y);
    return true;
}

bool cpu_small_lower(cpu_plan *plan, uint32_t n)
{
    static const lowering all[] = {
        { "conv2d", cpu_small_lower_conv }, { "concat", lower_concat },
        { "reshape", lower_reshape },       { "max_pool2d", lower_pool },
        { "avg_pool2d", lower_pool },       { "matmul", lower_matmul },
    };
    const cnn_node *node = cnn_node_at(plan->program, n);
    if (!cpu_is_batched(plan->program, node->in[0]))
        return false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].op, node->op->c.name) == 0)
            return all[i].lower(plan, n);
    return false;
}
