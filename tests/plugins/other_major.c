#include "layer.h"

static const cnn_layer layers[] = { GOOD_LAYER("other_major") };

PLUGIN_WITH_MAGIC(.magic = { "cnnrun", CNN_ABI_MAJOR + 1, CNN_ABI_MINOR, POINTER_BITS,
                             sizeof(cnn_plugin) },
                  GOOD_HEAD("other_major"), .layers = CNN_TABLE(layers));
