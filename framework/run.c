/* Opens and closes a run, compiles its programs, talks to its observers. */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "run_internal.h"

double cnn_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Once a run: what the chosen backend leaves to another. */
static void warn_of_fallbacks(cnn_run *run, const cnn_placement *placement)
{
    const cnn_host *host = run->registry->host;
    char line[512];
    if (placement->n_fallbacks == 0 || run->n_compiled > 0 || run->is_trial)
        return;
    uint32_t n = 0;
    while (placement->reasons[n] == NULL)
        n++;
    (void)snprintf(line, sizeof line,
                   "%u of %u nodes (%.0f%% of the multiply-adds) run on %s, not on %s; cnnrun show "
                   "placement lists them",
                   placement->n_fallbacks, placement->step->program.n_nodes,
                   100 * placement->fallback_share,
                   run->stack.items[placement->node_backend[n]].name, run->stack.items[0].name);
    host->log(host, CNN_WARNING, line);
}

static cnn_status compile(cnn_run *run, const cnn_step *step, cnn_compiled *program, cnn_error *err)
{
    program->step = step;
    cnn_status status = cnn_placement_from(step, &run->stack, run->arena, &program->placement, err);
    if (status == CNN_OK)
        status =
            cnn_session_compile(run->session, program->placement, (uint64_t)run->config->train.seed,
                                CNN_SETS, &program->runner, err);
    if (status == CNN_OK)
        warn_of_fallbacks(run, program->placement);
    return status;
}

cnn_status cnn_run_program(cnn_run *run, uint32_t mode, int64_t batch, cnn_compiled **program,
                           cnn_error *err)
{
    for (uint32_t i = 0; i < run->n_compiled; i++) {
        *program = run->compiled[i];
        if ((*program)->mode == mode && (*program)->batch == batch)
            return CNN_OK;
    }
    const cnn_step *step = cnn_step_build(run->config, run->registry, cnn_data_shape_of(run->data),
                                          mode, batch, run->arena, run->diags);
    if (step == NULL)
        return cnn_fail(err, CNN_INVALID, "%s", "");
    *program = CNN_NEW(run->arena, cnn_compiled);
    (*program)->mode = mode;
    (*program)->batch = batch;
    cnn_status status = compile(run, step, *program, err);
    cnn_run_name_gradients(run, *program);
    if (status != CNN_OK)
        return status;
    run->compiled =
        cnn_arena_grow(run->arena, run->compiled, run->n_compiled, sizeof *run->compiled);
    run->compiled[run->n_compiled++] = *program;
    return CNN_OK;
}

cnn_status cnn_run_tell(cnn_run *run, cnn_event *event, uint32_t kind, cnn_error *err)
{
    event->size = sizeof *event;
    event->kind = kind;
    event->pipeline = run->config->name;
    event->backend = run->stack.items[0].name;
    event->epochs = run->config->train.epochs;
    event->step = run->step;
    event->class_names = cnn_data_class_names(run->data);
    event->classes = cnn_data_shape_of(run->data)->classes;
    for (uint32_t i = 0; i < run->n_watchers; i++) {
        cnn_watcher *w = &run->watchers[i];
        cnn_status status = w->observer->on_event(w->state, event, err);
        if (status != CNN_OK)
            return status;
    }
    return CNN_OK;
}

static cnn_status open_watchers(cnn_run *run, cnn_error *err)
{
    const cnn_uses *report = &run->config->output.report;
    const char *dir = run->config->output.dir;
    cnn_status status = CNN_OK;
    if (dir[0] != '\0')
        status = cnn_make_dirs(dir, err);
    run->watchers = CNN_NEW_ARRAY(run->arena, cnn_watcher, report->count);
    for (uint32_t i = 0; i < report->count && status == CNN_OK; i++) {
        cnn_watcher *w = &run->watchers[run->n_watchers];
        w->observer = (const cnn_observer *)(const void *)report->items[i].component;
        status =
            w->observer->open(run->registry->host, report->items[i].params, dir, &w->state, err);
        if (status == CNN_OK)
            run->n_watchers++;
    }
    return status;
}

cnn_status cnn_run_write_pipeline(const cnn_run *run, cnn_error *err)
{
    const cnn_config *config = run->config;
    char *path = cnn_arena_printf(run->arena, "%s/pipeline.yaml", config->output.dir);
    char *text = NULL;
    size_t size = 0;
    if (config->output.dir[0] == '\0')
        return CNN_OK;
    FILE *memory = open_memstream(&text, &size);
    if (memory == NULL)
        return cnn_fail(err, CNN_MEMORY, "%s: no memory", path);
    cnn_config_print(config, memory);
    cnn_status status = CNN_OK;
    if (fclose(memory) != 0)
        status = cnn_fail(err, CNN_MEMORY, "%s: no memory", path);
    if (status == CNN_OK)
        status = cnn_file_write(path, text, size, err);
    free(text);
    return status;
}

