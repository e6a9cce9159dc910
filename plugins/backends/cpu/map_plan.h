/* Maps as steps: on plain memory, on tiles, on images, and at the end of a convolution. */
#ifndef CPU_MAP_PLAN_H
#define CPU_MAP_PLAN_H

#include "map_source.h"

typedef struct cpu_map_spec {
    cpu_source source;
    cpu_map_operand in[CPU_MAX_OPERANDS];
    cpu_map_params params; /* whose `in` is the array above */
} cpu_map_spec;

/* ---- map_plain.c */

/* Fills in the code of the expression; false without memory. */
bool cpu_compile_map(cpu_plan *, cpu_map_spec *);

/* out = expr(in), all in plain memory. */
void cpu_add_plain_map(cpu_plan *, uint32_t node, cpu_source *, int32_t out);

/* ---- map_plan.c */

/* Rows that follow each other without a gap in every operand become one; w: strides of columns. */
void cpu_join_rows(cpu_map_params *, cpu_map_operand *in, const int64_t *w);

/* ---- map_epilogue.c */

/* True if the map became the end of the convolution or product that it follows. */
bool cpu_absorb_map(cpu_plan *, uint32_t node, const cpu_source *);

/* ---- small_map.c */

/* Can the map run on images whose lanes are channels? */
bool cpu_suits_images(const cpu_plan *, const cpu_source *);

/* The map as a step on images. */
void cpu_add_image_map(cpu_plan *, uint32_t node, cpu_map_spec *);

#endif
