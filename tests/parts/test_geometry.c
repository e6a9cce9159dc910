/* resize, random_crop, hflip, shift, rotate. Expected numbers are worked out by hand. */
#include "parts.h"

typedef struct resize_params {
    cnn_ints size;
    bool antialias;
} resize_params;

typedef struct crop_params {
    cnn_ints size, padding;
} crop_params;

static const cnn_transform *find(const char *name)
{
    return part_find(&cnnrun_plugin.transforms, name);
}

static cnn_rng numbers(uint64_t seed)
{
    return cnn_rng_at(seed, CNN_RNG_AUGMENT, 1, 0);
}

/* 1..n as a 1 x h x w image. */
static void count(float *pixels, int n)
{
    for (int i = 0; i < n; i++)
        pixels[i] = (float)(i + 1);
}

static void apply(const char *name, const void *params, cnn_type from, const float *in, cnn_type to,
                  float *out, uint64_t seed)
{
    float copy[64];
    cnn_error err = { "", "" };
    cnn_rng rng = numbers(seed);
    memcpy(copy, in, (size_t)cnn_bytes(&from));
    cnn_tensor a = { from, copy }, b = { to, out };
    CHECK(find(name)->apply(params, &a, &b, &rng, &err) == CNN_OK);
}

/* Against the definition, pixel by pixel, for every way and for wider and narrower results. */
static void a_crop_is_a_window_with_zeros_outside(void)
{
    enum { H = 4, W = 5, PAD = 6 };
    static const int64_t sizes[][2] = { { H, W }, { 3, 4 }, { 6, 5 }, { 4, 7 }, { 1, 1 } };
    uint8_t in[2 * H * W], out[128];
    cnn_error err;
    for (int i = 0; i < 2 * H * W; i++)
        in[i] = (uint8_t)(i + 1);
    for (uint64_t i = 0; i < 400; i++) {
        const int64_t *size = sizes[i % 5], pad[1] = { PAD };
        crop_params p = { { 2, -1, size }, { 1, -1, pad } };
        cnn_rng rng = numbers(i), same = rng;
        cnn_tensor a = { cnn_type3(CNN_U8, 2, H, W), in };
        cnn_tensor b = { cnn_type3(CNN_U8, 2, size[0], size[1]), out };
        memset(out, 0xee, sizeof out);
        CHECK(find("random_crop")->apply(&p, &a, &b, &rng, &err) == CNN_OK);
        int64_t dy = (int64_t)cnn_rng_below(&same, (uint32_t)(H + 2 * PAD - size[0]) + 1) - PAD;
        int64_t dx = (int64_t)cnn_rng_below(&same, (uint32_t)(W + 2 * PAD - size[1]) + 1) - PAD;
        const uint8_t *got = out;
        for (int64_t c = 0; c < 2; c++)
            for (int64_t y = dy; y < dy + size[0]; y++)
                for (int64_t x = dx; x < dx + size[1]; x++)
                    CHECK_INT(*got++,
                              y < 0 || y >= H || x < 0 || x >= W ? 0 : in[(c * H + y) * W + x]);
        CHECK_INT(*got, 0xee); /* nothing behind the end */
    }
}

/* Of every width, so that full groups of bytes and the rest are seen. */
static void hflip_of_bytes_mirrors_rows(void)
{
    uint8_t in[2 * 40], out[2 * 40 + 1];
    const double always = 1;
    cnn_error err;
    for (int i = 0; i < 80; i++)
        in[i] = (uint8_t)(i + 1);
    for (int64_t w = 1; w <= 40; w++) {
        cnn_rng rng = numbers(1);
        cnn_tensor a = { cnn_type3(CNN_U8, 1, 2, w), in }, b = { cnn_type3(CNN_U8, 1, 2, w), out };
        memset(out, 0xee, sizeof out);
        CHECK(find("hflip")->apply(&always, &a, &b, &rng, &err) == CNN_OK);
        for (int64_t i = 0; i < 2 * w; i++)
            CHECK_INT(out[i], in[i / w * w + w - 1 - i % w]);
        CHECK_INT(out[2 * w], 0xee);
    }
}

static void hflip_mirrors_rows_or_leaves_them(void)
{
    float in[6], out[6];
    double always = 1, never = 0;
    cnn_type t = cnn_type3(CNN_F32, 1, 2, 3);
    count(in, 6);
    apply("hflip", &always, t, in, t, out, 1);
    CHECK_NEAR(out[0], 3, 0);
    CHECK_NEAR(out[1], 2, 0);
    CHECK_NEAR(out[5], 4, 0);
    apply("hflip", &never, t, in, t, out, 1);
    CHECK(memcmp(in, out, sizeof in) == 0);
}

static void hflip_flips_as_often_as_asked(void)
{
    float in[2] = { 1, 2 }, out[2];
    double p = 0.25;
    int flips = 0;
    cnn_type t = cnn_type3(CNN_F32, 1, 1, 2);
    for (uint64_t seed = 0; seed < 2000; seed++) {
        apply("hflip", &p, t, in, t, out, seed);
        flips += out[0] == 2.0f;
    }
    CHECK(flips > 430 && flips < 570); /* 500 +- 3.6 standard deviations of 19.4 */
}

