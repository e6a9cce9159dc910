/* The Vulkan backend: a program is recorded once as dispatches and replayed. */
#include <cnnrun/plugin.h>

#include "exec.h"

/* Batches are uploaded in order with the runs: the host never writes what a run may be reading. */
static void *host_pointer(cnn_device *device, cnn_buffer *buffer)
{
    (void)device;
    (void)buffer;
    return NULL;
}

static cnn_status wait(cnn_device *device, cnn_error *err)
{
    return vk_wait(device, device->queue.submitted, err);
}

static const cnn_backend backends[] = {
    {
        .c = CNN_COMPONENT(cnn_backend, "vulkan", 0, CNN_NO_PARAMS,
                           "any GPU with Vulkan 1.1: the whole step recorded once and replayed",
                           "backend: vulkan"),
        .stands_on = "cpu",
        .devices = vk_devices,
        .open = vk_device_open,
        .close = vk_device_close,
        .supports = vk_supports,
        .compile = vk_compile_program,
        .release = vk_release,
        .alloc = vk_buffer_alloc,
        .free = vk_buffer_free,
        .host_pointer = host_pointer,
        .write = vk_buffer_write,
        .read = vk_buffer_read,
        .run = vk_run,
        .wait = wait,
        .profile = vk_profile,
        .may_be_automatic = vk_may_be_automatic,
    },
};

CNN_PLUGIN(.name = "vulkan", .version = "0.1.0", .license = "MIT", .summary = "the Vulkan backend",
           .backends = CNN_TABLE(backends));
