/* What the files of model share: walking down the lists of a pipeline's model. */
#ifndef CNNRUN_MODEL_INTERNAL_H
#define CNNRUN_MODEL_INTERNAL_H

#include "graph_internal.h"

/* Results that `from:` may name: those of the list so far, and of the lists around it. */
typedef struct cnn_names cnn_names;
struct cnn_names {
    const cnn_names *outer;
    uint32_t count;
    const char **names;
    cnn_value *values;
};

/* Where a list stands. */
typedef struct cnn_walk cnn_walk;
struct cnn_walk {
    cnn_graph *graph;
    const cnn_config *config;
    cnn_names *names;
    const char *prefix; /* of the list's weights; "" at the top */
    bool flat;          /* the only item is known by the list's own prefix */
    const char *trail;
    const cnn_walk *outer;    /* of the block's user; NULL outside of blocks */
    const cnn_block *block;   /* whose list this is, or NULL */
    const cnn_scope *options; /* of that block */
    bool freeze;              /* by an item around */
    const char *backend;
};

/* The inputs of one item. */
typedef struct cnn_item_in {
    cnn_value at; /* where the item stands: for a join, what its branches start from */
    uint32_t count;
    const cnn_value *values;
    const char *const *names; /* NULL: none have one */
} cnn_item_in;

/* Names in.* and classes, then the options of the block. The memory is the caller's. */
typedef struct cnn_item_scope {
    cnn_scope scope;
    const char *names[5];
    cnn_number_value values[5];
} cnn_item_scope;

void cnn_item_scope_fill(const cnn_walk *walk, cnn_value in, cnn_item_scope *out);

/* A scalar of the pipeline: a formula, or a number, truth value or word as it stands. false after
 * an error in diags. */
bool cnn_scalar_value(const cnn_doc *doc, const cnn_scope *scope, cnn_diags *diags,
                      cnn_number_value *value);

/* `when:` and `repeat:`; true and 1 if they are not there. false after an error. */
bool cnn_item_when(cnn_graph *graph, const cnn_item *item, const cnn_scope *scope, bool *when);
bool cnn_item_repeat(cnn_graph *graph, const cnn_item *item, const cnn_scope *scope,
                     int64_t *repeat);

/* The options of a block that `item` uses, as the scope of its list. NULL after an error. */
const cnn_scope *cnn_block_options(cnn_graph *graph, const cnn_item *item, const cnn_scope *scope);

/* Makes an item the one that messages are about. */
void cnn_item_enter(const cnn_walk *walk, const cnn_item *item, const cnn_item_in *in);

/* Errors that were added to diags from number `first` on get a trail, and the graph has failed. */
void cnn_item_failed(cnn_graph *graph, size_t first);

/* Builds a layer and its record. */
cnn_value cnn_layer_build(const cnn_walk *walk, const cnn_item *item, const char *prefix,
                          const cnn_item_in *in, const cnn_scope *scope);

/* A list with names of its own. (model.c) */
cnn_value cnn_walk_list(const cnn_walk *walk, const cnn_items *items, cnn_value in);

#endif
