/* Layers say what to compute, in ops; losses and metrics are layers that read the target. */
#ifndef CNNRUN_LAYER_H
#define CNNRUN_LAYER_H

#include "builder.h"
#include "ops.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cnn_layer_role {
    CNN_ROLE_LAYER = 0,
    CNN_ROLE_JOIN,   /* takes the results of its branches (or of `from:`), two or more */
    CNN_ROLE_LOSS,   /* input 0 and the target -> scalar: the mean over the batch, as PyTorch's
                        reduction="mean" */
    CNN_ROLE_METRIC, /* input 0 and the target -> any tensor: a SUM over the samples of the batch */
} cnn_layer_role;

/* How a metric's sum over a data set becomes its result. */
typedef enum cnn_metric_kind {
    CNN_METRIC_MEAN = 0, /* divided by the number of samples */
    CNN_METRIC_PERCENT,  /* the same, shown as a percentage */
    CNN_METRIC_COUNTS,   /* shown as counts: rows are targets, columns predictions */
    CNN_METRIC_ERROR,    /* divided by the number of samples; the smaller the better, where of the
                            others a larger result is better */
} cnn_metric_kind;

typedef struct cnn_layer {
    cnn_component c;
    uint32_t role;   /* cnn_layer_role */
    uint32_t metric; /* cnn_metric_kind */

    /* Builds the layer from its inputs and typed, checked parameters; returns its result. Called
     * once per mode and batch size with the same parameters; must be pure. Errors through
     * cnn_reject. [main] */
    cnn_value (*build)(cnn_builder *, const void *params);
} cnn_layer;

#ifdef __cplusplus
}
#endif
#endif
