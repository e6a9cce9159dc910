/* Built against later headers of the same ABI: every struct has a tail that this host does not
 * know. */
#include "layer.h"

typedef struct later_layer {
    cnn_layer now;
    void *later[3];
} later_layer;

typedef struct later_plugin {
    cnn_plugin now;
    cnn_table later;
} later_plugin;

#define LATER_LAYER(layer_name)                                                                   \
    {                                                                                             \
        .now = { .c = CNN_COMPONENT(later_layer, layer_name, 0, CNN_NO_PARAMS, "of a later host", \
                                    layer_name),                                                  \
                 .build = give_input },                                                           \
    }

static const later_layer layers[] = { LATER_LAYER("enlarged"), LATER_LAYER("enlarged_too") };

CNN_EXTERN CNN_EXPORT const later_plugin cnnrun_plugin;
const later_plugin cnnrun_plugin = {
    .now = { .magic = { "cnnrun", CNN_ABI_MAJOR, CNN_ABI_MINOR, POINTER_BITS,
                        sizeof(later_plugin) },
             GOOD_HEAD("enlarged"),
             .layers = CNN_TABLE(layers) },
};
