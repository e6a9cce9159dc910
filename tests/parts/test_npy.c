/* npy: headers of all versions, types, and files that lie. */
#include "parts.h"

#include "../../plugins/datasets/npy_format.h"

/* In the order of the plugin's parameters. */
typedef struct npy_params {
    const char *x, *y, *test_x, *test_y;
} npy_params;

static const cnn_dataset *npy(void)
{
    return part_find(&cnnrun_plugin.datasets, "npy");
}

/* Builds a file; returns its size. */
static size_t build(uint8_t *to, int version, const char *dict, const void *data, size_t bytes)
{
    size_t start = version == 1 ? 10 : 12, length = strlen(dict);
    memcpy(to, "\x93NUMPY", 6);
    to[6] = (uint8_t)version;
    to[7] = 0;
    for (size_t i = 8; i < start; i++)
        to[i] = (uint8_t)(length >> 8 * (i - 8));
    memcpy(to + start, dict, length);
    if (bytes > 0)
        memcpy(to + start + length, data, bytes);
    return start + length + bytes;
}

static const char *write_npy(const char *name, const char *dict, const void *data, size_t bytes)
{
    uint8_t file[1024];
    return part_write(name, file, build(file, 1, dict, data, bytes));
}

static void headers_of_all_versions_are_read(void)
{
    float data[6] = { 0 };
    for (int version = 1; version <= 3; version++) {
        uint8_t file[256];
        npy_header h;
        cnn_error err = { "", "" };
        size_t size =
            build(file, version,
                  "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      \n", data, 24);
        CHECK(npy_parse(file, size, size, "f", &h, &err) == CNN_OK);
        CHECK_INT(h.element, NPY_F32);
        CHECK_INT(h.rank, 2);
        CHECK_INT(h.dim[1], 3);
        CHECK_INT(h.count, 6);
        CHECK_INT(h.offset, size - 24);
    }
}

