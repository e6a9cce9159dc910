/* Passes without training: loss and metrics over a split, and predictions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run_internal.h"

/* A pass under way, and its sums over the data set, in double and in the order of the batches. */
typedef struct eval_sums {
    cnn_run *run;
    cnn_event *event;
    double began;
    double loss;
    int64_t samples;
    double *const *metrics;
    float *row;
} eval_sums;

uint32_t cnn_run_test_split(const cnn_run *run)
{
    static const uint32_t order[] = { CNN_SPLIT_TEST, CNN_SPLIT_VAL };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (cnn_data_count(run->data, order[i]) > 0)
            return order[i];
    return CNN_SPLIT_TRAIN;
}

static const char *split_name(uint32_t split)
{
    static const char *const names[] = { "train", "val", "test" };
    return names[split];
}

static const cnn_type *metric_type(const cnn_compiled *program, uint32_t i)
{
    return &cnn_value_at(&program->step->program, program->step->metrics[i])->type;
}

static cnn_status alloc_result(const cnn_compiled *program, cnn_arena *arena,
                               cnn_test_result *result, cnn_error *err)
{
    uint32_t n = program->step->graph->n_metrics;
    int64_t largest = 1;
    if (n > CNN_MAX_METRICS)
        return cnn_fail(err, CNN_INVALID, "test: more than %d metrics", CNN_MAX_METRICS);
    for (uint32_t i = 0; i < n; i++) {
        int64_t count = cnn_count(metric_type(program, i));
        result->sums[i] = CNN_NEW_ARRAY(arena, double, count);
        largest = count > largest ? count : largest;
    }
    result->row = CNN_NEW_ARRAY(arena, float, largest);
    result->program = program;
    return CNN_OK;
}

/* All sums 0, in the memory of the test before. */
static cnn_status begin_sums(const cnn_compiled *program, cnn_run *run, eval_sums *sums,
                             cnn_error *err)
{
    cnn_test_result *result = &run->result;
    result->present = false;
    if (result->program != program) {
        cnn_status status = alloc_result(program, run->arena, result, err);
        if (status != CNN_OK)
            return status;
    }
    for (uint32_t i = 0; i < program->step->graph->n_metrics; i++)
        memset(result->sums[i], 0, (size_t)cnn_count(metric_type(program, i)) * sizeof(double));
    *sums = (eval_sums){ .run = run, .metrics = result->sums, .row = result->row };
    return CNN_OK;
}

static cnn_status add_batch(const cnn_flight *flight, eval_sums *sums, cnn_error *err)
{
    const cnn_compiled *program = flight->program;
    const cnn_step *step = program->step;
    cnn_status status = CNN_OK;
    if (step->loss >= 0) {
        float loss = 0;
        status =
            cnn_runner_output(program->runner, step->loss, flight->set, &loss, sizeof loss, err);
        sums->loss += (double)loss * (double)flight->samples;
    }
    for (uint32_t i = 0; i < step->graph->n_metrics && status == CNN_OK; i++) {
        const cnn_type *type = metric_type(program, i);
        status = cnn_runner_output(program->runner, step->metrics[i], flight->set, sums->row,
                                   (uint64_t)cnn_bytes(type), err);
        for (int64_t k = 0; k < cnn_count(type) && status == CNN_OK; k++)
            sums->metrics[i][k] += (double)sums->row[k];
    }
    sums->samples += flight->samples;
    return status;
}

static void finish_sums(cnn_run *run, const cnn_compiled *program, const eval_sums *sums)
{
    const cnn_graph *graph = program->step->graph;
    double n = sums->samples > 0 ? (double)sums->samples : 1;
    cnn_test_result *result = &run->result;
    result->present = true;
    result->loss = program->step->loss >= 0 ? sums->loss / n : NAN;
    result->n_metrics = graph->n_metrics;
    for (uint32_t i = 0; i < graph->n_metrics; i++) {
        cnn_metric_value *m = &result->metrics[i];
        m->name = graph->metrics[i].name;
        m->kind = graph->metrics[i].layer->metric;
        m->type = *metric_type(program, i);
        m->values = sums->metrics[i];
        for (int64_t k = 0; m->kind != CNN_METRIC_COUNTS && k < cnn_count(&m->type); k++)
            sums->metrics[i][k] /= n;
    }
}

/* Adds a batch up and tells the observers. */
static cnn_status finish_batch(void *context, const cnn_flight *flight, cnn_error *err)
{
    eval_sums *sums = context;
    cnn_event *event = sums->event;
    cnn_status status = add_batch(flight, sums, err);
    event->batch++;
    event->samples = sums->samples;
    event->seconds = cnn_seconds() - sums->began;
    return status == CNN_OK ? cnn_run_tell(sums->run, event, CNN_EVENT_EVAL_STEP, err) : status;
}

/* A pass over a split in order, without augmentation. */
static cnn_status open_pass(cnn_run *run, uint32_t mode, uint32_t split, cnn_pass *pass,
                            cnn_compiled **full, cnn_error *err)
{
    int64_t count = cnn_data_count(run->data, split);
    int64_t batch =
        run->config->test.batch > 0 ? run->config->test.batch : run->config->train.batch;
    if (count == 0)
        return cnn_fail(err, CNN_INVALID, "the data set has no samples in its %s split",
                        split_name(split));
    *pass = (cnn_pass){ .split = split, .batch = count < batch ? count : batch };
    return cnn_run_program(run, mode, pass->batch, full, err);
}

