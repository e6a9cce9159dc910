/* Backends that compute nothing. `ahead` watches in which order runs start and results are read:
 * results that are lost, since their run's buffers are used again before they are read, are an
 * error. `paced` has devices for `backend: auto`: a slow one, a fast one, one that fails. */
#define _POSIX_C_SOURCE 199309L /* nanosleep */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cnnrun/plugin.h>

struct cnn_device {
    const cnn_host *host;
    uint64_t runs, read; /* started; the last of which a result was read */
    uint64_t most;       /* under way at once */
    long pace;           /* nanoseconds of a run; BROKEN: it fails */
};

enum { BROKEN = -1 };

struct cnn_buffer {
    uint64_t unread; /* the run whose result it holds, 0: none */
    char data[];
};

struct cnn_exec {
    cnn_device *device;
    const cnn_program *program;
};

static cnn_status devices(const cnn_host *host, cnn_device_info *out, uint32_t cap, uint32_t *count,
                          cnn_error *err)
{
    (void)host;
    (void)err;
    *count = cap > 0 ? 1 : 0;
    if (cap > 0) {
        out[0].usable = 1;
        strcpy(out[0].name, "watches the order");
    }
    return CNN_OK;
}

static cnn_status open_device(const cnn_host *host, const char *which, cnn_device **out,
                              cnn_error *err)
{
    (void)which;
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return cnn_fail(err, CNN_MEMORY, "ahead: out of memory");
    (*out)->host = host;
    return CNN_OK;
}

static cnn_status paced_devices(const cnn_host *host, cnn_device_info *out, uint32_t cap,
                                uint32_t *count, cnn_error *err)
{
    static const int32_t ranks[] = { 300, 90, 400 };
    (void)host;
    (void)err;
    *count = 3;
    for (uint32_t i = 0; i < 3 && i < cap; i++) {
        out[i].usable = out[i].automatic = 1;
        out[i].rank = ranks[i];
        strcpy(out[i].name, "computes nothing");
    }
    return CNN_OK;
}

static cnn_status open_paced(const cnn_host *host, const char *which, cnn_device **out,
                             cnn_error *err)
{
    cnn_status status = open_device(host, which, out, err);
    if (status == CNN_OK)
        (*out)->pace = strcmp(which, "1") == 0   ? 20000000
                       : strcmp(which, "2") == 0 ? BROKEN
                                                 : 300000000;
    return status;
}

static void close_paced(cnn_device *d)
{
    free(d);
}

static void close_device(cnn_device *d)
{
    char line[80];
    (void)snprintf(line, sizeof line, "ahead: %d runs, %d under way at once", (int)d->runs,
                   (int)d->most);
    d->host->log(d->host, CNN_WARNING, line);
    free(d);
}

static cnn_status alloc(cnn_device *d, uint64_t bytes, cnn_buffer **out, cnn_error *err)
{
    (void)d;
    *out = calloc(1, sizeof **out + (size_t)bytes);
    return *out != NULL ? CNN_OK : cnn_fail(err, CNN_MEMORY, "ahead: out of memory");
}

static void free_buffer(cnn_device *d, cnn_buffer *b)
{
    (void)d;
    free(b);
}

static void *host_pointer(cnn_device *d, cnn_buffer *b)
{
    (void)d;
    return b->data;
}

static cnn_status write_buffer(cnn_device *d, cnn_buffer *b, const void *from, uint64_t bytes,
                               cnn_error *err)
{
    (void)d;
    (void)err;
    memcpy(b->data, from, (size_t)bytes);
    return CNN_OK;
}

static cnn_status read_buffer(cnn_device *d, cnn_buffer *b, void *to, uint64_t bytes,
                              cnn_error *err)
{
    (void)err;
    if (b->unread > d->read)
        d->read = b->unread;
    b->unread = 0;
    memcpy(to, b->data, (size_t)bytes);
    return CNN_OK;
}

static cnn_status supports(cnn_device *d, const cnn_program *p, uint32_t node, cnn_error *why)
{
    (void)d;
    (void)p;
    (void)node;
    (void)why;
    return CNN_OK;
}

static cnn_status compile(cnn_device *d, const cnn_program *p, cnn_exec **out, cnn_error *err)
{
    *out = malloc(sizeof **out);
    if (*out == NULL)
        return cnn_fail(err, CNN_MEMORY, "ahead: out of memory");
    **out = (cnn_exec){ d, p };
    return CNN_OK;
}

static void release(cnn_exec *e)
{
    free(e);
}

static cnn_status run(cnn_exec *e, cnn_buffer *const *bindings, cnn_error *err)
{
    cnn_device *d = e->device;
    d->runs++;
    for (uint32_t i = 0; i < e->program->n_externals; i++) {
        if (cnn_value_at(e->program, e->program->externals[i])->kind != CNN_VALUE_OUTPUT)
            continue;
        if (bindings[i]->unread != 0)
            return cnn_fail(err, CNN_INTERNAL, "ahead: run %d overwrites what run %d left",
                            (int)d->runs, (int)bindings[i]->unread);
        bindings[i]->unread = d->runs;
    }
    if (d->runs - d->read > d->most)
        d->most = d->runs - d->read;
    return CNN_OK;
}

static cnn_status run_paced(cnn_exec *e, cnn_buffer *const *bindings, cnn_error *err)
{
    const struct timespec pace = { 0, e->device->pace };
    (void)bindings;
    if (e->device->pace == BROKEN)
        return cnn_fail(err, CNN_IO, "paced: this device is broken");
    (void)nanosleep(&pace, NULL);
    return CNN_OK;
}

static cnn_status wait_all(cnn_device *d, cnn_error *err)
{
    (void)d;
    (void)err;
    return CNN_OK;
}

static const cnn_backend backends[] = {
    { .c = CNN_COMPONENT(cnn_backend, "ahead", 0, CNN_NO_PARAMS, "Watches, and computes nothing.",
                         "backend: ahead"),
      .devices = devices,
      .open = open_device,
      .close = close_device,
      .supports = supports,
      .compile = compile,
      .release = release,
      .alloc = alloc,
      .free = free_buffer,
      .host_pointer = host_pointer,
      .write = write_buffer,
      .read = read_buffer,
      .run = run,
      .wait = wait_all },
    { .c = CNN_COMPONENT(cnn_backend, "paced", 0, CNN_NO_PARAMS, "Takes its time.",
                         "backend: paced"),
      .devices = paced_devices,
      .open = open_paced,
      .close = close_paced,
      .supports = supports,
      .compile = compile,
      .release = release,
      .alloc = alloc,
      .free = free_buffer,
      .host_pointer = host_pointer,
      .write = write_buffer,
      .read = read_buffer,
      .run = run_paced,
      .wait = wait_all },
};

CNN_PLUGIN(.name = "ahead", .version = "1.0.0", .license = "MIT",
           .summary = "Backends that watch and wait", .backends = CNN_TABLE(backends));
