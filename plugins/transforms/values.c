/* to_float, normalize: transforms of each number by itself. */
#include "transforms.h"

typedef struct normalize_params {
    cnn_floats mean, std;
} normalize_params;

static const cnn_param normalize_table[] = {
    { CNN_FIELD(normalize_params, mean, FLOATS),
      .help = "subtracted: one number, or one per channel" },
    { CNN_FIELD(normalize_params, std, FLOATS), .def = "1", .min = 1e-12, .max = 1e12,
      .help = "divided by: one number, or one per channel" },
};

static cnn_status infer_to_float(const void *params, const cnn_type *in, cnn_type *out,
                                 cnn_error *err)
{
    (void)params;
    *out = *in;
    out->dtype = CNN_F32;
    if (in->dtype == CNN_U8 || in->dtype == CNN_F32)
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID, "to_float wants bytes, but the samples hold integers");
}

/* As torchvision's ToTensor: 0..255 becomes 0..1, floats stay. */
static cnn_status apply_to_float(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                                 cnn_rng *rng, cnn_error *err)
{
    (void)params;
    (void)rng;
    (void)err;
    int64_t n = cnn_count(&in->type);
    if (in->type.dtype == CNN_F32) {
        memcpy(out->data, in->data, (size_t)n * sizeof(float));
        return CNN_OK;
    }
    for (int64_t i = 0; i < n; i++)
        cnn_f32(out)[i] = (float)cnn_u8(in)[i] / 255.0f;
    return CNN_OK;
}

static cnn_status infer_normalize(const void *params, const cnn_type *in, cnn_type *out,
                                  cnn_error *err)
{
    const normalize_params *p = params;
    const cnn_floats *lists[2] = { &p->mean, &p->std };
    static const char *const names[2] = { "mean", "std" };
    int64_t channels = in->rank > 0 ? in->dim[0] : 1;
    *out = *in;
    if (in->dtype != CNN_F32) {
        (void)cnn_fail(err, CNN_INVALID,
                       "normalize wants floating-point numbers, but the samples hold bytes");
        cnn_hint(err, "put `to_float` before it");
        return CNN_INVALID;
    }
    for (int i = 0; i < 2; i++)
        if (lists[i]->count != 1 && (int64_t)lists[i]->count != channels)
            return cnn_fail(err, CNN_INVALID,
                            "normalize has %" PRIu32 " numbers in `%s`, but the samples have "
                            "%" PRId64 " channels",
                            lists[i]->count, names[i], channels);
    return CNN_OK;
}

static cnn_status apply_normalize(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                                  cnn_rng *rng, cnn_error *err)
{
    const normalize_params *p = params;
    (void)rng;
    (void)err;
    int64_t channels = in->type.rank > 0 ? in->type.dim[0] : 1;
    int64_t each = cnn_span(&in->type, 1, in->type.rank);
    for (int64_t c = 0; c < channels; c++) {
        float mean = (float)p->mean.v[p->mean.count > 1 ? c : 0];
        float std = (float)p->std.v[p->std.count > 1 ? c : 0];
        for (int64_t i = c * each; i < (c + 1) * each; i++)
            cnn_f32(out)[i] = (cnn_f32(in)[i] - mean) / std;
    }
    return CNN_OK;
}

static const cnn_transform transforms[] = {
    { .c = CNN_COMPONENT(cnn_transform, "to_float", 0, CNN_NO_PARAMS,
                         "Bytes 0..255 become numbers 0..1.", "transform: [to_float]"),
      .infer = infer_to_float,
      .apply = apply_to_float,
      .flags = CNN_TRANSFORM_POINTWISE },
    { .c = CNN_COMPONENT(cnn_transform, "normalize", sizeof(normalize_params),
                         CNN_TABLE(normalize_table), "(x - mean) / std, for each channel.",
                         "transform: [to_float, normalize: {mean: 0.1307, std: 0.3081}]"),
      .infer = infer_normalize,
      .apply = apply_normalize,
      .flags = CNN_TRANSFORM_POINTWISE },
};

CNN_PLUGIN(.name = "values", .version = TRANSFORM_VERSION, .license = TRANSFORM_LICENSE,
           .summary = "Transforms of single numbers", .transforms = CNN_TABLE(transforms));
