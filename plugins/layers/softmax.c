/* softmax, log_softmax. */
#include "layers.h"

typedef struct softmax_params {
    int64_t dim;
} softmax_params;

static const cnn_param params[] = {
    { CNN_FIELD(softmax_params, dim, INT), .def = "1", .min = -CNN_MAX_RANK,
      .max = CNN_MAX_RANK - 1,
      .help = "axis whose numbers become probabilities; 1 is the channels, -1 the last" },
};

static cnn_value build(cnn_builder *b, const softmax_params *p, bool log)
{
    cnn_value x = cnn_input(b, 0);
    if (!layer_is_float(b, x))
        return CNN_NONE;
    int64_t rank = cnn_type_of(b, x)->rank;
    int64_t axis = p->dim < 0 ? p->dim + rank : p->dim;
    if (axis < 1 || axis >= rank)
        return cnn_reject(
            b, "dim %" PRId64 " is none of the axes 1 to %" PRId64 " (axis 0 is the batch)", p->dim,
            rank - 1);
    cnn_softmax_attrs a = { axis, log };
    return cnn_op1(b, "softmax", &a, &x, 1);
}

static cnn_value build_softmax(cnn_builder *b, const void *p)
{
    return build(b, p, false);
}

static cnn_value build_log(cnn_builder *b, const void *p)
{
    return build(b, p, true);
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "softmax", sizeof(softmax_params), CNN_TABLE(params),
                         "exp(x) / sum(exp(x)): scores become probabilities.", "softmax"),
      .build = build_softmax },
    { .c = CNN_COMPONENT(cnn_layer, "log_softmax", sizeof(softmax_params), CNN_TABLE(params),
                         "The logarithm of softmax, without its rounding.", "log_softmax"),
      .build = build_log },
};

CNN_PLUGIN(.name = "softmax", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Softmax and its logarithm", .layers = CNN_TABLE(layers));
