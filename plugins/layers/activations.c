/* Activations as expressions: the framework differentiates and fuses them, so none has a kernel.
 *
 * Written with select rather than max where a NaN must come out as a NaN and where the gradient at
 * the corner is to be PyTorch's. Where a branch is not taken its argument is clamped, because
 * 0 * inf in its gradient would be NaN. */
#include "layers.h"

typedef struct slope_params {
    double negative_slope;
} slope_params;

typedef struct elu_params {
    double alpha;
} elu_params;

typedef struct gelu_params {
    int32_t approximate;
} gelu_params;

typedef struct softplus_params {
    double beta, threshold;
} softplus_params;

static const cnn_param slope_table[] = {
    { CNN_FIELD(slope_params, negative_slope, FLOAT), .def = "0.01", .help = "slope below zero" },
};

static const cnn_param elu_table[] = {
    { CNN_FIELD(elu_params, alpha, FLOAT), .def = "1", .help = "limit below zero, negated" },
};

static const cnn_param gelu_table[] = {
    { CNN_FIELD(gelu_params, approximate, CHOICE), .def = "none", .choices = "none|tanh",
      .help = "none: x P(X <= x) of a normal X; tanh: an approximation of it" },
};

static const cnn_param softplus_table[] = {
    { CNN_FIELD(softplus_params, beta, FLOAT), .def = "1", .min = 1e-6, .max = 1e6,
      .help = "how sharp the corner is" },
    { CNN_FIELD(softplus_params, threshold, FLOAT), .def = "20",
      .help = "above it, beta x counts as large and the result is x" },
};

/* The input, checked; every function below starts with it. CNN_NONE makes all that follows do
 * nothing. */
static cnn_value input(cnn_builder *b)
{
    cnn_value x = cnn_input(b, 0);
    return layer_is_float(b, x) ? x : CNN_NONE;
}

static cnn_value clamp(cnn_builder *b, cnn_value x, double low, double high)
{
    cnn_value lo = cnn_number(b, low), hi = cnn_number(b, high);
    return cnn_select(b, cnn_le(b, x, lo), lo, cnn_select(b, cnn_le(b, hi, x), hi, x));
}

/* x above zero, alpha (exp(x) - 1) below. */
static cnn_value exponential(cnn_builder *b, cnn_value x, double alpha)
{
    cnn_value zero = cnn_number(b, 0);
    cnn_value below = cnn_scale(b, cnn_expm1(b, cnn_min(b, zero, x)), alpha);
    return cnn_select(b, cnn_lt(b, zero, x), x, below);
}

static cnn_value relu(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = input(b), zero = cnn_number(b, 0);
    return cnn_select(b, cnn_le(b, x, zero), zero, x);
}

static cnn_value leaky_relu(cnn_builder *b, const void *params)
{
    const slope_params *p = params;
    cnn_value x = input(b);
    return cnn_select(b, cnn_lt(b, cnn_number(b, 0), x), x, cnn_scale(b, x, p->negative_slope));
}

static cnn_value relu6(cnn_builder *b, const void *params)
{
    (void)params;
    return clamp(b, input(b), 0, 6);
}

static cnn_value elu(cnn_builder *b, const void *params)
{
    const elu_params *p = params;
    return exponential(b, input(b), p->alpha);
}

/* Klambauer et al., "Self-Normalizing Neural Networks", 2017: the two constants. */
static cnn_value selu(cnn_builder *b, const void *params)
{
    (void)params;
    return cnn_scale(b, exponential(b, input(b), 1.6732632423543772848), 1.0507009873554804934);
}

/* none: x/2 (1 + erf(x / sqrt 2)); tanh: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
static cnn_value gelu(cnn_builder *b, const void *params)
{
    const gelu_params *p = params;
    cnn_value x = input(b), s;
    if (p->approximate == 0) {
        s = cnn_erf(b, cnn_scale(b, x, 0.70710678118654752440));
    } else {
        cnn_value cube = cnn_mul(b, x, cnn_mul(b, x, x));
        cnn_value inner = cnn_add(b, x, cnn_scale(b, cube, 0.044715));
        s = cnn_tanh(b, cnn_scale(b, inner, 0.79788456080286535588));
    }
    return cnn_mul(b, cnn_scale(b, x, 0.5), cnn_offset(b, s, 1));
}

static cnn_value silu(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = input(b);
    return cnn_mul(b, x, cnn_sigmoid(b, x));
}

static cnn_value mish(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = input(b);
    return cnn_mul(b, x, cnn_tanh(b, layer_softplus(b, x, 20)));
}

static cnn_value sigmoid(cnn_builder *b, const void *params)
{
    (void)params;
    return cnn_sigmoid(b, input(b));
}

static cnn_value hyperbolic_tangent(cnn_builder *b, const void *params)
{
    (void)params;
    return cnn_tanh(b, input(b));
}

/* relu6(x + 3) / 6 */
static cnn_value hardsigmoid(cnn_builder *b, const void *params)
{
    (void)params;
    return cnn_scale(b, clamp(b, cnn_offset(b, input(b), 3), 0, 6), 1.0 / 6);
}

static cnn_value hardswish(cnn_builder *b, const void *params)
{
    return cnn_mul(b, input(b), hardsigmoid(b, params));
}

static cnn_value softplus(cnn_builder *b, const void *params)
{
    const softplus_params *p = params;
    cnn_value sharp = layer_softplus(b, cnn_scale(b, input(b), p->beta), p->threshold);
    return cnn_scale(b, sharp, 1 / p->beta);
}

#define PLAIN(name, function, summary)                                                          \
    {                                                                                           \
        .c = CNN_COMPONENT(cnn_layer, name, 0, CNN_NO_PARAMS, summary, name), .build = function \
    }
#define WITH(name, function, params, table, summary, example)                                    \
    {                                                                                            \
        .c = CNN_COMPONENT(cnn_layer, name, sizeof(params), CNN_TABLE(table), summary, example), \
        .build = function                                                                        \
    }

// clang-format off
static const cnn_layer layers[] = {
    PLAIN("relu", relu, "max(x, 0)"),
    WITH("leaky_relu", leaky_relu, slope_params, slope_table,
               "x above zero, a small slope below.", "leaky_relu: 0.1"),
    PLAIN("relu6", relu6, "x, cut off at 0 and 6"),
    WITH("elu", elu, elu_params, elu_table,
               "x above zero, alpha (exp(x) - 1) below.", "elu: {alpha: 1.0}"),
    PLAIN("selu", selu, "elu, scaled so that deep networks normalise themselves"),
    WITH("gelu", gelu, gelu_params, gelu_table,
               "x times the probability that a normal number lies below it.",
               "gelu: {approximate: tanh}"),
    PLAIN("silu", silu, "x sigmoid(x), also known as swish"),
    PLAIN("mish", mish, "x tanh(log(1 + exp(x)))"),
    PLAIN("sigmoid", sigmoid, "1 / (1 + exp(-x))"),
    PLAIN("tanh", hyperbolic_tangent, "hyperbolic tangent"),
    PLAIN("hardswish", hardswish, "x relu6(x + 3) / 6"),
    PLAIN("hardsigmoid", hardsigmoid, "relu6(x + 3) / 6"),
    WITH("softplus", softplus, softplus_params, softplus_table,
               "log(1 + exp(beta x)) / beta: a smooth relu.", "softplus: {beta: 2}"),
};
// clang-format on

CNN_PLUGIN(.name = "activations", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Activation functions", .layers = CNN_TABLE(layers));
