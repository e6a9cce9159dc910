/* The program of `look`: a prediction whose chosen layers' results are outputs, and with Grad-CAM
 * the gradient of a class's score with respect to one of them. */
#include <stdlib.h>
#include <string.h>

#include "autodiff.h"
#include "graph_internal.h"
#include "look/look_internal.h"

const cnn_value_info *cnn_look_filters(const cnn_graph *g, const cnn_layer_record *layer)
{
    size_t length = strlen(layer->prefix);
    for (uint32_t i = 0; i < g->n_states; i++) {
        const cnn_value_info *v = &g->values[g->states[i].value];
        if (v->type.rank == 4 && strncmp(v->name, layer->prefix, length) == 0 &&
            strcmp(v->name + length, ".weight") == 0)
            return v;
    }
    return NULL;
}

static cnn_status find_layer(const cnn_looker *look, const char *name,
                             const cnn_layer_record **found)
{
    const cnn_graph *g = look->graph;
    const char **words = CNN_NEW_ARRAY(look->arena, const char *, 2 * g->n_layers);
    *found = NULL;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        words[2 * i] = g->layers[i].path;
        words[2 * i + 1] = g->layers[i].prefix;
        if (strcmp(name, words[2 * i]) == 0 || strcmp(name, words[2 * i + 1]) == 0)
            *found = &g->layers[i];
    }
    if (*found != NULL)
        return CNN_OK;
    const char *near = cnn_did_you_mean(name, words, 2 * (size_t)g->n_layers);
    (void)cnn_fail(look->err, CNN_INVALID, "the pipeline has no layer '%s'", name);
    if (near != NULL)
        cnn_hint(look->err, "did you mean '%s'?", near);
    else
        cnn_hint(look->err, "cnnrun summary lists the layers");
    return CNN_INVALID;
}

static bool has_maps(const cnn_graph *g, const cnn_layer_record *layer)
{
    const cnn_value_info *v = &g->values[layer->out];
    return v->type.rank == 4 && v->type.dtype == CNN_F32 && v->batched != 0;
}

static cnn_status check_maps(const cnn_looker *look, const cnn_layer_record *layer)
{
    char text[128];
    if (has_maps(look->graph, layer))
        return CNN_OK;
    cnn_shape_text(&look->graph->values[layer->out].type, true, text, sizeof text);
    return cnn_fail(look->err, CNN_INVALID, "%s gives %s, which are no maps to look at",
                    layer->path, text);
}

/* Those that were asked for, or all convolutions; the last of these is Grad-CAM's. */
static cnn_status choose_layers(cnn_looker *look)
{
    const cnn_look_request *r = look->request;
    const cnn_graph *g = look->graph;
    cnn_status status = CNN_OK;
    look->layers = CNN_NEW_ARRAY(look->arena, const cnn_layer_record *, g->n_layers + r->n_layers);
    for (uint32_t i = 0; i < r->n_layers && status == CNN_OK; i++) {
        status = find_layer(look, r->layers[i], &look->layers[look->n_layers]);
        if (status == CNN_OK)
            status = check_maps(look, look->layers[look->n_layers++]);
    }
    for (uint32_t i = 0; i < g->n_layers; i++)
        if (has_maps(g, &g->layers[i]) && cnn_look_filters(g, &g->layers[i]) != NULL) {
            look->cam = &g->layers[i];
            if (r->n_layers == 0)
                look->layers[look->n_layers++] = &g->layers[i];
        }
    if (status == CNN_OK && r->cam != NULL)
        status = find_layer(look, r->cam, &look->cam);
    if (status == CNN_OK && r->cam != NULL)
        status = check_maps(look, look->cam);
    return status;
}

/* ---- the class ---- */

static cnn_status unknown_class(const cnn_looker *look, int64_t classes, const char *const *names)
{
    const char *text = look->request->target;
    const char *near = names != NULL ? cnn_did_you_mean(text, names, (size_t)classes) : NULL;
    (void)cnn_fail(look->err, CNN_INVALID, "--class is '%s', but a class from 0 to %lld is wanted",
                   text, (long long)(classes - 1));
    if (near != NULL)
        cnn_hint(look->err, "did you mean '%s'?", near);
    return CNN_INVALID;
}

