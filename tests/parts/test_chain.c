/* Chains of the shipped transforms: with the table of bytes and without it, to the bit. */
#include "parts.h"

#include "chain.h"

extern const cnn_plugin geometry_plugin; /* cnnrun_plugin is that of values.c */

typedef struct resize_params {
    cnn_ints size;
    bool antialias;
} resize_params;

typedef struct crop_params {
    cnn_ints size, padding;
} crop_params;

typedef struct normalize_params {
    cnn_floats mean, std;
} normalize_params;

enum { MOST = 3 * 40 * 40, USES = 4 };

static const double means[] = { 0.491, 0.482, 0.447 }, stds[] = { 0.247, 0.243, 0.262 };
static const int64_t small[] = { 9, 13 }, two[] = { 2 };
static const normalize_params each = { { 3, -1, means }, { 3, -1, stds } };
static const normalize_params all = { { 1, -1, means }, { 1, -1, stds } };
static const resize_params smaller = { { 2, -1, small }, true };
static const crop_params crop = { { 0, -1, NULL }, { 1, -1, two } };
static const double half = 0.5, turn = 15;
static const int64_t way = 2;

/* A line of a pipeline. */
typedef struct line {
    const char *name; /* NULL: the end */
    const void *params;
} line;

typedef struct list {
    line transform[USES], augment[USES];
    int64_t channels;
    bool table;
} list;

static const line none = { NULL, NULL };

#define TO_FLOAT         \
    {                    \
        "to_float", NULL \
    }

static const list lists[] = {
    { { TO_FLOAT }, { { NULL, NULL } }, 1, true },
    { { TO_FLOAT }, { { "shift", &way } }, 3, true },
    { { TO_FLOAT, { "normalize", &all } }, { { NULL, NULL } }, 1, true },
    { { TO_FLOAT, { "normalize", &all } },
      { { "random_crop", &crop }, { "hflip", &half } },
      1,
      true },
    { { TO_FLOAT, { "normalize", &each } }, { { NULL, NULL } }, 3, true },
    { { TO_FLOAT, { "normalize", &each } },
      { { "random_crop", &crop }, { "hflip", &half } },
      3,
      true },
    { { TO_FLOAT, { "normalize", &each } }, { { "rotate", &turn } }, 3, true },
    { { { "resize", &smaller }, TO_FLOAT, { "normalize", &each } },
      { { "hflip", &half } },
      3,
      true },
    { { TO_FLOAT, TO_FLOAT, { "normalize", &all }, { "normalize", &all } },
      { { NULL, NULL } },
      1,
      true },
    /* What moves pixels after they became numbers must see numbers. */
    { { TO_FLOAT, { "resize", &smaller }, { "normalize", &each } }, { { NULL, NULL } }, 3, false },
    { { TO_FLOAT, { "normalize", &each }, { "random_crop", &crop } },
      { { "hflip", &half } },
      3,
      false },
    { { TO_FLOAT, { "hflip", &half } }, { { NULL, NULL } }, 1, false },
    { { { "hflip", &half } }, { { "shift", &way } }, 3, false },
};

static const cnn_transform *find(const char *name)
{
    const cnn_table *values = &cnnrun_plugin.transforms;
    for (uint32_t i = 0; i < values->count; i++) {
        const cnn_transform *t = cnn_table_at(values, i);
        if (strcmp(t->c.name, name) == 0)
            return t;
    }
    return part_find(&geometry_plugin.transforms, name);
}

/* A transform as a plugin of before the flags has it: its struct ends earlier. What lies behind is
 * not to be looked at. */
static cnn_component *older(const char *name, cnn_transform *copy)
{
    *copy = *find(name);
    copy->c.size = offsetof(cnn_transform, flags);
    copy->flags = 0xffffffffu;
    return &copy->c;
}

static cnn_uses uses(const line *lines, bool old, cnn_transform *copies, cnn_use *to)
{
    uint32_t n = 0;
    for (; n < USES && lines[n].name != NULL; n++) {
        to[n].params = lines[n].params;
        to[n].component = old ? older(lines[n].name, &copies[n]) : &find(lines[n].name)->c;
    }
    return (cnn_uses){ to, n };
}

/* Takes an image through the chain of a list; returns whether it has a table. */
static bool take(const list *l, bool old, cnn_type type, const void *image, uint64_t sample,
                 float *to)
{
    static char scratch[2][MOST * sizeof(float)];
    cnn_transform copies[2][USES];
    cnn_use items[2][USES] = { 0 };
    cnn_data_config config = { 0 };
    cnn_chain chain = { 0 };
    cnn_error err = { "", "" };
    cnn_rng rng = cnn_rng_at(7, CNN_RNG_AUGMENT, 3, sample << 20);
    config.transform = uses(l->transform, old, copies[0], items[0]);
    config.augment = uses(l->augment, old, copies[1], items[1]);
    if (!CHECK(cnn_chain_build(&chain, &type, &config, CNN_CHAIN_AUGMENT, &err) == CNN_OK))
        fprintf(stderr, "  %s\n", err.text);
    CHECK(chain.scratch <= (int64_t)sizeof scratch[0]);
    CHECK(cnn_chain_apply(&chain, image, scratch[0], sizeof scratch[0], to, &rng, &err) == CNN_OK);
    bool table = chain.table != NULL;
    cnn_chain_free(&chain);
    return table;
}

