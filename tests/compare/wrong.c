/* wrong, wrong_nan: backends that reshape in layer 3, all else falls to the reference; the first
 * number of every result is one percent too large, or no number. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnnrun/host_buffers.h>
#include <cnnrun/plugin.h>

struct cnn_device {
    float factor; /* NAN: no number */
};

struct cnn_exec {
    const cnn_program *program;
    char *arena;
    float factor;
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

static cnn_status open_with(float factor, cnn_device **out, cnn_error *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return cnn_fail(err, CNN_MEMORY, "wrong: no memory");
    (*out)->factor = factor;
    return CNN_OK;
}

static cnn_status open_wrong(const cnn_host *host, const char *which, cnn_device **out,
                             cnn_error *err)
{
    (void)host;
    (void)which;
    return open_with(1.01f, out, err);
}

static cnn_status open_nan(const cnn_host *host, const char *which, cnn_device **out,
                           cnn_error *err)
{
    (void)host;
    (void)which;
    return open_with(NAN, out, err);
}

static void close_device(cnn_device *device)
{
    free(device);
}

static cnn_status supports(cnn_device *device, const cnn_program *p, uint32_t node, cnn_error *why)
{
    const cnn_node *n = cnn_node_at(p, node);
    (void)device;
    if (strcmp(n->op->c.name, "reshape") == 0 && strncmp(n->layer, "3.", 2) == 0)
        return CNN_OK;
    return cnn_fail(why, CNN_UNSUPPORTED, "wrong only reshapes in layer 3");
}

static cnn_status compile(cnn_device *device, const cnn_program *p, cnn_exec **out, cnn_error *err)
{
    cnn_exec *exec = calloc(1, sizeof *exec);
    *out = exec;
    if (exec == NULL)
        return cnn_fail(err, CNN_MEMORY, "wrong: no memory");
    exec->program = p;
    exec->factor = device->factor;
    exec->arena = cnn_host_zeros(p->arena_bytes);
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
        const cnn_type *type = &cnn_value_at(exec->program, node->out[0])->type;
        float *to = place_of(exec, bindings, node->out[0]);
        memmove(to, place_of(exec, bindings, node->in[0]), (size_t)cnn_bytes(type));
        if (type->dtype == CNN_F32)
            to[0] = exec->factor * to[0] + 0.01f;
    }
    return CNN_OK;
}

static void *hidden(cnn_device *device, cnn_buffer *buffer)
{
    (void)device;
    (void)buffer;
    return NULL;
}

#define WRONG(name, open_function)                                                            \
    {                                                                                         \
        .c = CNN_COMPONENT(cnn_backend, name, 0, CNN_NO_PARAMS, "reshapes, and errs",         \
                           "backend: " name),                                                 \
        .stands_on = "reference", .devices = devices, .open = (open_function),                \
        .close = close_device, .supports = supports, .compile = compile, .release = release,  \
        .alloc = cnn_host_buffer_alloc, .free = cnn_host_buffer_free, .host_pointer = hidden, \
        .write = cnn_host_buffer_write, .read = cnn_host_buffer_read, .run = run,             \
        .wait = cnn_host_wait,                                                                \
    }

static const cnn_backend backends[] = { WRONG("wrong", open_wrong), WRONG("wrong_nan", open_nan) };

CNN_PLUGIN(.name = "wrong", .version = "1.0.0", .license = "MIT", .backends = CNN_TABLE(backends));
