/* tally: a backend that computes nothing. It says what each program that it is given would cost,
 * and leaves all results zero. A real backend differs in compile and run alone: there it plans
 * kernels, and here it would start them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cnnrun/plugin.h>

struct cnn_device {
    const cnn_host *host;
};

struct cnn_buffer {
    void *data;
};

struct cnn_exec {
    const cnn_program *program;
};

/* ---- devices */

static cnn_status tally_devices(const cnn_host *host, cnn_device_info *out, uint32_t cap,
                                uint32_t *count, cnn_error *err)
{
    (void)host;
    (void)err;
    *count = cap > 0 ? 1 : 0;
    if (cap > 0) {
        out[0].usable = 1;
        out[0].automatic = 0; /* `backend: auto` never means this one */
        strcpy(out[0].name, "counts, computes nothing");
    }
    return CNN_OK;
}

static cnn_status tally_open(const cnn_host *host, const char *which, cnn_device **out,
                             cnn_error *err)
{
    if (which[0] != '\0')
        return cnn_fail(err, CNN_MISSING, "tally has one device, 'tally'; there is no 'tally:%s'",
                        which);
    cnn_device *d = malloc(sizeof *d);
    if (d == NULL)
        return cnn_fail(err, CNN_MEMORY, "tally: out of memory");
    d->host = host;
    *out = d;
    return CNN_OK;
}

static void tally_close(cnn_device *d)
{
    free(d);
}

/* ---- memory: the host's own, so batches are written straight into it */

static cnn_status tally_alloc(cnn_device *d, uint64_t bytes, cnn_buffer **out, cnn_error *err)
{
    (void)d;
    uint64_t whole = (bytes + 255) / 256 * 256 + 256; /* aligned_alloc wants a multiple, not 0 */
    cnn_buffer *b = malloc(sizeof *b);
    void *data = b != NULL && whole > bytes ? aligned_alloc(256, (size_t)whole) : NULL;
    if (data == NULL) {
        free(b);
        return cnn_fail(err, CNN_MEMORY, "tally: no %" PRIu64 " bytes of memory", bytes);
    }
    b->data = memset(data, 0, (size_t)whole);
    *out = b;
    return CNN_OK;
}

static void tally_free(cnn_device *d, cnn_buffer *b)
{
    (void)d;
    free(b->data);
    free(b);
}

static void *tally_host_pointer(cnn_device *d, cnn_buffer *b)
{
    (void)d;
    return b->data;
}

static cnn_status tally_write(cnn_device *d, cnn_buffer *b, const void *from, uint64_t bytes,
                              cnn_error *err)
{
    (void)d;
    (void)err;
    memcpy(b->data, from, (size_t)bytes);
    return CNN_OK;
}

static cnn_status tally_read(cnn_device *d, cnn_buffer *b, void *to, uint64_t bytes, cnn_error *err)
{
    (void)d;
    (void)err;
    memcpy(to, b->data, (size_t)bytes);
    return CNN_OK;
}

/* ---- programs */

static cnn_status tally_supports(cnn_device *d, const cnn_program *p, uint32_t node, cnn_error *why)
{
    (void)d;
    (void)p;
    (void)node;
    (void)why;
    return CNN_OK; /* else CNN_UNSUPPORTED and a reason: another backend then runs this node */
}

/* An op counts its own work, given the types of its inputs and outputs. */
static double macs_of(const cnn_program *p, const cnn_node *node)
{
    enum { MOST = 8 };
    cnn_type in[MOST], out[MOST];
    if (node->op->macs == NULL || node->n_in > MOST || node->n_out > MOST)
        return 0;
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = cnn_value_at(p, node->in[i])->type;
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] = cnn_value_at(p, node->out[i])->type;
    return node->op->macs(node->attrs, in, out);
}

static cnn_status tally_compile(cnn_device *d, const cnn_program *p, cnn_exec **out, cnn_error *err)
{
    static const char *const modes[] = { "", "training step", "evaluation", "prediction" };
    char line[160];
    double macs = 0;
    cnn_exec *e = malloc(sizeof *e);
    if (e == NULL)
        return cnn_fail(err, CNN_MEMORY, "tally: out of memory");
    for (uint32_t i = 0; i < p->n_nodes; i++)
        macs += macs_of(p, cnn_node_at(p, i));
    (void)snprintf(line, sizeof line,
                   "tally: %s of %" PRId64 " samples: %" PRIu32
                   " nodes, %.3g million multiply-adds, "
                   "%" PRIu64 " bytes of temporaries",
                   p->mode < 4 ? modes[p->mode] : "program", p->batch, p->n_nodes, macs * 1e-6,
                   p->arena_bytes);
    d->host->log(d->host, CNN_INFO, line);
    e->program = p;
    *out = e;
    return CNN_OK;
}

static void tally_release(cnn_exec *e)
{
    free(e);
}

/* bindings[i] is the buffer of value e->program->externals[i]. */
static cnn_status tally_run(cnn_exec *e, cnn_buffer *const *bindings, cnn_error *err)
{
    (void)e;
    (void)bindings;
    (void)err;
    return CNN_OK;
}

static cnn_status tally_wait(cnn_device *d, cnn_error *err)
{
    (void)d;
    (void)err;
    return CNN_OK;
}

static const cnn_backend backends[] = {
    { .c = CNN_COMPONENT(cnn_backend, "tally", 0, CNN_NO_PARAMS, "Counts, and computes nothing.",
                         "backend: tally"),
      .devices = tally_devices,
      .open = tally_open,
      .close = tally_close,
      .supports = tally_supports,
      .compile = tally_compile,
      .release = tally_release,
      .alloc = tally_alloc,
      .free = tally_free,
      .host_pointer = tally_host_pointer,
      .write = tally_write,
      .read = tally_read,
      .run = tally_run,
      .wait = tally_wait },
};

CNN_PLUGIN(.name = "tally", .version = "1.0.0", .license = "MIT",
           .summary = "A backend that counts", .backends = CNN_TABLE(backends));
