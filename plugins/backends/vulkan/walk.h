/* Results that are each made of many terms (reductions, norms, softmax): which elements these are,
 * and which invocations see to them. shaders/walk.glsl is the other half. */
#ifndef VULKAN_WALK_H
#define VULKAN_WALK_H

#include "plan.h"

/* Up to three axes, the innermost first, neighbours merged. */
typedef struct vk_axes {
    uint32_t n; /* at least 1 */
    uint64_t size[3], stride[3];
} vk_axes;

typedef struct vk_walk {
    vk_axes kept, gone;
    uint64_t results, terms; /* terms of each */
} vk_walk;

/* Each result has `lanes` invocations for each of `parts` parts of `span` terms, the last may be
 * shorter. A function of the shape and the kind of device. */
typedef struct vk_split {
    uint32_t lanes;
    bool across; /* neighbours work at neighbouring results, not terms */
    uint64_t parts, span;
} vk_split;

/* A tensor's elements along the axes of the mask `gone`, for each place along the others. */
vk_walk vk_walk_of(const cnn_type *, uint64_t gone);

/* The parts that a split left, [parts][results]. */
vk_walk vk_walk_of_parts(uint64_t results, uint64_t parts);

/* `whole`: in one part, however long. */
vk_split vk_split_of(const vk_plan *, const vk_walk *, bool whole);

/* Specialises, pushes and covers: begun with vk_begin; constants and words of the shader's own
 * follow. */
void vk_walks(const vk_plan *, vk_step *, const vk_walk *, const vk_split *);

#endif
