/* Reverse-mode differentiation: appends the nodes that compute d loss / d value. */
#ifndef CNNRUN_AUTODIFF_H
#define CNNRUN_AUTODIFF_H

#include "graph.h"

/* Appends the backward pass of the scalar `loss` to the graph (phase BACKWARD) and returns in
 * grads[v] the gradient of every value that existed before and needs one, CNN_NONE for the others
 * (arena array of the old n_values). Wanted are the trained states and the `extra` values. Sums
 * where a value is used more than once, in order of use, so that the shape of the sum is fixed.
 * false after errors: a differentiable op on the way without gradient names its layer. */
bool cnn_autodiff(cnn_graph *graph, cnn_value loss, const cnn_value *extra, uint32_t n_extra,
                  cnn_value **grads);

#endif
