/* time: how long a step takes, and where. */
#include "timing.h"

#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "peak.h"

#define DEFAULT_STEPS 10

typedef struct job {
    const char **backends;
    uint32_t n_backends;
    uint32_t mode, steps;
    bool json;
    cnn_peak peak;
} job;

static cnn_status read_mode(cnn_context *context, job *todo)
{
    static const char *const names[] = { "train", "eval", "predict" };
    const char *text = cnn_command_option(&context->command, "mode");
    todo->mode = context->config->train.loss.component != NULL ? CNN_TRAIN : CNN_PREDICT;
    for (uint32_t i = 0; text != NULL && i < 3; i++)
        if (strcmp(names[i], text) == 0) {
            todo->mode = CNN_TRAIN + i;
            return CNN_OK;
        }
    return text == NULL ? CNN_OK
                        : cnn_fail(&context->err, CNN_INVALID,
                                   "--mode is '%s', but train, eval or predict is wanted", text);
}

static cnn_status read_command(cnn_context *context, job *todo)
{
    double steps = DEFAULT_STEPS;
    cnn_status status = cnn_context_backends(context, &todo->backends, &todo->n_backends);
    if (status == CNN_OK)
        status = cnn_context_number(context, "steps", 1, &steps);
    if (status == CNN_OK)
        status = cnn_context_config(context);
    if (status != CNN_OK)
        return status;
    todo->steps = (uint32_t)steps;
    todo->json = cnn_command_option(&context->command, "json") != NULL;
    if (todo->n_backends == 0) {
        todo->backends = CNN_NEW_ARRAY(context->arena, const char *, 1);
        todo->backends[todo->n_backends++] = context->config->backend;
    }
    return read_mode(context, todo);
}

static void print_layers(const cnn_timing *t, const cnn_peak *peak)
{
    (void)printf("%-30s %10s %10s %10s %10s %7s %10s\n", "layer", "forward ms", "backw. ms",
                 "update ms", "GFLOP/s", "% peak", "GB/s");
    for (uint32_t i = 0; i < t->n_layers; i++) {
        const cnn_layer_time *l = &t->layers[i];
        double sum = l->seconds[0] + l->seconds[1] + l->seconds[2];
        (void)printf("%-30s %10.3f %10.3f %10.3f", l->layer, 1e3 * l->seconds[0],
                     1e3 * l->seconds[1], 1e3 * l->seconds[2]);
        if (sum > 0)
            (void)printf(" %10.2f %6.1f%% %10.2f", 2e-9 * l->macs / sum,
                         100 * 2 * l->macs / sum / peak->flops, 1e-9 * l->bytes / sum);
        (void)printf("\n");
    }
}

static void print_text(const char *name, int64_t batch, const cnn_timing *t, double first,
                       const cnn_peak *peak)
{
    (void)printf("%s, batch %lld: median %.3f ms, %.3f to %.3f, %.0f images/s", name,
                 (long long)batch, 1e3 * t->median, 1e3 * t->least, 1e3 * t->most,
                 (double)batch / t->median);
    if (first > 0)
        (void)printf(", %.2f times the first's time", t->median / first);
    (void)printf("\n");
    if (t->layers != NULL)
        print_layers(t, peak);
    else
        (void)printf("layers cannot be timed: the backend has no profile, or others help it\n");
}

static void print_json(const char *name, int64_t batch, const cnn_timing *t, const cnn_peak *peak)
{
    cnn_text out = { 0 };
    cnn_text_add(&out, "{\"backend\": ");
    cnn_text_add_json(&out, name);
    cnn_text_add(&out, ", \"batch\": %lld, \"median\": %.9g, \"min\": %.9g, \"max\": %.9g, ",
                 (long long)batch, t->median, t->least, t->most);
    cnn_text_add(&out, "\"peak_flops\": %.9g, \"peak_bytes\": %.9g, \"layers\": [", peak->flops,
                 peak->bytes);
    for (uint32_t i = 0; i < t->n_layers; i++) {
        const cnn_layer_time *l = &t->layers[i];
        cnn_text_add(&out, "%s{\"layer\": ", i > 0 ? ", " : "");
        cnn_text_add_json(&out, l->layer);
        cnn_text_add(&out, ", \"forward\": %.9g, \"backward\": %.9g, \"update\": %.9g",
                     l->seconds[0], l->seconds[1], l->seconds[2]);
        cnn_text_add(&out, ", \"macs\": %.17g, \"bytes\": %.17g}", l->macs, l->bytes);
    }
    (void)printf("%s]}\n", cnn_text_get(&out));
    cnn_text_free(&out);
}

static cnn_status time_one(cnn_context *context, const job *todo, uint32_t i, double *first)
{
    cnn_run *run = NULL;
    cnn_timing timing;
    cnn_config *config = CNN_NEW(context->arena, cnn_config);
    int64_t batch = cnn_context_batch(context, todo->mode);
    *config = *context->config;
    config->backend = todo->backends[i];
    cnn_status status = cnn_run_open(config, &context->registry, 1u << todo->mode, context->arena,
                                     &context->diags, &run, &context->err);
    cnn_context_print_diags(context);
    if (status == CNN_OK)
        status = cnn_time(run, todo->mode, batch, todo->steps, &timing, &context->err);
    if (status == CNN_OK && todo->json)
        print_json(todo->backends[i], batch, &timing, &todo->peak);
    else if (status == CNN_OK)
        print_text(todo->backends[i], batch, &timing, *first, &todo->peak);
    if (status == CNN_OK && i == 0)
        *first = timing.median;
    cnn_run_close(run);
    return status;
}

static cnn_status time_verb(cnn_context *context)
{
    job todo = { .json = false };
    double first = 0;
    cnn_status status = read_command(context, &todo);
    if (status == CNN_OK) {
        todo.peak = cnn_peak_measure(&context->services->host);
        if (!todo.json)
            (void)printf("measured peak: %.1f GFLOP/s in registers, %.1f GB/s copied\n",
                         1e-9 * todo.peak.flops, 1e-9 * todo.peak.bytes);
    }
    for (uint32_t i = 0; i < todo.n_backends && status == CNN_OK; i++)
        status = time_one(context, &todo, i, &first);
    return status;
}

static const cnn_option options[] = {
    { "mode", "MODE", "train, eval or predict (default: train if there is a loss)" },
    { "steps", "N", "how many steps are timed (default: 10)" },
    { "json", NULL, "one JSON object a line for each backend, in seconds" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_time = {
    .name = "time",
    .arguments = "PIPELINE [backend=A,B] [PATH=VALUE ...]",
    .summary = "how long a step takes, and its layers",
    .details = "Whole steps on one batch that is in memory, after two to warm up; then, where the\n"
               "backend can time nodes, as many with each layer's forward pass (with the loss),\n"
               "backward pass and update. GFLOP/s counts two for a multiply-add, GB/s what nodes\n"
               "read and write; nodes that run as one read and write less. % peak is of what all\n"
               "threads do in registers, measured first.",
    .options = options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = time_verb,
};
