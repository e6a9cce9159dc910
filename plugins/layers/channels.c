/* pad_channels, local_response_norm: layers that see the channels of a pixel side by side.
 *
 * Both turn x[N,C,H,W] into an image [N,1,C,H*W], whose rows are the channels, so that the ops for
 * windows and borders of images do the work. */
#include "layers.h"

typedef struct pad_channels_params {
    cnn_ints padding;
    double value;
} pad_channels_params;

typedef struct norm_params {
    int64_t size;
    double alpha, beta, k;
} norm_params;

static const cnn_param pad_table[] = {
    { CNN_FIELD(pad_channels_params, padding, INTS), .min = -LAYER_MAX_SIZE, .max = LAYER_MAX_SIZE,
      .min_count = 1, .max_count = 2, .unit = "channels",
      .help = "before and after, one number for both or [before, after]; negative numbers crop" },
    { CNN_FIELD(pad_channels_params, value, FLOAT), .def = "0", .help = "what stands in them" },
};

static const cnn_param norm_table[] = {
    { CNN_FIELD(norm_params, size, INT), .min = 1, .max = LAYER_MAX_SIZE, .unit = "channels",
      .help = "how many neighbours are looked at, the channel itself in their middle" },
    { CNN_FIELD(norm_params, alpha, FLOAT), .def = "1e-4", .min = 0, .max = 1e30,
      .help = "weight of the mean of their squares" },
    { CNN_FIELD(norm_params, beta, FLOAT), .def = "0.75", .help = "exponent of the divisor" },
    { CNN_FIELD(norm_params, k, FLOAT), .def = "1", .min = 1e-30, .max = 1e30,
      .help = "added to it, so that it is never 0" },
};

/* x[N,C,H,W] -> [N,1,C,H*W] */
static cnn_value as_rows(cnn_builder *b, cnn_value x)
{
    const cnn_type *t = cnn_type_of(b, x);
    int64_t dims[4] = { t->dim[0], 1, t->dim[1], t->dim[2] * t->dim[3] };
    return cnn_reshape(b, x, 4, dims);
}

/* And back, with as many channels as there are rows now. */
static cnn_value as_channels(cnn_builder *b, cnn_value rows, const cnn_type *image)
{
    int64_t dims[4] = { image->dim[0], cnn_dim(b, rows, 2), image->dim[2], image->dim[3] };
    return cnn_reshape(b, rows, 4, dims);
}

static cnn_value build_pad(cnn_builder *b, const void *params)
{
    const pad_channels_params *p = params;
    cnn_value x = cnn_input(b, 0);
    if (!layer_is_image(b, x))
        return CNN_NONE;
    cnn_type image = *cnn_type_of(b, x);
    int64_t before = p->padding.v[0], after = p->padding.v[p->padding.count - 1];
    if (image.dim[1] + before + after < 1)
        return cnn_reject(b,
                          "no channel is left: %" PRId64 " + %" PRId64 " + %" PRId64 " = %" PRId64,
                          before, image.dim[1], after, before + image.dim[1] + after);
    const cnn_pad2d_attrs a = { .pad = { before, after }, .value = p->value };
    cnn_value rows = as_rows(b, x);
    return as_channels(b, cnn_op1(b, "pad2d", &a, &rows, 1), &image);
}

/* y = x / (k + alpha mean(x^2 of `size` channels))^beta, zeros beside the first and last channel;
 * an even size has one more neighbour before than after, as in PyTorch. */
static cnn_value build_norm(cnn_builder *b, const void *params)
{
    const norm_params *p = params;
    cnn_value x = cnn_input(b, 0);
    if (!layer_is_image(b, x))
        return CNN_NONE;
    cnn_type image = *cnn_type_of(b, x);
    const cnn_pad2d_attrs border = { .pad = { p->size / 2, (p->size - 1) / 2 } };
    const cnn_pool2d_attrs window = { .kernel = { p->size, 1 },
                                      .stride = { 1, 1 },
                                      .dilation = { 1, 1 } };
    cnn_value rows = as_rows(b, cnn_mul(b, x, x));
    rows = cnn_op1(b, "pad2d", &border, &rows, 1);
    rows = cnn_op1(b, "avg_pool2d", &window, &rows, 1);
    cnn_value mean = as_channels(b, rows, &image);
    cnn_value divisor = cnn_add(b, cnn_scale(b, mean, p->alpha), cnn_number(b, p->k));
    return cnn_div(b, x, cnn_pow(b, divisor, cnn_number(b, p->beta)));
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "pad_channels", sizeof(pad_channels_params),
                         CNN_TABLE(pad_table), "Adds channels to an image, or cuts some off.",
                         "pad_channels: [0, 16]"),
      .build = build_pad },
    { .c = CNN_COMPONENT(cnn_layer, "local_response_norm", sizeof(norm_params),
                         CNN_TABLE(norm_table),
                         "Divides each number by what the same pixel has in the channels around.",
                         "local_response_norm: {size: 5}"),
      .build = build_norm },
};

CNN_PLUGIN(.name = "channels", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Layers along the channels", .layers = CNN_TABLE(layers));
