/* The fast CPU backend: as many images at once as a vector has lanes, the whole step planned. */
#include <stdlib.h>
#include <string.h>

#include <cnnrun/host_buffers.h>
#include <cnnrun/plugin.h>

#include "exec.h"
#include "map_code.h"

struct cnn_device {
    const cnn_host *host;
    const cpu_kernels *kernels;
};

/* What the device gives out as an executable program. */
typedef struct program_exec {
    const cnn_program *program;
    cnn_exec *exec;
    void **memory;      /* per external */
    uint32_t *assigned; /* bindings of the states that a run changes */
    uint32_t n_assigned;
    uint64_t versions; /* of all states when they were last read */
    bool ran;
} program_exec;

/* ---- instruction sets ---- */

static bool runs(const cpu_kernels *kernels)
{
#if defined(__x86_64__)
    if (kernels == &cpu_kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    if (kernels == &cpu_kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return kernels != NULL;
}

/* Widest first. */
static const cpu_kernels *const all_kernels[] = {
#if defined(__x86_64__)
    &cpu_kernels_avx512,
    &cpu_kernels_avx2,
#endif
    &cpu_kernels_baseline,
};

enum { N_KERNELS = sizeof all_kernels / sizeof all_kernels[0] };

/* $CNNRUN_CPU names one, else the widest that this processor has. */
static cnn_status choose_kernels(const cpu_kernels **out, cnn_error *err)
{
    const char *wish = getenv("CNNRUN_CPU");
    for (size_t i = 0; i < N_KERNELS; i++) {
        const cpu_kernels *k = all_kernels[i];
        if (wish != NULL && wish[0] != '\0' && strcmp(wish, k->name) != 0)
            continue;
        if (runs(k)) {
            *out = k;
            return CNN_OK;
        }
        if (wish != NULL && wish[0] != '\0')
            return cnn_fail(err, CNN_MISSING, "cpu: CNNRUN_CPU=%s: this processor cannot run it",
                            wish);
    }
    (void)cnn_fail(err, CNN_MISSING, "cpu: CNNRUN_CPU=%s: there is no such instruction set", wish);
    cnn_hint(err, "avx512, avx2 or baseline");
    return CNN_MISSING;
}

/* ---- devices ---- */

static cnn_status devices(const cnn_host *host, cnn_device_info *out, uint32_t cap, uint32_t *count,
                          cnn_error *err)
{
    const cpu_kernels *kernels = NULL;
    cnn_error why = { "", "" };
    (void)err;
    *count = 1;
    if (cap == 0)
        return CNN_OK;
    cnn_device_info info = { .size = sizeof info, .automatic = 1, .rank = 100 };
    info.usable = choose_kernels(&kernels, &why) == CNN_OK;
    (void)snprintf(info.name, sizeof info.name, "host CPU");
    if (info.usable != 0)
        (void)snprintf(info.driver, sizeof info.driver, "%s, %d images at once, %u threads",
                       kernels->name, kernels->lanes, host->threads);
    (void)snprintf(info.reason, sizeof info.reason, "%.255s", why.text);
    out[0] = info;
    return CNN_OK;
}

static cnn_status open_device(const cnn_host *host, const char *which, cnn_device **out,
                              cnn_error *err)
{
    const cpu_kernels *kernels;
    if (which[0] != '\0' && strcmp(which, "0") != 0)
        return cnn_fail(err, CNN_MISSING, "cpu: there is one device, number 0, not '%s'", which);
    cnn_status status = choose_kernels(&kernels, err);
    if (status != CNN_OK)
        return status;
    cnn_device *device = calloc(1, sizeof *device);
    if (device == NULL)
        return cnn_fail(err, CNN_MEMORY, "cpu: no memory");
    device->host = host;
    device->kernels = kernels;
    *out = device;
    return CNN_OK;
}

static void close_device(cnn_device *device)
{
    free(device);
}

static cnn_status supports(cnn_device *device, const cnn_program *program, uint32_t node,
                           cnn_error *why)
{
    (void)device;
    return cpu_lowers(program, node, why) ? CNN_OK : CNN_UNSUPPORTED;
}

/* ---- programs ---- */

static program_exec *of(cnn_exec *exec)
{
    return (program_exec *)(void *)exec;
}

static void release(cnn_exec *exec)
{
    program_exec *e = of(exec);
    if (e == NULL)
        return;
    cpu_exec_free(e->exec);
    free(e->memory);
    free(e->assigned);
    free(e);
}

static void list_assigned(program_exec *e)
{
    for (uint32_t n = 0; n < e->program->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(e->program, n);
        if (strcmp(node->op->c.name, "assign") == 0)
            e->assigned[e->n_assigned++] =
                (uint32_t)cnn_value_at(e->program, node->in[0])->external;
    }
}

static cnn_status compile(cnn_device *device, const cnn_program *program, cnn_exec **out,
                          cnn_error *err)
{
    cpu_plan *plan = NULL;
    program_exec *e = calloc(1, sizeof *e);
    if (e == NULL)
        return cnn_fail(err, CNN_MEMORY, "cpu: no memory");
    e->program = program;
    e->memory = calloc(program->n_externals + 1, sizeof *e->memory);
    e->assigned = calloc(program->n_nodes + 1, sizeof *e->assigned);
    cnn_status status = e->memory != NULL && e->assigned != NULL
                            ? cpu_plan_make(program, device->kernels, device->host, &plan, err)
                            : cnn_fail(err, CNN_MEMORY, "cpu: no memory");
    if (status == CNN_OK)
        status = cpu_exec_create(plan, &e->exec, err);
    if (status != CNN_OK) {
        release((cnn_exec *)(void *)e);
        return status;
    }
    list_assigned(e);
    *out = (cnn_exec *)(void *)e;
    return CNN_OK;
}

/* Versions only grow: an equal sum means that no state was written. */
static bool states_changed(program_exec *e, cnn_buffer *const *bindings)
{
    const cnn_program *p = e->program;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->n_externals; i++)
        if (cnn_value_at(p, p->externals[i])->kind == CNN_VALUE_STATE)
            sum += bindings[i]->version;
    bool changed = !e->ran || sum != e->versions;
    e->versions = sum;
    e->ran = true;
    return changed;
}

static cnn_status run_timed(cnn_exec *exec, cnn_buffer *const *bindings, double *seconds,
                            cnn_error *err)
{
    program_exec *e = of(exec);
    for (uint32_t i = 0; i < e->program->n_externals; i++)
        e->memory[i] = bindings[i]->memory;
    cnn_status status = cpu_exec_run(e->exec, e->memory, states_changed(e, bindings), seconds, err);
    for (uint32_t i = 0; i < e->n_assigned; i++)
        bindings[e->assigned[i]]->version++;
    return status;
}

static cnn_status run(cnn_exec *exec, cnn_buffer *const *bindings, cnn_error *err)
{
    return run_timed(exec, bindings, NULL, err);
}

static const cnn_backend backends[] = {
    {
        .c = CNN_COMPONENT(cnn_backend, "cpu", 0, CNN_NO_PARAMS,
                           "many images at once in the lanes of AVX-512, AVX2, NEON or SSE vectors",
                           "backend: cpu"),
        .stands_on = "reference",
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

CNN_PLUGIN(.name = "cpu", .version = "0.1.0", .license = "MIT", .summary = "the fast CPU backend",
           .backends = CNN_TABLE(backends));
