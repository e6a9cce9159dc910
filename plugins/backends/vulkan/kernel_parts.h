/* What kernels share: SPIR-V on the device, and layouts. Each is made once and lives as long as the
 * device. */
#ifndef VULKAN_KERNEL_PARTS_H
#define VULKAN_KERNEL_PARTS_H

#include "kernel.h"

/* A shader with or without code, or the SPIR-V of a plugin's op. */
typedef struct vk_module {
    struct vk_module *next;
    uint64_t hash;
    const char *name;
    const vk_shader *shader; /* NULL: a plugin's */
    const char *code;        /* of a shader, or NULL */
    const uint32_t *words;   /* without code */
    size_t n_words;
    VkShaderModule module;
    bool taken; /* by a job that makes it */
} vk_module;

typedef struct vk_layout {
    struct vk_layout *next;
    uint32_t n_bindings, texels, n_push;
    VkDescriptorSetLayout set;
    VkPipelineLayout pipeline;
} vk_layout;

enum { VK_CHAINS = 256 };

typedef struct vk_parts {
    vk_module *modules[VK_CHAINS];
    vk_layout *layouts;
} vk_parts;

/* Found, or put there with no VkShaderModule yet. */
cnn_status vk_place_module(vk_parts *, const vk_kernel *, vk_module **, cnn_error *);

/* Makes the VkShaderModule of a module that has none. Any thread, one for each module. */
cnn_status vk_make_module(cnn_device *, const vk_cache *, vk_module *, cnn_error *);

cnn_status vk_layout_of(cnn_device *, vk_parts *, const vk_kernel *, const vk_layout **,
                        cnn_error *);

void vk_parts_free(cnn_device *, vk_parts *);

/* FNV-1a, begun with the first. It only chooses chains: what it finds is compared in full. */
extern const uint64_t vk_hash_start;
uint64_t vk_hash_more(uint64_t hash, const void *data, size_t n);

#endif
