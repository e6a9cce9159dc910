/* What a device is: name, driver, memory, and whether it will do. */
#include "open.h"

#include <stdlib.h>
#include <string.h>

bool vk_has_extension(const vk_api *vk, VkPhysicalDevice physical, const char *name)
{
    VkExtensionProperties *all = NULL;
    uint32_t n = 0;
    bool found = false;
    if (vk->EnumerateDeviceExtensionProperties(physical, NULL, &n, NULL) == VK_SUCCESS && n > 0)
        all = calloc(n, sizeof *all);
    if (all != NULL &&
        vk->EnumerateDeviceExtensionProperties(physical, NULL, &n, all) >= VK_SUCCESS)
        for (uint32_t i = 0; i < n; i++)
            found = found || strcmp(all[i].extensionName, name) == 0;
    free(all);
    return found;
}

/* ---- the queue ---- */

/* A family for compute work: best one without graphics, whose work a desktop does not delay. */
static bool find_family(const vk_api *vk, VkPhysicalDevice physical, uint32_t *out)
{
    VkQueueFamilyProperties families[32];
    uint32_t n = 32, best = 0;
    vk->GetPhysicalDeviceQueueFamilyProperties(physical, &n, families);
    for (uint32_t i = 0; i < n; i++) {
        const VkQueueFlags flags = families[i].queueFlags;
        const bool computes = (flags & VK_QUEUE_COMPUTE_BIT) != 0 && families[i].queueCount > 0;
        const uint32_t score = !computes ? 0 : (flags & VK_QUEUE_GRAPHICS_BIT) != 0 ? 1 : 2;
        if (score > best) {
            best = score;
            *out = i;
        }
    }
    return best > 0;
}

/* ---- texts ---- */

static void write_driver(char *out, size_t size, const VkPhysicalDeviceProperties *p,
                         const VkPhysicalDeviceDriverProperties *driver)
{
    if (driver->driverName[0] != '\0')
        (void)snprintf(out, size, "%.40s%s%.80s", driver->driverName,
                       driver->driverInfo[0] != '\0' ? " " : "", driver->driverInfo);
    else
        (void)snprintf(out, size, "driver version %#x", p->driverVersion);
}

/* The driver's text too: lavapipe's version and identifiers stay the same when Mesa changes. */
static void write_identity(char *out, size_t size, const VkPhysicalDeviceProperties *p,
                           const char *driver)
{
    char uuid[2 * VK_UUID_SIZE + 1];
    for (uint32_t i = 0; i < VK_UUID_SIZE; i++)
        (void)snprintf(uuid + 2 * (size_t)i, 3, "%02x", p->pipelineCacheUUID[i]);
    (void)snprintf(out, size, "%x:%x %x %s %.90s", p->vendorID, p->deviceID, p->driverVersion, uuid,
                   driver);
}

/* ---- will it do? ---- */

/* What every implementation of Vulkan 1.1 promises, and the kernels count on. */
static const char *falls_short(const VkPhysicalDeviceLimits *limits)
{
    if (limits->maxStorageBufferRange < 1u << 27)
        return "it binds less than 128 MiB";
    if (limits->maxComputeWorkGroupInvocations < 128 || limits->maxComputeWorkGroupSize[0] < 128)
        return "its work groups are smaller than 128";
    if (limits->maxComputeSharedMemorySize < 16384)
        return "its work groups share less than 16 KiB";
    if (limits->maxPushConstantsSize < 128)
        return "it takes less than 128 bytes of push constants";
    return NULL;
}

static void judge(const vk_api *vk, const VkPhysicalDeviceProperties *p, vk_found *found)
{
    cnn_device_info *info = &found->info;
    const char *lack = falls_short(&p->limits);
    if (p->apiVersion < VK_API_VERSION_1_1)
        (void)snprintf(info->reason, sizeof info->reason,
                       "its driver has Vulkan %u.%u; 1.1 is needed",
                       VK_API_VERSION_MAJOR(p->apiVersion), VK_API_VERSION_MINOR(p->apiVersion));
    else if (!find_family(vk, found->physical, &found->family))
        (void)snprintf(info->reason, sizeof info->reason, "it has no queue for compute work");
    else if (lack != NULL)
        (void)snprintf(info->reason, sizeof info->reason, "%s", lack);
    info->usable = info->reason[0] == '\0';
}

/* Below the cpu backend's 100: an integrated or virtual GPU may be slower than its processor, so
 * `backend: auto` takes one only where it was measured. */
static int32_t rank_of(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return 200;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return 90;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return -1;
    default:
        return 80;
    }
}

static uint64_t memory_of(const vk_api *vk, VkPhysicalDevice physical)
{
    VkPhysicalDeviceMemoryProperties memory;
    uint64_t most = 0;
    vk->GetPhysicalDeviceMemoryProperties(physical, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
        const VkMemoryHeap *heap = &memory.memoryHeaps[i];
        if ((heap->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0 && heap->size > most)
            most = heap->size;
    }
    return most;
}

/* A driver of Vulkan 1.0 leaves the structures it does not know as they are. */
void vk_describe(const vk_api *vk, VkPhysicalDevice physical, vk_found *found)
{
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
    };
    VkPhysicalDeviceIDProperties id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &id,
    };
    if (vk_has_extension(vk, physical, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME))
        id.pNext = &driver;
    vk->GetPhysicalDeviceProperties2(physical, &all);
    const VkPhysicalDeviceProperties *p = &all.properties;
    *found = (vk_found){ .physical = physical, .type = p->deviceType };
    memcpy(found->uuid, id.deviceUUID, sizeof found->uuid);
    cnn_device_info *info = &found->info;
    info->size = sizeof *info;
    (void)snprintf(info->name, sizeof info->name, "%.127s", p->deviceName);
    write_driver(info->driver, sizeof info->driver, p, &driver);
    write_identity(found->identity, sizeof found->identity, p, info->driver);
    info->memory = memory_of(vk, physical);
    info->rank = rank_of(p->deviceType);
    judge(vk, p, found);
    info->automatic = info->usable != 0 && p->deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU;
}
