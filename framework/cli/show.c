/* show: each stage of the flow as text. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "place.h"
#include "program.h"

static cnn_status show_doc(cnn_context *context, uint32_t mode)
{
    (void)mode;
    cnn_status status = cnn_context_doc(context);
    if (status == CNN_OK)
        cnn_doc_print(context->doc, cnn_command_option(&context->command, "origins") != NULL,
                      stdout);
    return status;
}

/* The config's own text, read again as a tree, with the places of the pipeline's tree where that
 * has the same value: what it does not have is a default. */
static void find_origins(cnn_doc *doc, const cnn_doc *from, const cnn_source *defaults)
{
    const cnn_place nowhere = { .source = defaults };
    doc->place = from != NULL ? from->place : nowhere;
    for (uint32_t i = 0; i < doc->count; i++) {
        const cnn_doc *match = NULL;
        if (doc->kind == CNN_DOC_MAP)
            match = cnn_doc_get(from, doc->keys[i]->text);
        if (match == NULL && doc->kind == CNN_DOC_MAP && from != NULL &&
            from->kind == CNN_DOC_SCALAR && strcmp(from->text, doc->keys[i]->text) == 0)
            match = from; /* `loss: mse` for `loss: {mse: {}}` */
        if (doc->kind == CNN_DOC_LIST && from != NULL && from->kind == CNN_DOC_LIST &&
            i < from->count)
            match = from->items[i];
        if (doc->kind == CNN_DOC_MAP)
            doc->keys[i]->place = match != NULL ? match->place : nowhere;
        find_origins(doc->items[i], match, defaults);
    }
}

static cnn_status print_origins(cnn_context *context)
{
    static const cnn_source defaults = { .name = "default" };
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    if (memory == NULL)
        cnn_out_of_memory(length);
    cnn_config_print(context->config, memory);
    if (fclose(memory) != 0)
        cnn_out_of_memory(length);
    const char *kept = cnn_arena_copy(context->arena, text, length + 1);
    free(text);
    cnn_doc *doc = cnn_doc_parse("config", kept, length, context->arena, &context->diags);
    if (doc == NULL)
        return CNN_INTERNAL;
    find_origins(doc, context->doc, &defaults);
    cnn_doc_print(doc, true, stdout);
    return CNN_OK;
}

static cnn_status show_config(cnn_context *context, uint32_t mode)
{
    (void)mode;
    cnn_status status = cnn_context_config(context);
    if (status != CNN_OK)
        return status;
    if (cnn_command_option(&context->command, "origins") != NULL)
        return print_origins(context);
    cnn_config_print(context->config, stdout);
    return CNN_OK;
}

static cnn_status show_graph(cnn_context *context, uint32_t mode)
{
    cnn_data_shape shape;
    cnn_status status = cnn_context_shape(context, &shape);
    if (status != CNN_OK)
        return status;
    cnn_graph *graph =
        cnn_graph_create(&context->registry, &shape, mode, cnn_context_batch(context, mode),
                         context->arena, &context->diags);
    if (!cnn_graph_build(graph, context->config))
        return CNN_INVALID;
    cnn_graph_print(graph, stdout);
    return CNN_OK;
}

static cnn_status build(cnn_context *context, uint32_t mode, cnn_step **step)
{
    cnn_data_shape shape;
    cnn_status status = cnn_context_shape(context, &shape);
    if (status != CNN_OK)
        return status;
    *step = cnn_step_build(context->config, &context->registry, &shape, mode,
                           cnn_context_batch(context, mode), context->arena, &context->diags);
    return *step != NULL ? CNN_OK : CNN_INVALID;
}

static cnn_status show_program(cnn_context *context, uint32_t mode)
{
    cnn_step *step;
    cnn_status status = build(context, mode, &step);
    if (status == CNN_OK)
        cnn_program_print(step, stdout);
    return status;
}

