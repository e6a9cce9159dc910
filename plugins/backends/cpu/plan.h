/* The plan of a program: what is computed in which order, where every value lies.
 *
 * nodes -> steps -> stages. A *tile step* works on one tile (as many images as a vector has lanes);
 * all tile steps of a stage run one after the other on one tile, on one worker, while other
 * workers do other tiles. A *whole step* needs all tiles, or none: it runs once, between stages.
 * Tiles are dealt into *groups*, whose number depends on sizes only; what sums over the batch is
 * summed in a group tile by tile, then group by group, so no result depends on the threads. */
#ifndef CPU_PLAN_H
#define CPU_PLAN_H

#include <cnnrun/backend.h>

#include "kernels.h"

typedef enum cpu_space {
    CPU_NOWHERE,  /* not used */
    CPU_CONSTANT, /* the program's */
    CPU_BOUND,    /* a buffer of the host's, by binding */
    CPU_PLAIN,    /* dense and row-major, in the arena */
    CPU_TILES,    /* a piece per tile, in the arena: used by several stages */
    CPU_WORKER,   /* a piece per worker: used within one stage */
    CPU_PARTIAL,  /* a piece per group, in the arena: a sum to be completed */
} cpu_space;

/* A value of the program in one form, or one that the planner made. */
typedef struct cpu_value {
    cnn_type type;
    uint32_t space;   /* cpu_space */
    int32_t external; /* CPU_BOUND: binding */
    const void *data; /* CPU_CONSTANT */
    bool tiled;
    bool image;          /* [N,C,H,W] whose lanes are channels: see small.h */
    bool frozen;         /* depends on states and constants only */
    cpu_view view;       /* of a tile */
    int32_t left, right; /* margins of its rows: the padding of who reads it */
    int32_t top, bottom; /* rows of zeros above and below an image's plane */
    int32_t parent;      /* the value in whose memory this one lies, or -1 */
    int64_t at[3];       /* ... and where: channel, row, column */
    bool views;          /* shows a part of what the parent holds; else it makes a part of it */
    bool reshaped;       /* all of what the parent holds, in another shape */
    bool is_parent;
    uint32_t makers;     /* steps that write it, not counting those of its parts */
    int32_t first, last; /* places in the order of the steps between which it is alive */
    uint64_t bytes;      /* of a piece */
    uint64_t offset;
} cpu_value;

typedef struct cpu_plan cpu_plan;
typedef struct cpu_step cpu_step;

/* What a convolution or product does besides: y = clamp(scale conv + bias + add). The scale is in
 * the packed weights; operands follow the weights in this order. */
typedef struct cpu_fused {
    bool possible;
    bool scale, bias, add, clamps;
    float low, high;
    int32_t pack; /* the step that packs the weights */
} cpu_fused;

/* p as for kernels: the operands in order. [loop thread] */
typedef cnn_status (*cpu_whole)(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);

struct cpu_step {
    cpu_kernel kernel; /* a tile step */
    cpu_whole whole;   /* a whole step */
    const void *params;
    void *spec; /* what `finish` makes the parameters of */
    cnn_status (*finish)(cpu_plan *, cpu_step *, cnn_error *); /* once views are known, or NULL */
    int32_t in[CPU_MAX_OPERANDS]; /* values; the kernel's p are in, then out */
    int32_t out[CPU_MAX_OPERANDS];
    uint32_t n_in, n_out;
    int32_t node;       /* of the program */
    int32_t position;   /* in the order */
    int32_t overwrites; /* value of the program whose readers come first, or -1: assign */
    cpu_fused fused;
    int32_t follows, drops; /* cpu_params: operands (bits) whose view is that of operand 0 without
                               these axes (bits), dense */
    bool masks;             /* tile operands are to hold zeros in lanes without an image */
    const cpu_params *margin[2]; /* per result whose rows have margins: what zeroes them */
    const cpu_params *mask[2];
    bool in_place; /* out[0] may lie in the memory of an input with the same view; of a whole step:
                      of any input as large */
    bool frozen;   /* computed anew only when a state has changed */
    bool sums;     /* adds to out[0], a partial sum that starts at 0 */
    bool done;     /* while it is being scheduled */
};

typedef struct cpu_stage {
    uint32_t first, count; /* of cpu_plan.order */
    bool tiles;
} cpu_stage;

struct cpu_plan {
    const cnn_program *program;
    const cpu_kernels *kernels;
    const cnn_host *host;
    int64_t tiles, groups;

    cpu_value *values;
    uint32_t n_values, value_cap;
    int32_t *plain, *tile, *image; /* per value of the program: in that form, or -1 */
    uint32_t *uses;                /* per value of the program: nodes that read it */
    int32_t (*margins)[2];         /* per value of the program: left, right */
    bool small;                    /* too few images to fill the lanes: see small.h */
    int32_t (*outside)[2];         /* small: rows of zeros above and below its image */

