/* The optimizer's part of a training step. */
#ifndef CNNRUN_UPDATE_H
#define CNNRUN_UPDATE_H

#include "graph.h"

/* Appends (phase UPDATE), for each trained, not frozen state with a gradient: gradient clipping if
 * configured, the optimizer's update, and guards every assignment of the graph with "the loss is
 * finite", so that a diverged step leaves weights, momenta and running statistics as they were. */
bool cnn_update(cnn_graph *graph, const cnn_config *config, cnn_value *grads, uint32_t n_grads);

#endif
