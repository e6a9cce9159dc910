/* run, train, test: config -> run, which does the rest. */
#include "run.h"

#include <string.h>

#include "cli/cli.h"

/* What one call of the program is to do. */
typedef struct tasks {
    bool train, test;
} tasks;

static const cnn_expect_config *expectation(const cnn_config *config)
{
    return config->expect.present ? &config->expect : NULL;
}

static bool is_evaluated(const cnn_config *config)
{
    return config->train.loss.component != NULL || config->test.metrics.count > 0;
}

/* The programs that are needed, as bits 1 << cnn_mode. */
static uint32_t needed_modes(const cnn_config *config, tasks todo)
{
    const cnn_expect_config *expect = todo.test ? expectation(config) : NULL;
    uint32_t modes = 0;
    if (todo.train)
        modes |= 1u << CNN_TRAIN;
    if (is_evaluated(config) &&
        (todo.test || config->test.every > 0 || config->output.best[0] != '\0'))
        modes |= 1u << CNN_EVAL;
    if (expect != NULL && (expect->shape.count > 0 || expect->output != NULL ||
                           expect->params >= 0 || expect->macs >= 0))
        modes |= 1u << CNN_PREDICT;
    return modes;
}

/* --quiet: the other reports stay. */
static void drop_terminal(cnn_uses *report)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < report->count; i++)
        if (strcmp(report->items[i].component->name, "terminal") != 0)
            report->items[kept++] = report->items[i];
    report->count = kept;
}

static cnn_status test(cnn_context *context, cnn_run *run)
{
    cnn_status status = CNN_OK;
    bool met = true;
    if (is_evaluated(context->config))
        status = cnn_run_test(run, cnn_run_test_split(run), &context->err);
    if (status == CNN_OK && expectation(context->config) != NULL)
        status = cnn_run_expect(run, stdout, &met, &context->err);
    context->unmet = context->unmet || !met;
    return status;
}

static cnn_status load_weights(cnn_context *context, cnn_run *run)
{
    const char *path = cnn_command_option(&context->command, "weights");
    return path != NULL ? cnn_run_load(run, path, &context->err) : CNN_OK;
}

/* `steps` ends with 0. The observers hear of the end in any case; the first error is told. */
static cnn_status run_steps(cnn_context *context, cnn_run *run, const uint32_t *steps)
{
    cnn_error later;
    cnn_status status = load_weights(context, run);
    if (status == CNN_OK)
        status = cnn_run_begin(run, &context->err);
    if (status != CNN_OK)
        return status;
    for (; status == CNN_OK && *steps != 0; steps++)
        status = *steps == CNN_STEP_TRAIN ? cnn_run_train(run, &context->err) : test(context, run);
    cnn_status ended = cnn_run_end(run, status, status == CNN_OK ? &context->err : &later);
    return status != CNN_OK ? status : ended;
}

static cnn_status run_pipeline(cnn_context *context, const uint32_t *steps)
{
    cnn_run *run = NULL;
    tasks todo = { false, false };
    cnn_config *config = context->config;
    for (size_t i = 0; steps[i] != 0; i++) {
        todo.train = todo.train || steps[i] == CNN_STEP_TRAIN;
        todo.test = todo.test || steps[i] == CNN_STEP_TEST;
    }
    if (todo.train && config->train.loss.component == NULL)
        return cnn_fail(&context->err, CNN_INVALID, "%s: cannot be trained, it has no train.loss",
                        config->path);
    if (context->services->quiet)
        drop_terminal(&config->output.report);
    cnn_status status = cnn_run_open(config, &context->registry, needed_modes(config, todo),
                                     context->arena, &context->diags, &run, &context->err);
    cnn_context_print_diags(context);
    if (status == CNN_OK)
        status = run_steps(context, run, steps);
    cnn_run_close(run);
    return status;
}

static cnn_status run_verb(cnn_context *context)
{
    cnn_status status = cnn_context_config(context);
    return status != CNN_OK ? status : run_pipeline(context, context->config->steps);
}

static cnn_status train_verb(cnn_context *context)
{
    static const uint32_t steps[] = { CNN_STEP_TRAIN, 0 };
    cnn_status status = cnn_context_config(context);
    return status != CNN_OK ? status : run_pipeline(context, steps);
}

static cnn_status test_verb(cnn_context *context)
{
    static const uint32_t steps[] = { CNN_STEP_TEST, 0 };
    cnn_status status = cnn_context_config(context);
    return status != CNN_OK ? status : run_pipeline(context, steps);
}

static const cnn_option weight_options[] = {
    { "weights", "FILE", "start from these weights (safetensors file, or a run's directory)" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_run = {
    .name = "run",
    .arguments = "PIPELINE [PATH=VALUE ...]",
    .summary = "do the pipeline's steps: train, then test (also without a verb)",
    .details =
        "PATH=VALUE changes the pipeline for this run: train.epochs=2, backend=vulkan,\n"
        "model.0.conv2d.out_channels=16. @FILE merges a YAML file. Ctrl-C ends the run after\n"
        "the current batch and keeps its checkpoint; a second one ends it at once.",
    .options = weight_options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_verb,
};

const cnn_verb cnn_verb_train = {
    .name = "train",
    .arguments = "PIPELINE [PATH=VALUE ...]",
    .summary = "train only",
    .options = weight_options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = train_verb,
};

const cnn_verb cnn_verb_test = {
    .name = "test",
    .arguments = "PIPELINE [PATH=VALUE ...]",
    .summary = "measure on the test data, and check what the pipeline expects",
    .details =
        "Expectations (expect: in the pipeline) that are not met are shown; the exit status\n"
        "is then 1.",
    .options = weight_options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = test_verb,
};
