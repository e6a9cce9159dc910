/* Runs one step so that everything in it is seen, and measures distances. */
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run_internal.h"

/* ---- distances ---- */

cnn_distance cnn_distance_of(const float *a, const float *b, int64_t count)
{
    double largest = 0;
    cnn_distance d = { 0, 0 };
    for (int64_t i = 0; i < count; i++) {
        double x = (double)a[i], y = (double)b[i];
        bool same = x == y || (isnan(x) && isnan(y));
        double apart = same ? 0 : fabs(x - y);
        if (isnan(apart))
            apart = INFINITY;
        d.absolute = apart > d.absolute ? apart : d.absolute;
        if (isfinite(x) && fabs(x) > largest)
            largest = fabs(x);
    }
    if (d.absolute > 0)
        d.relative = largest > 0 ? d.absolute / largest : INFINITY;
    return d;
}

bool cnn_is_near(cnn_distance distance, double tolerance)
{
    return distance.relative <= tolerance || (tolerance > 0 && distance.absolute <= CNN_ROUNDING);
}

/* ---- one step ---- */

typedef struct observer {
    cnn_run *run;
    cnn_arena *arena;
    const cnn_graph *graph;
    float **before; /* contents of all states before the step */
    cnn_observation *out;
    cnn_error *err;
} observer;

static float *add(observer *o, cnn_observed item, const cnn_type *type)
{
    cnn_observation *out = o->out;
    item.count = cnn_count(type);
    item.numbers = malloc((size_t)cnn_bytes(type) + 1);
    if (item.numbers == NULL) {
        (void)cnn_fail(o->err, CNN_MEMORY, "no memory for a copy of %lld numbers",
                       (long long)item.count);
        return NULL;
    }
    out->items = cnn_arena_grow(o->arena, out->items, out->count, sizeof *out->items);
    out->items[out->count++] = item;
    return item.numbers;
}

static cnn_status read_value(observer *o, const cnn_compiled *program, const cnn_reading *reading)
{
    const cnn_program *p = &program->step->program;
    const cnn_value_info *value = cnn_value_at(p, reading->value);
    cnn_observed item = { .kind = reading->kind, .layer = reading->layer, .name = reading->name };
    item.op = value->producer >= 0 ? cnn_node_at(p, (uint32_t)value->producer)->op->c.name : "";
    float *to = add(o, item, &value->type);
    return to == NULL ? CNN_MEMORY
                      : cnn_runner_output(program->runner, reading->value, 0, to,
                                          (uint64_t)cnn_bytes(&value->type), o->err);
}

static cnn_status read_states(observer *o, uint32_t kind)
{
    cnn_session *session = o->run->session;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < cnn_session_states(session) && status == CNN_OK; i++) {
        const cnn_state_info *state = cnn_session_state(session, i);
        if (state->type.dtype != CNN_F32)
            continue;
        cnn_observed item = { .kind = kind, .name = state->name, .op = "assign" };
        item.layer = cnn_layer_of_state(o->graph, state->name);
        float *to = add(o, item, &state->type);
        status = to == NULL ? CNN_MEMORY : cnn_session_read_state(session, i, to, o->err);
    }
    return status;
}

static cnn_status save_states(observer *o)
{
    cnn_session *session = o->run->session;
    uint32_t n = cnn_session_states(session);
    cnn_status status = CNN_OK;
    o->before = calloc((size_t)n + 1, sizeof *o->before);
    for (uint32_t i = 0; i < n && o->before != NULL && status == CNN_OK; i++) {
        size_t bytes = (size_t)cnn_bytes(&cnn_session_state(session, i)->type);
        o->before[i] = malloc(bytes + 1);
        status = o->before[i] == NULL ? CNN_MEMORY
                                      : cnn_session_read_state(session, i, o->before[i], o->err);
    }
    if (o->before == NULL || status == CNN_MEMORY)
        return cnn_fail(o->err, CNN_MEMORY, "no memory for a copy of the weights");
    return status;
}

static cnn_status restore_states(const observer *o)
{
    cnn_session *session = o->run->session;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < cnn_session_states(session) && status == CNN_OK; i++)
        status = cnn_session_write_state(session, i, o->before[i], o->err);
    return status;
}

static void free_states(observer *o)
{
    for (uint32_t i = 0; o->before != NULL && i < cnn_session_states(o->run->session); i++)
        free(o->before[i]);
    free(o->before);
}

static void *target_place(const cnn_compiled *program)
{
    int32_t target = program->step->target;
    return target >= 0 ? cnn_runner_input(program->runner, target, 0) : NULL;
}

