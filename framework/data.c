/* The opened data set: its splits, and the chain of transforms that each sample goes through. */
#include <stddef.h>
#include <stdlib.h>

#include "chain.h"
#include "feed.h"

#define SPLIT_EPOCH (-1) /* the order in which `split:` deals out samples; no real epoch has it */

/* The step of random numbers that are the same in every pass: those of `degrade:` in tests. */
#define ALWAYS UINT32_MAX

enum { CHAINS = (CNN_CHAIN_AUGMENT | CNN_CHAIN_TARGET) + 1 };

/* Which samples of the data set belong to a split. */
typedef struct split_samples {
    uint32_t from; /* the data set's split */
    int64_t count;
    int64_t *index; /* NULL: 0, 1, 2, ... */
} split_samples;

struct cnn_source_data {
    const cnn_dataset *dataset;
    cnn_dataset_state *state;
    bool lends; /* it has a function `view` */
    cnn_dataset_info info;
    cnn_data_shape shape;
    cnn_chain chains[CHAINS]; /* by bits of CNN_CHAIN_*; for targets only where `pairs` */
    bool pairs;               /* targets are images */
    cnn_type clean;           /* of them, before the transforms */
    split_samples splits[CNN_SPLIT_COUNT];
};

static const char *const split_names[CNN_SPLIT_COUNT] = { "train", "val", "test" };

static cnn_status check_augmented(const cnn_chain *plain, const cnn_chain *augmented,
                                  const char *what, cnn_error *err)
{
    char a[96], b[96];
    if (cnn_same_type(&plain->out, &augmented->out))
        return CNN_OK;
    cnn_type_text(&augmented->out, true, a, sizeof a);
    cnn_type_text(&plain->out, true, b, sizeof b);
    return cnn_fail(err, CNN_INVALID,
                    "data: %s are %s with augmentation and %s without: they must agree", what, a,
                    b);
}

/* Both images of a pair are cut and turned by the same random numbers, which fit only images of
 * one height and width. */
static cnn_status check_alike(const cnn_source_data *data, const cnn_data_config *config,
                              cnn_error *err)
{
    char a[96], b[96];
    cnn_type in = data->chains[CNN_CHAIN_AUGMENT].pixels;
    cnn_type target = data->chains[CNN_CHAIN_AUGMENT | CNN_CHAIN_TARGET].pixels;
    if (config->augment.count == 0 ||
        (in.rank == target.rank && cnn_span(&in, 1, in.rank) == cnn_span(&target, 1, target.rank) &&
         (in.rank < 2 || in.dim[1] == target.dim[1])))
        return CNN_OK;
    cnn_type_text(&in, false, a, sizeof a);
    cnn_type_text(&target, false, b, sizeof b);
    (void)cnn_fail(err, CNN_INVALID,
                   "data: `augment` must change both images of a pair alike, but the inputs are %s "
                   "and the targets %s",
                   a, b);
    cnn_hint(err, "give both one size, e.g. with the data set's option `size`, or leave `augment` "
                  "out");
    return CNN_INVALID;
}

/* Are targets images? The data set's own, or the samples before they are degraded. */
static cnn_status find_pairs(cnn_source_data *data, const cnn_data_config *config, cnn_error *err)
{
    const cnn_type *target = &data->info.target;
    bool images = target->dtype == CNN_U8;
    data->pairs = images || config->degrade.count > 0;
    data->clean = images ? *target : data->info.input;
    if (data->pairs || config->target_transform.count == 0)
        return CNN_OK;
    (void)cnn_fail(
        err, CNN_INVALID,
        "data: `target_transform` is for targets that are images, but those of this data "
        "set are %s",
        target->dtype == 0 ? "missing" : "labels or numbers");
    cnn_hint(err, "`degrade` makes pairs of any data set, `source: pairs` reads them");
    return CNN_INVALID;
}

static cnn_status build_chains(cnn_source_data *data, const cnn_data_config *config, cnn_error *err)
{
    const cnn_chain *c = data->chains;
    cnn_status status = find_pairs(data, config, err);
    for (uint32_t parts = 0; parts < CHAINS && status == CNN_OK; parts++) {
        bool target = (parts & CNN_CHAIN_TARGET) != 0;
        if (!target || data->pairs)
            status = cnn_chain_build(&data->chains[parts],
                                     target ? &data->clean : &data->info.input, config, parts, err);
    }
    if (status == CNN_OK)
        status = check_augmented(&c[0], &c[CNN_CHAIN_AUGMENT], "samples", err);
    if (status != CNN_OK || !data->pairs)
        return status;
    status = check_alike(data, config, err);
    return status == CNN_OK
               ? check_augmented(&c[CNN_CHAIN_TARGET], &c[CNN_CHAIN_TARGET | CNN_CHAIN_AUGMENT],
                                 "targets", err)
               : status;
}