static cnn_status read_class(cnn_looker *look, int64_t classes)
{
    const char *const *names = cnn_data_class_names(look->run->data);
    const char *text = look->request->target;
    char *end;
    look->target = -1;
    if (text == NULL)
        return CNN_OK;
    if (names != NULL && cnn_data_shape_of(look->run->data)->classes != classes)
        names = NULL;
    for (int64_t i = 0; i < classes && names != NULL; i++)
        if (strcmp(names[i], text) == 0)
            look->target = i;
    if (look->target < 0) {
        look->target = strtoll(text, &end, 10);
        if (end == text || *end != '\0' || look->target < 0 || look->target >= classes)
            return unknown_class(look, classes, names);
    }
    return CNN_OK;
}

/* Is the output one score per class? */
static cnn_status check_class(cnn_looker *look)
{
    const cnn_value_info *out = &look->graph->values[look->graph->output];
    bool scores = out->type.rank == 2 && out->type.dtype == CNN_F32 && out->batched != 0;
    if (scores && look->cam != NULL)
        return read_class(look, out->type.dim[1]);
    look->cam = NULL;
    if (look->request->target == NULL && look->request->cam == NULL)
        return CNN_OK;
    return cnn_fail(look->err, CNN_INVALID, "Grad-CAM needs %s",
                    scores ? "a convolution" : "a model that gives one score per class");
}

/* ---- the program ---- */

/* Samples do not meet in a prediction: the gradient of the sum of their scores is each one's own.
 * Only A's gradient is wanted, so weights are none of autodiff's business for a moment. */
static cnn_status differentiate(cnn_looker *look, cnn_value *gradient)
{
    cnn_graph *g = look->graph;
    cnn_builder *b = &g->builder;
    cnn_value maps = look->cam->out, *grads = NULL;
    bool *trained = CNN_NEW_ARRAY(look->arena, bool, g->n_states);
    const cnn_type scores = g->values[g->output].type;
    g->phase = CNN_PHASE_LOSS;
    g->path = "score";
    look->mask = cnn_graph_input(g, "look.mask", &scores, true);
    cnn_value product = cnn_mul(b, g->output, look->mask);
    cnn_value score = cnn_reduce(b, product, CNN_REDUCE_SUM, cnn_all_axes(b, product), false);
    for (uint32_t i = 0; i < g->n_states; i++) {
        trained[i] = g->values[g->states[i].value].trained != 0;
        g->values[g->states[i].value].trained = 0;
    }
    bool done = !g->failed && cnn_autodiff(g, score, &maps, 1, &grads);
    for (uint32_t i = 0; i < g->n_states; i++)
        g->values[g->states[i].value].trained = trained[i];
    if (!done)
        return cnn_fail(look->err, CNN_INVALID, "%s", "");
    *gradient = grads[maps];
    if (*gradient == CNN_NONE)
        return cnn_fail(look->err, CNN_INVALID, "no class's score depends on %s", look->cam->path);
    return CNN_OK;
}

static cnn_status compile(cnn_looker *look, const cnn_value *extra, uint32_t n_extra)
{
    cnn_run *run = look->run;
    cnn_compiled *p = &look->program;
    p->step = cnn_step_from(look->graph, extra, n_extra);
    if (look->graph->failed)
        return cnn_fail(look->err, CNN_INVALID, "%s", "");
    cnn_status status =
        cnn_placement_from(p->step, &run->stack, look->arena, &p->placement, look->err);
    return status != CNN_OK
               ? status
               : cnn_session_compile(run->session, p->placement, (uint64_t)run->config->train.seed,
                                     1, &p->runner, look->err);
}

cnn_status cnn_look_build(cnn_looker *look)
{
    cnn_run *run = look->run;
    look->mask = CNN_NONE;
    look->graph = cnn_graph_create(run->registry, cnn_data_shape_of(run->data), CNN_PREDICT,
                                   look->request->n_samples, look->arena, look->diags);
    if (!cnn_graph_build(look->graph, run->config))
        return cnn_fail(look->err, CNN_INVALID, "%s", "");
    cnn_status status = choose_layers(look);
    if (status == CNN_OK)
        status = check_class(look);
    if (status != CNN_OK)
        return status;
    uint32_t n = look->n_layers;
    cnn_value *extra = CNN_NEW_ARRAY(look->arena, cnn_value, n + 2);
    for (uint32_t i = 0; i < n; i++)
        extra[i] = look->layers[i]->out;
    if (look->cam != NULL) {
        extra[n++] = look->cam->out;
        status = differentiate(look, &extra[n++]);
    }
    return status == CNN_OK ? compile(look, extra, n) : status;
}
