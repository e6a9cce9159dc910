/* Buffers for backends whose device memory is the host's: six of a cnn_backend's functions, ready
 * to be named in its table. Include it in the one file of the plugin that has the table. */
#ifndef CNNRUN_HOST_BUFFERS_H
#define CNNRUN_HOST_BUFFERS_H

#include <stdlib.h>
#include <string.h>

#include "backend.h"

#define CNN_BUFFER_ALIGNMENT 256

struct cnn_buffer {
    void *memory; /* aligned, zeroed at first */
    uint64_t bytes;
    uint64_t version; /* counts writes by the host; a backend that assigns to a state counts those
                         too, and knows whether what it made of a state is still right */
};

/* Aligned, zeroed memory of at least 1 byte, to be freed with free(); NULL without memory. */
static inline void *cnn_host_zeros(uint64_t bytes)
{
    uint64_t size = (bytes / CNN_BUFFER_ALIGNMENT + 1) * CNN_BUFFER_ALIGNMENT;
    void *memory =
        size > bytes && size <= SIZE_MAX ? aligned_alloc(CNN_BUFFER_ALIGNMENT, (size_t)size) : NULL;
    if (memory != NULL)
        memset(memory, 0, (size_t)size);
    return memory;
}

static inline cnn_status cnn_host_buffer_alloc(cnn_device *device, uint64_t bytes, cnn_buffer **out,
                                               cnn_error *err)
{
    cnn_buffer *buffer = (cnn_buffer *)calloc(1, sizeof *buffer);
    (void)device;
    if (buffer != NULL)
        buffer->memory = cnn_host_zeros(bytes);
    if (buffer == NULL || buffer->memory == NULL) {
        free(buffer);
        return cnn_fail(err, CNN_MEMORY, "no memory for a buffer of %llu bytes",
                        (unsigned long long)bytes);
    }
    buffer->bytes = bytes;
    *out = buffer;
    return CNN_OK;
}

static inline void cnn_host_buffer_free(cnn_device *device, cnn_buffer *buffer)
{
    (void)device;
    free(buffer->memory);
    free(buffer);
}

static inline void *cnn_host_buffer_pointer(cnn_device *device, cnn_buffer *buffer)
{
    (void)device;
    return buffer->memory;
}

static inline cnn_status cnn_host_buffer_write(cnn_device *device, cnn_buffer *buffer,
                                               const void *from, uint64_t bytes, cnn_error *err)
{
    (void)device;
    if (bytes > buffer->bytes)
        return cnn_fail(err, CNN_INTERNAL, "a write past the end of a buffer");
    memcpy(buffer->memory, from, (size_t)bytes);
    buffer->version++;
    return CNN_OK;
}

static inline cnn_status cnn_host_buffer_read(cnn_device *device, cnn_buffer *buffer, void *to,
                                              uint64_t bytes, cnn_error *err)
{
    (void)device;
    if (bytes > buffer->bytes)
        return cnn_fail(err, CNN_INTERNAL, "a read past the end of a buffer");
    memcpy(to, buffer->memory, (size_t)bytes);
    return CNN_OK;
}

/* For backends whose run() returns when it is done. */
static inline cnn_status cnn_host_wait(cnn_device *device, cnn_error *err)
{
    (void)device;
    (void)err;
    return CNN_OK;
}

#endif