/* Number of samples that `amount` (a fraction up to 1, or a count) means. */
static int64_t share(double amount, int64_t total)
{
    return (int64_t)(amount <= 1 ? amount * (double)total + 0.5 : amount);
}

/* Deals the samples of the data set's training split out to three. */
static cnn_status deal_splits(cnn_source_data *data, const cnn_data_config *config, cnn_error *err)
{
    int64_t total = data->info.count[CNN_SPLIT_TRAIN], first = 0;
    int64_t *order = calloc((size_t)(total > 0 ? total : 1), sizeof *order);
    if (order == NULL)
        return cnn_fail(err, CNN_MEMORY, "data: no memory for %lld indices", (long long)total);
    cnn_shuffled(total, 0, SPLIT_EPOCH, order);
    data->splits[CNN_SPLIT_TRAIN].index = order;
    for (uint32_t s = 0; s < CNN_SPLIT_COUNT; s++) {
        int64_t count = share(config->split.v[s], total);
        if (count == 0 && s != CNN_SPLIT_TRAIN)
            continue; /* the data set's own */
        if (count > total - first) {
            if (count > total - first + CNN_SPLIT_COUNT) /* more than rounding */
                return cnn_fail(
                    err, CNN_INVALID,
                    "data: split: %s wants %lld samples, but of %lld only %lld are left",
                    split_names[s], (long long)count, (long long)total, (long long)(total - first));
            count = total - first;
        }
        data->splits[s].from = CNN_SPLIT_TRAIN;
        data->splits[s].count = count;
        data->splits[s].index = order + first;
        first += count;
    }
    return CNN_OK;
}

static cnn_status make_splits(cnn_source_data *data, const cnn_data_config *config, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (uint32_t s = 0; s < CNN_SPLIT_COUNT; s++) {
        data->splits[s].from = s;
        data->splits[s].count = data->info.count[s];
    }
    if (config->split.count == CNN_SPLIT_COUNT)
        status = deal_splits(data, config, err);
    for (uint32_t s = 0; s < CNN_SPLIT_COUNT; s++)
        if (config->limit > 0 && data->splits[s].count > config->limit)
            data->splits[s].count = config->limit;
    return status;
}

/* `view` came later: a data set's struct may end before it. */
static bool has_view(const cnn_dataset *dataset)
{
    return dataset->c.size >= offsetof(cnn_dataset, view) + sizeof dataset->view &&
           dataset->view != NULL;
}

static cnn_status open_source(cnn_source_data *data, const cnn_config *config,
                              cnn_registry *registry, cnn_error *err)
{
    const cnn_use *source = &config->data.source;
    data->dataset = (const cnn_dataset *)(const void *)source->component;
    cnn_status status = data->dataset->open(registry->host, source->params, &data->state, err);
    if (status != CNN_OK)
        return status;
    data->info.size = sizeof data->info;
    data->lends = has_view(data->dataset);
    status = data->dataset->describe(data->state, &data->info, err);
    if (status == CNN_OK)
        status = build_chains(data, &config->data, err);
    if (status == CNN_OK)
        status = make_splits(data, &config->data, err);
    data->shape.input = data->chains[0].out;
    data->shape.target = data->pairs ? data->chains[CNN_CHAIN_TARGET].out : data->info.target;
    data->shape.classes = data->pairs ? 0 : data->info.classes;
    return status;
}

cnn_status cnn_data_open(const cnn_config *config, cnn_registry *registry, cnn_source_data **data,
                         cnn_error *err)
{
    *data = NULL;
    if (config->data.source.component == NULL)
        return cnn_fail(err, CNN_INVALID, "%s: the pipeline has no `data:`", config->path);
    cnn_source_data *opened = calloc(1, sizeof *opened);
    if (opened == NULL)
        return cnn_fail(err, CNN_MEMORY, "data: no memory");
    cnn_status status = open_source(opened, config, registry, err);
    if (status != CNN_OK) {
        cnn_data_close(opened);
        return status;
    }
    *data = opened;
    return CNN_OK;
}

void cnn_data_close(cnn_source_data *data)
{
    if (data == NULL)
        return;
    free(data->splits[CNN_SPLIT_TRAIN].index);
    for (int i = 0; i < CHAINS; i++)
        cnn_chain_free(&data->chains[i]);
    if (data->state != NULL)
        data->dataset->close(data->state);
    free(data);
}

const cnn_data_shape *cnn_data_shape_of(const cnn_source_data *data)
{
    return &data->shape;
}

const cnn_type *cnn_data_raw_type(const cnn_source_data *data)
{
    return &data->info.input;
}

int64_t cnn_data_count(const cnn_source_data *data, uint32_t split)
{
    return data->splits[split].count;
}

