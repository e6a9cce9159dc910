/* Steps into stages: whatever is ready of one kind runs before anything of the other kind, which
 * gives few stages, and few barriers. */
#include <string.h>

#include "plan.h"

typedef struct scheduler {
    cpu_plan *plan;
    uint32_t *pending; /* per value: steps and parts that still have to be made */
    uint32_t *readers; /* per value: steps that still have to read it */
    uint32_t n_ordered;
    bool trains; /* states change within the program */
} scheduler;

static void count(scheduler *s)
{
    cpu_plan *plan = s->plan;
    for (uint32_t v = 0; v < plan->n_values; v++) {
        const cpu_value *value = &plan->values[v];
        s->pending[v] += value->makers;
        if (value->parent >= 0 && !value->views)
            s->pending[value->parent]++;
    }
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const cpu_step *step = &plan->steps[i];
        for (uint32_t k = 0; k < step->n_in; k++)
            s->readers[step->in[k]]++;
        s->trains = s->trains || step->overwrites >= 0;
    }
}

static bool is_made(const scheduler *s, int32_t v)
{
    const cpu_value *value = &s->plan->values[v];
    return s->pending[v] == 0 && (!value->views || is_made(s, value->parent));
}

static bool is_ready(const scheduler *s, const cpu_step *step)
{
    for (uint32_t k = 0; k < step->n_in; k++)
        if (!is_made(s, step->in[k]))
            return false;
    /* The step itself reads what it overwrites. */
    return step->overwrites < 0 || s->readers[s->plan->plain[step->overwrites]] == 1;
}

static void mark_made(scheduler *s, int32_t v)
{
    const cpu_value *value = &s->plan->values[v];
    if (--s->pending[v] == 0 && value->parent >= 0 && !value->views)
        mark_made(s, value->parent);
}

/* What depends on states and constants only stays as it is while they do. But what a run gives the
 * host is made each time: another run may have another buffer for it. */
static void mark_frozen(scheduler *s, cpu_step *step)
{
    step->frozen = !s->trains && step->whole != NULL && step->n_in > 0;
    for (uint32_t k = 0; k < step->n_in; k++)
        step->frozen = step->frozen && s->plan->values[step->in[k]].frozen;
    for (uint32_t k = 0; k < step->n_out; k++)
        step->frozen = step->frozen && s->plan->values[step->out[k]].space != CPU_BOUND;
    for (uint32_t k = 0; k < step->n_out; k++)
        s->plan->values[step->out[k]].frozen = step->frozen;
}

static void take(scheduler *s, uint32_t i)
{
    cpu_step *step = &s->plan->steps[i];
    step->done = true;
    step->position = (int32_t)s->n_ordered;
    s->plan->order[s->n_ordered++] = (int32_t)i;
    mark_frozen(s, step);
    for (uint32_t k = 0; k < step->n_in; k++)
        s->readers[step->in[k]]--;
    for (uint32_t k = 0; k < step->n_out; k++)
        mark_made(s, step->out[k]);
}

static void fill_stage(scheduler *s, bool tiles)
{
    cpu_plan *plan = s->plan;
    const uint32_t first = s->n_ordered;
    uint32_t before;
    do {
        before = s->n_ordered;
        for (uint32_t i = 0; i < plan->n_steps; i++)
            if (!plan->steps[i].done && (plan->steps[i].kernel != NULL) == tiles &&
                is_ready(s, &plan->steps[i]))
                take(s, i);
    } while (s->n_ordered > before);
    if (s->n_ordered > first)
        plan->stages[plan->n_stages++] = (cpu_stage){ first, s->n_ordered - first, tiles };
}

cnn_status cpu_schedule(cpu_plan *plan, cnn_error *err)
{
    scheduler s = { .plan = plan };
    s.pending = cpu_plan_alloc(plan, plan->n_values, sizeof *s.pending);
    s.readers = cpu_plan_alloc(plan, plan->n_values, sizeof *s.readers);
    plan->order = cpu_plan_alloc(plan, plan->n_steps, sizeof *plan->order);
    plan->stages = cpu_plan_alloc(plan, plan->n_steps + 1, sizeof *plan->stages);
    if (plan->out_of_memory)
        return CNN_OK;
    count(&s);
    for (bool tiles = false; s.n_ordered < plan->n_steps; tiles = !tiles) {
        const uint32_t before = s.n_ordered;
        fill_stage(&s, tiles);
        if (s.n_ordered == before && tiles)
            return cnn_fail(err, CNN_INTERNAL, "cpu: %u steps wait for each other",
                            plan->n_steps - s.n_ordered);
    }
    return CNN_OK;
}
