/* inline: shapes and targets of samples that are written into the pipeline. */
#include "parts.h"

typedef struct inline_params {
    cnn_array values, targets;
    int64_t classes;
} inline_params;

static const float numbers[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static const cnn_dataset *find(void)
{
    return part_find(&cnnrun_plugin.datasets, "inline");
}

static cnn_array array(uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    cnn_array v = { cnn_type4(CNN_F32, a, b, c, d), numbers };
    v.type.rank = rank;
    return v;
}

static void check_shape(cnn_array values, int64_t count, uint32_t rank, int64_t first)
{
    inline_params p = { .values = values };
    cnn_dataset_info info;
    cnn_dataset_state *s = part_open(find(), &p, &info);
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], count);
    CHECK_INT(info.count[CNN_SPLIT_TEST], count);
    CHECK_INT(info.input.rank, rank);
    CHECK_INT(info.input.dim[0], first);
    CHECK_INT(info.target.dtype, 0);
    find()->close(s);
}

static void nesting_decides_what_a_sample_is(void)
{
    check_shape(array(1, 8, 0, 0, 0), 1, 1, 8);
    check_shape(array(2, 2, 4, 0, 0), 1, 3, 1);
    check_shape(array(3, 2, 2, 2, 0), 1, 3, 2);
    check_shape(array(4, 2, 1, 2, 2), 2, 3, 1);
}

static void samples_and_classes_are_read(void)
{
    const float classes[2] = { 2, 0 };
    inline_params p = { array(4, 2, 1, 2, 2), { cnn_type1(CNN_F32, 2), classes }, 3 };
    cnn_dataset_info info;
    cnn_error err;
    float pixels[4];
    int32_t label = -1;
    cnn_dataset_state *s = part_open(find(), &p, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, &label };
    CHECK_INT(info.classes, 3);
    CHECK(find()->read(s, CNN_SPLIT_TEST, 0, &input, &target, &err) == CNN_OK);
    CHECK_INT(label, 2);
    CHECK(find()->read(s, CNN_SPLIT_TRAIN, 1, &input, &target, &err) == CNN_OK);
    CHECK_NEAR(pixels[0], 5, 0);
    CHECK_INT(label, 0);
    CHECK(find()->read(s, CNN_SPLIT_TRAIN, 2, &input, &target, &err) == CNN_INTERNAL);
    find()->close(s);
}

static void values_are_targets_without_classes(void)
{
    inline_params p = { array(4, 2, 1, 2, 2), { cnn_type2(CNN_F32, 2, 3), numbers }, 0 };
    cnn_dataset_info info;
    cnn_error err;
    float pixels[4], values[3];
    cnn_dataset_state *s = part_open(find(), &p, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, values };
    CHECK(find()->read(s, CNN_SPLIT_TRAIN, 1, &input, &target, &err) == CNN_OK);
    CHECK_NEAR(values[0], 4, 0);
    CHECK_NEAR(values[2], 6, 0);
    find()->close(s);
}

static void what_does_not_fit_is_refused(void)
{
    const float bad[2] = { 0, 1.5f };
    inline_params p = { array(4, 2, 1, 2, 2), { cnn_type1(CNN_F32, 3), numbers }, 0 };
    CHECK_HAS(part_refusal(find(), &p, CNN_INVALID).text, "2 samples");
    p.targets = (cnn_array){ cnn_type1(CNN_F32, 2), bad };
    p.classes = 3;
    CHECK_HAS(part_refusal(find(), &p, CNN_INVALID).text, "target 1 is 1.5");
    p.targets.v = numbers;
    p.classes = 2;
    CHECK_HAS(part_refusal(find(), &p, CNN_INVALID).text, "target 1 is 2");
    p.values = (cnn_array){ cnn_scalar_type(CNN_F32), numbers };
    CHECK_HAS(part_refusal(find(), &p, CNN_INVALID).text, "0 axes");
}

int main(void)
{
    return RUN_TESTS(TEST(nesting_decides_what_a_sample_is), TEST(samples_and_classes_are_read),
                     TEST(values_are_targets_without_classes), TEST(what_does_not_fit_is_refused));
}
