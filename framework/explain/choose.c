/* The graph of a pipeline, and which layer and value of it are explained. */
#include <string.h>

#include "autodiff.h"
#include "explain/probe.h"
#include "graph_internal.h"

static bool has_loss(const cnn_probe *p)
{
    return p->config->train.loss.component != NULL;
}

/* Results as in evaluation, gradients as in training; without a loss there is only prediction. */
static uint32_t mode_of(const cnn_probe *p)
{
    uint32_t mode = p->request->mode;
    if (mode == 0)
        mode = p->request->gradient != NULL && has_loss(p) ? CNN_TRAIN : CNN_EVAL;
    return mode == CNN_EVAL && !has_loss(p) ? CNN_PREDICT : mode;
}

static bool computes(const cnn_graph *g, const char *path)
{
    for (uint32_t n = 0; n < g->n_nodes; n++)
        if (strcmp(g->nodes[n].layer, path) == 0 && cnn_op_computes(g->nodes[n].op->c.name))
            return true;
    return false;
}

static void add_subject(cnn_probe *p, cnn_subject subject)
{
    subject.computes = computes(p->graph, subject.path);
    p->subjects = cnn_arena_grow(p->arena, p->subjects, p->n_subjects, sizeof *p->subjects);
    p->subjects[p->n_subjects++] = subject;
}

/* What judges the output; a short name is enough. */
static void add_head(cnn_probe *p, const char *prefix, const char *name, cnn_value out)
{
    const char *path = cnn_arena_printf(p->arena, "%s.%s", prefix, name);
    const char *nick = strcmp(prefix, "loss") == 0 ? prefix : name;
    add_subject(p, (cnn_subject){ path, nick, "", p->graph->output, out, false });
}

cnn_status cnn_probe_build(cnn_probe *p, const cnn_data_shape *shape)
{
    p->mode = mode_of(p);
    p->graph = cnn_graph_create(p->registry, shape, p->mode, p->request->batch, p->arena, p->diags);
    cnn_graph *g = p->graph;
    if (!cnn_graph_build(g, p->config))
        return cnn_fail(p->err, CNN_INVALID, "%s", "");
    for (uint32_t i = 0; i < g->n_layers; i++) {
        const cnn_layer_record *l = &g->layers[i];
        add_subject(p, (cnn_subject){ l->path, l->prefix, l->options, l->in, l->out, false });
    }
    if (g->loss != CNN_NONE)
        add_head(p, "loss", p->config->train.loss.component->name, g->loss);
    for (uint32_t i = 0; i < g->n_metrics; i++)
        add_head(p, "metrics", g->metrics[i].name, g->metrics[i].value);
    return CNN_OK;
}

/* ---- the layer ---- */

static bool is_metric(const cnn_probe *p, const char *name)
{
    const cnn_uses *metrics = &p->config->test.metrics;
    if (strncmp(name, "metrics.", strlen("metrics.")) == 0)
        name += strlen("metrics.");
    for (uint32_t i = 0; i < metrics->count; i++)
        if (strcmp(metrics->items[i].component->name, name) == 0)
            return true;
    return false;
}

static cnn_status unknown_layer(cnn_probe *p, const char *name)
{
    if (is_metric(p, name)) {
        (void)cnn_fail(p->err, CNN_INVALID, "'%s' is a metric: it is computed in evaluation only",
                       name);
        cnn_hint(p->err, "leave out --gradient and --mode train");
        return CNN_INVALID;
    }
    const char **words = CNN_NEW_ARRAY(p->arena, const char *, 2 * p->n_subjects);
    for (uint32_t i = 0; i < p->n_subjects; i++) {
        words[2 * i] = p->subjects[i].path;
        words[2 * i + 1] = p->subjects[i].prefix;
    }
    const char *near = cnn_did_you_mean(name, words, 2 * (size_t)p->n_subjects);
    (void)cnn_fail(p->err, CNN_INVALID, "the pipeline has no layer '%s'", name);
    if (near != NULL)
        cnn_hint(p->err, "did you mean '%s'?", near);
    else
        cnn_hint(p->err, "cnnrun explain %s lists its layers", p->request->pipeline);
    return CNN_INVALID;
}

static cnn_status choose_layer(cnn_probe *p)
{
    const char *name = p->request->layer;
    for (uint32_t i = 0; i < p->n_subjects && name != NULL; i++)
        if (strcmp(p->subjects[i].path, name) == 0 || strcmp(p->subjects[i].prefix, name) == 0)
            p->subject = &p->subjects[i];
    if (name != NULL)
        return p->subject != NULL ? CNN_OK : unknown_layer(p, name);
    for (uint32_t i = p->n_subjects; i > 0; i--)
        if (p->subjects[i - 1].computes)
            p->subject = &p->subjects[i - 1];
    if (p->subject == NULL && p->n_subjects > 0)
        p->subject = &p->subjects[0];
    return p->subject != NULL ? CNN_OK : cnn_fail(p->err, CNN_INVALID, "the pipeline has no layer");
}

/* ---- gradients ---- */

