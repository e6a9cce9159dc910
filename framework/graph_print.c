/* Graphs as text, one line per node, below a line per layer. */
#include "graph_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "expr.h"
#include "params.h"

typedef struct table {
    const void *values;
    uint32_t stride;
} table;

static const cnn_value_info *value_at(const table *t, cnn_value v)
{
    return (const cnn_value_info *)((const char *)t->values + (size_t)v * t->stride);
}

/* Inputs and states by name, others by number. */
static const char *value_text(const table *t, cnn_value v, char *out, size_t size)
{
    const cnn_value_info *info = value_at(t, v);
    bool named = info->kind == CNN_VALUE_INPUT || info->kind == CNN_VALUE_STATE;
    if (named && info->name != NULL)
        (void)snprintf(out, size, "%s", info->name);
    else
        (void)snprintf(out, size, "%%%d", v);
    return out;
}

static void print_list(const table *t, const cnn_value *values, uint32_t n, FILE *out)
{
    char name[256];
    for (uint32_t i = 0; i < n; i++)
        (void)fprintf(out, "%s%s", i > 0 ? ", " : "", value_text(t, values[i], name, sizeof name));
}

/* The expression, with the inputs' names in their places. */
static void print_map(const cnn_node *node, const table *t, FILE *out)
{
    const cnn_map_attrs *a = node->attrs;
    cnn_text names = { 0 }, text = { 0 };
    size_t *starts = calloc(node->n_in + 1, sizeof *starts);
    const char **pointers = calloc(node->n_in + 1, sizeof *pointers);
    if (starts == NULL || pointers == NULL)
        cnn_out_of_memory(node->n_in);
    for (uint32_t i = 0; i < node->n_in; i++) {
        char name[256];
        starts[i] = names.length;
        value_text(t, node->in[i], name, sizeof name);
        cnn_text_add_bytes(&names, name, strlen(name) + 1);
    }
    for (uint32_t i = 0; i < node->n_in; i++)
        pointers[i] = names.data + starts[i];
    cnn_expr_print(&a->expr, pointers, &text);
    (void)fprintf(out, "map %s", cnn_text_get(&text));
    cnn_text_free(&text);
    cnn_text_free(&names);
    free(starts);
    free(pointers);
}

static void print_call(const cnn_node *node, const table *t, FILE *out)
{
    char *attrs = NULL;
    size_t size = 0;
    (void)fprintf(out, "%s(", node->op->c.name);
    print_list(t, node->in, node->n_in, out);
    (void)fputc(')', out);
    FILE *memory = node->op->c.params.count > 0 ? open_memstream(&attrs, &size) : NULL;
    if (memory == NULL)
        return;
    cnn_params_print(&node->op->c.params, node->attrs, false, memory);
    (void)fclose(memory);
    if (size > 0)
        (void)fprintf(out, " {%s}", attrs);
    free(attrs);
}

void cnn_node_print(const cnn_node *node, const void *values, uint32_t value_stride, FILE *out)
{
    const table t = { values, value_stride };
    print_list(&t, node->out, node->n_out, out);
    if (node->n_out > 0)
        (void)fputs(" = ", out);
    if (strcmp(node->op->c.name, "map") == 0)
        print_map(node, &t, out);
    else
        print_call(node, &t, out);
    for (uint32_t i = 0; i < node->n_out; i++) {
        char type[160];
        cnn_type_text(&value_at(&t, node->out[i])->type, true, type, sizeof type);
        (void)fprintf(out, "%s%s", i == 0 ? " : " : ", ", type);
    }
}

/* ---- graphs */

static void print_value(const cnn_graph *g, const char *what, cnn_value v, FILE *out)
{
    const table t = { g->values, sizeof *g->values };
    char name[256], type[160];
    cnn_type_text(&g->values[v].type, true, type, sizeof type);
    (void)fprintf(out, "%s %s : %s", what, value_text(&t, v, name, sizeof name), type);
}

