/* darken, gaussian_noise: what little light makes of a picture. Bytes are read as 0..255 of the
 * full range 1, and results that do not fit into a byte are cut; floats are left as they come out.
 */
#include "transforms.h"

typedef struct darken_params {
    cnn_floats gain;
    double gamma;
} darken_params;

typedef struct noise_params {
    double sigma;
    double shot;
} noise_params;

static const cnn_param darken_table[] = {
    { CNN_FIELD(darken_params, gain, FLOATS), .min = 1e-6, .max = 1e6, .min_count = 1,
      .max_count = 2,
      .help = "factor, below 1 for a darker picture; [low, high]: another one for each picture, "
              "uniform in its logarithm" },
    { CNN_FIELD(darken_params, gamma, FLOAT), .def = "1", .min = 1e-3, .max = 1e3,
      .help = "exponent before the factor; above 1 dark places lose more than bright ones" },
};

static const cnn_param noise_table[] = {
    { CNN_FIELD(noise_params, sigma, FLOAT), .min = 0, .max = 1e6,
      .help = "standard deviation, as a part of the full range 1" },
    { CNN_FIELD(noise_params, shot, FLOAT), .def = "0", .min = 0, .max = 1e6,
      .help = "shot noise: adds shot * value to the variance, as counting photons does" },
};

enum { BYTES = 256, DRAWN = 4 /* normal numbers of one block of random bits */ };

static uint8_t as_byte(double v)
{
    double scaled = v * 255 + 0.5;
    return scaled >= 255 ? 255 : scaled > 0 ? (uint8_t)scaled : 0;
}

static cnn_status infer_same(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    (void)params;
    (void)err;
    *out = *in;
    return CNN_OK;
}

/* ---- darken */

/* low (high / low)^u with u in [0, 1): as many pictures between one stop and two as between two and
 * three. */
static double draw_gain(const cnn_floats *gain, cnn_rng *rng)
{
    double low = gain->v[0];
    return gain->count < 2 ? low : low * pow(gain->v[1] / low, (double)cnn_rng_uniform(rng));
}

/* gain * max(v, 0)^gamma; floats may be below 0 after noise. */
static double darker(double gain, double gamma, double v)
{
    return gain * pow(v > 0 ? v : 0, gamma);
}

static cnn_status apply_darken(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                               cnn_rng *rng, cnn_error *err)
{
    const darken_params *p = params;
    double gain = draw_gain(&p->gain, rng);
    int64_t n = cnn_count(&in->type);
    uint8_t table[BYTES];
    (void)err;
    if (in->type.dtype == CNN_F32) {
        for (int64_t i = 0; i < n; i++)
            cnn_f32(out)[i] = (float)darker(gain, p->gamma, (double)cnn_f32(in)[i]);
        return CNN_OK;
    }
    for (int i = 0; i < BYTES; i++)
        table[i] = as_byte(darker(gain, p->gamma, (double)i / 255));
    for (int64_t i = 0; i < n; i++)
        cnn_u8(out)[i] = table[cnn_u8(in)[i]];
    return CNN_OK;
}

/* ---- gaussian_noise */

/* Standard normal numbers by Box-Muller, both of each pair of uniform ones; 1 - u keeps the
 * logarithm's argument in (0, 1]. */
static void draw(cnn_rng *rng, double z[DRAWN])
{
    for (int i = 0; i < DRAWN; i += 2) {
        double u = cnn_rng_uniform(rng), v = cnn_rng_uniform(rng);
        double radius = sqrt(-2.0 * log(1.0 - u)), angle = 6.283185307179586476925 * v;
        z[i] = radius * cos(angle);
        z[i + 1] = radius * sin(angle);
    }
}

/* v + N(0, sigma^2 + shot * v): a sensor's noise, its counting of photons taken as normal. */
static cnn_status apply_noise(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                              cnn_rng *rng, cnn_error *err)
{
    const noise_params *p = params;
    int64_t n = cnn_count(&in->type);
    bool bytes = in->type.dtype == CNN_U8;
    double z[DRAWN];
    (void)err;
    for (int64_t i = 0; i < n; i++) {
        if (i % DRAWN == 0)
            draw(rng, z);
        double v = (double)transform_get(in, i) / (bytes ? 255 : 1);
        v += z[i % DRAWN] * sqrt(p->sigma * p->sigma + p->shot * (v > 0 ? v : 0));
        if (bytes)
            cnn_u8(out)[i] = as_byte(v);
        else
            cnn_f32(out)[i] = (float)v;
    }
    return CNN_OK;
}

// clang-format off
static const cnn_transform transforms[] = {
    { .c = CNN_COMPONENT(cnn_transform, "darken", sizeof(darken_params), CNN_TABLE(darken_table),
                         "Less light: gain * v^gamma of values in 0..1.",
                         "degrade: [darken: {gain: [0.1, 0.4], gamma: 1.5}]"),
      .infer = infer_same, .apply = apply_darken },
    { .c = CNN_COMPONENT(cnn_transform, "gaussian_noise", sizeof(noise_params),
                         CNN_TABLE(noise_table), "Normal noise on every value.",
                         "degrade: [gaussian_noise: {sigma: 0.02}]"),
      .infer = infer_same, .apply = apply_noise },
};
// clang-format on

CNN_PLUGIN(.name = "light", .version = TRANSFORM_VERSION, .license = TRANSFORM_LICENSE,
           .summary = "Transforms that spoil a picture's light",
           .transforms = CNN_TABLE(transforms));
