/* The functions of Vulkan that the backend calls, fetched at run time: nothing is linked, a machine
 * without a loader or driver is a reason in `cnnrun devices`. Vulkan 1.1 core, and
 * VK_EXT_debug_utils where validation is asked for. */
#ifndef VULKAN_VK_H
#define VULKAN_VK_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <cnnrun/status.h>

#define VK_GLOBAL_FUNCTIONS(X)              \
    X(EnumerateInstanceVersion)             \
    X(EnumerateInstanceLayerProperties)     \
    X(EnumerateInstanceExtensionProperties) \
    X(CreateInstance)

#define VK_INSTANCE_FUNCTIONS(X)              \
    X(DestroyInstance)                        \
    X(EnumeratePhysicalDevices)               \
    X(GetPhysicalDeviceProperties2)           \
    X(GetPhysicalDeviceFeatures2)             \
    X(GetPhysicalDeviceMemoryProperties)      \
    X(GetPhysicalDeviceQueueFamilyProperties) \
    X(EnumerateDeviceExtensionProperties)     \
    X(CreateDevice)                           \
    X(GetDeviceProcAddr)

/* Absent without the extension: may be NULL. */
#define VK_OPTIONAL_FUNCTIONS(X)    \
    X(CreateDebugUtilsMessengerEXT) \
    X(DestroyDebugUtilsMessengerEXT)

#define VK_DEVICE_FUNCTIONS(X)     \
    X(DestroyDevice)               \
    X(GetDeviceQueue)              \
    X(DeviceWaitIdle)              \
    X(QueueSubmit)                 \
    X(CreateFence)                 \
    X(DestroyFence)                \
    X(ResetFences)                 \
    X(WaitForFences)               \
    X(CreateBuffer)                \
    X(DestroyBuffer)               \
    X(CreateBufferView)            \
    X(DestroyBufferView)           \
    X(GetBufferMemoryRequirements) \
    X(AllocateMemory)              \
    X(FreeMemory)                  \
    X(BindBufferMemory)            \
    X(MapMemory)                   \
    X(UnmapMemory)                 \
    X(CreateShaderModule)          \
    X(DestroyShaderModule)         \
    X(CreateDescriptorSetLayout)   \
    X(DestroyDescriptorSetLayout)  \
    X(CreatePipelineLayout)        \
    X(DestroyPipelineLayout)       \
    X(CreatePipelineCache)         \
    X(DestroyPipelineCache)        \
    X(GetPipelineCacheData)        \
    X(CreateComputePipelines)      \
    X(DestroyPipeline)             \
    X(CreateDescriptorPool)        \
    X(DestroyDescriptorPool)       \
    X(AllocateDescriptorSets)      \
    X(UpdateDescriptorSets)        \
    X(CreateCommandPool)           \
    X(DestroyCommandPool)          \
    X(AllocateCommandBuffers)      \
    X(FreeCommandBuffers)          \
    X(BeginCommandBuffer)          \
    X(EndCommandBuffer)            \
    X(CmdBindPipeline)             \
    X(CmdBindDescriptorSets)       \
    X(CmdPushConstants)            \
    X(CmdDispatch)                 \
    X(CmdDispatchBase)             \
    X(CmdPipelineBarrier)          \
    X(CmdCopyBuffer)               \
    X(CmdFillBuffer)               \
    X(CreateQueryPool)             \
    X(DestroyQueryPool)            \
    X(CmdResetQueryPool)           \
    X(CmdWriteTimestamp)           \
    X(GetQueryPoolResults)

typedef struct vk_api {
    void *library; /* of dlopen; never closed: drivers do not survive it */
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
#define X(name) PFN_vk##name name;
    VK_GLOBAL_FUNCTIONS(X)
    VK_INSTANCE_FUNCTIONS(X)
    VK_OPTIONAL_FUNCTIONS(X)
    VK_DEVICE_FUNCTIONS(X)
#undef X
} vk_api;

/* Opens the loader, $CNNRUN_VULKAN_LOADER or libvulkan.so.1, and fetches the global functions.
 * CNN_MISSING with the reason and the package that brings it. */
cnn_status vk_load(vk_api *, cnn_error *);

/* The functions of an instance, then of a device. CNN_MISSING names the first that is not there. */
cnn_status vk_load_instance(vk_api *, VkInstance, cnn_error *);
cnn_status vk_load_device(vk_api *, VkDevice, cnn_error *);

/* "VK_ERROR_DEVICE_LOST" and so on. */
const char *vk_result_text(VkResult);

/* CNN_OK for VK_SUCCESS; else an error that says what was being done ("allocating 12 MiB") and the
 * result: out of memory is CNN_MEMORY, a lost device CNN_IO with remedies, the rest CNN_INTERNAL.
 */
cnn_status vk_check(VkResult, const char *doing, cnn_error *);

#endif
