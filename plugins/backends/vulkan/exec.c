/* Compiling a program: plan, memory, pipelines; running it: the recording for its bindings. */
#include "exec.h"

#include <stdlib.h>
#include <string.h>

/* ---- compiling ---- */

static const char *mode_text(uint32_t mode)
{
    static const char *const texts[] = { "a program", "a training step", "an evaluation",
                                         "a prediction" };
    return texts[mode < 4 ? mode : 0];
}

/* What does not fit is refused before anything is allocated. */
static cnn_status check_memory(const cnn_device *d, const vk_plan *plan, cnn_error *err)
{
    const uint64_t wanted = plan->arena_bytes + plan->const_bytes;
    const uint64_t free_bytes =
        d->limits.memory > d->heap.used ? d->limits.memory - d->heap.used : 0;
    const uint64_t room = free_bytes < d->limits.allocation ? free_bytes : d->limits.allocation;
    if (wanted <= room)
        return CNN_OK;
    const int64_t batch = plan->program->batch;
    const double fits = (double)batch * (double)room / (double)wanted;
    (void)cnn_fail(
        err, CNN_MEMORY,
        "vulkan: %s with batch %lld needs %llu MiB for what it computes; %s has %llu MiB "
        "left",
        mode_text(plan->program->mode), (long long)batch, (unsigned long long)(wanted >> 20),
        d->name, (unsigned long long)(room >> 20));
    if (fits >= 1)
        cnn_hint(err, "a batch of %lld should fit", (long long)fits);
    else
        cnn_hint(err, "not even one sample fits; try backend: cpu");
    return CNN_MEMORY;
}

static cnn_status take_memory(cnn_exec *exec, cnn_error *err)
{
    cnn_device *d = exec->device;
    const vk_plan *plan = exec->plan;
    cnn_status status = check_memory(d, plan, err);
    if (status == CNN_OK && plan->arena_bytes > 0)
        status = vk_heap_take(d, &d->heap, plan->arena_bytes, &exec->arena, err);
    if (status == CNN_OK && plan->const_bytes > 0)
        status = vk_heap_take(d, &d->heap, plan->const_bytes, &exec->constants, err);
    for (uint32_t v = 0; v < plan->n_values && status == CNN_OK; v++) {
        if (plan->places[v].space != VK_CONST)
            continue;
        vk_range part = exec->constants;
        part.offset += plan->places[v].offset;
        part.mapped = part.mapped != NULL ? part.mapped + plan->places[v].offset : NULL;
        part.bytes = plan->bytes[v];
        status = vk_range_write(d, &part, plan->data[v], part.bytes, err);
    }
    return status;
}

static cnn_status make_pipelines(cnn_exec *exec, cnn_error *err)
{
    const vk_plan *plan = exec->plan;
    const vk_kernel **kernels = calloc(plan->n_steps + 1, sizeof(const vk_kernel *));
    exec->pipelines = calloc(plan->n_steps + 1, sizeof(const vk_pipeline *));
    if (kernels == NULL || exec->pipelines == NULL) {
        free(kernels);
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for pipelines");
    }
    for (uint32_t s = 0; s < plan->n_steps; s++)
        kernels[s] = &plan->steps[s].kernel;
    cnn_status status = vk_pipelines_of(exec->device, kernels, plan->n_steps, exec->pipelines, err);
    free(kernels);
    return status;
}

void vk_release(cnn_exec *exec)
{
    if (exec == NULL)
        return;
    cnn_device *d = exec->device;
    while (exec->recordings != NULL) {
        vk_recording *r = exec->recordings;
        exec->recordings = r->next;
        (void)vk_wait(d, r->serial, NULL);
        vk_recording_free(exec, r);
    }
    if (exec->arena.buffer != VK_NULL_HANDLE)
        vk_heap_give(d, &d->heap, &exec->arena);
    if (exec->constants.buffer != VK_NULL_HANDLE)
        vk_heap_give(d, &d->heap, &exec->constants);
    vk_plan_free(exec->plan);
    free(exec->pipelines);
    free(exec);
}

cnn_status vk_compile_program(cnn_device *device, const cnn_program *program, cnn_exec **out,
                              cnn_error *err)
{
    cnn_exec *exec = calloc(1, sizeof *exec);
    if (exec == NULL)
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for a program");
    exec->device = device;
    cnn_status status = vk_plan_make(device, program, &exec->plan, err);
    if (status == CNN_OK)
        status = take_memory(exec, err);
    if (status == CNN_OK)
        status = make_pipelines(exec, err);
    if (status != CNN_OK) {
        vk_release(exec);
        return status;
    }
    *out = exec;
    return CNN_OK;
}

