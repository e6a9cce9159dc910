/* The training loop: what a step is given, its loss, what the observers are told. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run_internal.h"

/* An epoch under way, and what it sums up. */
typedef struct epoch {
    cnn_run *run;
    int64_t planned; /* batches of the whole epoch */
    int64_t started; /* steps since the training began */
    double loss;     /* sum of the batches' means, for the epoch */
    double logged;
    int64_t logged_batches;
    int64_t samples, batches;
    double began;
} epoch;

static double base_lr(const cnn_use *optimizer)
{
    const cnn_table *params = &optimizer->component->params;
    for (uint32_t i = 0; i < params->count; i++) {
        const cnn_param *p = cnn_table_at(params, i);
        if (strcmp(p->name, "lr") == 0)
            return *(const double *)(const void *)((const char *)optimizer->params + p->offset);
    }
    return 0;
}

/* The optimizer's rate, changed by every schedule in turn. */
double cnn_run_learning_rate(const cnn_run *run, int64_t step, int64_t batches)
{
    const cnn_train_config *train = &run->config->train;
    cnn_progress progress = { .step = step, .steps_per_epoch = batches };
    double base = base_lr(&train->optimizer), lr = base;
    progress.total_steps = batches * train->epochs;
    if (train->steps > 0 && train->steps < progress.total_steps)
        progress.total_steps = train->steps;
    progress.base_lr = base;
    for (uint32_t i = 0; i < train->schedule.count; i++) {
        const cnn_use *use = &train->schedule.items[i];
        double one =
            ((const cnn_schedule *)(const void *)use->component)->lr(use->params, &progress);
        lr = i == 0 ? one : base != 0 ? lr * one / base : 0;
    }
    return lr;
}

/* Writes what changes from step to step: learning rate and the optimizer's other numbers, step,
 * seed. */
