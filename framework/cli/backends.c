/* backend=a,b: several backends for one verb. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* Takes the last backend=... out of the overrides: a list is no value of a pipeline. */
static const char *take_override(cnn_command *command)
{
    static const char key[] = "backend=";
    const char *list = NULL;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < command->n_overrides; i++) {
        const char *text = command->overrides[i];
        if (strncmp(text, key, sizeof key - 1) == 0)
            list = text + sizeof key - 1;
        else
            command->overrides[kept++] = text;
    }
    command->n_overrides = kept;
    return list;
}

cnn_status cnn_context_backends(cnn_context *context, const char ***names, uint32_t *count)
{
    const char *list = take_override(&context->command);
    *names = NULL;
    *count = 0;
    while (list != NULL) {
        size_t length = strcspn(list, ",");
        if (length == 0)
            return cnn_fail(&context->err, CNN_INVALID,
                            "backend= has an empty name, but names with commas between are wanted");
        *names = cnn_arena_grow(context->arena, *names, *count, sizeof **names);
        (*names)[(*count)++] = cnn_arena_printf(context->arena, "%.*s", (int)length, list);
        list = list[length] == ',' ? list + length + 1 : NULL;
    }
    return CNN_OK;
}

cnn_status cnn_context_number(cnn_context *context, const char *name, double least, double *value)
{
    const char *text = cnn_command_option(&context->command, name);
    char *end;
    if (text == NULL)
        return CNN_OK;
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !(*value >= least && *value <= INT32_MAX))
        return cnn_fail(&context->err, CNN_INVALID,
                        "--%s is '%s', but a number of at least %g is wanted", name, text, least);
    return CNN_OK;
}
