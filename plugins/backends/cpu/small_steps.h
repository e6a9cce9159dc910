/* Whole steps on images of small programs. */
#ifndef CPU_SMALL_STEPS_H
#define CPU_SMALL_STEPS_H

#include "plan.h"

int32_t cpu_image_of(cpu_plan *, uint32_t node, int32_t program_value);
bool cpu_small_lower_conv(cpu_plan *, uint32_t node);
bool cpu_small_lower_concat(cpu_plan *, uint32_t node);
bool cpu_small_lower_matmul(cpu_plan *, uint32_t node);

/* A step that runs a kernel of tiles with cpu_params on every vector of channels of out. */
cpu_step *cpu_small_add_kernel(cpu_plan *, uint32_t node, cpu_kernel, const void *attrs);

cnn_status cpu_small_lay_out(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);
cnn_status cpu_small_gather(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);

/* Zeros around rows [first, end) of one plane, given its first pixel; above and below it too if
 * they are its first and last ones. */
void cpu_small_clear(const cpu_plan *, const cpu_value *, float *plane, int64_t first, int64_t end);

/* From vector to vector of channels, floats. */
int64_t cpu_small_plane(const cpu_plan *, const cpu_value *);

#endif
