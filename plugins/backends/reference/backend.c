/* The reference backend: host memory, one kernel call per node, in order. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cnnrun/host_buffers.h>
#include <cnnrun/plugin.h>

#include "kernels.h"

struct cnn_device {
    const cnn_host *host;
};

/* One node, ready to be called. */
typedef struct call {
    cnn_kernel_fn run;
    cnn_kernel_args args;
    const char *layer, *op;
} call;

struct cnn_exec {
    const cnn_program *program;
    cnn_tensor *tensors; /* per value; externals are set from the bindings of a run */
    call *calls;
    cnn_tensor *operands; /* inputs and outputs of all calls, one after the other */
    void *arena;
};

static cnn_status devices(const cnn_host *host, cnn_device_info *out, uint32_t cap, uint32_t *count,
                          cnn_error *err)
{
    (void)host;
    (void)err;
    *count = 1;
    if (cap == 0)
        return CNN_OK;
    cnn_device_info info = { .size = sizeof info, .usable = 1, .automatic = 1, .rank = 0 };
    (void)snprintf(info.name, sizeof info.name, "host CPU");
    (void)snprintf(info.driver, sizeof info.driver, "plain C");
    out[0] = info;
    return CNN_OK;
}

static cnn_status open_device(const cnn_host *host, const char *which, cnn_device **out,
                              cnn_error *err)
{
    if (which[0] != '\0' && strcmp(which, "0") != 0)
        return cnn_fail(err, CNN_MISSING, "reference: there is one device, number 0, not '%s'",
                        which);
    cnn_device *device = calloc(1, sizeof *device);
    if (device == NULL)
        return cnn_fail(err, CNN_MEMORY, "reference: no memory");
    device->host = host;
    *out = device;
    return CNN_OK;
}

static void close_device(cnn_device *device)
{
    free(device);
}

/* Built-in ops, and ops of plugins that bring code for the host. */
static cnn_kernel_fn find_kernel(const cnn_op *op)
{
    for (uint32_t i = 0; i < op->kernels.count; i++) {
        const cnn_kernel *kernel = cnn_table_at(&op->kernels, i);
        if (strcmp(kernel->target, "host") == 0)
            return kernel->run;
    }
    return reference_kernel(op->c.name);
}

static cnn_status supports(cnn_device *device, const cnn_program *program, uint32_t node,
                           cnn_error *why)
{
    const cnn_op *op = cnn_node_at(program, node)->op;
    (void)device;
    if (find_kernel(op) != NULL)
        return CNN_OK;
    return cnn_fail(why, CNN_UNSUPPORTED, "the op brings no kernel for the host");
}

static void release(cnn_exec *exec)
{
    if (exec == NULL)
        return;
    free(exec->tensors);
    free(exec->calls);
    free(exec->operands);
    free(exec->arena);
    free(exec);
}

static void place_values(cnn_exec *exec)
{
    const cnn_program *p = exec->program;
    for (uint32_t v = 0; v < p->n_values; v++) {
        const cnn_value_info *value = cnn_value_at(p, (int32_t)v);
        union {
            const void *constant;
            void *data;
        } memory = { value->data };
        exec->tensors[v].type = value->type;
        if (value->kind == CNN_VALUE_TEMP)
            memory.data = (char *)exec->arena + p->offsets[v];
        exec->tensors[v].data = memory.data;
    }
}

static uint32_t count_operands(const cnn_program *p)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < p->n_nodes; n++)
        count += cnn_node_at(p, n)->n_in + cnn_node_at(p, n)->n_out;
    return count;
}

static void prepare_calls(cnn_exec *exec, const cnn_host *host)
{
    const cnn_program *p = exec->program;
    cnn_tensor *next = exec->operands;
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(p, n);
        call *c = &exec->calls[n];
        c->run = find_kernel(node->op);
        c->layer = node->layer;
        c->op = node->op->c.name;
        c->args = (cnn_kernel_args){ .host = host,
                                     .attrs = node->attrs,
                                     .in = next,
                                     .out = next + node->n_in,
                                     .n_in = node->n_in,
                                     .n_out = node->n_out };
        next += node->n_in + node->n_out;
    }
}