/* Where the 3 x 3 image 1..9 lies in the result; (9, 9) if it is no piece of it. */
static void find_piece(const float *out, int h, int w, int *dy, int *dx)
{
    for (*dy = -4; *dy <= 4; ++*dy) {
        for (*dx = -4; *dx <= 4; ++*dx) {
            bool same = true;
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                    int sy = y + *dy, sx = x + *dx;
                    bool inside = sy >= 0 && sy < 3 && sx >= 0 && sx < 3;
                    same = same && out[y * w + x] == (inside ? (float)(sy * 3 + sx + 1) : 0.0f);
                }
            if (same)
                return;
        }
    }
    *dy = *dx = 9;
}

static void random_crop_gives_every_piece_of_the_padded_image(void)
{
    float in[9], out[6];
    const int64_t two[2] = { 2, 3 }, one = 1;
    crop_params p = { { 2, -1, two }, { 1, -1, &one } };
    cnn_type from = cnn_type3(CNN_F32, 1, 3, 3), to;
    cnn_error err;
    bool seen[4][3] = { { false } };
    int all = 0;
    count(in, 9);
    CHECK(find("random_crop")->infer(&p, &from, &to, &err) == CNN_OK);
    CHECK_INT(to.dim[1], 2);
    CHECK_INT(to.dim[2], 3);
    for (uint64_t seed = 0; seed < 300; seed++) {
        int dy, dx;
        apply("random_crop", &p, from, in, to, out, seed);
        find_piece(out, 2, 3, &dy, &dx);
        if (!CHECK(dy >= -1 && dy <= 2 && dx >= -1 && dx <= 1))
            return;
        seen[dy + 1][dx + 1] = true;
    }
    for (int i = 0; i < 12; i++)
        all += seen[i / 3][i % 3];
    CHECK_INT(all, 12);
}

static void random_crop_keeps_the_size_unless_told(void)
{
    const int64_t four = 4, nine = 9;
    crop_params p = { { 0, 0, NULL }, { 1, -1, &four } };
    cnn_type from = cnn_type3(CNN_U8, 3, 8, 6), to;
    cnn_error err;
    CHECK(find("random_crop")->infer(&p, &from, &to, &err) == CNN_OK);
    CHECK(cnn_same_type(&from, &to));
    p = (crop_params){ { 1, -1, &nine }, { 1, -1, &(const int64_t){ 1 } } };
    CHECK(find("random_crop")->infer(&p, &from, &to, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "width of 9 from 6 + 2*1 = 8");
}

static void shift_moves_by_every_way_up_to_the_largest(void)
{
    float in[9], out[9];
    const int64_t max = 1;
    cnn_type t = cnn_type3(CNN_F32, 1, 3, 3);
    bool seen[3][3] = { { false } };
    int all = 0;
    count(in, 9);
    for (uint64_t seed = 0; seed < 200; seed++) {
        int dy, dx;
        apply("shift", &max, t, in, t, out, seed);
        find_piece(out, 3, 3, &dy, &dx);
        if (!CHECK(dy >= -1 && dy <= 1 && dx >= -1 && dx <= 1))
            return;
        seen[dy + 1][dx + 1] = true;
    }
    for (int i = 0; i < 9; i++)
        all += seen[i / 3][i % 3];
    CHECK_INT(all, 9);
}

static void shift_may_push_everything_out(void)
{
    float in[1] = { 5 }, out[1];
    const int64_t max = 3;
    cnn_type t = cnn_type3(CNN_F32, 1, 1, 1);
    int empty = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        apply("shift", &max, t, in, t, out, seed);
        empty += out[0] == 0.0f;
    }
    CHECK(empty > 30);
}

static void rotate_by_nothing_changes_nothing_and_is_steady(void)
{
    float in[12], out[12], again[12];
    double none = 0, some = 30;
    cnn_type t = cnn_type3(CNN_F32, 1, 3, 4);
    count(in, 12);
    apply("rotate", &none, t, in, t, out, 1);
    CHECK(memcmp(in, out, sizeof in) == 0);
    apply("rotate", &some, t, in, t, out, 1);
    apply("rotate", &some, t, in, t, again, 1);
    CHECK(memcmp(out, again, sizeof out) == 0);
    CHECK(memcmp(in, out, sizeof in) != 0);
}

/* The centre stays; the corners of a full image turn inwards and lose to the zeros outside. */
static void rotate_turns_about_the_centre(void)
{
    float in[9] = { 0, 0, 0, 0, 7, 0, 0, 0, 0 }, ones[9], out[9];
    double some = 45;
    cnn_type t = cnn_type3(CNN_F32, 1, 3, 3);
    apply("rotate", &some, t, in, t, out, 3);
    CHECK_NEAR(out[4], 7, 1e-6);
    for (int i = 0; i < 9; i++)
        ones[i] = 1;
    apply("rotate", &some, t, ones, t, out, 3);
    CHECK_NEAR(out[4], 1, 1e-6);
    CHECK(out[0] < 1 && out[0] >= 0);
    CHECK_NEAR(out[0], out[8], 1e-6);
    CHECK_NEAR(out[2], out[6], 1e-6);
}

