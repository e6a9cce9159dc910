/* idx: headers, files plain and gzipped, and files that lie. */
#include "parts.h"

#include "../../plugins/datasets/idx_format.h"

#include <zlib.h>

/* In the order of the plugin's parameters. */
typedef struct idx_params {
    const char *path, *train_images, *train_labels, *test_images, *test_labels;
} idx_params;

static const cnn_dataset *idx(void)
{
    return part_find(&cnnrun_plugin.datasets, "idx");
}

/* Three images of 2 x 2 with pixels 0..11, and their labels. */
static const uint8_t images[16 + 12] = { 0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0,  0,
                                         0, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
static const uint8_t labels[8 + 3] = { 0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 4 };

static cnn_status parse(const uint8_t *bytes, size_t size, uint64_t total, idx_header *h,
                        cnn_error *err)
{
    return idx_parse(bytes, size, total, "a-file", h, err);
}

static void a_header_gives_rank_sizes_and_offset(void)
{
    idx_header h;
    cnn_error err;
    CHECK(parse(images, sizeof images, sizeof images, &h, &err) == CNN_OK);
    CHECK_INT(h.rank, 3);
    CHECK_INT(h.dim[0], 3);
    CHECK_INT(h.dim[2], 2);
    CHECK_INT(h.offset, 16);
    CHECK_INT(h.bytes, 12);
}

static void a_header_that_lies_is_refused_by_the_size(void)
{
    idx_header h;
    cnn_error err;
    uint8_t huge[16];
    memcpy(huge, images, sizeof huge);
    CHECK(parse(images, sizeof images, sizeof images - 1, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "cut off");
    CHECK_HAS(err.text, "a-file");
    CHECK(parse(images, sizeof images, sizeof images + 1, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "too long");
    memset(huge + 4, 0xff, 12);
    CHECK(parse(huge, sizeof huge, sizeof huge, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "4294967295");
}

static void a_header_that_is_none_says_what_it_is(void)
{
    idx_header h;
    cnn_error err;
    uint8_t bytes[16];
    CHECK(parse(images, 3, 3, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "too short");
    CHECK(parse((const uint8_t *)"PK\3\4....", 8, 8, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "50 4b 03 04");
    memcpy(bytes, images, sizeof bytes);
    bytes[2] = 0x0d;
    CHECK(parse(bytes, sizeof bytes, 28, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "0x0d");
    memcpy(bytes, images, sizeof bytes);
    bytes[3] = 200;
    CHECK(parse(bytes, sizeof bytes, 28, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "200 axes");
    CHECK(parse(images, 10, sizeof images, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "inside its header");
    memcpy(bytes, images, sizeof bytes);
    bytes[7] = 0;
    CHECK(parse(bytes, sizeof bytes, 16, &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "has 0 elements");
}

static void check_samples(const idx_params *p)
{
    cnn_dataset_info info;
    cnn_error err;
    uint8_t pixels[4] = { 0 };
    int32_t label = -1;
    cnn_dataset_state *s = part_open(idx(), p, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, &label };
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 3);
    CHECK_INT(info.count[CNN_SPLIT_VAL], 0);
    CHECK_INT(info.classes, 8);
    CHECK_INT(info.input.rank, 3);
    CHECK_INT(info.input.dim[0], 1);
    CHECK_INT(info.input.dtype, CNN_U8);
    CHECK(idx()->read(s, CNN_SPLIT_TRAIN, 2, &input, &target, &err) == CNN_OK);
    CHECK_INT(pixels[0], 8);
    CHECK_INT(pixels[3], 11);
    CHECK_INT(label, 4);
    const void *view = NULL, *again = NULL;
    label = -1;
    CHECK(idx()->view(s, CNN_SPLIT_TRAIN, 2, &view, &target, &err) == CNN_OK);
    CHECK(view != NULL && memcmp(view, pixels, sizeof pixels) == 0);
    CHECK_INT(label, 4);
    CHECK(idx()->view(s, CNN_SPLIT_TRAIN, 2, &again, &target, &err) == CNN_OK);
    CHECK(again == view); /* nothing is copied */
    CHECK(idx()->view(s, CNN_SPLIT_TRAIN, 3, &view, &target, &err) == CNN_INTERNAL);
    target.data = NULL;
    CHECK(idx()->read(s, CNN_SPLIT_TRAIN, 0, &input, &target, &err) == CNN_OK);
    CHECK_INT(pixels[3], 3);
    CHECK(idx()->read(s, CNN_SPLIT_TRAIN, 3, &input, &target, &err) == CNN_INTERNAL);
    CHECK(idx()->read(s, CNN_SPLIT_VAL, 0, &input, &target, &err) == CNN_INTERNAL);
    idx()->close(s);
}

static void plain_files_are_read(void)
{
    idx_params p = { .train_images = part_write("images", images, sizeof images),
                     .train_labels = part_write("labels", labels, sizeof labels) };
    check_samples(&p);
}

static const char *write_gz(const char *name, const void *bytes, size_t size)
{
    const char *path = part_path(name);
    gzFile f = gzopen(path, "wb");
    CHECK(f != NULL && gzwrite(f, bytes, (unsigned)size) == (int)size && gzclose(f) == Z_OK);
    return path;
}

static void gzipped_files_are_read(void)
{
    idx_params p = { .train_images = write_gz("images.gz", images, sizeof images),
                     .train_labels = write_gz("labels.gz", labels, sizeof labels) };
    check_samples(&p);
}

/* A mapping does not end with its file: reading on would end the process. */
static void a_file_that_becomes_shorter_is_an_error(void)
{
    idx_params p = { .train_images = part_write("images", images, sizeof images),
                     .train_labels = part_write("labels", labels, sizeof labels) };
    cnn_dataset_info info;
    cnn_error err = { "", "" };
    const void *view = NULL;
    cnn_dataset_state *s = part_open(idx(), &p, &info);
    cnn_tensor target = { info.target, NULL };
    CHECK(idx()->view(s, CNN_SPLIT_TRAIN, 2, &view, &target, &err) == CNN_OK);
    CHECK(truncate(p.train_images, 20) == 0);
    (void)usleep(50000); /* sizes are asked for once in a tick */
    CHECK(idx()->view(s, CNN_SPLIT_TRAIN, 2, &view, &target, &err) == CNN_IO);
    CHECK_HAS(err.text, "image 2 of");
    CHECK_HAS(err.text, "has become shorter");
    idx()->close(s);
}

static void a_folder_is_searched_for_the_usual_names(void)
{
    part_mkdir("four");
    (void)write_gz("four/train-images-idx3-ubyte.gz", images, sizeof images);
    (void)part_write("four/train-labels-idx1-ubyte", labels, sizeof labels);
    (void)part_write("four/t10k-images.idx3-ubyte", images, sizeof images);
    idx_params p = { .path = part_path("four") };
    cnn_error err = part_refusal(idx(), &p, CNN_IO);
    CHECK_HAS(err.text, "t10k-labels-idx1-ubyte");
    (void)part_write("four/t10k-labels-idx1-ubyte", labels, sizeof labels);
    p.path = part_path("four");
    cnn_dataset_info info;
    cnn_dataset_state *s = part_open(idx(), &p, &info);
    CHECK_INT(info.count[CNN_SPLIT_TEST], 3);
    idx()->close(s);
}

static void mnist_is_found_in_the_data_directories(void)
{
    const cnn_dataset *mnist = part_find(&cnnrun_plugin.datasets, "mnist");
    const char *none = NULL;
    part_mkdir("data");
    part_mkdir("data/mnist");
    char data[512];
    (void)snprintf(data, sizeof data, "%s", part_path("data"));
    const char *dirs[] = { "/nowhere", data, NULL };
    cnn_host host = part_host(dirs);
    cnn_dataset_state *s = NULL;
    cnn_error err = { "", "" };
    CHECK(mnist->open(&host, &none, &s, &err) == CNN_IO);
    CHECK_HAS(err.text, "/nowhere/mnist");
    CHECK_HAS(err.hint, "./dev data mnist");
    (void)part_write("data/mnist/train-images-idx3-ubyte", images, sizeof images);
    (void)part_write("data/mnist/train-labels-idx1-ubyte", labels, sizeof labels);
    (void)part_write("data/mnist/t10k-images-idx3-ubyte", images, sizeof images);
    (void)part_write("data/mnist/t10k-labels-idx1-ubyte", labels, sizeof labels);
    CHECK(mnist->open(&host, &none, &s, &err) == CNN_OK);
    cnn_dataset_info info = { .size = sizeof info };
    CHECK(mnist->describe(s, &info, &err) == CNN_OK);
    CHECK_INT(info.classes, 10);
    CHECK_STR(info.class_names[9], "9");
    mnist->close(s);
}

static void pairs_that_do_not_fit_are_refused(void)
{
    uint8_t two[10] = { 0, 0, 8, 1, 0, 0, 0, 2, 1, 2 };
    idx_params p = { .train_images = part_write("images", images, sizeof images),
                     .train_labels = part_write("two", two, sizeof two) };
    cnn_error err = part_refusal(idx(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "has 3 images");
    CHECK_HAS(err.text, "has 2 labels");
    p.train_labels = p.train_images;
    err = part_refusal(idx(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "holds no labels");
    p.train_labels = NULL;
    err = part_refusal(idx(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "train_labels");
    p.train_images = part_write("labels", labels, sizeof labels);
    p.train_labels = p.train_images;
    err = part_refusal(idx(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "holds no images");
    idx_params nothing = { 0 };
    err = part_refusal(idx(), &nothing, CNN_INVALID);
    CHECK_HAS(err.text, "either `path`");
}

static void damaged_files_are_refused_by_name(void)
{
    uint8_t packed[512];
    idx_params p = { .train_images = part_write("short", images, sizeof images - 5),
                     .train_labels = part_write("labels", labels, sizeof labels) };
    cnn_error err = part_refusal(idx(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "short");
    CHECK_HAS(err.text, "cut off");
    CHECK_HAS(err.hint, "again");
    p.train_images = "/nowhere/at/all";
    err = part_refusal(idx(), &p, CNN_IO);
    CHECK_HAS(err.text, "/nowhere/at/all");
    p.train_images = part_dir();
    (void)part_refusal(idx(), &p, CNN_IO);

    FILE *f = fopen(write_gz("whole.gz", images, sizeof images), "rb");
    size_t size = f != NULL ? fread(packed, 1, sizeof packed, f) : 0;
    if (!CHECK(f != NULL && size > 12))
        return;
    (void)fclose(f);
    memset(packed + size - 4, 0xff, 4); /* claims 4 GiB */
    p.train_images = part_write("bomb.gz", packed, size);
    err = part_refusal(idx(), &p, CNN_INVALID);
    CHECK_HAS(err.text, "cannot hold");
}

/* The trailer is right and the middle is not: found when the pixels are wanted. */
static void a_damaged_middle_is_an_error_of_the_first_read(void)
{
    uint8_t packed[512], pixels[4];
    FILE *f = fopen(write_gz("whole.gz", images, sizeof images), "rb");
    size_t size = f != NULL ? fread(packed, 1, sizeof packed, f) : 0;
    if (!CHECK(f != NULL && size > 12))
        return;
    (void)fclose(f);
    packed[size - 8] ^= 1; /* the checksum */
    idx_params p = { .train_images = part_write("bent.gz", packed, size),
                     .train_labels = part_write("labels", labels, sizeof labels) };
    cnn_host host = part_host(part_no_dirs);
    cnn_dataset_state *s = NULL;
    cnn_error err = { "", "" };
    cnn_dataset_info info = { .size = sizeof info };
    cnn_status status = idx()->open(&host, &p, &s, &err);
    if (status == CNN_OK) {
        CHECK(idx()->describe(s, &info, &err) == CNN_OK);
        cnn_tensor input = { info.input, pixels }, target = { info.target, NULL };
        status = idx()->read(s, CNN_SPLIT_TRAIN, 0, &input, &target, &err);
        idx()->close(s);
    }
    CHECK(status == CNN_IO);
    CHECK_HAS(err.text, "bent.gz");
}

/* Two packed files one behind the other: the size at the end is that of the second alone. */
static void more_than_the_header_promises_is_an_error_of_the_first_read(void)
{
    uint8_t packed[1024], pixels[4];
    FILE *f = fopen(write_gz("whole.gz", images, sizeof images), "rb");
    size_t size = f != NULL ? fread(packed, 1, sizeof packed / 2, f) : 0;
    if (!CHECK(f != NULL && size > 12))
        return;
    (void)fclose(f);
    memcpy(packed + size, packed, size);
    idx_params p = { .train_images = part_write("twice.gz", packed, 2 * size),
                     .train_labels = part_write("labels", labels, sizeof labels) };
    cnn_dataset_info info;
    cnn_error err = { "", "" };
    cnn_dataset_state *s = part_open(idx(), &p, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, NULL };
    CHECK(idx()->read(s, CNN_SPLIT_TRAIN, 0, &input, &target, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "twice.gz is too long");
    idx()->close(s);
}

int main(void)
{
    return part_finish(RUN_TESTS(
        TEST(a_header_gives_rank_sizes_and_offset), TEST(a_header_that_lies_is_refused_by_the_size),
        TEST(a_header_that_is_none_says_what_it_is), TEST(plain_files_are_read),
        TEST(gzipped_files_are_read), TEST(a_file_that_becomes_shorter_is_an_error),
        TEST(a_folder_is_searched_for_the_usual_names),
        TEST(mnist_is_found_in_the_data_directories), TEST(pairs_that_do_not_fit_are_refused),
        TEST(damaged_files_are_refused_by_name),
        TEST(a_damaged_middle_is_an_error_of_the_first_read),
        TEST(more_than_the_header_promises_is_an_error_of_the_first_read)));
}