/* ---- running ---- */

static cnn_status recording_for(cnn_exec *exec, cnn_buffer *const *bindings, vk_recording **out,
                                cnn_error *err)
{
    const size_t bytes = exec->plan->program->n_externals * sizeof(cnn_buffer *);
    for (vk_recording *r = exec->recordings; r != NULL; r = r->next)
        if (memcmp(r->bindings, bindings, bytes) == 0) {
            *out = r;
            return CNN_OK;
        }
    cnn_status status = vk_record(exec, bindings, VK_NULL_HANDLE, out, err);
    if (status != CNN_OK)
        return status;
    (*out)->next = exec->recordings;
    exec->recordings = *out;
    return CNN_OK;
}

/* A recording is submitted again only when its last run is done: with two sets of inputs, two steps
 * are in flight. */
static cnn_status submit(cnn_exec *exec, vk_recording *r, cnn_error *err)
{
    cnn_device *d = exec->device;
    cnn_status status = vk_wait(d, r->serial, err);
    if (status == CNN_OK)
        status = vk_submit(d, r->commands, r->n_commands, &r->serial, err);
    for (uint32_t i = 0; i < exec->plan->program->n_externals && status == CNN_OK; i++)
        r->bindings[i]->serial = r->serial;
    return status;
}

cnn_status vk_run(cnn_exec *exec, cnn_buffer *const *bindings, cnn_error *err)
{
    vk_recording *r = NULL;
    if (exec->plan->n_steps == 0)
        return CNN_OK;
    cnn_status status = recording_for(exec, bindings, &r, err);
    return status == CNN_OK ? submit(exec, r, err) : status;
}

/* ---- timing ---- */

static cnn_status read_times(cnn_exec *exec, VkQueryPool queries, double *seconds, cnn_error *err)
{
    cnn_device *d = exec->device;
    const vk_plan *plan = exec->plan;
    const size_t bytes = (size_t)plan->n_steps * 2 * sizeof(uint64_t);
    uint64_t *ticks = malloc(bytes);
    if (ticks == NULL)
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for times");
    cnn_status status = vk_check(
        d->vk.GetQueryPoolResults(d->device, queries, 0, 2 * plan->n_steps, bytes, ticks,
                                  sizeof *ticks, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
        "reading timestamps", err);
    for (uint32_t s = 0; s < plan->n_steps && status == CNN_OK; s++) {
        const uint64_t took = (ticks[2 * s + 1] - ticks[2 * s]) & d->limits.timestamp_mask;
        seconds[plan->steps[s].node] += 1e-9 * d->limits.timestamp_ns * (double)took;
    }
    free(ticks);
    return status;
}

static cnn_status run_timed(cnn_exec *exec, cnn_buffer *const *bindings, VkQueryPool queries,
                            double *seconds, cnn_error *err)
{
    vk_recording *r = NULL;
    cnn_status status = vk_record(exec, bindings, queries, &r, err);
    if (status == CNN_OK)
        status = submit(exec, r, err);
    if (status == CNN_OK)
        status = vk_wait(exec->device, r->serial, err);
    if (status == CNN_OK)
        status = read_times(exec, queries, seconds, err);
    vk_recording_free(exec, r);
    return status;
}

cnn_status vk_profile(cnn_exec *exec, cnn_buffer *const *bindings, double *seconds, cnn_error *err)
{
    cnn_device *d = exec->device;
    VkQueryPool queries = VK_NULL_HANDLE;
    const VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = 2 * exec->plan->n_steps,
    };
    if (exec->plan->n_steps == 0)
        return CNN_OK;
    if (d->limits.timestamp_mask == 0)
        return cnn_fail(err, CNN_UNSUPPORTED, "vulkan: %s has no timestamps", d->name);
    cnn_status status = vk_check(d->vk.CreateQueryPool(d->device, &info, NULL, &queries),
                                 "making timestamp queries", err);
    if (status == CNN_OK)
        status = run_timed(exec, bindings, queries, seconds, err);
    if (queries != VK_NULL_HANDLE)
        d->vk.DestroyQueryPool(d->device, queries, NULL);
    return status;
}
