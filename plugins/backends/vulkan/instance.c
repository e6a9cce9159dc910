/* The instance: loader, layers, and what the validation layer has to say. */
#include "open.h"

#include <stdlib.h>
#include <string.h>

/* ---- validation ---- */

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";

/* What $CNNRUN_VK_VALIDATE asks for beside the core checks. */
typedef struct validation {
    bool wanted, on_gpu;
    uint32_t n_extra;
    VkValidationFeatureEnableEXT extra[2];
} validation;

static cnn_status read_validation(validation *v, cnn_error *err)
{
    const char *mode = getenv("CNNRUN_VK_VALIDATE");
    *v = (validation){ .wanted = mode != NULL && mode[0] != '\0' };
    if (!v->wanted || strcmp(mode, "core") == 0)
        return CNN_OK;
    if (strcmp(mode, "sync") == 0) {
        v->extra[v->n_extra++] = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    } else if (strcmp(mode, "gpu") == 0) {
        v->on_gpu = true;
        v->extra[v->n_extra++] = VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT;
        v->extra[v->n_extra++] = VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_RESERVE_BINDING_SLOT_EXT;
    } else {
        return cnn_fail(err, CNN_INVALID,
                        "vulkan: CNNRUN_VK_VALIDATE is '%.40s'; it can be core, sync or gpu", mode);
    }
    return CNN_OK;
}

static cnn_status find_layer(const vk_api *vk, cnn_error *err)
{
    VkLayerProperties *layers = NULL;
    uint32_t n = 0;
    bool found = false;
    if (vk->EnumerateInstanceLayerProperties(&n, NULL) == VK_SUCCESS && n > 0)
        layers = calloc(n, sizeof *layers);
    if (layers != NULL && vk->EnumerateInstanceLayerProperties(&n, layers) == VK_SUCCESS)
        for (uint32_t i = 0; i < n; i++)
            found = found || strcmp(layers[i].layerName, validation_layer) == 0;
    free(layers);
    if (found)
        return CNN_OK;
    (void)cnn_fail(err, CNN_MISSING,
                   "vulkan: CNNRUN_VK_VALIDATE is set, but the layer %s is not installed",
                   validation_layer);
    cnn_hint(err, "Debian: apt install vulkan-validationlayers");
    return CNN_MISSING;
}

/* Any thread: pipelines are made on all of them. */
static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user)
{
    cnn_device *d = user;
    char text[2048];
    (void)types;
    (void)snprintf(text, sizeof text, "vulkan: validation %s: %s",
                   severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT ? "error" : "warning",
                   data->pMessage != NULL ? data->pMessage : "?");
    (void)atomic_fetch_add(&d->complaints, 1);
    d->host->log(d->host, CNN_WARNING, text);
    return VK_FALSE;
}

/* The loader's own messages are of the type "general": they are not about us. */
static VkDebugUtilsMessengerCreateInfoEXT messenger_info(cnn_device *d)
{
    return (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = d,
    };
}

