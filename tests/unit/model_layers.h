/* Small layers for tests of the model: the shapes of the real ones, without their options. */
#ifndef CNNRUN_TESTS_MODEL_LAYERS_H
#define CNNRUN_TESTS_MODEL_LAYERS_H

#include <cnnrun/plugin.h>

typedef struct conv_params {
    int64_t out_channels, kernel_size;
    bool bias;
} conv_params;

static const cnn_param conv_table[] = {
    { CNN_FIELD(conv_params, out_channels, INT), .min = 1, .max = 4096, .help = "filters" },
    { CNN_FIELD(conv_params, kernel_size, INT), .def = "1", .min = 1, .max = 99, .help = "size" },
    { CNN_FIELD(conv_params, bias, BOOL), .def = "true", .help = "add a number" },
};

static cnn_value conv_build(cnn_builder *b, const void *params)
{
    const conv_params *p = params;
    const cnn_conv2d_attrs a = { .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 };
    const cnn_init init = { CNN_INIT_UNIFORM, -1, 1 };
    cnn_value x = cnn_input(b, 0);
    cnn_type shape =
        cnn_type4(CNN_F32, p->out_channels, cnn_dim(b, x, 1), p->kernel_size, p->kernel_size);
    cnn_value y = cnn_conv2d(b, x, cnn_weight(b, "weight", shape, init), &a);
    if (!p->bias)
        return y;
    cnn_value v = cnn_weight(b, "bias", cnn_type1(CNN_F32, p->out_channels), init);
    return cnn_add(b, y, cnn_per_channel(b, v, y));
}

static cnn_value relu_build(cnn_builder *b, const void *params)
{
    (void)params;
    return cnn_max(b, cnn_input(b, 0), cnn_number(b, 0));
}

static cnn_value add_build(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value y = cnn_input(b, 0);
    if (cnn_input_count(b) < 2)
        return cnn_reject(b, "wants two inputs or more");
    for (uint32_t i = 1; i < cnn_input_count(b); i++) {
        if (!cnn_same_shape(cnn_type_of(b, y), cnn_type_of(b, cnn_input(b, i))))
            return cnn_reject(b, "branch %s differs", cnn_input_name(b, i));
        y = cnn_add(b, y, cnn_input(b, i));
    }
    return y;
}

static cnn_value flatten_build(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0);
    const cnn_type t = *cnn_type_of(b, x);
    const int64_t dims[2] = { t.rank > 0 ? t.dim[0] : 1, cnn_span(&t, 1, t.rank) };
    return cnn_reshape(b, x, 2, dims);
}

typedef struct linear_params {
    int64_t out_features;
} linear_params;

static const cnn_param linear_table[] = {
    { CNN_FIELD(linear_params, out_features, INT), .min = 1, .max = 4096, .help = "numbers" },
};

static cnn_value linear_build(cnn_builder *b, const void *params)
{
    const linear_params *p = params;
    cnn_value x = cnn_input(b, 0);
    cnn_type shape = cnn_type2(CNN_F32, p->out_features, cnn_dim(b, x, 1));
    cnn_value w = cnn_weight(b, "weight", shape, (cnn_init){ CNN_INIT_EYE, 0, 0 });
    return cnn_matmul(b, x, w, false, true);
}

/* Draws in training only, as dropout does. */
static cnn_value noise_build(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0);
    if (cnn_get_mode(b) != CNN_TRAIN)
        return x;
    return cnn_mul(b, x, cnn_random(b, *cnn_type_of(b, x)));
}

static cnn_value nothing_build(cnn_builder *b, const void *params)
{
    (void)b, (void)params;
    return CNN_NONE;
}

static cnn_value loss_build(cnn_builder *b, const void *params)
{
    (void)params;
    const cnn_cross_entropy_attrs a = { 0, -100 };
    const cnn_value in[2] = { cnn_input(b, 0), cnn_target(b) };
    cnn_value each = cnn_op1(b, "cross_entropy", &a, in, 2);
    return cnn_reduce(b, each, CNN_REDUCE_MEAN, cnn_all_axes(b, each), false);
}

static cnn_value each_build(cnn_builder *b, const void *params)
{
    (void)params;
    const cnn_cross_entropy_attrs a = { 0, -100 };
    const cnn_value in[2] = { cnn_input(b, 0), cnn_target(b) };
    return cnn_op1(b, "cross_entropy", &a, in, 2);
}

static cnn_value sum_build(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0);
    return cnn_reduce(b, x, CNN_REDUCE_SUM, cnn_all_axes(b, x), false);
}

#define BARE(name) .c = CNN_COMPONENT(cnn_layer, name, 0, CNN_NO_PARAMS, "A layer.", name)

static const cnn_layer test_layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "conv2d", sizeof(conv_params), CNN_TABLE(conv_table),
                         "A layer.", "conv2d: 8"),
      .build = conv_build },
    { .c = CNN_COMPONENT(cnn_layer, "linear", sizeof(linear_params), CNN_TABLE(linear_table),
                         "A layer.", "linear: 8"),
      .build = linear_build },
    { BARE("relu"), .build = relu_build },
    { BARE("flatten"), .build = flatten_build },
    { BARE("noise"), .build = noise_build },
    { BARE("nothing"), .build = nothing_build },
    { BARE("add"), .role = CNN_ROLE_JOIN, .build = add_build },
    { BARE("cross_entropy"), .role = CNN_ROLE_LOSS, .build = loss_build },
    { BARE("each"), .role = CNN_ROLE_LOSS, .build = each_build },
    { BARE("sum"), .role = CNN_ROLE_METRIC, .build = sum_build },
};

/* Never opened: only their names matter. */
static const cnn_dataset test_datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "blank", 0, CNN_NO_PARAMS, "No samples.", "blank") },
};

static const cnn_optimizer test_optimizers[] = {
    { .c = CNN_COMPONENT(cnn_optimizer, "still", 0, CNN_NO_PARAMS, "No steps.", "still"),
      .n_scalars = 1 },
};

static const cnn_plugin test_plugin = {
    .magic = CNN_MAGIC,
    .name = "test",
    .version = "1",
    .license = "MIT",
    .summary = "layers of the tests",
    .layers = CNN_TABLE(test_layers),
    .datasets = CNN_TABLE(test_datasets),
    .optimizers = CNN_TABLE(test_optimizers),
};

#endif
