/* The buffers of cnn_backend. What the host sees is copied by the host; the rest passes through a
 * ring of slots of staging memory, ordered with the runs by the queue. */
#include <stdlib.h>
#include <string.h>

#include "open.h"

/* ---- slots ---- */

static cnn_status take_staging(cnn_device *d, cnn_error *err)
{
    const uint64_t unit = VK_SLOTS * 256, usual = (uint64_t)VK_SLOTS * VK_SLOT_BYTES;
    const uint64_t most = d->limits.allocation / unit * unit;
    if (d->staging.buffer != VK_NULL_HANDLE)
        return CNN_OK;
    return vk_heap_take(d, &d->staging_heap, usual < most ? usual : most, &d->staging, err);
}

static uint64_t slot_bytes(const cnn_device *d)
{
    return d->staging.bytes / VK_SLOTS;
}

static uint64_t slot_offset(const cnn_device *d, const vk_slot *slot)
{
    return (uint64_t)(slot - d->slots) * slot_bytes(d);
}

/* The slot that has rested longest, its command buffer begun. */
static cnn_status begin_slot(cnn_device *d, vk_slot **out, cnn_error *err)
{
    vk_slot *slot = &d->slots[d->next_slot];
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    *out = slot;
    cnn_status status = vk_wait(d, slot->serial, err);
    if (status != CNN_OK)
        return status;
    d->next_slot = (d->next_slot + 1) % VK_SLOTS;
    status = slot->commands == NULL ? vk_commands_begin(d, &slot->commands, err)
                                    : vk_check(d->vk.BeginCommandBuffer(slot->commands, &begin),
                                               "beginning a command buffer", err);
    if (status == CNN_OK)
        vk_barrier_all(d, slot->commands);
    return status;
}

static cnn_status submit_slot(cnn_device *d, vk_slot *slot, cnn_error *err)
{
    vk_barrier_all(d, slot->commands);
    cnn_status status = vk_commands_end(d, slot->commands, err);
    return status == CNN_OK ? vk_submit(d, &slot->commands, 1, &slot->serial, err) : status;
}

void vk_transfers_close(cnn_device *d)
{
    for (uint32_t i = 0; i < VK_SLOTS; i++)
        if (d->slots[i].commands != NULL)
            d->vk.FreeCommandBuffers(d->device, d->queue.pool, 1, &d->slots[i].commands);
    if (d->staging.buffer != VK_NULL_HANDLE)
        vk_heap_give(d, &d->staging_heap, &d->staging);
    memset(d->slots, 0, sizeof d->slots);
    memset(&d->staging, 0, sizeof d->staging);
}

/* ---- through staging memory ---- */

/* Copies between a slot and `bytes` of a range: to the range from host memory, or (from NULL) out
 * of it; the copy may not have been made yet when this returns. */
static cnn_status copy_piece(cnn_device *d, const VkBufferCopy *piece, const vk_range *range,
                             const char *from, vk_slot **slot, cnn_error *err)
{
    cnn_status status = begin_slot(d, slot, err);
    if (status != CNN_OK)
        return status;
    VkBufferCopy copy = *piece;
    if (from != NULL) {
        copy.srcOffset = d->staging.offset + slot_offset(d, *slot);
        memcpy(d->staging.mapped + slot_offset(d, *slot), from, (size_t)copy.size);
        d->vk.CmdCopyBuffer((*slot)->commands, d->staging.buffer, range->buffer, 1, &copy);
    } else {
        copy.dstOffset = d->staging.offset + slot_offset(d, *slot);
        d->vk.CmdCopyBuffer((*slot)->commands, range->buffer, d->staging.buffer, 1, &copy);
    }
    return submit_slot(d, *slot, err);
}

static uint64_t piece_bytes(const cnn_device *d, uint64_t left)
{
    return left < slot_bytes(d) ? left : slot_bytes(d);
}

static cnn_status write_staged(cnn_device *d, const vk_range *range, const char *from,
                               uint64_t bytes, uint64_t *serial, cnn_error *err)
{
    vk_slot *slot;
    cnn_status status = take_staging(d, err);
    for (uint64_t done = 0; done < bytes && status == CNN_OK;) {
        const VkBufferCopy piece = { .dstOffset = range->offset + done,
                                     .size = piece_bytes(d, bytes - done) };
        status = copy_piece(d, &piece, range, from + done, &slot, err);
        if (status == CNN_OK)
            *serial = slot->serial;
        done += piece.size;
    }
    return status;
}

