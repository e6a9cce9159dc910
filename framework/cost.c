/* What a graph costs: multiply-adds and trained numbers. */
#include "graph.h"

double cnn_node_macs(const cnn_node *node, const void *values, uint32_t value_stride)
{
    enum { MAX_OPERANDS = 16 }; /* ops that count have two or three */
    cnn_type in[MAX_OPERANDS], out[MAX_OPERANDS];
    if (node->op->macs == NULL || node->n_in > MAX_OPERANDS || node->n_out > MAX_OPERANDS)
        return 0;
    const char *first = values;
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = ((const cnn_value_info *)(const void *)(first + (size_t)node->in[i] * value_stride))
                    ->type;
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] =
            ((const cnn_value_info *)(const void *)(first + (size_t)node->out[i] * value_stride))
                ->type;
    return node->op->macs(node->attrs, in, out);
}

double cnn_graph_macs(const cnn_graph *graph, uint32_t first_node, uint32_t end_node)
{
    double macs = 0;
    for (uint32_t n = first_node; n < end_node; n++)
        macs += cnn_node_macs(&graph->nodes[n], graph->values, sizeof *graph->values);
    return macs;
}

int64_t cnn_graph_params(const cnn_graph *graph)
{
    int64_t params = 0;
    for (uint32_t i = 0; i < graph->n_layers; i++)
        params += graph->layers[i].params;
    return params;
}
