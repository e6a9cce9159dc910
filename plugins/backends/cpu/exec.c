/* Running a plan: stage by stage, groups of tiles side by side on the pool. */
#define _GNU_SOURCE /* clock_gettime, madvise */
#include "exec.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cnnrun/host_buffers.h>

struct cnn_exec {
    cpu_plan *plan;
    char *arena;
    char **workers; /* one piece of memory each */
    char *constants;
    char **base;   /* per value: of its first piece, but for CPU_WORKER */
    double *times; /* per worker and step, while a run is timed */
    uint32_t n_workers;
};

/* ---- memory ---- */

/* Zeroed, on huge pages where the system gives them: a step touches all of it. */
static char *allocate(uint64_t bytes)
{
    enum { HUGE_PAGE = 2 << 20 };
    if (bytes < HUGE_PAGE)
        return cnn_host_zeros(bytes);
    uint64_t size = (bytes / HUGE_PAGE + 1) * HUGE_PAGE;
    char *memory = aligned_alloc(HUGE_PAGE, (size_t)size);
    if (memory == NULL)
        return NULL;
    (void)madvise(memory, (size_t)size, MADV_HUGEPAGE);
    memset(memory, 0, (size_t)size);
    return memory;
}

enum { PADDING = 256 }; /* vectors are read whole */

static uint64_t padded(uint64_t bytes)
{
    return (bytes / PADDING + 1) * PADDING;
}

/* Copies of the program's constants, aligned and with room behind them. */
static bool copy_constants(cnn_exec *exec)
{
    const cpu_plan *plan = exec->plan;
    uint64_t bytes = 0;
    for (uint32_t v = 0; v < plan->n_values; v++)
        if (plan->values[v].space == CPU_CONSTANT)
            bytes += padded(plan->values[v].bytes);
    exec->constants = cnn_host_zeros(bytes);
    bytes = 0;
    for (uint32_t v = 0; v < plan->n_values && exec->constants != NULL; v++) {
        if (plan->values[v].space != CPU_CONSTANT)
            continue;
        exec->base[v] = exec->constants + bytes;
        memcpy(exec->base[v], plan->values[v].data, (size_t)plan->values[v].bytes);
        bytes += padded(plan->values[v].bytes);
    }
    return exec->constants != NULL;
}

static bool allocate_all(cnn_exec *exec)
{
    const cpu_plan *plan = exec->plan;
    /* A group is one worker's: more workers than groups would never have work. */
    exec->n_workers =
        plan->groups < plan->host->threads ? (uint32_t)plan->groups : plan->host->threads;
    exec->workers = calloc(exec->n_workers, sizeof *exec->workers);
    exec->base = calloc(plan->n_values, sizeof *exec->base);
    exec->times = calloc((size_t)exec->n_workers * (plan->n_steps + 1), sizeof *exec->times);
    exec->arena = allocate(plan->arena_bytes + PADDING);
    bool complete = exec->workers != NULL && exec->base != NULL && exec->times != NULL &&
                    exec->arena != NULL && copy_constants(exec);
    for (uint32_t i = 0; i < exec->n_workers && complete; i++)
        complete = (exec->workers[i] = allocate(plan->worker_bytes + PADDING)) != NULL;
    return complete;
}

cnn_status cpu_exec_create(cpu_plan *plan, cnn_exec **out, cnn_error *err)
{
    cnn_exec *exec = calloc(1, sizeof *exec);
    if (exec != NULL)
        exec->plan = plan;
    if (exec == NULL || !allocate_all(exec)) {
        cnn_status status =
            cnn_fail(err, CNN_MEMORY, "cpu: no memory for a step of %llu MiB with batch %lld",
                     (unsigned long long)((plan->arena_bytes + plan->worker_bytes) >> 20),
                     (long long)plan->program->batch);
        if (exec == NULL)
            cpu_plan_free(plan);
        cpu_exec_free(exec);
        cnn_hint(err, "a smaller batch takes less");
        return status;
    }
    for (uint32_t v = 0; v < plan->n_values; v++)
        if (plan->values[v].space >= CPU_PLAIN && plan->values[v].space != CPU_WORKER)
            exec->base[v] = exec->arena + plan->values[v].offset;
    *out = exec;
    return CNN_OK;
}

void cpu_exec_free(cnn_exec *exec)
{
    if (exec == NULL)
        return;
    for (uint32_t i = 0; i < exec->n_workers && exec->workers != NULL; i++)
        free(exec->workers[i]);
    free(exec->workers);
    free(exec->arena);
    free(exec->constants);
    free(exec->base);
    free(exec->times);
    cpu_plan_free(exec->plan);
    free(exec);
}

/* ---- time ---- */

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a stage of tiles ---- */

typedef struct stage_run {
    const cnn_exec *exec;
    const cpu_stage *stage;
    bool timed;
    _Atomic int64_t next; /* group */
} stage_run;

typedef struct worker {
    const cnn_exec *exec;
    char *memory;
    double *times; /* or NULL */
    int64_t group, tile;
    cpu_tile lanes;
} worker;

static void *piece(const worker *w, int32_t v)
{
    const cpu_value *value = &w->exec->plan->values[v];
    switch (value->space) {
    case CPU_WORKER:
        return w->memory + value->offset;
    case CPU_TILES:
        return w->exec->base[v] + (uint64_t)w->tile * value->bytes;
    case CPU_PARTIAL:
        return w->exec->base[v] + (uint64_t)w->group * value->bytes;
    default:
        return w->exec->base[v];
    }
}

