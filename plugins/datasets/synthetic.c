/* synthetic: images that need no file and that a small network can learn.
 *
 * Each class has a pattern of three waves. A sample is its class's pattern, moved by a few pixels
 * and buried in noise. Every number comes from Philox, so the set is the same everywhere.
 *
 * A pattern's value depends on the class, the channel and the place of the pattern only, not on the
 * sample: values are computed once and kept while all of them are few. Else each sample computes
 * its own; the numbers are the same. */
#include "datasets.h"

#include <math.h>

typedef struct synthetic_params {
    int64_t classes, channels, height, width, train, test;
    double noise;
    int64_t seed;
} synthetic_params;

enum { WAVES = 3, MAX_COUNT = 1 << 28, MOST_KEPT = 1 << 20 /* values: 8 MiB */ };

typedef struct wave {
    double y, x, phase; /* periods over the image, radians */
} wave;

struct cnn_dataset_state {
    synthetic_params p;
    wave *waves; /* [classes, channels, WAVES] */

    /* Brightness without noise, [classes, channels, height + 2 my, width + 2 mx]; entry (y, x) is
     * the place (y - my, x - mx). NULL: too many to be kept. */
    double *patterns;
    int64_t my, mx; /* furthest move: a fourteenth of the image, two pixels of 28 */
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

/* Brightness of a pattern at a place that need not be inside the image. */
static double pattern_at(const synthetic_params *p, const wave *w, int64_t y, int64_t x)
{
    double v = 0, v_y = (double)y / (double)p->height, v_x = (double)x / (double)p->width;
    for (int i = 0; i < WAVES; i++)
        v += cos(6.283185307179586 * (w[i].y * v_y + w[i].x * v_x) + w[i].phase);
    return 0.5 + 0.4 * v / WAVES;
}

static void fill_patterns(cnn_dataset_state *s)
{
    double *to = s->patterns;
    for (int64_t i = 0; i < s->p.classes * s->p.channels; i++)
        for (int64_t y = -s->my; y < s->p.height + s->my; y++)
            for (int64_t x = -s->mx; x < s->p.width + s->mx; x++)
                *to++ = pattern_at(&s->p, s->waves + i * WAVES, y, x);
}

/* Patterns are kept if they fit, and if they are no more work than the samples. */
static cnn_status keep_patterns(cnn_dataset_state *s, cnn_error *err)
{
    const synthetic_params *p = &s->p;
    uint64_t values = (uint64_t)(p->height + 2 * s->my) * (uint64_t)(p->width + 2 * s->mx);
    if (values > MOST_KEPT || p->classes > p->train + p->test ||
        !dataset_multiply(&values, (uint64_t)(p->classes * p->channels)) || values > MOST_KEPT)
        return CNN_OK;
    s->patterns = malloc((size_t)values * sizeof *s->patterns);
    if (s->patterns == NULL)
        return dataset_no_memory(err, "synthetic images");
    fill_patterns(s);
    return CNN_OK;
}

static void synthetic_close(cnn_dataset_state *s)
{
    if (s == NULL)
        return;
    free(s->patterns);
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
        s->my = p->height / 14;
        s->mx = p->width / 14;
        s->waves = calloc((size_t)(p->classes * p->channels * WAVES), sizeof *s->waves);
    }
    if (s == NULL || s->waves == NULL) {
        synthetic_close(s);
        return dataset_no_memory(err, "synthetic images");
    }
    make_waves(s);
    cnn_status status = keep_patterns(s, err);
    if (status == CNN_OK)
        *out = s;
    else
        synthetic_close(s);
    return status;
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

/* The numbers of a stream one after the other, AHEAD at a time. */
enum { BLOCKS = 8, AHEAD = 4 * BLOCKS };

typedef struct numbers {
    cnn_rng rng; /* begins at a multiple of AHEAD */
    uint32_t bits[AHEAD];
} numbers;

/* cnn_philox on BLOCKS blocks side by side, so that the compiler can use vectors; see rng.h. */
static void make_bits(numbers *n, uint64_t block)
{
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
    uint32_t k0 = (uint32_t)n->rng.seed, k1 = (uint32_t)(n->rng.seed >> 32);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        c0[i] = (uint32_t)(block + i);
        c1[i] = (uint32_t)((block + i) >> 32);
        c2[i] = n->rng.step;
        c3[i] = n->rng.purpose;
    }
    for (int round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < BLOCKS; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)p1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        n->bits[4 * i] = c0[i];
        n->bits[4 * i + 1] = c1[i];
        n->bits[4 * i + 2] = c2[i];
        n->bits[4 * i + 3] = c3[i];
    }
}

static uint32_t next_bits(numbers *n)
{
    uint64_t element = n->rng.element++;
    if (element % AHEAD == 0)
        make_bits(n, element / 4);
    return n->bits[element % AHEAD];
}

/* From -most to most, as cnn_rng_below counts. */
static int64_t moved(numbers *n, int64_t most)
{
    return (int64_t)((uint64_t)next_bits(n) * (uint64_t)(2 * most + 1) >> 32) - most;
}

static uint8_t as_pixel(double v)
{
    double scaled = v * 255 + 0.5;
    return scaled <= 0 ? 0 : scaled >= 255 ? 255 : (uint8_t)scaled;
}

/* One row of a channel: `from` are its pattern's values, or NULL. */
static void fill_row(const synthetic_params *p, const wave *w, const double *from, int64_t y,
                     int64_t dx, numbers *n, uint8_t *to)
{
    for (int64_t x = 0; x < p->width; x++) {
        double v = from != NULL ? from[x] : pattern_at(p, w, y, x + dx);
        to[x] = as_pixel(v + p->noise * (2.0 * (double)cnn_unit_float(next_bits(n)) - 1));
    }
}

static cnn_status synthetic_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                                 const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    const synthetic_params *p = &s->p;
    int64_t count = split == CNN_SPLIT_TRAIN ? p->train : split == CNN_SPLIT_TEST ? p->test : 0;
    if (index < 0 || index >= count)
        return cnn_fail(err, CNN_INTERNAL, "synthetic has no sample %" PRId64, index);
    int64_t label = index % p->classes, rows = p->height + 2 * s->my, each = p->width + 2 * s->mx;
    numbers n = { .rng = stream(p, split, index) };
    int64_t dy = moved(&n, s->my), dx = moved(&n, s->mx);
    uint8_t *to = cnn_u8(input);
    for (int64_t c = 0; c < p->channels; c++) {
        int64_t plane = label * p->channels + c;
        for (int64_t y = 0; y < p->height; y++, to += p->width) {
            int64_t row = plane * rows + y + dy + s->my;
            const double *from = s->patterns != NULL ? s->patterns + row * each + dx + s->mx : NULL;
            fill_row(p, s->waves + plane * WAVES, from, y + dy, dx, &n, to);
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
