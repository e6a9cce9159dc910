/* Device memory: a few large blocks, cut into ranges. */
#include <stdlib.h>
#include <string.h>

#include "open.h"

enum { BLOCK_BYTES = 64 << 20, LEAST_ALIGNMENT = 256 };

typedef struct hole {
    uint64_t offset, bytes;
} hole;

/* Another buffer over a part of a block's memory. */
typedef struct window {
    struct window *next;
    VkBuffer buffer;
    uint64_t offset, bytes;
} window;

/* Holes lie in the order of their offsets, none beside another. A block without a buffer is a place
 * for a new one. */
struct vk_block {
    VkDeviceMemory memory;
    VkBuffer buffer;
    char *mapped;
    uint64_t bytes;
    hole *holes;
    uint32_t n_holes, cap_holes, n_ranges;
    window *windows;
};

VkBufferCreateInfo vk_buffer_info(uint64_t bytes)
{
    return (VkBufferCreateInfo){
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = bytes,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
    };
}

/* All sizes are multiples of the alignment, so all offsets are. */
static uint64_t rounded(const cnn_device *d, uint64_t bytes)
{
    const uint64_t unit =
        d->limits.alignment > LEAST_ALIGNMENT ? d->limits.alignment : LEAST_ALIGNMENT;
    return bytes == 0 ? unit : (bytes + unit - 1) / unit * unit;
}

/* ---- blocks ---- */

static void free_block(cnn_device *d, vk_block *b)
{
    while (b->windows != NULL) {
        window *w = b->windows;
        b->windows = w->next;
        d->vk.DestroyBuffer(d->device, w->buffer, NULL);
        free(w);
    }
    if (b->mapped != NULL)
        d->vk.UnmapMemory(d->device, b->memory);
    d->vk.DestroyBuffer(d->device, b->buffer, NULL);
    d->vk.FreeMemory(d->device, b->memory, NULL);
    free(b->holes);
    memset(b, 0, sizeof *b);
}

static cnn_status allocate(cnn_device *d, const vk_heap *heap, vk_block *b, cnn_error *err)
{
    char doing[64];
    void *mapped = NULL;
    VkMemoryRequirements needs;
    d->vk.GetBufferMemoryRequirements(d->device, b->buffer, &needs);
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex = heap->memory_type,
    };
    (void)snprintf(doing, sizeof doing, "allocating %llu MiB",
                   (unsigned long long)(needs.size + (1 << 20) - 1) >> 20);
    cnn_status status =
        vk_check(d->vk.AllocateMemory(d->device, &info, NULL, &b->memory), doing, err);
    if (status == CNN_OK)
        status = vk_check(d->vk.BindBufferMemory(d->device, b->buffer, b->memory, 0), doing, err);
    if (status == CNN_OK && heap->mapped)
        status = vk_check(d->vk.MapMemory(d->device, b->memory, 0, VK_WHOLE_SIZE, 0, &mapped),
                          "mapping memory", err);
    b->mapped = mapped;
    return status;
}

/* A place among the heap's blocks; NULL: no memory. Ranges name blocks by number, so that they may
 * move. */
static vk_block *place_block(vk_heap *heap)
{
    for (uint32_t i = 0; i < heap->n_blocks; i++)
        if (heap->blocks[i].buffer == VK_NULL_HANDLE)
            return &heap->blocks[i];
    vk_block *blocks = realloc(heap->blocks, (heap->n_blocks + 1) * sizeof *blocks);
    if (blocks == NULL)
        return NULL;
    heap->blocks = blocks;
    memset(&blocks[heap->n_blocks], 0, sizeof *blocks);
    return &blocks[heap->n_blocks++];
}

static cnn_status make_block(cnn_device *d, vk_heap *heap, uint64_t bytes, uint32_t *at,
                             cnn_error *err)
{
    vk_block *b = place_block(heap);
    hole *holes = malloc(sizeof *holes);
    if (b == NULL || holes == NULL) {
        free(holes);
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory to keep account of memory");
    }
    holes[0] = (hole){ 0, bytes };
    *b = (vk_block){ .bytes = bytes, .holes = holes, .n_holes = 1, .cap_holes = 1 };
    const VkBufferCreateInfo info = vk_buffer_info(bytes);
    cnn_status status =
        vk_check(d->vk.CreateBuffer(d->device, &info, NULL, &b->buffer), "making a buffer", err);
    if (status == CNN_OK)
        status = allocate(d, heap, b, err);
    if (status != CNN_OK)
        free_block(d, b);
    *at = (uint32_t)(b - heap->blocks);
    return status;
}

