/* Sums, means and maxima over axes, and argmax. */
#include <cnnrun/ops.h>

#include "walk.h"

/* A step for as long as parts are left: the sums of parts are summed in turn. */
static cnn_status lower_reduce(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_reduce_attrs *attrs = node->attrs;
    const bool is_max = attrs->kind == CNN_REDUCE_MAX;
    int32_t from = node->in[0];
    vk_walk w = vk_walk_of(vk_type(plan, from), (uint64_t)attrs->axes);
    const double factor = attrs->kind == CNN_REDUCE_MEAN ? 1 / (double)w.terms : 1;
    (void)err;
    for (bool last = false; !last;) {
        const vk_split split = vk_split_of(plan, &w, false);
        last = split.parts == 1;
        const int32_t to = last ? node->out[0] : vk_scratch(plan, 4 * w.results * split.parts);
        vk_step *step = vk_begin(plan, n, is_max ? "reduce_max" : "reduce_sum");
        vk_reads(plan, step, from);
        vk_writes(plan, step, to);
        vk_walks(plan, step, &w, &split);
        if (!is_max)
            vk_push_float(step, last ? factor : 1);
        from = to;
        w = vk_walk_of_parts(w.results, split.parts);
    }
    return CNN_OK;
}

static cnn_status lower_argmax(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_axis_attrs *attrs = node->attrs;
    const vk_walk w = vk_walk_of(vk_type(plan, node->in[0]), (uint64_t)1 << attrs->axis);
    const vk_split split = vk_split_of(plan, &w, true);
    (void)err;
    vk_step *step = vk_begin(plan, n, "argmax");
    vk_reads(plan, step, node->in[0]);
    vk_writes(plan, step, node->out[0]);
    vk_walks(plan, step, &w, &split);
    return CNN_OK;
}

const vk_lowering vk_reduce_lowerings[] = {
    { .op = "reduce", .lower = lower_reduce },
    { .op = "argmax", .lower = lower_argmax },
    { .op = NULL },
};
