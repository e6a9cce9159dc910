/* Losses: the mean over the batch, as PyTorch's reduction="mean". */
#include "targets.h"

typedef struct cross_entropy_params {
    double label_smoothing;
    int64_t ignore_index;
} cross_entropy_params;

static const cnn_param cross_entropy_table[] = {
    { CNN_FIELD(cross_entropy_params, label_smoothing, FLOAT), .def = "0", .min = 0, .max = 1,
      .help = "share of the target that is spread over all classes" },
    { CNN_FIELD(cross_entropy_params, ignore_index, INT), .def = "-100", .min = INT32_MIN,
      .max = INT32_MAX, .help = "samples with this label do not count" },
};

/* Mean over the targets that are not ignored. A data set's labels lie in [0, classes), so an
 * ignore_index outside needs no counting. */
static cnn_value cross_entropy(cnn_builder *b, const void *params)
{
    const cross_entropy_params *p = params;
    cnn_value in[2] = { cnn_input(b, 0), cnn_target(b) };
    if (!targets_are_labels(b, in[0], in[1]))
        return CNN_NONE;
    cnn_cross_entropy_attrs a = { p->label_smoothing, p->ignore_index };
    cnn_value each = cnn_op1(b, "cross_entropy", &a, in, 2);
    int64_t classes = cnn_classes(b);
    if (classes > 0 && (p->ignore_index < 0 || p->ignore_index >= classes))
        return cnn_reduce(b, each, CNN_REDUCE_MEAN, cnn_all_axes(b, each), false);
    cnn_value label = cnn_cast(b, in[1], CNN_F32);
    cnn_value ignored = cnn_eq(b, label, cnn_number(b, (double)p->ignore_index));
    cnn_value counts = cnn_sub(b, cnn_number(b, 1), ignored);
    return cnn_div(b, cnn_reduce(b, each, CNN_REDUCE_SUM, cnn_all_axes(b, each), false),
                   cnn_reduce(b, counts, CNN_REDUCE_SUM, cnn_all_axes(b, counts), false));
}

static cnn_value mean(cnn_builder *b, cnn_value x)
{
    return cnn_reduce(b, x, CNN_REDUCE_MEAN, cnn_all_axes(b, x), false);
}

static cnn_value mse(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0), d = cnn_sub(b, x, targets_like(b, x));
    return mean(b, cnn_mul(b, d, d));
}

static cnn_value l1(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0);
    return mean(b, cnn_abs(b, cnn_sub(b, x, targets_like(b, x))));
}

/* -t log(s) - (1-t) log(1-s) with s = sigmoid(x), which is (1-t) x + log(1 + exp(-x)). */
static cnn_value bce_with_logits(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0), t = targets_like(b, x);
    cnn_value linear = cnn_mul(b, cnn_sub(b, cnn_number(b, 1), t), x);
    return mean(b, cnn_add(b, linear, layer_softplus(b, cnn_neg(b, x), 20)));
}

// clang-format off
static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "cross_entropy", sizeof(cross_entropy_params),
                         CNN_TABLE(cross_entropy_table),
                         "Softmax and the negative logarithm of the target's probability.",
                         "cross_entropy: {label_smoothing: 0.1}"),
      .role = CNN_ROLE_LOSS, .build = cross_entropy },
    { .c = CNN_COMPONENT(cnn_layer, "mse", 0, CNN_NO_PARAMS,
                         "Mean of the squared differences.", "mse"),
      .role = CNN_ROLE_LOSS, .build = mse },
    { .c = CNN_COMPONENT(cnn_layer, "l1", 0, CNN_NO_PARAMS,
                         "Mean of the absolute differences.", "l1"),
      .role = CNN_ROLE_LOSS, .build = l1 },
    { .c = CNN_COMPONENT(cnn_layer, "bce_with_logits", 0, CNN_NO_PARAMS,
                         "Sigmoid and binary cross-entropy, for yes/no targets.",
                         "bce_with_logits"),
      .role = CNN_ROLE_LOSS, .build = bce_with_logits },
};
// clang-format on

CNN_PLUGIN(.name = "losses", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Loss functions", .layers = CNN_TABLE(layers));
