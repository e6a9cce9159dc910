/* What follows a convolution moves into it. */
#include "plan.h"

cpu_step *cpu_maker_of(const cpu_plan *plan, int32_t value)
{
    for (uint32_t i = plan->n_steps; value >= 0 && i > 0; i--)
        if (plan->steps[i - 1].n_out > 0 && plan->steps[i - 1].out[0] == value)
            return &plan->steps[i - 1];
    return NULL;
}

/* The step writes another value from now on; nobody makes the old one. */
static void redirect(cpu_plan *plan, cpu_step *step, int32_t result)
{
    plan->values[step->out[0]].makers = 0;
    int32_t out =
        plan->values[step->out[0]].image ? cpu_new_image(plan, result) : cpu_new_tile(plan, result);
    plan->values[out].makers = 1;
    step->out[0] = out;
}

bool cpu_absorb(cpu_plan *plan, const cpu_epilogue *e)
{
    cpu_step *step = cpu_maker_of(plan, e->x);
    if (step == NULL || !step->fused.possible || plan->values[e->x].is_parent)
        return false;
    cpu_fused *f = &step->fused;
    if (f->clamps || f->add || (f->bias && (e->bias >= 0 || e->scale >= 0)) ||
        (f->scale && e->scale >= 0))
        return false;
    if (e->scale >= 0) {
        f->scale = true;
        cpu_step_in(plan, &plan->steps[f->pack], e->scale);
    }
    if (e->bias >= 0) {
        f->bias = true;
        cpu_step_in(plan, step, e->bias);
    }
    if (e->add >= 0) {
        f->add = true;
        cpu_step_in(plan, step, e->add);
    }
    f->clamps = e->clamps;
    f->low = e->low;
    f->high = e->high;
    if (e->result >= 0)
        redirect(plan, step, e->result);
    return true;
}
