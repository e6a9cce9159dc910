/* A layer without fault, for plugins that are wrong elsewhere. */
#ifndef CNNRUN_TESTS_LAYER_H
#define CNNRUN_TESTS_LAYER_H

#include <cnnrun/plugin.h>

static inline cnn_value give_input(cnn_builder *b, const void *params)
{
    (void)params;
    return cnn_input(b, 0);
}

#define GOOD_LAYER(layer_name)                                                                     \
    {                                                                                              \
        .c =                                                                                       \
            CNN_COMPONENT(cnn_layer, layer_name, 0, CNN_NO_PARAMS, "gives its input", layer_name), \
        .build = give_input                                                                        \
    }

/* What the plugin's struct has beside the magic. */
#define GOOD_HEAD(plugin_name)                                     \
    .name = (plugin_name), .version = "1.0.0", .license = "MIT-0", \
    .summary = "a plugin of the tests"

/* CNN_PLUGIN with another magic. */
#define PLUGIN_WITH_MAGIC(...)                            \
    CNN_EXTERN CNN_EXPORT const cnn_plugin cnnrun_plugin; \
    const cnn_plugin cnnrun_plugin = { __VA_ARGS__ }

#define POINTER_BITS ((uint32_t)(sizeof(void *) * 8))

#endif