    cpu_step *steps;
    uint32_t n_steps, step_cap;
    int32_t *order; /* steps by stage */
    cpu_stage *stages;
    uint32_t n_stages;

    uint64_t arena_bytes, worker_bytes;
    void **blocks; /* the plan's own memory */
    uint32_t n_blocks, block_cap;
    bool out_of_memory;
};

static inline int64_t cpu_divided_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

/* The type of a value of the program. */
static inline const cnn_type *cpu_type_of(const cpu_plan *plan, int32_t program_value)
{
    return &cnn_value_at(plan->program, program_value)->type;
}

/* ---- plan.c */
cnn_status cpu_plan_make(const cnn_program *, const cpu_kernels *, const cnn_host *, cpu_plan **,
                         cnn_error *);
void cpu_plan_free(cpu_plan *); /* accepts NULL */

/* Zeroed memory that lives as long as the plan. Without memory: NULL, and out_of_memory is set. */
void *cpu_plan_alloc(cpu_plan *, size_t count, size_t size);

int32_t cpu_add_value(cpu_plan *, const cnn_type *);
int32_t cpu_add_partial(cpu_plan *, int64_t count, size_t size); /* of the batch's sums */
int32_t cpu_add_temp(cpu_plan *, int64_t floats);                /* plain */

/* The step stays where it is only until the next one is added. */
cpu_step *cpu_add_step(cpu_plan *, uint32_t node);
void cpu_step_in(cpu_plan *, cpu_step *, int32_t value);
void cpu_step_out(cpu_plan *, cpu_step *, int32_t value);

/* The program's value in tiles, gathered if it lies in plain memory; and in plain memory. */
int32_t cpu_tile_of(cpu_plan *, uint32_t node, int32_t program_value);
int32_t cpu_plain_of(cpu_plan *, int32_t program_value);

/* A value for a result of the program. */
int32_t cpu_new_tile(cpu_plan *, int32_t program_value);
int32_t cpu_new_plain(cpu_plan *, int32_t program_value);
int32_t cpu_new_image(cpu_plan *, int32_t program_value); /* small programs, see small.h */

/* ---- lower*.c: a node into steps */
bool cpu_lowers(const cnn_program *, uint32_t node, cnn_error *why);
void cpu_lower(cpu_plan *, uint32_t node);

bool cpu_is_batched(const cnn_program *, int32_t value);
cpu_view cpu_view_of(const cnn_type *, int32_t left, int32_t right);

/* Tile step of a kernel with cpu_params, whose views are filled in later. */
cpu_step *cpu_add_kernel(cpu_plan *, uint32_t node, cpu_kernel, const cpu_params *);
cpu_step *cpu_add_whole(cpu_plan *, uint32_t node, cpu_whole, const void *params);

/* plain = scale * the sum of a partial's groups. */
void cpu_add_total(cpu_plan *, uint32_t node, int32_t partial, int32_t plain, double scale);

void cpu_lower_conv(cpu_plan *, uint32_t node);
void cpu_lower_weight_grad(cpu_plan *, uint32_t node);
void cpu_lower_matmul(cpu_plan *, uint32_t node);
void cpu_lower_map(cpu_plan *, uint32_t node);
void cpu_lower_plain_map(cpu_plan *, uint32_t node);

/* result = in[0] k[0] + in[1] k[1] ... + k[n_in]: tiles, with plain coefficients per channel. */
void cpu_add_combination(cpu_plan *, uint32_t node, int32_t result, const int32_t *in,
                         uint32_t n_in, const int32_t *k);
void cpu_lower_norm(cpu_plan *, uint32_t node);
void cpu_lower_norm_grad(cpu_plan *, uint32_t node);

/* A map that follows a convolution or product moves into it: y = clamp(scale x + bias + add), where
 * x is its result, which nobody else reads. scale, bias: plain values, one float per channel, or
 * -1; add: a value like x, or -1; result: of the program. False if that step cannot. */
typedef struct cpu_epilogue {
    int32_t x, scale, bias, add, result;
    bool clamps;
    float low, high;
} cpu_epilogue;

bool cpu_absorb(cpu_plan *, const cpu_epilogue *);
cpu_step *cpu_maker_of(const cpu_plan *, int32_t value); /* or NULL */

/* Margins that the readers of the program's values want along an axis: 0 y, 1 x. */
void cpu_conv_margins(const cnn_node *, const cnn_program *, int side, int32_t (*margins)[2]);

/* ---- schedule.c, layout.c */
cnn_status cpu_schedule(cpu_plan *, cnn_error *);
void cpu_layout(cpu_plan *);

/* ---- whole.c: whole steps of unbatched ops, or NULL */
cpu_whole cpu_whole_of(const char *op);

#endif
