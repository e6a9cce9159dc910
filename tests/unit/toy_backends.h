/* Backends for tests of placement and sessions, made of the interpreter in toy.h. They count what
 * is asked of them, and can be told to fail.
 *     base     runs everything, the host may use its memory
 *     toy      cannot `reduce`, hides its memory, stands on base
 *     gone     has no usable device
 *     orphan   stands on a backend that does not exist
 *     round, about   stand on each other and can run nothing */
#ifndef CNNRUN_TESTS_TOY_BACKENDS_H
#define CNNRUN_TESTS_TOY_BACKENDS_H

#include <cnnrun/host_buffers.h>

#include "toy.h"

enum { BASE, TOY, GONE, ORPHAN, ROUND, ABOUT, TOY_KINDS };

typedef struct toy_kind {
    const char *refuses; /* an op, "*": all, NULL: none */
    bool hides;          /* no host_pointer */
    bool usable, automatic;
    bool absent; /* may_be_automatic says no */
    int asked;   /* how often for its devices */
    int32_t rank;
    int opened, buffers, execs; /* alive */
    int allocs, reads, writes, runs;
    int fail_alloc; /* the n-th allocation fails, 0: none */
} toy_kind;

static toy_kind toy_kinds[TOY_KINDS];

static inline void toy_kinds_reset(void)
{
    static const toy_kind fresh[TOY_KINDS] = {
        [BASE] = { .usable = true, .automatic = true },
        [TOY] = { .refuses = "reduce",
                  .hides = true,
                  .usable = true,
                  .automatic = true,
                  .rank = 50 },
        [GONE] = { .automatic = true, .rank = 100 },
        [ORPHAN] = { .usable = true, .rank = 100 },
        [ROUND] = { .refuses = "*", .usable = true, .rank = 100 },
        [ABOUT] = { .refuses = "*", .usable = true, .rank = 100 },
    };
    memcpy(toy_kinds, fresh, sizeof toy_kinds);
}

struct cnn_device {
    toy_kind *kind;
};

struct cnn_exec {
    toy_kind *kind;
    const cnn_program *program;
};

static inline cnn_status toy_devices(int kind, cnn_device_info *out, uint32_t cap, uint32_t *count)
{
    toy_kind *k = &toy_kinds[kind];
    k->asked++;
    *count = 1;
    if (cap > 0)
        out[0] = (cnn_device_info){ .size = sizeof *out,
                                    .usable = k->usable,
                                    .automatic = k->automatic,
                                    .rank = k->rank,
                                    .reason = "no such thing here" };
    return CNN_OK;
}

static inline cnn_status toy_open_device(int kind, cnn_device **out, cnn_error *err)
{
    if (!toy_kinds[kind].usable)
        return cnn_fail(err, CNN_MISSING, "no such thing here");
    *out = malloc(sizeof **out);
    (*out)->kind = &toy_kinds[kind];
    toy_kinds[kind].opened++;
    return CNN_OK;
}

static inline void toy_close_device(cnn_device *device)
{
    device->kind->opened--;
    free(device);
}

static inline cnn_status toy_supports(cnn_device *device, const cnn_program *p, uint32_t node,
                                      cnn_error *why)
{
    const char *op = cnn_node_at(p, node)->op->c.name, *refuses = device->kind->refuses;
    bool refused = refuses != NULL && (strcmp(refuses, "*") == 0 || strcmp(refuses, op) == 0);
    if (!refused && toy_find(op) != NULL)
        return CNN_OK;
    return cnn_fail(why, CNN_UNSUPPORTED, "there is no kernel for %s", op);
}

static inline cnn_status toy_compile(cnn_device *device, const cnn_program *p, cnn_exec **out,
                                     cnn_error *err)
{
    (void)err;
    *out = malloc(sizeof **out);
    **out = (cnn_exec){ device->kind, p };
    device->kind->execs++;
    return CNN_OK;
}

static inline void toy_release(cnn_exec *exec)
{
    exec->kind->execs--;
    free(exec);
}

