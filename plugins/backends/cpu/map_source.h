/* What the expression of a map reads, and which of its parts are the same for all images. */
#ifndef CPU_MAP_SOURCE_H
#define CPU_MAP_SOURCE_H

#include "plan.h"

/* Longer expressions are left to the reference; an affine form of one has sums and factors of its
 * own, a few for each of its terms. */
enum {
    CPU_MOST_TERMS = 256,
    CPU_AFFINE_TERMS = 16,
    CPU_MOST_AFFINE_TERMS = CPU_AFFINE_TERMS * (CPU_MOST_TERMS + 1)
};

/* An expression and what it reads: values of the program, or of the plan. */
typedef struct cpu_source {
    cnn_expr expr;
    uint32_t n_in;
    int32_t in[CPU_MAX_OPERANDS];    /* of the program, or -1 */
    int32_t value[CPU_MAX_OPERANDS]; /* of the plan */
    cnn_type type[CPU_MAX_OPERANDS];
    cnn_type out;
} cpu_source;

/* The expression of a map node; values of the plan are not chosen yet. */
cpu_source cpu_source_of(const cpu_plan *, uint32_t node);

/* Does operand i differ from image to image? */
bool cpu_is_tiled(const cpu_plan *, const cpu_source *, uint32_t i);

typedef enum cpu_term_kind {
    CPU_TERM_NUMBER,
    CPU_TERM_TILED, /* reads something of the images */
    CPU_TERM_SHARED /* reads only what is the same for all of them */
} cpu_term_kind;

/* The cpu_term_kind of every term. */
void cpu_classify(const cpu_plan *, const cpu_source *, uint8_t *kind);

/* The shape to which the inputs of a term are broadcast. */
cnn_type cpu_shape_of(const cpu_source *, int32_t term);

/* The term as a plain map of its own; returns the plan's value, and its shape. */
int32_t cpu_compute_once(cpu_plan *, uint32_t node, const cpu_source *, int32_t term,
                         cnn_type *shape);

/* Makes inputs of the terms that are the same for all images. */
void cpu_hoist(cpu_plan *, uint32_t node, cpu_source *);

/* Drops the inputs that no term reaches. */
void cpu_drop_unread(cpu_plan *, cpu_source *);

#endif