const char *const *cnn_data_class_names(const cnn_source_data *data)
{
    return data->pairs ? NULL : data->info.class_names;
}

/* Bytes of the largest value on the way, in whole cache lines. */
static int64_t room(const cnn_source_data *data)
{
    int64_t most = 0;
    for (int i = 0; i < CHAINS; i++)
        most = data->chains[i].scratch > most ? data->chains[i].scratch : most;
    return (most + 63) / 64 * 64;
}

/* A pair lies beside the two values of the chain that works on it. */
int64_t cnn_data_scratch(const cnn_source_data *data)
{
    return room(data) * (data->pairs ? 2 : 1);
}

/* Where the sample's pixels are: lent by the data set, or read to `to`. */
static cnn_status fetch(const cnn_source_data *data, uint32_t split, int64_t index, void *to,
                        const cnn_tensor *target, const void **pixels, cnn_error *err)
{
    const cnn_tensor in = { data->info.input, to };
    *pixels = NULL;
    if (data->lends) {
        cnn_status status = data->dataset->view(data->state, split, index, pixels, target, err);
        if (status != CNN_OK || *pixels != NULL)
            return status;
    }
    *pixels = to;
    return data->dataset->read(data->state, split, index, &in, target, err);
}

/* One number to each sample of the data set and to each of its splits. */
static void place_streams(uint64_t seed, uint32_t split, int64_t source, bool augment,
                          int64_t epoch, cnn_rng rng[CNN_STREAM_COUNT])
{
    uint64_t number = (uint64_t)source * CNN_SPLIT_COUNT + split;
    rng[CNN_STREAM_SAMPLE] =
        cnn_rng_at(seed, CNN_RNG_AUGMENT, (uint32_t)epoch, (uint64_t)source << 20);
    rng[CNN_STREAM_DEGRADE] =
        cnn_rng_at(seed, CNN_RNG_DEGRADE, augment ? (uint32_t)epoch : ALWAYS, number << 32);
}

/* Both images of a pair, from the second half of the scratch memory. Each chain begins with the
 * same random numbers. */
static cnn_status sample_pair(const cnn_source_data *data, uint32_t split, int64_t source,
                              uint32_t parts, const cnn_rng rng[CNN_STREAM_COUNT], void *scratch,
                              void *input, void *target, cnn_error *err)
{
    bool own = data->info.target.dtype == CNN_U8; /* the data set brings the target */
    int64_t half = room(data);
    char *raw = (char *)scratch + 2 * half, *clean = raw + half;
    const cnn_tensor wanted = { data->info.target, own && target != NULL ? clean : NULL };
    const void *pixels;
    cnn_status status = fetch(data, split, source, raw, &wanted, &pixels, err);
    for (uint32_t part = 0; part <= CNN_CHAIN_TARGET && status == CNN_OK;
         part += CNN_CHAIN_TARGET) {
        cnn_rng streams[CNN_STREAM_COUNT] = { rng[0], rng[1] };
        bool is_target = part == CNN_CHAIN_TARGET;
        const void *from = is_target && own ? clean : pixels;
        if (!is_target || target != NULL)
            status = cnn_chain_apply(&data->chains[part | parts], from, scratch, half,
                                     is_target ? target : input, streams, err);
    }
    return status;
}

cnn_status cnn_data_sample(cnn_source_data *data, uint32_t split, int64_t index, bool augment,
                           uint64_t seed, int64_t epoch, void *scratch, void *input, void *target,
                           cnn_error *err)
{
    const split_samples *samples = &data->splits[split];
    uint32_t parts = augment ? CNN_CHAIN_AUGMENT : 0;
    const cnn_chain *c = &data->chains[parts];
    int64_t source = samples->index != NULL ? samples->index[index] : index;
    int64_t half = room(data);
    cnn_rng rng[CNN_STREAM_COUNT];
    const cnn_tensor wanted = { data->info.target, target };
    const void *pixels;
    void *place = c->count == 0 ? input : (char *)scratch + half;
    place_streams(seed, samples->from, source, augment, epoch, rng);
    if (data->pairs)
        return sample_pair(data, samples->from, source, parts, rng, scratch, input, target, err);
    cnn_status status = fetch(data, samples->from, source, place, &wanted, &pixels, err);
    if (status == CNN_OK)
        status = cnn_chain_apply(c, pixels, scratch, half, input, rng, err);
    return status;
}

void cnn_shuffled(int64_t count, uint64_t seed, int64_t epoch, int64_t *order)
{
    cnn_rng rng = cnn_rng_at(seed, CNN_RNG_SHUFFLE, (uint32_t)epoch, 0);
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t k = (int64_t)cnn_rng_below(&rng, (uint32_t)(i + 1));
        int64_t swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
}
