/* Built twice, under two names. */
#include "layer.h"

static const cnn_layer layers[] = { GOOD_LAYER("duplicate") };

CNN_PLUGIN(GOOD_HEAD(PLUGIN_NAME), .layers = CNN_TABLE(layers));