static void resize_grows_bilinearly(void)
{
    float in[4], out[16];
    const int64_t four[2] = { 4, 4 };
    const float want[16] = { 1,    1.25f, 1.75f, 2,    1.5f, 1.75f, 2.25f, 2.5f,
                             2.5f, 2.75f, 3.25f, 3.5f, 3,    3.25f, 3.75f, 4 };
    resize_params p = { { 2, -1, four }, true };
    cnn_type from = cnn_type3(CNN_F32, 1, 2, 2), to;
    cnn_error err;
    count(in, 4);
    CHECK(find("resize")->infer(&p, &from, &to, &err) == CNN_OK);
    apply("resize", &p, from, in, to, out, 0);
    for (int i = 0; i < 16; i++)
        CHECK_NEAR(out[i], want[i], 1e-6);
}

/* 6 -> 2: scale 3, a triangle of half width 3 around 1.5 covers pixels 0..4 with weights
 * 2/3, 1, 2/3, 1/3, 0 of 8/3. */
static void resize_averages_when_it_shrinks(void)
{
    float in[6], out[2];
    const int64_t size[2] = { 1, 2 };
    resize_params p = { { 2, -1, size }, true };
    cnn_type from = cnn_type3(CNN_F32, 1, 1, 6), to = cnn_type3(CNN_F32, 1, 1, 2);
    count(in, 6);
    apply("resize", &p, from, in, to, out, 0);
    CHECK_NEAR(out[0], (2.0 / 3 * 1 + 2 + 2.0 / 3 * 3 + 1.0 / 3 * 4) / (8.0 / 3), 1e-6);
    CHECK_NEAR(out[1], 7 - out[0], 1e-6);
    p.antialias = false;
    apply("resize", &p, from, in, to, out, 0);
    CHECK_NEAR(out[0], 2, 1e-6);
    CHECK_NEAR(out[1], 5, 1e-6);
}

static void resize_by_one_number_sets_the_shorter_side(void)
{
    const int64_t ten = 10, huge = 60000;
    resize_params p = { { 1, -1, &ten }, true };
    cnn_type from = cnn_type3(CNN_U8, 3, 20, 33), to;
    cnn_error err;
    CHECK(find("resize")->infer(&p, &from, &to, &err) == CNN_OK);
    CHECK_INT(to.dim[1], 10);
    CHECK_INT(to.dim[2], 16);
    from = cnn_type3(CNN_U8, 3, 33, 20);
    CHECK(find("resize")->infer(&p, &from, &to, &err) == CNN_OK);
    CHECK_INT(to.dim[1], 16);
    p.size.v = &huge;
    CHECK(find("resize")->infer(&p, &from, &to, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "99000x60000");
}

static void bytes_stay_bytes(void)
{
    uint8_t in[4] = { 0, 255, 10, 20 }, out[2] = { 1, 1 };
    const int64_t size[2] = { 1, 2 };
    resize_params p = { { 2, -1, size }, false };
    cnn_type from = cnn_type3(CNN_U8, 1, 2, 2), to;
    cnn_error err;
    CHECK(find("resize")->infer(&p, &from, &to, &err) == CNN_OK);
    CHECK_INT(to.dtype, CNN_U8);
    cnn_tensor a = { from, in }, b = { to, out };
    CHECK(find("resize")->apply(&p, &a, &b, NULL, &err) == CNN_OK);
    CHECK_INT(out[0], 5);
    CHECK_INT(out[1], 138); /* 137.5, rounded */
}

static void samples_that_are_no_images_are_refused(void)
{
    static const char *const names[] = { "resize", "random_crop", "hflip", "shift", "rotate" };
    cnn_type row = cnn_type1(CNN_F32, 7), to;
    for (int i = 0; i < 5; i++) {
        cnn_error err = { "", "" };
        CHECK(find(names[i])->infer(NULL, &row, &to, &err) == CNN_INVALID);
        CHECK_HAS(err.text, names[i]);
    }
}

int main(void)
{
    return RUN_TESTS(
        TEST(a_crop_is_a_window_with_zeros_outside), TEST(hflip_of_bytes_mirrors_rows),
        TEST(hflip_mirrors_rows_or_leaves_them), TEST(hflip_flips_as_often_as_asked),
        TEST(random_crop_gives_every_piece_of_the_padded_image),
        TEST(random_crop_keeps_the_size_unless_told),
        TEST(shift_moves_by_every_way_up_to_the_largest), TEST(shift_may_push_everything_out),
        TEST(rotate_by_nothing_changes_nothing_and_is_steady), TEST(rotate_turns_about_the_centre),
        TEST(resize_grows_bilinearly), TEST(resize_averages_when_it_shrinks),
        TEST(resize_by_one_number_sets_the_shorter_side), TEST(bytes_stay_bytes),
        TEST(samples_that_are_no_images_are_refused));
}
