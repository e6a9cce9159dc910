/* Is a barrier missing? Barriers cut the steps into stretches whose steps may run at once: within
 * each, no two steps may touch the same bytes, unless both only read them. The accesses of a
 * stretch are sorted by their bytes; those that overlap an access then follow it. */
#include <stdlib.h>

#include "plan.h"

/* Bytes that an operand of a step touches. */
typedef struct touch {
    uint64_t space; /* kind and, for bindings, which: they are disjoint */
    uint64_t begin, end;
    uint32_t step, access;
    int32_t value;
} touch;

static int by_place(const void *a, const void *b)
{
    const touch *x = a, *y = b;
    if (x->space != y->space)
        return x->space < y->space ? -1 : 1;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->step < y->step ? -1 : x->step > y->step;
}

/* ---- what it says ---- */

typedef struct text {
    char s[160];
} text;

static text value_text(const vk_plan *plan, int32_t value)
{
    text t;
    const bool known = value < (int32_t)plan->program->n_values;
    const char *name = known ? cnn_value_at(plan->program, value)->name : "scratch";
    (void)snprintf(t.s, sizeof t.s, "%s (value %d)", name != NULL ? name : "unnamed", value);
    return t;
}

static text step_text(const vk_plan *plan, uint32_t i)
{
    text t;
    const vk_step *step = &plan->steps[i];
    const char *layer = cnn_node_at(plan->program, step->node)->layer;
    (void)snprintf(t.s, sizeof t.s, "step %u, %s of layer '%s',", i, step->kernel.shader,
                   layer != NULL ? layer : "");
    return t;
}

static const char *verb(const touch *t)
{
    return (t->access & VK_WRITE) == 0 ? "reads" : t->access == VK_WRITE ? "writes" : "updates";
}

static const char *kind_of(const touch *first, const touch *second)
{
    if ((second->access & VK_WRITE) == 0)
        return "read after write";
    return (first->access & VK_WRITE) == 0 ? "write after read" : "write after write";
}

static cnn_status clash(const vk_plan *plan, const touch *a, const touch *b, cnn_error *err)
{
    const touch *first = a->step < b->step ? a : b, *second = a->step < b->step ? b : a;
    const text step[2] = { step_text(plan, first->step), step_text(plan, second->step) };
    const text value[2] = { value_text(plan, first->value), value_text(plan, second->value) };
    if (first->step == second->step)
        return cnn_fail(err, CNN_INTERNAL, "%s %s %s and %s %s, whose bytes overlap", step[0].s,
                        verb(first), value[0].s, verb(second), value[1].s);
    return cnn_fail(err, CNN_INTERNAL,
                    "%s without a barrier: %s %s %s, and %s %s %s in the same bytes",
                    kind_of(first, second), step[0].s, verb(first), value[0].s, step[1].s,
                    verb(second), value[1].s);
}

/* ---- touches ---- */

static cnn_status touch_of(const vk_plan *plan, uint32_t i, const vk_operand *o, touch *t,
                           cnn_error *err)
{
    const vk_place *place = &plan->places[plan->root[o->value]];
    if (place->space == VK_NOWHERE)
        return cnn_fail(err, CNN_INTERNAL, "%s touches %s, which has no place",
                        step_text(plan, i).s, value_text(plan, o->value).s);
    const uint64_t which = place->space == VK_EXTERNAL ? place->external : 0;
    const uint64_t begin = place->offset + o->offset;
    *t = (touch){
        (uint64_t)place->space << 32 | which, begin, begin + o->bytes, i, o->access, o->value
    };
    return CNN_OK;
}

/* Steps first to end - 1; *count touches. */
static cnn_status touches_of(const vk_plan *plan, uint32_t first, uint32_t end, touch *touches,
                             size_t *count, cnn_error *err)
{
    cnn_status status = CNN_OK;
    *count = 0;
    for (uint32_t i = first; i < end; i++) {
        const vk_step *step = &plan->steps[i];
        for (uint32_t k = 0; k < step->kernel.n_bindings && status == CNN_OK; k++)
            status = touch_of(plan, i, &step->operands[k], &touches[(*count)++], err);
    }
    return status;
}

/* ---- a stretch ---- */

/* One step may touch a value twice (in place): whoever wrote the shader knows. Two values of one
 * step that share bytes by accident are a mistake of who placed them. */
static bool conflict(const vk_plan *plan, const touch *a, const touch *b)
{
    if (((a->access | b->access) & VK_WRITE) == 0)
        return false;
    return a->step != b->step || plan->root[a->value] != plan->root[b->value];
}

static cnn_status check_stretch(const vk_plan *plan, touch *touches, size_t count, cnn_error *err)
{
    qsort(touches, count, sizeof *touches, by_place);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1;
             j < count && touches[j].space == touches[i].space && touches[j].begin < touches[i].end;
             j++)
            if (conflict(plan, &touches[i], &touches[j]))
                return clash(plan, &touches[i], &touches[j], err);
    return CNN_OK;
}

cnn_status vk_check_hazards(const vk_plan *plan, cnn_error *err)
{
    touch *touches = calloc((size_t)plan->n_steps * VK_MOST_BINDINGS + 1, sizeof *touches);
    if (touches == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory to look for hazards");
    cnn_status status = CNN_OK;
    for (uint32_t first = 0, end; first < plan->n_steps && status == CNN_OK; first = end) {
        size_t count;
        end = first + 1;
        while (end < plan->n_steps && !plan->steps[end].barrier)
            end++;
        status = touches_of(plan, first, end, touches, &count, err);
        if (status == CNN_OK)
            status = check_stretch(plan, touches, count, err);
    }
    free(touches);
    return status;
}
