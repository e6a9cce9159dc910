/* darken, gaussian_noise. */
#include "parts.h"

#include <stdlib.h>

typedef struct darken_params {
    cnn_floats gain;
    double gamma;
} darken_params;

/* One gain. */
static darken_params darken(const double *gain, double gamma)
{
    return (darken_params){ { 1, -1, gain }, gamma };
}

typedef struct noise_params {
    double sigma, shot;
} noise_params;

enum { MANY = 3 * 64 * 64 };

static const cnn_transform *find(const char *name)
{
    return part_find(&cnnrun_plugin.transforms, name);
}

static void apply(const char *name, const void *params, cnn_type type, const void *in, void *out,
                  cnn_rng *rng)
{
    cnn_type to;
    cnn_error err = { "", "" };
    CHECK(find(name)->infer(params, &type, &to, &err) == CNN_OK);
    CHECK(cnn_same_type(&type, &to));
    const cnn_tensor a = { type, (void *)(uintptr_t)in }, b = { to, out };
    CHECK(find(name)->apply(params, &a, &b, rng, &err) == CNN_OK);
}

static void darken_is_a_factor_and_a_power(void)
{
    const float in[4] = { 0, 0.25f, 1, -0.5f };
    float out[4];
    const double gain = 0.2;
    const darken_params p = darken(&gain, 1.5);
    apply("darken", &p, cnn_type3(CNN_F32, 1, 2, 2), in, out, NULL);
    CHECK_NEAR(out[0], 0, 0);
    CHECK_NEAR(out[1], 0.2 * 0.125, 1e-8); /* 0.25^1.5 = 1/8 */
    CHECK_NEAR(out[2], 0.2, 1e-8);
    CHECK_NEAR(out[3], 0, 0);
}

static void darken_rounds_bytes_and_cuts_what_does_not_fit(void)
{
    const uint8_t in[4] = { 0, 51, 102, 255 };
    uint8_t out[4];
    const double gains[3] = { 0.5, 1, 4 };
    const darken_params half = darken(&gains[0], 1), square = darken(&gains[1], 2);
    const darken_params four = darken(&gains[2], 1);
    cnn_type type = cnn_type3(CNN_U8, 1, 2, 2);
    apply("darken", &half, type, in, out, NULL);
    CHECK_INT(out[1], 26); /* 25.5 */
    CHECK_INT(out[3], 128);
    apply("darken", &square, type, in, out, NULL);
    CHECK_INT(out[1], 10); /* 0.2^2 * 255 = 10.2 */
    CHECK_INT(out[2], 41); /* 0.4^2 * 255 = 40.8 */
    CHECK_INT(out[3], 255);
    apply("darken", &four, type, in, out, NULL);
    CHECK_INT(out[1], 204);
    CHECK_INT(out[2], 255);
}

/* Logarithms uniform between those of 0.1 and 0.4: a half below 0.2. */
static void darken_draws_a_gain_for_each_picture(void)
{
    const double range[2] = { 0.1, 0.4 };
    const darken_params p = { { 2, -1, range }, 1 };
    const float in[2] = { 1, 0.5f };
    float out[2], first = 0;
    int low = 0, same = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        cnn_rng rng = cnn_rng_at(1, CNN_RNG_DEGRADE, 0, i << 32);
        apply("darken", &p, cnn_type3(CNN_F32, 1, 1, 2), in, out, &rng);
        CHECK(out[0] >= 0.1f && out[0] <= 0.4f && out[1] == 0.5f * out[0]);
        low += out[0] < 0.2f;
        same += i > 0 && out[0] == first;
        first = i == 0 ? out[0] : first;
    }
    CHECK_NEAR(low, 500, 4 * sqrt(250));
    CHECK(same < 5);
}

/* Mean and standard deviation of what noise adds to a constant. */
static void measure(const noise_params *p, float level, double *mean, double *deviation)
{
    static float in[MANY], out[MANY];
    cnn_rng rng = cnn_rng_at(1, CNN_RNG_DEGRADE, 0, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < MANY; i++)
        in[i] = level;
    apply("gaussian_noise", p, cnn_type3(CNN_F32, 3, 64, 64), in, out, &rng);
    for (int i = 0; i < MANY; i++) {
        double d = (double)out[i] - (double)level;
        sum += d;
        squares += d * d;
    }
    *mean = sum / MANY;
    *deviation = sqrt(squares / MANY - *mean * *mean);
}

