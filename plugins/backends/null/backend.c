/* The null backend: takes every program, computes nothing, counts. With it the planner, the loop
 * and the loaders can be tested and timed by themselves. All results are zeros. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cnnrun/host_buffers.h>
#include <cnnrun/plugin.h>

struct cnn_device {
    const cnn_host *host;
    uint64_t programs, runs, nodes, bytes;
};

struct cnn_exec {
    cnn_device *device;
    const cnn_program *program;
};

static cnn_status devices(const cnn_host *host, cnn_device_info *out, uint32_t cap, uint32_t *count,
                          cnn_error *err)
{
    cnn_device_info info = { .size = sizeof info, .usable = 1, .automatic = 0, .rank = -1 };
    (void)host;
    (void)err;
    (void)snprintf(info.name, sizeof info.name, "nothing");
    (void)snprintf(info.driver, sizeof info.driver, "counts only");
    *count = 1;
    if (cap > 0)
        out[0] = info;
    return CNN_OK;
}

static cnn_status open_device(const cnn_host *host, const char *which, cnn_device **out,
                              cnn_error *err)
{
    if (which[0] != '\0')
        return cnn_fail(err, CNN_MISSING, "null: there is one device, not '%s'", which);
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return cnn_fail(err, CNN_MEMORY, "null: no memory");
    (*out)->host = host;
    return CNN_OK;
}

static void close_device(cnn_device *device)
{
    char line[256];
    (void)snprintf(line, sizeof line,
                   "null: %" PRIu64 " programs, %" PRIu64 " runs, %" PRIu64 " nodes, %" PRIu64
                   " bytes in buffers",
                   device->programs, device->runs, device->nodes, device->bytes);
    device->host->log(device->host, CNN_DEBUG, line);
    free(device);
}

static cnn_status supports(cnn_device *device, const cnn_program *program, uint32_t node,
                           cnn_error *why)
{
    (void)device;
    (void)program;
    (void)node;
    (void)why;
    return CNN_OK;
}

static cnn_status compile(cnn_device *device, const cnn_program *program, cnn_exec **out,
                          cnn_error *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return cnn_fail(err, CNN_MEMORY, "null: no memory");
    (*out)->device = device;
    (*out)->program = program;
    device->programs++;
    return CNN_OK;
}

static void release(cnn_exec *exec)
{
    free(exec);
}

static cnn_status count_buffer(cnn_device *device, uint64_t bytes, cnn_buffer **out, cnn_error *err)
{
    device->bytes += bytes;
    return cnn_host_buffer_alloc(device, bytes, out, err);
}

static cnn_status run(cnn_exec *exec, cnn_buffer *const *bindings, cnn_error *err)
{
    (void)bindings;
    (void)err;
    exec->device->runs++;
    exec->device->nodes += exec->program->n_nodes;
    return CNN_OK;
}

static const cnn_backend backends[] = {
    {
        .c = CNN_COMPONENT(cnn_backend, "null", 0, CNN_NO_PARAMS,
                           "computes nothing and counts: for tests and timings of everything else",
                           "backend: \"null\""),
        .devices = devices,
        .open = open_device,
        .close = close_device,
        .supports = supports,
        .compile = compile,
        .release = release,
        .alloc = count_buffer,
        .free = cnn_host_buffer_free,
        .host_pointer = cnn_host_buffer_pointer,
        .write = cnn_host_buffer_write,
        .read = cnn_host_buffer_read,
        .run = run,
        .wait = cnn_host_wait,
    },
};

CNN_PLUGIN(.name = "null", .version = "0.1.0", .license = "MIT", .summary = "the null backend",
           .backends = CNN_TABLE(backends));
