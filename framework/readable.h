/* readable: a step whose layers can be looked into. Results of layers and gradients, temporaries
 * otherwise, are outputs, so that every backend has to bind them. */
#ifndef CNNRUN_READABLE_H
#define CNNRUN_READABLE_H

#include "program.h"

typedef enum cnn_reading_kind {
    CNN_READ_FORWARD,  /* a layer's result */
    CNN_READ_GRADIENT, /* of the loss with respect to it */
    CNN_READ_WEIGHT,   /* gradient of a weight */
    CNN_READ_STATE,    /* a state after the step */
    CNN_READ_STEP,     /* loss, output and states of the step as it is without these outputs */
} cnn_reading_kind;

typedef struct cnn_reading {
    uint32_t kind;     /* cnn_reading_kind */
    const char *layer; /* path */
    const char *name;  /* of a weight or state, or "" */
    int32_t value;     /* of the program, an OUTPUT */
} cnn_reading;

typedef struct cnn_readable {
    cnn_step *step;
    cnn_reading *readings; /* in the order in which the program makes them */
    uint32_t count;
} cnn_readable;

/* As cnn_step_build, with all f32 results of layers and gradients as outputs. false after errors in
 * diags. */
bool cnn_readable_build(const cnn_config *config, cnn_registry *registry,
                        const cnn_data_shape *data, uint32_t mode, int64_t batch, cnn_arena *arena,
                        cnn_diags *diags, cnn_readable *readable);

/* Path of the layer that a state belongs to, or "" */
const char *cnn_layer_of_state(const cnn_graph *graph, const char *name);

#endif
