/* Vulkan's functions, and its results in words. */
#include "open.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* ---- functions ---- */

static cnn_status no_function(const char *name, cnn_error *err)
{
    (void)cnn_fail(err, CNN_MISSING, "vulkan: the loader or the driver has no function %s", name);
    cnn_hint(err, "Vulkan 1.1 is needed; a newer loader or driver may have it");
    return CNN_MISSING;
}

void vk_hint_packages(cnn_error *err)
{
    cnn_hint(err, "Debian: apt install libvulkan1 mesa-vulkan-drivers");
}

static const char *loader_name(void)
{
    const char *given = getenv("CNNRUN_VULKAN_LOADER");
    return given != NULL && given[0] != '\0' ? given : "libvulkan.so.1";
}

static cnn_status open_library(vk_api *vk, cnn_error *err)
{
    vk->library = dlopen(loader_name(), RTLD_NOW | RTLD_LOCAL);
    if (vk->library == NULL) {
        const char *reason = dlerror();
        (void)cnn_fail(err, CNN_MISSING, "vulkan: the Vulkan loader cannot be opened: %s",
                       reason != NULL ? reason : loader_name());
        vk_hint_packages(err);
        return CNN_MISSING;
    }
    /* ISO C has no cast from a pointer to an object to one to a function. */
    void *symbol = dlsym(vk->library, "vkGetInstanceProcAddr");
    memcpy(&vk->GetInstanceProcAddr, &symbol, sizeof symbol);
    return symbol != NULL ? CNN_OK : no_function("vkGetInstanceProcAddr", err);
}

cnn_status vk_load(vk_api *vk, cnn_error *err)
{
    cnn_status status = open_library(vk, err);
    if (status != CNN_OK)
        return status;
#define X(name)                                                                   \
    vk->name = (PFN_vk##name)vk->GetInstanceProcAddr(VK_NULL_HANDLE, "vk" #name); \
    if (vk->name == NULL)                                                         \
        return no_function("vk" #name, err);
    VK_GLOBAL_FUNCTIONS(X)
#undef X
    return CNN_OK;
}

cnn_status vk_load_instance(vk_api *vk, VkInstance instance, cnn_error *err)
{
#define X(name) vk->name = (PFN_vk##name)vk->GetInstanceProcAddr(instance, "vk" #name);
    VK_OPTIONAL_FUNCTIONS(X)
    VK_INSTANCE_FUNCTIONS(X)
#undef X
#define X(name)           \
    if (vk->name == NULL) \
        return no_function("vk" #name, err);
    VK_INSTANCE_FUNCTIONS(X)
#undef X
    return CNN_OK;
}

cnn_status vk_load_device(vk_api *vk, VkDevice device, cnn_error *err)
{
#define X(name) vk->name = (PFN_vk##name)vk->GetDeviceProcAddr(device, "vk" #name);
    VK_DEVICE_FUNCTIONS(X)
#undef X
#define X(name)           \
    if (vk->name == NULL) \
        return no_function("vk" #name, err);
    VK_DEVICE_FUNCTIONS(X)
#undef X
    return CNN_OK;
}

/* ---- results ---- */

const char *vk_result_text(VkResult result)
{
#define X(name) \
    case name:  \
        return #name;
    switch (result) {
        X(VK_SUCCESS)
        X(VK_NOT_READY)
        X(VK_TIMEOUT)
        X(VK_INCOMPLETE)
        X(VK_ERROR_OUT_OF_HOST_MEMORY)
        X(VK_ERROR_OUT_OF_DEVICE_MEMORY)
        X(VK_ERROR_INITIALIZATION_FAILED)
        X(VK_ERROR_DEVICE_LOST)
        X(VK_ERROR_MEMORY_MAP_FAILED)
        X(VK_ERROR_LAYER_NOT_PRESENT)
        X(VK_ERROR_EXTENSION_NOT_PRESENT)
        X(VK_ERROR_FEATURE_NOT_PRESENT)
        X(VK_ERROR_INCOMPATIBLE_DRIVER)
        X(VK_ERROR_TOO_MANY_OBJECTS)
        X(VK_ERROR_FRAGMENTED_POOL)
        X(VK_ERROR_UNKNOWN)
        X(VK_ERROR_OUT_OF_POOL_MEMORY)
        X(VK_ERROR_INVALID_SHADER_NV)
    default:
        return "a VkResult without a name";
    }
#undef X
}

static cnn_status status_of(VkResult result)
{
    switch (result) {
    case VK_SUCCESS:
        return CNN_OK;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return CNN_MEMORY;
    case VK_ERROR_DEVICE_LOST:
        return CNN_IO;
    default:
        return CNN_INTERNAL;
    }
}

cnn_status vk_check(VkResult result, const char *doing, cnn_error *err)
{
    const cnn_status status = status_of(result);
    if (status == CNN_OK)
        return CNN_OK;
    (void)cnn_fail(err, status, "vulkan: %s failed: %s (%d)", doing, vk_result_text(result),
                   (int)result);
    if (status == CNN_MEMORY)
        cnn_hint(err, "a smaller batch takes less memory");
    else if (status == CNN_IO)
        cnn_hint(err, "the driver gave the device up: try a smaller batch, and read the driver's "
                      "log (dmesg); the last checkpoint is kept");
    return status;
}
