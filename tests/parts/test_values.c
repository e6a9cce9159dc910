/* to_float, normalize. */
#include "parts.h"

typedef struct normalize_params {
    cnn_floats mean, std;
} normalize_params;

static const cnn_transform *find(const char *name)
{
    return part_find(&cnnrun_plugin.transforms, name);
}

static void to_float_divides_bytes_by_255(void)
{
    uint8_t in[4] = { 0, 51, 128, 255 };
    float out[4];
    cnn_type from = cnn_type3(CNN_U8, 1, 2, 2), to;
    cnn_error err;
    CHECK(find("to_float")->infer(NULL, &from, &to, &err) == CNN_OK);
    CHECK_INT(to.dtype, CNN_F32);
    cnn_tensor a = { from, in }, b = { to, out };
    CHECK(find("to_float")->apply(NULL, &a, &b, NULL, &err) == CNN_OK);
    CHECK_NEAR(out[0], 0, 0);
    CHECK_NEAR(out[1], 51.0f / 255.0f, 0);
    CHECK_NEAR(out[3], 1, 0);
}

static void to_float_leaves_floats_and_refuses_integers(void)
{
    float in[2] = { 3, -4 }, out[2];
    cnn_type from = cnn_type1(CNN_F32, 2), to, labels = cnn_type1(CNN_I32, 2);
    cnn_error err;
    CHECK(find("to_float")->infer(NULL, &from, &to, &err) == CNN_OK);
    cnn_tensor a = { from, in }, b = { to, out };
    CHECK(find("to_float")->apply(NULL, &a, &b, NULL, &err) == CNN_OK);
    CHECK_NEAR(out[1], -4, 0);
    CHECK(find("to_float")->infer(NULL, &labels, &to, &err) == CNN_INVALID);
}

static void normalize_takes_a_number_per_channel(void)
{
    float in[4] = { 1, 2, 3, 4 }, out[4];
    const double mean[2] = { 1, 2 }, std[2] = { 0.5, 4 };
    normalize_params p = { { 2, -1, mean }, { 2, -1, std } };
    cnn_type type = cnn_type3(CNN_F32, 2, 1, 2), to;
    cnn_error err;
    CHECK(find("normalize")->infer(&p, &type, &to, &err) == CNN_OK);
    cnn_tensor a = { type, in }, b = { to, out };
    CHECK(find("normalize")->apply(&p, &a, &b, NULL, &err) == CNN_OK);
    CHECK_NEAR(out[0], 0, 0);
    CHECK_NEAR(out[1], 2, 0);
    CHECK_NEAR(out[3], 0.5, 0);
}

static void normalize_takes_one_number_for_all(void)
{
    float in[2] = { 1, 0 }, out[2];
    const double mean = 0.1307, std = 0.3081;
    normalize_params p = { { 1, -1, &mean }, { 1, -1, &std } };
    cnn_type type = cnn_type3(CNN_F32, 2, 1, 1);
    cnn_tensor a = { type, in }, b = { type, out };
    cnn_error err;
    CHECK(find("normalize")->apply(&p, &a, &b, NULL, &err) == CNN_OK);
    CHECK_NEAR(out[0], 2.8214867f, 1e-6);
    CHECK_NEAR(out[1], -0.4242129f, 1e-6);
}

static void normalize_names_what_does_not_fit(void)
{
    const double three[3] = { 0, 0, 0 }, one = 1;
    normalize_params p = { { 3, -1, three }, { 1, -1, &one } };
    cnn_type type = cnn_type3(CNN_F32, 1, 2, 2), bytes = cnn_type3(CNN_U8, 3, 2, 2), to;
    cnn_error err;
    CHECK(find("normalize")->infer(&p, &type, &to, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "3 numbers in `mean`");
    CHECK_HAS(err.text, "1 channels");
    CHECK(find("normalize")->infer(&p, &bytes, &to, &err) == CNN_INVALID);
    CHECK_HAS(err.hint, "to_float");
}

int main(void)
{
    return RUN_TESTS(
        TEST(to_float_divides_bytes_by_255), TEST(to_float_leaves_floats_and_refuses_integers),
        TEST(normalize_takes_a_number_per_channel), TEST(normalize_takes_one_number_for_all),
        TEST(normalize_names_what_does_not_fit));
}
