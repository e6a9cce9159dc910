#include "layer.h"

static const cnn_layer layers[] = { GOOD_LAYER("other_minor") };

PLUGIN_WITH_MAGIC(.magic = { "cnnrun", CNN_ABI_MAJOR, CNN_ABI_MINOR + 1, POINTER_BITS,
                             sizeof(cnn_plugin) },
                  GOOD_HEAD("other_minor"), .layers = CNN_TABLE(layers));
