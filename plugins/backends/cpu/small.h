/* Few images: lanes are channels.
 *
 * An *image* is a value [N,C,H,W] as [n][c / lanes][y][x][lane]: the view of a tile whose lanes are
 * neighbouring channels instead of neighbouring images, so that what works lane by lane (maps,
 * pooling, padding, resizing) uses the tiles' kernels on ranges of vectors. The last vector's
 * unused lanes hold anything. Around every plane lie as many zeros as the padding of who reads it.
 *
 * There are too few images to keep the threads busy: everything runs as whole steps that share
 * their work out. What has no form here runs on tiles, most lanes unused. */
#ifndef CPU_SMALL_H
#define CPU_SMALL_H

#include "plan.h"

/* Is this a program of few images? Then plan->small, and the rows of zeros of all images are
 * chosen. */
void cpu_small_prepare(cpu_plan *);

/* True if the node was lowered here. */
bool cpu_small_lower(cpu_plan *, uint32_t node);

/* A dense copy of a batched value that lies in an image or in tiles. */
int32_t cpu_small_dense(cpu_plan *, int32_t program_value);

/* The view of an image and its bytes; the place of its first pixel, in bytes. */
void cpu_small_view(const cpu_plan *, cpu_value *);
uint64_t cpu_small_start(const cpu_plan *, const cpu_value *);

#endif