/* Large enough for many; where that does not fit, for one. */
static cnn_status add_block(cnn_device *d, vk_heap *heap, uint64_t bytes, uint32_t *at,
                            cnn_error *err)
{
    const uint64_t most = d->limits.allocation;
    const uint64_t usual =
        most < BLOCK_BYTES ? most / LEAST_ALIGNMENT * LEAST_ALIGNMENT : BLOCK_BYTES;
    if (bytes < usual && make_block(d, heap, usual, at, err) == CNN_OK)
        return CNN_OK;
    return make_block(d, heap, bytes, at, err);
}

/* ---- holes ---- */

/* n ranges leave n + 1 holes at the most: with room for these, giving back cannot fail. */
static bool reserve_holes(vk_block *b)
{
    const uint32_t most = b->n_ranges + 2;
    if (b->cap_holes >= most)
        return true;
    hole *holes = realloc(b->holes, 2 * (size_t)most * sizeof *holes);
    if (holes == NULL)
        return false;
    b->holes = holes;
    b->cap_holes = 2 * most;
    return true;
}

/* From the first hole that is large enough. */
static bool take_from(vk_block *b, uint64_t bytes, uint64_t *offset)
{
    uint32_t i = 0;
    while (i < b->n_holes && b->holes[i].bytes < bytes)
        i++;
    if (i == b->n_holes || !reserve_holes(b))
        return false;
    *offset = b->holes[i].offset;
    b->holes[i].offset += bytes;
    b->holes[i].bytes -= bytes;
    if (b->holes[i].bytes == 0)
        memmove(&b->holes[i], &b->holes[i + 1], (--b->n_holes - i) * sizeof *b->holes);
    b->n_ranges++;
    return true;
}

static void give_to(vk_block *b, uint64_t offset, uint64_t bytes)
{
    hole *h = b->holes;
    uint32_t i = 0;
    while (i < b->n_holes && h[i].offset < offset)
        i++;
    const bool follows = i > 0 && h[i - 1].offset + h[i - 1].bytes == offset;
    const bool precedes = i < b->n_holes && offset + bytes == h[i].offset;
    b->n_ranges--;
    if (follows && precedes) {
        h[i - 1].bytes += bytes + h[i].bytes;
        memmove(&h[i], &h[i + 1], (--b->n_holes - i) * sizeof *h);
    } else if (follows) {
        h[i - 1].bytes += bytes;
    } else if (precedes) {
        h[i].offset -= bytes;
        h[i].bytes += bytes;
    } else {
        memmove(&h[i + 1], &h[i], (b->n_holes++ - i) * sizeof *h);
        h[i] = (hole){ offset, bytes };
    }
}

/* ---- ranges ---- */

static cnn_status too_much(const cnn_device *d, const vk_heap *heap, uint64_t bytes, cnn_error *err)
{
    const uint64_t most = d->limits.allocation;
    const uint64_t wanted = (bytes + (1 << 20) - 1) >> 20;
    if (bytes > most)
        (void)cnn_fail(err, CNN_MEMORY, "vulkan: %llu MiB in one piece, but %s gives %llu at most",
                       (unsigned long long)wanted, d->name, (unsigned long long)(most >> 20));
    else
        (void)cnn_fail(err, CNN_MEMORY,
                       "vulkan: no memory for another %llu MiB: of the %llu of %s, %llu are used",
                       (unsigned long long)wanted, (unsigned long long)(d->limits.memory >> 20),
                       d->name, (unsigned long long)(heap->used >> 20));
    cnn_hint(err, "a smaller batch takes less memory");
    return CNN_MEMORY;
}

