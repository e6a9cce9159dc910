/* Opening a device and closing it, however far it came. */
#include "kernel.h"
#include "open.h"

#include <stdlib.h>
#include <string.h>

/* One queue and no optional feature: robustBufferAccess, too, is off unless asked for. */
static cnn_status create_device(cnn_device *d, uint32_t family, cnn_error *err)
{
    static const char portability[] = "VK_KHR_portability_subset"; /* to be enabled where offered */
    static const char *const extensions[] = { portability };
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = vk_has_extension(&d->vk, d->physical, portability) ? 1 : 0,
        .ppEnabledExtensionNames = extensions,
    };
    cnn_status status = vk_check(d->vk.CreateDevice(d->physical, &info, NULL, &d->device),
                                 "opening the device", err);
    if (status == CNN_OK)
        status = vk_load_device(&d->vk, d->device, err);
    if (status != CNN_OK && d->device != NULL && d->vk.DestroyDevice != NULL) {
        d->vk.DestroyDevice(d->device, NULL);
        d->device = NULL;
    }
    return status;
}

static cnn_status open_parts(cnn_device *d, const vk_found *found, cnn_error *err)
{
    uint64_t memory = 0;
    d->physical = found->physical;
    memcpy(d->name, found->info.name, sizeof d->name);
    memcpy(d->driver, found->info.driver, sizeof d->driver);
    memcpy(d->identity, found->identity, sizeof d->identity);
    cnn_status status = create_device(d, found->family, err);
    if (status == CNN_OK)
        status = vk_queue_open(d, found->family, err);
    if (status == CNN_OK)
        status = vk_heaps_open(d, found->type, &memory, err);
    if (status == CNN_OK)
        status = vk_read_limits(d, memory, err);
    return status;
}

static cnn_status open_quietly(cnn_device *d, const char *which, cnn_error *err)
{
    vk_found found;
    vk_quiet quiet = vk_quiet_begin();
    cnn_status status = vk_instance_open(d, err);
    if (status == CNN_OK)
        status = vk_choose(d, which, &found, err);
    if (status == CNN_OK)
        status = open_parts(d, &found, err);
    vk_quiet_end(d->host, &quiet);
    return status;
}

cnn_status vk_device_open(const cnn_host *host, const char *which, cnn_device **out, cnn_error *err)
{
    char text[320];
    cnn_device *d = calloc(1, sizeof *d);
    if (d == NULL)
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for a device");
    d->host = host;
    cnn_status status = open_quietly(d, which, err);
    if (status == CNN_OK)
        status = vk_kernels_open(d, err);
    if (status != CNN_OK) {
        vk_device_close(d);
        return status;
    }
    (void)snprintf(text, sizeof text, "vulkan: %s (%s)", d->name, d->driver);
    host->log(host, CNN_DEBUG, text);
    *out = d;
    return CNN_OK;
}

static void close_parts(cnn_device *d)
{
    (void)d->vk.DeviceWaitIdle(d->device);
    vk_kernels_close(d);
    vk_transfers_close(d);
    vk_heap_free(d, &d->heap);
    vk_heap_free(d, &d->staging_heap);
    vk_queue_close(d);
    d->vk.DestroyDevice(d->device, NULL);
}

void vk_device_close(cnn_device *d)
{
    if (d == NULL)
        return;
    if (d->device != NULL)
        close_parts(d);
    vk_instance_close(d);
    free(d);
}
