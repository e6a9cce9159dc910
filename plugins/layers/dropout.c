/* dropout: in training each number is 0 with probability p, and the others grow by 1 / (1 - p)
 * (Srivastava et al., "Dropout", 2014). */
#include "layers.h"

typedef struct dropout_params {
    double p;
} dropout_params;

static const cnn_param params[] = {
    { CNN_FIELD(dropout_params, p, FLOAT), .def = "0.5", .min = 0, .max = 1,
      .help = "probability of a 0" },
};

static cnn_value build(cnn_builder *b, const void *params_)
{
    const dropout_params *p = params_;
    cnn_value x = cnn_input(b, 0);
    if (!layer_is_float(b, x))
        return CNN_NONE;
    if (cnn_get_mode(b) != CNN_TRAIN || p->p <= 0)
        return x;
    cnn_type type = *cnn_type_of(b, x);
    cnn_value dropped = cnn_lt(b, cnn_random(b, type), cnn_number(b, p->p));
    double scale = p->p < 1 ? 1 / (1 - p->p) : 0;
    return cnn_select(b, dropped, cnn_number(b, 0), cnn_scale(b, x, scale));
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "dropout", sizeof(dropout_params), CNN_TABLE(params),
                         "In training, replaces random numbers by 0.", "dropout: 0.5"),
      .build = build },
};

CNN_PLUGIN(.name = "dropout", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Dropout", .layers = CNN_TABLE(layers));
