/* Data set -> batches: order, splits, transforms, errors, and the places that are filled in
 * turn. */
#include "test.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "feed.h"

enum { COUNT = 10 };

struct cnn_dataset_state {
    int64_t broken; /* index of a sample that cannot be read, or -1 */
};

static cnn_status open_numbers(const cnn_host *host, const void *params, cnn_dataset_state **out,
                               cnn_error *err)
{
    (void)host;
    (void)err;
    *out = calloc(1, sizeof **out);
    (*out)->broken = params != NULL ? *(const int64_t *)params : -1;
    return CNN_OK;
}

static void close_numbers(cnn_dataset_state *state)
{
    free(state);
}

static cnn_status describe(const cnn_dataset_state *state, cnn_dataset_info *info, cnn_error *err)
{
    (void)state;
    (void)err;
    info->count[CNN_SPLIT_TRAIN] = COUNT;
    info->input = cnn_type1(CNN_U8, 2);
    info->target = cnn_scalar_type(CNN_I32);
    info->classes = COUNT;
    return CNN_OK;
}

/* Sample i is (i, 100 + i) with target i. */
static cnn_status read_numbers(cnn_dataset_state *state, uint32_t split, int64_t index,
                               const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    (void)split;
    if (index == state->broken)
        return cnn_fail(err, CNN_IO, "this sample is broken");
    cnn_u8(input)[0] = (uint8_t)index;
    cnn_u8(input)[1] = (uint8_t)(100 + index);
    if (target->data != NULL)
        cnn_i32(target)[0] = (int32_t)index;
    return CNN_OK;
}

static const cnn_dataset numbers = {
    .c = { .size = sizeof(cnn_dataset), .name = "numbers" },
    .open = open_numbers,
    .close = close_numbers,
    .describe = describe,
    .read = read_numbers,
};

/* The same samples, lent; every third one only to be read. */
static cnn_status view_numbers(cnn_dataset_state *state, uint32_t split, int64_t index,
                               const void **input, const cnn_tensor *target, cnn_error *err)
{
    static uint8_t pixels[COUNT][2];
    (void)split;
    if (index == state->broken)
        return cnn_fail(err, CNN_IO, "this sample is broken");
    if (index % 3 == 0)
        return CNN_OK;
    pixels[index][0] = (uint8_t)index;
    pixels[index][1] = (uint8_t)(100 + index);
    if (target->data != NULL)
        cnn_i32(target)[0] = (int32_t)index;
    *input = pixels[index];
    return CNN_OK;
}

static cnn_status no_view(cnn_dataset_state *state, uint32_t split, int64_t index,
                          const void **input, const cnn_tensor *target, cnn_error *err)
{
    (void)state;
    (void)split;
    (void)index;
    (void)input;
    (void)target;
    return cnn_fail(err, CNN_INTERNAL, "a function behind the end of the struct was called");
}

static const cnn_dataset lent = {
    .c = { .size = sizeof(cnn_dataset), .name = "lent" },
    .open = open_numbers,
    .close = close_numbers,
    .describe = describe,
    .read = read_numbers,
    .view = view_numbers,
};

static const cnn_dataset older = {
    .c = { .size = offsetof(cnn_dataset, view), .name = "older" },
    .open = open_numbers,
    .close = close_numbers,
    .describe = describe,
    .read = read_numbers,
    .view = no_view,
};

static cnn_status as_float(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    (void)params;
    (void)err;
    *out = *in;
    out->dtype = CNN_F32;
    return CNN_OK;
}

static cnn_status to_float(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                           cnn_rng *rng, cnn_error *err)
{
    (void)params;
    (void)rng;
    (void)err;
    for (int64_t i = 0; i < cnn_count(&in->type); i++)
        cnn_f32(out)[i] = (float)cnn_u8(in)[i];
    return CNN_OK;
}

static cnn_status keep(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    (void)params;
    (void)err;
    *out = *in;
    return CNN_OK;
}