static inline cnn_status toy_alloc(cnn_device *device, uint64_t bytes, cnn_buffer **out,
                                   cnn_error *err)
{
    if (++device->kind->allocs == device->kind->fail_alloc)
        return cnn_fail(err, CNN_MEMORY, "no memory left");
    device->kind->buffers++;
    return cnn_host_buffer_alloc(device, bytes, out, err);
}

static inline void toy_free(cnn_device *device, cnn_buffer *buffer)
{
    device->kind->buffers--;
    cnn_host_buffer_free(device, buffer);
}

static inline void *toy_pointer(cnn_device *device, cnn_buffer *buffer)
{
    return device->kind->hides ? NULL : buffer->memory;
}

static inline cnn_status toy_write(cnn_device *device, cnn_buffer *buffer, const void *from,
                                   uint64_t bytes, cnn_error *err)
{
    device->kind->writes++;
    return cnn_host_buffer_write(device, buffer, from, bytes, err);
}

static inline cnn_status toy_read(cnn_device *device, cnn_buffer *buffer, void *to, uint64_t bytes,
                                  cnn_error *err)
{
    device->kind->reads++;
    return cnn_host_buffer_read(device, buffer, to, bytes, err);
}

static inline cnn_status toy_run(cnn_exec *exec, cnn_buffer *const *bindings, cnn_error *err)
{
    void *memory[64];
    if (exec->program->n_externals > 64)
        return cnn_fail(err, CNN_UNSUPPORTED, "more than 64 externals");
    for (uint32_t i = 0; i < exec->program->n_externals; i++)
        memory[i] = bindings[i]->memory;
    toy_execute(exec->program, memory);
    exec->kind->runs++;
    return CNN_OK;
}

/* The functions that are not told which backend they belong to. */
#define TOY_KIND(kind)                                                                     \
    static inline cnn_status devices_##kind(const cnn_host *host, cnn_device_info *out,    \
                                            uint32_t cap, uint32_t *count, cnn_error *err) \
    {                                                                                      \
        (void)host, (void)err;                                                             \
        return toy_devices(kind, out, cap, count);                                         \
    }                                                                                      \
    static inline bool present_##kind(const cnn_host *host)                                \
    {                                                                                      \
        (void)host;                                                                        \
        return !toy_kinds[kind].absent;                                                    \
    }                                                                                      \
    static inline cnn_status open_##kind(const cnn_host *host, const char *which,          \
                                         cnn_device **out, cnn_error *err)                 \
    {                                                                                      \
        (void)host, (void)which;                                                           \
        return toy_open_device(kind, out, err);                                            \
    }

TOY_KIND(BASE)
TOY_KIND(TOY)
TOY_KIND(GONE)
TOY_KIND(ORPHAN)
TOY_KIND(ROUND)
TOY_KIND(ABOUT)

#define TOY_BACKEND(kind, text, base)                                                              \
    {                                                                                              \
        .c = CNN_COMPONENT(cnn_backend, text, 0, CNN_NO_PARAMS, "A backend.", text),               \
        .stands_on = base, .devices = devices_##kind, .open = open_##kind,                         \
        .close = toy_close_device, .supports = toy_supports, .compile = toy_compile,               \
        .release = toy_release, .alloc = toy_alloc, .free = toy_free, .host_pointer = toy_pointer, \
        .write = toy_write, .read = toy_read, .run = toy_run, .wait = cnn_host_wait,               \
        .may_be_automatic = present_##kind                                                         \
    }

static const cnn_backend toy_backend_table[] = {
    TOY_BACKEND(BASE, "base", NULL),      TOY_BACKEND(TOY, "toy", "base"),
    TOY_BACKEND(GONE, "gone", "base"),    TOY_BACKEND(ORPHAN, "orphan", "nobody"),
    TOY_BACKEND(ROUND, "round", "about"), TOY_BACKEND(ABOUT, "about", "round"),
};

static const cnn_plugin toy_backends = { .magic = CNN_MAGIC,
                                         .name = "backends",
                                         .version = "1",
                                         .license = "MIT",
                                         .backends = CNN_TABLE(toy_backend_table) };

#endif
