/* batch_norm2d: normalises each channel, by the batch in training and by running statistics
 * otherwise (Ioffe and Szegedy, "Batch Normalization", 2015). */
#include "layers.h"

typedef struct norm_params {
    double eps, momentum;
    bool affine, track_running_stats;
} norm_params;

static const cnn_param params[] = {
    { CNN_FIELD(norm_params, eps, FLOAT), .def = "1e-5", .min = 0, .max = 1,
      .help = "added to the variance, so that its root is never 0" },
    { CNN_FIELD(norm_params, momentum, FLOAT), .def = "0.1", .min = 0, .max = 1,
      .help = "weight of the newest batch in the running statistics" },
    { CNN_FIELD(norm_params, affine, BOOL), .def = "true",
      .help = "a trained factor and summand for each channel" },
    { CNN_FIELD(norm_params, track_running_stats, BOOL), .def = "true",
      .help = "keep statistics for evaluation; otherwise the batch's own are always used" },
};

/* A trained vector, or the constant where the layer is not affine. */
static cnn_value vector(cnn_builder *b, const char *name, cnn_type type, bool trained, double k)
{
    if (trained)
        return cnn_weight(b, name, type, (cnn_init){ CNN_INIT_CONSTANT, k, 0 });
    return cnn_expand(b, cnn_number(b, k), type);
}

/* running := (1 - m) running + m batch */
static void track(cnn_builder *b, cnn_value running, cnn_value batch, double momentum)
{
    cnn_value old = cnn_scale(b, running, 1 - momentum);
    cnn_assign(b, running, cnn_add(b, old, cnn_scale(b, batch, momentum)));
}

/* x * scale + shift with scale = w / sqrt(var + eps), shift = bias - mean * scale: the small
 * vectors first, so that the image is touched once. */
static cnn_value by_running(cnn_builder *b, cnn_value x, const cnn_value stats[2], cnn_value w,
                            cnn_value bias, double eps)
{
    cnn_value scale = cnn_mul(b, w, cnn_rsqrt(b, cnn_offset(b, stats[1], eps)));
    cnn_value shift = cnn_sub(b, bias, cnn_mul(b, stats[0], scale));
    cnn_value scaled = cnn_mul(b, x, cnn_per_channel(b, scale, x));
    return cnn_add(b, scaled, cnn_per_channel(b, shift, x));
}

static cnn_value build(cnn_builder *b, const void *params_)
{
    const norm_params *p = params_;
    cnn_value x = cnn_input(b, 0);
    cnn_value stats[2] = { CNN_NONE, CNN_NONE }, out[3];
    if (!layer_is_image(b, x))
        return CNN_NONE;
    cnn_type type = cnn_type1(CNN_F32, cnn_dim(b, x, 1));
    cnn_value w = vector(b, "weight", type, p->affine, 1);
    cnn_value bias = vector(b, "bias", type, p->affine, 0);
    if (p->track_running_stats) {
        stats[0] = cnn_state(b, "running_mean", type, 0);
        stats[1] = cnn_state(b, "running_var", type, 1);
        if (cnn_get_mode(b) != CNN_TRAIN)
            return by_running(b, x, stats, w, bias, p->eps);
    }

    cnn_batch_norm_attrs a = { p->eps };
    cnn_value in[3] = { x, w, bias };
    if (cnn_op_n(b, "batch_norm", &a, in, 3, out, 3) != CNN_OK)
        return CNN_NONE;
    if (p->track_running_stats) {
        /* The op's variance divides by n; the running one is PyTorch's, by n - 1. */
        double n = (double)(cnn_count(cnn_type_of(b, x)) / type.dim[0]);
        track(b, stats[0], out[1], p->momentum);
        track(b, stats[1], cnn_scale(b, out[2], n / (n - 1)), p->momentum);
    }
    return out[0];
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "batch_norm2d", sizeof(norm_params), CNN_TABLE(params),
                         "Normalises each channel to mean 0 and variance 1, then scales it.",
                         "batch_norm2d"),
      .build = build },
};

CNN_PLUGIN(.name = "batch_norm2d", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Batch normalisation", .layers = CNN_TABLE(layers));
