/* Chains of transforms. The steps at the end that change each pixel by itself become a table of 256
 * numbers for each channel; they fill it themselves, so that its numbers are theirs to the bit. */
#include "chain.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTES = 256,
    PROBE_SIDE = 16,   /* 16 x 16 pixels hold every byte once */
    MAX_CHANNELS = 16, /* 16 KiB: a table should stay in the first cache */
};

static cnn_status add(cnn_chain *c, const cnn_use *use, uint32_t stream, cnn_error *err)
{
    const cnn_transform *transform = (const cnn_transform *)(const void *)use->component;
    if (c->count == CNN_MAX_TRANSFORMS)
        return cnn_fail(err, CNN_INVALID, "data: more than %d transforms", CNN_MAX_TRANSFORMS);
    cnn_chain_step *step = &c->steps[c->count++];
    step->transform = transform;
    step->params = use->params;
    step->stream = stream;
    step->in = c->out;
    cnn_status status = transform->infer(use->params, &step->in, &step->out, err);
    if (status != CNN_OK)
        return status;
    c->out = step->out;
    if (cnn_bytes(&c->out) > c->scratch)
        c->scratch = cnn_bytes(&c->out);
    return CNN_OK;
}

static cnn_status add_list(cnn_chain *c, const cnn_uses *uses, uint32_t stream, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (uint32_t k = 0; k < uses->count && status == CNN_OK; k++)
        status = add(c, &uses->items[k], stream, err);
    return status;
}

/* What works on pixels. */
static cnn_status add_pixels(cnn_chain *c, const cnn_data_config *data, uint32_t parts,
                             cnn_error *err)
{
    cnn_status status = CNN_OK;
    c->pixels = c->out;
    if ((parts & CNN_CHAIN_AUGMENT) != 0)
        status = add_list(c, &data->augment, CNN_STREAM_SAMPLE, err);
    if (status == CNN_OK && (parts & CNN_CHAIN_TARGET) == 0)
        status = add_list(c, &data->degrade, CNN_STREAM_DEGRADE, err);
    return status;
}

/* Would this transform change the dtype? */
static cnn_status leaves_pixels(const cnn_chain *c, const cnn_use *use, bool *leaves,
                                cnn_error *err)
{
    const cnn_transform *t = (const cnn_transform *)(const void *)use->component;
    cnn_type next = c->out;
    cnn_status status = t->infer(use->params, &c->out, &next, err);
    *leaves = next.dtype != c->out.dtype;
    return status;
}

static cnn_status add_all(cnn_chain *c, const cnn_data_config *data, uint32_t parts, cnn_error *err)
{
    bool target = (parts & CNN_CHAIN_TARGET) != 0, done = false;
    const cnn_uses *uses =
        target && data->target_transform.count > 0 ? &data->target_transform : &data->transform;
    for (uint32_t i = 0; i <= uses->count; i++) {
        const cnn_use *use = i < uses->count ? &uses->items[i] : NULL;
        cnn_status status = CNN_OK;
        bool now = use == NULL;
        if (use != NULL && !done)
            status = leaves_pixels(c, use, &now, err);
        if (status == CNN_OK && now && !done) {
            status = add_pixels(c, data, parts, err);
            done = true;
        }
        if (status == CNN_OK && use != NULL)
            status = add(c, use, CNN_STREAM_SAMPLE, err);
        if (status != CNN_OK)
            return status;
    }
    return CNN_OK;
}

/* ---- the table */

/* `flags` came later: a transform's struct may end before it. */
static bool is_pointwise(const cnn_chain_step *step)
{
    const cnn_transform *t = step->transform;
    bool has_flags = t->c.size >= offsetof(cnn_transform, flags) + sizeof t->flags;
    return has_flags && (t->flags & CNN_TRANSFORM_POINTWISE) != 0 &&
           cnn_same_shape(&step->in, &step->out);
}

/* First of the steps at the end that take bytes to numbers pixel by pixel; `count`: none. */
static uint32_t find_tail(const cnn_chain *c)
{
    uint32_t first = c->count;
    while (first > 0 && is_pointwise(&c->steps[first - 1]))
        first--;
    while (first < c->count && c->steps[first].in.dtype != CNN_U8)
        first++;
    bool fits = c->out.rank == 3 && c->out.dim[0] <= MAX_CHANNELS && c->out.dtype == CNN_F32;
    return fits ? first : c->count;
}

