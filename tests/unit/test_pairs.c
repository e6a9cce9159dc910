/* Targets that are images: both images of a pair go the same way, and only inputs are degraded. */
#include "test.h"

#include <stddef.h>
#include <stdlib.h>

#include "feed.h"

enum { COUNT = 6, H = 2, W = 3, PIXELS = H * W };

/* What the toy data set brings as targets. */
typedef enum kind { LABELS, IMAGES, WIDER } kind;

struct cnn_dataset_state {
    kind targets;
};

static cnn_status open_toy(const cnn_host *host, const void *params, cnn_dataset_state **out,
                           cnn_error *err)
{
    (void)host;
    (void)err;
    *out = calloc(1, sizeof **out);
    (*out)->targets = *(const kind *)params;
    return CNN_OK;
}

static void close_toy(cnn_dataset_state *state)
{
    free(state);
}

static cnn_status describe(const cnn_dataset_state *s, cnn_dataset_info *info, cnn_error *err)
{
    static const char *const names[] = { "one", "two" };
    (void)err;
    info->count[CNN_SPLIT_TRAIN] = info->count[CNN_SPLIT_TEST] = COUNT;
    info->input = cnn_type3(CNN_U8, 1, H, W);
    info->target = s->targets == LABELS ? cnn_scalar_type(CNN_I32)
                                        : cnn_type3(CNN_U8, 1, H, s->targets == WIDER ? W + 1 : W);
    info->classes = s->targets == LABELS ? 2 : 0;
    info->class_names = s->targets == LABELS ? names : NULL;
    return CNN_OK;
}

/* Pixel k of sample i is 10 i + k, that of a target image 100 more. */
static cnn_status read_toy(cnn_dataset_state *s, uint32_t split, int64_t index,
                           const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    (void)split;
    (void)err;
    for (int k = 0; k < PIXELS; k++)
        cnn_u8(input)[k] = (uint8_t)(10 * index + k);
    for (int64_t k = 0; target->data != NULL && k < cnn_count(&target->type); k++)
        if (s->targets == LABELS)
            cnn_i32(target)[k] = (int32_t)(index % 2);
        else
            cnn_u8(target)[k] = (uint8_t)(100 + 10 * index + k);
    return CNN_OK;
}

/* The same samples, lent from memory that must stay as it is. */
static cnn_status view_toy(cnn_dataset_state *s, uint32_t split, int64_t index, const void **input,
                           const cnn_tensor *target, cnn_error *err)
{
    static uint8_t pixels[COUNT][PIXELS];
    const cnn_tensor to = { cnn_type3(CNN_U8, 1, H, W), pixels[index] };
    *input = pixels[index];
    return read_toy(s, split, index, &to, target, err);
}

static const cnn_dataset toy = {
    .c = { .size = sizeof(cnn_dataset), .name = "toy" },
    .open = open_toy,
    .close = close_toy,
    .describe = describe,
    .read = read_toy,
};
static const cnn_dataset lent = {
    .c = { .size = sizeof(cnn_dataset), .name = "lent" },
    .open = open_toy,
    .close = close_toy,
    .describe = describe,
    .read = read_toy,
    .view = view_toy,
};

/* ---- transforms */

static cnn_status as_float(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    (void)params;
    (void)err;
    *out = *in;
    out->dtype = CNN_F32;
    return CNN_OK;
}

/* Times *params, or 1. */
static cnn_status to_float(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                           cnn_rng *rng, cnn_error *err)
{
    (void)rng;
    (void)err;
    float factor = params != NULL ? *(const float *)params : 1;
    for (int64_t i = 0; i < cnn_count(&in->type); i++)
        cnn_f32(out)[i] = factor * (float)cnn_u8(in)[i];
    return CNN_OK;
}

static cnn_status keep(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    (void)params;
    (void)err;
    *out = *in;
    return CNN_OK;
}

