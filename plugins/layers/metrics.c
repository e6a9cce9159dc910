/* Metrics: sums over the samples of a batch; the host divides by their number at the end. */
#include "targets.h"

#include <stdlib.h>

typedef struct top_k_params {
    int64_t k;
} top_k_params;

static const cnn_param top_k_table[] = {
    { CNN_FIELD(top_k_params, k, INT), .def = "5", .min = 1, .max = LAYER_MAX_SIZE,
      .help = "the target must be among so many best scores" },
};

/* Sum over the samples, mean over what a sample has several of (pixels, values). */
static cnn_value sum_of_means(cnn_builder *b, cnn_value x)
{
    const cnn_type *t = cnn_type_of(b, x);
    int64_t each = cnn_span(t, 1, t->rank);
    cnn_value sum = cnn_reduce(b, x, CNN_REDUCE_SUM, cnn_all_axes(b, x), false);
    return each > 1 ? cnn_scale(b, sum, 1.0 / (double)each) : sum;
}

static cnn_value accuracy(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0), target = cnn_target(b);
    if (!targets_are_labels(b, x, target))
        return CNN_NONE;
    cnn_value best = cnn_cast(b, cnn_argmax(b, x, 1), CNN_F32);
    return sum_of_means(b, cnn_eq(b, best, cnn_cast(b, target, CNN_F32)));
}

/* labels i32 [N] -> f32 [N, C] with a 1 in the column of the label. */
static cnn_value one_hot(cnn_builder *b, cnn_value labels, int64_t classes)
{
    int64_t column[2] = { cnn_dim(b, labels, 0), 1 };
    float *numbers = malloc((size_t)classes * sizeof *numbers);
    if (numbers == NULL)
        return cnn_reject(b, "not enough memory for %" PRId64 " classes", classes);
    for (int64_t i = 0; i < classes; i++)
        numbers[i] = (float)i;
    cnn_value row = cnn_constant(b, cnn_type2(CNN_F32, 1, classes), numbers);
    free(numbers);
    return cnn_eq(b, cnn_reshape(b, cnn_cast(b, labels, CNN_F32), 2, column), row);
}

static bool one_label_each(cnn_builder *b, cnn_value x, cnn_value target)
{
    if (!targets_are_labels(b, x, target))
        return false;
    if (cnn_type_of(b, x)->rank == 2)
        return true;
    cnn_reject(b, "wants one label per sample, but the data set has one per pixel");
    return false;
}

/* Right where fewer than k scores are above the target's; written so that a NaN is never right. */
static cnn_value top_k(cnn_builder *b, const void *params)
{
    const top_k_params *p = params;
    cnn_value x = cnn_input(b, 0), target = cnn_target(b);
    if (!one_label_each(b, x, target))
        return CNN_NONE;
    cnn_value hot = one_hot(b, target, cnn_dim(b, x, 1));
    cnn_value own = cnn_select(b, hot, x, cnn_number(b, 0));
    own = cnn_reduce(b, own, CNN_REDUCE_SUM, 1 << 1, true);
    cnn_value above = cnn_sub(b, cnn_number(b, 1), cnn_le(b, x, own));
    above = cnn_reduce(b, above, CNN_REDUCE_SUM, 1 << 1, false);
    return sum_of_means(b, cnn_lt(b, above, cnn_number(b, (double)p->k)));
}

/* counts[target][prediction] = one_hot(target)^T one_hot(prediction) */
static cnn_value confusion(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0), target = cnn_target(b);
    if (!one_label_each(b, x, target))
        return CNN_NONE;
    int64_t classes = cnn_dim(b, x, 1);
    return cnn_matmul(b, one_hot(b, target, classes), one_hot(b, cnn_argmax(b, x, 1), classes),
                      true, false);
}

static cnn_value mean_squared_error(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0), d = cnn_sub(b, x, targets_like(b, x));
    return sum_of_means(b, cnn_mul(b, d, d));
}

static cnn_value mean_absolute_error(cnn_builder *b, const void *params)
{
    (void)params;
    cnn_value x = cnn_input(b, 0);
    return sum_of_means(b, cnn_abs(b, cnn_sub(b, x, targets_like(b, x))));
}

// clang-format off
static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "accuracy", 0, CNN_NO_PARAMS,
                         "Share of the samples whose best score is the target's.", "accuracy"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_PERCENT, .build = accuracy },
    { .c = CNN_COMPONENT(cnn_layer, "top_k", sizeof(top_k_params), CNN_TABLE(top_k_table),
                         "Share of the samples whose target is among the k best scores.", "top_k: 5"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_PERCENT, .build = top_k },
    { .c = CNN_COMPONENT(cnn_layer, "confusion", 0, CNN_NO_PARAMS,
                         "How often each class was taken for each other.", "confusion"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_COUNTS, .build = confusion },
    { .c = CNN_COMPONENT(cnn_layer, "mean_squared_error", 0, CNN_NO_PARAMS,
                         "Mean of the squared differences.", "mean_squared_error"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_ERROR, .build = mean_squared_error },
    { .c = CNN_COMPONENT(cnn_layer, "mean_absolute_error", 0, CNN_NO_PARAMS,
                         "Mean of the absolute differences.", "mean_absolute_error"),
      .role = CNN_ROLE_METRIC, .metric = CNN_METRIC_ERROR, .build = mean_absolute_error },
};
// clang-format on

CNN_PLUGIN(.name = "metrics", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Metrics", .layers = CNN_TABLE(layers));
