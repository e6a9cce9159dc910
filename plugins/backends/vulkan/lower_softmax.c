/* Softmax and cross-entropy. A line of scores is one item, in one part: what comes of it is needed
 * for each of its elements. */
#include <cnnrun/ops.h>

#include "walk.h"

enum { CLASS_AXIS = 1 };

/* A step that reads all inputs and writes the one result, on lines along an axis. */
static vk_step *begin_lines(vk_plan *plan, uint32_t n, const char *shader, int64_t axis)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const vk_walk w = vk_walk_of(vk_type(plan, node->in[0]), (uint64_t)1 << axis);
    const vk_split split = vk_split_of(plan, &w, true);
    vk_step *step = vk_begin(plan, n, shader);
    for (uint32_t i = 0; i < node->n_in; i++)
        vk_reads(plan, step, node->in[i]);
    vk_writes(plan, step, node->out[0]);
    vk_walks(plan, step, &w, &split);
    return step;
}

static cnn_status lower_softmax(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_softmax_attrs *attrs = cnn_node_at(plan->program, n)->attrs;
    (void)err;
    vk_spec(begin_lines(plan, n, "softmax", attrs->axis), attrs->log);
    return CNN_OK;
}

static cnn_status lower_softmax_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_softmax_attrs *attrs = cnn_node_at(plan->program, n)->attrs;
    (void)err;
    vk_spec(begin_lines(plan, n, "softmax_grad", attrs->axis), attrs->log);
    return CNN_OK;
}

static double classes_of(const vk_plan *plan, uint32_t n)
{
    return (double)vk_type(plan, cnn_node_at(plan->program, n)->in[0])->dim[CLASS_AXIS];
}

/* What is ignored, if a target can have that value, and what is wanted of the right class. */
static void push_targets(vk_step *step, const cnn_cross_entropy_attrs *attrs)
{
    const bool ignores = attrs->ignore_index >= INT32_MIN && attrs->ignore_index <= INT32_MAX;
    vk_push(step, ignores);
    vk_push_signed(step, attrs->ignore_index);
    vk_push_float(step, 1 - attrs->label_smoothing);
}

static cnn_status lower_cross_entropy(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_cross_entropy_attrs *attrs = cnn_node_at(plan->program, n)->attrs;
    vk_step *step = begin_lines(plan, n, "cross_entropy", CLASS_AXIS);
    (void)err;
    push_targets(step, attrs);
    vk_push_float(step, attrs->label_smoothing);
    vk_push_float(step, 1 / classes_of(plan, n));
    return CNN_OK;
}

static cnn_status lower_cross_entropy_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_cross_entropy_attrs *attrs = cnn_node_at(plan->program, n)->attrs;
    vk_step *step = begin_lines(plan, n, "cross_entropy_grad", CLASS_AXIS);
    (void)err;
    push_targets(step, attrs);
    vk_push_float(step, attrs->label_smoothing / classes_of(plan, n));
    return CNN_OK;
}

const vk_lowering vk_softmax_lowerings[] = {
    { .op = "softmax", .lower = lower_softmax },
    { .op = "softmax_grad", .lower = lower_softmax_grad },
    { .op = "cross_entropy", .lower = lower_cross_entropy },
    { .op = "cross_entropy_grad", .lower = lower_cross_entropy_grad },
    { .op = NULL },
};
