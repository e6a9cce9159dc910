/* half: a backend that only moves and assigns, in memory that it does not show to the host. All the
 * arithmetic falls to the reference, so every step crosses between two backends many times. */
#include <stdlib.h>
#include <string.h>

#include <cnnrun/host_buffers.h>
#include <cnnrun/plugin.h>

struct cnn_device {
    int unused;
};

struct cnn_exec {
    const cnn_program *program;
    char *arena;
};

static cnn_status devices(const cnn_host *host, cnn_device_info *out, uint32_t cap, uint32_t *count,
                          cnn_error *err)
{
    cnn_device_info info = { .size = sizeof info, .usable = 1 };
    (void)host;
    (void)err;
    *count = 1;
    if (cap > 0)
        out[0] = info;
    return CNN_OK;
}

static cnn_status open_device(const cnn_host *host, const char *which, cnn_device **out,
                              cnn_error *err)
{
    (void)host;
    (void)which;
    (void)err;
    *out = calloc(1, sizeof **out);
    return CNN_OK;
}

static void close_device(cnn_device *device)
{
    free(device);
}

static cnn_status supports(cnn_device *device, const cnn_program *p, uint32_t node, cnn_error *why)
{
    const char *op = cnn_node_at(p, node)->op->c.name;
    (void)device;
    if (strcmp(op, "reshape") == 0 || strcmp(op, "assign") == 0)
        return CNN_OK;
    return cnn_fail(why, CNN_UNSUPPORTED, "half only moves numbers");
}

static cnn_status compile(cnn_device *device, const cnn_program *p, cnn_exec **out, cnn_error *err)
{
    (void)device;
    (void)err;
    *out = calloc(1, sizeof **out);
    (*out)->program = p;
    (*out)->arena = cnn_host_zeros(p->arena_bytes);
    return CNN_OK;
}

static void release(cnn_exec *exec)
{
    free(exec->arena);
    free(exec);
}

static void *place_of(cnn_exec *exec, cnn_buffer *const *bindings, int32_t v)
{
    const cnn_value_info *value = cnn_value_at(exec->program, v);
    return value->external >= 0 ? bindings[value->external]->memory
                                : exec->arena + exec->program->offsets[v];
}

static cnn_status run(cnn_exec *exec, cnn_buffer *const *bindings, cnn_error *err)
{
    (void)err;
    for (uint32_t n = 0; n < exec->program->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(exec->program, n);
        int assigns = node->n_out == 0;
        int32_t to = assigns ? node->in[0] : node->out[0], from = node->in[assigns];
        memmove(place_of(exec, bindings, to), place_of(exec, bindings, from),
                (size_t)cnn_bytes(&cnn_value_at(exec->program, to)->type));
    }
    return CNN_OK;
}

static void *hidden(cnn_device *device, cnn_buffer *buffer)
{
    (void)device;
    (void)buffer;
    return NULL;
}

static const cnn_backend backends[] = {
    {
        .c = CNN_COMPONENT(cnn_backend, "half", 0, CNN_NO_PARAMS, "moves numbers, nothing else",
                           "backend: half"),
        .stands_on = "reference",
        .devices = devices,
        .open = open_device,
        .close = close_device,
        .supports = supports,
        .compile = compile,
        .release = release,
        .alloc = cnn_host_buffer_alloc,
        .free = cnn_host_buffer_free,
        .host_pointer = hidden,
        .write = cnn_host_buffer_write,
        .read = cnn_host_buffer_read,
        .run = run,
        .wait = cnn_host_wait,
    },
};

CNN_PLUGIN(.name = "half", .version = "1.0.0", .license = "MIT", .backends = CNN_TABLE(backends));