static void fill(uint8_t *image, int64_t n, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++)
        image[i] = (uint8_t)cnn_random_bits(seed, 1, 0, (uint64_t)i);
}

static void a_table_gives_the_same_bits_as_the_transforms(void)
{
    static const int64_t sizes[][2] = { { 32, 32 }, { 28, 28 }, { 11, 17 }, { 19, 16 } };
    static float a[MOST], b[MOST];
    static uint8_t image[MOST], before[MOST];
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (uint64_t sample = 0; sample < 8; sample++) {
                cnn_type type = cnn_type3(CNN_U8, lists[i].channels, sizes[s][0], sizes[s][1]);
                fill(image, cnn_count(&type), sample);
                memcpy(before, image, sizeof image);
                memset(a, 0, sizeof a);
                memset(b, 0, sizeof b);
                CHECK_INT(take(&lists[i], false, type, image, sample, a), lists[i].table);
                CHECK(!take(&lists[i], true, type, image, sample, b));
                CHECK(memcmp(a, b, sizeof a) == 0);
                CHECK(memcmp(image, before, sizeof image) == 0); /* it may be lent */
            }
}

static void numbers_and_many_channels_have_no_table(void)
{
    static float image[MOST], a[MOST];
    static uint8_t bytes[MOST];
    const list floats = { { TO_FLOAT, { "normalize", &each } }, { none }, 3, false };
    const list bytes17 = { { TO_FLOAT, { "normalize", &all } }, { none }, 17, false };
    CHECK(!take(&floats, false, cnn_type3(CNN_F32, 3, 8, 8), image, 0, a));
    CHECK_NEAR(a[0], -0.491 / 0.247, 1e-6);
    CHECK(!take(&bytes17, false, cnn_type3(CNN_U8, 17, 8, 8), bytes, 0, a));
    CHECK(!take(&bytes17, false, cnn_type2(CNN_U8, 8, 8), bytes, 0, a));
}

static void a_chain_of_nothing_copies(void)
{
    static float a[MOST];
    static uint8_t bytes[MOST];
    const list nothing = { { none }, { none }, 3, false };
    fill(bytes, 192, 5);
    CHECK(!take(&nothing, false, cnn_type3(CNN_U8, 3, 8, 8), bytes, 0, a));
    CHECK(memcmp(a, bytes, 192) == 0);
}

/* ---- transforms that are not what they say */

static cnn_status to_floats(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    (void)params;
    (void)err;
    *out = *in;
    out->dtype = CNN_F32;
    return CNN_OK;
}

static cnn_status only_small(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    if (in->dim[1] == 16)
        return cnn_fail(err, CNN_INVALID, "not this size");
    return to_floats(params, in, out, err);
}

static cnn_status noisy(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                        cnn_rng *rng, cnn_error *err)
{
    (void)params;
    (void)err;
    for (int64_t i = 0; i < cnn_count(&in->type); i++)
        cnn_f32(out)[i] = (float)cnn_u8(in)[i] + cnn_rng_uniform(rng);
    return CNN_OK;
}

static cnn_status plain(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                        cnn_rng *rng, cnn_error *err)
{
    (void)params;
    (void)rng;
    (void)err;
    for (int64_t i = 0; i < cnn_count(&in->type); i++)
        cnn_f32(out)[i] = cnn_u8(in)[i];
    return CNN_OK;
}

static bool has_table(const cnn_transform *t)
{
    cnn_use use = { .component = &t->c };
    cnn_data_config config = { .transform = { &use, 1 } };
    cnn_type type = cnn_type3(CNN_U8, 2, 4, 4);
    cnn_chain chain = { 0 };
    cnn_error err;
    CHECK(cnn_chain_build(&chain, &type, &config, false, &err) == CNN_OK);
    bool table = chain.table != NULL;
    CHECK_INT(chain.head, table ? 0 : 1);
    cnn_chain_free(&chain);
    return table;
}

static void a_flag_that_does_not_hold_is_not_believed(void)
{
    cnn_transform t = { .c = { .size = sizeof t, .name = "t" },
                        .infer = to_floats,
                        .apply = plain,
                        .flags = CNN_TRANSFORM_POINTWISE };
    CHECK(has_table(&t));
    t.apply = noisy;
    CHECK(!has_table(&t));
    t.apply = plain;
    t.infer = only_small;
    CHECK(!has_table(&t));
    t.infer = to_floats;
    t.flags = 0;
    CHECK(!has_table(&t));
}

int main(void)
{
    return RUN_TESTS(TEST(a_table_gives_the_same_bits_as_the_transforms),
                     TEST(numbers_and_many_channels_have_no_table), TEST(a_chain_of_nothing_copies),
                     TEST(a_flag_that_does_not_hold_is_not_believed));
}
