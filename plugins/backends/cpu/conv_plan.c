/* Convolutions of both directions and matrix products as one kernel. */
#include "conv_plan.h"

#include <string.h>

#include "conv_tables.h"
#include "winograd.h"

static void add_product(cpu_plan *plan, uint32_t n, cpu_conv_spec *s, int32_t x, int32_t w,
                        int32_t y)
{
    const int64_t phases = s->gradient ? s->x.stride : 1;
    const int64_t columns = s->gradient ? s->x.in : s->x.out;
    s->pack.kernel = s->y.kernel * s->x.kernel;
    cpu_plan_blocks(plan, &s->pack, cpu_divided_up(columns, phases));
    if (plan->out_of_memory)
        return;
    int32_t packed = cpu_add_pack(plan, n, &s->pack, w);
    const int32_t pack_step = (int32_t)plan->n_steps - 1;
    cpu_step *step = cpu_add_step(plan, n);
    step->fused = (cpu_fused){ .possible = true, .pack = pack_step };
    step->kernel = plan->kernels->conv;
    step->params = &s->params;
    step->spec = s;
    step->finish = cpu_finish_conv;
    cpu_step_in(plan, step, x);
    cpu_step_in(plan, step, packed);
    cpu_step_out(plan, step, y);
}

/* The gradient is the same convolution with flipped kernels. */
static bool add_winograd(cpu_plan *plan, uint32_t n, const cpu_conv_spec *s,
                         const cnn_conv2d_attrs *a, const cnn_type *y, const int32_t operands[3])
{
    const int64_t above = s->gradient ? 2 - a->pad[0] : a->pad[0];
    const int64_t left = s->gradient ? 2 - a->pad[2] : a->pad[2];
    const cpu_winograd_conv conv = { .pack = s->pack,
                                     .flipped = s->gradient,
                                     .pad = { (int32_t)above, (int32_t)left },
                                     .rows = y->dim[2],
                                     .columns = y->dim[3] };
    if (above < 0 || left < 0 || !cpu_tile_winograd_pays(plan, &conv))
        return false;
    cpu_add_tile_winograd(plan, n, &conv, operands[0], operands[1], operands[2]);
    return true;
}

void cpu_lower_conv(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_conv2d_attrs *a = node->attrs;
    cpu_conv_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    if (s == NULL)
        return;
    s->gradient = strcmp(node->op->c.name, "conv2d_input_grad") == 0;
    const cnn_type *w = cpu_type_of(plan, node->in[1]);
    const cnn_type *in = cpu_type_of(plan, node->in[0]);
    const cnn_type *out = cpu_type_of(plan, node->out[0]);
    const cnn_type *x = s->gradient ? out : in, *y = s->gradient ? in : out;
    const int64_t kernel = w->dim[2] * w->dim[3];
    s->pack.groups = a->groups;
    s->pack.in_channels = in->dim[1] / a->groups;
    s->pack.out_channels = out->dim[1] / a->groups;
    s->y = cpu_extent_of(a, 0, x, y, w->dim[2]);
    s->x = cpu_extent_of(a, 1, x, y, w->dim[3]);
    s->pack.w_group = y->dim[1] / a->groups * w->dim[1] * kernel;
    s->pack.w_out = s->gradient ? kernel : w->dim[1] * kernel;
    s->pack.w_in = s->gradient ? w->dim[1] * kernel : kernel;
    const int32_t from = cpu_tile_of(plan, n, node->in[0]);
    const int32_t weights = cpu_plain_of(plan, node->in[1]), to = cpu_new_tile(plan, node->out[0]);
    if (!cpu_is_winograd(a, w) ||
        !add_winograd(plan, n, s, a, out, (const int32_t[]){ from, weights, to }))
        add_product(plan, n, s, from, weights, to);
}

void cpu_lower_weight_grad(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_conv2d_attrs *a = node->attrs;
    const cnn_type *x = cpu_type_of(plan, node->in[0]);
    const cnn_type *y = cpu_type_of(plan, node->in[1]);
    const cnn_type *w = cpu_type_of(plan, node->out[0]);
    const cpu_extent side[2] = { cpu_extent_of(a, 0, x, y, w->dim[2]),
                                 cpu_extent_of(a, 1, x, y, w->dim[3]) };
    int32_t from = cpu_tile_of(plan, n, node->in[0]), dy = cpu_tile_of(plan, n, node->in[1]);
    cpu_add_weight_grad(plan, n, from, dy, a->groups, y->dim[1] / a->groups, x->dim[1] / a->groups,
                        side);
}

/* A product of [N,K] with a matrix is a convolution of K channels of one pixel; that of two batches
 * is the gradient of its weights. */
void cpu_lower_matmul(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_matmul_attrs *a = node->attrs;
    const cnn_type *in = cpu_type_of(plan, node->in[0]);
    const cnn_type *out = cpu_type_of(plan, node->out[0]);
    const cpu_extent pixel = { 1, 1, 1, 1, 1, 0 };
    if (a->trans_a) {
        const cpu_extent pixels[2] = { pixel, pixel };
        int32_t left = cpu_tile_of(plan, n, node->in[0]);
        int32_t right = cpu_tile_of(plan, n, node->in[1]);
        cpu_add_weight_grad(plan, n, right, left, 1, out->dim[0], out->dim[1], pixels);
        return;
    }
    cpu_conv_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    if (s == NULL)
        return;
    *s = (cpu_conv_spec){ .y = pixel, .x = pixel };
    s->pack = (cpu_packing){ .groups = 1,
                             .in_channels = in->dim[1],
                             .out_channels = out->dim[1],
                             .w_out = a->trans_b ? in->dim[1] : 1,
                             .w_in = a->trans_b ? 1 : out->dim[1] };
    int32_t from = cpu_tile_of(plan, n, node->in[0]), weights = cpu_plain_of(plan, node->in[1]);
    add_product(plan, n, s, from, weights, cpu_new_tile(plan, node->out[0]));
}