static cnn_status make_messenger(cnn_device *d, cnn_error *err)
{
    const VkDebugUtilsMessengerCreateInfoEXT info = messenger_info(d);
    if (d->vk.CreateDebugUtilsMessengerEXT == NULL || d->vk.DestroyDebugUtilsMessengerEXT == NULL)
        return cnn_fail(err, CNN_MISSING, "vulkan: validation has no way to report: %s is missing",
                        VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    return vk_check(d->vk.CreateDebugUtilsMessengerEXT(d->instance, &info, NULL, &d->messenger),
                    "asking for the validation layer's messages", err);
}

/* ---- the instance ---- */

static bool offers(const vk_api *vk, const char *extension)
{
    VkExtensionProperties *all = NULL;
    uint32_t n = 0;
    bool found = false;
    if (vk->EnumerateInstanceExtensionProperties(NULL, &n, NULL) == VK_SUCCESS && n > 0)
        all = calloc(n, sizeof *all);
    if (all != NULL && vk->EnumerateInstanceExtensionProperties(NULL, &n, all) >= VK_SUCCESS)
        for (uint32_t i = 0; i < n; i++)
            found = found || strcmp(all[i].extensionName, extension) == 0;
    free(all);
    return found;
}

static cnn_status check_version(const vk_api *vk, cnn_error *err)
{
    uint32_t version = 0;
    if (vk->EnumerateInstanceVersion(&version) == VK_SUCCESS && version >= VK_API_VERSION_1_1)
        return CNN_OK;
    (void)cnn_fail(err, CNN_MISSING, "vulkan: the loader has Vulkan %u.%u; 1.1 is needed",
                   VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
    vk_hint_packages(err);
    return CNN_MISSING;
}

static cnn_status check_created(VkResult result, cnn_error *err)
{
    if (result != VK_ERROR_INCOMPATIBLE_DRIVER)
        return vk_check(result, "opening Vulkan", err);
    (void)cnn_fail(err, CNN_MISSING, "vulkan: no driver for Vulkan is installed");
    vk_hint_packages(err);
    return CNN_MISSING;
}

/* Portability: devices that lack something of Vulkan, on Apple's Metal say, are listed if asked. */
static void add_extensions(const vk_api *vk, const validation *v, const char **extensions,
                           VkInstanceCreateInfo *info)
{
    uint32_t n = 0;
    if (v->wanted) {
        extensions[n++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
        extensions[n++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    }
    if (offers(vk, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
        extensions[n++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
        info->flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    }
    info->enabledExtensionCount = n;
    info->ppEnabledExtensionNames = extensions;
}

static cnn_status create(cnn_device *d, const validation *v, cnn_error *err)
{
    const char *extensions[3];
    const char *const layers[] = { validation_layer };
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "cnnrun",
        .apiVersion = VK_API_VERSION_1_1,
    };
    VkDebugUtilsMessengerCreateInfoEXT messenger = messenger_info(d);
    const VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = &messenger, /* for what is said while the instance is made and destroyed */
        .enabledValidationFeatureCount = v->n_extra,
        .pEnabledValidationFeatures = v->extra,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = v->wanted ? &features : NULL,
        .pApplicationInfo = &application,
        .enabledLayerCount = v->wanted ? 1 : 0,
        .ppEnabledLayerNames = layers,
    };
    add_extensions(&d->vk, v, extensions, &info);
    return check_created(d->vk.CreateInstance(&info, NULL, &d->instance), err);
}

cnn_status vk_instance_open(cnn_device *d, cnn_error *err)
{
    validation v;
    cnn_status status = read_validation(&v, err);
    if (status == CNN_OK)
        status = vk_load(&d->vk, err);
    if (status == CNN_OK)
        status = check_version(&d->vk, err);
    if (status == CNN_OK && v.wanted)
        status = find_layer(&d->vk, err);
    if (status == CNN_OK)
        status = create(d, &v, err);
    if (status == CNN_OK)
        status = vk_load_instance(&d->vk, d->instance, err);
    if (status == CNN_OK && v.wanted)
        status = make_messenger(d, err);
    d->narrows = v.on_gpu;
    return status;
}

void vk_instance_close(cnn_device *d)
{
    char text[160];
    if (d->messenger != VK_NULL_HANDLE)
        d->vk.DestroyDebugUtilsMessengerEXT(d->instance, d->messenger, NULL);
    if (d->instance != VK_NULL_HANDLE && d->vk.DestroyInstance != NULL)
        d->vk.DestroyInstance(d->instance, NULL);
    d->messenger = VK_NULL_HANDLE;
    d->instance = VK_NULL_HANDLE;
    const uint32_t complaints = atomic_load(&d->complaints);
    if (complaints == 0)
        return;
    (void)snprintf(text, sizeof text, "vulkan: complaints of the validation layer: %u", complaints);
    d->host->log(d->host, CNN_WARNING, text);
}

cnn_status vk_instance_devices(cnn_device *d, VkPhysicalDevice **out, uint32_t *n, cnn_error *err)
{
    static const char doing[] = "looking for devices";
    *out = NULL;
    *n = 0;
    VkResult result = d->vk.EnumeratePhysicalDevices(d->instance, n, NULL);
    if (result == VK_SUCCESS && *n > 0) {
        *out = calloc(*n, sizeof(VkPhysicalDevice));
        result = *out != NULL ? d->vk.EnumeratePhysicalDevices(d->instance, n, *out)
                              : VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    if (result == VK_INCOMPLETE) /* another was plugged in meanwhile */
        result = VK_SUCCESS;
    /* Drivers without their hardware say that they cannot be initialised. */
    const bool none = result == VK_ERROR_INITIALIZATION_FAILED || (result == VK_SUCCESS && *n == 0);
    if (result == VK_SUCCESS && !none)
        return CNN_OK;
    free(*out);
    *out = NULL;
    *n = 0;
    if (!none)
        return vk_check(result, doing, err);
    (void)cnn_fail(err, CNN_MISSING, "vulkan: the drivers that are installed find no device");
    vk_hint_packages(err);
    return CNN_MISSING;
}
