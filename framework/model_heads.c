/* The whole graph: the model, then what judges it: the loss, and in evaluation the metrics. */
#include "model_internal.h"

/* Builds a loss or metric on the model's output. */
static cnn_value build_head(cnn_graph *g, const cnn_use *use, const char *prefix)
{
    const cnn_layer *layer = (const cnn_layer *)use->component;
    g->owner = layer->c.name;
    g->prefix = prefix;
    g->path = cnn_arena_printf(g->arena, "%s.%s", prefix, layer->c.name);
    g->place = use->doc != NULL ? use->doc->place : (cnn_place){ .source = NULL };
    g->at = g->output;
    g->layer_in = &g->output;
    g->n_layer_in = 1;
    g->first_state = g->n_states;
    cnn_value out = layer->build(&g->builder, use->params);
    if (!g->failed && !cnn_graph_has(g, out))
        cnn_graph_fail(g, "", "gave no result");
    return g->failed ? CNN_NONE : out;
}

static void build_loss(cnn_graph *g, const cnn_use *use)
{
    char text[160];
    g->loss = build_head(g, use, "loss");
    if (g->loss == CNN_NONE)
        return;
    const cnn_type *type = &g->values[g->loss].type;
    if (type->dtype == CNN_F32 && type->rank == 0)
        return;
    cnn_type_text(type, true, text, sizeof text);
    cnn_graph_fail(g, "a loss is the mean over the batch, one number",
                   "a loss must give f32 [], but this gives %s", text);
}

static void build_metric(cnn_graph *g, const cnn_use *use)
{
    cnn_value v = build_head(g, use, "metrics");
    if (v == CNN_NONE)
        return;
    g->metrics = cnn_arena_grow(g->arena, g->metrics, g->n_metrics, sizeof *g->metrics);
    g->metrics[g->n_metrics++] = (cnn_named_value){ .name = use->component->name,
                                                    .value = v,
                                                    .layer = (const cnn_layer *)use->component };
}

/* What is written next belongs to no layer of the model. */
static void leave_layers(cnn_graph *g)
{
    g->owner = NULL;
    g->item = NULL;
    g->backend = NULL;
    g->layer_in_names = NULL;
    g->n_layer_in = 0;
    g->at = CNN_NONE;
    g->path = g->prefix = g->trail = "";
    g->place = (cnn_place){ .source = NULL };
}

bool cnn_graph_build(cnn_graph *graph, const cnn_config *config)
{
    graph->output = cnn_graph_items(graph, config, &config->model, graph->input);
    leave_layers(graph);
    graph->n_streams = 0;
    graph->phase = CNN_PHASE_LOSS;
    if (!graph->failed && graph->mode != CNN_PREDICT && config->train.loss.component != NULL)
        build_loss(graph, &config->train.loss);
    if (!graph->failed && graph->mode == CNN_TRAIN && config->train.loss.component == NULL) {
        graph->place = config->train.place;
        cnn_graph_fail(graph, "write `loss: cross_entropy` below `train:`",
                       "training needs a loss");
    }
    for (uint32_t i = 0; i < config->test.metrics.count && graph->mode == CNN_EVAL; i++)
        if (!graph->failed)
            build_metric(graph, &config->test.metrics.items[i]);
    leave_layers(graph);
    return !graph->failed;
}
