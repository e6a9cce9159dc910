#include "layer.h"

static const cnn_layer layers[] = { GOOD_LAYER("wrong_magic") };

PLUGIN_WITH_MAGIC(.magic = { "cnnwalk", CNN_ABI_MAJOR, CNN_ABI_MINOR, POINTER_BITS,
                             sizeof(cnn_plugin) },
                  GOOD_HEAD("wrong_magic"), .layers = CNN_TABLE(layers));
