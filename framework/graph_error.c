/* Errors of a graph: where they are, and the way that led there.
 *
 *     in block inception (line 5) used at line 26;  input 1x28x28 > conv2d 10x24x24 > concat */
#include "graph_internal.h"

#include "base/text.h"

#include <string.h>

enum { SHOWN_STEPS = 6 };

/* The records that lead to a value, last one first; returns how many of them there are, at most
 * SHOWN_STEPS + 1. Going down only, since a layer may return its input. */
static uint32_t find_way(const cnn_graph *graph, cnn_value to, const cnn_layer_record **way)
{
    uint32_t n = 0;
    for (uint32_t i = graph->n_layers; i > 0 && to != graph->input && n <= SHOWN_STEPS; i--)
        if (graph->layers[i - 1].out == to) {
            way[n++] = &graph->layers[i - 1];
            to = graph->layers[i - 1].in;
        }
    return n;
}

static void add_step(const cnn_graph *graph, const char *name, cnn_value v, cnn_value before,
                     cnn_text *out)
{
    char shape[160];
    const cnn_value_info *info = &graph->values[v];
    cnn_text_add(out, "%s", name);
    if (before != CNN_NONE && cnn_same_type(&info->type, &graph->values[before].type))
        return;
    cnn_shape_text(&info->type, info->batched != 0, shape, sizeof shape);
    cnn_text_add(out, " %s", shape);
}

static void add_way(const cnn_graph *graph, cnn_text *out)
{
    const cnn_layer_record *way[SHOWN_STEPS + 1];
    uint32_t n = find_way(graph, graph->at, way);
    if (n > SHOWN_STEPS) {
        n = SHOWN_STEPS;
        cnn_text_add(out, "...");
    } else {
        add_step(graph, "input", graph->input, CNN_NONE, out);
    }
    for (uint32_t i = n; i > 0; i--) {
        cnn_text_add(out, " > ");
        add_step(graph, way[i - 1]->type, way[i - 1]->out, way[i - 1]->in, out);
    }
    cnn_text_add(out, " > %s", graph->owner);
}

static const char *trail(const cnn_graph *graph)
{
    cnn_text text = { 0 };
    cnn_text_add(&text, "%s", graph->trail);
    if (graph->owner != NULL && graph->at != CNN_NONE) {
        cnn_text_add(&text, "%s", text.length > 0 ? ";  " : "");
        add_way(graph, &text);
    }
    const char *copy = cnn_arena_string(graph->arena, cnn_text_get(&text));
    cnn_text_free(&text);
    return copy;
}

void cnn_graph_add_trails(cnn_graph *graph, size_t first)
{
    for (size_t i = first; i < graph->diags->count; i++)
        if (graph->diags->items[i].trail == NULL)
            graph->diags->items[i].trail = trail(graph);
}

void cnn_graph_fail(cnn_graph *graph, const char *hint, const char *format, ...)
{
    if (graph->failed)
        return;
    char text[1536];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t first = graph->diags->count;
    cnn_diag *d = cnn_diag_error(graph->diags, graph->place, "%s%s%s",
                                 graph->owner != NULL ? graph->owner : "",
                                 graph->owner != NULL ? ": " : "", text);
    if (hint[0] != '\0')
        cnn_diag_hint(graph->diags, d, "%s", hint);
    cnn_graph_add_trails(graph, first);
    graph->failed = true;
}
