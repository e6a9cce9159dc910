/* What the transforms share: pixels as floats whatever they are stored as. */
#ifndef CNNRUN_PLUGINS_TRANSFORMS_H
#define CNNRUN_PLUGINS_TRANSFORMS_H

#include <cnnrun/plugin.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define TRANSFORM_VERSION "0.1.0"
#define TRANSFORM_LICENSE "MIT"

/* A sample C x H x W? */
static inline cnn_status transform_wants_image(const char *name, const cnn_type *in, cnn_error *err)
{
    if (in->rank == 3)
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID,
                    "%s wants images (channels x height x width), but the samples have %" PRIu32
                    " axes",
                    name, in->rank);
}

static inline float transform_get(const cnn_tensor *t, int64_t i)
{
    return t->type.dtype == CNN_U8 ? (float)cnn_u8(t)[i] : cnn_f32(t)[i];
}

/* Bytes are rounded; the callers' results never leave the range of their inputs. */
static inline void transform_set(const cnn_tensor *t, int64_t i, float v)
{
    if (t->type.dtype == CNN_U8)
        cnn_u8(t)[i] = (uint8_t)(v + 0.5f);
    else
        cnn_f32(t)[i] = v;
}

#endif