/* The tolerances are four standard errors: sigma / sqrt(n) and sigma / sqrt(2 n). */
static void noise_has_the_mean_0_and_the_wanted_deviation(void)
{
    double mean, deviation;
    measure(&(noise_params){ 0.05, 0 }, 0.5f, &mean, &deviation);
    CHECK_NEAR(mean, 0, 4 * 0.05 / sqrt(MANY));
    CHECK_NEAR(deviation, 0.05, 4 * 0.05 / sqrt(2.0 * MANY));
    /* sqrt(0.03^2 + 0.01 * 0.16) = 0.05, and without light only sigma is left */
    measure(&(noise_params){ 0.03, 0.01 }, 0.16f, &mean, &deviation);
    CHECK_NEAR(deviation, 0.05, 4 * 0.05 / sqrt(2.0 * MANY));
    measure(&(noise_params){ 0.03, 0.01 }, 0, &mean, &deviation);
    CHECK_NEAR(deviation, 0.03, 4 * 0.03 / sqrt(2.0 * MANY));
}

/* Shares of numbers within one and two standard deviations: 0.6827, 0.9545. */
static void noise_is_normal(void)
{
    static float in[MANY], out[MANY];
    const noise_params p = { 1, 0 };
    cnn_rng rng = cnn_rng_at(2, CNN_RNG_DEGRADE, 0, 0);
    int within[2] = { 0, 0 };
    apply("gaussian_noise", &p, cnn_type3(CNN_F32, 3, 64, 64), in, out, &rng);
    for (int i = 0; i < MANY; i++) {
        within[0] += fabs((double)out[i]) < 1;
        within[1] += fabs((double)out[i]) < 2;
    }
    CHECK_NEAR((double)within[0] / MANY, 0.6827, 4 * sqrt(0.6827 * 0.3173 / MANY));
    CHECK_NEAR((double)within[1] / MANY, 0.9545, 4 * sqrt(0.9545 * 0.0455 / MANY));
}

static void noise_is_the_same_for_the_same_numbers(void)
{
    const float in[5] = { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f };
    float a[5], b[5], c[5];
    const noise_params p = { 0.1, 0 };
    cnn_type type = cnn_type1(CNN_F32, 5);
    cnn_rng first = cnn_rng_at(1, CNN_RNG_DEGRADE, 3, 7), again = first;
    cnn_rng other = cnn_rng_at(1, CNN_RNG_DEGRADE, 4, 7);
    apply("gaussian_noise", &p, type, in, a, &first);
    apply("gaussian_noise", &p, type, in, b, &again);
    apply("gaussian_noise", &p, type, in, c, &other);
    CHECK(memcmp(a, b, sizeof a) == 0 && memcmp(a, c, sizeof a) != 0);
    CHECK(a[4] != in[4]); /* behind the last whole block of four */
}

static void noisy_bytes_stay_bytes(void)
{
    static uint8_t in[MANY], out[MANY];
    const noise_params p = { 0.5, 0 };
    cnn_rng rng = cnn_rng_at(1, CNN_RNG_DEGRADE, 0, 0);
    int64_t dark = 0, bright = 0;
    memset(in, 128, sizeof in);
    apply("gaussian_noise", &p, cnn_type3(CNN_U8, 3, 64, 64), in, out, &rng);
    for (int i = 0; i < MANY; i++) {
        dark += out[i] == 0;
        bright += out[i] == 255;
    }
    /* a sixth lies more than one standard deviation below, and a sixth above */
    CHECK_NEAR((double)dark / MANY, 0.159, 0.02);
    CHECK_NEAR((double)bright / MANY, 0.159, 0.02);
}

int main(void)
{
    return RUN_TESTS(TEST(darken_is_a_factor_and_a_power),
                     TEST(darken_rounds_bytes_and_cuts_what_does_not_fit),
                     TEST(darken_draws_a_gain_for_each_picture),
                     TEST(noise_has_the_mean_0_and_the_wanted_deviation), TEST(noise_is_normal),
                     TEST(noise_is_the_same_for_the_same_numbers), TEST(noisy_bytes_stay_bytes));
}
