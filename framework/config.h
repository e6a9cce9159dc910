/* config: the doc, checked against the plugins' parameter tables and typed. All errors are
 * reported, none stops the check. What depends on shapes (`$` formulas in a model) stays a doc node
 * until the graph is built. */
#ifndef CNNRUN_CONFIG_H
#define CNNRUN_CONFIG_H

#include "doc.h"
#include "registry.h"

/* A component that the pipeline picked, with its options. */
typedef struct cnn_use {
    const cnn_component *component; /* NULL: not given */
    const void *params;             /* typed; NULL for model items, see cnn_item */
    const cnn_doc *doc;             /* where it was picked */
} cnn_use;

typedef struct cnn_uses {
    cnn_use *items;
    uint32_t count;
} cnn_uses;

typedef struct cnn_item cnn_item;

typedef struct cnn_items {
    cnn_item *items;
    uint32_t count;
} cnn_items;

typedef struct cnn_branch {
    const char *name;
    cnn_place place;
    const char *from; /* a branch that is the result of a named layer, else NULL */
    cnn_items body;   /* empty: identity */
} cnn_branch;

typedef struct cnn_block_param {
    const char *name;
    const cnn_doc *def; /* may be a formula; NULL: required */
} cnn_block_param;

typedef struct cnn_block {
    const char *name;
    cnn_place place;
    const char *doc;
    cnn_block_param *params;
    uint32_t n_params;
    cnn_items body;
    bool used;
} cnn_block;

typedef struct cnn_item_init {
    const char *weight; /* "weight", "bias", ... */
    const cnn_doc *doc; /* an initialiser's name, {name: options}, or nested numbers */
    cnn_place place;    /* of the weight's name */
} cnn_item_init;

/* One line of a model: a layer or a block with its siblings, or a nested list (`list` set), which
 * is spliced. */
struct cnn_item {
    cnn_place place; /* of the layer's name */
    const char *type;
    const cnn_layer *layer; /* exactly one of layer, block, and list is set */
    const cnn_block *block;
    const cnn_items *list;
    const cnn_doc *options; /* without the branches; may hold formulas; NULL: none */
    cnn_branch *branches;   /* of a join */
    uint32_t n_branches;
    const char *name;           /* `name:`, or NULL */
    const cnn_doc *const *from; /* `from:` names, or NULL */
    uint32_t n_from;
    const cnn_doc *repeat; /* count, or NULL */
    const cnn_doc *when;   /* condition, or NULL */
    bool freeze;
    cnn_item_init *init;
    uint32_t n_init;
    const char *backend; /* or NULL */
};

enum { CNN_STEP_TRAIN = 1, CNN_STEP_TEST = 2 };

typedef struct cnn_data_config {
    cnn_use source; /* component NULL: the pipeline has no data */
    cnn_uses transform, augment;
    cnn_uses degrade;          /* for inputs only: the clean sample is the target */
    cnn_uses target_transform; /* of targets that are images; none: as `transform` */
    cnn_floats split; /* 0 or 3 numbers: train, val, test; fractions (sum <= 1) or counts */
    int64_t limit;    /* use at most so many samples of each split, 0: all */
    int64_t threads;  /* of the loader */
    cnn_place place;
} cnn_data_config;

typedef struct cnn_train_config {
    cnn_use loss;
    cnn_use optimizer;
    cnn_uses schedule; /* their factors multiply; none: constant */
    int64_t epochs;
    int64_t batch;
    int64_t seed;
    int64_t log_every; /* batches */
    int64_t steps;     /* stop after so many steps, 0: no limit */
    bool shuffle;
    bool drop_last;
    double clip_grad_norm; /* 0: off; torch.nn.utils.clip_grad_norm_ */
    cnn_place place;
} cnn_train_config;

typedef struct cnn_test_config {
    cnn_uses metrics;
    int64_t batch; /* 0: as in training */
    int64_t every; /* epochs between tests during training, 0: only at the end */
} cnn_test_config;

typedef struct cnn_output_config {
    const char *dir;     /* "$name" replaced; "" : nothing is written */
    int64_t every, keep; /* checkpoint: epochs between, how many to keep (0: none/all) */
    const char *best;    /* "test.accuracy", or "" */
    cnn_uses report;     /* observers */
} cnn_output_config;

typedef struct cnn_expect_config {
    bool present;
    cnn_ints shape;        /* of the output, with or without the batch axis; count 0: not given */
    const cnn_doc *output; /* nested numbers, or NULL */
    double tolerance;      /* absolute */
    int64_t params;        /* exact numbers; -1: not given */
    int64_t macs;
    double accuracy; /* at least so much, in percent; NaN: not given */
    double loss;     /* at most; NaN: not given */
    cnn_place place;
} cnn_expect_config;

typedef struct cnn_config {
    const char *path;
    const char *name;
    const char *backend;  /* "auto", "cpu", "vulkan:1" */
    bool forbid_fallback; /* fallback: forbid */
    cnn_data_config data;
    cnn_block *blocks;
    uint32_t n_blocks;
    cnn_items model;
    cnn_train_config train;
    cnn_test_config test;
    cnn_output_config output;
    cnn_expect_config expect;
    uint32_t steps[8]; /* CNN_STEP_* in order, 0 ends */
    const cnn_doc *doc;
} cnn_config;

/* NULL after errors in diags. [main] */
cnn_config *cnn_config_from(const cnn_doc *doc, const char *path, cnn_registry *registry,
                            cnn_arena *arena, cnn_diags *diags);

/* The whole pipeline as it is understood, defaults included: valid YAML that means the same. */
void cnn_config_print(const cnn_config *config, FILE *out);

#endif
