/* Convolutions whose lanes are channels: how registers are blocked, how weights are packed. */
#ifndef CPU_SMALL_PLAN_H
#define CPU_SMALL_PLAN_H

#include "plan.h"

/* Vectors of channels in blocks of `low` or, the first `n_high` of them, one more. */
typedef struct cpu_channel_blocks {
    int32_t count, low, n_high;
} cpu_channel_blocks;

/* The blocks of so many vectors that take least, for rows of so many columns and sums of so many
 * products. */
cpu_channel_blocks cpu_choose_channel_blocks(const cpu_kernels *, int64_t vectors, int64_t columns,
                                             int64_t products);
int64_t cpu_channel_first(const cpu_channel_blocks *, int32_t block);
int32_t cpu_channel_height(const cpu_channel_blocks *, int32_t block);

/* Fills in how a row is cut into blocks of columns of about the same width. */
void cpu_cut_columns(const cpu_kernels *, cpu_channel_conv *, int64_t columns);

/* Weights [O][I][taps] in the order in which blocks read them. */
typedef struct cpu_channel_packing {
    int64_t groups, in_channels, out_channels; /* per group; depthwise: 1, 1, all */
    int64_t kernel;                            /* taps of a channel; Winograd: 1 */
    bool winograd;                             /* 36 points in the place of 9 taps */
    cpu_channel_blocks blocks;                 /* of one group */
    int64_t packed;                            /* floats of a group, or of a point */
} cpu_channel_packing;

/* A whole step that packs plain weights; cpu_absorb may give it a factor per channel. Returns the
 * packed value. */
int32_t cpu_add_channel_pack(cpu_plan *, uint32_t node, const cpu_channel_packing *,
                             int32_t weights);

/* What a step of a convolution is run with; operands in the order of cpu_fused. */
typedef struct cpu_channel_run {
    const cpu_plan *plan;
    const cpu_value *x, *y, *added; /* added: NULL if nothing is */
    const float *image, *add;       /* of one image: its first pixel */
    float *out;
    const float *w, *bias;
    cpu_fused fused;
} cpu_channel_run;

cpu_channel_run cpu_channel_operands(const cpu_step *, void *const *p, const cpu_plan *);
void cpu_channel_image(cpu_channel_run *, void *const *p, int64_t n);

/* What follows the sum, for row y of vector v of channels. */
void cpu_channel_epilogue(const cpu_channel_run *, cpu_channel_conv *, int64_t v, int64_t y);

/* ---- small_winograd.c: F(4x4, 3x3) */

bool cpu_winograd_pays(const cpu_plan *, const cnn_conv2d_attrs *, const cnn_type *x,
                       const cnn_type *w, const cnn_type *y);
void cpu_lower_winograd(cpu_plan *, uint32_t node);

#endif