/* Adds a random number; refuses what is no pixel, to show where it stands in the chain. */
static cnn_status jitter(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                         cnn_rng *rng, cnn_error *err)
{
    (void)params;
    if (in->type.dtype != CNN_U8)
        return cnn_fail(err, CNN_INTERNAL, "augmentation after the change to f32");
    cnn_u8(out)[0] = (uint8_t)(cnn_u8(in)[0] + cnn_rng_below(rng, 200));
    cnn_u8(out)[1] = cnn_u8(in)[1];
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

static cnn_source_data *open_source(const cnn_dataset *dataset, const int64_t *broken,
                                    const double *split)
{
    static cnn_use chain, augment;
    cnn_config config = { .path = "test.yaml" };
    cnn_registry registry = { .host = NULL };
    cnn_source_data *data = NULL;
    cnn_error err;
    chain.component = &float_transform.c;
    augment.component = &jitter_transform.c;
    config.data.source.component = &dataset->c;
    config.data.source.params = broken;
    config.data.transform = (cnn_uses){ &chain, 1 };
    config.data.augment = (cnn_uses){ &augment, 1 };
    if (split != NULL)
        config.data.split = (cnn_floats){ 3, -1, split };
    CHECK(cnn_data_open(&config, &registry, &data, &err) == CNN_OK);
    return data;
}

static cnn_source_data *open_data(const int64_t *broken, const double *split)
{
    return open_source(&numbers, broken, split);
}

static void shuffling_is_a_permutation_that_depends_on_the_epoch(void)
{
    int64_t a[100], b[100];
    bool seen[100] = { false };
    cnn_shuffled(100, 7, 0, a);
    cnn_shuffled(100, 7, 1, b);
    for (int i = 0; i < 100; i++)
        seen[a[i]] = true;
    for (int i = 0; i < 100; i++)
        CHECK(seen[i]);
    CHECK(memcmp(a, b, sizeof a) != 0);
    cnn_shuffled(100, 7, 0, b);
    CHECK(memcmp(a, b, sizeof a) == 0);
}

static cnn_feed *open_feed(cnn_source_data *data, uint32_t threads)
{
    cnn_feed *feed = NULL;
    cnn_error err;
    CHECK(cnn_feed_open(data, threads, &feed, &err) == CNN_OK);
    return feed;
}

/* Runs a pass with batches of 4 and collects the targets in order; returns their number. */
static int64_t collect_from(cnn_feed *feed, cnn_pass pass, int32_t *targets)
{
    float input[CNN_SETS][8];
    int32_t target[CNN_SETS][4];
    cnn_error err;
    int64_t count = 0, samples, b = 0;
    for (int i = 0; i < CNN_SETS; i++) {
        pass.input[i] = input[i];
        pass.target[i] = target[i];
    }
    pass.batch = 4;
    b = pass.first;
    cnn_feed_begin(feed, &pass);
    while (cnn_feed_next(feed, &samples, &err) == CNN_OK && samples > 0) {
        for (int64_t i = 0; i < samples; i++) {
            targets[count] = target[b % CNN_SETS][i];
            if (!pass.augment)
                CHECK_NEAR(input[b % CNN_SETS][2 * i], targets[count], 0);
            count++;
        }
        b++;
    }
    cnn_feed_end(feed);
    return count;
}

static int64_t collect(cnn_source_data *data, cnn_pass pass, uint32_t threads, int32_t *targets)
{
    cnn_feed *feed = open_feed(data, threads);
    int64_t count = collect_from(feed, pass, targets);
    cnn_feed_close(feed);
    return count;
}

static void a_pass_in_order_has_a_smaller_last_batch(void)
{
    int32_t targets[COUNT];
    cnn_source_data *data = open_data(NULL, NULL);
    CHECK_INT(collect(data, (cnn_pass){ 0 }, 1, targets), COUNT);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(targets[i], i);
    CHECK_INT(collect(data, (cnn_pass){ .drop_last = true }, 1, targets), 8);
    CHECK_INT(collect(data, (cnn_pass){ .first = 2 }, 1, targets), 2);
    CHECK_INT(targets[0], 8);
    cnn_data_close(data);
}

static void threads_do_not_change_what_comes(void)
{
    int32_t one[COUNT], four[COUNT];
    cnn_source_data *data = open_data(NULL, NULL);
    cnn_pass pass = { .shuffle = true, .seed = 3, .epoch = 5 };
    CHECK_INT(collect(data, pass, 1, one), COUNT);
    CHECK_INT(collect(data, pass, 4, four), COUNT);
    CHECK(memcmp(one, four, sizeof one) == 0);
    cnn_data_close(data);
}

static void augmentation_is_the_same_for_the_same_epoch(void)
{
    cnn_source_data *data = open_data(NULL, NULL);
    char scratch[1024];
    float a[2], b[2], c[2];
    cnn_error err;
    CHECK(cnn_data_scratch(data) * 2 <= (int64_t)sizeof scratch);
    CHECK(cnn_data_sample(data, 0, 1, true, 9, 0, scratch, a, NULL, &err) == CNN_OK);
    CHECK(cnn_data_sample(data, 0, 1, true, 9, 0, scratch, b, NULL, &err) == CNN_OK);
    CHECK(cnn_data_sample(data, 0, 1, true, 9, 1, scratch, c, NULL, &err) == CNN_OK);
    CHECK_NEAR(a[0], b[0], 0);
    CHECK(a[0] != c[0]);
    CHECK_INT(cnn_data_shape_of(data)->input.dtype, CNN_F32);
    cnn_data_close(data);
}

static void lent_samples_are_those_that_are_read(void)
{
    static const cnn_dataset *const datasets[] = { &numbers, &lent, &older };
    float inputs[3][COUNT][2];
    int32_t targets[3][COUNT];
    char scratch[1024];
    cnn_error err;
    for (int d = 0; d < 3; d++) {
        cnn_source_data *data = open_source(datasets[d], NULL, NULL);
        for (int i = 0; i < COUNT; i++)
            CHECK(cnn_data_sample(data, 0, i, i % 2 == 0, 9, 4, scratch, inputs[d][i],
                                  &targets[d][i], &err) == CNN_OK);
        cnn_data_close(data);
        CHECK(memcmp(inputs[d], inputs[0], sizeof inputs[0]) == 0);
        CHECK(memcmp(targets[d], targets[0], sizeof targets[0]) == 0);
    }
}

static void a_sample_that_cannot_be_lent_is_an_error(void)
{
    const int64_t broken = 4;
    char scratch[1024];
    float input[2];
    cnn_error err = { "", "" };
    cnn_source_data *data = open_source(&lent, &broken, NULL);
    CHECK(cnn_data_sample(data, 0, 4, false, 9, 0, scratch, input, NULL, &err) == CNN_IO);
    CHECK_STR(err.text, "this sample is broken");
    cnn_data_close(data);
}

static void splits_are_disjoint_and_complete(void)
{
    const double split[3] = { 0.6, 0.2, 0.2 };
    int32_t targets[COUNT];
    bool seen[COUNT] = { false };
    cnn_source_data *data = open_data(NULL, split);
    int64_t total = 0;
    for (uint32_t s = 0; s < CNN_SPLIT_COUNT; s++) {
        int64_t n = collect(data, (cnn_pass){ .split = s }, 1, targets);
        CHECK_INT(n, cnn_data_count(data, s));
        for (int64_t i = 0; i < n; i++) {
            CHECK(!seen[targets[i]]);
            seen[targets[i]] = true;
        }
        total += n;
    }
    CHECK_INT(total, COUNT);
    CHECK_INT(cnn_data_count(data, CNN_SPLIT_TRAIN), 6);
    cnn_data_close(data);
}

static void a_broken_sample_is_named(void)
{
    const int64_t broken = 6;
    float input[CNN_SETS][8];
    cnn_error err = { "", "" };
    int64_t samples;
    cnn_source_data *data = open_data(&broken, NULL);
    cnn_feed *feed = open_feed(data, 2);
    cnn_pass pass = { .batch = 4, .input = { input[0], input[1], input[2] } };
    cnn_feed_begin(feed, &pass);
    cnn_status status = cnn_feed_next(feed, &samples, &err);
    if (status == CNN_OK)
        status = cnn_feed_next(feed, &samples, &err);
    CHECK_INT(status, CNN_IO);
    CHECK_STR(err.text, "sample 6: this sample is broken");
    cnn_feed_end(feed);
    pass.first = 2; /* without the broken one */
    cnn_feed_begin(feed, &pass);
    CHECK(cnn_feed_next(feed, &samples, &err) == CNN_OK);
    CHECK_INT(samples, 2);
    cnn_feed_end(feed);
    cnn_feed_close(feed);
    cnn_data_close(data);
}

/* A step may still be computing on it. */
static void the_batch_before_the_last_stays(void)
{
    float input[CNN_SETS][8];
    int32_t target[CNN_SETS][4];
    cnn_error err;
    int64_t samples;
    cnn_source_data *data = open_data(NULL, NULL);
    cnn_feed *feed = open_feed(data, 2);
    cnn_pass pass = { .batch = 2, .input = { input[0], input[1], input[2] } };
    for (int i = 0; i < CNN_SETS; i++)
        pass.target[i] = target[i];
    cnn_feed_begin(feed, &pass);
    for (int32_t b = 0; b < 2; b++)
        CHECK(cnn_feed_next(feed, &samples, &err) == CNN_OK);
    (void)nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL); /* for loaders to go on */
    CHECK_INT(target[0][0], 0);
    CHECK_INT(target[1][0], 2);
    cnn_feed_end(feed);
    cnn_feed_close(feed);
    cnn_data_close(data);
}