static cnn_status find_room(cnn_device *d, vk_heap *heap, uint64_t bytes, uint32_t *at,
                            uint64_t *offset, cnn_error *err)
{
    for (*at = 0; *at < heap->n_blocks; (*at)++)
        if (take_from(&heap->blocks[*at], bytes, offset))
            return CNN_OK;
    const cnn_status status = add_block(d, heap, bytes, at, err);
    if (status == CNN_MEMORY)
        return too_much(d, heap, bytes, err);
    if (status == CNN_OK && !take_from(&heap->blocks[*at], bytes, offset)) {
        free_block(d, &heap->blocks[*at]);
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory to keep account of memory");
    }
    return status;
}

cnn_status vk_heap_take(cnn_device *d, vk_heap *heap, uint64_t bytes, vk_range *out, cnn_error *err)
{
    uint32_t at;
    uint64_t offset;
    const uint64_t size = bytes <= d->limits.memory ? rounded(d, bytes) : bytes;
    const bool bounded = heap == &d->heap; /* staging memory is the host's */
    memset(out, 0, sizeof *out);
    if (size > d->limits.allocation ||
        (bounded && (size > d->limits.memory || heap->used > d->limits.memory - size)))
        return too_much(d, heap, bytes, err);
    cnn_status status = find_room(d, heap, size, &at, &offset, err);
    if (status != CNN_OK)
        return status;
    const vk_block *b = &heap->blocks[at];
    *out = (vk_range){
        .buffer = b->buffer,
        .offset = offset,
        .bytes = size,
        .mapped = b->mapped != NULL ? b->mapped + offset : NULL,
        .block = at,
    };
    heap->used += size;
    return CNN_OK;
}

/* An empty block goes back to the driver: what comes next may need another size. */
void vk_heap_give(cnn_device *d, vk_heap *heap, const vk_range *range)
{
    vk_block *b = &heap->blocks[range->block];
    give_to(b, range->offset, range->bytes);
    heap->used -= range->bytes;
    if (b->n_ranges > 0)
        return;
    (void)vk_wait(d, d->queue.submitted, NULL); /* transfers to it may not have ended */
    free_block(d, b);
}

void vk_heap_free(cnn_device *d, vk_heap *heap)
{
    for (uint32_t i = 0; i < heap->n_blocks; i++)
        if (heap->blocks[i].buffer != VK_NULL_HANDLE)
            free_block(d, &heap->blocks[i]);
    free(heap->blocks);
    heap->blocks = NULL;
    heap->n_blocks = 0;
    heap->used = 0;
}

/* ---- windows ---- */

static vk_block *block_of(vk_heap *heap, VkBuffer buffer)
{
    for (uint32_t i = 0; i < heap->n_blocks; i++)
        if (heap->blocks[i].buffer == buffer)
            return &heap->blocks[i];
    return NULL;
}

/* Whether a buffer of these needs fits there; padding behind it may not. */
static bool fits(const cnn_device *d, const vk_block *b, const window *w)
{
    VkMemoryRequirements needs;
    d->vk.GetBufferMemoryRequirements(d->device, w->buffer, &needs);
    return w->offset % needs.alignment == 0 && needs.size <= b->bytes - w->offset;
}

static window *make_window(cnn_device *d, vk_block *b, uint64_t offset, uint64_t bytes)
{
    const VkBufferCreateInfo info = vk_buffer_info(bytes);
    window *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->offset = offset;
    w->bytes = bytes;
    if (d->vk.CreateBuffer(d->device, &info, NULL, &w->buffer) != VK_SUCCESS || !fits(d, b, w) ||
        d->vk.BindBufferMemory(d->device, w->buffer, b->memory, offset) != VK_SUCCESS) {
        d->vk.DestroyBuffer(d->device, w->buffer, NULL);
        free(w);
        return NULL;
    }
    w->next = b->windows;
    b->windows = w;
    return w;
}

void vk_narrow(cnn_device *d, VkDescriptorBufferInfo *bound)
{
    vk_block *b = d->narrows ? block_of(&d->heap, bound->buffer) : NULL;
    window *w = b != NULL ? b->windows : NULL;
    while (w != NULL && (w->offset != bound->offset || w->bytes != bound->range))
        w = w->next;
    if (b != NULL && w == NULL)
        w = make_window(d, b, bound->offset, bound->range);
    if (w != NULL)
        *bound = (VkDescriptorBufferInfo){ w->buffer, 0, w->bytes };
}
