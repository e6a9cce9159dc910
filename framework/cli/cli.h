/* What the verbs of the command line share.
 *
 * A verb is one file with one cnn_verb, and one line in the table of verbs.c. Its function returns
 * a status and leaves its errors in the context; cli.c prints them and chooses the exit status. */
#ifndef CNNRUN_CLI_H
#define CNNRUN_CLI_H

#include "config.h"
#include "doc.h"
#include "graph.h"
#include "host_services.h"
#include "registry.h"

typedef struct cnn_context cnn_context;

/* --name or --name VALUE. */
typedef struct cnn_option {
    const char *name;
    const char *value; /* what stands for the value in help texts; NULL: a flag */
    const char *help;
} cnn_option;

typedef struct cnn_verb {
    const char *name;
    const char *arguments;     /* "PIPELINE [PATH=VALUE ...]" */
    const char *summary;       /* one line */
    const char *details;       /* more lines for `cnnrun VERB --help`, or NULL */
    const cnn_option *options; /* its own, ended by a name of NULL; or NULL */
    uint32_t min_arguments, max_arguments;
    cnn_status (*run)(cnn_context *context);
} cnn_verb;

/* A command line, taken apart. */
typedef struct cnn_command {
    const cnn_verb *verb;
    bool bare;              /* no verb was written: the first is meant */
    const char **arguments; /* without the verb, options and overrides */
    uint32_t n_arguments;
    const char **overrides; /* PATH=VALUE and @FILE, in order */
    uint32_t n_overrides;
    struct {
        const cnn_option *option;
        const char *value; /* "" for flags */
    } * options;
    uint32_t n_options;
} cnn_command;

struct cnn_context {
    cnn_arena *arena;
    cnn_command command;
    cnn_services *services; /* after cnn_context_plugins */
    cnn_registry registry;
    cnn_diags diags;
    size_t n_printed; /* of diags */
    cnn_doc *doc;     /* after cnn_context_doc */
    cnn_config *config;
    cnn_error err;      /* what a failed verb has to say, "" if it is all in diags */
    bool unmet;         /* an expectation of the pipeline: exit status 1 */
    bool diags_as_json; /* diags are a result, on standard output */
};

/* Takes argv apart; an unknown verb or option is CNN_INVALID. (options.c) */
cnn_status cnn_command_parse(int argc, char **argv, cnn_arena *arena, cnn_command *command,
                             cnn_error *err);
/* Value of an option, "" for a flag; NULL if it was not given. The last one counts. */
const char *cnn_command_option(const cnn_command *command, const char *name);

/* Options of every verb, and all verbs; both end with NULL. */
extern const cnn_option cnn_common_options[];
extern const cnn_verb *const cnn_verbs[];
const cnn_verb *cnn_verb_find(const char *name); /* NULL: none */

/* `cnnrun --help` and `cnnrun VERB --help`. (help.c) */
void cnn_help_print(FILE *out);
void cnn_help_print_verb(const cnn_verb *verb, FILE *out);

/* Each opens what it needs, in this order, and does nothing the second time. (context.c) */
cnn_status cnn_context_plugins(cnn_context *context);
cnn_status cnn_context_doc(cnn_context *context); /* reads arguments[0] of the command */
cnn_status cnn_context_config(cnn_context *context);
/* Takes backend=A,B,... out of the overrides, before the pipeline is read; *count is 0 if there is
 * none. (backends.c) */
cnn_status cnn_context_backends(cnn_context *context, const char ***names, uint32_t *count);
/* Value of an option that is a number of at least `least`; left alone if it was not given. */
cnn_status cnn_context_number(cnn_context *context, const char *name, double least, double *value);
/* The same for a whole number that fits an int32. */
cnn_status cnn_context_whole(cnn_context *context, const char *name, int64_t least, int64_t *value);
/* --split; CNN_SPLIT_COUNT: not given, as it is for tests. */
extern const char *const cnn_split_names[];
cnn_status cnn_context_split(cnn_context *context, uint32_t *split);
/* A run's directory as the first argument stands for its pipeline and, without --weights, its
 * weights; *weights is NULL if there are none. */
cnn_status cnn_context_target(cnn_context *context, const char **weights);
bool cnn_is_dir(const char *path);
/* The pipeline's data as the model sees them; opens the data set and closes it again. */
cnn_status cnn_context_shape(cnn_context *context, cnn_data_shape *shape);
/* Samples in a batch of a cnn_mode. */
int64_t cnn_context_batch(const cnn_context *context, uint32_t mode);
/* Prints the diagnostics that were not printed yet, on stderr: warnings before a long run. */
void cnn_context_print_diags(cnn_context *context);
void cnn_context_close(cnn_context *context);

/* The whole program; returns the exit status. (cli.c) */
int cnn_cli_main(int argc, char **argv);
int cnn_exit_status(cnn_status status);

extern const cnn_verb cnn_verb_run, cnn_verb_train, cnn_verb_test, cnn_verb_predict,
    cnn_verb_validate, cnn_verb_summary, cnn_verb_show, cnn_verb_plugins, cnn_verb_describe,
    cnn_verb_devices, cnn_verb_compare, cnn_verb_time, cnn_verb_explain, cnn_verb_look;

#endif
