/* An opened device: instance, queue, memory, and what was submitted.
 *
 * One thread at a time uses a device. Submissions are numbered: a *serial* counts up from 1, and
 * since there is one queue, a serial that is done means that all before it are. */
#ifndef VULKAN_DEVICE_H
#define VULKAN_DEVICE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <cnnrun/backend.h>

#include "vk.h"

/* What kernels and plans depend on. */
typedef struct vk_limits {
    uint64_t storage_range;   /* bytes that one binding may cover, >= 2^27 */
    uint64_t texels;          /* of one binding of texels, >= 2^16 */
    uint64_t alignment;       /* of a binding's offset; ours are 256 or more */
    uint64_t allocation;      /* bytes of the largest allocation */
    uint64_t memory;          /* bytes of the heap that tensors lie in */
    uint32_t groups[3];       /* work groups of a dispatch in x, y, z, >= 65535 */
    uint32_t invocations;     /* of a work group, >= 128 */
    uint32_t shared_bytes;    /* of a work group, >= 16384 */
    uint32_t storage_buffers; /* bindings of one kernel, >= 4 */
    uint32_t subgroup;        /* invocations of a subgroup, 1 to 128 */
    uint64_t submission_macs; /* multiply-adds after which another submission begins */
    bool is_processor;        /* a software driver: caches instead of shared memory */
    bool has_subgroup_ops;    /* basic and ballot (broadcast) in compute shaders */
    double timestamp_ns;      /* of a tick; 0: no timestamps */
    uint64_t timestamp_mask;  /* valid bits */
} vk_limits;

/* A piece of device memory. */
typedef struct vk_range {
    VkBuffer buffer;
    uint64_t offset, bytes; /* offset is a multiple of 256 and of the device's alignment */
    char *mapped;           /* where the host sees it, or NULL */
    uint32_t block;         /* index in the heap */
} vk_range;

/* One allocation with one VkBuffer over it, cut into ranges: first fit, neighbours merge. */
typedef struct vk_block vk_block;
typedef struct vk_heap {
    vk_block *blocks;
    uint32_t n_blocks;
    uint32_t memory_type;
    uint64_t used; /* bytes in ranges */
    bool mapped;   /* the host sees all of it: no staging */
} vk_heap;

enum { VK_FENCES = 32 };

/* What was given to the queue. Fence `serial % VK_FENCES` belongs to a serial. */
typedef struct vk_queue {
    VkQueue queue;
    uint32_t family;
    VkCommandPool pool; /* buffers of it may be recorded again */
    VkFence fences[VK_FENCES];
    uint64_t submitted, done; /* serials */
    uint64_t lose_at;         /* $CNNRUN_VK_LOSE_AT: the serial that is lost instead; 0: none */
} vk_queue;

/* Staging memory is a ring of slots, each with a command buffer that copies from or to it. */
enum { VK_SLOTS = 16, VK_SLOT_BYTES = 4 << 20 };

typedef struct vk_slot {
    VkCommandBuffer commands; /* NULL: not used yet */
    uint64_t serial;          /* of its last submission */
} vk_slot;

typedef struct vk_kernels vk_kernels; /* kernel.h */

struct cnn_buffer {
    vk_range range;
    uint64_t serial; /* of the last submission that uses it */
    vk_range copy;   /* of an output, see vk_buffer_mirror; no buffer: none */
};

struct cnn_device {
    const cnn_host *host;
    vk_api vk;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    vk_queue queue;
    vk_limits limits;
    vk_heap heap;
    vk_range staging; /* for transfers, where the heap is not mapped; taken by the first */
    vk_heap staging_heap;
    vk_slot slots[VK_SLOTS];
    uint32_t next_slot;
    vk_kernels *kernels;
    VkDebugUtilsMessengerEXT messenger;
    atomic_uint complaints; /* messages of the validation layer so far, from any thread */
    bool lost;              /* every call fails from then on */
    bool narrows;           /* see vk_narrow */
    char name[128], driver[128], identity[160]; /* identity: keys caches; vendor, device, driver,
                                                   versions */
};

/* ---- select.c, device.c: `which` is "", an index, "name=TEXT" or "uuid=HEX" ---- */
cnn_status vk_devices(const cnn_host *, cnn_device_info *out, uint32_t cap, uint32_t *count,
                      cnn_error *);
bool vk_may_be_automatic(const cnn_host *); /* is there a device file of a GPU? */
cnn_status vk_device_open(const cnn_host *, const char *which, cnn_device **, cnn_error *);
void vk_device_close(cnn_device *); /* waits; complaints of the validation layers are logged */

/* ---- heap.c ---- */

/* A range of at least `bytes`, not zeroed. CNN_MEMORY says how much is used and how much there is.
 */
cnn_status vk_heap_take(cnn_device *, vk_heap *, uint64_t bytes, vk_range *, cnn_error *);
void vk_heap_give(cnn_device *, vk_heap *, const vk_range *);
void vk_heap_free(cnn_device *, vk_heap *);

/* CNNRUN_VK_VALIDATE=gpu measures accesses by a buffer's end, not by the bytes that are bound:
 * there (and only there) these become a buffer of their own. It lives as long as the block. */
void vk_narrow(cnn_device *, VkDescriptorBufferInfo *);

/* ---- queue.c ---- */

/* A new command buffer of the pool, begun; it may be submitted again and again. */
cnn_status vk_commands_begin(cnn_device *, VkCommandBuffer *, cnn_error *);
cnn_status vk_commands_end(cnn_device *, VkCommandBuffer, cnn_error *);

/* Everything before is visible to everything after, shaders, transfers and (at the end of a
 * submission) the host. */
void vk_barrier_all(cnn_device *, VkCommandBuffer);

/* Starts command buffers in order, as one submission each, under one serial: that of the last. */
cnn_status vk_submit(cnn_device *, const VkCommandBuffer *, uint32_t n, uint64_t *serial,
                     cnn_error *);

/* Until a serial is done. A lost device is said once, with remedies, and stays lost. */
cnn_status vk_wait(cnn_device *, uint64_t serial, cnn_error *);

/* ---- transfer.c: the buffers of cnn_backend ---- */
cnn_status vk_buffer_alloc(cnn_device *, uint64_t bytes, cnn_buffer **, cnn_error *);
void vk_buffer_free(cnn_device *, cnn_buffer *);
cnn_status vk_buffer_write(cnn_device *, cnn_buffer *, const void *from, uint64_t bytes,
                           cnn_error *);
cnn_status vk_buffer_read(cnn_device *, cnn_buffer *, void *to, uint64_t bytes, cnn_error *);

/* A few numbers that a run writes (the loss, say) and the host does not see get a copy that it
 * sees: recordings end with it, so that reading them waits for their own run, not for those behind
 * it in the queue. Does nothing for buffers that are mapped, or large. */
enum { VK_MIRRORED_BYTES = 64 << 10 };
cnn_status vk_buffer_mirror(cnn_device *, cnn_buffer *, cnn_error *);

/* The same for a range that no run uses now (constants). */
cnn_status vk_range_write(cnn_device *, const vk_range *, const void *from, uint64_t bytes,
                          cnn_error *);

#endif
