/* Marks what a layer makes as outputs, between the graph and the frozen program. */
#include "readable.h"

#include <stdlib.h>
#include <string.h>

typedef struct marker {
    const cnn_graph *graph;
    cnn_reading *readings;
    cnn_value *values; /* of the graph, one per reading */
    uint32_t count;
} marker;

const char *cnn_layer_of_state(const cnn_graph *graph, const char *name)
{
    const char *path = "";
    size_t longest = 0;
    for (uint32_t i = 0; i < graph->n_layers; i++) {
        const cnn_layer_record *layer = &graph->layers[i];
        size_t length = strlen(layer->prefix);
        if (length > longest && strncmp(name, layer->prefix, length) == 0 && name[length] == '.') {
            longest = length;
            path = layer->path;
        }
    }
    return path;
}

static void add(marker *m, uint32_t kind, const char *layer, const char *name, cnn_value value)
{
    if (value == CNN_NONE || m->graph->values[value].type.dtype != CNN_F32)
        return;
    m->readings[m->count] = (cnn_reading){ .kind = kind, .layer = layer, .name = name };
    m->values[m->count++] = value;
}

static void add_all(marker *m, const cnn_grads *grads)
{
    const cnn_graph *g = m->graph;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        const cnn_layer_record *layer = &g->layers[i];
        add(m, CNN_READ_FORWARD, layer->path, "", layer->out);
        if (layer->out >= 0 && (uint32_t)layer->out < grads->count)
            add(m, CNN_READ_GRADIENT, layer->path, "", grads->values[layer->out]);
    }
    for (uint32_t i = 0; i < g->n_states; i++) {
        cnn_value v = g->states[i].value;
        const char *name = g->values[v].name;
        if (g->values[v].trained != 0 && (uint32_t)v < grads->count)
            add(m, CNN_READ_WEIGHT, cnn_layer_of_state(g, name), name, grads->values[v]);
    }
}

/* Values have the numbers of their making: in the order of the program. Of one value the result of
 * the layer comes first. */
static int by_value(const void *left, const void *right)
{
    const cnn_reading *a = left, *b = right;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->kind < b->kind ? -1 : a->kind > b->kind;
}

bool cnn_readable_build(const cnn_config *config, cnn_registry *registry,
                        const cnn_data_shape *data, uint32_t mode, int64_t batch, cnn_arena *arena,
                        cnn_diags *diags, cnn_readable *readable)
{
    cnn_grads grads;
    cnn_graph *graph =
        cnn_step_graph(config, registry, data, mode, batch, true, arena, diags, &grads);
    if (graph == NULL)
        return false;
    uint32_t most = 2 * graph->n_layers + graph->n_states;
    marker m = { .graph = graph };
    m.readings = CNN_NEW_ARRAY(arena, cnn_reading, most);
    m.values = CNN_NEW_ARRAY(arena, cnn_value, most);
    add_all(&m, &grads);
    readable->step = cnn_step_from(graph, m.values, m.count);
    for (uint32_t i = 0; i < m.count; i++)
        m.readings[i].value = readable->step->extras[i];
    qsort(m.readings, m.count, sizeof *m.readings, by_value);
    readable->readings = m.readings;
    readable->count = m.count;
    return !graph->failed;
}
