#include "test.h"

#include <stdlib.h>

#include <cnnrun/rng.h>

#include "init.h"

enum { MANY = 40000 };

typedef struct moments {
    double mean, std, low, high;
} moments;

static moments moments_of(const float *x, int64_t n)
{
    moments m = { 0, 0, x[0], x[0] };
    for (int64_t i = 0; i < n; i++) {
        m.mean += x[i] / (double)n;
        m.low = fmin(m.low, x[i]);
        m.high = fmax(m.high, x[i]);
    }
    for (int64_t i = 0; i < n; i++)
        m.std += (x[i] - m.mean) * (x[i] - m.mean) / (double)n;
    m.std = sqrt(m.std);
    return m;
}

static float *fill(cnn_init_kind kind, double a, double b, cnn_type type)
{
    const cnn_init init = { (uint32_t)kind, a, b };
    float *x = malloc((size_t)cnn_count(&type) * sizeof *x + 1);
    cnn_init_fill(&init, &type, "2.weight", 5, x);
    return x;
}

/* Moments of a filled tensor of the shape [200, 8, 5, 5]: fan_in 200, fan_out 5000. */
static moments of_kind(cnn_init_kind kind, double a, double b)
{
    float *x = fill(kind, a, b, cnn_type4(CNN_F32, 200, 8, 5, 5));
    moments m = moments_of(x, MANY);
    free(x);
    return m;
}

static void uniform_and_normal_have_their_moments(void)
{
    moments m = of_kind(CNN_INIT_UNIFORM, -1, 3);
    CHECK_NEAR(m.mean, 1, 0.02);
    CHECK_NEAR(m.std, 4 / sqrt(12), 0.02);
    CHECK(m.low >= -1 && m.low < -0.99 && m.high <= 3 && m.high > 2.99);
    m = of_kind(CNN_INIT_NORMAL, 2, 0.5);
    CHECK_NEAR(m.mean, 2, 0.01);
    CHECK_NEAR(m.std, 0.5, 0.01);
    m = of_kind(CNN_INIT_CONSTANT, 0.25, 0);
    CHECK(m.low == 0.25 && m.high == 0.25);
}

static void kaiming_and_xavier_follow_the_fans(void)
{
    moments m = of_kind(CNN_INIT_KAIMING_NORMAL, sqrt(2), 0);
    CHECK_NEAR(m.std, sqrt(2.0 / 200), 0.002);
    m = of_kind(CNN_INIT_KAIMING_NORMAL, 1, 1);
    CHECK_NEAR(m.std, 1 / sqrt(5000), 0.0003);
    m = of_kind(CNN_INIT_KAIMING_UNIFORM, sqrt(2), 0);
    CHECK_NEAR(m.high, sqrt(6.0 / 200), 0.001);
    CHECK_NEAR(m.low, -sqrt(6.0 / 200), 0.001);
    m = of_kind(CNN_INIT_XAVIER_NORMAL, 2, 0);
    CHECK_NEAR(m.std, 2 * sqrt(2.0 / 5200), 0.0006);
    m = of_kind(CNN_INIT_XAVIER_UNIFORM, 1, 0);
    CHECK_NEAR(m.high, sqrt(6.0 / 5200), 0.0002);
    CHECK(m.high <= sqrt(6.0 / 5200) + 1e-9);
}

static void trunc_normal_is_cut_at_two(void)
{
    moments m = of_kind(CNN_INIT_TRUNC_NORMAL, 0, 1);
    CHECK_NEAR(m.std, 0.8796, 0.01); /* of a standard normal cut at +-2 */
    CHECK(m.high <= 2 && m.high > 1.95 && m.low >= -2 && m.low < -1.95);
    m = of_kind(CNN_INIT_TRUNC_NORMAL, 0, 0.02);
    CHECK_NEAR(m.std, 0.02, 0.0004);
    CHECK(m.high < 0.12 && m.low > -0.12);
    m = of_kind(CNN_INIT_TRUNC_NORMAL, 1.9, 0.5);
    CHECK(m.high <= 2 && m.mean < 1.9 && m.mean > 1.3);
    m = of_kind(CNN_INIT_TRUNC_NORMAL, 0.5, 0);
    CHECK(m.low == 0.5 && m.high == 0.5);
}

/* The k-th value lies at the quantile that the k-th uniform number asks for. */
static void trunc_normal_inverts_the_distribution(void)
{
    float *x = fill(CNN_INIT_TRUNC_NORMAL, 0, 1, cnn_type1(CNN_F32, 1000));
    double low = 0.5 * erfc(sqrt(2.0)), worst = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        double u =
            (double)cnn_unit_float(cnn_random_bits(5, CNN_RNG_INIT, cnn_hash_text("2.weight"), i));
        double quantile = 0.5 * erfc(-(double)x[i] / sqrt(2.0));
        worst = fmax(worst, fabs((quantile - low) / (1 - 2 * low) - u));
    }
    CHECK_NEAR(worst, 0, 2e-7); /* rounding to float, and half a step of u */
    free(x);
}