static void print_leaves(const cnn_graph *g, FILE *out)
{
    for (uint32_t i = 0; i < g->n_values; i++)
        if (g->values[i].kind == CNN_VALUE_INPUT) {
            print_value(g, "input", (cnn_value)i, out);
            (void)fputc('\n', out);
        }
    for (uint32_t i = 0; i < g->n_states; i++) {
        const cnn_value_info *v = &g->values[g->states[i].value];
        print_value(g, v->trained ? "weight" : "state", g->states[i].value, out);
        (void)fprintf(out, "%s\n", g->states[i].frozen ? " frozen" : "");
    }
    for (uint32_t i = 0; i < g->n_values; i++)
        if (g->values[i].kind == CNN_VALUE_CONST) {
            print_value(g, "constant", (cnn_value)i, out);
            (void)fputc('\n', out);
        }
}

static const cnn_layer_record *starting_at(const cnn_graph *g, uint32_t *record, uint32_t node)
{
    while (*record < g->n_layers && g->layers[*record].first_node < node)
        (*record)++;
    bool here = *record < g->n_layers && g->layers[*record].first_node == node;
    return here ? &g->layers[(*record)++] : NULL;
}

/* "# 2.conv2d  conv2d out_channels: 10, kernel_size: 5"; layers that write no nodes have a line
 * too. */
static void print_layers(const cnn_graph *g, uint32_t *record, uint32_t node, FILE *out)
{
    const cnn_layer_record *r;
    while ((r = starting_at(g, record, node)) != NULL) {
        (void)fprintf(out, "# %s  %s", r->path, r->type);
        (void)fprintf(out, "%s%s\n", r->options[0] != '\0' ? " " : "", r->options);
    }
}

static const char *phase_text(uint32_t phase)
{
    static const char *const names[] = { "", "forward", "loss", "backward", "update" };
    return phase <= CNN_PHASE_UPDATE ? names[phase] : "";
}

/* The loss is a layer without a record; gradients and updates belong to others. */
static void print_origin(const cnn_graph *g, uint32_t i, FILE *out)
{
    const cnn_node *node = &g->nodes[i], *before = i > 0 ? node - 1 : NULL;
    bool same =
        before != NULL && before->phase == node->phase && strcmp(before->layer, node->layer) == 0;
    if (same || node->phase == CNN_PHASE_FORWARD)
        return;
    if (node->phase == CNN_PHASE_LOSS)
        (void)fprintf(out, "# %s\n", node->layer);
    else
        (void)fprintf(out, "# %s  %s\n", node->layer, phase_text(node->phase));
}

static void print_results(const cnn_graph *g, FILE *out)
{
    const table t = { g->values, sizeof *g->values };
    char name[256], value[256];
    if (g->output != CNN_NONE)
        (void)fprintf(out, "output %s\n", value_text(&t, g->output, name, sizeof name));
    if (g->loss != CNN_NONE)
        (void)fprintf(out, "loss %s\n", value_text(&t, g->loss, name, sizeof name));
    for (uint32_t i = 0; i < g->n_metrics; i++)
        (void)fprintf(out, "metric %s %s\n", g->metrics[i].name,
                      value_text(&t, g->metrics[i].value, name, sizeof name));
    for (uint32_t i = 0; i < g->n_assigns; i++)
        (void)fprintf(out, "%s := %s\n", value_text(&t, g->assigns[i].state, name, sizeof name),
                      value_text(&t, g->assigns[i].value, value, sizeof value));
}

void cnn_graph_print(const cnn_graph *graph, FILE *out)
{
    uint32_t record = 0;
    print_leaves(graph, out);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const cnn_node *node = &graph->nodes[i];
        print_layers(graph, &record, i, out);
        print_origin(graph, i, out);
        cnn_node_print(node, graph->values, sizeof *graph->values, out);
        (void)fputc('\n', out);
    }
    print_layers(graph, &record, graph->n_nodes, out);
    print_results(graph, out);
}
