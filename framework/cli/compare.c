/* compare: the same step on several backends, layer by layer. */
#include "compare.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

#define DEFAULT_TOLERANCE 1e-4

typedef struct job {
    const char **backends;
    uint32_t n_backends;
    uint32_t mode;
    int64_t batch;
    double tolerance;
    bool json;
} job;

/* ---- the command line ---- */

static cnn_status read_mode(cnn_context *context, job *todo)
{
    const char *text = cnn_command_option(&context->command, "mode");
    todo->mode = context->config->train.loss.component != NULL ? CNN_TRAIN : CNN_PREDICT;
    if (text == NULL)
        return CNN_OK;
    todo->mode = strcmp(text, "train") == 0 ? CNN_TRAIN : CNN_PREDICT;
    if (todo->mode == CNN_PREDICT && strcmp(text, "predict") != 0)
        return cnn_fail(&context->err, CNN_INVALID,
                        "--mode is '%s', but train or predict is wanted", text);
    return CNN_OK;
}

static cnn_status read_command(cnn_context *context, job *todo)
{
    double batch = 0;
    cnn_status status = cnn_context_backends(context, &todo->backends, &todo->n_backends);
    if (status == CNN_OK && todo->n_backends < 2) {
        (void)cnn_fail(&context->err, CNN_INVALID, "compare needs two backends or more");
        cnn_hint(&context->err, "add backend=reference,cpu; cnnrun devices lists them");
        return CNN_INVALID;
    }
    if (status == CNN_OK)
        status = cnn_context_number(context, "tolerance", 0, &todo->tolerance);
    if (status == CNN_OK)
        status = cnn_context_number(context, "batch", 1, &batch);
    if (status == CNN_OK)
        status = cnn_context_config(context);
    if (status != CNN_OK)
        return status;
    todo->batch = batch >= 1 ? (int64_t)batch : context->config->train.batch;
    todo->json = cnn_command_option(&context->command, "json") != NULL;
    return read_mode(context, todo);
}

/* ---- results ---- */

static const char *const kind_names[] = { "forward", "gradient", "weight gradient", "new state",
                                          "whole step" };

static cnn_distance distance(const cnn_observation *a, const cnn_observation *b, uint32_t i)
{
    return cnn_distance_of(a->items[i].numbers, b->items[i].numbers, a->items[i].count);
}

/* Index of the first value over the tolerance, or count. */
static uint32_t first_offender(const cnn_observation *a, const cnn_observation *b, double tolerance)
{
    uint32_t i = 0;
    while (i < a->count && cnn_is_near(distance(a, b, i), tolerance))
        i++;
    return i;
}

/* The largest distance of one kind in a layer (NULL: anywhere); false if there is nothing. */
static bool worst(const cnn_observation *a, const cnn_observation *b, uint32_t kind,
                  const char *layer, cnn_distance *out)
{
    bool any = false;
    *out = (cnn_distance){ 0, 0 };
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->items[i].kind != kind || (layer != NULL && strcmp(a->items[i].layer, layer) != 0))
            continue;
        cnn_distance d = distance(a, b, i);
        out->absolute = fmax(out->absolute, d.absolute);
        out->relative = fmax(out->relative, d.relative);
        any = true;
    }
    return any;
}

static void print_cells(const cnn_observation *a, const cnn_observation *b, const char *layer)
{
    for (uint32_t kind = CNN_READ_FORWARD; kind <= CNN_READ_WEIGHT; kind++) {
        cnn_distance d;
        if (worst(a, b, kind, layer, &d))
            (void)printf("  %9.2e %9.2e", d.absolute, d.relative);
        else if (kind < CNN_READ_WEIGHT)
            (void)printf("  %9s %9s", "-", "-");
    }
    (void)printf("\n");
}

static void print_table(const job *todo, const cnn_observation *a, const cnn_observation *b)
{
    (void)printf("%-24s  %-19s  %-19s  %-19s\n%-24s", "", "forward", "gradient",
                 "gradients of weights", "layer");
    for (int i = 0; i < 3; i++)
        (void)printf("  %9s %9s", "absolute", "relative");
    (void)printf("\n");
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->items[i].kind != CNN_READ_FORWARD)
            continue;
        (void)printf("%-24s", a->items[i].layer);
        print_cells(a, b, a->items[i].layer);
    }
    for (uint32_t kind = CNN_READ_STATE; kind <= CNN_READ_STEP; kind++) {
        cnn_distance d;
        const char *what = kind == CNN_READ_STATE    ? "new states"
                           : todo->mode == CNN_TRAIN ? "whole step: loss, states"
                                                     : "whole step: output";
        if (worst(a, b, kind, NULL, &d))
            (void)printf("%-24s  %9.2e %9.2e\n", what, d.absolute, d.relative);
    }
}

static void print_verdict(const job *todo, const cnn_observation *a, const cnn_observation *b,
                          uint32_t first)
{
    if (first == a->count) {
        (void)printf("all %u values are within %g\n", a->count, todo->tolerance);
        return;
    }
    const cnn_observed *item = &a->items[first];
    cnn_distance d = distance(a, b, first);
    (void)printf("first beyond %g: %s of ", todo->tolerance, kind_names[item->kind]);
    if (item->layer[0] != '\0')
        (void)printf("layer '%s'%s", item->layer, item->name[0] != '\0' ? ", " : "");
    (void)printf("%s (op %s): %.2e, relative %.2e\n", item->name, item->op, d.absolute, d.relative);
}