/* Adds one random number to all pixels. */
static cnn_status jitter(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                         cnn_rng *rng, cnn_error *err)
{
    (void)params;
    (void)err;
    uint32_t more = cnn_rng_below(rng, 50);
    for (int64_t i = 0; i < cnn_count(&in->type); i++)
        cnn_u8(out)[i] = (uint8_t)(cnn_u8(in)[i] + more);
    return CNN_OK;
}

/* Another random number for each pixel. */
static cnn_status noise(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                        cnn_rng *rng, cnn_error *err)
{
    (void)params;
    (void)err;
    for (int64_t i = 0; i < cnn_count(&in->type); i++)
        cnn_u8(out)[i] = (uint8_t)(cnn_u8(in)[i] + cnn_rng_below(rng, 90));
    return CNN_OK;
}

static const cnn_transform float_transform = {
    .c = { .size = sizeof(cnn_transform), .name = "to_float" },
    .infer = as_float,
    .apply = to_float,
};
static const cnn_transform jitter_transform = {
    .c = { .size = sizeof(cnn_transform), .name = "jitter" },
    .infer = keep,
    .apply = jitter,
};
static const cnn_transform noise_transform = {
    .c = { .size = sizeof(cnn_transform), .name = "noise" },
    .infer = keep,
    .apply = noise,
};

/* ---- the data of a pipeline */

typedef struct wish {
    const cnn_dataset *source; /* NULL: toy */
    kind targets;
    bool augment, degrade;
    const float *target_factor; /* with a target_transform */
} wish;

static cnn_status open_wish(const wish *w, cnn_source_data **data, cnn_error *err)
{
    static cnn_use chain, augment, degrade, target;
    cnn_config config = { .path = "test.yaml" };
    cnn_registry registry = { .host = NULL };
    chain.component = &float_transform.c;
    target = (cnn_use){ .component = &float_transform.c, .params = w->target_factor };
    augment.component = &jitter_transform.c;
    degrade.component = &noise_transform.c;
    config.data.source.component = &(w->source != NULL ? w->source : &toy)->c;
    config.data.source.params = &w->targets;
    config.data.transform = (cnn_uses){ &chain, 1 };
    config.data.augment = (cnn_uses){ &augment, w->augment ? 1 : 0 };
    config.data.degrade = (cnn_uses){ &degrade, w->degrade ? 1 : 0 };
    config.data.target_transform = (cnn_uses){ &target, w->target_factor != NULL ? 1 : 0 };
    return cnn_data_open(&config, &registry, data, err);
}

static cnn_source_data *open_data(const wish *w)
{
    cnn_source_data *data = NULL;
    cnn_error err = { "", "" };
    if (!CHECK(open_wish(w, &data, &err) == CNN_OK)) {
        fprintf(stderr, "  %s\n", err.text);
        exit(1);
    }
    return data;
}

/* An input and its target; where they are read is as small as it may be. */
typedef struct pair {
    float input[PIXELS], target[PIXELS];
} pair;

static pair read_pair(cnn_source_data *data, uint32_t split, int64_t index, bool augment,
                      uint64_t seed, int64_t epoch)
{
    pair p = { { 0 }, { 0 } };
    cnn_error err = { "", "" };
    char *scratch = malloc(2 * (size_t)cnn_data_scratch(data));
    if (!CHECK(cnn_data_sample(data, split, index, augment, seed, epoch, scratch, p.input, p.target,
                               &err) == CNN_OK))
        fprintf(stderr, "  %s\n", err.text);
    free(scratch);
    return p;
}

static bool same(const float *a, const float *b)
{
    return memcmp(a, b, PIXELS * sizeof *a) == 0;
}

/* ---- tests */