/* Rows of [n, m] if n <= m, else columns, have the length `gain` and are orthogonal. */
static void check_orthogonal(cnn_type type, double gain)
{
    int64_t n = type.dim[0], m = cnn_count(&type) / n;
    int64_t count = n <= m ? n : m, length = n <= m ? m : n;
    float *x = fill(CNN_INIT_ORTHOGONAL, gain, 0, type);
    double worst = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < count; j++) {
            double sum = i == j ? -gain * gain : 0;
            for (int64_t k = 0; k < length; k++)
                sum += n <= m ? (double)x[i * m + k] * (double)x[j * m + k]
                              : (double)x[k * m + i] * (double)x[k * m + j];
            worst = fmax(worst, fabs(sum));
        }
    CHECK_NEAR(worst, 0, 1e-6 * gain * gain);
    free(x);
}

static void orthogonal_is_orthogonal(void)
{
    check_orthogonal(cnn_type2(CNN_F32, 30, 30), 1);
    check_orthogonal(cnn_type2(CNN_F32, 10, 50), 1.5);
    check_orthogonal(cnn_type2(CNN_F32, 50, 10), 1);
    check_orthogonal(cnn_type4(CNN_F32, 16, 3, 3, 3), sqrt(2));
    check_orthogonal(cnn_type2(CNN_F32, 1, 1), 1);
}

/* Q R = the normal matrix with a positive diagonal of R: the first row points the same way. */
static void orthogonal_keeps_the_sign_of_its_numbers(void)
{
    float *q = fill(CNN_INIT_ORTHOGONAL, 1, 0, cnn_type2(CNN_F32, 4, 9));
    float *x = fill(CNN_INIT_NORMAL, 0, 1, cnn_type2(CNN_F32, 4, 9));
    for (int i = 0; i < 4; i++) {
        double sum = 0;
        for (int k = 0; k < 9; k++)
            sum += (double)q[i * 9 + k] * (double)x[i * 9 + k];
        CHECK(sum > 0);
    }
    free(q);
    free(x);
}

static void dirac_and_eye_are_identities(void)
{
    float *x = fill(CNN_INIT_DIRAC, 0, 0, cnn_type4(CNN_F32, 3, 2, 3, 5));
    int wrong = 0;
    for (int i = 0; i < 90; i++) {
        int o = i / 30, c = i / 15 % 2, y = i / 5 % 3, z = i % 5;
        wrong += x[i] != (o == c && y == 1 && z == 2 ? 1.0f : 0.0f);
    }
    CHECK_INT(wrong, 0);
    free(x);
    x = fill(CNN_INIT_EYE, 0, 0, cnn_type2(CNN_F32, 2, 3));
    CHECK(x[0] == 1 && x[1] == 0 && x[2] == 0 && x[3] == 0 && x[4] == 1 && x[5] == 0);
    free(x);
}

static void numbers_depend_on_seed_name_and_place_only(void)
{
    const cnn_init init = { CNN_INIT_NORMAL, 0, 1 };
    const cnn_type small = cnn_type1(CNN_F32, 10), large = cnn_type2(CNN_F32, 10, 10);
    float a[10], b[100], c[10];
    cnn_init_fill(&init, &small, "w", 5, a);
    cnn_init_fill(&init, &large, "w", 5, b);
    CHECK(memcmp(a, b, sizeof a) == 0);
    cnn_init_fill(&init, &small, "v", 5, c);
    CHECK(memcmp(a, c, sizeof a) != 0);
    cnn_init_fill(&init, &small, "w", 6, c);
    CHECK(memcmp(a, c, sizeof a) != 0);
    cnn_rng rng = cnn_rng_at(5, CNN_RNG_INIT, cnn_hash_text("w"), 6);
    CHECK(a[3] == cnn_rng_normal(&rng));
}

static void the_hash_is_fnv_1a(void)
{
    CHECK(cnn_hash_text("") == 0x811c9dc5u);
    CHECK(cnn_hash_text("a") == 0xe40c292cu);
    CHECK(cnn_hash_text("foobar") == 0xbf9cf968u);
}

typedef struct reading {
    cnn_diags diags;
    cnn_init init;
    const float *data;
    bool ok;
} reading;

static reading read_init(const char *yaml, cnn_type type)
{
    reading r = { .diags = { .arena = cnn_arena_create() } };
    const cnn_doc *doc = cnn_doc_parse("t.yaml", yaml, strlen(yaml), r.diags.arena, &r.diags);
    r.ok = cnn_init_read(doc, &type, r.diags.arena, &r.diags, &r.init, &r.data);
    return r;
}

static void check_read(const char *yaml, cnn_init_kind kind, double a, double b)
{
    reading r = read_init(yaml, cnn_type4(CNN_F32, 2, 2, 3, 3));
    CHECK(r.ok && r.data == NULL);
    CHECK_INT(r.init.kind, kind);
    CHECK_NEAR(r.init.a, a, 1e-15);
    CHECK_NEAR(r.init.b, b, 1e-15);
    cnn_diags_print(&r.diags, stderr);
    cnn_arena_destroy(r.diags.arena);
}

