/* What an opened device is made of, and in which order: instance, choice, device, queue, heaps. */
#ifndef VULKAN_OPEN_H
#define VULKAN_OPEN_H

#include "device.h"

/* vk.c: the packages that bring loader and drivers, as a hint. */
void vk_hint_packages(cnn_error *);

/* ---- quiet.c: what drivers say on stderr becomes lines of the log at level debug ---- */
typedef struct vk_quiet {
    int stderr_copy; /* -1: nothing is held back */
    FILE *held;
} vk_quiet;

vk_quiet vk_quiet_begin(void);
void vk_quiet_end(const cnn_host *, vk_quiet *);

/* ---- instance.c ---- */

/* The loader and an instance of Vulkan 1.1, with the validation layer where $CNNRUN_VK_VALIDATE
 * asks for it. CNN_MISSING: no loader, no driver, no layer. */
cnn_status vk_instance_open(cnn_device *, cnn_error *);
void vk_instance_close(cnn_device *); /* says how many complaints there were */

/* All devices, to be freed with free(). CNN_MISSING: none. */
cnn_status vk_instance_devices(cnn_device *, VkPhysicalDevice **, uint32_t *n, cnn_error *);

/* ---- describe.c ---- */

/* What choosing a device needs to know of it. */
typedef struct vk_found {
    VkPhysicalDevice physical;
    VkPhysicalDeviceType type;
    uint32_t family; /* of its queue for compute work */
    uint8_t uuid[VK_UUID_SIZE];
    char identity[160];
    cnn_device_info info;
} vk_found;

void vk_describe(const vk_api *, VkPhysicalDevice, vk_found *);
bool vk_has_extension(const vk_api *, VkPhysicalDevice, const char *name);

/* ---- select.c ---- */
cnn_status vk_choose(cnn_device *, const char *which, vk_found *, cnn_error *);

/* ---- limits.c ---- */

/* From the device's properties and the bytes that tensors may have, then as $CNNRUN_VK_LIMITS
 * tightens them. */
cnn_status vk_read_limits(cnn_device *, uint64_t memory, cnn_error *);

/* Tightens by "storage_range=1048576,groups=1024". */
cnn_status vk_tighten_limits(vk_limits *, const char *text, cnn_error *);

/* ---- heap.c, memory_types.c, queue.c, transfer.c ---- */

VkBufferCreateInfo
vk_buffer_info(uint64_t bytes); /* of every buffer: what kernels and transfers use */

/* Chooses the memory types of both heaps by the kind of device; *memory: bytes of the heap that
 * tensors lie in. */
cnn_status vk_heaps_open(cnn_device *, VkPhysicalDeviceType, uint64_t *memory, cnn_error *);
cnn_status vk_queue_open(cnn_device *, uint32_t family, cnn_error *);
void vk_queue_close(cnn_device *);
void vk_transfers_close(cnn_device *);

#endif
