/* Optimizers write their update as ops on the weight, its gradient and their own states; schedules
 * give the learning rate. */
#ifndef CNNRUN_OPTIMIZER_H
#define CNNRUN_OPTIMIZER_H

#include "builder.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CNN_MAX_SCALARS 8

typedef struct cnn_optimizer {
    cnn_component c;    /* one parameter must be the double `lr` */
    uint32_t n_scalars; /* numbers that change from step to step, 1 to CNN_MAX_SCALARS; [0] is the
                           learning rate */
    uint32_t reserved;

    /* Fills out[0..n_scalars): out[0] is `lr` already. step counts from 1. Host arithmetic in
     * double, so that bias corrections are exact. NULL if n_scalars is 1. [loop] */
    void (*scalars)(const void *params, int64_t step, double *out);

    /* Emits the update of one weight: cnn_state for its own tensors, cnn_assign for the new values.
     * scalars[i] are rank-0 values. [main] */
    void (*update)(cnn_builder *, const void *params, cnn_value weight, cnn_value gradient,
                   const cnn_value *scalars);
} cnn_optimizer;

/* Where training stands. */
typedef struct cnn_progress {
    int64_t step;            /* finished steps, from 0 */
    int64_t steps_per_epoch; /* at least 1 */
    int64_t total_steps;
    double base_lr; /* the optimizer's lr */
} cnn_progress;

/* PyTorch's schedulers. Epoch-wise ones change once an epoch (epoch = step / steps_per_epoch,
 * integer division). */
typedef struct cnn_schedule {
    cnn_component c;
    double (*lr)(const void *params, const cnn_progress *); /* pure; [loop] */
} cnn_schedule;

#ifdef __cplusplus
}
#endif
#endif