/* Runs the tail on an image whose channels hold all bytes. False if a step does not do what its
 * flag says: then the chain stays as it is, and whatever is wrong comes out there. */
static bool run_tail(const cnn_chain *c, uint32_t first, float *from, float *to)
{
    cnn_type type = cnn_type3(CNN_U8, c->out.dim[0], PROBE_SIDE, PROBE_SIDE), next;
    cnn_rng rng = cnn_rng_at(0, CNN_RNG_AUGMENT, 0, 0);
    cnn_error ignored;
    for (int64_t i = 0; i < cnn_count(&type); i++)
        ((uint8_t *)from)[i] = (uint8_t)(i % BYTES);
    for (uint32_t i = first; i < c->count; i++) {
        const cnn_chain_step *step = &c->steps[i];
        if (step->transform->infer(step->params, &type, &next, &ignored) != CNN_OK ||
            !cnn_same_shape(&type, &next) || next.dtype != step->out.dtype)
            return false;
        const cnn_tensor in = { type, from }, out = { next, to };
        if (step->transform->apply(step->params, &in, &out, &rng, &ignored) != CNN_OK)
            return false;
        float *swap = from;
        from = to;
        to = swap;
        type = next;
    }
    return rng.element == 0;
}

static cnn_status fold(cnn_chain *c, cnn_error *err)
{
    uint32_t first = find_tail(c);
    c->head = c->count;
    if (first == c->count)
        return CNN_OK;
    size_t numbers = (size_t)c->out.dim[0] * BYTES;
    float *table = malloc(numbers * sizeof *table), *other = malloc(numbers * sizeof *other);
    cnn_status status = CNN_OK;
    bool odd = (c->count - first) % 2 != 0; /* which of the two the last step writes to */
    if (table == NULL || other == NULL) {
        status = cnn_fail(err, CNN_MEMORY, "data: no memory for a table of %zu numbers", numbers);
    } else if (run_tail(c, first, odd ? other : table, odd ? table : other)) {
        c->head = first;
        c->table = table;
        table = NULL;
    }
    free(table);
    free(other);
    return status;
}

/* Four loads before four stores: the compiler cannot know that they do not touch each other. */
static void look_up(const float *table, const uint8_t *from, int64_t n, float *to)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        float a = table[from[i]], b = table[from[i + 1]];
        float c = table[from[i + 2]], d = table[from[i + 3]];
        to[i] = a;
        to[i + 1] = b;
        to[i + 2] = c;
        to[i + 3] = d;
    }
    for (; i < n; i++)
        to[i] = table[from[i]];
}

static void apply_table(const cnn_chain *c, const uint8_t *from, float *to)
{
    int64_t each = c->out.dim[1] * c->out.dim[2];
    for (int64_t channel = 0; channel < c->out.dim[0]; channel++)
        look_up(c->table + channel * BYTES, from + channel * each, each, to + channel * each);
}

/* ---- all of it */

cnn_status cnn_chain_build(cnn_chain *chain, const cnn_type *input, const cnn_data_config *data,
                           uint32_t parts, cnn_error *err)
{
    chain->in = chain->out = *input;
    chain->scratch = cnn_bytes(input);
    cnn_status status = add_all(chain, data, parts, err);
    return status == CNN_OK ? fold(chain, err) : status;
}

void cnn_chain_free(cnn_chain *chain)
{
    free(chain->table);
    chain->table = NULL;
}

cnn_status cnn_chain_apply(const cnn_chain *chain, const void *from, char *scratch, int64_t half,
                           void *to, cnn_rng *rng, cnn_error *err)
{
    for (uint32_t i = 0; i < chain->head; i++) {
        const cnn_chain_step *step = &chain->steps[i];
        void *next = i + 1 == chain->count ? to : scratch + i % 2 * (size_t)half;
        const cnn_tensor in = { step->in, (void *)(uintptr_t)from }, out = { step->out, next };
        cnn_status status =
            step->transform->apply(step->params, &in, &out, &rng[step->stream], err);
        if (status != CNN_OK)
            return status;
        from = next;
    }
    if (chain->table != NULL)
        apply_table(chain, from, to);
    else if (chain->count == 0 && from != to)
        memcpy(to, from, (size_t)cnn_bytes(&chain->in));
    return CNN_OK;
}
