/* One layer of a model: its options get values and types, it builds itself, and leaves a record. */
#include "model_internal.h"

#include <stdlib.h>
#include <string.h>

#include "params.h"

enum { MAX_LAYERS = 100000 };

void cnn_item_enter(const cnn_walk *walk, const cnn_item *item, const cnn_item_in *in)
{
    cnn_graph *g = walk->graph;
    g->owner = item->layer != NULL ? item->layer->c.name : item->type;
    g->place = item->place;
    g->trail = walk->trail;
    g->backend = item->backend != NULL ? item->backend : walk->backend;
    g->at = in->at;
    g->layer_in = in->values;
    g->layer_in_names = in->names;
    g->n_layer_in = in->count;
    g->first_state = g->n_states;
    g->n_streams = 0;
}

/* Options and `init:` with the formulas replaced; false after errors. */
static bool substitute(const cnn_walk *walk, const cnn_item *item, const cnn_scope *scope,
                       cnn_item *out)
{
    cnn_graph *g = walk->graph;
    size_t first = g->diags->count;
    bool ok = true;
    *out = *item;
    out->freeze = item->freeze || walk->freeze;
    if (item->options != NULL) {
        out->options = cnn_formula_substitute(item->options, scope, g->arena, g->diags);
        ok = out->options != NULL;
    }
    out->init = CNN_NEW_ARRAY(g->arena, cnn_item_init, item->n_init);
    for (uint32_t i = 0; i < item->n_init; i++) {
        out->init[i] = item->init[i];
        out->init[i].doc = cnn_formula_substitute(item->init[i].doc, scope, g->arena, g->diags);
        ok = ok && out->init[i].doc != NULL;
    }
    if (!ok)
        cnn_item_failed(g, first);
    return ok;
}

static const void *read_params(cnn_graph *g, const cnn_item *item)
{
    const cnn_component *c = &item->layer->c;
    size_t first = g->diags->count;
    const void *params = cnn_params_read(c->name, &c->params, c->params_size, item->options,
                                         item->place, NULL, g->arena, g->diags);
    if (params == NULL)
        cnn_item_failed(g, first);
    return params;
}

/* Names of what the layer stores, without its prefix. */
static uint32_t stored_names(const cnn_graph *g, const char **names)
{
    size_t skip = strlen(g->prefix) + 1;
    uint32_t n = 0;
    for (uint32_t i = g->first_state; i < g->n_states; i++)
        names[n++] = g->values[g->states[i].value].name + skip;
    return n;
}

/* `init:` of a weight that the layer does not have. */
static void check_init(cnn_graph *g, const cnn_item *item)
{
    const char **names = CNN_NEW_ARRAY(g->arena, const char *, g->n_states - g->first_state);
    size_t first = g->diags->count;
    uint32_t n = stored_names(g, names);
    for (uint32_t i = 0; i < item->n_init; i++) {
        const cnn_item_init *init = &item->init[i];
        bool known = false;
        for (uint32_t k = 0; k < n; k++)
            known = known || strcmp(names[k], init->weight) == 0;
        if (known)
            continue;
        cnn_diag *d = cnn_diag_error(g->diags, init->place, "%s: init: has no weight '%s'",
                                     g->owner, init->weight);
        const char *near = cnn_did_you_mean(init->weight, names, n), *all = "";
        for (uint32_t k = 0; k < n; k++)
            all = cnn_arena_printf(g->arena, "%s%s%s", all, k > 0 ? ", " : "", names[k]);
        if (near != NULL)
            cnn_diag_hint(g->diags, d, "did you mean '%s'?", near);
        else
            cnn_diag_hint(g->diags, d, n > 0 ? "it has %s" : "it has none at all%s", all);
    }
    if (g->diags->count > first)
        cnn_item_failed(g, first);
}

static const char *options_text(const cnn_layer *layer, const void *params, cnn_arena *arena)
{
    char *data = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&data, &size);
    if (out == NULL)
        return "";
    cnn_params_print(&layer->c.params, params, false, out);
    (void)fclose(out);
    const char *text = cnn_arena_string(arena, data != NULL ? data : "");
    free(data);
    return text;
}

static int64_t trained_numbers(const cnn_graph *g)
{
    int64_t n = 0;
    for (uint32_t i = g->first_state; i < g->n_states; i++) {
        const cnn_value_info *v = &g->values[g->states[i].value];
        n += v->trained ? cnn_count(&v->type) : 0;
    }
    return n;
}

static void add_record(cnn_graph *g, const cnn_item *item, const void *params, cnn_value out,
                       uint32_t first_node)
{
    g->layers = cnn_arena_grow(g->arena, g->layers, g->n_layers, sizeof *g->layers);
    g->layers[g->n_layers++] =
        (cnn_layer_record){ .path = g->path,
                            .prefix = g->prefix,
                            .type = g->owner,
                            .place = item->place,
                            .options = options_text(item->layer, params, g->arena),
                            .trail = g->trail,
                            .in = g->layer_in[0],
                            .out = out,
                            .first_node = first_node,
                            .end_node = g->n_nodes,
                            .params = trained_numbers(g) };
}

cnn_value cnn_layer_build(const cnn_walk *walk, const cnn_item *item, const char *prefix,
                          const cnn_item_in *in, const cnn_scope *scope)
{
    cnn_graph *g = walk->graph;
    cnn_item own;
    cnn_item_enter(walk, item, in);
    g->prefix = prefix;
    g->path = item->name != NULL ? prefix
                                 : cnn_arena_printf(g->arena, "%s.%s", prefix, item->layer->c.name);
    if (g->n_layers >= MAX_LAYERS)
        cnn_graph_fail(g, "", "the model has more than %d layers", MAX_LAYERS);
    const void *params =
        !g->failed && substitute(walk, item, scope, &own) ? read_params(g, &own) : NULL;
    if (params == NULL)
        return CNN_NONE;
    uint32_t first_node = g->n_nodes;
    g->item = &own;
    cnn_value out = item->layer->build(&g->builder, params);
    if (!g->failed && !cnn_graph_has(g, out))
        cnn_graph_fail(g, "", "gave no result");
    if (!g->failed)
        check_init(g, &own);
    g->item = NULL;
    if (g->failed)
        return CNN_NONE;
    add_record(g, item, params, out, first_node);
    return out;
}
