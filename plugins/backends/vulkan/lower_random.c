/* random: blocks of four numbers, one for each invocation. */
#include <cnnrun/ops.h>
#include <cnnrun/rng.h>

#include "plan.h"

enum { SEED, STEP };
enum { FLOAT = 4, BLOCK = 4, ALIGNED_FLOATS = 64 };

/* Elements [first, first + count), whole blocks but for the last. */
static void add_part(vk_plan *plan, uint32_t n, uint64_t first, uint64_t count)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_random_attrs *attrs = node->attrs;
    vk_step *step = vk_begin(plan, n, "random");
    vk_reads(plan, step, node->in[SEED]);
    vk_reads(plan, step, node->in[STEP]);
    vk_binds_part(step, node->out[0], VK_WRITE, first * FLOAT, count * FLOAT);
    vk_push(step, count);
    vk_push(step, first / BLOCK);
    vk_push(step, (uint32_t)CNN_RNG_OP + (uint32_t)attrs->stream);
    vk_cover(plan, step, (count + BLOCK - 1) / BLOCK);
}

static cnn_status lower_random(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const uint64_t count =
        (uint64_t)cnn_count(vk_type(plan, cnn_node_at(plan->program, n)->out[0]));
    const uint64_t most =
        plan->device->limits.storage_range / FLOAT / ALIGNED_FLOATS * ALIGNED_FLOATS;
    (void)err;
    for (uint64_t first = 0; first < count && !plan->failed; first += most)
        add_part(plan, n, first, count - first < most ? count - first : most);
    return CNN_OK;
}

const vk_lowering vk_random_lowerings[] = {
    { .op = "random", .lower = lower_random, .slices = true },
    { .op = NULL },
};
