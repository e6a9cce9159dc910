#include "layer.h"

static const cnn_layer layers[] = { GOOD_LAYER("twice"), GOOD_LAYER("twice") };

CNN_PLUGIN(GOOD_HEAD("twice"), .layers = CNN_TABLE(layers));
