/* What the files of `look` share. */
#ifndef CNNRUN_LOOK_INTERNAL_H
#define CNNRUN_LOOK_INTERNAL_H

#include "look/look.h"
#include "run_internal.h"

typedef struct cnn_looker {
    const cnn_look_request *request;
    cnn_arena *arena;
    cnn_diags *diags;
    cnn_error *err;
    cnn_run *run;
    uint32_t split;

    /* cnn_look_build */
    cnn_graph *graph;
    const cnn_layer_record **layers; /* whose maps and filters are shown */
    uint32_t n_layers;
    const cnn_layer_record *cam; /* NULL: no Grad-CAM, for there is no class or no convolution */
    cnn_value mask;              /* per sample and class: 1 for the class that is asked about */
    int64_t target;              /* that class; -1: the predicted one */
    cnn_compiled program;        /* its extras: the layers' results, then A and dy/dA of cam */

    /* cnn_look_run */
    int64_t *predicted; /* per sample, or NULL */
    int32_t *labels;    /* per sample: its class, or NULL */
    float **numbers;    /* of the program's extras */
    uint32_t n_shown;
} cnn_looker;

cnn_status cnn_look_build(cnn_looker *look);
cnn_status
cnn_look_run(cnn_looker *look); /* reads the samples, predicts, then asks for gradients */
cnn_status cnn_look_show(cnn_looker *look);

/* The convolution's weight, a state of four axes named "<prefix>.weight", or NULL. */
const cnn_value_info *cnn_look_filters(const cnn_graph *graph, const cnn_layer_record *layer);

#endif
