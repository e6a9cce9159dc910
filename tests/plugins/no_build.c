#include "layer.h"

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "no_build", 0, CNN_NO_PARAMS, "cannot be built", "no_build"),
      .build = NULL },
};

CNN_PLUGIN(GOOD_HEAD("no_build"), .layers = CNN_TABLE(layers));
