/* max_pool2d, avg_pool2d, adaptive_avg_pool2d. */
#include "layers.h"

typedef struct pool_params {
    cnn_ints kernel_size, stride, padding, dilation;
    bool ceil_mode, count_include_pad;
} pool_params;

typedef struct adaptive_params {
    cnn_ints output_size;
} adaptive_params;

// clang-format off
#define SIZE_LIMITS .max = LAYER_MAX_SIZE, .min_count = 1, .unit = "pixels"
#define COMMON_PARAMS                                                                             \
    { CNN_FIELD(pool_params, kernel_size, INTS), .min = 1, .max_count = 2, SIZE_LIMITS,           \
      .help = "height and width of a window" },                                                   \
    { CNN_FIELD(pool_params, stride, INTS), .flags = CNN_PARAM_OPTIONAL, .min = 1,                \
      .max_count = 2, SIZE_LIMITS,                                                                \
      .help = "distance between neighbouring windows; the kernel's size if not given" },          \
    { CNN_FIELD(pool_params, padding, INTS), .def = "0", .min = 0, .max_count = 4, SIZE_LIMITS,   \
      .help = "added around the image: all sides, [y, x] or [top, bottom, left, right]" },        \
    { CNN_FIELD(pool_params, ceil_mode, BOOL), .def = "false",                                    \
      .help = "keep a last window that lies partly outside" }

static const cnn_param max_params[] = {
    COMMON_PARAMS,
    { CNN_FIELD(pool_params, dilation, INTS), .def = "1", .min = 1, .max_count = 2, SIZE_LIMITS,
      .help = "distance between neighbouring pixels of a window" },
};

static const cnn_param avg_params[] = {
    COMMON_PARAMS,
    { CNN_FIELD(pool_params, count_include_pad, BOOL), .def = "true",
      .help = "padding counts as zeros; otherwise only the pixels of the image are averaged" },
};

static const cnn_param adaptive_avg_params[] = {
    { CNN_FIELD(adaptive_params, output_size, INTS), .min = 1, .max_count = 2, SIZE_LIMITS,
      .help = "height and width of the result" },
};
// clang-format on

/* PyTorch's rule: more padding would make windows that see nothing of the image. */
static bool check_padding(cnn_builder *b, const cnn_pool2d_attrs *a)
{
    for (int side = 0; side < 4; side++) {
        if (a->pad[side] <= a->kernel[side / 2] / 2)
            continue;
        cnn_reject(b, "padding %" PRId64 " is more than half of the kernel's %" PRId64,
                   a->pad[side], a->kernel[side / 2]);
        return false;
    }
    return true;
}

static bool check_window(cnn_builder *b, cnn_value x, const cnn_pool2d_attrs *a)
{
    static const char *const names[2] = { "height", "width" };
    for (uint32_t axis = 0; axis < 2; axis++) {
        int64_t size = cnn_dim(b, x, 2 + axis);
        int64_t padded = size + a->pad[2 * axis] + a->pad[2 * axis + 1];
        int64_t span = a->dilation[axis] * (a->kernel[axis] - 1) + 1;
        if (span <= padded)
            continue;
        cnn_reject_hint(b, "use a smaller `kernel_size`, or fewer poolings before",
                        "a window of %" PRId64 " does not fit into a %s of %" PRId64 ": %" PRId64
                        "+%" PRId64 "+%" PRId64 " = %" PRId64,
                        span, names[axis], padded, size, a->pad[2 * axis], a->pad[2 * axis + 1],
                        padded);
        return false;
    }
    return true;
}

static cnn_value pool(cnn_builder *b, const pool_params *p, const char *op)
{
    cnn_value x = cnn_input(b, 0);
    cnn_pool2d_attrs a = { .dilation = { 1, 1 },
                           .ceil_mode = p->ceil_mode,
                           .count_include_pad = p->count_include_pad };
    if (!layer_is_image(b, x))
        return CNN_NONE;
    layer_pair(&p->kernel_size, a.kernel);
    layer_pair(p->stride.count > 0 ? &p->stride : &p->kernel_size, a.stride);
    if (p->dilation.count > 0)
        layer_pair(&p->dilation, a.dilation);
    if (!layer_sides(b, &p->padding, a.pad) || !check_padding(b, &a) || !check_window(b, x, &a))
        return CNN_NONE;
    return cnn_op1(b, op, &a, &x, 1);
}

static cnn_value build_max(cnn_builder *b, const void *p)
{
    return pool(b, p, "max_pool2d");
}

static cnn_value build_avg(cnn_builder *b, const void *p)
{
    return pool(b, p, "avg_pool2d");
}

static cnn_value build_adaptive(cnn_builder *b, const void *params)
{
    const adaptive_params *p = params;
    cnn_value x = cnn_input(b, 0);
    if (!layer_is_image(b, x))
        return CNN_NONE;
    cnn_pool2d_attrs a = {
        .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 }, .count_include_pad = true
    };
    layer_pair(&p->output_size, a.adaptive);
    return cnn_op1(b, "avg_pool2d", &a, &x, 1);
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "max_pool2d", sizeof(pool_params), CNN_TABLE(max_params),
                         "Keeps the largest number of each window.", "max_pool2d: 2"),
      .build = build_max },
    { .c = CNN_COMPONENT(cnn_layer, "avg_pool2d", sizeof(pool_params), CNN_TABLE(avg_params),
                         "Keeps the mean of each window.",
                         "avg_pool2d: {kernel_size: 3, stride: 1, padding: 1}"),
      .build = build_avg },
    { .c = CNN_COMPONENT(cnn_layer, "adaptive_avg_pool2d", sizeof(adaptive_params),
                         CNN_TABLE(adaptive_avg_params),
                         "Means over as many windows as the result is to have pixels; 1 is global "
                         "average pooling.",
                         "adaptive_avg_pool2d: 1"),
      .build = build_adaptive },
};

CNN_PLUGIN(.name = "pool2d", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Pooling layers", .layers = CNN_TABLE(layers));
