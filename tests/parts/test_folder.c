/* folder: listing, decoding, sizes, and files that are no images. */
#include "parts.h"

#include "../../plugins/datasets/image.h"

#include <jpeglib.h>
#include <png.h>

typedef struct folder_params {
    const char *path;
    int64_t channels;
    cnn_ints size;
} folder_params;

static const cnn_dataset *find(void)
{
    return part_find(&cnnrun_plugin.datasets, "folder");
}

/* Red left half, blue right half. */
static void paint(uint8_t *rgb, int h, int w)
{
    memset(rgb, 0, (size_t)(h * w * 3));
    for (int i = 0; i < h * w; i++)
        rgb[3 * i + (i % w < w / 2 ? 0 : 2)] = 255;
}

static const char *write_png(const char *name, int h, int w)
{
    uint8_t rgb[3 * 64 * 64];
    const char *path = part_path(name);
    png_image png = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB };
    png.width = (png_uint_32)w;
    png.height = (png_uint_32)h;
    paint(rgb, h, w);
    CHECK(png_image_write_to_file(&png, path, 0, rgb, 0, NULL) != 0);
    return path;
}

static const char *write_jpeg(const char *name, int h, int w)
{
    uint8_t rgb[3 * 64 * 64];
    const char *path = part_path(name);
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    FILE *f = fopen(path, "wb");
    if (!CHECK(f != NULL))
        exit(1);
    paint(rgb, h, w);
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_stdio_dest(&j, f);
    j.image_width = (JDIMENSION)w;
    j.image_height = (JDIMENSION)h;
    j.input_components = 3;
    j.in_color_space = JCS_RGB;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, 95, TRUE);
    jpeg_start_compress(&j, TRUE);
    for (int y = 0; y < h; y++) {
        JSAMPROW row = rgb + y * w * 3;
        (void)jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    (void)fclose(f);
    return path;
}

static size_t slurp(const char *path, uint8_t *bytes, size_t limit)
{
    FILE *f = fopen(path, "rb");
    size_t n = f != NULL ? fread(bytes, 1, limit, f) : 0;
    if (f != NULL)
        (void)fclose(f);
    CHECK(n > 0);
    return n;
}

static void png_and_jpeg_give_the_same_picture(void)
{
    uint8_t bytes[8192];
    for (int kind = 0; kind < 2; kind++) {
        image picture;
        image_size size;
        cnn_error err = { "", "" };
        const char *path = kind == 0 ? write_png("a.png", 16, 32) : write_jpeg("a.jpg", 16, 32);
        size_t n = slurp(path, bytes, sizeof bytes);
        CHECK(image_measure(bytes, n, path, &size, &err) == CNN_OK);
        CHECK_INT(size.height, 16);
        CHECK_INT(size.width, 32);
        if (!CHECK(image_decode(bytes, n, path, &picture, &err) == CNN_OK))
            continue;
        CHECK_NEAR(picture.pixels[0], 255, kind * 8);
        CHECK_NEAR(picture.pixels[2], 0, kind * 8);
        CHECK_NEAR(picture.pixels[3 * 31 + 2], 255, kind * 8);
        free(picture.pixels);
    }
}

static void pictures_cut_off_anywhere_are_refused(void)
{
    uint8_t bytes[8192];
    for (int kind = 0; kind < 2; kind++) {
        const char *path = kind == 0 ? write_png("a.png", 16, 16) : write_jpeg("a.jpg", 16, 16);
        size_t n = slurp(path, bytes, sizeof bytes);
        size_t last = kind == 0 ? n - 12 : n - 2; /* without IEND or EOI all pixels are there */
        for (size_t cut = 0; cut < last; cut++) {
            image picture;
            cnn_error err = { "", "" };
            uint8_t *exact = malloc(cut + 1);
            memcpy(exact, bytes, cut);
            if (image_decode(exact, cut, "cut", &picture, &err) == CNN_OK) {
                fprintf(stderr, "kind %d, %zu of %zu bytes\n", kind, cut, n);
                CHECK(false);
                free(picture.pixels);
            }
            CHECK_HAS(err.text, "cut");
            free(exact);
        }
    }
}