static cnn_status compile(cnn_device *device, const cnn_program *program, cnn_exec **out,
                          cnn_error *err)
{
    cnn_exec *exec = calloc(1, sizeof *exec);
    if (exec == NULL)
        return cnn_fail(err, CNN_MEMORY, "reference: no memory");
    exec->program = program;
    exec->tensors = calloc(program->n_values + 1, sizeof *exec->tensors);
    exec->calls = calloc(program->n_nodes + 1, sizeof *exec->calls);
    exec->operands = calloc(count_operands(program) + 1, sizeof *exec->operands);
    exec->arena = cnn_host_zeros(program->arena_bytes);
    if (exec->tensors == NULL || exec->calls == NULL || exec->operands == NULL ||
        exec->arena == NULL) {
        release(exec);
        return cnn_fail(err, CNN_MEMORY,
                        "reference: no memory for a step of %llu bytes with batch %lld",
                        (unsigned long long)program->arena_bytes, (long long)program->batch);
    }
    place_values(exec);
    prepare_calls(exec, device->host);
    *out = exec;
    return CNN_OK;
}

static void bind(cnn_exec *exec, cnn_buffer *const *bindings)
{
    const cnn_program *p = exec->program;
    cnn_tensor *next = exec->operands;
    for (uint32_t i = 0; i < p->n_externals; i++)
        exec->tensors[p->externals[i]].data = bindings[i]->memory;
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(p, n);
        for (uint32_t i = 0; i < node->n_in; i++)
            *next++ = exec->tensors[node->in[i]];
        for (uint32_t i = 0; i < node->n_out; i++)
            *next++ = exec->tensors[node->out[i]];
    }
}

static cnn_status run_call(const call *c, cnn_error *err)
{
    cnn_error inner = { "", "" };
    cnn_status status = c->run(&c->args, &inner);
    if (status == CNN_OK)
        return CNN_OK;
    (void)cnn_fail(err, status, "layer '%s', op '%s': %s", c->layer, c->op, inner.text);
    cnn_hint(err, "%s", inner.hint);
    return status;
}

static cnn_status run(cnn_exec *exec, cnn_buffer *const *bindings, cnn_error *err)
{
    cnn_status status = CNN_OK;
    bind(exec, bindings);
    for (uint32_t n = 0; n < exec->program->n_nodes && status == CNN_OK; n++)
        status = run_call(&exec->calls[n], err);
    return status;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static cnn_status run_timed(cnn_exec *exec, cnn_buffer *const *bindings, double *seconds,
                            cnn_error *err)
{
    bind(exec, bindings);
    for (uint32_t n = 0; n < exec->program->n_nodes; n++) {
        double began = now();
        cnn_status status = run_call(&exec->calls[n], err);
        if (status != CNN_OK)
            return status;
        seconds[n] += now() - began;
    }
    return CNN_OK;
}

static const cnn_backend backends[] = {
    {
        .c = CNN_COMPONENT(cnn_backend, "reference", 0, CNN_NO_PARAMS,
                           "plain loops with double accumulators: the definition of every op",
                           "backend: reference"),
        .devices = devices,
        .open = open_device,
        .close = close_device,
        .supports = supports,
        .compile = compile,
        .release = release,
        .alloc = cnn_host_buffer_alloc,
        .free = cnn_host_buffer_free,
        .host_pointer = cnn_host_buffer_pointer,
        .write = cnn_host_buffer_write,
        .read = cnn_host_buffer_read,
        .run = run,
        .wait = cnn_host_wait,
        .profile = run_timed,
    },
};

CNN_PLUGIN(.name = "reference", .version = "0.1.0", .license = "MIT",
           .summary = "the reference backend", .backends = CNN_TABLE(backends));
