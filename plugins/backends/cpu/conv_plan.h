/* What convolutions on tiles and on planes share: register blocks and packed weights. */
#ifndef CPU_CONV_PLAN_H
#define CPU_CONV_PLAN_H

#include "conv_axis.h"

/* The weight of (group, out channel, in channel, tap of the kernel) lies at
 * group * w_group + out * w_out + in * w_in + tap in plain memory. Packed: per group and block
 * [in channel][tap][height]. */
typedef struct cpu_packing {
    int64_t groups, in_channels, out_channels; /* per group */
    int64_t kernel;                            /* taps of one channel */
    int64_t w_group, w_out, w_in;
    int32_t n_blocks, n_shapes;
    cpu_conv_block *blocks;
    int64_t packed; /* floats of a group */
} cpu_packing;

/* Products in a sum. */
static inline int64_t cpu_taps_of(const cpu_packing *p)
{
    return p->in_channels * p->kernel;
}

/* Chooses the blocks for rows of so many columns (vectors). */
void cpu_plan_blocks(cpu_plan *, cpu_packing *, int64_t columns);

/* Cycles of a register block per tap or position, by what limits them. */
double cpu_block_cycles(int64_t height, int64_t width);

/* Cycles of a row of so many columns in the best blocks. */
double cpu_product_cycles(const cpu_kernels *, int64_t channels, int64_t columns, int64_t taps);

/* Width of the register blocks in which `columns` are done cheapest at a height. */
int64_t cpu_block_width(const cpu_kernels *, int64_t height, int64_t columns, int64_t taps);

/* A step for the gradient of weights, [groups channels][in_channels taps]. */
void cpu_add_weight_grad(cpu_plan *, uint32_t node, int32_t x, int32_t dy, int64_t groups,
                         int64_t channels, int64_t in_channels, const cpu_extent side[2]);

/* A whole step that packs plain weights; cpu_absorb may give it a factor per out channel. Returns
 * the packed value. The packing lives as long as the plan. */
int32_t cpu_add_pack(cpu_plan *, uint32_t node, const cpu_packing *, int32_t weights);

#endif