static void a_picture_that_claims_to_be_huge_is_refused(void)
{
    uint8_t bytes[8192];
    image picture;
    cnn_error err = { "", "" };
    size_t n = slurp(write_jpeg("a.jpg", 16, 16), bytes, sizeof bytes);
    for (size_t i = 0; i + 9 < n; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc0)
            memset(bytes + i + 5, 0xff, 4); /* height and width of the frame header */
    CHECK(image_decode(bytes, n, "huge", &picture, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "huge");
    CHECK(image_check_size(65536, 65536, "huge", &err) == CNN_INVALID);
    CHECK_HAS(err.text, "65536 x 65536");
    CHECK(image_check_size(0, 5, "empty", &err) == CNN_INVALID);
}

static void planes_are_scaled_to_cover_and_cut(void)
{
    uint8_t rgb[2 * 4 * 3], planes[3 * 2 * 2], grey[4], large[3 * 4 * 8];
    image picture = { 4, 2, rgb };
    paint(rgb, 2, 4);
    image_to_planes(&picture, 3, 2, 2, planes); /* the two columns in the middle */
    CHECK_INT(planes[0], 255);
    CHECK_INT(planes[1], 0);
    CHECK_INT(planes[8], 0);
    CHECK_INT(planes[9], 255);
    image_to_planes(&picture, 1, 2, 2, grey);
    CHECK_INT(grey[0], 76);
    CHECK_INT(grey[1], 29);
    image_to_planes(&picture, 3, 4, 8, large);
    CHECK_INT(large[0], 255);
    CHECK_INT(large[3], 191);
    CHECK_INT(large[4], 64);
    CHECK_INT(large[7], 0);
}

static void make_set(void)
{
    part_mkdir("set");
    part_mkdir("set/train");
    part_mkdir("set/train/cat");
    part_mkdir("set/train/dog");
    part_mkdir("set/test");
    part_mkdir("set/test/dog");
    (void)write_png("set/train/cat/2.png", 8, 8);
    (void)write_jpeg("set/train/cat/1.JPG", 8, 8);
    (void)write_png("set/train/dog/1.png", 8, 8);
    (void)write_jpeg("set/test/dog/1.jpeg", 8, 8);
    (void)part_write("set/train/cat/notes.txt", "x", 1);
    (void)part_write("set/train/cat/.hidden.png", "x", 1);
}

static void splits_and_classes_are_folders(void)
{
    make_set();
    folder_params p = { .path = part_path("set"), .channels = 3 };
    cnn_dataset_info info;
    cnn_error err = { "", "" };
    uint8_t pixels[3 * 64];
    int32_t label = -1;
    cnn_dataset_state *s = part_open(find(), &p, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, &label };
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 3);
    CHECK_INT(info.count[CNN_SPLIT_VAL], 0);
    CHECK_INT(info.count[CNN_SPLIT_TEST], 1);
    CHECK_INT(info.classes, 2);
    CHECK_STR(info.class_names[1], "dog");
    CHECK_INT(info.input.dim[2], 8);
    CHECK(find()->read(s, CNN_SPLIT_TEST, 0, &input, &target, &err) == CNN_OK);
    CHECK_INT(label, 1);
    CHECK(find()->read(s, CNN_SPLIT_TRAIN, 1, &input, &target, &err) == CNN_OK);
    CHECK_INT(label, 0);
    CHECK_INT(pixels[0], 255);
    CHECK_INT(pixels[7], 0);
    CHECK_INT(pixels[2 * 64 + 7], 255);
    CHECK(find()->read(s, CNN_SPLIT_TRAIN, 3, &input, &target, &err) == CNN_INTERNAL);
    find()->close(s);
    p.path = part_path("set/train"); /* classes alone */
    s = part_open(find(), &p, &info);
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 3);
    find()->close(s);
}

static void sizes_must_agree_unless_one_is_given(void)
{
    const int64_t four = 4;
    folder_params p = { .path = part_path("set"), .channels = 1 };
    make_set();
    (void)write_png("set/train/dog/2.png", 8, 9);
    p.path = part_path("set");
    cnn_error err = part_refusal(find(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "set/train/dog/2.png is 8 x 9");
    CHECK_HAS(err.text, "set/train/cat/1.JPG is 8 x 8");
    CHECK_HAS(err.hint, "size:");
    p.size = (cnn_ints){ 1, -1, &four };
    p.path = part_path("set");
    cnn_dataset_info info;
    cnn_dataset_state *s = part_open(find(), &p, &info);
    CHECK_INT(cnn_count(&info.input), 16);
    find()->close(s);
    CHECK(remove(part_path("set/train/dog/2.png")) == 0);
}

static void what_is_wrong_is_named(void)
{
    folder_params p = { .path = part_path("set"), .channels = 3 };
    make_set();
    (void)part_write("set/train/dog/3.png", "no image", 8);
    p.path = part_path("set");
    CHECK_HAS(part_refusal(find(), &p, CNN_INVALID).text, "dog/3.png is neither PNG nor JPEG");
    CHECK(remove(part_path("set/train/dog/3.png")) == 0);
    part_mkdir("set/test/fox");
    (void)write_png("set/test/fox/1.png", 8, 8);
    p.path = part_path("set");
    CHECK_HAS(part_refusal(find(), &p, CNN_INVALID).text, "class fox");
    part_mkdir("empty");
    p.path = part_path("empty");
    cnn_error err = part_refusal(find(), &p, CNN_IO);
    CHECK_HAS(err.text, "holds no images");
    CHECK_HAS(err.hint, "<class>");
    p.path = "/nowhere/at/all";
    CHECK_HAS(part_refusal(find(), &p, CNN_IO).text, "/nowhere/at/all");
    p.channels = 2;
    CHECK_HAS(part_refusal(find(), &p, CNN_INVALID).text, "channels");
}

int main(void)
{
    return part_finish(RUN_TESTS(
        TEST(png_and_jpeg_give_the_same_picture), TEST(pictures_cut_off_anywhere_are_refused),
        TEST(a_picture_that_claims_to_be_huge_is_refused), TEST(planes_are_scaled_to_cover_and_cut),
        TEST(splits_and_classes_are_folders), TEST(sizes_must_agree_unless_one_is_given),
        TEST(what_is_wrong_is_named)));
}