static cnn_status show_placed(cnn_context *context, uint32_t mode,
                              void (*print)(const cnn_placement *, const cnn_stack *, FILE *))
{
    cnn_step *step;
    cnn_stack stack = { 0 };
    cnn_placement *placement;
    const cnn_config *config = context->config;
    cnn_status status = build(context, mode, &step);
    if (status != CNN_OK)
        return status;
    status = cnn_stack_open(&context->registry, config->backend, config->forbid_fallback, &stack,
                            &context->err);
    for (uint32_t i = 0; status == CNN_OK && i < step->program.n_nodes; i++) {
        const char *wish = cnn_node_at(&step->program, i)->backend;
        if (wish != NULL)
            status = cnn_stack_add(&context->registry, wish, &stack, &context->err);
    }
    if (status == CNN_OK)
        status = cnn_placement_from(step, &stack, context->arena, &placement, &context->err);
    if (status == CNN_OK)
        print(placement, &stack, stdout);
    cnn_stack_close(&stack);
    return status;
}

static cnn_status show_placement(cnn_context *context, uint32_t mode)
{
    return show_placed(context, mode, cnn_placement_print);
}

static cnn_status show_plan(cnn_context *context, uint32_t mode)
{
    return show_placed(context, mode, cnn_plan_print);
}

static const struct {
    const char *name;
    bool built; /* needs the config, and has a mode */
    cnn_status (*show)(cnn_context *context, uint32_t mode);
} stages[] = {
    { "doc", false, show_doc },
    { "config", false, show_config },
    { "graph", true, show_graph },
    { "program", true, show_program },
    { "placement", true, show_placement },
    { "plan", true, show_plan },
};

enum { STAGES = sizeof stages / sizeof stages[0] };

static cnn_status choose(const char *what, const char *word, const char *const *words, size_t n,
                         size_t *index, cnn_error *err)
{
    char list[128] = "";
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], word) == 0) {
            *index = i;
            return CNN_OK;
        }
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    const char *near = cnn_did_you_mean(word, words, n);
    (void)cnn_fail(err, CNN_INVALID, "unknown %s '%s'; there are %s", what, word, list);
    if (near != NULL)
        cnn_hint(err, "did you mean '%s'?", near);
    return CNN_INVALID;
}

static cnn_status choose_mode(cnn_context *context, uint32_t *mode)
{
    static const char *const names[] = { "train", "eval", "predict" };
    static const uint32_t modes[] = { CNN_TRAIN, CNN_EVAL, CNN_PREDICT };
    const char *word = cnn_command_option(&context->command, "mode");
    size_t index;
    *mode = context->config->train.loss.component != NULL ? CNN_TRAIN : CNN_PREDICT;
    if (word == NULL)
        return CNN_OK;
    cnn_status status = choose("mode", word, names, 3, &index, &context->err);
    if (status == CNN_OK)
        *mode = modes[index];
    return status;
}

static cnn_status show(cnn_context *context)
{
    const char *names[STAGES];
    size_t stage;
    uint32_t mode = 0;
    for (size_t i = 0; i < STAGES; i++)
        names[i] = stages[i].name;
    cnn_status status =
        choose("stage", context->command.arguments[0], names, STAGES, &stage, &context->err);
    if (status != CNN_OK)
        return status;
    context->command.arguments++; /* the file is now the first, as for every verb */
    context->command.n_arguments--;
    if (stages[stage].built)
        status = cnn_context_config(context);
    if (status == CNN_OK && stages[stage].built)
        status = choose_mode(context, &mode);
    return status != CNN_OK ? status : stages[stage].show(context, mode);
}

static const cnn_option options[] = {
    { "mode", "MODE", "train, eval or predict (default: train if there is a loss)" },
    { "origins", NULL, "doc, config: where each value stands" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_show = {
    .name = "show",
    .arguments = "STAGE PIPELINE [PATH=VALUE ...]",
    .summary = "print a stage: doc, config, graph, program, placement or plan",
    .details = "doc        the file with its includes and overrides\n"
               "config     the same with all defaults\n"
               "graph      the model as operations on shapes\n"
               "program    the whole step: forward, loss, gradients, updates\n"
               "placement  which backend runs which operation\n"
               "plan       where each value lies in memory",
    .options = options,
    .min_arguments = 2,
    .max_arguments = 2,
    .run = show,
};
