/* explain: one number of a network, worked out step by step. */
#include "explain/explain.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* As other programs do: only for people who watch, and not if they say no. */
static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && (no == NULL || no[0] == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

/* The index of a word, from 1; 0 if the option was not given. */
static cnn_status choose(cnn_context *context, const char *option, const char *const *words,
                         uint32_t *index)
{
    const char *text = cnn_command_option(&context->command, option);
    *index = 0;
    if (text == NULL)
        return CNN_OK;
    char list[80] = "";
    for (uint32_t i = 0; words[i] != NULL; i++) {
        size_t used = strlen(list);
        if (strcmp(words[i], text) == 0)
            *index = i + 1;
        (void)snprintf(list + used, sizeof list - used, "%s%s",
                       i == 0                 ? ""
                       : words[i + 1] == NULL ? " or "
                                              : ", ",
                       words[i]);
    }
    return *index > 0 ? CNN_OK
                      : cnn_fail(&context->err, CNN_INVALID, "--%s is '%s', but %s is wanted",
                                 option, text, list);
}

/* Is it safe to paste into a shell? */
static bool is_plain(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "_-./=,:+@%")] == '\0';
}

/* The pipeline with its overrides, as commands name it. */
static const char *pipeline_text(const cnn_context *context)
{
    const cnn_command *command = &context->command;
    const char *text = command->arguments[0];
    for (uint32_t i = 0; i < command->n_overrides; i++)
        text =
            cnn_arena_printf(context->arena, is_plain(command->overrides[i]) ? "%s %s" : "%s '%s'",
                             text, command->overrides[i]);
    return text;
}

/* LAYER and Y,X may both be left out; an argument with a comma is an element. */
static cnn_status read_arguments(cnn_context *context, cnn_explain_request *request)
{
    const cnn_command *command = &context->command;
    request->pipeline = pipeline_text(context);
    if (command->n_arguments == 3) {
        request->layer = command->arguments[1];
        request->element = command->arguments[2];
    } else if (command->n_arguments == 2 && strchr(command->arguments[1], ',') != NULL) {
        request->element = command->arguments[1];
    } else if (command->n_arguments == 2) {
        request->layer = command->arguments[1];
    }
    request->gradient = cnn_command_option(command, "gradient");
    request->weights = cnn_command_option(command, "weights");
    request->all = cnn_command_option(command, "all") != NULL;
    request->colour = wants_colour();
    return CNN_OK;
}

static cnn_status read_command(cnn_context *context, cnn_explain_request *request)
{
    static const char *const modes[] = { "train", "eval", NULL };
    uint32_t mode;
    *request = (cnn_explain_request){ .channel = -1, .batch = 1 };
    cnn_status status = read_arguments(context, request);
    if (status == CNN_OK)
        status = choose(context, "mode", modes, &mode);
    if (status == CNN_OK)
        status = cnn_context_split(context, &request->split);
    if (status == CNN_OK)
        status = cnn_context_whole(context, "channel", 0, &request->channel);
    if (status == CNN_OK)
        status = cnn_context_whole(context, "sample", 0, &request->sample);
    if (status == CNN_OK)
        status = cnn_context_whole(context, "batch", 1, &request->batch);
    if (status != CNN_OK)
        return status;
    request->mode = mode == 1 ? CNN_TRAIN : mode == 2 ? CNN_EVAL : 0;
    return CNN_OK;
}

static cnn_status explain(cnn_context *context)
{
    cnn_explain_request request;
    cnn_data_shape shape;
    bool agrees = true;
    cnn_status status = read_command(context, &request);
    if (status == CNN_OK)
        status = cnn_context_config(context);
    if (status == CNN_OK)
        status = cnn_context_shape(context, &shape);
    if (status == CNN_OK)
        status = cnn_explain(context->config, &context->registry, &shape, &request, context->arena,
                             &context->diags, stdout, &agrees, &context->err);
    context->unmet = context->unmet || !agrees;
    return status;
}

static const cnn_option options[] = {
    { "channel", "N", "of the result (default: 0)" },
    { "gradient", "WHAT", "the gradient of the input, or of a weight: input, weight, bias" },
    { "sample", "N", "of the data (default: 0)" },
    { "split", "SPLIT", "train, val or test (default: the one for tests)" },
    { "batch", "N", "samples in the step, from the sample on (default: 1)" },
    { "mode", "MODE", "train or eval (default: eval, for gradients train)" },
    { "weights", "FILE", "these weights (safetensors file, or a run's directory)" },
    { "all", NULL, "shorten nothing" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_explain = {
    .name = "explain",
    .arguments = "PIPELINE [LAYER] [Y,X] [PATH=VALUE ...]",
    .summary = "one number worked out step by step: window, kernel, products, sum",
    .details =
        "LAYER is a path, prefix or name as in `cnnrun summary`, or `loss`, or a metric; without\n"
        "it the first layer that computes something is explained and the others are listed.\n"
        "Y,X is the place of the number (default: 0,0); more numbers name more axes, as in\n"
        "channel,y,x. Every step is compared with what the reference backend computes; exit\n"
        "status 1 if one differs by more than float rounding. Gradients are those of the loss, or\n"
        "of the sum of all outputs where the pipeline has no loss.",
    .options = options,
    .min_arguments = 1,
    .max_arguments = 3,
    .run = explain,
};
