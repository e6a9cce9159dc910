/* Clipping, the optimizer's updates, and the guard that lets a diverged step change nothing. */
#include "update.h"

#include <float.h>

#include "graph_internal.h"

bool cnn_is_updated(const cnn_graph *g, const cnn_state_init *state, const cnn_value *grads,
                    uint32_t n_grads)
{
    return g->values[state->value].trained != 0 && !state->frozen &&
           (uint32_t)state->value < n_grads && grads[state->value] != CNN_NONE;
}

/* torch.nn.utils.clip_grad_norm_: all gradients times min(1, max / (norm + 1e-6)). */
static void clip(cnn_graph *g, double max_norm, cnn_value *grads, uint32_t n_grads,
                 uint32_t n_states)
{
    cnn_builder *b = &g->builder;
    cnn_value sum = CNN_NONE;
    g->path = "clip_grad_norm";
    for (uint32_t i = 0; i < n_states; i++) {
        if (!cnn_is_updated(g, &g->states[i], grads, n_grads))
            continue;
        cnn_value d = grads[g->states[i].value];
        cnn_value square =
            cnn_reduce(b, cnn_mul(b, d, d), CNN_REDUCE_SUM, cnn_all_axes(b, d), false);
        sum = sum == CNN_NONE ? square : cnn_add(b, sum, square);
    }
    if (sum == CNN_NONE)
        return;
    cnn_value norm = cnn_offset(b, cnn_sqrt(b, sum), 1e-6);
    cnn_value factor = cnn_min(b, cnn_div(b, cnn_number(b, max_norm), norm), cnn_number(b, 1));
    for (uint32_t i = 0; i < n_states; i++)
        if (cnn_is_updated(g, &g->states[i], grads, n_grads))
            grads[g->states[i].value] = cnn_mul(b, grads[g->states[i].value], factor);
}

static void make_scalars(cnn_graph *g, const cnn_optimizer *optimizer)
{
    const cnn_type scalar = cnn_scalar_type(CNN_F32);
    for (uint32_t i = 0; i < optimizer->n_scalars && i < CNN_MAX_SCALARS; i++) {
        const char *name = i == 0 ? "optimizer.lr" : cnn_arena_printf(g->arena, "optimizer.%u", i);
        g->scalars[i] = cnn_graph_input(g, name, &scalar, false);
    }
}

/* The optimizer's states are named "<optimizer>.<weight>.<slot>". */
static void update_state(cnn_graph *g, const cnn_use *use, cnn_value weight, cnn_value gradient)
{
    const cnn_optimizer *optimizer = (const cnn_optimizer *)(const void *)use->component;
    const char *name = g->values[weight].name;
    g->owner = optimizer->c.name;
    g->prefix = cnn_arena_printf(g->arena, "%s.%s", optimizer->c.name, name);
    g->path = g->prefix;
    g->first_state = 0;
    optimizer->update(&g->builder, use->params, weight, gradient, g->scalars);
}

/* Is the loss finite? (x - x == 0 would say the same, but expressions are simplified as if all
 * numbers were.) */
static cnn_value is_loss_finite(cnn_graph *g)
{
    cnn_builder *b = &g->builder;
    g->path = "guard";
    g->owner = NULL;
    return cnn_le(b, cnn_abs(b, g->loss), cnn_number(b, FLT_MAX));
}

/* Assignments from the first given one on keep the old contents when the loss is not finite. */
static void guard(cnn_graph *g, cnn_value finite, uint32_t first)
{
    g->path = "guard";
    g->owner = NULL;
    for (uint32_t i = first; i < g->n_assigns && !g->failed; i++) {
        cnn_assignment *a = &g->assigns[i];
        if (g->values[a->state].type.dtype == CNN_F32)
            a->value = cnn_select(&g->builder, finite, a->value, a->state);
    }
}

/* A weight's update is complete before that of the next begins: what it reads is still in a cache.
 */
static void update_states(cnn_graph *g, const cnn_use *use, const cnn_value *grads,
                          uint32_t n_grads, uint32_t n_states)
{
    const cnn_value finite = is_loss_finite(g);
    guard(g, finite, 0); /* running statistics */
    for (uint32_t i = 0; i < n_states && !g->failed; i++) {
        const cnn_value weight = g->states[i].value;
        const uint32_t first = g->n_assigns;
        if (!cnn_is_updated(g, &g->states[i], grads, n_grads))
            continue;
        update_state(g, use, weight, grads[weight]);
        guard(g, finite, first);
    }
}

bool cnn_update(cnn_graph *graph, const cnn_config *config, cnn_value *grads, uint32_t n_grads)
{
    const cnn_use *use = &config->train.optimizer;
    uint32_t n_states = graph->n_states; /* those of the model */
    graph->phase = CNN_PHASE_UPDATE;
    graph->backend = NULL;
    graph->place = use->doc != NULL ? use->doc->place : config->train.place;
    graph->trail = "";
    graph->n_layer_in = 0;
    if (config->train.clip_grad_norm > 0)
        clip(graph, config->train.clip_grad_norm, grads, n_grads, n_states);
    make_scalars(graph, (const cnn_optimizer *)(const void *)use->component);
    update_states(graph, use, grads, n_grads, n_states);
    return !graph->failed;
}
