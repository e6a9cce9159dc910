/* Whole steps on images of small programs. */
#ifndef CPU_SMALL_STEPS_H
#define CPU_SMALL_STEPS_H

#include "plan.h"

int32_t cpu_image_of(cpu_plan *, uint32_t node, int32_t program_value);
bool cpu_small_lower_conv(cpu_plan *, uint32_t node);

cnn_status cpu_small_lay_out(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);
cnn_status cpu_small_gather(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);
cnn_status cpu_small_concat(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);
cnn_status cpu_small_max_pool(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);
cnn_status cpu_small_avg_pool(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);
cnn_status cpu_small_matmul(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);
cnn_status cpu_small_map(const cpu_step *, void *const *p, const cpu_plan *, cnn_error *);

/* Zeros in the gaps of one plane and above and below it. */
void cpu_small_clear(const cpu_value *, float *first_pixel);

#endif
