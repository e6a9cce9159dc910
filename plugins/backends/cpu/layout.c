/* Where every value lies: its view in a tile, and its place in memory by when it is alive. */
#include <limits.h>
#include <string.h>

#include <cnnrun/placer.h>

#include "plan.h"
#include "small.h"

static int32_t root_of(const cpu_plan *plan, int32_t v)
{
    while (plan->values[v].parent >= 0)
        v = plan->values[v].parent;
    return v;
}

static const cpu_step *step_at(const cpu_plan *plan, uint32_t position)
{
    return &plan->steps[plan->order[position]];
}

/* ---- when ---- */

static void touch(cpu_plan *plan, int32_t v, uint32_t position)
{
    cpu_value *value = &plan->values[v], *root = &plan->values[root_of(plan, v)];
    value->last = (int32_t)position > value->last ? (int32_t)position : value->last;
    root->first = (int32_t)position < root->first ? (int32_t)position : root->first;
    root->last = (int32_t)position > root->last ? (int32_t)position : root->last;
}

static void find_lifetimes(cpu_plan *plan)
{
    for (uint32_t v = 0; v < plan->n_values; v++) {
        plan->values[v].first = INT32_MAX;
        plan->values[v].last = -1;
    }
    for (uint32_t g = 0; g < plan->n_stages; g++) {
        const cpu_stage *stage = &plan->stages[g];
        for (uint32_t i = stage->first; i < stage->first + stage->count; i++) {
            const cpu_step *step = step_at(plan, i);
            for (uint32_t k = 0; k < step->n_in; k++)
                touch(plan, step->in[k], i);
            for (uint32_t k = 0; k < step->n_out; k++)
                touch(plan, step->out[k], i);
        }
    }
}

static const cpu_stage *stage_of(const cpu_plan *plan, int32_t position)
{
    uint32_t g = 0;
    while (plan->stages[g].first + plan->stages[g].count <= (uint32_t)position)
        g++;
    return &plan->stages[g];
}

/* Within one stage a tile's value is needed by one worker at a time. Between stages, and while
 * many tiles are under way, lifetimes are those of whole stages. */
static void choose_spaces(cpu_plan *plan)
{
    for (uint32_t v = 0; v < plan->n_values; v++) {
        cpu_value *value = &plan->values[v];
        if (value->last < 0 || value->parent >= 0)
            continue;
        const cpu_stage *a = stage_of(plan, value->first), *b = stage_of(plan, value->last);
        if (value->tiled)
            value->space = a == b ? CPU_WORKER : CPU_TILES;
        if (value->space == CPU_WORKER)
            continue;
        value->first = a->tiles ? (int32_t)a->first : value->first;
        value->last = b->tiles ? (int32_t)(b->first + b->count - 1) : value->last;
        if (value->frozen && value->space == CPU_PLAIN) {
            value->first = 0;
            value->last = INT32_MAX;
        }
    }
}

/* ---- views ---- */

static void set_view(cpu_plan *plan, int32_t v)
{
    cpu_value *value = &plan->values[v];
    value->view = cpu_view_of(&value->type, value->left, value->right);
    if (value->image)
        cpu_small_view(plan, value);
    if (value->parent < 0 || value->reshaped)
        return;
    set_view(plan, value->parent);
    value->view.row = plan->values[value->parent].view.row;
    value->view.plane = plan->values[value->parent].view.plane;
}

static bool same_view(const cpu_view *a, const cpu_view *b)
{
    return a->c == b->c && a->h == b->h && a->w == b->w && a->row == b->row && a->plane == b->plane;
}

/* Bytes of a tile's piece, margins included. */
static uint64_t piece_of(const cpu_plan *plan, const cpu_value *v)
{
    return (uint64_t)(v->view.c * v->view.plane * plan->kernels->lanes) * sizeof(float);
}

/* A map whose operand nobody reads afterwards writes its result there. */
static bool may_reuse(const cpu_plan *plan, const cpu_step *step, int32_t in)
{
    const cpu_value *a = &plan->values[in], *b = &plan->values[step->out[0]];
    const cpu_value *root = &plan->values[root_of(plan, in)];
    if (!a->tiled || b->parent >= 0 || b->is_parent || in == step->out[0])
        return false;
    return root->last == step->position && root->space == b->space && a->left == b->left &&
           a->right == b->right && same_view(&a->view, &b->view) &&
           same_view(&a->view, &root->view);
}

