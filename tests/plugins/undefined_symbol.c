#include "layer.h"

extern cnn_value not_to_be_found(cnn_builder *b, const void *params);

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "undefined_symbol", 0, CNN_NO_PARAMS, "calls nothing", ""),
      .build = not_to_be_found },
};

CNN_PLUGIN(GOOD_HEAD("undefined_symbol"), .layers = CNN_TABLE(layers));
