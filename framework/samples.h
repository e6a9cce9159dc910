/* samples: a small program for each op, with the gradients that follow from it. */
#ifndef CNNRUN_SAMPLES_H
#define CNNRUN_SAMPLES_H

#include "program.h"

enum { CNN_MOST_SAMPLES = 32, CNN_SAMPLE_CLASSES = 8 /* inputs of integers are below */ };

typedef struct cnn_sample {
    const char *name;     /* "conv2d, groups and stride" */
    const cnn_step *step; /* outputs: gradients of its inputs, and the loss; states: weights, to
                             which their gradients are assigned */
} cnn_sample;

/* Batches of four images of 8 x 8 x 8, and what else an op needs. Samples that plugins are missing
 * for are left out. Returns how many there are; they live in the registry's arena. [main] */
uint32_t cnn_samples_build(cnn_registry *registry, cnn_sample list[CNN_MOST_SAMPLES]);

#endif
