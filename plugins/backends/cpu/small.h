/* Few images: lanes are pixels.
 *
 * An image [N,C,H,W] lies in plain memory with gaps: rows are `row` floats apart, so that the zeros
 * between one row's end and the next one's begin are the padding of both; above and below a plane
 * lie `top` and `bottom` rows of zeros. With that a convolution of stride 1 is the same sum of
 * shifted planes everywhere, borders included, and a plane is one line of vectors. Planes are whole
 * vectors. Values of the same width have the same gap, which makes most operands walk alike.
 * A convolution of stride s reads its input split into s x s planes of every s-th row and column.
 *
 * Everything runs as whole steps that share their work out among the threads. What has no form
 * here runs on tiles, most lanes unused. */
#ifndef CPU_SMALL_H
#define CPU_SMALL_H

#include "plan.h"

/* Is this a program of few images? Then plan->small, and the gaps of all images are chosen. */
void cpu_small_prepare(cpu_plan *);

/* True if the node was lowered here. */
bool cpu_small_lower(cpu_plan *, uint32_t node);

/* A dense copy of a batched value that lies in an image or in tiles. */
int32_t cpu_small_dense(cpu_plan *, int32_t program_value);

/* The view of an image, in floats, and the place of its first pixel. */
void cpu_small_view(const cpu_plan *, cpu_value *);
uint64_t cpu_small_start(const cpu_value *); /* bytes */

#endif
