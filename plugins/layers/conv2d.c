/* conv2d: cross-correlation with all of PyTorch's options, and padding that may differ on each
 * side. Zeros are padded by the op itself; every other mode is a pad2d before it. */
#include "conv.h"

typedef struct conv2d_params {
    int64_t out_channels;
    cnn_ints kernel_size, stride, padding, dilation;
    int64_t groups;
    bool bias;
    int32_t padding_mode;
    double padding_value;
} conv2d_params;

enum { ZEROS };                       /* first of the choices below ... */
enum { PADDING_SAME, PADDING_VALID }; /* ... and of padding's words */

static const cnn_param params[] = {
    { CNN_FIELD(conv2d_params, out_channels, INT), .min = 1, .max = LAYER_MAX_SIZE,
      .help = "number of filters" },
    { CNN_FIELD(conv2d_params, kernel_size, INTS), .min = 1, .max = LAYER_MAX_SIZE, .min_count = 1,
      .max_count = 2, .unit = "pixels", .help = "height and width of a filter" },
    { CNN_FIELD(conv2d_params, stride, INTS), .def = "1", .min = 1, .max = LAYER_MAX_SIZE,
      .min_count = 1, .max_count = 2, .unit = "pixels",
      .help = "distance between neighbouring windows" },
    { CNN_FIELD(conv2d_params, padding, INTS), .def = "0", .choices = "same|valid", .min = 0,
      .max = LAYER_MAX_SIZE, .min_count = 1, .max_count = 4, .unit = "pixels",
      .help = "added around the image: all sides, [y, x] or [top, bottom, left, right]; same keeps "
              "the size (divided by the stride), valid adds nothing" },
    { CNN_FIELD(conv2d_params, dilation, INTS), .def = "1", .min = 1, .max = LAYER_MAX_SIZE,
      .min_count = 1, .max_count = 2, .unit = "pixels",
      .help = "distance between neighbouring taps of a filter" },
    { CNN_FIELD(conv2d_params, groups, INT), .def = "1", .min = 1, .max = LAYER_MAX_SIZE,
      .help = "parts into which the channels are divided; each output sees its own part" },
    { CNN_FIELD(conv2d_params, bias, BOOL), .def = "true",
      .help = "add a trained number to each output channel" },
    { CNN_FIELD(conv2d_params, padding_mode, CHOICE), .def = "zeros",
      .choices = "zeros|constant|reflect|replicate|circular",
      .help = "what stands in the padding" },
    { CNN_FIELD(conv2d_params, padding_value, FLOAT), .def = "0",
      .help = "the number in the padding, with padding_mode: constant" },
};

/* `same` adds d (k - 1) pixels in all, the odd one below and to the right, as PyTorch does. */
static bool padding(cnn_builder *b, const cnn_ints *from, const cnn_conv2d_attrs *a,
                    const int64_t kernel[2], int64_t pad[4])
{
    if (from->choice < 0)
        return layer_sides(b, from, pad);
    for (uint32_t axis = 0; axis < 2; axis++) {
        int64_t all = from->choice == PADDING_VALID ? 0 : a->dilation[axis] * (kernel[axis] - 1);
        pad[2 * axis] = all / 2;
        pad[2 * axis + 1] = all - all / 2;
    }
    return true;
}

/* Does a window fit into the padded image? */
static bool fits(cnn_builder *b, cnn_value x, const cnn_conv2d_attrs *a, const int64_t kernel[2],
                 const int64_t pad[4])
{
    static const char *const names[2] = { "height", "width" };
    for (uint32_t axis = 0; axis < 2; axis++) {
        int64_t size = cnn_dim(b, x, 2 + axis);
        int64_t padded = size + pad[2 * axis] + pad[2 * axis + 1];
        int64_t span = a->dilation[axis] * (kernel[axis] - 1) + 1;
        if (span <= padded)
            continue;
        cnn_reject_hint(
            b, "use a smaller `kernel_size`, `padding: same`, or fewer poolings before",
            "a window of %" PRId64 " does not fit into a %s of %" PRId64 ": kernel %" PRId64
            ", dilation %" PRId64 ": %" PRId64 "*(%" PRId64 "-1)+1 = %" PRId64
            "; padded %s: %" PRId64 "+%" PRId64 "+%" PRId64 " = %" PRId64,
            span, names[axis], padded, kernel[axis], a->dilation[axis], a->dilation[axis],
            kernel[axis], span, names[axis], size, pad[2 * axis], pad[2 * axis + 1], padded);
        return false;
    }
    return true;
}

/* The op pads with zeros; other modes are a layer of their own before it. */
static cnn_value padded(cnn_builder *b, const conv2d_params *p, cnn_value x, const int64_t pad[4],
                        cnn_conv2d_attrs *a)
{
    bool any = (pad[0] | pad[1] | pad[2] | pad[3]) != 0;
    if (p->padding_mode == ZEROS || !any) {
        for (int i = 0; i < 4; i++)
            a->pad[i] = pad[i];
        return x;
    }
    cnn_pad2d_attrs attrs = { .mode = p->padding_mode - 1,
                              .pad = { pad[0], pad[1], pad[2], pad[3] },
                              .value = p->padding_value };
    return cnn_op1(b, "pad2d", &attrs, &x, 1);
}

static cnn_value build(cnn_builder *b, const void *params_)
{
    const conv2d_params *p = params_;
    cnn_value x = cnn_input(b, 0);
    cnn_conv2d_attrs a = { .groups = p->groups };
    int64_t kernel[2], pad[4];
    if (!layer_is_image(b, x))
        return CNN_NONE;
    layer_pair(&p->kernel_size, kernel);
    layer_pair(&p->stride, a.stride);
    layer_pair(&p->dilation, a.dilation);
    int64_t channels = cnn_dim(b, x, 1);
    if (!padding(b, &p->padding, &a, kernel, pad) || !fits(b, x, &a, kernel, pad) ||
        !conv_divides(b, p->groups, channels, "input") ||
        !conv_divides(b, p->groups, p->out_channels, "output"))
        return CNN_NONE;

    x = padded(b, p, x, pad, &a);
    int64_t fan_in = channels / p->groups * kernel[0] * kernel[1];
    cnn_type shape =
        cnn_type4(CNN_F32, p->out_channels, channels / p->groups, kernel[0], kernel[1]);
    cnn_value w = cnn_weight(b, "weight", shape, layer_uniform(fan_in));
    return conv_bias(b, cnn_conv2d(b, x, w, &a), p->bias, p->out_channels, fan_in);
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "conv2d", sizeof(conv2d_params), CNN_TABLE(params),
                         "Convolution: every window of the image times every filter.",
                         "conv2d: {out_channels: 16, kernel_size: 3, padding: same}"),
      .build = build },
};

CNN_PLUGIN(.name = "conv2d", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "2-D convolution", .layers = CNN_TABLE(layers));
