/* What a plugin's SPIR-V says about itself, so that a kernel that does not fit its op is refused by
 * name instead of hanging a device. */
#ifndef VULKAN_SPIRV_H
#define VULKAN_SPIRV_H

#include <stdbool.h>
#include <stddef.h>

#include <cnnrun/status.h>

/* What a kernel may have. */
typedef struct vk_spirv_limits {
    uint32_t n_bindings; /* storage buffers 0 to n-1 of set 0, inputs first */
    uint32_t n_inputs;   /* of them; they must be readonly */
    uint32_t push_bytes;
    bool subgroups; /* the device has basic and ballot operations */
} vk_spirv_limits;

/* SPIR-V up to 1.3 (The Khronos Group, "SPIR-V Specification", 2.3 physical layout): one compute
 * entry point "main", storage buffers and push constants within the limits, a work group's size in
 * x that is specialisation constant 0, no capability but Shader (and subgroup ones). CNN_INVALID
 * says what does not fit. Any thread. */
cnn_status vk_check_spirv(const uint32_t *words, size_t n_words, const vk_spirv_limits *,
                          cnn_error *);

#endif
