/* Padding and bias, shared by conv2d and conv_transpose2d. */
#ifndef CNNRUN_PLUGINS_CONV_H
#define CNNRUN_PLUGINS_CONV_H

#include "layers.h"

/* y + bias[C] if the layer has one; fan_in is that of the weight. */
static inline cnn_value conv_bias(cnn_builder *b, cnn_value y, bool bias, int64_t channels,
                                  int64_t fan_in)
{
    if (!bias)
        return y;
    cnn_value v = cnn_weight(b, "bias", cnn_type1(CNN_F32, channels), layer_uniform(fan_in));
    return cnn_add(b, y, cnn_per_channel(b, v, y));
}

static inline bool conv_divides(cnn_builder *b, int64_t groups, int64_t channels, const char *what)
{
    if (channels % groups == 0)
        return true;
    cnn_reject(b,
               "groups %" PRId64 " does not divide the %" PRId64 " %s channels: %" PRId64
               " / %" PRId64 " leaves %" PRId64,
               groups, channels, what, channels, groups, channels % groups);
    return false;
}

#endif
