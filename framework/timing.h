/* timing: how long whole steps and their layers take. */
#ifndef CNNRUN_TIMING_H
#define CNNRUN_TIMING_H

#include "run.h"

enum { CNN_TIMED_PHASES = 3 }; /* forward with loss, backward, update */

typedef struct cnn_layer_time {
    const char *layer;                /* path */
    double seconds[CNN_TIMED_PHASES]; /* of one step */
    double macs;                      /* of all phases */
    double bytes;                     /* of the nodes' inputs and outputs */
} cnn_layer_time;

typedef struct cnn_timing {
    double median, least, most; /* seconds of a step, the batch being in memory */
    cnn_layer_time *layers;     /* in program order; NULL: a backend cannot time nodes */
    uint32_t n_layers;
} cnn_timing;

/* Two steps to warm up, then `steps` whole ones: no layers. */
cnn_status cnn_time_steps(cnn_run *run, uint32_t mode, int64_t batch, uint32_t steps,
                          cnn_timing *timing, cnn_error *err);

/* The same, then as many steps with each node timed. */
cnn_status cnn_time(cnn_run *run, uint32_t mode, int64_t batch, uint32_t steps, cnn_timing *timing,
                    cnn_error *err);

#endif