cnn_status cnn_run_test(cnn_run *run, uint32_t split, cnn_error *err)
{
    cnn_pass pass;
    cnn_compiled *full;
    eval_sums sums = { 0 };
    cnn_event event = { 0 };
    if (run->result.present && run->result.split == split && run->result.step == run->step)
        return CNN_OK; /* the last epoch ended with this test */
    cnn_status status = open_pass(run, CNN_EVAL, split, &pass, &full, err);
    if (status == CNN_OK)
        status = begin_sums(full, run, &sums, err);
    if (status != CNN_OK)
        return status;
    event.split = split_name(split);
    event.epoch = run->epoch;
    event.batches = cnn_pass_batches(run->data, &pass);
    status = cnn_run_tell(run, &event, CNN_EVENT_EVAL_BEGIN, err);
    sums.event = &event;
    sums.began = cnn_seconds();
    const cnn_batch_work work = { .context = &sums, .finish = finish_batch };
    if (status == CNN_OK)
        status = cnn_run_batches(run, full, &pass, &work, err);
    if (status != CNN_OK)
        return status;
    finish_sums(run, full, &sums);
    run->result.split = split;
    run->result.step = run->step;
    event.loss = run->result.loss;
    event.metrics = run->result.metrics;
    event.n_metrics = run->result.n_metrics;
    return cnn_run_tell(run, &event, CNN_EVENT_EVAL_END, err);
}

cnn_status cnn_run_read_samples(cnn_run *run, const cnn_compiled *program, int64_t place,
                                uint32_t split, int64_t first, int64_t count, void *targets,
                                cnn_error *err)
{
    const cnn_data_shape *shape = cnn_data_shape_of(run->data);
    int64_t in_bytes = cnn_bytes(&shape->input);
    int64_t target_bytes = targets != NULL ? cnn_bytes(&shape->target) : 0;
    char *input = cnn_runner_input(program->runner, program->step->input, 0), *target = targets;
    void *scratch = malloc(2 * (size_t)cnn_data_scratch(run->data) + 1);
    cnn_status status = CNN_OK;
    if (scratch == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory to read a sample");
    for (int64_t i = 0; i < count && status == CNN_OK; i++)
        status = cnn_data_sample(run->data, split, first + i, false, 0, 0, scratch,
                                 input + (place + i) * in_bytes,
                                 target != NULL ? target + i * target_bytes : NULL, err);
    free(scratch);
    return status;
}

/* Runs batches of at most the configured size and collects their outputs. */
static cnn_status predict_all(cnn_run *run, uint32_t split, int64_t first, int64_t count,
                              float *output, int64_t per_sample, void *targets, cnn_error *err)
{
    int64_t target_bytes = cnn_bytes(&cnn_data_shape_of(run->data)->target);
    int64_t most = run->config->train.batch;
    cnn_status status = CNN_OK;
    for (int64_t done = 0, n; done < count && status == CNN_OK; done += n) {
        cnn_compiled *program;
        n = count - done < most ? count - done : most;
        status = cnn_run_program(run, CNN_PREDICT, n, &program, err);
        if (status == CNN_OK)
            status = cnn_run_read_samples(
                run, program, 0, split, first + done, n,
                targets != NULL ? (char *)targets + done * target_bytes : NULL, err);
        if (status == CNN_OK)
            status = cnn_runner_run(program->runner, 0, err);
        if (status == CNN_OK)
            status = cnn_runner_output(program->runner, program->step->output, 0,
                                       output + done * per_sample,
                                       (uint64_t)(n * per_sample) * sizeof(float), err);
    }
    return status;
}

cnn_status cnn_run_predict(cnn_run *run, uint32_t split, int64_t first, int64_t count,
                           cnn_type *type, float **output, void *targets, cnn_error *err)
{
    cnn_compiled *program;
    int64_t batch = count < run->config->train.batch ? count : run->config->train.batch;
    *output = NULL;
    if (first < 0 || count < 1 || first + count > cnn_data_count(run->data, split))
        return cnn_fail(err, CNN_INVALID, "the %s split has %lld samples, not %lld",
                        split_name(split), (long long)cnn_data_count(run->data, split),
                        (long long)(first + count));
    cnn_status status = cnn_run_program(run, CNN_PREDICT, batch, &program, err);
    if (status != CNN_OK)
        return status;
    *type = cnn_value_at(&program->step->program, program->step->output)->type;
    if (type->dtype != CNN_F32 || type->rank == 0 || type->dim[0] != batch)
        return cnn_fail(err, CNN_UNSUPPORTED, "the model's output has no value per sample");
    type->dim[0] = count;
    *output = malloc((size_t)cnn_bytes(type));
    if (*output == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for %lld outputs", (long long)count);
    status =
        predict_all(run, split, first, count, *output, cnn_span(type, 1, type->rank), targets, err);
    if (status != CNN_OK) {
        free(*output);
        *output = NULL;
    }
    return status;
}
