/* pairs: partners by name, sizes, splits, and files that do not fit. */
#include "parts.h"

#include <png.h>
#include <stdint.h>

typedef struct pairs_params {
    const char *input, *target;
    int64_t channels;
    cnn_ints size;
} pairs_params;

static const cnn_dataset *find(void)
{
    return part_find(&cnnrun_plugin.datasets, "pairs");
}

/* h x w pixels, grey: `level` and one more in each column. */
static void write_png(const char *name, int h, int w, int level)
{
    uint8_t rgb[3 * 32 * 32];
    png_image png = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB };
    png.width = (png_uint_32)w;
    png.height = (png_uint_32)h;
    for (int i = 0; i < 3 * h * w; i++)
        rgb[i] = (uint8_t)(level + i / 3 % w);
    CHECK(png_image_write_to_file(&png, part_path(name), 0, rgb, 0, NULL) != 0);
}

/* A new folder "<name>" with dark/ and bright/. */
static pairs_params make(const char *name)
{
    static char dirs[2][300];
    static const char *const sides[2] = { "dark", "bright" };
    part_mkdir(name);
    for (int i = 0; i < 2; i++) {
        char inside[100];
        (void)snprintf(inside, sizeof inside, "%s/%s", name, sides[i]);
        part_mkdir(inside);
        (void)snprintf(dirs[i], sizeof dirs[i], "%s", part_path(inside));
    }
    return (pairs_params){ dirs[0], dirs[1], 3, { 0, -1, NULL } };
}

static void check_sample(cnn_dataset_state *s, const cnn_dataset_info *info, uint32_t split,
                         int64_t index, int input, int target)
{
    uint8_t a[3 * 32 * 32], b[3 * 32 * 32];
    const cnn_tensor to[2] = { { info->input, a }, { info->target, b } };
    cnn_error err = { "", "" };
    CHECK(find()->read(s, split, index, &to[0], &to[1], &err) == CNN_OK);
    for (int i = 0; i < (int)cnn_count(&info->input); i++) {
        CHECK_INT(a[i], input + i % (int)info->input.dim[2]);
        CHECK_INT(b[i], target + i % (int)info->input.dim[2]);
    }
}

static void files_of_one_name_are_a_pair(void)
{
    cnn_dataset_info info;
    pairs_params p = make("same");
    write_png("same/dark/b.png", 4, 6, 20);
    write_png("same/dark/a.png", 4, 6, 10);
    write_png("same/bright/a.png", 4, 6, 110);
    write_png("same/bright/b.png", 4, 6, 120);
    cnn_dataset_state *s = part_open(find(), &p, &info);
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 2);
    CHECK_INT(info.count[CNN_SPLIT_TEST], 0);
    CHECK_INT(info.classes, 0);
    CHECK_INT(info.target.dtype, CNN_U8);
    CHECK(cnn_same_type(&info.input, &info.target));
    CHECK_INT(info.input.dim[1], 4);
    check_sample(s, &info, CNN_SPLIT_TRAIN, 0, 10, 110);
    check_sample(s, &info, CNN_SPLIT_TRAIN, 1, 20, 120);
    uint8_t a[3 * 4 * 6];
    const cnn_tensor input = { info.input, a }, none = { info.target, NULL };
    cnn_error err = { "", "" };
    CHECK(find()->read(s, CNN_SPLIT_TRAIN, 1, &input, &none, &err) == CNN_OK);
    CHECK_INT(a[0], 20);
    CHECK(find()->read(s, CNN_SPLIT_TRAIN, 2, &input, &none, &err) == CNN_INTERNAL);
    find()->close(s);
}