static void reuse_operands(cpu_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const cpu_step *step = step_at(plan, i);
        for (uint32_t k = 0; step->in_place && k < step->n_in; k++) {
            if (!may_reuse(plan, step, step->in[k]))
                continue;
            cpu_value *out = &plan->values[step->out[0]];
            int32_t root = root_of(plan, step->in[k]);
            if (out->last > plan->values[root].last)
                plan->values[root].last = out->last;
            out->parent = root;
            out->views = true;
            plan->values[root].is_parent = true;
            break;
        }
    }
}

/* ---- states ---- */

/* Who deals with a value of the plan: the step that makes it, or -1, and the place in the order of
 * the last that reads it, but for the assignment that overwrites it. */
typedef struct dealings {
    int32_t maker, last_read;
} dealings;

static dealings *list_dealings(cpu_plan *plan)
{
    dealings *list = cpu_plan_alloc(plan, plan->n_values, sizeof *list);
    for (uint32_t v = 0; v < plan->n_values && list != NULL; v++)
        list[v] = (dealings){ -1, -1 };
    for (uint32_t i = 0; i < plan->n_steps && list != NULL; i++) {
        const cpu_step *step = step_at(plan, i);
        for (uint32_t k = step->overwrites >= 0 ? 1 : 0; k < step->n_in; k++)
            list[step->in[k]].last_read = (int32_t)i;
        for (uint32_t k = 0; k < step->n_out; k++)
            list[step->out[k]].maker = plan->order[i];
    }
    return list;
}

static bool may_update(const cpu_plan *plan, const dealings *list, int32_t state, int32_t fresh)
{
    const cpu_value *from = &plan->values[fresh], *to = &plan->values[state];
    if (list[fresh].maker < 0 || from->makers != 1 || from->space != CPU_PLAIN ||
        to->space != CPU_BOUND || cnn_count(&from->type) != cnn_count(&to->type))
        return false;
    const cpu_step *maker = &plan->steps[list[fresh].maker];
    return maker->whole != NULL && maker->in_place && list[state].last_read <= maker->position;
}

/* New contents that a map makes when nobody needs the old ones any more are written into the state
 * itself, and nothing is left of the assignment. */
static void update_states(cpu_plan *plan)
{
    const dealings *list = list_dealings(plan);
    for (uint32_t i = 0; i < plan->n_steps && list != NULL; i++) {
        const cpu_step *step = &plan->steps[i];
        if (step->overwrites < 0 || !may_update(plan, list, step->in[0], step->in[1]))
            continue;
        plan->values[step->in[1]].space = CPU_BOUND;
        plan->values[step->in[1]].external = plan->values[step->in[0]].external;
    }
}

/* ---- places ---- */

enum { ALIGNMENT = 256 };

static uint64_t place(cnn_placer *p, uint64_t bytes, int32_t first, int32_t last)
{
    return cnn_placer_add(p, (bytes / ALIGNMENT + 1) * ALIGNMENT, first, last);
}

static void place_worker_values(cpu_plan *plan, cnn_placer *p)
{
    for (uint32_t g = 0; g < plan->n_stages; g++) {
        const cpu_stage *stage = &plan->stages[g];
        p->count = 0;
        for (uint32_t v = 0; v < plan->n_values; v++) {
            cpu_value *value = &plan->values[v];
            if (value->parent < 0 && value->space == CPU_WORKER &&
                value->first >= (int32_t)stage->first &&
                value->first < (int32_t)(stage->first + stage->count))
                value->offset = place(p, value->bytes, value->first, value->last);
        }
    }
    plan->worker_bytes = p->size;
}

static void place_shared_values(cpu_plan *plan, cnn_placer *p)
{
    p->count = 0;
    p->size = 0;
    for (uint32_t v = 0; v < plan->n_values; v++) {
        cpu_value *value = &plan->values[v];
        uint64_t pieces = value->space == CPU_TILES     ? (uint64_t)plan->tiles
                          : value->space == CPU_PARTIAL ? (uint64_t)plan->groups
                                                        : 1;
        bool shared =
            value->space == CPU_TILES || value->space == CPU_PARTIAL || value->space == CPU_PLAIN;
        if (value->parent >= 0 || value->last < 0 || !shared)
            continue;
        value->bytes = (value->bytes + 63) / 64 * 64;
        value->offset = place(p, value->bytes * pieces, value->first, value->last);
    }
    plan->arena_bytes = p->size;
}

