/* A map that is done to each result of another op before it is stored: the op's kernel ends with
 * it, and the map itself costs no step. */
#ifndef VULKAN_FUSE_H
#define VULKAN_FUSE_H

#include "plan.h"

/* Finds such pairs: sets plan->ending and plan->absorbs, and gives the op's result the place of
 * the map's. After places are shared, before nodes are lowered. */
void vk_fuse(vk_plan *);

/* To be called for each step that stores results of its node, when its bindings and push constants
 * are complete; the result is bound from element `first` of the tensor on, `count` elements. The
 * shader stores EPILOGUE(value, i), i from the binding's start, and has a line //$code. */
void vk_end_step(vk_plan *, vk_step *, uint64_t first, uint64_t count);

#endif
