/* cifar10: records, names, and files that do not fit. */
#include "parts.h"

#include "../../plugins/datasets/cifar10_format.h"

static const cnn_dataset *cifar(void)
{
    return part_find(&cnnrun_plugin.datasets, "cifar10");
}

/* `count` records with labels first, first+1, ..., all pixels equal to the label. */
static void write_batch(const char *name, int first, int count)
{
    uint8_t *bytes = malloc((size_t)count * CIFAR_RECORD);
    for (int i = 0; i < count; i++) {
        memset(bytes + i * CIFAR_RECORD, first + i, CIFAR_RECORD);
        bytes[i * CIFAR_RECORD + 3072] = 200; /* the last blue pixel */
    }
    (void)part_write(name, bytes, (size_t)count * CIFAR_RECORD);
    free(bytes);
}

static const char *write_set(void)
{
    part_mkdir("set");
    for (int i = 1; i <= 5; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "set/data_batch_%d.bin", i);
        write_batch(name, i, 2);
    }
    write_batch("set/test_batch.bin", 9, 1);
    return part_path("set");
}

static void records_are_found_across_the_files(void)
{
    const char *path = write_set();
    cnn_dataset_info info;
    cnn_error err = { "", "" };
    uint8_t pixels[3072];
    int32_t label;
    cnn_dataset_state *s = part_open(cifar(), &path, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, &label };
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 10);
    CHECK_INT(info.count[CNN_SPLIT_TEST], 1);
    CHECK_INT(info.input.dim[0], 3);
    CHECK_INT(info.classes, 10);
    CHECK(info.class_names == NULL);
    CHECK(cifar()->read(s, CNN_SPLIT_TRAIN, 9, &input, &target, &err) == CNN_OK);
    CHECK_INT(label, 6);
    CHECK_INT(pixels[0], 6);
    CHECK_INT(pixels[3071], 200);
    CHECK(cifar()->read(s, CNN_SPLIT_TEST, 0, &input, &target, &err) == CNN_OK);
    CHECK_INT(label, 9);
    CHECK(cifar()->read(s, CNN_SPLIT_TRAIN, 10, &input, &target, &err) == CNN_INTERNAL);
    CHECK(cifar()->read(s, CNN_SPLIT_TEST, 1, &input, &target, &err) == CNN_INTERNAL);
    CHECK(cifar()->read(s, CNN_SPLIT_VAL, 0, &input, &target, &err) == CNN_INTERNAL);
    cifar()->close(s);
}

static void names_come_from_the_meta_file(void)
{
    static const char text[] = "a\nb\r\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
    const char *path = write_set();
    (void)part_write("set/batches.meta.txt", text, sizeof text - 1);
    cnn_dataset_info info;
    cnn_dataset_state *s = part_open(cifar(), &path, &info);
    CHECK_STR(info.class_names[1], "b");
    CHECK_STR(info.class_names[9], "j");
    cifar()->close(s);
    (void)part_write("set/batches.meta.txt", text, 5);
    path = part_path("set");
    CHECK_HAS(part_refusal(cifar(), &path, CNN_INVALID).text, "2 names");
}

static void a_file_that_is_cut_off_is_refused(void)
{
    const char *path = write_set();
    CHECK(truncate(part_path("set/data_batch_3.bin"), 3074) == 0);
    cnn_error err = part_refusal(cifar(), &path, CNN_INVALID);
    CHECK_HAS(err.text, "data_batch_3.bin");
    CHECK_HAS(err.text, "1 are left over");
    CHECK_HAS(err.hint, "./dev data cifar10");
    CHECK(truncate(part_path("set/data_batch_3.bin"), 0) == 0);
    (void)part_refusal(cifar(), &path, CNN_INVALID);
    CHECK(remove(part_path("set/data_batch_3.bin")) == 0);
    CHECK_HAS(part_refusal(cifar(), &path, CNN_IO).text, "data_batch_3.bin");
}