static uint32_t split_of(const cnn_run *run, uint32_t mode)
{
    return mode == CNN_TRAIN ? CNN_SPLIT_TRAIN : cnn_run_test_split(run);
}

/* Before anything is built: a batch that is far too large is no reason to run out of memory. */
static cnn_status check_batch(const cnn_run *run, uint32_t mode, int64_t batch, cnn_error *err)
{
    int64_t there = cnn_data_count(run->data, split_of(run, mode));
    if (batch <= there)
        return CNN_OK;
    (void)cnn_fail(err, CNN_INVALID, "a batch of %lld is wanted, but the split has %lld samples",
                   (long long)batch, (long long)there);
    cnn_hint(err, "a smaller --batch");
    return CNN_INVALID;
}

cnn_status cnn_run_first_batch(cnn_run *run, const cnn_compiled *program, cnn_error *err)
{
    uint32_t split = split_of(run, program->mode);
    cnn_pass pass = { .split = split, .batch = program->batch };
    cnn_status status = check_batch(run, program->mode, program->batch, err);
    if (status == CNN_OK)
        status = cnn_run_read_samples(run, program, 0, split, 0, program->batch,
                                      target_place(program), err);
    if (status == CNN_OK && program->mode == CNN_TRAIN)
        cnn_run_write_scalars(
            run, program, 0, run->step,
            cnn_run_learning_rate(run, run->step, cnn_pass_batches(run->data, &pass)));
    return status;
}

static cnn_status run_once(cnn_run *run, const cnn_compiled *program, cnn_error *err)
{
    cnn_status status = cnn_run_first_batch(run, program, err);
    if (status == CNN_OK)
        status = cnn_runner_run(program->runner, 0, err);
    return status == CNN_OK ? cnn_session_wait(run->session, err) : status;
}

static cnn_status observe_layers(observer *o, const cnn_compiled *program,
                                 const cnn_readable *readable)
{
    cnn_status status = run_once(o->run, program, o->err);
    for (uint32_t i = 0; i < readable->count && status == CNN_OK; i++)
        status = read_value(o, program, &readable->readings[i]);
    if (status == CNN_OK && program->mode == CNN_TRAIN)
        status = read_states(o, CNN_READ_STATE);
    return status;
}

static cnn_status observe_plain(observer *o, const cnn_compiled *program)
{
    const cnn_step *step = program->step;
    bool train = program->mode == CNN_TRAIN;
    cnn_reading result = { .kind = CNN_READ_STEP, .layer = "", .name = train ? "loss" : "output" };
    result.value = train ? step->loss : step->output;
    cnn_status status = run_once(o->run, program, o->err);
    if (status == CNN_OK)
        status = read_value(o, program, &result);
    return status == CNN_OK && train ? read_states(o, CNN_READ_STEP) : status;
}

cnn_status cnn_observe(cnn_run *run, uint32_t mode, int64_t batch, cnn_observation *observation,
                       cnn_error *err)
{
    cnn_compiled *plain, open = { .mode = mode, .batch = batch };
    cnn_readable readable;
    observer o = { .run = run, .arena = run->arena, .out = observation, .err = err };
    *observation = (cnn_observation){ NULL, 0 };
    cnn_status status = check_batch(run, mode, batch, err);
    if (status == CNN_OK)
        status = cnn_run_program(run, mode, batch, &plain, err);
    if (status != CNN_OK)
        return status;
    if (!cnn_readable_build(run->config, run->registry, cnn_data_shape_of(run->data), mode, batch,
                            run->arena, run->diags, &readable))
        return cnn_fail(err, CNN_INVALID, "%s", "");
    open.step = readable.step;
    o.graph = readable.step->graph;
    status = cnn_placement_from(open.step, &run->stack, run->arena, &open.placement, err);
    if (status == CNN_OK)
        status = cnn_session_compile(run->session, open.placement,
                                     (uint64_t)run->config->train.seed, 1, &open.runner, err);
    if (status == CNN_OK)
        status = save_states(&o);
    if (status == CNN_OK)
        status = observe_layers(&o, &open, &readable);
    if (status == CNN_OK)
        status = restore_states(&o);
    if (status == CNN_OK)
        status = observe_plain(&o, plain);
    free_states(&o);
    return status;
}

void cnn_observation_free(cnn_observation *observation)
{
    for (uint32_t i = 0; i < observation->count; i++)
        free(observation->items[i].numbers);
    *observation = (cnn_observation){ NULL, 0 };
}
