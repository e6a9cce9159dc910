/* What the files of graph and builder share. */
#ifndef CNNRUN_GRAPH_INTERNAL_H
#define CNNRUN_GRAPH_INTERNAL_H

#include "graph.h"

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

#endif
