/* swish: x * sigmoid(beta * x). Built from ops, so it trains on every backend without a kernel. */
#include <cnnrun/plugin.h>

typedef struct swish_params {
    double beta;
} swish_params;

static const cnn_param params[] = {
    { CNN_FIELD(swish_params, beta, FLOAT), .def = "1", .help = "slope of the sigmoid" },
};

static cnn_value build(cnn_builder *b, const void *options)
{
    const swish_params *p = options;
    cnn_value x = cnn_input(b, 0);
    return cnn_mul(b, x, cnn_sigmoid(b, cnn_scale(b, x, p->beta)));
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "swish", sizeof(swish_params), CNN_TABLE(params),
                         "x * sigmoid(beta * x).", "swish: {beta: 1.5}"),
      .build = build },
};

CNN_PLUGIN(.name = "swish", .version = "1.0.0", .license = "MIT", .summary = "Swish activation",
           .layers = CNN_TABLE(layers));
