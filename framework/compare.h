/* compare: one step on one batch, everything that it makes, and how far two backends are apart. */
#ifndef CNNRUN_COMPARE_H
#define CNNRUN_COMPARE_H

#include "readable.h"
#include "run.h"

typedef struct cnn_observed {
    uint32_t kind;     /* cnn_reading_kind */
    const char *layer; /* path, "" if it belongs to none */
    const char *name;  /* of a weight or state, "" */
    const char *op;    /* that makes it, "" */
    int64_t count;
    float *numbers; /* malloc'd */
} cnn_observed;

typedef struct cnn_observation {
    cnn_observed *items; /* in program order, then the states, then the plain step */
    uint32_t count;
} cnn_observation;

/* Runs the step of `mode` twice from the same states, once with readable layers and once as it is,
 * on the first `batch` samples, and notes what came out. Fails if a split has too few samples. */
cnn_status cnn_observe(cnn_run *run, uint32_t mode, int64_t batch, cnn_observation *observation,
                       cnn_error *err);
void cnn_observation_free(cnn_observation *observation);

/* How far two values are apart. */
typedef struct cnn_distance {
    double
        absolute; /* largest |a - b|; infinite if one only is NaN, or they have other infinities */
    double relative; /* that, over the largest finite |a| */
} cnn_distance;

cnn_distance cnn_distance_of(const float *a, const float *b, int64_t count);

/* Errors below are rounding of numbers about 1, even where all of the value is cancellation. */
#define CNN_ROUNDING 1e-7
bool cnn_is_near(cnn_distance distance, double tolerance);

#endif
