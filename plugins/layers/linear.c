/* linear: y = x W^T + b on the last axis. */
#include "layers.h"

typedef struct linear_params {
    cnn_ints out_features;
    bool bias;
} linear_params;

static const cnn_param params[] = {
    { CNN_FIELD(linear_params, out_features, INTS), .choices = "classes", .min = 1,
      .max = LAYER_MAX_SIZE, .min_count = 1, .max_count = 1,
      .help = "how many numbers come out; classes: as many as the data set has" },
    { CNN_FIELD(linear_params, bias, BOOL), .def = "true", .help = "add a trained number to each" },
};

static bool check(cnn_builder *b, cnn_value x)
{
    char shape[128];
    if (!layer_is_float(b, x))
        return false;
    const cnn_type *t = cnn_type_of(b, x);
    if (t->rank == 4) {
        cnn_reject_hint(b, "put `flatten` first",
                        "wants a list of features, but its input is an image: %s = %" PRId64
                        " numbers",
                        layer_shape(t, shape, sizeof shape), cnn_span(t, 1, t->rank));
        return false;
    }
    if (t->rank < 2) {
        cnn_reject(b, "wants a list of features, but its input is %s",
                   layer_shape(t, shape, sizeof shape));
        return false;
    }
    return true;
}

/* The number that was given, or the data set's classes; 0 after an error. */
static int64_t out_features(cnn_builder *b, const linear_params *p)
{
    if (p->out_features.choice < 0)
        return p->out_features.v[0];
    if (cnn_classes(b) == 0)
        cnn_reject_hint(b, "give `out_features` as a number",
                        "out_features: classes needs a data set with classes");
    return cnn_classes(b);
}

static cnn_value build(cnn_builder *b, const void *params_)
{
    const linear_params *p = params_;
    cnn_value x = cnn_input(b, 0);
    int64_t outputs = out_features(b, p);
    if (!check(b, x) || outputs == 0)
        return CNN_NONE;
    cnn_type in = *cnn_type_of(b, x);
    int64_t features = in.dim[in.rank - 1];
    int64_t rows[2] = { cnn_span(&in, 0, in.rank - 1), features };
    cnn_value w =
        cnn_weight(b, "weight", cnn_type2(CNN_F32, outputs, features), layer_uniform(features));
    if (in.rank > 2)
        x = cnn_reshape(b, x, 2, rows);
    cnn_value y = cnn_matmul(b, x, w, false, true);
    if (p->bias)
        y = cnn_add(b, y,
                    cnn_weight(b, "bias", cnn_type1(CNN_F32, outputs), layer_uniform(features)));
    in.dim[in.rank - 1] = outputs;
    return in.rank > 2 ? cnn_reshape(b, y, in.rank, in.dim) : y;
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "linear", sizeof(linear_params), CNN_TABLE(params),
                         "Fully connected: every output is a weighted sum of all features.",
                         "linear: classes"),
      .build = build },
};

CNN_PLUGIN(.name = "linear", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Fully connected layer", .layers = CNN_TABLE(layers));
