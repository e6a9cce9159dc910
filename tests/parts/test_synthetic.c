/* synthetic: the same numbers every time, and classes that can be told apart. */
#include "parts.h"

#include <math.h>

typedef struct synthetic_params {
    int64_t classes, channels, height, width, train, test;
    double noise;
    int64_t seed;
} synthetic_params;

enum { SIDE = 12, PIXELS = 2 * SIDE * SIDE, CLASSES = 5 };

static const synthetic_params small = { CLASSES, 2, SIDE, SIDE, 100, 50, 0.25, 0 };

static const cnn_dataset *find(void)
{
    return part_find(&cnnrun_plugin.datasets, "synthetic");
}

static int32_t read_one(const synthetic_params *p, uint32_t split, int64_t index, uint8_t *pixels)
{
    cnn_dataset_info info;
    cnn_error err;
    int32_t label = -1;
    cnn_dataset_state *s = part_open(find(), p, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, &label };
    CHECK_INT(cnn_bytes(&info.input), PIXELS);
    CHECK(find()->read(s, split, index, &input, &target, &err) == CNN_OK);
    find()->close(s);
    return label;
}

static void the_same_sample_is_the_same_and_others_differ(void)
{
    uint8_t a[PIXELS], b[PIXELS];
    synthetic_params other = small;
    other.seed = 1;
    CHECK_INT(read_one(&small, CNN_SPLIT_TRAIN, 7, a), 2);
    CHECK_INT(read_one(&small, CNN_SPLIT_TRAIN, 7, b), 2);
    CHECK(memcmp(a, b, sizeof a) == 0);
    (void)read_one(&small, CNN_SPLIT_TRAIN, 12, b);
    CHECK(memcmp(a, b, sizeof a) != 0);
    (void)read_one(&small, CNN_SPLIT_TEST, 7, b);
    CHECK(memcmp(a, b, sizeof a) != 0);
    (void)read_one(&other, CNN_SPLIT_TRAIN, 7, b);
    CHECK(memcmp(a, b, sizeof a) != 0);
}

/* With fewer samples than classes the patterns are not kept. */
static void kept_patterns_change_nothing(void)
{
    uint8_t a[PIXELS], b[PIXELS];
    synthetic_params few = small;
    few.train = 3;
    few.test = 1;
    for (int i = 0; i < 3; i++) {
        (void)read_one(&small, CNN_SPLIT_TRAIN, i, a);
        (void)read_one(&few, CNN_SPLIT_TRAIN, i, b);
        CHECK(memcmp(a, b, sizeof a) == 0);
    }
}

/* The definition: one number of the stream after the other, first two for the place. */
static void noise_comes_in_the_order_of_the_stream(void)
{
    uint8_t a[PIXELS], b[PIXELS];
    synthetic_params still = small, loud = small;
    still.height = still.width = loud.height = loud.width = SIDE; /* too small to move */
    still.noise = 0;
    (void)read_one(&still, CNN_SPLIT_TEST, 3, a);
    (void)read_one(&loud, CNN_SPLIT_TEST, 3, b);
    for (uint64_t i = 0; i < PIXELS; i++) {
        uint32_t bits = cnn_random_bits(0, CNN_RNG_DATA, CNN_SPLIT_TEST + 4 * 3, 2 + i);
        double change = 0.25 * (2.0 * (double)cnn_unit_float(bits) - 1) * 255;
        double want = fmin(fmax(a[i] + change, 0), 255);
        CHECK(fabs(want - b[i]) <= 1); /* both are rounded */
    }
}

static void the_sizes_are_those_asked_for(void)
{
    cnn_dataset_info info;
    cnn_error err;
    uint8_t pixels[PIXELS];
    cnn_dataset_state *s = part_open(find(), &small, &info);
    cnn_tensor input = { info.input, pixels }, target = { info.target, NULL };
    CHECK_INT(info.count[CNN_SPLIT_TRAIN], 100);
    CHECK_INT(info.count[CNN_SPLIT_VAL], 0);
    CHECK_INT(info.count[CNN_SPLIT_TEST], 50);
    CHECK_INT(info.classes, CLASSES);
    CHECK(find()->read(s, CNN_SPLIT_TEST, 49, &input, &target, &err) == CNN_OK);
    CHECK(find()->read(s, CNN_SPLIT_TEST, 50, &input, &target, &err) == CNN_INTERNAL);
    CHECK(find()->read(s, CNN_SPLIT_VAL, 0, &input, &target, &err) == CNN_INTERNAL);
    find()->close(s);
}

/* The nearest mean of the training samples of each class names the class of most test samples. */
static void classes_can_be_told_apart(void)
{
    double mean[CLASSES][PIXELS] = { { 0 } };
    uint8_t pixels[PIXELS];
    int right = 0;
    for (int i = 0; i < 100; i++) {
        int32_t label = read_one(&small, CNN_SPLIT_TRAIN, i, pixels);
        for (int k = 0; k < PIXELS; k++)
            mean[label][k] += pixels[k] / 20.0;
    }
    for (int i = 0; i < 50; i++) {
        int best = 0;
        double distance = 1e300;
        int32_t label = read_one(&small, CNN_SPLIT_TEST, i, pixels);
        for (int c = 0; c < CLASSES; c++) {
            double d = 0;
            for (int k = 0; k < PIXELS; k++)
                d += (pixels[k] - mean[c][k]) * (pixels[k] - mean[c][k]);
            best = d < distance ? c : best;
            distance = d < distance ? d : distance;
        }
        right += best == label;
    }
    CHECK(right >= 45);
}

int main(void)
{
    return RUN_TESTS(TEST(the_same_sample_is_the_same_and_others_differ),
                     TEST(kept_patterns_change_nothing),
                     TEST(noise_comes_in_the_order_of_the_stream),
                     TEST(the_sizes_are_those_asked_for), TEST(classes_can_be_told_apart));
}
