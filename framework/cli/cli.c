/* From argv to an exit status: the one place that prints errors. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

int cnn_exit_status(cnn_status status)
{
    switch (status) {
    case CNN_OK:
        return 0;
    case CNN_MISSING:
    case CNN_UNSUPPORTED:
        return 3;
    case CNN_DIVERGED:
        return 4;
    case CNN_INTERRUPTED:
        return 130;
    default:
        return 2;
    }
}

static void print_error(const cnn_error *err)
{
    if (err->text[0] == '\0')
        return;
    (void)fflush(stdout);
    (void)fprintf(stderr, "cnnrun: error: %s\n", err->text);
    if (err->hint[0] != '\0')
        (void)fprintf(stderr, "   hint: %s\n", err->hint);
}

/* Results that did not reach their file or pipe are not results. */
static int close_output(int exit_status)
{
    int failed = ferror(stdout), reason = 0;
    if (fflush(stdout) != 0) {
        failed = 1;
        reason = errno;
    }
    if (!failed)
        return exit_status;
    (void)fprintf(stderr, "cnnrun: error: cannot write the results%s%s\n", reason != 0 ? ": " : "",
                  reason != 0 ? strerror(reason) : "");
    return exit_status != 0 ? exit_status : 2;
}

/* A pipeline with errors is wrong; where a plugin that it names is not there, that is said. */
static int finish(cnn_context *context, cnn_status status)
{
    cnn_context_print_diags(context);
    print_error(&context->err);
    if (status == CNN_INVALID && context->diags.errors > 0 && context->registry.n_missing > 0)
        status = CNN_MISSING;
    int exit_status = cnn_exit_status(status);
    if (exit_status == 0 && context->unmet)
        exit_status = 1;
    return close_output(exit_status);
}

static int run(cnn_context *context, int argc, char **argv)
{
    cnn_command *command = &context->command;
    cnn_status status = cnn_command_parse(argc, argv, context->arena, command, &context->err);
    if (status != CNN_OK)
        return finish(context, status);
    if (cnn_command_option(command, "version") != NULL)
        (void)printf("cnnrun %s (plugin ABI %d.%d)\n", CNNRUN_VERSION, CNN_ABI_MAJOR,
                     CNN_ABI_MINOR);
    else if (cnn_command_option(command, "help") != NULL && command->bare)
        cnn_help_print(stdout);
    else if (cnn_command_option(command, "help") != NULL)
        cnn_help_print_verb(command->verb, stdout);
    else
        status = command->verb->run(context);
    return finish(context, status);
}

int cnn_cli_main(int argc, char **argv)
{
    cnn_context context = { .arena = cnn_arena_create() };
    context.diags.arena = context.arena;
    if (argc < 2) {
        cnn_help_print(stderr);
        cnn_context_close(&context);
        return 2;
    }
    int exit_status = run(&context, argc, argv);
    cnn_context_close(&context);
    return exit_status;
}
