/* F(4x4, 3x3) on tiles of images, forward and for the gradient of the input. */
#ifndef CPU_WINOGRAD_PLAN_H
#define CPU_WINOGRAD_PLAN_H

#include "conv_plan.h"

/* G g G^T (Lavin, Gray 2016) of `lanes` kernels side by side: nine taps to 36 points. */
enum { CPU_WINOGRAD_LANES = 16, CPU_WINOGRAD_TAPS = 9 };
void cpu_winograd_kernels(const float g[CPU_WINOGRAD_TAPS][CPU_WINOGRAD_LANES],
                          float u[CPU_WINOGRAD_POINTS][CPU_WINOGRAD_LANES], int64_t lanes);

bool cpu_is_winograd(const cnn_conv2d_attrs *, const cnn_type *w); /* has it this form? */

/* y = convolution of x. pack: strides of the plain weights and channels; flipped: taps from the
 * last to the first, as the gradient sees them; pad: above and left of x. */
typedef struct cpu_winograd_conv {
    cpu_packing pack;
    bool flipped;
    int32_t pad[2];
    int64_t rows, columns; /* of y */
} cpu_winograd_conv;

bool cpu_tile_winograd_pays(const cpu_plan *, const cpu_winograd_conv *);
void cpu_add_tile_winograd(cpu_plan *, uint32_t node, const cpu_winograd_conv *, int32_t x,
                           int32_t w, int32_t y);

#endif