/* JSON has no infinity: 1e999 would be one to some readers only, null is said instead. */
static void add_number(cnn_text *out, const char *key, double value)
{
    if (isfinite(value))
        cnn_text_add(out, ", \"%s\": %.9g", key, value);
    else
        cnn_text_add(out, ", \"%s\": null", key);
}

static void print_json(const job *todo, uint32_t other, const cnn_observation *a,
                       const cnn_observation *b)
{
    cnn_text out = { 0 };
    cnn_text_add(&out, "{\"backends\": [");
    cnn_text_add_json(&out, todo->backends[0]);
    cnn_text_add(&out, ", ");
    cnn_text_add_json(&out, todo->backends[other]);
    cnn_text_add(&out, "], \"batch\": %lld, \"tolerance\": %.9g, \"within\": %s, \"values\": [",
                 (long long)todo->batch, todo->tolerance,
                 first_offender(a, b, todo->tolerance) == a->count ? "true" : "false");
    for (uint32_t i = 0; i < a->count; i++) {
        cnn_distance d = distance(a, b, i);
        cnn_text_add(&out, "%s{\"kind\": \"%s\", \"layer\": ", i > 0 ? ", " : "",
                     kind_names[a->items[i].kind]);
        cnn_text_add_json(&out, a->items[i].layer);
        cnn_text_add(&out, ", \"name\": ");
        cnn_text_add_json(&out, a->items[i].name);
        add_number(&out, "absolute", d.absolute);
        add_number(&out, "relative", d.relative);
        cnn_text_add(&out, ", \"within\": %s}", cnn_is_near(d, todo->tolerance) ? "true" : "false");
    }
    (void)printf("%s]}\n", cnn_text_get(&out));
    cnn_text_free(&out);
}

/* ---- runs ---- */

static cnn_status observe(cnn_context *context, const job *todo, const char *backend,
                          cnn_observation *out)
{
    cnn_run *run = NULL;
    cnn_config *config = CNN_NEW(context->arena, cnn_config);
    const char *weights = cnn_command_option(&context->command, "weights");
    *config = *context->config;
    config->backend = backend;
    config->train.batch = todo->batch;
    cnn_status status = cnn_run_open(config, &context->registry, 1u << todo->mode, context->arena,
                                     &context->diags, &run, &context->err);
    cnn_context_print_diags(context);
    if (status == CNN_OK && weights != NULL)
        status = cnn_run_load(run, weights, &context->err);
    if (status == CNN_OK)
        status = cnn_observe(run, todo->mode, todo->batch, out, &context->err);
    cnn_run_close(run);
    return status;
}

static cnn_status compare_with(cnn_context *context, const job *todo, uint32_t other,
                               const cnn_observation *first)
{
    cnn_observation second = { NULL, 0 };
    cnn_status status = observe(context, todo, todo->backends[other], &second);
    if (status == CNN_OK && second.count != first->count)
        status = cnn_fail(&context->err, CNN_INTERNAL, "%s has %u values, %s %u", todo->backends[0],
                          first->count, todo->backends[other], second.count);
    if (status == CNN_OK) {
        uint32_t offender = first_offender(first, &second, todo->tolerance);
        context->unmet = context->unmet || offender < first->count;
        if (todo->json) {
            print_json(todo, other, first, &second);
        } else {
            (void)printf("%s%s against %s, batch %lld\n", other > 1 ? "\n" : "",
                         todo->backends[other], todo->backends[0], (long long)todo->batch);
            print_table(todo, first, &second);
            print_verdict(todo, first, &second, offender);
        }
    }
    cnn_observation_free(&second);
    return status;
}

static cnn_status compare(cnn_context *context)
{
    job todo = { .tolerance = DEFAULT_TOLERANCE };
    cnn_observation first = { NULL, 0 };
    cnn_status status = read_command(context, &todo);
    if (status == CNN_OK)
        status = observe(context, &todo, todo.backends[0], &first);
    for (uint32_t i = 1; i < todo.n_backends && status == CNN_OK; i++)
        status = compare_with(context, &todo, i, &first);
    cnn_observation_free(&first);
    return status;
}

static const cnn_option options[] = {
    { "mode", "MODE", "train or predict (default: train if there is a loss)" },
    { "tolerance", "X", "largest error, relative to the value's largest number (default: 1e-4)" },
    { "batch", "N", "samples in the batch (default: as in training)" },
    { "weights", "FILE", "these weights (safetensors file, or a run's directory)" },
    { "json", NULL, "one JSON object a line for each pair of backends" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_compare = {
    .name = "compare",
    .arguments = "PIPELINE backend=A,B [PATH=VALUE ...]",
    .summary = "one step on several backends, layer by layer",
    .details =
        "All start from the same weights and the first samples of the data. Errors are relative\n"
        "to the largest number of the value: sums of float products err by about 6e-8 times\n"
        "the root of their length, a deep net adds up a few hundred of those, and 1e-4 is well\n"
        "above that and well below what a wrong formula does. Differences up to 1e-7 pass.\n"
        "The step is done twice, with all layers' values kept and as it is in training.\n"
        "Exit status 1 if a value is beyond the tolerance; the first in program order is named.",
    .options = options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = compare,
};
