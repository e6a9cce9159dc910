/* argv -> verb, arguments, overrides, options. Everything may stand in any order; "--" ends the
 * options. */
#include <string.h>

#include "cli/cli.h"

const cnn_option cnn_common_options[] = {
    { "plugin-path", "DIR", "search DIR for plugins first; may be given again" },
    { "threads", "N", "threads of the compute pool (default: all processors, $CNNRUN_THREADS)" },
    { "no-cache", NULL, "examine all plugins anew" },
    { "quiet", NULL, "only errors and results" },
    { "verbose", NULL, "say more" },
    { "help", NULL, "this text, or that of a verb" },
    { "version", NULL, "versions of the program and its plugin ABI" },
    { NULL, NULL, NULL },
};

static const struct {
    char letter;
    const char *name;
} letters[] = { { 'h', "help" }, { 'q', "quiet" }, { 'v', "verbose" } };

/* a.b=c is an override, and so is @file; dir/a=b is a file. */
static bool is_override(const char *s)
{
    size_t n = strcspn(s, "=/");
    return s[0] == '@' || (n > 0 && s[n] == '=');
}

static const cnn_option *find_in(const cnn_option *options, const char *name, size_t length)
{
    for (; options != NULL && options->name != NULL; options++)
        if (strlen(options->name) == length && memcmp(options->name, name, length) == 0)
            return options;
    return NULL;
}

static size_t add_names(const cnn_option *options, const char **names, size_t n, size_t cap)
{
    for (; options != NULL && options->name != NULL && n < cap; options++)
        names[n++] = options->name;
    return n;
}

static cnn_status unknown_option(const cnn_verb *verb, const char *argument, const char *name,
                                 cnn_error *err)
{
    const char *names[64];
    size_t n = add_names(cnn_common_options, names, 0, 64);
    n = add_names(verb->options, names, n, 64);
    const char *near = cnn_did_you_mean(name, names, n);
    (void)cnn_fail(err, CNN_INVALID, "unknown option '%s'", argument);
    if (near != NULL)
        cnn_hint(err, "did you mean '--%s'?", near);
    else
        cnn_hint(err, "cnnrun %s --help lists the options", verb->name);
    return CNN_INVALID;
}

static void add_text(cnn_arena *arena, const char ***list, uint32_t *count, const char *text)
{
    *list = cnn_arena_grow(arena, *list, *count, sizeof **list);
    (*list)[(*count)++] = text;
}

static void add_option(cnn_arena *arena, cnn_command *command, const cnn_option *option,
                       const char *value)
{
    command->options =
        cnn_arena_grow(arena, command->options, command->n_options, sizeof *command->options);
    command->options[command->n_options].option = option;
    command->options[command->n_options++].value = value;
}

/* argv[*i] is an option; takes its value too. */
static cnn_status parse_option(int argc, char **argv, int *i, cnn_arena *arena,
                               cnn_command *command, cnn_error *err)
{
    const char *argument = argv[*i], *name = argument + 1 + (argument[1] == '-'), *value = "";
    size_t length = strcspn(name, "=");
    for (size_t k = 0; argument[1] != '-' && k < sizeof letters / sizeof letters[0]; k++) {
        if (length == 1 && name[0] == letters[k].letter) {
            name = letters[k].name;
            length = strlen(name);
            break;
        }
    }
    const cnn_option *option = find_in(cnn_common_options, name, length);
    if (option == NULL)
        option = find_in(command->verb->options, name, length);
    if (option == NULL || (argument[1] != '-' && strlen(argument) > 2))
        return unknown_option(command->verb, argument,
                              cnn_arena_printf(arena, "%.*s", (int)length, name), err);
    bool attached = name[length] == '=';
    if (option->value == NULL && attached)
        return cnn_fail(err, CNN_INVALID, "the option '--%s' takes no value", option->name);
    if (option->value != NULL && attached)
        value = name + length + 1;
    else if (option->value != NULL && *i + 1 < argc)
        value = argv[++*i];
    else if (option->value != NULL)
        return cnn_fail(err, CNN_INVALID, "the option '--%s' needs a value: --%s %s", option->name,
                        option->name, option->value);
    add_option(arena, command, option, value);
    return CNN_OK;
}

static cnn_status check_count(const cnn_command *command, cnn_error *err)
{
    const cnn_verb *verb = command->verb;
    if (cnn_command_option(command, "help") != NULL ||
        cnn_command_option(command, "version") != NULL)
        return CNN_OK;
    if (command->n_arguments < verb->min_arguments) {
        (void)cnn_fail(err, CNN_INVALID, "'cnnrun %s' needs %s", verb->name, verb->arguments);
        cnn_hint(err, "cnnrun %s --help", verb->name);
        return CNN_INVALID;
    }
    if (command->n_arguments > verb->max_arguments) {
        (void)cnn_fail(err, CNN_INVALID, "'%s' is one argument too many for 'cnnrun %s'",
                       command->arguments[verb->max_arguments], verb->name);
        cnn_hint(err, "usage: cnnrun %s %s", verb->name, verb->arguments);
        return CNN_INVALID;
    }
    return CNN_OK;
}

/* `cnnrun trian hw1.yaml` is a slip of the verb, `cnnrun hw1.yaml more.yaml` is not. */
static cnn_status check_verb(const cnn_command *command, const char *word, cnn_error *err)
{
    const char *names[64];
    size_t n = 0;
    while (cnn_verbs[n] != NULL && n < 64) {
        names[n] = cnn_verbs[n]->name;
        n++;
    }
    if (word == NULL || strpbrk(word, "./") != NULL ||
        (command->n_arguments < 2 && cnn_did_you_mean(word, names, n) == NULL))
        return CNN_OK;
    FILE *file = fopen(word, "re");
    if (file != NULL) {
        (void)fclose(file);
        return CNN_OK;
    }
    const char *near = cnn_did_you_mean(word, names, n);
    (void)cnn_fail(err, CNN_INVALID, "unknown verb '%s', and no file of that name", word);
    if (near != NULL)
        cnn_hint(err, "did you mean 'cnnrun %s'?", near);
    else
        cnn_hint(err, "cnnrun --help lists the verbs");
    return CNN_INVALID;
}

cnn_status cnn_command_parse(int argc, char **argv, cnn_arena *arena, cnn_command *command,
                             cnn_error *err)
{
    bool options = true;
    *command = (cnn_command){ .verb = cnn_verbs[0], .bare = true };
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (options && strcmp(argument, "--") == 0) {
            options = false;
        } else if (options && argument[0] == '-' && argument[1] != '\0') {
            cnn_status status = parse_option(argc, argv, &i, arena, command, err);
            if (status != CNN_OK)
                return status;
        } else if (is_override(argument)) {
            add_text(arena, &command->overrides, &command->n_overrides, argument);
        } else if (command->bare && command->n_arguments == 0 && cnn_verb_find(argument) != NULL) {
            command->verb = cnn_verb_find(argument);
            command->bare = false;
        } else {
            add_text(arena, &command->arguments, &command->n_arguments, argument);
        }
    }
    cnn_status status = CNN_OK;
    if (command->bare && command->n_arguments > 0)
        status = check_verb(command, command->arguments[0], err);
    return status != CNN_OK ? status : check_count(command, err);
}

const char *cnn_command_option(const cnn_command *command, const char *name)
{
    for (uint32_t i = command->n_options; i > 0; i--)
        if (strcmp(command->options[i - 1].option->name, name) == 0)
            return command->options[i - 1].value;
    return NULL;
}