void cnn_run_write_scalars(const cnn_run *run, const cnn_compiled *program, uint32_t set,
                           int64_t step, double lr)
{
    const cnn_step *inputs = program->step;
    const cnn_use *use = &run->config->train.optimizer;
    const cnn_optimizer *optimizer = (const cnn_optimizer *)(const void *)use->component;
    double numbers[CNN_MAX_SCALARS] = { lr };
    if (optimizer->scalars != NULL)
        optimizer->scalars(use->params, step + 1, numbers);
    for (uint32_t i = 0; i < optimizer->n_scalars; i++)
        if (inputs->scalars[i] >= 0)
            *(float *)cnn_runner_input(program->runner, inputs->scalars[i], set) =
                (float)numbers[i];
    if (inputs->step >= 0)
        *(int32_t *)cnn_runner_input(program->runner, inputs->step, set) = (int32_t)step;
    if (inputs->seed >= 0) {
        uint64_t seed = (uint64_t)run->config->train.seed;
        uint32_t halves[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
        memcpy(cnn_runner_input(program->runner, inputs->seed, set), halves, sizeof halves);
    }
}

static cnn_status report_step(epoch *e, const cnn_flight *flight, double loss, cnn_error *err)
{
    cnn_run *run = e->run;
    int64_t every = run->config->train.log_every;
    cnn_event event = { 0 };
    event.epoch = run->epoch + 1;
    event.batch = run->batch;
    event.batches = e->planned;
    event.samples = e->samples;
    event.loss = loss;
    event.lr = flight->lr;
    event.seconds = cnn_seconds() - e->began;
    event.split = "train";
    cnn_status status = cnn_run_read_gradients(flight->program, flight->set, &event.gradients, err);
    if (status == CNN_OK)
        status = cnn_run_tell(run, &event, CNN_EVENT_STEP, err);
    if (status != CNN_OK || every <= 0 || run->batch % every != 0)
        return status;
    event.gradients.count = 0;
    event.loss = e->logged / (double)e->logged_batches;
    e->logged = 0;
    e->logged_batches = 0;
    return cnn_run_tell(run, &event, CNN_EVENT_LOG, err);
}

static void prepare_step(void *context, cnn_flight *flight)
{
    epoch *e = context;
    flight->lr = cnn_run_learning_rate(e->run, e->started, e->planned);
    cnn_run_write_scalars(e->run, flight->program, flight->set, e->started, flight->lr);
    e->started++;
}

static cnn_status finish_step(void *context, const cnn_flight *flight, cnn_error *err)
{
    epoch *e = context;
    cnn_run *run = e->run;
    const cnn_compiled *program = flight->program;
    float loss = 0;
    cnn_status status = cnn_runner_output(program->runner, program->step->loss, flight->set, &loss,
                                          sizeof loss, err);
    if (status != CNN_OK)
        return status;
    run->step++;
    run->batch++;
    if (!isfinite(loss))
        return cnn_run_diverged(run, program, flight->set, loss, err);
    e->loss += loss;
    e->logged += loss;
    e->logged_batches++;
    e->samples += flight->samples;
    e->batches++;
    return report_step(e, flight, loss, err);
}

static bool are_enough(const cnn_run *run, int64_t steps)
{
    return run->config->train.steps > 0 && steps >= run->config->train.steps;
}

static bool stops(void *context)
{
    const epoch *e = context;
    return are_enough(e->run, e->started) || cnn_interrupted();
}

/* The batches of one epoch, from the one where a checkpoint stopped. */
static cnn_status train_batches(epoch *e, cnn_compiled *full, cnn_pass *pass, cnn_error *err)
{
    cnn_run *run = e->run;
    const cnn_batch_work work = { e, prepare_step, finish_step, stops };
    cnn_status status = cnn_run_batches(run, full, pass, &work, err);
    if (status == CNN_OK && cnn_interrupted())
        status = cnn_fail(err, CNN_INTERRUPTED, "interrupted in epoch %lld after batch %lld",
                          (long long)run->epoch + 1, (long long)run->batch);
    return status;
}

static cnn_status train_epoch(cnn_run *run, cnn_compiled *full, cnn_pass *pass, cnn_error *err)
{
    epoch e = { .run = run,
                .planned = cnn_pass_batches(run->data, pass),
                .started = run->step,
                .began = cnn_seconds() };
    cnn_event event = { 0 };
    event.epoch = run->epoch + 1;
    event.batches = e.planned;
    event.split = "train";
    pass->epoch = run->epoch;
    pass->first = run->batch;
    cnn_status status = cnn_run_tell(run, &event, CNN_EVENT_EPOCH_BEGIN, err);
    if (status == CNN_OK)
        status = train_batches(&e, full, pass, err);
    if (status != CNN_OK)
        return status;
    run->epoch++;
    run->batch = 0;
    event.samples = e.samples;
    event.loss = e.batches > 0 ? e.loss / (double)e.batches : 0;
    event.seconds = cnn_seconds() - e.began;
    return cnn_run_tell(run, &event, CNN_EVENT_EPOCH_END, err);
}

static cnn_status train_epochs(cnn_run *run, cnn_compiled *full, cnn_pass *pass, cnn_error *err)
{
    const cnn_config *config = run->config;
    cnn_status status = CNN_OK;
    while (status == CNN_OK && run->epoch < config->train.epochs && !are_enough(run, run->step)) {
        status = train_epoch(run, full, pass, err);
        bool test = config->test.every > 0 && run->epoch % config->test.every == 0;
        if (status == CNN_OK && test && cnn_data_count(run->data, cnn_run_test_split(run)) > 0)
            status = cnn_run_test(run, cnn_run_test_split(run), err);
        if (status == CNN_OK)
            status = cnn_run_checkpoint(run, err);
        if (status == CNN_OK && cnn_interrupted())
            status = cnn_fail(err, CNN_INTERRUPTED, "interrupted after epoch %lld",
                              (long long)run->epoch);
    }
    return status;
}

static cnn_status open_pass(cnn_run *run, cnn_pass *pass, cnn_compiled **full, cnn_error *err)
{
    const cnn_train_config *train = &run->config->train;
    int64_t count = cnn_data_count(run->data, CNN_SPLIT_TRAIN);
    if (count == 0 || (train->drop_last && count < train->batch))
        return cnn_fail(err, CNN_INVALID, "the data set has %lld training samples, a batch %lld",
                        (long long)count, (long long)train->batch);
    if (train->loss.component == NULL || train->optimizer.component == NULL)
        return cnn_fail(err, CNN_INVALID, "%s: train: needs a loss and an optimizer",
                        run->config->path);
    *pass = (cnn_pass){ .split = CNN_SPLIT_TRAIN,
                        .shuffle = train->shuffle,
                        .augment = true,
                        .drop_last = train->drop_last,
                        .seed = (uint64_t)train->seed,
                        .batch = count < train->batch ? count : train->batch };
    return cnn_run_program(run, CNN_TRAIN, pass->batch, full, err);
}

/* What stopped the run keeps its message; what can still be saved is saved. */
static cnn_status save_what_is_there(cnn_run *run, cnn_status status, cnn_error *err)
{
    cnn_error second;
    if (status != CNN_INTERRUPTED)
        return status;
    if (run->config->output.dir[0] == '\0')
        return status;
    if (cnn_run_checkpoint_now(run, &second) != CNN_OK)
        cnn_hint(err, "no checkpoint: %s", second.text);
    else
        cnn_hint(err, "it goes on from here with: cnnrun train %s --weights %s", run->config->path,
                 run->last_checkpoint);
    return status;
}

static cnn_status save_model(cnn_run *run, cnn_error *err)
{
    char path[4200];
    if (run->config->output.dir[0] == '\0')
        return CNN_OK;
    (void)snprintf(path, sizeof path, "%s/model.safetensors", run->config->output.dir);
    return cnn_run_save(run, path, true, err);
}

cnn_status cnn_run_train(cnn_run *run, cnn_error *err)
{
    cnn_pass pass;
    cnn_compiled *full;
    cnn_status status = open_pass(run, &pass, &full, err);
    if (status == CNN_OK)
        status = cnn_run_write_pipeline(run, err);
    if (status != CNN_OK)
        return status;
    cnn_interrupt_install();
    status = train_epochs(run, full, &pass, err);
    status = save_what_is_there(run, status, err);
    cnn_interrupt_restore();
    return status == CNN_OK ? save_model(run, err) : status;
}