static void check_error(const char *yaml, cnn_type type, const char *text)
{
    reading r = read_init(yaml, type);
    CHECK(!r.ok);
    if (CHECK(r.diags.count == 1))
        CHECK_HAS(r.diags.items[0].text, text);
    cnn_arena_destroy(r.diags.arena);
}

static void names_have_pytorch_s_defaults(void)
{
    check_read("zeros", CNN_INIT_CONSTANT, 0, 0);
    check_read("ones", CNN_INIT_CONSTANT, 1, 0);
    check_read("0.5", CNN_INIT_CONSTANT, 0.5, 0);
    check_read("-1e-3", CNN_INIT_CONSTANT, -1e-3, 0);
    check_read("constant: 3", CNN_INIT_CONSTANT, 3, 0);
    check_read("uniform", CNN_INIT_UNIFORM, 0, 1);
    check_read("uniform: {a: -2, b: 2}", CNN_INIT_UNIFORM, -2, 2);
    check_read("normal", CNN_INIT_NORMAL, 0, 1);
    check_read("normal: {mean: 1, std: 0.01}", CNN_INIT_NORMAL, 1, 0.01);
    check_read("trunc_normal: {std: 0.02}", CNN_INIT_TRUNC_NORMAL, 0, 0.02);
    check_read("xavier_uniform: {gain: 2}", CNN_INIT_XAVIER_UNIFORM, 2, 0);
    check_read("xavier_normal", CNN_INIT_XAVIER_NORMAL, 1, 0);
    check_read("orthogonal", CNN_INIT_ORTHOGONAL, 1, 0);
    check_read("dirac", CNN_INIT_DIRAC, 0, 0);
}

static void kaiming_has_the_gain_of_what_follows(void)
{
    check_read("kaiming_normal", CNN_INIT_KAIMING_NORMAL, sqrt(2), 0);
    check_read("kaiming_uniform: {a: 2.23606797749979}", CNN_INIT_KAIMING_UNIFORM,
               0.57735026918962573, 0);
    check_read("kaiming_normal: {mode: fan_out, nonlinearity: relu}", CNN_INIT_KAIMING_NORMAL,
               sqrt(2), 1);
    check_read("kaiming_normal: {nonlinearity: tanh}", CNN_INIT_KAIMING_NORMAL, 5.0 / 3, 0);
    check_read("kaiming_normal: {nonlinearity: selu}", CNN_INIT_KAIMING_NORMAL, 0.75, 0);
    check_read("kaiming_normal: {nonlinearity: linear}", CNN_INIT_KAIMING_NORMAL, 1, 0);
    check_read("kaiming_normal: {nonlinearity: sigmoid}", CNN_INIT_KAIMING_NORMAL, 1, 0);
}

static void lists_of_numbers_are_the_weights(void)
{
    reading r = read_init("[[1, 2, 3], [4, 5, 6]]", cnn_type4(CNN_F32, 1, 1, 2, 3));
    CHECK(r.ok && r.data != NULL);
    if (r.data != NULL)
        CHECK(r.data[0] == 1 && r.data[3] == 4 && r.data[5] == 6);
    cnn_arena_destroy(r.diags.arena);
    check_error("[1, 2, 3]", cnn_type1(CNN_F32, 4), "init has 3 numbers, the shape [4] needs 4");
}

static void wrong_entries_are_explained(void)
{
    const cnn_type matrix = cnn_type2(CNN_F32, 2, 3), vector = cnn_type1(CNN_F32, 3);
    check_error("kaimin_normal", matrix, "no initialiser 'kaimin_normal'");
    check_error("{zeros: , ones: }", matrix, "one initialiser is wanted here, not 2");
    check_error("kaiming_normal", vector,
                "kaiming_normal needs a weight of 2 to 6 axes, this one has the shape [3]");
    check_error("eye", vector, "eye needs a weight of 2 axes");
    check_error("dirac", matrix, "dirac needs a weight of 3 to 5 axes");
    check_error("{normal: {sdt: 1}}", matrix, "sdt");
    check_error("{normal: {std: -1}}", matrix, "std");
    reading r = read_init("kaimin_normal", matrix);
    CHECK_STR(r.diags.items[0].hint, "did you mean 'kaiming_normal'?");
    cnn_arena_destroy(r.diags.arena);
}

int main(void)
{
    return RUN_TESTS(
        TEST(uniform_and_normal_have_their_moments), TEST(kaiming_and_xavier_follow_the_fans),
        TEST(trunc_normal_is_cut_at_two), TEST(trunc_normal_inverts_the_distribution),
        TEST(orthogonal_is_orthogonal), TEST(orthogonal_keeps_the_sign_of_its_numbers),
        TEST(dirac_and_eye_are_identities), TEST(numbers_depend_on_seed_name_and_place_only),
        TEST(the_hash_is_fnv_1a), TEST(names_have_pytorch_s_defaults),
        TEST(kaiming_has_the_gain_of_what_follows), TEST(lists_of_numbers_are_the_weights),
        TEST(wrong_entries_are_explained));
}
