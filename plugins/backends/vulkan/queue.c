/* Command buffers, and what was given to the queue. */
#include <errno.h>
#include <stdlib.h>

#include "open.h"

/* ---- open and close ---- */

static cnn_status read_lose_at(uint64_t *out, cnn_error *err)
{
    const char *text = getenv("CNNRUN_VK_LOSE_AT");
    char *end;
    *out = 0;
    if (text == NULL || text[0] == '\0')
        return CNN_OK;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0)
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID, "vulkan: CNNRUN_VK_LOSE_AT is '%.40s', not a number", text);
}

cnn_status vk_queue_open(cnn_device *d, uint32_t family, cnn_error *err)
{
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = family,
    };
    const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    vk_queue *q = &d->queue;
    cnn_status status = read_lose_at(&q->lose_at, err);
    if (status != CNN_OK)
        return status;
    q->family = family;
    d->vk.GetDeviceQueue(d->device, family, 0, &q->queue);
    status = vk_check(d->vk.CreateCommandPool(d->device, &pool, NULL, &q->pool),
                      "making a pool of commands", err);
    for (uint32_t i = 0; i < VK_FENCES && status == CNN_OK; i++)
        status = vk_check(d->vk.CreateFence(d->device, &fence, NULL, &q->fences[i]),
                          "making a fence", err);
    return status;
}

void vk_queue_close(cnn_device *d)
{
    vk_queue *q = &d->queue;
    for (uint32_t i = 0; i < VK_FENCES; i++)
        d->vk.DestroyFence(d->device, q->fences[i], NULL);
    d->vk.DestroyCommandPool(d->device, q->pool, NULL);
}

/* ---- command buffers ---- */

cnn_status vk_commands_begin(cnn_device *d, VkCommandBuffer *out, cnn_error *err)
{
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = d->queue.pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
    };
    *out = NULL;
    cnn_status status = vk_check(d->vk.AllocateCommandBuffers(d->device, &info, out),
                                 "making a command buffer", err);
    if (status != CNN_OK)
        return status;
    status = vk_check(d->vk.BeginCommandBuffer(*out, &begin), "beginning a command buffer", err);
    if (status != CNN_OK) {
        d->vk.FreeCommandBuffers(d->device, d->queue.pool, 1, out);
        *out = NULL;
    }
    return status;
}

cnn_status vk_commands_end(cnn_device *d, VkCommandBuffer commands, cnn_error *err)
{
    return vk_check(d->vk.EndCommandBuffer(commands), "recording a command buffer", err);
}

void vk_barrier_all(cnn_device *d, VkCommandBuffer commands)
{
    const VkPipelineStageFlags device =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkMemoryBarrier all = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                         VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT |
                         VK_ACCESS_HOST_READ_BIT,
    };
    d->vk.CmdPipelineBarrier(commands, device, device | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &all, 0,
                             NULL, 0, NULL);
}

/* ---- trouble ---- */

/* Nothing is in flight afterwards, so that what was in use can be freed. */
static cnn_status lose(cnn_device *d, const char *doing, cnn_error *err)
{
    d->lost = true;
    (void)d->vk.DeviceWaitIdle(d->device);
    return vk_check(VK_ERROR_DEVICE_LOST, doing, err);
}

static cnn_status check(cnn_device *d, VkResult result, const char *doing, cnn_error *err)
{
    return result == VK_ERROR_DEVICE_LOST ? lose(d, doing, err) : vk_check(result, doing, err);
}

/* A lost device was reported by who lost it; what the validation layer says must not pass. */
static cnn_status check_health(cnn_device *d, cnn_error *err)
{
    const uint32_t complaints = atomic_load(&d->complaints);
    if (d->lost)
        return cnn_fail(err, CNN_IO, "vulkan: %s is lost", d->name);
    if (complaints > 0)
        return cnn_fail(err, CNN_INTERNAL, "vulkan: complaints of the validation layer: %u",
                        complaints);
    return CNN_OK;
}

/* ---- submissions ---- */

static cnn_status wait_for(cnn_device *d, uint64_t serial, cnn_error *err)
{
    static const char doing[] = "waiting for the device";
    vk_queue *q = &d->queue;
    if (serial <= q->done || d->lost)
        return CNN_OK;
    VkFence *fence = &q->fences[serial % VK_FENCES];
    cnn_status status =
        check(d, d->vk.WaitForFences(d->device, 1, fence, VK_TRUE, UINT64_MAX), doing, err);
    if (status == CNN_OK)
        q->done = serial;
    return status;
}

cnn_status vk_wait(cnn_device *d, uint64_t serial, cnn_error *err)
{
    cnn_status status = wait_for(d, serial, err);
    return status == CNN_OK ? check_health(d, err) : status;
}

/* The fence of the serial to come; what it stood for is long done, or waited for now. */
static cnn_status take_fence(cnn_device *d, VkFence *out, cnn_error *err)
{
    const uint64_t serial = d->queue.submitted + 1;
    cnn_status status = CNN_OK;
    *out = d->queue.fences[serial % VK_FENCES];
    if (serial <= VK_FENCES)
        return CNN_OK;
    status = wait_for(d, serial - VK_FENCES, err);
    return status == CNN_OK
               ? check(d, d->vk.ResetFences(d->device, 1, out), "resetting a fence", err)
               : status;
}

/* Each by itself: watchdogs time submissions. */
static cnn_status submit_all(cnn_device *d, const VkCommandBuffer *commands, uint32_t n,
                             VkFence fence, cnn_error *err)
{
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < n && result == VK_SUCCESS; i++) {
        const VkSubmitInfo info = {
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
            .commandBufferCount = 1,
            .pCommandBuffers = &commands[i],
        };
        result = d->vk.QueueSubmit(d->queue.queue, 1, &info, i + 1 == n ? fence : VK_NULL_HANDLE);
    }
    if (result != VK_SUCCESS)
        (void)d->vk.DeviceWaitIdle(d->device); /* no fence tells when those before it end */
    return check(d, result, "starting work", err);
}

cnn_status vk_submit(cnn_device *d, const VkCommandBuffer *commands, uint32_t n, uint64_t *serial,
                     cnn_error *err)
{
    vk_queue *q = &d->queue;
    VkFence fence;
    cnn_status status = check_health(d, err);
    if (status == CNN_OK && q->submitted + 1 == q->lose_at)
        status = lose(d, "starting work (CNNRUN_VK_LOSE_AT)", err);
    if (status != CNN_OK || n == 0) {
        *serial = q->submitted;
        return status;
    }
    status = take_fence(d, &fence, err);
    if (status == CNN_OK)
        status = submit_all(d, commands, n, fence, err);
    if (status == CNN_OK)
        q->submitted++;
    *serial = q->submitted;
    return status;
}
