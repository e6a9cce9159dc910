/* pad2d, upsample: layers that change the size of an image and have no weights. */
#include "layers.h"

typedef struct pad_params {
    cnn_ints padding;
    int32_t mode;
    double value;
} pad_params;

typedef struct upsample_params {
    cnn_floats scale_factor;
    cnn_ints size;
    int32_t mode;
    bool align_corners;
} upsample_params;

static const cnn_param pad_table[] = {
    { CNN_FIELD(pad_params, padding, INTS), .min = -LAYER_MAX_SIZE, .max = LAYER_MAX_SIZE,
      .min_count = 1, .max_count = 4, .unit = "pixels",
      .help = "all sides, [y, x] or [top, bottom, left, right]; negative numbers crop" },
    { CNN_FIELD(pad_params, mode, CHOICE), .def = "constant",
      .choices = "constant|reflect|replicate|circular", .help = "what stands in the padding" },
    { CNN_FIELD(pad_params, value, FLOAT), .def = "0", .help = "the number, with mode: constant" },
};

static const cnn_param upsample_table[] = {
    { CNN_FIELD(upsample_params, scale_factor, FLOATS), .flags = CNN_PARAM_OPTIONAL,
      .min = 1.0 / 4096, .max = 4096, .min_count = 1, .max_count = 2,
      .help = "how many times larger, one number or [y, x]" },
    { CNN_FIELD(upsample_params, size, INTS), .flags = CNN_PARAM_OPTIONAL, .min = 1,
      .max = LAYER_MAX_SIZE, .min_count = 1, .max_count = 2, .unit = "pixels",
      .help = "of the result, one number or [height, width], instead of scale_factor" },
    { CNN_FIELD(upsample_params, mode, CHOICE), .def = "nearest", .choices = "nearest|bilinear",
      .help = "nearest: the pixel that lies there; bilinear: a mean of the four around" },
    { CNN_FIELD(upsample_params, align_corners, BOOL), .def = "false",
      .help = "with bilinear: the corner pixels keep their places" },
};

static cnn_value build_pad(cnn_builder *b, const void *params)
{
    const pad_params *p = params;
    cnn_value x = cnn_input(b, 0);
    cnn_pad2d_attrs a = { .mode = p->mode, .value = p->value };
    if (!layer_is_image(b, x) || !layer_sides(b, &p->padding, a.pad))
        return CNN_NONE;
    return cnn_op1(b, "pad2d", &a, &x, 1);
}

/* A factor must give whole pixels: PyTorch would then look at other places than with `size`. */
static bool scaled(cnn_builder *b, cnn_value x, const cnn_floats *factor, int64_t size[2])
{
    static const char *const names[2] = { "height", "width" };
    for (uint32_t axis = 0; axis < 2; axis++) {
        double f = factor->v[factor->count > 1 ? axis : 0];
        double wanted = (double)cnn_dim(b, x, 2 + axis) * f;
        if (wanted < 1 || wanted > LAYER_MAX_SIZE || wanted != floor(wanted)) {
            cnn_reject_hint(b, "give the result's `size` instead",
                            "scale_factor %g of a %s of %" PRId64 " is %g, no whole number of "
                            "pixels",
                            f, names[axis], cnn_dim(b, x, 2 + axis), wanted);
            return false;
        }
        size[axis] = (int64_t)wanted;
    }
    return true;
}

static cnn_value build_upsample(cnn_builder *b, const void *params)
{
    const upsample_params *p = params;
    cnn_value x = cnn_input(b, 0);
    cnn_resize2d_attrs a = { .mode = p->mode, .align_corners = p->align_corners };
    if (!layer_is_image(b, x))
        return CNN_NONE;
    if ((p->size.count > 0) == (p->scale_factor.count > 0))
        return cnn_reject(b, "takes either `size` or `scale_factor`");
    if (p->align_corners && p->mode == CNN_RESIZE_NEAREST)
        return cnn_reject_hint(b, "leave it out, or set `mode: bilinear`",
                               "align_corners has no meaning with mode nearest");
    if (p->size.count > 0)
        layer_pair(&p->size, a.size);
    else if (!scaled(b, x, &p->scale_factor, a.size))
        return CNN_NONE;
    return cnn_op1(b, "resize2d", &a, &x, 1);
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "pad2d", sizeof(pad_params), CNN_TABLE(pad_table),
                         "Adds pixels around an image, or cuts some off.",
                         "pad2d: {padding: 2, mode: reflect}"),
      .build = build_pad },
    { .c = CNN_COMPONENT(cnn_layer, "upsample", sizeof(upsample_params), CNN_TABLE(upsample_table),
                         "Gives an image another size.", "upsample: {scale_factor: 2}"),
      .build = build_upsample },
};

CNN_PLUGIN(.name = "resample", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Padding and resizing", .layers = CNN_TABLE(layers));
