/* How lowering writes steps down: operands, push constants, work groups. */
#include <string.h>

#include "plan.h"

enum { GROUP_SIZE = 64, FIRST_STEPS = 64 };

vk_step *vk_begin(vk_plan *plan, uint32_t node, const char *shader)
{
    if (plan->n_steps == plan->cap_steps) {
        uint32_t cap = plan->cap_steps == 0 ? FIRST_STEPS : 2 * plan->cap_steps;
        vk_step *steps = vk_plan_alloc(plan, cap * sizeof *steps);
        if (plan->failed)
            return &steps[0];
        if (plan->n_steps > 0)
            memcpy(steps, plan->steps, plan->n_steps * sizeof *steps);
        plan->steps = steps;
        plan->cap_steps = cap;
    }
    vk_step *step = &plan->steps[plan->n_steps++];
    step->kernel.shader = shader;
    step->node = node;
    step->parts = 1;
    vk_spec(step, GROUP_SIZE);
    vk_groups(step, 1, 1, 1);
    return step;
}

/* Tensors of bytes are bound up to the word that holds their last one; places are padded. */
static uint64_t whole_words(uint64_t bytes)
{
    return (bytes + 3) / 4 * 4;
}

static void bind_whole(const vk_plan *plan, vk_step *step, int32_t value, uint32_t access)
{
    vk_binds_part(step, value, access, 0, whole_words(plan->bytes[value]));
}

void vk_reads(const vk_plan *plan, vk_step *step, int32_t value)
{
    bind_whole(plan, step, value, VK_READ);
}

void vk_writes(const vk_plan *plan, vk_step *step, int32_t value)
{
    bind_whole(plan, step, value, VK_WRITE);
}

void vk_updates(const vk_plan *plan, vk_step *step, int32_t value)
{
    bind_whole(plan, step, value, VK_READ | VK_WRITE);
}

void vk_binds_part(vk_step *step, int32_t value, uint32_t access, uint64_t offset, uint64_t bytes)
{
    if (step->kernel.n_bindings < VK_MOST_BINDINGS)
        step->operands[step->kernel.n_bindings++] = (vk_operand){ value, access, offset, bytes };
}

void vk_push(vk_step *step, uint64_t word)
{
    if (step->kernel.n_push < VK_MOST_PUSH)
        step->push[step->kernel.n_push++] = (uint32_t)word;
}

void vk_push_signed(vk_step *step, int64_t word)
{
    vk_push(step, (uint64_t)word & 0xffffffffu);
}

void vk_push_float(vk_step *step, double number)
{
    const float value = (float)number;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    vk_push(step, bits);
}

/* l = ceil(log2 d); magic = floor(2^32 (2^l - d) / d) + 1: Granlund and Montgomery, figure 4.1. */
void vk_push_divisor(vk_step *step, uint64_t d)
{
    uint32_t l = 0;
    while (((uint64_t)1 << l) < d)
        l++;
    vk_push(step, ((((uint64_t)1 << l) - d) << 32) / d + 1);
    vk_push(step, (l > 0 ? 1u : 0u) | (l > 0 ? l - 1 : 0) << 8);
}

void vk_spec(vk_step *step, uint32_t bits)
{
    if (step->kernel.n_specs < VK_MOST_SPECS)
        step->kernel.specs[step->kernel.n_specs++] = bits;
}

void vk_groups(vk_step *step, uint64_t x, uint64_t y, uint64_t z)
{
    step->groups[0] = (uint32_t)x;
    step->groups[1] = (uint32_t)y;
    step->groups[2] = (uint32_t)z;
}

void vk_cover(const vk_plan *plan, vk_step *step, uint64_t n)
{
    const uint64_t most = plan->device->limits.groups[0];
    const uint64_t groups = (n + step->kernel.specs[0] - 1) / step->kernel.specs[0];
    const uint64_t rows = groups > most ? (groups + most - 1) / most : 1;
    vk_groups(step, (groups + rows - 1) / rows, rows, 1);
}

void vk_copy(vk_plan *plan, uint32_t node, int32_t from, int32_t to, uint64_t bytes)
{
    const uint64_t most = plan->device->limits.storage_range / 256 * 256;
    for (uint64_t at = 0; at < bytes; at += most) {
        const uint64_t part = whole_words(bytes - at < most ? bytes - at : most);
        vk_step *step = vk_begin(plan, node, "copy");
        vk_binds_part(step, from, VK_READ, at, part);
        vk_binds_part(step, to, VK_WRITE, at, part);
        vk_push(step, part / 4);
        vk_cover(plan, step, part / 4);
    }
}
