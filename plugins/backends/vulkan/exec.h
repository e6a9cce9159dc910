/* A plan that is ready to run: pipelines, memory, and the command buffers recorded so far. */
#ifndef VULKAN_EXEC_H
#define VULKAN_EXEC_H

#include "plan.h"

/* The plan's steps with buffers for the program's externals, recorded. */
typedef struct vk_recording {
    struct vk_recording *next;
    cnn_buffer **bindings; /* what it was recorded with */
    VkDescriptorPool pool;
    VkBufferView *views; /* of texels */
    uint32_t n_views;
    VkCommandBuffer *commands;
    uint32_t n_commands;
    uint64_t serial; /* of its last submission */
} vk_recording;

struct cnn_exec {
    cnn_device *device;
    vk_plan *plan;
    const vk_pipeline **pipelines; /* per step */
    vk_range arena, constants;
    vk_recording *recordings;
};

/* ---- exec.c: the functions of cnn_backend ---- */
cnn_status vk_compile_program(cnn_device *, const cnn_program *, cnn_exec **, cnn_error *);
void vk_release(cnn_exec *);
cnn_status vk_run(cnn_exec *, cnn_buffer *const *bindings, cnn_error *);
cnn_status vk_profile(cnn_exec *, cnn_buffer *const *bindings, double *seconds, cnn_error *);

/* ---- record.c ---- */

/* Descriptor sets and command buffers for these bindings, cut where one would run too long. With
 * `timed`, a query pool of two timestamps for each step, and steps that wait for each other. */
cnn_status vk_record(cnn_exec *, cnn_buffer *const *bindings, VkQueryPool timed, vk_recording **,
                     cnn_error *);
void vk_recording_free(cnn_exec *, vk_recording *);

#endif
