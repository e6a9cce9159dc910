/* What the optimizers do to a gradient before anything else. */
#ifndef CNNRUN_OPTIMIZERS_GRADIENT_H
#define CNNRUN_OPTIMIZERS_GRADIENT_H

#include <cnnrun/builder.h>

/* g, or -g to maximize, plus the gradient of weight_decay/2 |w|^2. */
static inline cnn_value decayed_gradient(cnn_builder *b, cnn_value w, cnn_value g,
                                         double weight_decay, bool maximize)
{
    if (maximize)
        g = cnn_neg(b, g);
    return weight_decay == 0.0 ? g : cnn_add(b, g, cnn_scale(b, w, weight_decay));
}

/* Makes a state of the weight's shape, zero at first. */
static inline cnn_value zero_state(cnn_builder *b, const char *name, cnn_value w)
{
    return cnn_state(b, name, *cnn_type_of(b, w), 0.0);
}

/* old * keep + new * (1 - keep) */
static inline cnn_value running_mean(cnn_builder *b, cnn_value old, cnn_value new_value,
                                     double keep)
{
    return cnn_add(b, cnn_scale(b, old, keep), cnn_scale(b, new_value, 1.0 - keep));
}

#endif