cnn_status cnn_run_begin(cnn_run *run, cnn_error *err)
{
    cnn_event event = { 0 };
    cnn_pass pass = { .split = CNN_SPLIT_TRAIN, .batch = run->config->train.batch };
    event.batches = cnn_pass_batches(run->data, &pass);
    run->began = cnn_seconds();
    cnn_status status = open_watchers(run, err);
    return status != CNN_OK ? status : cnn_run_tell(run, &event, CNN_EVENT_RUN_BEGIN, err);
}

cnn_status cnn_run_end(cnn_run *run, cnn_status how, cnn_error *err)
{
    cnn_event event = { 0 };
    event.seconds = cnn_seconds() - run->began;
    event.status = (uint32_t)how;
    event.path = run->config->output.dir;
    return cnn_run_tell(run, &event, CNN_EVENT_RUN_END, err);
}

/* The backends that items of the model ask for by name, blocks and branches included. */
static cnn_status add_backends(cnn_run *run, const cnn_items *items, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < items->count && status == CNN_OK; i++) {
        const cnn_item *item = &items->items[i];
        if (item->backend != NULL)
            status = cnn_stack_add(run->registry, item->backend, &run->stack, err);
        if (status == CNN_OK && item->list != NULL)
            status = add_backends(run, item->list, err);
        if (status == CNN_OK && item->block != NULL)
            status = add_backends(run, &item->block->body, err);
        for (uint32_t b = 0; b < item->n_branches && status == CNN_OK; b++)
            status = add_backends(run, &item->branches[b].body, err);
    }
    return status;
}

/* All modes are built before anything is compiled, so that every error of the pipeline is said. */
static cnn_status check_modes(cnn_run *run, uint32_t modes, cnn_error *err)
{
    for (uint32_t mode = CNN_TRAIN; mode <= CNN_PREDICT; mode++)
        if ((modes & 1u << mode) != 0)
            (void)cnn_step_build(run->config, run->registry, cnn_data_shape_of(run->data), mode,
                                 run->config->train.batch, run->arena, run->diags);
    return run->diags->errors > 0 ? cnn_fail(err, CNN_INVALID, "%s", "") : CNN_OK;
}

cnn_status cnn_run_open_stack(cnn_run *run, const char *backend, cnn_error *err)
{
    const cnn_config *config = run->config;
    cnn_status status =
        cnn_stack_open(run->registry, backend, config->forbid_fallback, &run->stack, err);
    if (status == CNN_OK)
        status = add_backends(run, &config->model, err);
    if (status == CNN_OK)
        run->session = cnn_session_create(&run->stack);
    return status;
}

void cnn_run_close_stack(cnn_run *run)
{
    cnn_session_destroy(run->session);
    run->session = NULL;
    cnn_stack_close(&run->stack);
    run->n_compiled = 0;
}

static cnn_status open_run(cnn_run *run, uint32_t modes, cnn_error *err)
{
    const char *backend = run->config->backend;
    cnn_status status = cnn_data_open(run->config, run->registry, &run->data, err);
    if (status == CNN_OK)
        status = check_modes(run, modes, err);
    if (status != CNN_OK)
        return status;
    if (strcmp(backend, "auto") == 0)
        backend = cnn_run_choose(run, modes);
    return cnn_run_open_stack(run, backend, err);
}

cnn_status cnn_run_open(const cnn_config *config, cnn_registry *registry, uint32_t modes,
                        cnn_arena *arena, cnn_diags *diags, cnn_run **out, cnn_error *err)
{
    cnn_run *run = CNN_NEW(arena, cnn_run);
    run->config = config;
    run->registry = registry;
    run->arena = arena;
    run->diags = diags;
    run->best = NAN;
    cnn_status status = open_run(run, modes, err);
    *out = run;
    if (status != CNN_OK) {
        cnn_run_close(run);
        *out = NULL;
    }
    return status;
}

void cnn_run_close(cnn_run *run)
{
    if (run == NULL)
        return;
    for (uint32_t i = 0; i < run->n_watchers; i++)
        run->watchers[i].observer->close(run->watchers[i].state);
    cnn_feed_close(run->feed); /* before the memory that it writes to */
    cnn_run_close_stack(run);
    cnn_data_close(run->data);
}

const cnn_source_data *cnn_run_data(const cnn_run *run)
{
    return run->data;
}
