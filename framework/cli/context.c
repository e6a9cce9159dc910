/* Opens the stages that most verbs need, in the order of the flow. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "feed.h"
#include "loader.h"

#define MAX_THREADS 1024

/* 0: as many as there are processors. */
static cnn_status read_threads(const cnn_command *command, uint32_t *threads, cnn_error *err)
{
    const char *text = cnn_command_option(command, "threads"), *what = "--threads";
    *threads = 0;
    if (text == NULL) {
        text = getenv("CNNRUN_THREADS");
        what = "CNNRUN_THREADS";
        if (text == NULL || text[0] == '\0')
            return CNN_OK;
    }
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 1 || n > MAX_THREADS)
        return cnn_fail(err, CNN_INVALID, "%s is '%s', but a number from 1 to %d is wanted", what,
                        text, MAX_THREADS);
    *threads = (uint32_t)n;
    return CNN_OK;
}

static cnn_status load(cnn_context *context)
{
    cnn_command *command = &context->command;
    const char **dirs = CNN_NEW_ARRAY(context->arena, const char *, command->n_options);
    cnn_loader_options options = { .dirs = dirs,
                                   .no_cache = cnn_command_option(command, "no-cache") != NULL };
    for (uint32_t i = 0; i < command->n_options; i++)
        if (strcmp(command->options[i].option->name, "plugin-path") == 0)
            dirs[options.n_dirs++] = command->options[i].value;
    return cnn_load_plugins(&context->registry, &options, &context->err);
}

/* One line per plugin that cannot be used; who lists plugins sees them anyway. */
static void warn_of_refused(const cnn_context *context)
{
    const cnn_host *host = &context->services->host;
    char line[1400];
    if (context->services->quiet || context->command.verb->min_arguments == 0)
        return;
    for (size_t i = 0; i < context->registry.n_modules; i++) {
        const cnn_module *module = context->registry.modules[i];
        if (module->refusal == NULL)
            continue;
        (void)snprintf(line, sizeof line, "plugin %s: %s", module->path, module->refusal);
        host->log(host, CNN_WARNING, line);
    }
}

cnn_status cnn_context_plugins(cnn_context *context)
{
    uint32_t threads;
    if (context->services != NULL)
        return CNN_OK;
    cnn_status status = read_threads(&context->command, &threads, &context->err);
    if (status != CNN_OK)
        return status;
    context->services = cnn_services_create(threads, context->arena);
    context->services->verbose = cnn_command_option(&context->command, "verbose") != NULL;
    context->services->quiet = cnn_command_option(&context->command, "quiet") != NULL;
    context->registry.arena = context->arena;
    context->registry.host = &context->services->host;
    status = load(context);
    if (status == CNN_OK)
        warn_of_refused(context);
    return status;
}

cnn_status cnn_context_doc(cnn_context *context)
{
    const cnn_command *command = &context->command;
    if (context->doc != NULL)
        return CNN_OK;
    context->doc = cnn_doc_read(command->arguments[0], command->overrides, command->n_overrides,
                                context->arena, &context->diags);
    return context->doc != NULL && context->diags.errors == 0 ? CNN_OK : CNN_INVALID;
}

cnn_status cnn_context_config(cnn_context *context)
{
    if (context->config != NULL)
        return CNN_OK;
    cnn_status status = cnn_context_doc(context);
    if (status == CNN_OK)
        status = cnn_context_plugins(context);
    if (status != CNN_OK)
        return status;
    context->config = cnn_config_from(context->doc, context->command.arguments[0],
                                      &context->registry, context->arena, &context->diags);
    return context->config != NULL && context->diags.errors == 0 ? CNN_OK : CNN_INVALID;
}

/* What a data set refuses is said where the pipeline names it. */
static void show_at_source(cnn_context *context)
{
    const cnn_doc *source = context->config->data.source.doc;
    if (source == NULL || context->err.text[0] == '\0')
        return;
    cnn_diag *diag = cnn_diag_error(&context->diags, source->place, "%s", context->err.text);
    if (context->err.hint[0] != '\0')
        cnn_diag_hint(&context->diags, diag, "%s", context->err.hint);
    context->err.text[0] = '\0';
}

cnn_status cnn_context_shape(cnn_context *context, cnn_data_shape *shape)
{
    cnn_source_data *data;
    cnn_status status = cnn_data_open(context->config, &context->registry, &data, &context->err);
    if (status != CNN_OK) {
        show_at_source(context);
        return status;
    }
    *shape = *cnn_data_shape_of(data);
    cnn_data_close(data);
    return CNN_OK;
}

bool cnn_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

cnn_status cnn_context_target(cnn_context *context, const char **weights)
{
    cnn_command *command = &context->command;
    struct stat info;
    *weights = cnn_command_option(command, "weights");
    if (!cnn_is_dir(command->arguments[0]))
        return CNN_OK;
    const char *dir = command->arguments[0];
    command->arguments[0] = cnn_arena_printf(context->arena, "%s/pipeline.yaml", dir);
    if (*weights == NULL)
        *weights = dir;
    if (stat(command->arguments[0], &info) == 0)
        return CNN_OK;
    (void)cnn_fail(&context->err, CNN_IO, "%s is no directory of a run: it has no pipeline.yaml",
                   dir);
    cnn_hint(&context->err, "name the pipeline too: cnnrun %s PIPELINE --weights %s",
             command->verb->name, dir);
    return CNN_IO;
}

cnn_status cnn_context_whole(cnn_context *context, const char *name, int64_t least, int64_t *value)
{
    const char *text = cnn_command_option(&context->command, name);
    char *end;
    if (text == NULL)
        return CNN_OK;
    *value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || *value < least || *value > INT32_MAX)
        return cnn_fail(&context->err, CNN_INVALID,
                        "--%s is '%s', but a number of at least %lld is wanted", name, text,
                        (long long)least);
    return CNN_OK;
}

const char *const cnn_split_names[] = { "train", "val", "test" };

cnn_status cnn_context_split(cnn_context *context, uint32_t *split)
{
    const char *text = cnn_command_option(&context->command, "split");
    *split = CNN_SPLIT_COUNT;
    for (uint32_t s = 0; text != NULL && s < CNN_SPLIT_COUNT; s++)
        if (strcmp(cnn_split_names[s], text) == 0)
            *split = s;
    if (text != NULL && *split == CNN_SPLIT_COUNT)
        return cnn_fail(&context->err, CNN_INVALID,
                        "--split is '%s', but train, val or test is wanted", text);
    return CNN_OK;
}

int64_t cnn_context_batch(const cnn_context *context, uint32_t mode)
{
    const cnn_config *config = context->config;
    return mode == CNN_EVAL && config->test.batch > 0 ? config->test.batch : config->train.batch;
}

void cnn_context_print_diags(cnn_context *context)
{
    if (context->diags_as_json || context->n_printed == context->diags.count)
        return;
    cnn_diags fresh = context->diags;
    fresh.items += context->n_printed;
    fresh.count -= context->n_printed;
    context->n_printed = context->diags.count;
    (void)fflush(stdout);
    cnn_diags_print(&fresh, stderr);
}

void cnn_context_close(cnn_context *context)
{
    cnn_registry_deinit(&context->registry);
    cnn_services_destroy(context->services);
    cnn_arena_destroy(context->arena);
}
