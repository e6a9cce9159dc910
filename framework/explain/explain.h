/* explain: one number of a network worked out step by step, and checked against the reference
 * backend. It reads the nodes of the graph, so layers of plugins are explained as ours are. */
#ifndef CNNRUN_EXPLAIN_H
#define CNNRUN_EXPLAIN_H

#include "graph.h"

typedef struct cnn_explain_request {
    const char *layer;    /* path, prefix or name; NULL: the first one that computes something */
    const char *element;  /* "y,x", or more axes; NULL: the first element */
    const char *gradient; /* "input", or the name of a weight; NULL: the result */
    const char *weights;  /* a file or a run's directory, or NULL */
    uint32_t mode;        /* cnn_mode; 0: as it fits */
    uint32_t split;       /* CNN_SPLIT_COUNT: the one for tests */
    int64_t channel;      /* -1: the first, or the one of `element` */
    int64_t sample;       /* of the split */
    int64_t batch;        /* samples in the step, from `sample` on */
    const char *pipeline; /* for the commands that are listed */
    bool all;             /* nothing is shortened */
    bool colour;
} cnn_explain_request;

/* Explains on `out`. *agrees: are all numbers those of the reference backend? Errors of the
 * pipeline are in diags and give CNN_INVALID with an empty error text. The config is changed: it
 * runs on the reference backend afterwards. [main] */
cnn_status cnn_explain(cnn_config *config, cnn_registry *registry, const cnn_data_shape *shape,
                       const cnn_explain_request *request, cnn_arena *arena, cnn_diags *diags,
                       FILE *out, bool *agrees, cnn_error *err);

#endif
