/* psnr, ssim, border_error, inner_error: how near a model's images come to their targets. Sums over
 * the samples of a batch; the host divides by their number at the end. */
#include "targets.h"

#include <stdlib.h>

typedef struct range_params {
    double data_range;
} range_params;

typedef struct border_params {
    int64_t border;
} border_params;

static const cnn_param range_table[] = {
    { CNN_FIELD(range_params, data_range, FLOAT), .def = "1", .min = 1e-12, .max = 1e12,
      .help = "from the least to the largest possible value of a target" },
};

static const cnn_param border_table[] = {
    { CNN_FIELD(border_params, border, INT), .def = "4", .min = 1, .max = LAYER_MAX_SIZE,
      .unit = "pixels", .help = "width of the border on each side" },
};

/* Images and their targets, or CNN_NONE after an error. */
static cnn_value target_images(cnn_builder *b, cnn_value x)
{
    return layer_is_image(b, x) ? targets_like(b, x) : CNN_NONE;
}

static cnn_value sum(cnn_builder *b, cnn_value x)
{
    return cnn_reduce(b, x, CNN_REDUCE_SUM, cnn_all_axes(b, x), false);
}

static int64_t per_sample(cnn_builder *b, cnn_value x)
{
    return cnn_span(cnn_type_of(b, x), 1, cnn_type_of(b, x)->rank);
}

/* ---- psnr */

/* A perfect image would have no finite value: its mean squared error counts as 1e-10 of the
 * squared range, 100 dB. */
#define LEAST_ERROR 1e-10

/* 10 log10(range^2 / mse) of each image, in decibels. */
static cnn_value psnr(cnn_builder *b, const void *params)
{
    const range_params *p = params;
    cnn_value x = cnn_input(b, 0), d = cnn_sub(b, x, target_images(b, x));
    cnn_value mse =
        cnn_reduce(b, cnn_mul(b, d, d), CNN_REDUCE_MEAN, 1 << 1 | 1 << 2 | 1 << 3, false);
    mse = cnn_scale(b, mse, 1 / (p->data_range * p->data_range));
    /* b < a ? a : b keeps a NaN in b */
    cnn_value logarithm = cnn_log(b, cnn_max(b, cnn_number(b, LEAST_ERROR), mse));
    return sum(b, cnn_scale(b, logarithm, -10 / log(10)));
}

/* ---- ssim */

/* The window of Wang et al., "Image Quality Assessment: From Error Visibility to Structural
 * Similarity", IEEE Transactions on Image Processing, 2004: 11 x 11, normal, sigma 1.5, sum 1. */
enum { WINDOW = 11 };
#define WINDOW_SIGMA 1.5

static void fill_window(float w[WINDOW])
{
    double total = 0;
    for (int i = 0; i < 2 * WINDOW; i++) {
        double d = i % WINDOW - WINDOW / 2, v = exp(-d * d / (2 * WINDOW_SIGMA * WINDOW_SIGMA));
        if (i < WINDOW)
            total += v;
        else
            w[i - WINDOW] = (float)(v / total);
    }
}

/* The window along one axis, h x w, for each channel: [C, 1, h, w]. */
static cnn_value window_weights(cnn_builder *b, int64_t channels, int64_t h, int64_t w)
{
    float *numbers = malloc((size_t)(channels * WINDOW) * sizeof *numbers);
    if (numbers == NULL)
        return cnn_reject(b, "not enough memory for %" PRId64 " windows", channels);
    for (int64_t c = 0; c < channels; c++)
        fill_window(numbers + c * WINDOW);
    cnn_value weights = cnn_constant(b, cnn_type4(CNN_F32, channels, 1, h, w), numbers);
    free(numbers);
    return weights;
}

/* Weighted means over all windows that lie inside, channel by channel: the window is a product of a
 * column and a row. */
static cnn_value window_means(cnn_builder *b, cnn_value x)
{
    int64_t channels = cnn_dim(b, x, 1);
    cnn_conv2d_attrs a = { .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = channels };
    x = cnn_conv2d(b, x, window_weights(b, channels, WINDOW, 1), &a);
    return cnn_conv2d(b, x, window_weights(b, channels, 1, WINDOW), &a);
}

