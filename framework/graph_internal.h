/* What the files of graph and builder share. */
#ifndef CNNRUN_GRAPH_INTERNAL_H
#define CNNRUN_GRAPH_INTERNAL_H

#include "graph.h"

static inline cnn_graph *cnn_graph_of(cnn_builder *b)
{
    return (cnn_graph *)b;
}

static inline bool cnn_graph_has(const cnn_graph *graph, cnn_value v)
{
    return v >= 0 && (uint32_t)v < graph->n_values;
}

/* Appends a value; fills what follows from its kind. */
cnn_value cnn_graph_add_value(cnn_graph *graph, const char *name, const cnn_type *type,
                              cnn_value_kind kind, bool batched);

/* Sizes of at least 1 whose product fits, at most CNN_MAX_RANK axes, a known dtype. */
cnn_status cnn_type_check(const cnn_type *type, cnn_error *err);

/* The first error of the graph: "conv2d: ..." at the place of the layer that is being built, with
 * its trail. Later ones are dropped. hint may be "". */
CNN_PRINTF(3, 4)
void cnn_graph_fail(cnn_graph *graph, const char *hint, const char *format, ...);

/* Puts the trail of the layer being built on every error from number `first` on that has none. */
void cnn_graph_add_trails(cnn_graph *graph, size_t first);

/* A copy of an op's attributes in the arena, with everything they point to. */
void *cnn_attrs_copy(const cnn_op *op, const void *attrs, cnn_arena *arena);

/* Parts of the api: see builder.h. */
cnn_status cnn_builder_op(cnn_builder *b, const char *name, const void *attrs, const cnn_value *in,
                          uint32_t n_in, cnn_value *out, uint32_t n_out);
cnn_value cnn_builder_number(cnn_builder *b, double k);
cnn_value cnn_builder_expand(cnn_builder *b, cnn_value v, const cnn_type *type);
cnn_value cnn_builder_map(cnn_builder *b, uint32_t term_op, cnn_value x, cnn_value y, cnn_value z);

#endif
