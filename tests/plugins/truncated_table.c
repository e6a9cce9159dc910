/* The plugin's struct ends before the tables. */
#include "layer.h"

static const cnn_layer layers[] = { GOOD_LAYER("truncated_table") };

PLUGIN_WITH_MAGIC(.magic = { "cnnrun", CNN_ABI_MAJOR, CNN_ABI_MINOR, POINTER_BITS,
                             (uint32_t)offsetof(cnn_plugin, layers) },
                  GOOD_HEAD("truncated_table"), .layers = CNN_TABLE(layers));
