/* matrix: which backend runs which op, asked of the backends themselves. */
#ifndef CNNRUN_MATRIX_H
#define CNNRUN_MATRIX_H

#include "registry.h"

typedef enum cnn_cell {
    CNN_CELL_NONE,    /* no sample of the op could be built, so nobody was asked */
    CNN_CELL_RUNS,    /* every sample */
    CNN_CELL_PARTLY,  /* some samples */
    CNN_CELL_REFUSES, /* none: another backend has to run it */
} cnn_cell;

typedef struct cnn_matrix_row {
    const char *op;
    bool has_gradient; /* it can be trained through, or there is nothing to differentiate */
    cnn_cell *cells;   /* per backend */
    const char **why;  /* per backend: the first refusal, or NULL */
} cnn_matrix_row;

typedef struct cnn_matrix {
    const char **backends;
    const char **missing; /* per backend: why it cannot be opened, or NULL */
    uint32_t n_backends;
    cnn_matrix_row *rows;
    uint32_t n_rows;
} cnn_matrix;

/* Builds small programs with every op of the registry, batched and with the gradients that follow
 * from them, and asks each backend about each node. Lives in the registry's arena. [main] */
cnn_matrix *cnn_matrix_make(cnn_registry *registry);

#endif
