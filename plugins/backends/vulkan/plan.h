/* A program as a list of dispatches, with a place for every value.
 *
 * compile: lower each node to steps -> place temporaries by their lifetimes -> barriers. run: the
 * steps are recorded once for each set of bindings and replayed. */
#ifndef VULKAN_PLAN_H
#define VULKAN_PLAN_H

#include <stddef.h>

#include "kernel.h"

enum { VK_READ = 1, VK_WRITE = 2 };

/* A value, or part of it, as a binding of a step. */
typedef struct vk_operand {
    int32_t value; /* of the program, or made by vk_scratch */
    uint32_t access;
    uint64_t offset, bytes; /* the part; offset is a multiple of 256 */
} vk_operand;

/* One dispatch. */
typedef struct vk_step {
    vk_kernel kernel;
    vk_operand operands[VK_MOST_BINDINGS]; /* by binding */
    uint32_t push[VK_MOST_PUSH];
    uint32_t groups[3];
    uint32_t parts; /* dispatches, each some of the groups along vk_axis_of_parts */
    uint32_t node;
    double macs;  /* multiply-adds, for the estimate of its time; 0: moves its operands' bytes */
    bool barrier; /* one before it (barriers.c) */
} vk_step;

/* Where a value lies: all in one space do so at fixed offsets. */
typedef enum vk_space { VK_NOWHERE, VK_EXTERNAL, VK_ARENA, VK_CONST } vk_space;

typedef struct vk_place {
    uint32_t space;
    uint32_t external; /* VK_EXTERNAL: index of the binding */
    uint64_t offset;   /* in its space */
} vk_place;

typedef struct vk_chunk vk_chunk; /* of the plan's memory */

typedef struct vk_plan {
    const cnn_program *program;
    cnn_device *device;
    vk_step *steps;
    uint32_t n_steps, cap_steps;
    uint32_t n_values, cap_values; /* of the program and scratch */
    int32_t *root;   /* per value: the value whose place it shares (reshape, assignment in place) */
    uint64_t *bytes; /* per value */
    const void **data; /* per value: contents of those in VK_CONST */
    vk_place *places;  /* per value; of roots */
    int32_t *ending;   /* per node: the map that is done to its result before it is stored, or -1 */
    int32_t *absorbs;  /* per node: it is such a map, and this is the op that ends with it; or -1 */
    uint64_t arena_bytes, const_bytes;
    vk_chunk *memory;
    max_align_t spill[256]; /* what is written after a failure goes here */
    bool failed; /* no memory: what is returned may be thrown away, vk_plan_make says so */
} vk_plan;

/* ---- plan.c ---- */
cnn_status vk_plan_make(cnn_device *, const cnn_program *, vk_plan **, cnn_error *);
void vk_plan_free(vk_plan *);

/* Memory that lives as long as the plan, zeroed; never NULL (after a failure, memory that nobody
 * reads). */
void *vk_plan_alloc(vk_plan *, size_t bytes);
CNN_PRINTF(2, 3)
char *vk_plan_text(vk_plan *, const char *format, ...);

static inline const cnn_type *vk_type(const vk_plan *plan, int32_t value)
{
    return &cnn_value_at(plan->program, value)->type;
}

/* Groups are told apart by gl_NumWorkGroups.x, so x stays whole. */
static inline uint32_t vk_axis_of_parts(const vk_step *step)
{
    return step->groups[1] > step->groups[2] ? 1 : 2;
}

/* ---- step.c: how lowering writes a step down ---- */

/* A new step at the end, of a node, with the work group size 64. Valid until the next call. */
vk_step *vk_begin(vk_plan *, uint32_t node, const char *shader);

/* Bindings, in the order of the calls. Whole values, or `bytes` from `offset` on. */
void vk_reads(const vk_plan *, vk_step *, int32_t value);
void vk_writes(const vk_plan *, vk_step *, int32_t value);
void vk_updates(const vk_plan *, vk_step *, int32_t value); /* reads and writes */
void vk_binds_part(vk_step *, int32_t value, uint32_t access, uint64_t offset, uint64_t bytes);

/* Push constants, in the order of the calls. */
void vk_push(vk_step *, uint64_t word); /* fits 32 bits, checked by who may lower the node */
void vk_push_signed(vk_step *, int64_t word);
void vk_push_float(vk_step *, double number);

/* Two words, magic and shift, with which divide() of shaders/common.glsl divides by d >= 1. */
void vk_push_divisor(vk_step *, uint64_t d);

/* A specialisation constant after those that are there. */
void vk_spec(vk_step *, uint32_t bits);

/* As many work groups as n invocations need, one for each item; index() of shaders/common.glsl
 * tells which. */
void vk_cover(const vk_plan *, vk_step *, uint64_t n);
void vk_groups(vk_step *, uint64_t x, uint64_t y, uint64_t z);

/* A temporary of so many bytes for the node's steps. */
int32_t vk_scratch(vk_plan *, uint64_t bytes);

/* A constant of n words that a step reads. */
int32_t vk_constant(vk_plan *, const uint32_t *words, uint32_t n);

/* Copies `bytes` (a multiple of 4) of a value to the start of another, in as many steps as the
 * device's limits ask for. */
void vk_copy(vk_plan *, uint32_t node, int32_t from, int32_t to, uint64_t bytes);

/* ---- lower.c: op -> steps ---- */
typedef struct vk_lowering {
    const char *op;
    cnn_status (*lower)(vk_plan *, uint32_t node, cnn_error *); /* adds steps */
    /* What the op cannot do, beyond the limits that all have; NULL: nothing. */
    cnn_status (*covers)(const cnn_device *, const cnn_program *, const cnn_node *, cnn_error *why);
    bool slices;        /* takes tensors larger than what a binding covers */
    bool ends_with_map; /* its kernels store EPILOGUE(value, i): vk_end_step */
} vk_lowering;

const vk_lowering *vk_lowering_of(const cnn_op *); /* NULL: none */
cnn_status vk_supports(cnn_device *, const cnn_program *, uint32_t node, cnn_error *why);

/* Tables of the families, ended by a NULL op: lower_map.c, lower_conv.c, lower_pool.c,
 * lower_norm.c, lower_softmax.c, lower_shape.c, lower_reduce.c, lower_random.c. */
extern const vk_lowering vk_map_lowerings[], vk_conv_lowerings[], vk_pool_lowerings[],
    vk_norm_lowerings[], vk_softmax_lowerings[], vk_shape_lowerings[], vk_reduce_lowerings[],
    vk_random_lowerings[];

/* ---- lower_plugin.c: an op that brings SPIR-V ---- */
const cnn_kernel *vk_plugin_kernel(const cnn_op *); /* NULL: it brings none */
cnn_status vk_plugin_covers(const cnn_device *, const cnn_program *, const cnn_node *,
                            cnn_error *why);
cnn_status vk_lower_plugin(vk_plan *, uint32_t node, cnn_error *);

/* ---- barriers.c ---- */

/* Sets `barrier` where a step meets what an earlier one since the last barrier wrote, or writes
 * what it read. */
void vk_place_barriers(vk_plan *);

/* hazards.c: the same question asked of every pair. CNN_INTERNAL names two steps that nothing
 * separates. */
cnn_status vk_check_hazards(const vk_plan *, cnn_error *);

#endif
