/* synthetic: images that need no file and that a small network can learn.
 *
 * Each class has a pattern of three waves. A sample is its class's pattern, moved by a few pixels
 * and buried in noise. Every number comes from Philox, so the set is the same everywhere. */
#include "datasets.h"

#include <math.h>

typedef struct synthetic_params {
    int64_t classes, channels, height, width, train, test;
    double noise;
    int64_t seed;
} synthetic_params;

enum { WAVES = 3, MAX_COUNT = 1 << 28 };

typedef struct wave {
    double y, x, phase; /* periods over the image, radians */
} wave;

struct cnn_dataset_state {
    synthetic_params p;
    wave *waves; /* [classes, channels, WAVES] */
};

// clang-format off
#define SIZE(field, most, text, what) \
    { CNN_FIELD(synthetic_params, field, INT), .def = text, .min = 1, .max = most, .help = what }

static const cnn_param params[] = {
    SIZE(classes, 65536, "10", "how many kinds of images"),
    SIZE(channels, 4096, "1", "channels of an image"),
    SIZE(height, DATASET_MAX_DIM, "28", "rows of an image"),
    SIZE(width, DATASET_MAX_DIM, "28", "columns of an image"),
    SIZE(train, MAX_COUNT, "1024", "training samples"),
    { CNN_FIELD(synthetic_params, test, INT), .def = "256", .min = 0, .max = MAX_COUNT,
      .help = "test samples" },
    { CNN_FIELD(synthetic_params, noise, FLOAT), .def = "0.25", .min = 0, .max = 100,
      .help = "largest random change of a pixel, where 1 is from black to white" },
    { CNN_FIELD(synthetic_params, seed, INT), .def = "0", .min = 0, .max = 9007199254740992.0,
      .help = "other seeds give other patterns and other noise" },
};
// clang-format on

/* Streams of numbers: split + 4 * index for a sample, 3 + 4 * class for the waves of a class. */
static cnn_rng stream(const synthetic_params *p, uint32_t kind, int64_t index)
{
    return cnn_rng_at((uint64_t)p->seed, CNN_RNG_DATA, kind + 4 * (uint32_t)index, 0);
}

static void make_waves(cnn_dataset_state *s)
{
    wave *w = s->waves;
    for (int64_t c = 0; c < s->p.classes; c++) {
        cnn_rng rng = stream(&s->p, 3, c);
        for (int64_t i = 0; i < s->p.channels * WAVES; i++, w++) {
            w->y = (double)cnn_rng_below(&rng, 7) - 3;
            w->x = (double)cnn_rng_below(&rng, 7) - 3;
            w->phase = 6.283185307179586 * (double)cnn_rng_uniform(&rng);
        }
    }
}

static void synthetic_close(cnn_dataset_state *s)
{
    if (s != NULL)
        free(s->waves);
    free(s);
}

static cnn_status synthetic_open(const cnn_host *host, const void *params_, cnn_dataset_state **out,
                                 cnn_error *err)
{
    const synthetic_params *p = params_;
    (void)host;
    cnn_dataset_state *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->p = *p;
        s->waves = calloc((size_t)(p->classes * p->channels * WAVES), sizeof *s->waves);
    }
    if (s == NULL || s->waves == NULL) {
        synthetic_close(s);
        return dataset_no_memory(err, "synthetic images");
    }
    make_waves(s);
    *out = s;
    return CNN_OK;
}

static cnn_status synthetic_describe(const cnn_dataset_state *s, cnn_dataset_info *info,
                                     cnn_error *err)
{
    (void)err;
    info->count[CNN_SPLIT_TRAIN] = s->p.train;
    info->count[CNN_SPLIT_TEST] = s->p.test;
    info->input = cnn_type3(CNN_U8, s->p.channels, s->p.height, s->p.width);
    info->target = cnn_scalar_type(CNN_I32);
    info->classes = s->p.classes;
    return CNN_OK;
}

/* A number in [-m, m] where m is a fourteenth of the image: two pixels of 28. */
static double moved(cnn_rng *rng, int64_t size)
{
    int64_t m = size / 14;
    return (double)cnn_rng_below(rng, (uint32_t)(2 * m + 1)) - (double)m;
}

static uint8_t as_pixel(double v)
{
    double scaled = v * 255 + 0.5;
    return scaled <= 0 ? 0 : scaled >= 255 ? 255 : (uint8_t)scaled;
}

static cnn_status synthetic_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                                 const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    const synthetic_params *p = &s->p;
    int64_t count = split == CNN_SPLIT_TRAIN ? p->train : split == CNN_SPLIT_TEST ? p->test : 0;
    if (index < 0 || index >= count)
        return cnn_fail(err, CNN_INTERNAL, "synthetic has no sample %" PRId64, index);
    int64_t label = index % p->classes;
    cnn_rng rng = stream(p, split, index);
    double dy = moved(&rng, p->height), dx = moved(&rng, p->width);
    uint8_t *to = cnn_u8(input);
    for (int64_t c = 0; c < p->channels; c++) {
        const wave *w = s->waves + (label * p->channels + c) * WAVES;
        for (int64_t y = 0; y < p->height; y++) {
            for (int64_t x = 0; x < p->width; x++) {
                double v = 0, v_y = ((double)y + dy) / (double)p->height,
                       v_x = ((double)x + dx) / (double)p->width;
                for (int i = 0; i < WAVES; i++)
                    v += cos(6.283185307179586 * (w[i].y * v_y + w[i].x * v_x) + w[i].phase);
                v = 0.5 + 0.4 * v / WAVES;
                *to++ = as_pixel(v + p->noise * (2.0 * (double)cnn_rng_uniform(&rng) - 1));
            }
        }
    }
    if (target->data != NULL)
        *cnn_i32(target) = (int32_t)label;
    return CNN_OK;
}

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "synthetic", sizeof(synthetic_params), CNN_TABLE(params),
                         "Noisy patterns, one per class; needs no file.",
                         "data: {source: synthetic, classes: 4}"),
      .open = synthetic_open,
      .close = synthetic_close,
      .describe = synthetic_describe,
      .read = synthetic_read },
};

CNN_PLUGIN(.name = "synthetic", .version = DATASET_VERSION, .license = DATASET_LICENSE,
           .summary = "Made-up images", .datasets = CNN_TABLE(datasets));