/* Results of layers stay, so that a map belongs to one layer. */
static bool *kept_values(const cnn_probe *p)
{
    const cnn_graph *g = p->graph;
    bool *keep = CNN_NEW_ARRAY(p->arena, bool, g->n_values);
    const cnn_value ends[2] = { g->output, g->loss };
    for (uint32_t i = 0; i < p->n_subjects; i++)
        for (int side = 0; side < 2; side++) {
            cnn_value v = side == 0 ? p->subjects[i].in : p->subjects[i].out;
            if (v == CNN_NONE)
                continue;
            keep[v] = true;
            if ((uint32_t)v < p->grads.count && p->grads.values[v] != CNN_NONE)
                keep[p->grads.values[v]] = true;
        }
    for (int i = 0; i < 2; i++)
        if (ends[i] != CNN_NONE)
            keep[ends[i]] = true;
    for (uint32_t i = 0; i < g->n_states; i++)
        if ((uint32_t)g->states[i].value < p->grads.count &&
            p->grads.values[g->states[i].value] != CNN_NONE)
            keep[p->grads.values[g->states[i].value]] = true;
    return keep;
}

/* Without a loss: the sum of the outputs, so that every output's gradient is 1. */
static cnn_value sum_of_outputs(cnn_graph *g)
{
    cnn_type type = g->values[g->output].type;
    g->phase = CNN_PHASE_LOSS;
    g->path = "loss";
    return cnn_reduce(&g->builder, g->output, CNN_REDUCE_SUM, ((int64_t)1 << type.rank) - 1, false);
}

static cnn_status differentiate(cnn_probe *p)
{
    cnn_graph *g = p->graph;
    uint32_t n_extra = g->values[g->input].type.dtype == CNN_F32 ? 1 : 0;
    if (g->loss == CNN_NONE) {
        g->loss = sum_of_outputs(g);
        p->sum_as_loss = true;
    }
    if (!g->failed)
        cnn_compose(g, kept_values(p));
    cnn_value *values = NULL;
    uint32_t count = g->n_values;
    if (g->failed || !cnn_autodiff(g, g->loss, &g->input, n_extra, &values))
        return cnn_fail(p->err, CNN_INVALID, "%s", "");
    p->grads = (cnn_grads){ values, count };
    for (uint32_t v = 0; v < count; v++) /* also where it is the same for all samples */
        if (values[v] != CNN_NONE && g->values[v].batched != 0)
            g->values[values[v]].batched = 1;
    return CNN_OK;
}

static cnn_status no_weight(cnn_probe *p, const char *name)
{
    const char *prefix = p->subject->prefix;
    size_t length = strlen(prefix);
    char list[400] = "input";
    for (uint32_t i = 0; i < p->graph->n_states; i++) {
        const cnn_value_info *state = &p->graph->values[p->graph->states[i].value];
        size_t used = strlen(list);
        if (state->trained != 0 && strncmp(state->name, prefix, length) == 0 &&
            state->name[length] == '.' && strchr(state->name + length + 1, '.') == NULL)
            (void)snprintf(list + used, sizeof list - used, ", %s", state->name + length + 1);
    }
    return cnn_fail(p->err, CNN_INVALID, "--gradient is '%s', but %s has gradients of: %s", name,
                    p->subject->path, list);
}

/* The value that --gradient means. */
static cnn_status choose_gradient(cnn_probe *p)
{
    const char *name = p->request->gradient;
    cnn_value of = strcmp(name, "input") == 0 ? p->subject->in : CNN_NONE;
    p->what = "dL/d input";
    for (uint32_t i = 0; i < p->graph->n_states && of == CNN_NONE; i++) {
        const char *full = cnn_arena_printf(p->arena, "%s.%s", p->subject->prefix, name);
        const cnn_value_info *state = &p->graph->values[p->graph->states[i].value];
        if (state->trained == 0 ||
            (strcmp(state->name, full) != 0 && strcmp(state->name, name) != 0))
            continue;
        of = p->graph->states[i].value;
        p->what = cnn_arena_printf(p->arena, "dL/d %s", state->name);
    }
    if (of == CNN_NONE)
        return no_weight(p, name);
    p->target = (uint32_t)of < p->grads.count ? p->grads.values[of] : CNN_NONE;
    if (p->target != CNN_NONE)
        return CNN_OK;
    (void)cnn_fail(p->err, CNN_INVALID, "no gradient flows to the %s of %s",
                   of == p->subject->in ? "input" : name, p->subject->path);
    cnn_hint(p->err, "it is frozen, no float, or nothing that the loss is made of");
    return CNN_INVALID;
}

cnn_status cnn_probe_choose(cnn_probe *p)
{
    cnn_status status = choose_layer(p);
    if (status == CNN_OK && p->request->gradient != NULL)
        status = differentiate(p);
    if (status != CNN_OK)
        return status;
    p->what = "output";
    p->target = p->subject->out;
    if (p->request->gradient != NULL)
        status = choose_gradient(p);
    for (int i = 0; i < 2 && status == CNN_OK; i++) /* equal maps may appear by composing */
        cnn_compose(p->graph, kept_values(p));
    return status;
}