static void the_clean_sample_is_the_target_of_the_degraded_one(void)
{
    static const cnn_dataset *const sources[] = { &toy, &lent };
    pair first = { { 0 }, { 0 } };
    for (int d = 0; d < 2; d++) {
        cnn_source_data *data = open_data(&(wish){ .source = sources[d], .degrade = true });
        pair p = read_pair(data, CNN_SPLIT_TEST, 2, false, 0, 0);
        for (int k = 0; k < PIXELS; k++) {
            CHECK_NEAR(p.target[k], 20 + k, 0);
            CHECK(p.input[k] >= p.target[k]);
        }
        CHECK(!same(p.input, p.target));
        if (d == 0)
            first = p;
        CHECK(same(p.input, first.input));
        CHECK(cnn_data_shape_of(data)->classes == 0 && cnn_data_class_names(data) == NULL);
        CHECK(cnn_same_shape(&cnn_data_shape_of(data)->target, &cnn_data_shape_of(data)->input));
        cnn_data_close(data);
    }
}

static void images_of_the_data_set_are_targets(void)
{
    cnn_source_data *data = open_data(&(wish){ .targets = IMAGES });
    pair p = read_pair(data, CNN_SPLIT_TRAIN, 3, false, 0, 0);
    CHECK_INT(cnn_data_shape_of(data)->target.dtype, CNN_F32);
    for (int k = 0; k < PIXELS; k++) {
        CHECK_NEAR(p.input[k], 30 + k, 0);
        CHECK_NEAR(p.target[k], 130 + k, 0);
    }
    cnn_data_close(data);
    data = open_data(&(wish){ .targets = IMAGES, .degrade = true });
    p = read_pair(data, CNN_SPLIT_TRAIN, 3, false, 0, 0);
    CHECK_NEAR(p.target[1], 131, 0);
    CHECK(p.input[0] != 30 || p.input[1] != 31 || p.input[2] != 32);
    cnn_data_close(data);
}

static void targets_may_have_transforms_of_their_own(void)
{
    const float half = 0.5f;
    cnn_source_data *data = open_data(&(wish){ .targets = IMAGES, .target_factor = &half });
    pair p = read_pair(data, CNN_SPLIT_TRAIN, 1, false, 0, 0);
    CHECK_NEAR(p.input[2], 12, 0);
    CHECK_NEAR(p.target[2], 56, 0);
    cnn_data_close(data);
}

static void both_images_are_augmented_by_the_same_numbers(void)
{
    static const wish wishes[] = { { .targets = IMAGES, .augment = true },
                                   { .targets = IMAGES, .augment = true, .degrade = true },
                                   { .augment = true, .degrade = true } };
    bool moved = false;
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        cnn_source_data *data = open_data(&wishes[i]);
        float clean = wishes[i].targets == IMAGES ? 100 : 0;
        for (int64_t s = 0; s < COUNT; s++) {
            pair p = read_pair(data, CNN_SPLIT_TRAIN, s, true, 5, 1);
            float more = p.target[0] - clean - (float)(10 * s);
            for (int k = 0; k < PIXELS && !wishes[i].degrade; k++)
                CHECK_NEAR(p.input[k], (float)(10 * s + k) + more, 0);
            for (int k = 0; k < PIXELS; k++)
                CHECK_NEAR(p.target[k], clean + (float)(10 * s + k) + more, 0);
            moved |= more != 0;
        }
        cnn_data_close(data);
    }
    CHECK(moved);
}

static void augmentation_does_not_depend_on_what_is_degraded(void)
{
    cnn_source_data *with =
        open_data(&(wish){ .targets = IMAGES, .augment = true, .degrade = true });
    cnn_source_data *without = open_data(&(wish){ .targets = IMAGES, .augment = true });
    pair a = read_pair(with, CNN_SPLIT_TRAIN, 4, true, 5, 1);
    pair b = read_pair(without, CNN_SPLIT_TRAIN, 4, true, 5, 1);
    CHECK(same(a.target, b.target));
    CHECK(!same(a.input, b.input));
    cnn_data_close(with);
    cnn_data_close(without);
}