static void a_pass_may_be_ended_at_any_time(void)
{
    float input[CNN_SETS][8];
    int32_t targets[COUNT];
    cnn_error err;
    int64_t samples;
    cnn_source_data *data = open_data(NULL, NULL);
    cnn_feed *feed = open_feed(data, 3);
    cnn_pass pass = { .batch = 4, .input = { input[0], input[1], input[2] } };
    for (int i = 0; i < 60; i++) {
        cnn_feed_begin(feed, &pass);
        for (int k = 0; k < i % 3; k++)
            CHECK(cnn_feed_next(feed, &samples, &err) == CNN_OK);
        cnn_feed_end(feed);
    }
    CHECK_INT(collect_from(feed, (cnn_pass){ 0 }, targets), COUNT);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(targets[i], i);
    cnn_feed_begin(feed, &pass);
    cnn_feed_close(feed); /* in the middle of a pass */
    cnn_data_close(data);
}

int main(void)
{
    return RUN_TESTS(
        TEST(shuffling_is_a_permutation_that_depends_on_the_epoch),
        TEST(a_pass_in_order_has_a_smaller_last_batch), TEST(threads_do_not_change_what_comes),
        TEST(augmentation_is_the_same_for_the_same_epoch),
        TEST(lent_samples_are_those_that_are_read), TEST(a_sample_that_cannot_be_lent_is_an_error),
        TEST(splits_are_disjoint_and_complete), TEST(a_broken_sample_is_named),
        TEST(the_batch_before_the_last_stays), TEST(a_pass_may_be_ended_at_any_time));
}
