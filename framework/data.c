/* The opened data set: its splits, and the chain of transforms that each sample goes through. */
#include <stdlib.h>
#include <string.h>

#include "feed.h"

#define MAX_STEPS 32
#define SPLIT_EPOCH (-1) /* the order in which `split:` deals out samples; no real epoch has it */

/* One transform of a chain, with the types around it. */
typedef struct chain_step {
    const cnn_transform *transform;
    const void *params;
    cnn_type in, out;
} chain_step;

typedef struct chain {
    chain_step steps[MAX_STEPS];
    uint32_t count;
    cnn_type out;
    int64_t scratch; /* bytes of the largest value on the way */
} chain;

/* Which samples of the data set belong to a split. */
typedef struct split_samples {
    uint32_t from; /* the data set's split */
    int64_t count;
    int64_t *index; /* NULL: 0, 1, 2, ... */
} split_samples;

struct cnn_source_data {
    const cnn_dataset *dataset;
    cnn_dataset_state *state;
    cnn_dataset_info info;
    cnn_data_shape shape;
    chain plain, augmented;
    split_samples splits[CNN_SPLIT_COUNT];
};

static const char *const split_names[CNN_SPLIT_COUNT] = { "train", "val", "test" };

static cnn_status chain_add(chain *c, const cnn_use *use, cnn_error *err)
{
    const cnn_transform *transform = (const cnn_transform *)(const void *)use->component;
    if (c->count == MAX_STEPS)
        return cnn_fail(err, CNN_INVALID, "data: more than %d transforms", MAX_STEPS);
    chain_step *step = &c->steps[c->count++];
    step->transform = transform;
    step->params = use->params;
    step->in = c->out;
    cnn_status status = transform->infer(use->params, &step->in, &step->out, err);
    if (status != CNN_OK)
        return status;
    c->out = step->out;
    if (cnn_bytes(&c->out) > c->scratch)
        c->scratch = cnn_bytes(&c->out);
    return CNN_OK;
}

/* Augmentation works on pixels: it stands before the first transform that changes the dtype. */
static cnn_status chain_build(chain *c, const cnn_type *input, const cnn_data_config *data,
                              bool augment, cnn_error *err)
{
    c->out = *input;
    c->scratch = cnn_bytes(input);
    bool augmented = !augment;
    for (uint32_t i = 0; i <= data->transform.count; i++) {
        cnn_type next = c->out;
        cnn_status status = CNN_OK;
        const cnn_use *use = i < data->transform.count ? &data->transform.items[i] : NULL;
        if (use != NULL && !augmented) {
            const cnn_transform *t = (const cnn_transform *)(const void *)use->component;
            status = t->infer(use->params, &c->out, &next, err);
        }
        if (!augmented && (use == NULL || next.dtype != c->out.dtype)) {
            for (uint32_t k = 0; k < data->augment.count && status == CNN_OK; k++)
                status = chain_add(c, &data->augment.items[k], err);
            augmented = true;
        }
        if (status == CNN_OK && use != NULL)
            status = chain_add(c, use, err);
        if (status != CNN_OK)
            return status;
    }
    return CNN_OK;
}

static cnn_status build_chains(cnn_source_data *data, const cnn_data_config *config, cnn_error *err)
{
    char a[96], b[96];
    cnn_status status = chain_build(&data->plain, &data->info.input, config, false, err);
    if (status == CNN_OK)
        status = chain_build(&data->augmented, &data->info.input, config, true, err);
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

static cnn_status open_source(cnn_source_data *data, const cnn_config *config,
                              cnn_registry *registry, cnn_error *err)
{
    const cnn_use *source = &config->data.source;
    data->dataset = (const cnn_dataset *)(const void *)source->component;
    cnn_status status = data->dataset->open(registry->host, source->params, &data->state, err);
    if (status != CNN_OK)
        return status;
    data->info.size = sizeof data->info;
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

/* Runs the chain from scratch half 0 back and forth; the last step writes to `out`. */
static cnn_status apply_chain(const chain *c, char *scratch, int64_t half, void *out, cnn_rng *rng,
                              cnn_error *err)
{
    for (uint32_t i = 0; i < c->count; i++) {
        const chain_step *step = &c->steps[i];
        char *next = i + 1 == c->count ? out : scratch + (i + 1) % 2 * (size_t)half;
        cnn_tensor from = { step->in, scratch + i % 2 * (size_t)half }, to = { step->out, next };
        cnn_status status = step->transform->apply(step->params, &from, &to, rng, err);
        if (status != CNN_OK)
            return status;
    }
    return CNN_OK;
}

cnn_status cnn_data_sample(cnn_source_data *data, uint32_t split, int64_t index, bool augment,
                           uint64_t seed, int64_t epoch, void *scratch, void *input, void *target,
                           cnn_error *err)
{
    const split_samples *samples = &data->splits[split];
    const chain *c = augment ? &data->augmented : &data->plain;
    int64_t source = samples->index != NULL ? samples->index[index] : index;
    cnn_rng rng = cnn_rng_at(seed, CNN_RNG_AUGMENT, (uint32_t)epoch, (uint64_t)source << 20);
    cnn_tensor in = { data->info.input, c->count == 0 ? input : scratch };
    cnn_tensor wanted = { data->info.target, target };
    cnn_status status = data->dataset->read(data->state, samples->from, source, &in, &wanted, err);
    if (status == CNN_OK)
        status = apply_chain(c, scratch, cnn_data_scratch(data), input, &rng, err);
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
