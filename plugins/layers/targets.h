/* Targets beside predictions, for losses and metrics. */
#ifndef CNNRUN_PLUGINS_TARGETS_H
#define CNNRUN_PLUGINS_TARGETS_H

#include "layers.h"

/* Predictions [N, C, ...] with i32 labels [N, ...]? */
static inline bool targets_are_labels(cnn_builder *b, cnn_value x, cnn_value target)
{
    char shape[128];
    if (target == CNN_NONE || !layer_is_float(b, x))
        return false;
    const cnn_type *t = cnn_type_of(b, target), *p = cnn_type_of(b, x);
    int64_t classes = cnn_classes(b);
    if (t->dtype != CNN_I32) {
        cnn_reject_hint(b, "use `mse`, `l1` or `bce_with_logits` for targets that are numbers",
                        "wants a class per sample, but the data set's targets are %s numbers",
                        layer_shape(t, shape, sizeof shape));
        return false;
    }
    bool same = p->rank == t->rank + 1 && p->dim[0] == t->dim[0];
    for (uint32_t i = 1; same && i < t->rank; i++)
        same = p->dim[i + 1] == t->dim[i];
    if (!same) {
        cnn_reject_hint(b, "end the model with `flatten` and `linear: classes`",
                        "wants one score per class for each sample, but the model gives %s",
                        layer_shape(p, shape, sizeof shape));
        return false;
    }
    if (classes > p->dim[1]) {
        cnn_reject_hint(b, "end the model with `linear: classes`",
                        "the data set has %" PRId64 " classes, but the model gives %" PRId64
                        " scores",
                        classes, p->dim[1]);
        return false;
    }
    return true;
}

/* The next axis from `i` on that is longer than 1. */
static inline uint32_t targets_next_axis(const cnn_type *t, uint32_t i)
{
    while (i < t->rank && t->dim[i] == 1)
        i++;
    return i;
}

/* Equal but for axes of length 1: a column [N, 1] may meet targets [N]. */
static inline bool targets_fit(const cnn_type *x, const cnn_type *t)
{
    uint32_t i = targets_next_axis(x, 0), j = targets_next_axis(t, 0);
    while (i < x->rank && j < t->rank && x->dim[i] == t->dim[j]) {
        i = targets_next_axis(x, i + 1);
        j = targets_next_axis(t, j + 1);
    }
    return i == x->rank && j == t->rank;
}

/* The targets as floats in the shape of the predictions. */
static inline cnn_value targets_like(cnn_builder *b, cnn_value x)
{
    char model[128], data[128];
    cnn_value target = cnn_target(b);
    if (target == CNN_NONE || !layer_is_float(b, x))
        return CNN_NONE;
    cnn_type p = *cnn_type_of(b, x), t = *cnn_type_of(b, target);
    if (!targets_fit(&p, &t))
        return cnn_reject(b, "the model gives %s, but a target of the data set is %s",
                          layer_shape(&p, model, sizeof model), layer_shape(&t, data, sizeof data));
    if (t.dtype != CNN_F32)
        target = cnn_cast(b, target, CNN_F32);
    return cnn_same_shape(&p, &t) ? target : cnn_reshape(b, target, p.rank, p.dim);
}

#endif
