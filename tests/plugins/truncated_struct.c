/* A layer's struct without its last member. */
#include "layer.h"

static const cnn_layer layers[] = {
    { .c = { .size = (uint32_t)offsetof(cnn_layer, build),
             .name = "truncated_struct",
             .summary = "too short",
             .example = "truncated_struct" },
      .build = give_input },
};

CNN_PLUGIN(GOOD_HEAD("truncated_struct"), .layers = CNN_TABLE(layers));
