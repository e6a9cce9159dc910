/* program: a graph, frozen. Unneeded nodes dropped, neighbouring maps composed, nodes ordered,
 * lifetimes and places in the arena known. */
#ifndef CNNRUN_PROGRAM_INTERNAL_H
#define CNNRUN_PROGRAM_INTERNAL_H

#include <cnnrun/program.h>

#include "graph.h"

/* A program with what the host keeps beside it. */
typedef struct cnn_step {
    cnn_program program;
    const cnn_graph *graph;
    /* Values in the program, -1 where there is none. */
    int32_t input, target, seed, step;
    int32_t scalars[CNN_MAX_SCALARS];
    int32_t output, loss;
    int32_t *metrics; /* graph->n_metrics */
    int32_t *map;     /* graph value -> program value or -1 (composed away, dropped) */
    int32_t *extras;  /* the kept values that were asked for, in order */
    uint32_t n_extras;
} cnn_step;

/* Builds graph and program of one mode for one batch size: model, and in TRAIN loss, gradients,
 * updates; in EVAL loss and metrics. NULL after errors in diags. [main] */
cnn_step *cnn_step_build(const cnn_config *config, cnn_registry *registry,
                         const cnn_data_shape *data, uint32_t mode, int64_t batch, cnn_arena *arena,
                         cnn_diags *diags);

/* What autodiff gave: per value that existed before it, its gradient or CNN_NONE. */
typedef struct cnn_grads {
    cnn_value *values;
    uint32_t count;
} cnn_grads;

/* The first half of cnn_step_build: the graph before it is frozen. `keep_layers`: results of layers
 * are not composed away. NULL after errors in diags. */
cnn_graph *cnn_step_graph(const cnn_config *config, cnn_registry *registry,
                          const cnn_data_shape *data, uint32_t mode, int64_t batch,
                          bool keep_layers, cnn_arena *arena, cnn_diags *diags, cnn_grads *grads);

/* Freezes a graph. Outputs are: output, loss, metrics (what exists in the mode: TRAIN keeps the
 * loss only, EVAL loss and metrics, PREDICT the output) and `extra` graph values. */
cnn_step *cnn_step_from(cnn_graph *graph, const cnn_value *extra, uint32_t n_extra);

/* Composition of neighbouring maps: a map whose result is used once, by a map of the same phase,
 * moves into it; number constants always do. (compose.c) */
void cnn_compose(cnn_graph *graph, const bool *keep);

/* Lifetimes -> offsets of temporaries in one arena, first fit by size; 256-byte aligned; a reshape
 * shares its input's place. Fills value.last_use, program.offsets and arena_bytes. (memory.c) */
void cnn_plan_memory(cnn_program *program, cnn_value_info *values, cnn_arena *arena);

void cnn_program_print(const cnn_step *step, FILE *out);

#endif
