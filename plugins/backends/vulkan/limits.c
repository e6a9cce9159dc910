/* What kernels and plans depend on, from the device's properties. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "open.h"

/* A slow GPU does 10^11 multiply-adds in a second, and drivers kill what keeps one for two. */
static const uint64_t usual_submission_macs = 20000000000;

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- properties ---- */

/* Timestamps count in the lowest `bits` bits. */
static void read_timestamps(cnn_device *d, const VkPhysicalDeviceProperties *p)
{
    VkQueueFamilyProperties families[32];
    uint32_t n = 32;
    d->vk.GetPhysicalDeviceQueueFamilyProperties(d->physical, &n, families);
    const uint32_t bits = d->queue.family < n ? families[d->queue.family].timestampValidBits : 0;
    if (bits == 0 || p->limits.timestampPeriod <= 0)
        return;
    d->limits.timestamp_ns = (double)p->limits.timestampPeriod;
    d->limits.timestamp_mask = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static bool has_subgroup_ops(const VkPhysicalDeviceSubgroupProperties *p)
{
    const VkSubgroupFeatureFlags needed =
        VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_BALLOT_BIT;
    return (p->supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
           (p->supportedOperations & needed) == needed;
}

static void write_limits(vk_limits *l, const VkPhysicalDeviceProperties *p,
                         const VkPhysicalDeviceSubgroupProperties *subgroup, uint64_t allocation)
{
    const VkPhysicalDeviceLimits *from = &p->limits;
    const uint64_t most_set = from->maxDescriptorSetStorageBuffers;
    *l = (vk_limits){
        .storage_range = from->maxStorageBufferRange,
        .texels = from->maxTexelBufferElements,
        .alignment = from->minStorageBufferOffsetAlignment,
        .allocation = allocation,
        .invocations =
            (uint32_t)least(from->maxComputeWorkGroupInvocations, from->maxComputeWorkGroupSize[0]),
        .shared_bytes = from->maxComputeSharedMemorySize,
        .storage_buffers = (uint32_t)least(
            least(from->maxPerStageDescriptorStorageBuffers, from->maxPerStageResources), most_set),
        .subgroup = subgroup->subgroupSize > 0 ? subgroup->subgroupSize : 1,
        .submission_macs = usual_submission_macs,
        .is_processor = p->deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU,
        .has_subgroup_ops = has_subgroup_ops(subgroup),
    };
    for (int i = 0; i < 3; i++)
        l->groups[i] = from->maxComputeWorkGroupCount[i];
}

/* Devices may bound buffers and memory differently; each block is one of both. */
static void read_properties(cnn_device *d)
{
    VkPhysicalDeviceMaintenance4Properties buffers = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
        .maxBufferSize = UINT64_MAX,
    };
    VkPhysicalDeviceMaintenance3Properties memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
    };
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
        .pNext = &memory,
    };
    VkPhysicalDeviceProperties2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &subgroup,
    };
    if (vk_has_extension(&d->vk, d->physical, VK_KHR_MAINTENANCE_4_EXTENSION_NAME))
        memory.pNext = &buffers;
    d->vk.GetPhysicalDeviceProperties2(d->physical, &all);
    write_limits(&d->limits, &all.properties, &subgroup,
                 least(memory.maxMemoryAllocationSize, buffers.maxBufferSize));
    read_timestamps(d, &all.properties);
}

/* ---- tighter ones, for tests ---- */

static void tighten(uint32_t *limit, uint64_t value)
{
    *limit = (uint32_t)least(*limit, value);
}

/* "groups" are those in x, y and z; "processor=0" and "subgroup_ops=0" make a software driver
 * run the kernels of a GPU. */
static bool set_limit(vk_limits *l, const char *name, size_t n, uint64_t value)
{
#define IS(text) (n == strlen(text) && memcmp(name, text, n) == 0)
    if (IS("storage_range"))
        l->storage_range = least(l->storage_range, value);
    else if (IS("alignment"))
        l->alignment = l->alignment > value ? l->alignment : value;
    else if (IS("allocation"))
        l->allocation = least(l->allocation, value);
    else if (IS("memory"))
        l->memory = least(l->memory, value);
    else if (IS("groups"))
        for (int i = 0; i < 3; i++)
            tighten(&l->groups[i], value);
    else if (IS("invocations"))
        tighten(&l->invocations, value);
    else if (IS("shared_bytes"))
        tighten(&l->shared_bytes, value);
    else if (IS("storage_buffers"))
        tighten(&l->storage_buffers, value);
    else if (IS("submission_macs"))
        l->submission_macs = least(l->submission_macs, value > 0 ? value : 1);
    else if (IS("processor"))
        l->is_processor = l->is_processor && value != 0;
    else if (IS("subgroup_ops"))
        l->has_subgroup_ops = l->has_subgroup_ops && value != 0;
    else
        return false;
    return true;
#undef IS
}

cnn_status vk_tighten_limits(vk_limits *limits, const char *text, cnn_error *err)
{
    for (const char *at = text; *at != '\0';) {
        char *end;
        const size_t n = strcspn(at, "=,");
        const bool assigned = at[n] == '=' && at[n + 1] >= '0' && at[n + 1] <= '9';
        errno = 0;
        const uint64_t value = assigned ? strtoull(at + n + 1, &end, 10) : 0;
        if (!assigned || errno != 0 || (*end != ',' && *end != '\0') ||
            !set_limit(limits, at, n, value)) {
            (void)cnn_fail(err, CNN_INVALID, "vulkan: CNNRUN_VK_LIMITS: '%.60s' is no limit", at);
            cnn_hint(err, "storage_range, alignment, allocation, memory, groups, invocations, "
                          "shared_bytes, storage_buffers, submission_macs, processor or "
                          "subgroup_ops, =NUMBER, commas between");
            return CNN_INVALID;
        }
        at = *end == ',' ? end + 1 : end;
    }
    return CNN_OK;
}

cnn_status vk_read_limits(cnn_device *d, uint64_t memory, cnn_error *err)
{
    const char *tighter = getenv("CNNRUN_VK_LIMITS");
    read_properties(d);
    d->limits.memory = memory;
    return tighter != NULL ? vk_tighten_limits(&d->limits, tighter, err) : CNN_OK;
}