static cnn_error refused(const char *dict, size_t bytes)
{
    uint8_t file[512], data[64] = { 0 };
    npy_header h;
    cnn_error err = { "", "" };
    size_t size = build(file, 1, dict, data, bytes);
    CHECK(npy_parse(file, size, size, "f.npy", &h, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "f.npy");
    return err;
}

static void headers_that_cannot_be_read_say_why(void)
{
    CHECK_HAS(refused("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8).text, ">f4");
    CHECK_HAS(refused("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8).text,
              "Fortran");
    CHECK_HAS(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8).text,
              "should have 3 elements");
    CHECK_HAS(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 8).text,
              "8 bytes follow");
    CHECK_HAS(refused("{'descr': '<f4', 'fortran_order': False, 'shape': "
                      "(9223372036854775807,9223372036854775807), }",
                      8)
                  .text,
              "no sense");
    CHECK_HAS(refused("{'descr': '<f4', 'fortran_order': False, 'shape': "
                      "(4611686018427387904,), }",
                      8)
                  .text,
              "should have");
    CHECK_HAS(refused("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8).text,
              "no sense");
    CHECK_HAS(refused("{'descr': '<f4', 'fortran_order': False, }", 8).text, "no sense");
    CHECK_HAS(refused("{'descr': '<f4', 'shape': (1,1,1,1,1,1,2), }", 8).text, "no sense");
    CHECK_HAS(refused("{", 8).text, "no sense");
    CHECK_HAS(refused("", 0).text, "no sense");
}

static void files_cut_off_anywhere_are_refused(void)
{
    uint8_t file[256];
    npy_header h;
    cnn_error err;
    float data[2] = { 1, 2 };
    size_t size = build(file, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n",
                        data, sizeof data);
    CHECK(npy_parse(file, size, size, "f", &h, &err) == CNN_OK);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read behind the end */
        memcpy(exact, file, cut);
        CHECK(npy_parse(exact, cut, cut, "f", &h, &err) == CNN_INVALID);
        free(exact);
    }
}

static void images_of_bytes_get_a_channel_and_integers_are_classes(void)
{
    uint8_t x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, pixels[4];
    int64_t y[2] = { 3, 0 };
    int32_t label;
    npy_params p = {
        .x = write_npy("x.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 2), }", x,
                       sizeof x),
        .y = write_npy("y.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", y,
                       sizeof y),
    };
    cnn_dataset_info info;
    cnn_error err;
    cnn_dataset_state *s = part_open(npy(), &p, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, &label };
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 2);
    CHECK_INT(info.count[CNN_SPLIT_TEST], 0);
    CHECK_INT(info.classes, 4);
    CHECK_INT(info.input.rank, 3);
    CHECK_INT(info.input.dim[0], 1);
    CHECK(npy()->read(s, CNN_SPLIT_TRAIN, 1, &input, &target, &err) == CNN_OK);
    CHECK_INT(pixels[0], 5);
    CHECK_INT(label, 0);
    CHECK(npy()->read(s, CNN_SPLIT_TEST, 0, &input, &target, &err) == CNN_INTERNAL);
    npy()->close(s);
}

static void doubles_become_floats(void)
{
    double x[4] = { 0.5, -1.25, 3, 4 };
    float y[4] = { 1, 2, 3, 4 }, features[2], values[2];
    npy_params p = {
        .x = write_npy("x.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", x,
                       sizeof x),
        .y = write_npy("y.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", y,
                       sizeof y),
    };
    cnn_dataset_info info;
    cnn_error err;
    cnn_dataset_state *s = part_open(npy(), &p, &info);
    cnn_tensor input = { info.input, features }, target = { info.target, values };
    CHECK_INT(info.classes, 0);
    CHECK_INT(info.target.dtype, CNN_F32);
    CHECK(npy()->read(s, CNN_SPLIT_TRAIN, 0, &input, &target, &err) == CNN_OK);
    CHECK_NEAR(features[1], -1.25, 0);
    CHECK_NEAR(values[1], 2, 0);
    npy()->close(s);
}

static void arrays_that_do_not_fit_are_refused(void)
{
    uint8_t x[4] = { 0 };
    int32_t y[3] = { 0, -1, 2 };
    npy_params p = {
        .x = write_npy("x.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", x,
                       sizeof x),
        .y = write_npy("y.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", y,
                       sizeof y),
    };
    CHECK_HAS(part_refusal(npy(), &p, CNN_INVALID).text, "label 1 of");
    p.y = write_npy("y.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", y, 4);
    CHECK_HAS(part_refusal(npy(), &p, CNN_INVALID).text, "has 2 samples");
    p.y = NULL;
    p.test_y = p.x;
    CHECK_HAS(part_refusal(npy(), &p, CNN_INVALID).text, "test_x");
    p.test_y = NULL;
    p.test_x =
        write_npy("t.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1), }", x, 2);
    CHECK_HAS(part_refusal(npy(), &p, CNN_INVALID).text, "differ");
    p.test_x = NULL;
    p.x = write_npy("x.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4), }", x, 0);
    CHECK_HAS(part_refusal(npy(), &p, CNN_INVALID).text, "no samples");
    p.x = write_npy("x.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }", x, 4);
    CHECK_HAS(part_refusal(npy(), &p, CNN_INVALID).text, "holds integers");
    p.x = "/nowhere.npy";
    CHECK_HAS(part_refusal(npy(), &p, CNN_IO).text, "/nowhere.npy");
}

static void a_file_that_shrinks_after_opening_is_an_error(void)
{
    uint8_t x[4] = { 1, 2, 3, 4 }, pixels[2];
    npy_params p = { .x = write_npy("s.npy",
                                    "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }",
                                    x, sizeof x) };
    cnn_dataset_info info;
    cnn_error err = { "", "" };
    cnn_dataset_state *s = part_open(npy(), &p, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, NULL };
    CHECK(truncate(p.x, 20) == 0);
    CHECK(npy()->read(s, CNN_SPLIT_TRAIN, 1, &input, &target, &err) == CNN_IO);
    CHECK_HAS(err.text, "shorter");
    npy()->close(s);
}

int main(void)
{
    return part_finish(
        RUN_TESTS(TEST(headers_of_all_versions_are_read), TEST(headers_that_cannot_be_read_say_why),
                  TEST(files_cut_off_anywhere_are_refused),
                  TEST(images_of_bytes_get_a_channel_and_integers_are_classes),
                  TEST(doubles_become_floats), TEST(arrays_that_do_not_fit_are_refused),
                  TEST(a_file_that_shrinks_after_opening_is_an_error)));
}