static void folders_of_splits_are_splits(void)
{
    cnn_dataset_info info;
    pairs_params p = make("split");
    static const char *const inside[] = { "split/dark/train", "split/dark/test",
                                          "split/bright/train", "split/bright/test" };
    for (int i = 0; i < 4; i++)
        part_mkdir(inside[i]);
    write_png("split/dark/train/x.png", 3, 3, 1);
    write_png("split/bright/train/x.png", 3, 3, 101);
    write_png("split/dark/test/y.png", 3, 3, 2);
    write_png("split/bright/test/y.png", 3, 3, 102);
    cnn_dataset_state *s = part_open(find(), &p, &info);
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 1);
    CHECK_INT(info.count[CNN_SPLIT_VAL], 0);
    CHECK_INT(info.count[CNN_SPLIT_TEST], 1);
    check_sample(s, &info, CNN_SPLIT_TEST, 0, 2, 102);
    find()->close(s);
}

static void a_file_without_partner_is_named(void)
{
    pairs_params p = make("lone");
    write_png("lone/dark/a.png", 3, 3, 1);
    write_png("lone/bright/a.png", 3, 3, 1);
    write_png("lone/dark/b.png", 3, 3, 1);
    cnn_error err = part_refusal(find(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "lone/dark/b.png has no partner: there is no ");
    CHECK_HAS(err.text, "lone/bright/b.png");
    CHECK_HAS(err.hint, "same names");
    write_png("lone/bright/b.png", 3, 3, 1);
    write_png("lone/bright/c.png", 3, 3, 1);
    err = part_refusal(find(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "lone/bright/c.png has no partner: there is no ");
}

static void sizes_that_differ_are_named(void)
{
    const int64_t size[2] = { 4, 4 };
    cnn_dataset_info info;
    pairs_params p = make("sizes");
    write_png("sizes/dark/a.png", 4, 4, 1);
    write_png("sizes/bright/a.png", 4, 5, 1);
    cnn_error err = part_refusal(find(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "bright/a.png is 4 x 5 pixels (height x width), but ");
    CHECK_HAS(err.text, "dark/a.png is 4 x 4");
    p.size = (cnn_ints){ 2, -1, size }; /* scaling does not make them show the same */
    err = part_refusal(find(), &p, CNN_INVALID);
    CHECK_HAS(err.hint, "the same pixels");
    write_png("sizes/bright/a.png", 4, 4, 1);
    write_png("sizes/dark/b.png", 8, 8, 1);
    write_png("sizes/bright/b.png", 8, 8, 1);
    p.size = (cnn_ints){ 0, -1, NULL };
    err = part_refusal(find(), &p, CNN_INVALID);
    CHECK_HAS(err.text,
              "dark/b.png is 8 x 8 pixels (height x width), but the first image is 4 x 4");
    CHECK_HAS(err.hint, "size");
    p.size = (cnn_ints){ 2, -1, size };
    cnn_dataset_state *s = part_open(find(), &p, &info);
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 2);
    CHECK_INT(info.input.dim[2], 4);
    find()->close(s);
}

static void what_cannot_be_read_is_an_error(void)
{
    pairs_params p = make("bad");
    cnn_error err = part_refusal(find(), &p, CNN_IO);
    CHECK_HAS(err.text, "holds no PNG or JPEG files");
    CHECK_HAS(err.hint, "/train/*.png");
    (void)part_write("bad/dark/a.png", "no picture", 10);
    write_png("bad/bright/a.png", 3, 3, 1);
    err = part_refusal(find(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "dark/a.png is neither PNG nor JPEG");
    p.channels = 2;
    err = part_refusal(find(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "`channels` is 2");
    p.channels = 3;
    p.target = "/nowhere";
    err = part_refusal(find(), &p, CNN_IO);
    CHECK_HAS(err.text, "cannot read the folder /nowhere");
}

int main(void)
{
    return part_finish(
        RUN_TESTS(TEST(files_of_one_name_are_a_pair), TEST(folders_of_splits_are_splits),
                  TEST(a_file_without_partner_is_named), TEST(sizes_that_differ_are_named),
                  TEST(what_cannot_be_read_is_an_error)));
}
