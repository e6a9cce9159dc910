/* summary of two pipelines: their layers side by side, and how much more one costs. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/summary.h"

enum { SIDES = 2, NUMBER = 40 };

/* What is compared. */
typedef struct cost {
    double params, macs, bytes;
} cost;

typedef struct side {
    const char *path;
    const cnn_graph *graph;
    cost total;
} side;

static cost cost_of(const cnn_graph *g, const cnn_layer_record *layer)
{
    return (cost){ (double)layer->params, cnn_graph_macs(g, layer->first_node, layer->end_node),
                   (double)cnn_bytes(&g->values[layer->out].type) };
}

/* Reads one of the pipelines as if it were the only one. */
static cnn_status open_side(cnn_context *context, const char *path, side *s)
{
    cnn_graph *graph;
    context->command.arguments[0] = path;
    context->doc = NULL;
    context->config = NULL;
    cnn_status status = summary_graph(context, &graph);
    if (status != CNN_OK)
        return status;
    *s = (side){ path,
                 graph,
                 { (double)cnn_graph_params(graph), cnn_graph_macs(graph, 0, graph->n_nodes), 0 } };
    for (uint32_t i = 0; i < graph->n_layers; i++)
        s->total.bytes += cost_of(graph, &graph->layers[i]).bytes;
    return CNN_OK;
}

/* ---- the table ---- */

static void print_cost(const cost *c)
{
    char params[NUMBER], macs[NUMBER], bytes[NUMBER];
    if (c == NULL)
        (void)printf("  %11s %13s %11s", "-", "-", "-");
    else
        (void)printf("  %11s %13s %11s", summary_grouped(c->params, params, sizeof params),
                     summary_grouped(c->macs, macs, sizeof macs),
                     summary_grouped(c->bytes, bytes, sizeof bytes));
}

/* Layers of both with the same path stand on one line. */
static void print_line(const side *s, const cnn_layer_record *a, const cnn_layer_record *b,
                       int width)
{
    cost costs[SIDES];
    if (a != NULL)
        costs[0] = cost_of(s[0].graph, a);
    if (b != NULL)
        costs[1] = cost_of(s[1].graph, b);
    (void)printf("%-*s", width, a != NULL ? a->path : b->path);
    print_cost(a != NULL ? &costs[0] : NULL);
    print_cost(b != NULL ? &costs[1] : NULL);
    (void)printf("\n");
}

static uint32_t find(const cnn_graph *g, const char *path, uint32_t from)
{
    while (from < g->n_layers && strcmp(g->layers[from].path, path) != 0)
        from++;
    return from;
}

/* In the order of the first; what only the second has stands before its next layer that both have.
 */
static void print_layers(const side *s, int width)
{
    const cnn_graph *a = s[0].graph, *b = s[1].graph;
    uint32_t next = 0;
    for (uint32_t i = 0; i < a->n_layers; i++) {
        uint32_t at = find(b, a->layers[i].path, next);
        bool both = at < b->n_layers;
        while (both && next < at)
            print_line(s, NULL, &b->layers[next++], width);
        print_line(s, &a->layers[i], both ? &b->layers[next++] : NULL, width);
    }
    while (next < b->n_layers)
        print_line(s, NULL, &b->layers[next++], width);
}

/* How many times the second. */
static const char *ratio_text(double first, double second, char *out, size_t size)
{
    if (second > 0)
        (void)snprintf(out, size, "%.4g", first / second);
    else
        (void)snprintf(out, size, first > 0 ? "inf" : "1");
    return out;
}

static void print_table(const side *s)
{
    char params[NUMBER], macs[NUMBER], bytes[NUMBER];
    int width = 12;
    for (int k = 0; k < SIDES; k++)
        for (uint32_t i = 0; i < s[k].graph->n_layers; i++)
            if ((int)strlen(s[k].graph->layers[i].path) > width)
                width = (int)strlen(s[k].graph->layers[i].path);
    (void)printf("A: %s\nB: %s\n\n%-*s", s[0].path, s[1].path, width, "layer");
    for (int k = 0; k < SIDES; k++)
        (void)printf("  %9s %c %11s %c %9s %c", "params", "AB"[k], "mult-adds", "AB"[k], "bytes",
                     "AB"[k]);
    (void)printf("\n");
    print_layers(s, width);
    (void)printf("%-*s", width, "total");
    print_cost(&s[0].total);
    print_cost(&s[1].total);
    (void)printf("\n%-*s  %11s %13s %11s\n", width, "A / B",
                 ratio_text(s[0].total.params, s[1].total.params, params, sizeof params),
                 ratio_text(s[0].total.macs, s[1].total.macs, macs, sizeof macs),
                 ratio_text(s[0].total.bytes, s[1].total.bytes, bytes, sizeof bytes));
    (void)printf("\nfor one sample; bytes are the layers' outputs\n");
}

/* ---- JSON ---- */

static void add_cost(cnn_text *out, const cost *c)
{
    cnn_text_add(out, "\"params\": %.0f, \"macs\": %.0f, \"bytes\": %.0f", c->params, c->macs,
                 c->bytes);
}

static void add_side(cnn_text *out, const side *s)
{
    cnn_text_add(out, "{\"pipeline\": ");
    cnn_text_add_json(out, s->path);
    cnn_text_add(out, ", ");
    add_cost(out, &s->total);
    cnn_text_add(out, ", \"layers\": [");
    for (uint32_t i = 0; i < s->graph->n_layers; i++) {
        const cost c = cost_of(s->graph, &s->graph->layers[i]);
        cnn_text_add(out, "%s\n  {\"layer\": ", i > 0 ? "," : "");
        cnn_text_add_json(out, s->graph->layers[i].path);
        cnn_text_add(out, ", ");
        add_cost(out, &c);
        cnn_text_add(out, "}");
    }
    cnn_text_add(out, "]}");
}

static void print_json(const side *s)
{
    cnn_text out = { 0 };
    cnn_text_add(&out, "[");
    add_side(&out, &s[0]);
    cnn_text_add(&out, ",\n");
    add_side(&out, &s[1]);
    (void)printf("%s]\n", cnn_text_get(&out));
    cnn_text_free(&out);
}

cnn_status summary_pair(cnn_context *context)
{
    const char *paths[SIDES] = { context->command.arguments[0], context->command.arguments[1] };
    side sides[SIDES];
    cnn_status status = CNN_OK;
    for (int k = 0; k < SIDES && status == CNN_OK; k++)
        status = open_side(context, paths[k], &sides[k]);
    if (status != CNN_OK)
        return status;
    if (cnn_command_option(&context->command, "json") != NULL)
        print_json(sides);
    else
        print_table(sides);
    return CNN_OK;
}
