/* validate: everything up to the programs, nothing is computed. */
#include <inttypes.h>

#include "base/text.h"
#include "cli/cli.h"
#include "program.h"
#include "run.h"

static bool build(cnn_context *context, const cnn_data_shape *shape, uint32_t mode, cnn_step **step)
{
    *step = cnn_step_build(context->config, &context->registry, shape, mode,
                           cnn_context_batch(context, mode), context->arena, &context->diags);
    return *step != NULL && context->diags.errors == 0;
}

/* What the pipeline expects of its model; in --json standard output is for the errors. */
static cnn_status expectations(cnn_context *context, const cnn_data_shape *shape)
{
    bool met = true, json = cnn_command_option(&context->command, "json") != NULL;
    cnn_status status = cnn_expect_model(context->config, &context->registry, shape, context->arena,
                                         &context->diags, json ? stderr : stdout, &met);
    context->unmet = !met;
    return status;
}

/* Errors of one program are mostly those of the others: the first that fails is enough. */
static cnn_status check(cnn_context *context, cnn_step **predict)
{
    cnn_data_shape shape;
    cnn_step *step;
    cnn_status status = cnn_context_config(context);
    if (status == CNN_OK)
        status = cnn_context_shape(context, &shape);
    if (status != CNN_OK)
        return status;
    bool learns = context->config->train.loss.component != NULL;
    bool ok = build(context, &shape, CNN_PREDICT, predict);
    if (ok && learns)
        ok = build(context, &shape, CNN_TRAIN, &step) && build(context, &shape, CNN_EVAL, &step);
    return ok ? expectations(context, &shape) : CNN_INVALID;
}

static void add_diag(cnn_text *out, const cnn_diag *d)
{
    cnn_text_add(out, "{\"severity\": \"%s\", \"file\": ", d->warning ? "warning" : "error");
    cnn_text_add_json(out, d->place.source != NULL ? d->place.source->name : "");
    cnn_text_add(out, ", \"line\": %d, \"column\": %d, \"message\": ", d->place.line,
                 d->place.column);
    cnn_text_add_json(out, d->text);
    cnn_text_add(out, ", \"hint\": ");
    cnn_text_add_json(out, d->hint != NULL ? d->hint : "");
    cnn_text_add(out, "}");
}

/* An error without a place becomes one in the pipeline's file, so that editors show it too. */
static void print_json(cnn_context *context)
{
    cnn_text out = { 0 };
    if (context->err.text[0] != '\0') {
        const cnn_source source = { .name = context->command.arguments[0] };
        cnn_place place = { .source = &source, .line = 1, .column = 1 };
        const cnn_diag d = { .place = place, .text = context->err.text, .hint = context->err.hint };
        add_diag(&out, &d);
    }
    for (size_t i = 0; i < context->diags.count; i++) {
        if (out.length > 0)
            cnn_text_add(&out, ",\n ");
        add_diag(&out, &context->diags.items[i]);
    }
    (void)printf("[%s]\n", cnn_text_get(&out));
    cnn_text_free(&out);
    context->err.text[0] = '\0';
    context->diags_as_json = true;
}

static cnn_status validate(cnn_context *context)
{
    cnn_step *step = NULL;
    cnn_status status = check(context, &step);
    if (cnn_command_option(&context->command, "json") != NULL)
        print_json(context);
    else if (status == CNN_OK && !context->unmet)
        (void)printf("%s: valid, %u layers with %" PRId64 " weights\n", context->config->path,
                     step->graph->n_layers, cnn_graph_params(step->graph));
    return status;
}

static const cnn_option options[] = {
    { "json", NULL, "the errors as a JSON list on standard output, for editors" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_validate = {
    .name = "validate",
    .arguments = "PIPELINE [PATH=VALUE ...]",
    .summary = "check everything without computing anything",
    .details =
        "Syntax, options, plugins, data files and shapes. All errors are shown, each with its\n"
        "place in the file. Exit status 1 if only an expectation of the model is not met:\n"
        "its output's shape, its parameters or its multiply-adds.",
    .options = options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = validate,
};
