/* Programs: the typed list of nodes that a backend compiles. One program is a whole training step
 * (forward, loss, backward, update), an evaluation step or a prediction. Constant once made. */
#ifndef CNNRUN_PROGRAM_H
#define CNNRUN_PROGRAM_H

#include "op.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cnn_value_kind {
    CNN_VALUE_INPUT =
        1, /* written by the host before a run: batch, target, learning rate, step, seed */
    CNN_VALUE_STATE,  /* lives from run to run: weights, running statistics, momenta */
    CNN_VALUE_CONST,  /* `data` holds it */
    CNN_VALUE_TEMP,   /* made and used inside one run */
    CNN_VALUE_OUTPUT, /* made by a node, read by the host after a run */
} cnn_value_kind;

typedef struct cnn_value_info {
    const char *name; /* states: the name in checkpoints; others: for people */
    cnn_type type;
    uint32_t kind;    /* cnn_value_kind */
    int32_t producer; /* node, or -1 */
    int32_t last_use; /* last node that reads it, or -1 */
    int32_t external; /* index of its binding for INPUT, STATE and OUTPUT, else -1 */
    uint32_t batched; /* 1: axis 0 is the batch */
    uint32_t trained; /* 1: a state with a gradient */
    const void *data; /* CONST */
} cnn_value_info;

typedef enum cnn_phase {
    CNN_PHASE_FORWARD = 1,
    CNN_PHASE_LOSS, /* loss and metrics */
    CNN_PHASE_BACKWARD,
    CNN_PHASE_UPDATE, /* everything before it only needs gradients: an all-reduce belongs between
                         the two */
} cnn_phase;

typedef struct cnn_node {
    const cnn_op *op; /* compare names, not pointers */
    const void *attrs;
    const int32_t *in; /* values */
    const int32_t *out;
    uint32_t n_in;
    uint32_t n_out;
    const char *layer;   /* path of the layer it came from, "2.conv2d"; for messages and timing */
    const char *backend; /* asked for by `backend:` beside the layer, or NULL */
    uint32_t phase;      /* cnn_phase, never decreasing along the list */
    uint32_t batch_role; /* cnn_batch_role */
} cnn_node;

typedef struct cnn_program {
    uint32_t size;
    uint32_t mode; /* cnn_mode */
    uint32_t n_values;
    uint32_t value_stride; /* use cnn_value_at */
    uint32_t n_nodes;
    uint32_t node_stride; /* use cnn_node_at */
    const void *values;
    const void *nodes; /* in an order that respects every dependency; assigns come after all reads
                          of their state */
    uint32_t n_externals;
    uint32_t update_begin;    /* first node of CNN_PHASE_UPDATE, n_nodes if there is none */
    const int32_t *externals; /* values of kinds INPUT, STATE, OUTPUT, in binding order */
    int64_t batch;            /* N */
    const uint64_t
        *offsets; /* per value: place of a TEMP in the arena; reshapes share their input's place */
    uint64_t arena_bytes; /* size of the arena by that plan; backends may plan for themselves */
} cnn_program;

static inline const cnn_value_info *cnn_value_at(const cnn_program *p, int32_t v)
{
    return (const cnn_value_info *)((const char *)p->values + (size_t)v * p->value_stride);
}

static inline const cnn_node *cnn_node_at(const cnn_program *p, uint32_t n)
{
    return (const cnn_node *)((const char *)p->nodes + (size_t)n * p->node_stride);
}

#ifdef __cplusplus
}
#endif
#endif
