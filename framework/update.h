/* The optimizer's part of a training step. */
#ifndef CNNRUN_UPDATE_H
#define CNNRUN_UPDATE_H

#include "graph.h"

/* Does an observer of the pipeline want the norms of the gradients? */
bool cnn_wants_gradients(const cnn_config *config);

/* Appends graph->gradients: of each weight that is updated, by name, the sum of the squares of
 * CNN_GRADIENT_SCALE times its gradient. The scale is a power of two, so it costs no digit; with it
 * norms from 1e-28 to 4e9 have squares that f32 can hold. (gradients.c) */
#define CNN_GRADIENT_SCALE 4294967296.0
void cnn_measure_gradients(cnn_graph *graph, const cnn_value *grads, uint32_t n_grads);

/* Is a state of the model trained, not frozen, and does it have a gradient? */
bool cnn_is_updated(const cnn_graph *graph, const cnn_state_init *state, const cnn_value *grads,
                    uint32_t n_grads);

/* Appends (phase UPDATE), for each trained, not frozen state with a gradient: gradient clipping if
 * configured, the optimizer's update, and guards every assignment of the graph with "the loss is
 * finite", so that a diverged step leaves weights, momenta and running statistics as they were. */
bool cnn_update(cnn_graph *graph, const cnn_config *config, cnn_value *grads, uint32_t n_grads);

#endif
