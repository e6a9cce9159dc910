/* chain: the transforms that a sample goes through, one after the other. */
#ifndef CNNRUN_CHAIN_H
#define CNNRUN_CHAIN_H

#include "config.h"

#define CNN_MAX_TRANSFORMS 32

/* One transform of a chain, with the types around it. */
typedef struct cnn_chain_step {
    const cnn_transform *transform;
    const void *params;
    cnn_type in, out;
    uint32_t stream; /* cnn_chain_stream: which random numbers it draws */
} cnn_chain_step;

/* Random numbers of a chain: `degrade:` has its own, so that a pair's two images are cut and turned
 * alike. */
typedef enum cnn_chain_stream {
    CNN_STREAM_SAMPLE,
    CNN_STREAM_DEGRADE,
    CNN_STREAM_COUNT
} cnn_chain_stream;

typedef struct cnn_chain {
    cnn_chain_step steps[CNN_MAX_TRANSFORMS];
    uint32_t count;
    cnn_type in, out;
    cnn_type pixels; /* where augmentation stands */
    int64_t scratch; /* bytes of the largest value on the way */

    /* The last steps as a table, [channels][256]: what they make of each byte. NULL: there are no
     * such steps. `head` steps come before it. */
    uint32_t head;
    float *table;
} cnn_chain;

enum {
    CNN_CHAIN_AUGMENT = 1,
    CNN_CHAIN_TARGET = 2, /* of an image that is a target: `target_transform:`, no `degrade:` */
};

/* The chain of `transform:`, with `augment:`, then `degrade:` before the first transform that
 * changes the dtype. `parts` are bits of CNN_CHAIN_*. */
cnn_status cnn_chain_build(cnn_chain *chain, const cnn_type *input, const cnn_data_config *data,
                           uint32_t parts, cnn_error *err);
void cnn_chain_free(cnn_chain *chain);

/* Takes a sample through the chain from `from` to `to`, both of the chain's types. `scratch` has
 * two halves of at least chain->scratch bytes, `half` apart; `from` may be the second one. `rng`
 * has CNN_STREAM_COUNT of them, or one where nothing is degraded. */
cnn_status cnn_chain_apply(const cnn_chain *chain, const void *from, char *scratch, int64_t half,
                           void *to, cnn_rng *rng, cnn_error *err);

#endif