/* Pieces of a parent's memory; offsets are those of element (0, 0, 0). */
static void place_children(cpu_plan *plan)
{
    const uint64_t vector = (uint64_t)plan->kernels->lanes * sizeof(float);
    for (uint32_t v = 0; v < plan->n_values; v++) {
        cpu_value *value = &plan->values[v];
        if (value->image)
            value->offset += cpu_small_start(plan, value);
        if (value->parent < 0 && value->tiled)
            value->offset += (uint64_t)value->left * vector;
    }
    for (uint32_t v = 0; v < plan->n_values; v++) {
        cpu_value *value = &plan->values[v];
        if (value->parent < 0)
            continue;
        int64_t at = 0;
        int32_t up = (int32_t)v;
        for (; plan->values[up].parent >= 0; up = plan->values[up].parent) {
            const cpu_value *child = &plan->values[up];
            const cpu_view *view = &plan->values[child->parent].view;
            at += child->at[0] * view->plane + child->at[1] * view->row + child->at[2];
        }
        value->space = plan->values[up].space;
        value->bytes = plan->values[up].bytes;
        value->offset = plan->values[up].offset + (uint64_t)at * vector;
    }
}

/* Views of the operands of kernels with cpu_params. */
static void fill_views(cpu_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        cpu_step *step = &plan->steps[i];
        cpu_params *params = step->spec;
        if (step->kernel == NULL || step->finish != NULL)
            continue;
        for (uint32_t k = 0; k < step->n_in + step->n_out; k++) {
            int32_t v = k < step->n_in ? step->in[k] : step->out[k - step->n_in];
            params->view[k] = plan->values[v].view;
            if ((step->follows >> k & 1) == 0)
                continue;
            const cpu_view *x = &params->view[0];
            cpu_view y = { (step->drops & 1) != 0 ? 1 : x->c, (step->drops & 2) != 0 ? 1 : x->h,
                           (step->drops & 4) != 0 ? 1 : x->w, 0, 0 };
            y.row = y.w;
            y.plane = y.h * y.w;
            params->view[k] = y;
        }
    }
}

static const cpu_params *params_for(cpu_plan *plan, const cpu_value *value)
{
    cpu_params *params = cpu_plan_alloc(plan, 1, sizeof *params);
    if (params != NULL)
        *params =
            (cpu_params){ .view = { value->view }, .left = value->left, .right = value->right };
    return params;
}

/* Whoever makes a value with margins zeroes them, unless it writes into memory where that was done
 * for its operand. */
static void fill_margins(cpu_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        cpu_step *step = &plan->steps[i];
        for (uint32_t k = 0; k < step->n_out && k < 2; k++) {
            const cpu_value *v = &plan->values[step->out[k]];
            if (v->tiled && v->left + v->right > 0 && !v->views)
                step->margin[k] = params_for(plan, v);
        }
        for (uint32_t k = 0; k < 2 && step->masks; k++)
            step->mask[k] = params_for(plan, &plan->values[step->in[k]]);
    }
}

void cpu_layout(cpu_plan *plan)
{
    cnn_placer p = { .list = cpu_plan_alloc(plan, plan->n_values + 1, sizeof *p.list) };
    if (plan->out_of_memory)
        return;
    find_lifetimes(plan);
    update_states(plan);
    choose_spaces(plan);
    for (uint32_t v = 0; v < plan->n_values; v++)
        if (plan->values[v].tiled || plan->values[v].image)
            set_view(plan, (int32_t)v);
    reuse_operands(plan);
    for (uint32_t v = 0; v < plan->n_values; v++)
        if (plan->values[v].tiled)
            plan->values[v].bytes = piece_of(plan, &plan->values[v]);
    place_worker_values(plan, &p);
    place_shared_values(plan, &p);
    place_children(plan);
    fill_views(plan);
    fill_margins(plan);
}
