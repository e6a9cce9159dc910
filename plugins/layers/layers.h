/* What several layers need: checks of their input that explain themselves, and the geometry of
 * windows. */
#ifndef CNNRUN_PLUGINS_LAYERS_H
#define CNNRUN_PLUGINS_LAYERS_H

#include <cnnrun/plugin.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define LAYER_VERSION "0.1.0"
#define LAYER_LICENSE "MIT"

/* Largest number accepted where a size is wanted: products of a few of them fit int64_t. */
#define LAYER_MAX_SIZE 1048576.0

/* "10x24x24": a shape without its batch axis. */
static inline const char *layer_shape(const cnn_type *t, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 1; i < t->rank && used < size; i++) {
        int n = snprintf(out + used, size - used, i == 1 ? "%" PRId64 : "x%" PRId64, t->dim[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return t->rank > 1 ? out : "a single number";
}

/* Numbers that can be computed with; pixels as bytes are not. */
static inline bool layer_is_float(cnn_builder *b, cnn_value x)
{
    if (x == CNN_NONE)
        return false;
    if (cnn_type_of(b, x)->dtype == CNN_F32)
        return true;
    cnn_reject_hint(b, "put `to_float` first in `data.transform`",
                    "wants floating-point numbers, but its input holds %s",
                    cnn_type_of(b, x)->dtype == CNN_U8 ? "bytes" : "integers");
    return false;
}

/* A batch of images, N x C x H x W of floats. */
static inline bool layer_is_image(cnn_builder *b, cnn_value x)
{
    char shape[128];
    if (!layer_is_float(b, x))
        return false;
    if (cnn_type_of(b, x)->rank == 4)
        return true;
    cnn_reject_hint(b,
                    cnn_type_of(b, x)->rank == 2 ? "put it before `flatten`, or use `reshape: "
                                                   "[channels, height, width]` first"
                                                 : "",
                    "wants images (channels x height x width), but its input is %s",
                    layer_shape(cnn_type_of(b, x), shape, sizeof shape));
    return false;
}

/* One number for both axes, or [y, x]. */
static inline void layer_pair(const cnn_ints *from, int64_t to[2])
{
    to[0] = from->v[0];
    to[1] = from->v[from->count > 1 ? 1 : 0];
}

/* One number for all sides, [y, x], or [top, bottom, left, right]. */
static inline bool layer_sides(cnn_builder *b, const cnn_ints *from, int64_t pad[4])
{
    if (from->count == 3) {
        cnn_reject(b,
                   "padding has 3 numbers; it takes 1, 2 (y, x) or 4 (top, bottom, left, right)");
        return false;
    }
    for (uint32_t i = 0; i < 4; i++)
        pad[i] = from->v[from->count == 4 ? i : from->count == 2 ? i / 2 : 0];
    return true;
}

/* U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for the weights and biases of convolutions
 * and linear layers (kaiming_uniform with a = sqrt(5)). */
static inline cnn_init layer_uniform(int64_t fan_in)
{
    double bound = fan_in > 0 ? 1.0 / sqrt((double)fan_in) : 0.0;
    return (cnn_init){ CNN_INIT_UNIFORM, -bound, bound };
}

/* log(1 + exp(x)), and x itself where the two are the same number. The minimum keeps exp finite,
 * so that the branch that is not taken has a finite gradient. */
static inline cnn_value layer_softplus(cnn_builder *b, cnn_value x, double threshold)
{
    cnn_value limit = cnn_number(b, threshold);
    cnn_value soft = cnn_log1p(b, cnn_exp(b, cnn_min(b, limit, x)));
    return cnn_select(b, cnn_lt(b, limit, x), x, soft);
}

#endif
