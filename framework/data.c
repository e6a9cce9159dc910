/* The opened data set: its splits, and the chain of transforms that each sample goes through. */
#include <stddef.h>
#include <stdlib.h>

#include "chain.h"
#include "feed.h"

#define SPLIT_EPOCH (-1) /* the order in which `split:` deals out samples; no real epoch has it */

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
    cnn_chain plain, augmented;
    split_samples splits[CNN_SPLIT_COUNT];
};

static const char *const split_names[CNN_SPLIT_COUNT] = { "train", "val", "test" };

static cnn_status build_chains(cnn_source_data *data, const cnn_data_config *config, cnn_error *err)
{
    char a[96], b[96];
    cnn_status status = cnn_chain_build(&data->plain, &data->info.input, config, false, err);
    if (status == CNN_OK)
        status = cnn_chain_build(&data->augmented, &data->info.input, config, true, err);
    if (status != CNN_OK)
        return status;
    if (!cnn_same_type(&data->plain.out, &data->augmented.out)) {
        cnn_type_text(&data->augmented.out, true, a, sizeof a);
        cnn_type_text(&data->plain.out, true, b, sizeof b);
        return cnn_fail(err, CNN_INVALID,
                        "data: samples are %s with augmentation and %s without: they must agree", a,
                        b);
    }
    return CNN_OK;
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
    data->shape.input = data->plain.out;
    data->shape.target = data->info.target;
    data->shape.classes = data->info.classes;
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
    cnn_chain_free(&data->plain);
    cnn_chain_free(&data->augmented);
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
    return data->info.class_names;
}

int64_t cnn_data_scratch(const cnn_source_data *data)
{
    int64_t a = data->plain.scratch, b = data->augmented.scratch;
    return ((a > b ? a : b) + 63) / 64 * 64;
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

cnn_status cnn_data_sample(cnn_source_data *data, uint32_t split, int64_t index, bool augment,
                           uint64_t seed, int64_t epoch, void *scratch, void *input, void *target,
                           cnn_error *err)
{
    const split_samples *samples = &data->splits[split];
    const cnn_chain *c = augment ? &data->augmented : &data->plain;
    int64_t source = samples->index != NULL ? samples->index[index] : index;
    int64_t half = cnn_data_scratch(data);
    cnn_rng rng = cnn_rng_at(seed, CNN_RNG_AUGMENT, (uint32_t)epoch, (uint64_t)source << 20);
    const cnn_tensor wanted = { data->info.target, target };
    const void *pixels;
    void *place = c->count == 0 ? input : (char *)scratch + half;
    cnn_status status = fetch(data, samples->from, source, place, &wanted, &pixels, err);
    if (status == CNN_OK)
        status = cnn_chain_apply(c, pixels, scratch, half, input, &rng, err);
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
