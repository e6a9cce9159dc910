/* The training loop: feed, start a step, look at the loss of the one before, tell the observers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run_internal.h"

/* What one epoch sums up. */
typedef struct epoch_sums {
    double loss; /* sum of the batches' means, for the epoch */
    double logged;
    int64_t logged_batches;
    int64_t samples, batches;
    double began;
} epoch_sums;

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
            *(float *)cnn_runner_input(program->runner, inputs->scalars[i], set) = (float)numbers[i];
    if (inputs->step >= 0)
        *(int32_t *)cnn_runner_input(program->runner, inputs->step, set) = (int32_t)step;
    if (inputs->seed >= 0) {
        uint64_t seed = (uint64_t)run->config->train.seed;
        uint32_t halves[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
        memcpy(cnn_runner_input(program->runner, inputs->seed, set), halves, sizeof halves);
    }
}

static cnn_status report_step(cnn_run *run, const cnn_flight *flight, epoch_sums *sums,
                              int64_t batches, double loss, cnn_error *err)
{
    int64_t every = run->config->train.log_every;
    cnn_event event = { 0 };
    event.epoch = run->epoch + 1;
    event.batch = run->batch;
    event.batches = batches;
    event.samples = sums->samples;
    event.loss = loss;
    event.lr = flight->lr;
    event.seconds = cnn_seconds() - sums->began;
    event.split = "train";
    cnn_status status = cnn_run_read_gradients(flight->program, flight->set, &event.gradients,
                                               err);
    if (status == CNN_OK)
        status = cnn_run_tell(run, &event, CNN_EVENT_STEP, err);
    if (status != CNN_OK || every <= 0 || run->batch % every != 0)
        return status;
    event.gradients.count = 0;
    event.loss = sums->logged / (double)sums->logged_batches;
    sums->logged = 0;
    sums->logged_batches = 0;
    return cnn_run_tell(run, &event, CNN_EVENT_LOG, err);
}

/* Starts the step after `done` steps, on the batch that lies in flight->set. */
static cnn_status start_step(cnn_run *run, cnn_compiled *full, int64_t done, int64_t batches,
                             cnn_flight *flight, cnn_error *err)
{
    cnn_status status =
        cnn_run_program_for(run, full, flight->samples, flight->set, &flight->program, err);
    if (status != CNN_OK)
        return status;
    flight->lr = cnn_run_learning_rate(run, done, batches);
    cnn_run_write_scalars(run, flight->program, flight->set, done, flight->lr);
    return cnn_runner_run(flight->program->runner, flight->set, err);
}

/* Waits for a step and counts it. */
static cnn_status finish_step(cnn_run *run, const cnn_flight *flight, epoch_sums *sums,
                              int64_t batches, cnn_error *err)
{
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
    sums->loss += loss;
    sums->logged += loss;
    sums->logged_batches++;
    sums->samples += flight->samples;
    sums->batches++;
    return report_step(run, flight, sums, batches, loss, err);
}

static bool are_enough(const cnn_run *run, int64_t steps)
{
    return run->config->train.steps > 0 && steps >= run->config->train.steps;
}

/* The batches of one epoch, from the one where a checkpoint stopped: one step is always started
 * before the last is waited for. */
static cnn_status train_steps(cnn_run *run, cnn_compiled *full, epoch_sums *sums, int64_t batches,
                              cnn_error *err)
{
    cnn_flight last = { .program = NULL };
    cnn_status status = CNN_OK;
    for (int64_t done = run->step, batch = run->batch;; done++, batch++) {
        cnn_flight next = { .set = (uint32_t)(batch % CNN_SETS) };
        status = cnn_feed_next(run->feed, &next.samples, err);
        if (status != CNN_OK || next.samples == 0)
            break;
        status = start_step(run, full, done, batches, &next, err);
        if (status == CNN_OK && last.program != NULL)
            status = finish_step(run, &last, sums, batches, err);
        last = next;
        if (status != CNN_OK || are_enough(run, done + 1) || cnn_interrupted())
            break;
    }
    return status == CNN_OK && last.program != NULL ? finish_step(run, &last, sums, batches, err)
                                                    : status;
}

static cnn_status train_batches(cnn_run *run, cnn_compiled *full, const cnn_pass *pass,
                                epoch_sums *sums, cnn_error *err)
{
    cnn_status status = cnn_run_pass(run, pass, err);
    if (status != CNN_OK)
        return status;
    status = train_steps(run, full, sums, cnn_pass_batches(run->data, pass), err);
    if (status == CNN_OK && cnn_interrupted())
        status = cnn_fail(err, CNN_INTERRUPTED, "interrupted in epoch %lld after batch %lld",
                          (long long)run->epoch + 1, (long long)run->batch);
    cnn_feed_end(run->feed);
    return status;
}

static cnn_status train_epoch(cnn_run *run, cnn_compiled *full, cnn_pass *pass, cnn_error *err)
{
    epoch_sums sums = { .began = cnn_seconds() };
    cnn_event event = { 0 };
    event.epoch = run->epoch + 1;
    event.batches = cnn_pass_batches(run->data, pass);
    event.split = "train";
    pass->epoch = run->epoch;
    pass->first = run->batch;
    cnn_status status = cnn_run_tell(run, &event, CNN_EVENT_EPOCH_BEGIN, err);
    if (status == CNN_OK)
        status = train_batches(run, full, pass, &sums, err);
    if (status != CNN_OK)
        return status;
    run->epoch++;
    run->batch = 0;
    event.samples = sums.samples;
    event.loss = sums.batches > 0 ? sums.loss / (double)sums.batches : 0;
    event.seconds = cnn_seconds() - sums.began;
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
    cnn_status status = cnn_run_program(run, CNN_TRAIN, pass->batch, full, err);
    if (status == CNN_OK)
        cnn_run_places(*full, pass);
    return status;
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