static void tests_see_the_same_inputs_for_every_seed_and_epoch(void)
{
    cnn_source_data *data = open_data(&(wish){ .degrade = true, .augment = true });
    pair a = read_pair(data, CNN_SPLIT_TEST, 1, false, 0, 0);
    pair b = read_pair(data, CNN_SPLIT_TEST, 1, false, 0, 7);
    CHECK(same(a.input, b.input));
    /* other noise for another sample, and for the same number in another split */
    pair c = read_pair(data, CNN_SPLIT_TEST, 2, false, 0, 0);
    pair d = read_pair(data, CNN_SPLIT_TRAIN, 1, false, 0, 0);
    CHECK(c.input[0] - c.target[0] != a.input[0] - a.target[0] ||
          c.input[1] - c.target[1] != a.input[1] - a.target[1] ||
          c.input[2] - c.target[2] != a.input[2] - a.target[2]);
    CHECK(same(a.target, d.target) && !same(a.input, d.input));
    cnn_data_close(data);
}

static void training_draws_anew_in_every_epoch_and_repeats_itself(void)
{
    cnn_source_data *data = open_data(&(wish){ .degrade = true });
    pair a = read_pair(data, CNN_SPLIT_TRAIN, 1, true, 3, 0);
    pair b = read_pair(data, CNN_SPLIT_TRAIN, 1, true, 3, 1);
    pair c = read_pair(data, CNN_SPLIT_TRAIN, 1, true, 4, 0);
    pair d = read_pair(data, CNN_SPLIT_TRAIN, 1, true, 3, 0);
    CHECK(!same(a.input, b.input) && !same(a.input, c.input) && same(a.input, d.input));
    CHECK(same(a.target, b.target));
    cnn_data_close(data);
}

static void a_prediction_needs_no_target(void)
{
    static const kind kinds[] = { LABELS, IMAGES };
    for (int i = 0; i < 2; i++) {
        cnn_source_data *data = open_data(&(wish){ .targets = kinds[i], .degrade = true });
        pair p = read_pair(data, CNN_SPLIT_TEST, 5, false, 0, 0);
        float input[PIXELS];
        cnn_error err;
        char *scratch = malloc(2 * (size_t)cnn_data_scratch(data));
        CHECK(cnn_data_sample(data, CNN_SPLIT_TEST, 5, false, 0, 0, scratch, input, NULL, &err) ==
              CNN_OK);
        CHECK(same(input, p.input));
        free(scratch);
        cnn_data_close(data);
    }
}

static void images_of_two_sizes_are_not_augmented(void)
{
    cnn_source_data *data = NULL;
    cnn_error err = { "", "" };
    CHECK_INT(open_wish(&(wish){ .targets = WIDER, .augment = true }, &data, &err), CNN_INVALID);
    CHECK_STR(err.text, "data: `augment` must change both images of a pair alike, but the inputs "
                        "are [1, 2, 3] and the targets [1, 2, 4]");
    CHECK_HAS(err.hint, "size");
    CHECK_INT(open_wish(&(wish){ .targets = WIDER }, &data, &err), CNN_OK);
    CHECK_INT(cnn_data_shape_of(data)->target.dim[2], W + 1);
    cnn_data_close(data);
}

static void transforms_of_targets_that_are_no_images_are_refused(void)
{
    const float half = 0.5f;
    cnn_source_data *data = NULL;
    cnn_error err = { "", "" };
    CHECK_INT(open_wish(&(wish){ .target_factor = &half }, &data, &err), CNN_INVALID);
    CHECK_HAS(err.text, "`target_transform` is for targets that are images");
    CHECK_HAS(err.hint, "degrade");
}

int main(void)
{
    return RUN_TESTS(
        TEST(the_clean_sample_is_the_target_of_the_degraded_one),
        TEST(images_of_the_data_set_are_targets), TEST(targets_may_have_transforms_of_their_own),
        TEST(both_images_are_augmented_by_the_same_numbers),
        TEST(augmentation_does_not_depend_on_what_is_degraded),
        TEST(tests_see_the_same_inputs_for_every_seed_and_epoch),
        TEST(training_draws_anew_in_every_epoch_and_repeats_itself),
        TEST(a_prediction_needs_no_target), TEST(images_of_two_sizes_are_not_augmented),
        TEST(transforms_of_targets_that_are_no_images_are_refused));
}