static void a_label_above_nine_names_file_and_image(void)
{
    const char *path = write_set();
    cnn_dataset_info info;
    cnn_error err = { "", "" };
    uint8_t pixels[3072];
    write_batch("set/test_batch.bin", 9, 2);
    (void)remove(part_path("set/batches.meta.txt"));
    cnn_dataset_state *s = part_open(cifar(), &path, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, NULL };
    CHECK(cifar()->read(s, CNN_SPLIT_TEST, 1, &input, &target, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "image 1 of");
    CHECK_HAS(err.text, "label 10");
    const void *view = NULL;
    err.text[0] = '\0';
    CHECK(cifar()->view(s, CNN_SPLIT_TEST, 1, &view, &target, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "label 10");
    cifar()->close(s);
}

static void a_lent_sample_is_the_one_that_is_read(void)
{
    const char *path = write_set();
    cnn_dataset_info info;
    cnn_error err = { "", "" };
    uint8_t pixels[3072];
    int32_t read = -1, lent = -1;
    const void *view = NULL, *again = NULL;
    cnn_dataset_state *s = part_open(cifar(), &path, &info);
    cnn_tensor input = { info.input, pixels }, a = { info.target, &read };
    cnn_tensor b = { info.target, &lent }, no_target = { info.target, NULL };
    for (int64_t i = 0; i < 10; i++) {
        CHECK(cifar()->read(s, CNN_SPLIT_TRAIN, i, &input, &a, &err) == CNN_OK);
        CHECK(cifar()->view(s, CNN_SPLIT_TRAIN, i, &view, &b, &err) == CNN_OK);
        if (CHECK(view != NULL))
            CHECK(memcmp(view, pixels, sizeof pixels) == 0);
        CHECK_INT(lent, read);
    }
    CHECK(cifar()->view(s, CNN_SPLIT_TRAIN, 9, &again, &no_target, &err) == CNN_OK);
    CHECK(again == view); /* nothing is copied */
    CHECK(cifar()->view(s, CNN_SPLIT_TRAIN, 10, &view, &b, &err) == CNN_INTERNAL);
    CHECK(cifar()->view(s, CNN_SPLIT_VAL, 0, &view, &b, &err) == CNN_INTERNAL);
    cifar()->close(s);
}

/* A mapping does not end with its file: reading on would end the process. */
static void a_file_that_becomes_shorter_is_an_error(void)
{
    const char *path = write_set();
    cnn_dataset_info info;
    cnn_error err = { "", "" };
    uint8_t pixels[3072];
    const void *view = NULL;
    cnn_dataset_state *s = part_open(cifar(), &path, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, NULL };
    CHECK(cifar()->view(s, CNN_SPLIT_TRAIN, 1, &view, &target, &err) == CNN_OK);
    CHECK(truncate(part_path("set/data_batch_1.bin"), CIFAR_RECORD) == 0);
    (void)usleep(50000); /* sizes are asked for once in a tick */
    CHECK(cifar()->view(s, CNN_SPLIT_TRAIN, 1, &view, &target, &err) == CNN_IO);
    CHECK_HAS(err.text, "image 1 of");
    CHECK_HAS(err.text, "data_batch_1.bin: the file has become shorter");
    CHECK(cifar()->read(s, CNN_SPLIT_TRAIN, 1, &input, &target, &err) == CNN_IO);
    CHECK_HAS(err.text, "the file has become shorter");
    CHECK(cifar()->view(s, CNN_SPLIT_TRAIN, 2, &view, &target, &err) == CNN_OK);
    cifar()->close(s);
}

static void a_missing_set_says_how_to_get_it(void)
{
    const char *none = NULL;
    cnn_error err = part_refusal(cifar(), &none, CNN_IO);
    CHECK_HAS(err.text, "CIFAR-10 was not found");
    CHECK_HAS(err.hint, "./dev data cifar10");
}

int main(void)
{
    return part_finish(RUN_TESTS(
        TEST(records_are_found_across_the_files), TEST(names_come_from_the_meta_file),
        TEST(a_file_that_is_cut_off_is_refused), TEST(a_label_above_nine_names_file_and_image),
        TEST(a_lent_sample_is_the_one_that_is_read), TEST(a_file_that_becomes_shorter_is_an_error),
        TEST(a_missing_set_says_how_to_get_it)));
}