static cnn_status read_staged(cnn_device *d, const vk_range *range, char *to, uint64_t bytes,
                              cnn_error *err)
{
    vk_slot *slot;
    cnn_status status = take_staging(d, err);
    for (uint64_t done = 0; done < bytes && status == CNN_OK;) {
        const VkBufferCopy piece = { .srcOffset = range->offset + done,
                                     .size = piece_bytes(d, bytes - done) };
        status = copy_piece(d, &piece, range, NULL, &slot, err);
        if (status == CNN_OK)
            status = vk_wait(d, slot->serial, err);
        if (status == CNN_OK)
            memcpy(to + done, d->staging.mapped + slot_offset(d, slot), (size_t)piece.size);
        done += piece.size;
    }
    return status;
}

static cnn_status clear_staged(cnn_device *d, const vk_range *range, uint64_t *serial,
                               cnn_error *err)
{
    vk_slot *slot;
    cnn_status status = begin_slot(d, &slot, err);
    if (status != CNN_OK)
        return status;
    d->vk.CmdFillBuffer(slot->commands, range->buffer, range->offset, range->bytes, 0);
    status = submit_slot(d, slot, err);
    *serial = slot->serial;
    return status;
}

/* ---- ranges and buffers ---- */

static cnn_status check_bytes(const vk_range *range, uint64_t bytes, cnn_error *err)
{
    if (bytes <= range->bytes)
        return CNN_OK;
    return cnn_fail(err, CNN_INTERNAL, "vulkan: a transfer of %llu bytes meets a buffer of %llu",
                    (unsigned long long)bytes, (unsigned long long)range->bytes);
}

cnn_status vk_range_write(cnn_device *d, const vk_range *range, const void *from, uint64_t bytes,
                          cnn_error *err)
{
    uint64_t serial;
    cnn_status status = check_bytes(range, bytes, err);
    if (status != CNN_OK)
        return status;
    if (range->mapped == NULL)
        return write_staged(d, range, from, bytes, &serial, err);
    memcpy(range->mapped, from, (size_t)bytes);
    return CNN_OK;
}

cnn_status vk_buffer_alloc(cnn_device *d, uint64_t bytes, cnn_buffer **out, cnn_error *err)
{
    cnn_buffer *buffer = calloc(1, sizeof *buffer);
    if (buffer == NULL)
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for a buffer");
    cnn_status status = vk_heap_take(d, &d->heap, bytes, &buffer->range, err);
    if (status != CNN_OK) {
        free(buffer);
        return status;
    }
    if (buffer->range.mapped != NULL)
        memset(buffer->range.mapped, 0, (size_t)buffer->range.bytes);
    else
        status = clear_staged(d, &buffer->range, &buffer->serial, err);
    if (status != CNN_OK) {
        vk_buffer_free(d, buffer);
        return status;
    }
    *out = buffer;
    return CNN_OK;
}

cnn_status vk_buffer_mirror(cnn_device *d, cnn_buffer *buffer, cnn_error *err)
{
    if (buffer->range.mapped != NULL || buffer->range.bytes > VK_MIRRORED_BYTES ||
        buffer->copy.buffer != VK_NULL_HANDLE)
        return CNN_OK;
    return vk_heap_take(d, &d->staging_heap, buffer->range.bytes, &buffer->copy, err);
}

void vk_buffer_free(cnn_device *d, cnn_buffer *buffer)
{
    if (buffer == NULL)
        return;
    (void)vk_wait(d, buffer->serial, NULL);
    if (buffer->copy.buffer != VK_NULL_HANDLE)
        vk_heap_give(d, &d->staging_heap, &buffer->copy);
    vk_heap_give(d, &d->heap, &buffer->range);
    free(buffer);
}

cnn_status vk_buffer_write(cnn_device *d, cnn_buffer *buffer, const void *from, uint64_t bytes,
                           cnn_error *err)
{
    const vk_range *range = &buffer->range;
    cnn_status status = check_bytes(range, bytes, err);
    if (status != CNN_OK)
        return status;
    if (range->mapped == NULL)
        return write_staged(d, range, from, bytes, &buffer->serial, err);
    status = vk_wait(d, buffer->serial, err);
    if (status == CNN_OK)
        memcpy(range->mapped, from, (size_t)bytes);
    return status;
}

cnn_status vk_buffer_read(cnn_device *d, cnn_buffer *buffer, void *to, uint64_t bytes,
                          cnn_error *err)
{
    const vk_range *range = &buffer->range;
    const char *seen = range->mapped != NULL ? range->mapped : buffer->copy.mapped;
    cnn_status status = check_bytes(range, bytes, err);
    if (status != CNN_OK)
        return status;
    if (seen == NULL)
        return read_staged(d, range, to, bytes, err);
    status = vk_wait(d, buffer->serial, err);
    if (status == CNN_OK)
        memcpy(to, seen, (size_t)bytes);
    return status;
}