static void run_step(const worker *w, const cpu_step *step)
{
    const cpu_plan *plan = w->exec->plan;
    void *p[CPU_MAX_OPERANDS];
    for (uint32_t k = 0; k < step->n_in; k++)
        p[k] = piece(w, step->in[k]);
    for (uint32_t k = 0; k < step->n_out; k++)
        p[step->n_in + k] = piece(w, step->out[k]);
    for (int k = 0; k < 2 && w->lanes.images < plan->kernels->lanes; k++)
        if (step->mask[k] != NULL)
            plan->kernels->mask(step->mask[k], &p[k], &w->lanes);
    step->kernel(step->params, p, &w->lanes);
    for (uint32_t k = 0; k < step->n_out && k < 2; k++)
        if (step->margin[k] != NULL)
            plan->kernels->zero_margins(step->margin[k], &p[step->n_in + k], &w->lanes);
}

static void run_tile(const worker *w, const cpu_stage *stage)
{
    const cpu_plan *plan = w->exec->plan;
    double before = w->times != NULL ? now() : 0;
    for (uint32_t i = 0; i < stage->count; i++) {
        const int32_t s = plan->order[stage->first + i];
        run_step(w, &plan->steps[s]);
        if (w->times != NULL) {
            double after = now();
            w->times[s] += after - before;
            before = after;
        }
    }
}

static void clear_sums(const worker *w, const cpu_stage *stage)
{
    const cpu_plan *plan = w->exec->plan;
    for (uint32_t i = 0; i < stage->count; i++) {
        const cpu_step *step = &plan->steps[plan->order[stage->first + i]];
        if (step->sums)
            memset(piece(w, step->out[0]), 0, (size_t)plan->values[step->out[0]].bytes);
    }
}

/* Worker i takes groups until there are none left; all tiles of a group, in order. */
static void run_worker(void *context, uint32_t i)
{
    stage_run *run = context;
    const cpu_plan *plan = run->exec->plan;
    const int64_t lanes = plan->kernels->lanes;
    worker w = { .exec = run->exec, .memory = run->exec->workers[i] };
    w.times = run->timed ? run->exec->times + (size_t)i * plan->n_steps : NULL;
    while ((w.group = atomic_fetch_add(&run->next, 1)) < plan->groups) {
        const int64_t end = (w.group + 1) * plan->tiles / plan->groups;
        clear_sums(&w, run->stage);
        for (w.tile = w.group * plan->tiles / plan->groups; w.tile < end; w.tile++) {
            const int64_t rest = plan->program->batch - w.tile * lanes;
            w.lanes = (cpu_tile){ w.tile * lanes, rest < lanes ? rest : lanes };
            run_tile(&w, run->stage);
        }
    }
}

static void run_tiles(const cnn_exec *exec, const cpu_stage *stage, bool timed)
{
    const cpu_plan *plan = exec->plan;
    stage_run run = { exec, stage, timed, 0 };
    plan->host->parallel(plan->host, exec->n_workers, run_worker, &run);
}

/* ---- whole steps ---- */

static cnn_status fail(const cnn_exec *exec, const cpu_step *step, cnn_status status,
                       const cnn_error *inner, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(exec->plan->program, (uint32_t)step->node);
    (void)cnn_fail(err, status, "layer '%s', op '%s': %s", node->layer, node->op->c.name,
                   inner->text);
    cnn_hint(err, "%s", inner->hint);
    return status;
}

static cnn_status run_whole(const cnn_exec *exec, const cpu_stage *stage, bool fresh, bool timed,
                            cnn_error *err)
{
    const cpu_plan *plan = exec->plan;
    for (uint32_t i = 0; i < stage->count; i++) {
        const int32_t s = plan->order[stage->first + i];
        const cpu_step *step = &plan->steps[s];
        void *p[CPU_MAX_OPERANDS];
        cnn_error inner = { "", "" };
        double before = timed ? now() : 0;
        if (step->frozen && !fresh)
            continue;
        for (uint32_t k = 0; k < step->n_in; k++)
            p[k] = exec->base[step->in[k]];
        for (uint32_t k = 0; k < step->n_out; k++)
            p[step->n_in + k] = exec->base[step->out[k]];
        cnn_status status = step->whole(step, p, plan, &inner);
        if (status != CNN_OK)
            return fail(exec, step, status, &inner, err);
        if (timed)
            exec->times[s] += (now() - before) * exec->n_workers;
    }
    return CNN_OK;
}

/* ---- a run ---- */

static void bind(const cnn_exec *exec, void *const *memory)
{
    const cpu_plan *plan = exec->plan;
    for (uint32_t v = 0; v < plan->n_values; v++)
        if (plan->values[v].space == CPU_BOUND)
            exec->base[v] = memory[plan->values[v].external];
}

/* Busy time of all workers, per worker. */
static void give_times(const cnn_exec *exec, double *seconds)
{
    const cpu_plan *plan = exec->plan;
    for (uint32_t s = 0; s < plan->n_steps; s++)
        for (uint32_t i = 0; i < exec->n_workers; i++)
            seconds[plan->steps[s].node] +=
                exec->times[(size_t)i * plan->n_steps + s] / exec->n_workers;
}

cnn_status cpu_exec_run(cnn_exec *exec, void *const *memory, bool fresh, double *seconds,
                        cnn_error *err)
{
    const cpu_plan *plan = exec->plan;
    const bool timed = seconds != NULL;
    cnn_status status = CNN_OK;
    bind(exec, memory);
    if (timed)
        memset(exec->times, 0, (size_t)exec->n_workers * plan->n_steps * sizeof *exec->times);
    for (uint32_t g = 0; g < plan->n_stages && status == CNN_OK; g++) {
        const cpu_stage *stage = &plan->stages[g];
        if (stage->tiles)
            run_tiles(exec, stage, timed);
        else
            status = run_whole(exec, stage, fresh, timed, err);
    }
    if (timed)
        give_times(exec, seconds);
    return status;
}
