/* Freezes a graph: what leads to outputs and assignments stays, in order; values get new numbers.
 */
#include "program.h"

#include <string.h>

#include "autodiff.h"
#include "graph_internal.h"
#include "update.h"

typedef struct freezer {
    cnn_graph *graph;
    cnn_arena *arena;
    bool *live;   /* per graph value */
    bool *wanted; /* per graph value: an output */
    int32_t *map; /* graph value -> program value */
    cnn_value_info *values;
    cnn_node *nodes;
    uint32_t n_values, n_nodes;
} freezer;

/* ---- outputs ---- */

/* A value that a node makes and that is free to be an output: others are copied by a reshape. */
static cnn_value as_output(cnn_graph *g, cnn_value v)
{
    if (v == CNN_NONE || g->values[v].kind == CNN_VALUE_TEMP)
        return v;
    const cnn_type type = g->values[v].type;
    return cnn_reshape(&g->builder, v, type.rank, type.dim);
}

static void collect_outputs(cnn_graph *g, cnn_step *step, const cnn_value *extra)
{
    bool loss = g->mode != CNN_PREDICT, output = g->mode == CNN_PREDICT;
    g->path = "output";
    g->owner = NULL;
    step->loss = loss ? as_output(g, g->loss) : CNN_NONE;
    step->output = output ? as_output(g, g->output) : CNN_NONE;
    step->metrics = CNN_NEW_ARRAY(g->arena, int32_t, g->n_metrics);
    step->extras = CNN_NEW_ARRAY(g->arena, int32_t, step->n_extras);
    for (uint32_t i = 0; i < g->n_metrics; i++)
        step->metrics[i] = as_output(g, g->metrics[i].value);
    for (uint32_t i = 0; i < step->n_extras; i++)
        step->extras[i] = as_output(g, extra[i]);
}

static void mark(bool *wanted, int32_t v)
{
    if (v >= 0)
        wanted[v] = true;
}

static bool *wanted_values(const cnn_graph *g, const cnn_step *step)
{
    bool *wanted = CNN_NEW_ARRAY(g->arena, bool, g->n_values);
    mark(wanted, step->loss);
    mark(wanted, step->output);
    for (uint32_t i = 0; i < g->n_metrics; i++)
        mark(wanted, step->metrics[i]);
    for (uint32_t i = 0; i < step->n_extras; i++)
        mark(wanted, step->extras[i]);
    return wanted;
}

/* ---- what stays ---- */

static bool is_live(const freezer *f, const cnn_node *node)
{
    for (uint32_t i = 0; i < node->n_out; i++)
        if (f->live[node->out[i]])
            return true;
    return false;
}

static void mark_live(freezer *f)
{
    const cnn_graph *g = f->graph;
    memcpy(f->live, f->wanted, g->n_values * sizeof *f->live);
    for (uint32_t i = 0; i < g->n_assigns; i++)
        f->live[g->assigns[i].value] = f->live[g->assigns[i].state] = true;
    for (uint32_t n = g->n_nodes; n > 0; n--) {
        const cnn_node *node = &g->nodes[n - 1];
        for (uint32_t i = 0; i < node->n_in && is_live(f, node); i++)
            f->live[node->in[i]] = true;
    }
}

/* All states of the model are part of its programs, whether read or not: a checkpoint has them. */
static void keep_leaves(freezer *f)
{
    const cnn_graph *g = f->graph;
    for (uint32_t i = 0; i < g->n_states; i++)
        f->live[g->states[i].value] = true;
    if (g->input != CNN_NONE)
        f->live[g->input] = true;
    if (g->target != CNN_NONE)
        f->live[g->target] = true;
}

/* ---- renumbering ---- */

static int32_t add_value(freezer *f, cnn_value v, int32_t producer)
{
    cnn_value_info info = f->graph->values[v];
    info.producer = producer;
    info.external = -1;
    info.last_use = -1;
    if (info.kind == CNN_VALUE_TEMP && f->wanted[v])
        info.kind = CNN_VALUE_OUTPUT;
    f->values[f->n_values] = info;
    f->map[v] = (int32_t)f->n_values;
    return (int32_t)f->n_values++;
}

