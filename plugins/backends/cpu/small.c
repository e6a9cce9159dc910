/* Few images: which programs, the zeros around their images, and which ops have a form. */
#include "small.h"

#include <string.h>

#include "conv_plan.h"
#include "small_steps.h"

/* ---- zeros around images ---- */

static bool is_forward_conv(const cnn_node *node, const cnn_program *p)
{
    return strcmp(node->op->c.name, "conv2d") == 0 && cpu_is_batched(p, node->in[0]);
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
    plan->small = is_small(plan);
    plan->outside = cpu_plan_alloc(plan, p->n_values, sizeof *plan->outside);
    for (uint32_t n = 0; plan->small && !plan->out_of_memory && n < p->n_nodes; n++)
        cpu_conv_margins(cnn_node_at(p, n), p, 0, plan->outside);
}

/* ---- images ---- */

int32_t cpu_new_image(cpu_plan *plan, int32_t program_value)
{
    const cnn_type type = *cpu_type_of(plan, program_value);
    int32_t v = cpu_add_value(plan, &type);
    cpu_value *value = &plan->values[v];
    value->space = CPU_PLAIN;
    value->image = true;
    value->left = plan->margins[program_value][0];
    value->right = plan->margins[program_value][1];
    value->top = plan->outside[program_value][0];
    value->bottom = plan->outside[program_value][1];
    plan->image[program_value] = v;
    return v;
}

void cpu_small_view(const cpu_plan *plan, cpu_value *value)
{
    const int64_t lanes = plan->kernels->lanes;
    cpu_view *v = &value->view;
    v->c = cpu_divided_up(value->type.dim[1], lanes);
    v->plane = (value->top + v->h + value->bottom) * v->row;
    value->bytes = (uint64_t)(value->type.dim[0] * v->c * v->plane * lanes) * sizeof(float);
}

uint64_t cpu_small_start(const cpu_plan *plan, const cpu_value *value)
{
    return (uint64_t)((value->left + value->top * value->view.row) * plan->kernels->lanes) *
           sizeof(float);
}

int64_t cpu_small_plane(const cpu_plan *plan, const cpu_value *value)
{
    return value->view.plane * plan->kernels->lanes;
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

/* [N,C,H,W] in another shape: from the dense form. */
static bool lower_reshape(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_type *in = cpu_type_of(plan, node->in[0]);
    if (in->dtype != CNN_F32 && in->dtype != CNN_I32)
        return false;
    int32_t from = cpu_plain_of(plan, node->in[0]), to = cpu_new_plain(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, cpu_whole_of("reshape"), NULL);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, to);
    return true;
}

/* What each channel does for itself. */
static bool lower_lanewise(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cpu_kernels *k = plan->kernels;
    const struct {
        const char *op;
        cpu_kernel kernel;
    } all[] = { { "max_pool2d", k->max_pool },
                { "avg_pool2d", k->avg_pool },
                { "pad2d", k->pad },
                { "resize2d", k->resize } };
    cpu_kernel kernel = NULL;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].op, node->op->c.name) == 0)
            kernel = all[i].kernel;
    int32_t from = cpu_image_of(plan, n, node->in[0]), to = cpu_new_image(plan, node->out[0]);
    cpu_step *step = cpu_small_add_kernel(plan, n, kernel, node->attrs);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, to);
    return true;
}

bool cpu_small_lower(cpu_plan *plan, uint32_t n)
{
    static const lowering all[] = {
        { "conv2d", cpu_small_lower_conv }, { "concat", cpu_small_lower_concat },
        { "reshape", lower_reshape },       { "max_pool2d", lower_lanewise },
        { "avg_pool2d", lower_lanewise },   { "pad2d", lower_lanewise },
        { "resize2d", lower_lanewise },     { "matmul", cpu_small_lower_matmul },
    };
    const cnn_node *node = cnn_node_at(plan->program, n);
    if (!cpu_is_batched(plan->program, node->in[0]))
        return false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].op, node->op->c.name) == 0)
            return all[i].lower(plan, n);
    return false;
}
