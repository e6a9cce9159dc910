/* Which kind of memory tensors lie in, and which kind transfers pass through. */
#include <stdlib.h>
#include <string.h>

#include "open.h"

enum {
    LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    VISIBLE = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
    COHERENT = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
};

typedef struct wish {
    VkMemoryPropertyFlags needed, liked, disliked; /* what is liked weighs most */
} wish;

static const wish staging_wish = { VISIBLE | COHERENT, CACHED, LOCAL };
static const wish shared_wish = { LOCAL | VISIBLE | COHERENT, CACHED, 0 };
static const wish device_wish = { LOCAL, 0, VISIBLE };
static const wish any_wish = { 0, LOCAL, VISIBLE };

static uint32_t count_bits(VkMemoryPropertyFlags flags)
{
    uint32_t n = 0;
    for (; flags != 0; flags &= flags - 1)
        n++;
    return n;
}

/* The first of the best, as drivers list faster types first; those of other properties (protected,
 * lazily allocated, uncached by the device) are for special uses. */
static bool find_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed, wish w,
                      uint32_t *out)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        const VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
        const bool plain =
            (flags & ~(VkMemoryPropertyFlags)(LOCAL | VISIBLE | COHERENT | CACHED)) == 0;
        if ((allowed >> i & 1) == 0 || !plain || (flags & w.needed) != w.needed)
            continue;
        const uint32_t score = 8 + 4 * count_bits(flags & w.liked) - count_bits(flags & w.disliked);
        if (score > best) {
            best = score;
            *out = i;
        }
    }
    return best > 0;
}

static uint64_t heap_bytes(const VkPhysicalDeviceMemoryProperties *memory, uint32_t type)
{
    return memory->memoryHeaps[memory->memoryTypes[type].heapIndex].size;
}

/* Memory that both see, where the device has no memory of its own; not a small window into that. */
static bool find_shared(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed,
                        uint32_t *out)
{
    uint32_t alone;
    if (!find_type(memory, allowed, shared_wish, out))
        return false;
    return !find_type(memory, allowed, device_wish, &alone) ||
           heap_bytes(memory, *out) >= heap_bytes(memory, alone) / 2;
}

/* The types that a buffer like ours may have. */
static cnn_status allowed_types(cnn_device *d, uint32_t *bits, cnn_error *err)
{
    VkBuffer buffer = VK_NULL_HANDLE;
    VkMemoryRequirements needs;
    const VkBufferCreateInfo info = vk_buffer_info(65536);
    cnn_status status =
        vk_check(d->vk.CreateBuffer(d->device, &info, NULL, &buffer), "making a buffer", err);
    if (status != CNN_OK)
        return status;
    d->vk.GetBufferMemoryRequirements(d->device, buffer, &needs);
    d->vk.DestroyBuffer(d->device, buffer, NULL);
    *bits = needs.memoryTypeBits;
    return CNN_OK;
}

static bool staging_forced(void)
{
    const char *text = getenv("CNNRUN_VK_STAGING");
    return text != NULL && strcmp(text, "1") == 0;
}

cnn_status vk_heaps_open(cnn_device *d, VkPhysicalDeviceType type, uint64_t *bytes, cnn_error *err)
{
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t allowed = 0;
    const bool shares =
        type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU || type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    d->vk.GetPhysicalDeviceMemoryProperties(d->physical, &memory);
    cnn_status status = allowed_types(d, &allowed, err);
    if (status != CNN_OK)
        return status;
    d->heap.mapped =
        shares && !staging_forced() && find_shared(&memory, allowed, &d->heap.memory_type);
    d->staging_heap.mapped = true;
    if ((!d->heap.mapped && !find_type(&memory, allowed, device_wish, &d->heap.memory_type) &&
         !find_type(&memory, allowed, any_wish, &d->heap.memory_type)) ||
        !find_type(&memory, allowed, staging_wish, &d->staging_heap.memory_type))
        return cnn_fail(err, CNN_MISSING, "vulkan: %s has no memory for storage buffers", d->name);
    *bytes = heap_bytes(&memory, d->heap.memory_type);
    return CNN_OK;
}
