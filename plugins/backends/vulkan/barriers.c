/* Where one step has to wait for those before it: one barrier for all memory, as late as possible.
 * Barriers for single buffers buy nothing on today's drivers. */
#include "plan.h"

/* Bytes [begin, end) of a space that a step since the last barrier touched. */
typedef struct touched {
    uint32_t space, external, access;
    uint64_t begin, end;
} touched;

static touched touched_by(const vk_plan *plan, const vk_operand *o)
{
    const vk_place *place = &plan->places[plan->root[o->value]];
    const uint64_t begin = place->offset + o->offset;
    return (touched){ place->space, place->external, o->access, begin, begin + o->bytes };
}

static bool conflict(const touched *a, const touched *b)
{
    return ((a->access | b->access) & VK_WRITE) != 0 && a->space == b->space &&
           a->external == b->external && a->begin < b->end && b->begin < a->end;
}

static bool meets(const vk_plan *plan, const vk_step *step, const touched *open, uint32_t n)
{
    for (uint32_t i = 0; i < step->kernel.n_bindings; i++) {
        const touched mine = touched_by(plan, &step->operands[i]);
        for (uint32_t k = 0; k < n; k++)
            if (conflict(&mine, &open[k]))
                return true;
    }
    return false;
}

void vk_place_barriers(vk_plan *plan)
{
    enum { MOST_OPEN = 512 }; /* a barrier more than needed after so many operands costs nothing */
    touched *open = vk_plan_alloc(plan, MOST_OPEN * sizeof *open);
    uint32_t n = 0;
    if (plan->failed)
        return;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        vk_step *step = &plan->steps[s];
        step->barrier = n + VK_MOST_BINDINGS > MOST_OPEN || meets(plan, step, open, n);
        if (step->barrier)
            n = 0;
        for (uint32_t i = 0; i < step->kernel.n_bindings; i++)
            open[n++] = touched_by(plan, &step->operands[i]);
    }
}