static const int32_t *renumber(freezer *f, const int32_t *from, uint32_t n)
{
    int32_t *to = CNN_NEW_ARRAY(f->arena, int32_t, n);
    for (uint32_t i = 0; i < n; i++)
        to[i] = f->map[from[i]];
    return to;
}

static void add_leaves(freezer *f)
{
    const cnn_graph *g = f->graph;
    for (uint32_t v = 0; v < g->n_values; v++)
        if (f->live[v] && g->values[v].producer < 0)
            (void)add_value(f, (cnn_value)v, -1);
}

static void add_nodes(freezer *f)
{
    const cnn_graph *g = f->graph;
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const cnn_node *node = &g->nodes[n];
        if (!is_live(f, node))
            continue;
        cnn_node *copy = &f->nodes[f->n_nodes];
        *copy = *node;
        copy->in = renumber(f, node->in, node->n_in);
        for (uint32_t i = 0; i < node->n_out; i++)
            (void)add_value(f, node->out[i], (int32_t)f->n_nodes);
        copy->out = renumber(f, node->out, node->n_out);
        f->n_nodes++;
    }
}

/* Assignments come last: every read of the step sees the old contents. */
static void add_assigns(freezer *f)
{
    const cnn_component *assign = NULL;
    const cnn_graph *g = f->graph;
    if (g->n_assigns == 0 ||
        cnn_registry_find(g->registry, CNN_KIND_OP, "assign", &assign, NULL) != CNN_OK)
        return;
    for (uint32_t i = 0; i < g->n_assigns; i++) {
        const cnn_value pair[2] = { g->assigns[i].state, g->assigns[i].value };
        f->nodes[f->n_nodes++] = (cnn_node){ .op = (const cnn_op *)(const void *)assign,
                                             .in = renumber(f, pair, 2),
                                             .out = renumber(f, NULL, 0),
                                             .n_in = 2,
                                             .layer = g->values[pair[0]].name,
                                             .phase = CNN_PHASE_UPDATE,
                                             .batch_role = CNN_BATCH_NONE };
    }
}

static void list_externals(cnn_program *p, freezer *f)
{
    static const uint32_t kinds[] = { CNN_VALUE_INPUT, CNN_VALUE_STATE, CNN_VALUE_OUTPUT };
    int32_t *externals = CNN_NEW_ARRAY(f->arena, int32_t, f->n_values);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (uint32_t v = 0; v < f->n_values; v++)
            if (f->values[v].kind == kinds[k]) {
                f->values[v].external = (int32_t)p->n_externals;
                externals[p->n_externals++] = (int32_t)v;
            }
    p->externals = externals;
}

/* Reads of a mode never decrease: an output's copy belongs to the last phase that was reached. */
static void order_phases(freezer *f)
{
    for (uint32_t n = 1; n < f->n_nodes; n++)
        if (f->nodes[n].phase < f->nodes[n - 1].phase)
            f->nodes[n].phase = f->nodes[n - 1].phase;
}

static void fill_program(cnn_program *p, freezer *f)
{
    p->size = sizeof *p;
    p->mode = f->graph->mode;
    p->batch = f->graph->batch;
    p->n_values = f->n_values;
    p->value_stride = sizeof(cnn_value_info);
    p->values = f->values;
    p->n_nodes = f->n_nodes;
    p->node_stride = sizeof(cnn_node);
    p->nodes = f->nodes;
    p->update_begin = 0;
    while (p->update_begin < f->n_nodes && f->nodes[p->update_begin].phase != CNN_PHASE_UPDATE)
        p->update_begin++;
    list_externals(p, f);
    cnn_plan_memory(p, f->values, f->arena);
}

static int32_t mapped(const freezer *f, cnn_value v)
{
    return v == CNN_NONE ? -1 : f->map[v];
}

