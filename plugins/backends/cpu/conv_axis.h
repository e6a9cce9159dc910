/* One axis of a convolution or of its gradient. */
#ifndef CPU_CONV_AXIS_H
#define CPU_CONV_AXIS_H

#include "plan.h"

typedef struct cpu_extent {
    int64_t in, out, kernel, stride, dilation, before;
} cpu_extent;

/* side: 0 y, 1 x; x and y are what the convolution reads and gives. */
cpu_extent cpu_extent_of(const cnn_conv2d_attrs *, int side, const cnn_type *x, const cnn_type *y,
                         int64_t kernel);

/* An output position of phase f is q = f + stride * j; tap k reads input position
 * j * step + offset[k]. A convolution has one phase, its gradient one for each residue of the
 * stride. Offsets ascend. */
typedef struct cpu_phase {
    int64_t first, count;
    int32_t n_taps;
    int32_t *tap;
    int64_t *offset;
} cpu_phase;

typedef struct cpu_axis {
    int64_t stride, step;
    int64_t in_size;
    int32_t n_phases;
    cpu_phase *phases;
} cpu_axis;

/* `in` and `out` of the extent are those of the forward convolution also for its gradient. False
 * without memory. */
bool cpu_make_axis(cpu_plan *, const cpu_extent *, bool gradient, cpu_axis *);

/* Taps [first, end) of a phase that lie inside the input for some j in [j0, j1). */
void cpu_taps_inside(const cpu_axis *, const cpu_phase *, int64_t j0, int64_t j1, int32_t *first,
                     int32_t *end);

#endif