/* (2 mx my + c1) (2 sxy + c2) / ((mx^2 + my^2 + c1) (sx^2 + sy^2 + c2)) at each window */
static cnn_value similarity(cnn_builder *b, cnn_value x, cnn_value y, double range)
{
    double c1 = 0.01 * 0.01 * range * range, c2 = 0.03 * 0.03 * range * range;
    cnn_value mx = window_means(b, x), my = window_means(b, y);
    cnn_value xx = cnn_mul(b, mx, mx), yy = cnn_mul(b, my, my), xy = cnn_mul(b, mx, my);
    cnn_value squares = cnn_add(b, cnn_mul(b, x, x), cnn_mul(b, y, y));
    cnn_value variances = cnn_sub(b, cnn_sub(b, window_means(b, squares), xx), yy);
    cnn_value covariance = cnn_sub(b, window_means(b, cnn_mul(b, x, y)), xy);
    cnn_value above = cnn_mul(b, cnn_offset(b, cnn_scale(b, xy, 2), c1),
                              cnn_offset(b, cnn_scale(b, covariance, 2), c2));
    cnn_value below =
        cnn_mul(b, cnn_offset(b, cnn_add(b, xx, yy), c1), cnn_offset(b, variances, c2));
    return cnn_div(b, above, below);
}

/* Mean over windows and channels. */
static cnn_value ssim(cnn_builder *b, const void *params)
{
    const range_params *p = params;
    cnn_value x = cnn_input(b, 0), y = target_images(b, x);
    if (y == CNN_NONE)
        return CNN_NONE;
    const cnn_type t = *cnn_type_of(b, x);
    if (t.dim[2] < WINDOW || t.dim[3] < WINDOW)
        return cnn_reject_hint(b, "leave `ssim` out, or take larger images",
                               "wants images of at least %d x %d pixels, the size of its window, "
                               "but the model's are %" PRId64 " x %" PRId64,
                               WINDOW, WINDOW, t.dim[2], t.dim[3]);
    cnn_value s = similarity(b, x, y, p->data_range);
    return cnn_scale(b, sum(b, s), 1 / (double)per_sample(b, s));
}

/* ---- errors at the border and inside */

/* Absolute differences of all pixels, and of those that are not of the border. */
static bool differences(cnn_builder *b, int64_t border, cnn_value *all, cnn_value *inner)
{
    cnn_value x = cnn_input(b, 0), y = target_images(b, x);
    if (y == CNN_NONE)
        return false;
    int64_t h = cnn_dim(b, x, 2), w = cnn_dim(b, x, 3);
    if (h <= 2 * border || w <= 2 * border) {
        cnn_reject_hint(b, "a smaller `border`",
                        "a border of %" PRId64 " pixels leaves nothing inside of %" PRId64
                        " x %" PRId64,
                        border, h, w);
        return false;
    }
    *all = cnn_abs(b, cnn_sub(b, x, y));
    *inner = cnn_slice(b, cnn_slice(b, *all, 2, border, h - 2 * border), 3, border, w - 2 * border);
    return true;
}

static cnn_value inner_error(cnn_builder *b, const void *params)
{
    const border_params *p = params;
    cnn_value all, inner;
    if (!differences(b, p->border, &all, &inner))
        return CNN_NONE;
    return cnn_scale(b, sum(b, inner), 1 / (double)per_sample(b, inner));
}

static cnn_value border_error(cnn_builder *b, const void *params)
{
    const border_params *p = params;
    cnn_value all, inner;
    if (!differences(b, p->border, &all, &inner))
        return CNN_NONE;
    int64_t each = per_sample(b, all) - per_sample(b, inner);
    return cnn_scale(b, cnn_sub(b, sum(b, all), sum(b, inner)), 1 / (double)each);
}

// clang-format off
static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "psnr", sizeof(range_params), CNN_TABLE(range_table),
                         "Peak signal-to-noise ratio of an image, in decibels.", "psnr"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_MEAN, .build = psnr },
    { .c = CNN_COMPONENT(cnn_layer, "ssim", sizeof(range_params), CNN_TABLE(range_table),
                         "Structural similarity of images, 1 for equal ones.", "ssim"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_MEAN, .build = ssim },
    { .c = CNN_COMPONENT(cnn_layer, "border_error", sizeof(border_params), CNN_TABLE(border_table),
                         "Mean of the absolute differences at the border of an image.",
                         "border_error: 4"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_ERROR, .build = border_error },
    { .c = CNN_COMPONENT(cnn_layer, "inner_error", sizeof(border_params), CNN_TABLE(border_table),
                         "Mean of the absolute differences inside of the border of an image.",
                         "inner_error: 4"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_ERROR, .build = inner_error },
};
// clang-format on

CNN_PLUGIN(.name = "image_metrics", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Metrics of images", .layers = CNN_TABLE(layers));