static void map_step(cnn_step *step, const freezer *f)
{
    const cnn_graph *g = f->graph;
    step->input = mapped(f, g->input);
    step->target = mapped(f, g->target);
    step->seed = mapped(f, g->seed);
    step->step = mapped(f, g->step);
    for (int i = 0; i < CNN_MAX_SCALARS; i++)
        step->scalars[i] = mapped(f, g->scalars[i]);
    step->output = mapped(f, step->output);
    step->loss = mapped(f, step->loss);
    for (uint32_t i = 0; i < g->n_metrics; i++)
        step->metrics[i] = mapped(f, step->metrics[i]);
    for (uint32_t i = 0; i < step->n_extras; i++)
        step->extras[i] = mapped(f, step->extras[i]);
    step->map = f->map;
}

cnn_step *cnn_step_from(cnn_graph *graph, const cnn_value *extra, uint32_t n_extra)
{
    cnn_step *step = CNN_NEW(graph->arena, cnn_step);
    freezer f = { .graph = graph, .arena = graph->arena };
    step->graph = graph;
    step->n_extras = n_extra;
    collect_outputs(graph, step, extra);
    f.wanted = wanted_values(graph, step);
    cnn_compose(graph, f.wanted);
    f.live = CNN_NEW_ARRAY(graph->arena, bool, graph->n_values);
    f.map = CNN_NEW_ARRAY(graph->arena, int32_t, graph->n_values);
    f.values = CNN_NEW_ARRAY(graph->arena, cnn_value_info, graph->n_values);
    f.nodes = CNN_NEW_ARRAY(graph->arena, cnn_node, graph->n_nodes + graph->n_assigns);
    memset(f.map, -1, graph->n_values * sizeof *f.map);
    mark_live(&f);
    keep_leaves(&f);
    add_leaves(&f);
    add_nodes(&f);
    add_assigns(&f);
    order_phases(&f);
    fill_program(&step->program, &f);
    map_step(step, &f);
    return step;
}

/* Before differentiation, so that a bias and its activation have one derivative. */
static void compose_forward(cnn_graph *g, bool keep_layers)
{
    bool *keep = CNN_NEW_ARRAY(g->arena, bool, g->n_values);
    mark(keep, g->output);
    mark(keep, g->loss);
    for (uint32_t i = 0; i < g->n_layers && keep_layers; i++)
        mark(keep, g->layers[i].out);
    cnn_compose(g, keep);
}

cnn_graph *cnn_step_graph(const cnn_config *config, cnn_registry *registry,
                          const cnn_data_shape *data, uint32_t mode, int64_t batch,
                          bool keep_layers, cnn_arena *arena, cnn_diags *diags, cnn_grads *grads)
{
    cnn_graph *graph = cnn_graph_create(registry, data, mode, batch, arena, diags);
    *grads = (cnn_grads){ NULL, 0 };
    if (!cnn_graph_build(graph, config))
        return NULL;
    if (mode != CNN_TRAIN)
        return graph;
    if (graph->loss == CNN_NONE || config->train.optimizer.component == NULL) {
        cnn_diag_error(diags, config->train.place, "training needs train.loss and train.optimizer");
        return NULL;
    }
    if (config->train.loss.doc != NULL) /* of errors outside the model's layers */
        graph->place = config->train.loss.doc->place;
    compose_forward(graph, keep_layers);
    grads->count = graph->n_values;
    if (!cnn_autodiff(graph, graph->loss, NULL, 0, &grads->values))
        return NULL;
    if (cnn_wants_gradients(config))
        cnn_measure_gradients(graph, grads->values, grads->count);
    return cnn_update(graph, config, grads->values, grads->count) ? graph : NULL;
}

cnn_step *cnn_step_build(const cnn_config *config, cnn_registry *registry,
                         const cnn_data_shape *data, uint32_t mode, int64_t batch, cnn_arena *arena,
                         cnn_diags *diags)
{
    cnn_grads grads;
    cnn_graph *graph =
        cnn_step_graph(config, registry, data, mode, batch, false, arena, diags, &grads);
    if (graph == NULL)
        return NULL;
    cnn_value *gradients = CNN_NEW_ARRAY(arena, cnn_value, graph->n_gradients);
    for (uint32_t i = 0; i < graph->n_gradients; i++)
        gradients[i] = graph->gradients[i].value;
    cnn_step *step = cnn_step_from(graph, gradients, graph->n_gradients);
    return graph->failed ? NULL : step;
}
