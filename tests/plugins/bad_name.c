#include "layer.h"

static const cnn_layer layers[] = { GOOD_LAYER("Bad-Name") };

CNN_PLUGIN(GOOD_HEAD("bad_name"), .layers = CNN_TABLE(layers));
