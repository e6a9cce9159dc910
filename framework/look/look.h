/* look: what a network has learnt and what it makes of samples, as numbers for pictures: filters,
 * feature maps, and Grad-CAM. An observer draws them. */
#ifndef CNNRUN_LOOK_H
#define CNNRUN_LOOK_H

#include "config.h"

typedef struct cnn_look_request {
    const char *const *layers; /* paths, prefixes or names; none: all convolutions */
    uint32_t n_layers;
    const char *cam; /* layer of Grad-CAM; NULL: the last convolution */
    const int64_t *samples;
    uint32_t n_samples;  /* at least 1 */
    uint32_t split;      /* CNN_SPLIT_COUNT: the one for tests */
    const char *target;  /* class of Grad-CAM, number or name; NULL: the predicted one */
    int64_t most, scale; /* as in cnn_picture */
    const char *weights; /* file or run's directory; NULL: the initial ones */
    const char *dir;     /* for the pictures */
} cnn_look_request;

/* Shows all pictures to the observer `gallery`; *count is how many there were. Errors of the
 * pipeline are in diags and give CNN_INVALID with an empty error text. [main] */
cnn_status cnn_look(const cnn_config *config, cnn_registry *registry,
                    const cnn_look_request *request, cnn_arena *arena, cnn_diags *diags,
                    uint32_t *count, cnn_error *err);

#endif
