/* Values of a graph: inputs, states, texts of their types. */
#include "graph_internal.h"

#include <string.h>

static const char *dtype_text(uint32_t dtype)
{
    static const char *const names[] = { "none", "f32", "i32", "u8" };
    return dtype <= CNN_U8 ? names[dtype] : "unknown";
}

void cnn_shape_text(const cnn_type *type, bool batched, char *out, size_t size)
{
    uint32_t first = batched ? 1 : 0;
    size_t used = (size_t)snprintf(out, size, "%s", type->rank > first ? "" : "scalar");
    for (uint32_t i = first; i < type->rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld", i > first ? "x" : "",
                                 (long long)type->dim[i]);
}

void cnn_type_text(const cnn_type *type, bool dtype, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "%s%s[", dtype ? dtype_text(type->dtype) : "",
                                   dtype ? " " : "");
    for (uint32_t i = 0; i < type->rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld", i > 0 ? ", " : "",
                                 (long long)type->dim[i]);
    if (used < size)
        (void)snprintf(out + used, size - used, "]");
}

cnn_status cnn_type_check(const cnn_type *type, cnn_error *err)
{
    if (type->dtype < CNN_F32 || type->dtype > CNN_U8)
        return cnn_fail(err, CNN_INVALID, "a tensor of the unknown element type %u", type->dtype);
    if (type->rank > CNN_MAX_RANK)
        return cnn_fail(err, CNN_INVALID, "a tensor of %u axes; %d are the most", type->rank,
                        CNN_MAX_RANK);
    int64_t bytes = cnn_dtype_size(type->dtype);
    for (uint32_t i = 0; i < type->rank; i++)
        if (type->dim[i] < 1 || __builtin_mul_overflow(bytes, type->dim[i], &bytes)) {
            char text[160];
            cnn_type_text(type, false, text, sizeof text);
            return cnn_fail(err, CNN_INVALID,
                            type->dim[i] < 1 ? "the shape %s has an axis without elements"
                                             : "a tensor of shape %s is too large",
                            text);
        }
    return CNN_OK;
}

cnn_value cnn_graph_add_value(cnn_graph *graph, const char *name, const cnn_type *type,
                              cnn_value_kind kind, bool batched)
{
    graph->values =
        cnn_arena_grow(graph->arena, graph->values, graph->n_values, sizeof *graph->values);
    graph->values[graph->n_values] = (cnn_value_info){ .name = name,
                                                       .type = *type,
                                                       .kind = (uint32_t)kind,
                                                       .producer = -1,
                                                       .last_use = -1,
                                                       .external = -1,
                                                       .batched = batched };
    return (cnn_value)graph->n_values++;
}

cnn_value cnn_graph_input(cnn_graph *graph, const char *name, const cnn_type *type, bool batched)
{
    return cnn_graph_add_value(graph, name, type, CNN_VALUE_INPUT, batched);
}

cnn_value cnn_graph_seed(cnn_graph *graph)
{
    const cnn_type type = cnn_type1(CNN_I32, 2);
    if (graph->seed == CNN_NONE)
        graph->seed = cnn_graph_input(graph, "seed", &type, false);
    return graph->seed;
}

cnn_value cnn_graph_step(cnn_graph *graph)
{
    const cnn_type type = cnn_scalar_type(CNN_I32);
    if (graph->step == CNN_NONE)
        graph->step = cnn_graph_input(graph, "step", &type, false);
    return graph->step;
}

cnn_value cnn_graph_state(cnn_graph *graph, const char *name, const cnn_type *type,
                          const cnn_init *init, bool trained)
{
    cnn_error err;
    if (graph->failed)
        return CNN_NONE;
    for (uint32_t i = 0; i < graph->n_states; i++) {
        const cnn_value_info *old = &graph->values[graph->states[i].value];
        if (strcmp(old->name, name) != 0)
            continue;
        if (cnn_same_type(&old->type, type) && old->trained == trained)
            return graph->states[i].value;
        cnn_graph_fail(graph, "", "asks for '%s' twice, with different shapes or kinds", name);
        return CNN_NONE;
    }
    if (cnn_type_check(type, &err) != CNN_OK) {
        cnn_graph_fail(graph, err.hint, "'%s': %s", name, err.text);
        return CNN_NONE;
    }
    const char *own = cnn_arena_string(graph->arena, name);
    cnn_value v = cnn_graph_add_value(graph, own, type, CNN_VALUE_STATE, false);
    graph->values[v].trained = trained;
    graph->states =
        cnn_arena_grow(graph->arena, graph->states, graph->n_states, sizeof *graph->states);
    graph->states[graph->n_states++] = (cnn_state_init){ .value = v, .init = *init };
    return v;
}

/* A batch of samples; false if that has too many axes or elements. */
static bool batch_of(cnn_graph *graph, const char *what, const cnn_type *sample, cnn_type *type)
{
    cnn_error err;
    *type = *sample;
    if (type->rank < CNN_MAX_RANK) {
        memmove(type->dim + 1, sample->dim, sizeof sample->dim - sizeof sample->dim[0]);
        type->dim[0] = graph->batch;
    }
    type->rank++;
    if (cnn_type_check(type, &err) == CNN_OK)
        return true;
    cnn_graph_fail(graph, err.hint, "the data's %s: %s", what, err.text);
    *type = cnn_type1(CNN_F32, 1);
    return false;
}

cnn_graph *cnn_graph_create(cnn_registry *registry, const cnn_data_shape *data, uint32_t mode,
                            int64_t batch, cnn_arena *arena, cnn_diags *diags)
{
    cnn_type type;
    cnn_graph *g = CNN_NEW(arena, cnn_graph);
    g->api = cnn_graph_api(mode);
    g->builder.api = &g->api;
    g->arena = arena;
    g->registry = registry;
    g->diags = diags;
    g->mode = mode;
    g->batch = batch;
    g->data = *data;
    g->target = g->seed = g->step = g->output = g->loss = g->at = CNN_NONE;
    for (int i = 0; i < CNN_MAX_SCALARS; i++)
        g->scalars[i] = CNN_NONE;
    g->prefix = g->path = g->trail = "";
    g->phase = CNN_PHASE_FORWARD;
    (void)batch_of(g, "samples", &data->input, &type);
    g->input = cnn_graph_input(g, "input", &type, true);
    if (mode != CNN_PREDICT && data->target.dtype != 0) {
        (void)batch_of(g, "targets", &data->target, &type);
        g->target = cnn_graph_input(g, "target", &type, true);
    }
    return g;
}
