/* conv_transpose2d: each input pixel spreads a filter over the output. That is the gradient of
 * conv2d to its input, so it is that op. */
#include "conv.h"

typedef struct transpose_params {
    int64_t out_channels;
    cnn_ints kernel_size, stride, padding, output_padding, dilation;
    int64_t groups;
    bool bias;
} transpose_params;

// clang-format off
#define SIZES(field_name, low, most) \
    CNN_FIELD(transpose_params, field_name, INTS), .min = low, .max = LAYER_MAX_SIZE, \
    .min_count = 1, .max_count = most, .unit = "pixels"

static const cnn_param params[] = {
    { CNN_FIELD(transpose_params, out_channels, INT), .min = 1, .max = LAYER_MAX_SIZE,
      .help = "channels of the result" },
    { SIZES(kernel_size, 1, 2), .help = "height and width of a filter" },
    { SIZES(stride, 1, 2), .def = "1", .help = "distance between the places of neighbouring pixels" },
    { SIZES(padding, 0, 4), .def = "0",
      .help = "cut off the result: all sides, [y, x] or [top, bottom, left, right]" },
    { SIZES(output_padding, 0, 2), .def = "0",
      .help = "rows and columns added below and to the right" },
    { SIZES(dilation, 1, 2), .def = "1", .help = "distance between neighbouring taps of a filter" },
    { CNN_FIELD(transpose_params, groups, INT), .def = "1", .min = 1, .max = LAYER_MAX_SIZE,
      .help = "parts into which the channels are divided" },
    { CNN_FIELD(transpose_params, bias, BOOL), .def = "true",
      .help = "add a trained number to each output channel" },
};
// clang-format on

/* size = (in - 1) stride - before - after + dilation (kernel - 1) + 1: what the filters reach.
 * output_padding is added to it by output_size(). */
static bool reached(cnn_builder *b, cnn_value x, const int64_t kernel[2], cnn_conv2d_attrs *a)
{
    static const char *const names[2] = { "height", "width" };
    for (uint32_t axis = 0; axis < 2; axis++) {
        int64_t in = cnn_dim(b, x, 2 + axis);
        int64_t cut = a->pad[2 * axis] + a->pad[2 * axis + 1];
        int64_t all = (in - 1) * a->stride[axis] + a->dilation[axis] * (kernel[axis] - 1) + 1;
        a->size[axis] = all - cut;
        if (a->size[axis] > 0)
            continue;
        cnn_reject(b,
                   "padding leaves nothing of the %s: (%" PRId64 "-1)*%" PRId64 " + %" PRId64
                   "*(%" PRId64 "-1) + 1 - %" PRId64 " - %" PRId64 " = %" PRId64,
                   names[axis], in, a->stride[axis], a->dilation[axis], kernel[axis],
                   a->pad[2 * axis], a->pad[2 * axis + 1], a->size[axis]);
        return false;
    }
    return true;
}

/* Rows beyond what the filters reach. Where padding cut rows off below, output_padding brings those
 * back first; only what is left over is zeros, returned in `zeros`. */
static bool output_size(cnn_builder *b, const int64_t extra[2], cnn_conv2d_attrs *a,
                        int64_t zeros[2])
{
    for (uint32_t axis = 0; axis < 2; axis++) {
        if (extra[axis] >= a->stride[axis] && extra[axis] >= a->dilation[axis]) {
            cnn_reject(b,
                       "output_padding %" PRId64 " must be smaller than the stride %" PRId64
                       " or the dilation %" PRId64,
                       extra[axis], a->stride[axis], a->dilation[axis]);
            return false;
        }
        int64_t *after = &a->pad[2 * axis + 1];
        int64_t back = extra[axis] < *after ? extra[axis] : *after;
        *after -= back;
        a->size[axis] += back;
        zeros[axis] = extra[axis] - back;
    }
    return true;
}

static cnn_value build(cnn_builder *b, const void *params_)
{
    const transpose_params *p = params_;
    cnn_value x = cnn_input(b, 0);
    cnn_conv2d_attrs a = { .groups = p->groups };
    int64_t kernel[2], extra[2], zeros[2];
    if (!layer_is_image(b, x))
        return CNN_NONE;
    layer_pair(&p->kernel_size, kernel);
    layer_pair(&p->stride, a.stride);
    layer_pair(&p->dilation, a.dilation);
    layer_pair(&p->output_padding, extra);
    int64_t channels = cnn_dim(b, x, 1);
    if (!layer_sides(b, &p->padding, a.pad) || !reached(b, x, kernel, &a) ||
        !output_size(b, extra, &a, zeros) || !conv_divides(b, p->groups, channels, "input") ||
        !conv_divides(b, p->groups, p->out_channels, "output"))
        return CNN_NONE;

    int64_t group = p->out_channels / p->groups;
    int64_t fan_in = group * kernel[0] * kernel[1]; /* by PyTorch's rule: dim 1 of the weight */
    cnn_type shape = cnn_type4(CNN_F32, channels, group, kernel[0], kernel[1]);
    cnn_value in[2] = { x, cnn_weight(b, "weight", shape, layer_uniform(fan_in)) };
    cnn_value y = cnn_op1(b, "conv2d_input_grad", &a, in, 2);
    if (zeros[0] > 0 || zeros[1] > 0) {
        cnn_pad2d_attrs pad = { .mode = CNN_PAD_CONSTANT, .pad = { 0, zeros[0], 0, zeros[1] } };
        y = cnn_op1(b, "pad2d", &pad, &y, 1);
    }
    return conv_bias(b, y, p->bias, p->out_channels, fan_in);
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "conv_transpose2d", sizeof(transpose_params), CNN_TABLE(params),
                         "Transposed convolution: makes images larger.",
                         "conv_transpose2d: {out_channels: 8, kernel_size: 4, stride: 2, "
                         "padding: 1}"),
      .build = build },
};

CNN_PLUGIN(.name = "conv_transpose2d", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Transposed 2-D convolution", .layers = CNN_TABLE(layers));
