/* plugins: what was found, by kind; what cannot be used, and why. */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "matrix.h"

static bool has_word(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

static bool is_wanted(const cnn_entry *entry, const char *word)
{
    return word == NULL || has_word(entry->component->name, word) ||
           has_word(entry->component->summary, word) ||
           has_word(entry->module->plugin->name, word) ||
           has_word(cnn_kind_name(entry->kind), word);
}

static bool is_wanted_refusal(const cnn_module *module, const char *word)
{
    return module->refusal != NULL &&
           (word == NULL || has_word(module->path, word) || has_word(module->refusal, word));
}

static size_t print_found(const cnn_registry *registry, const char *word)
{
    size_t printed = 0;
    cnn_kind kind = CNN_KIND_COUNT;
    for (size_t i = 0; i < registry->n_entries; i++) {
        const cnn_entry *e = &registry->entries[i];
        if (!is_wanted(e, word))
            continue;
        if (e->kind != kind)
            (void)printf("%s%ss\n", printed > 0 ? "\n" : "", cnn_kind_name(e->kind));
        kind = e->kind;
        char from[96];
        (void)snprintf(from, sizeof from, "%s %s", e->module->plugin->name,
                       e->module->plugin->version);
        (void)printf("  %-20s %-24s %s\n", e->component->name, from, e->component->summary);
        printed++;
    }
    return printed;
}

static size_t print_refused(const cnn_registry *registry, const char *word, bool first)
{
    size_t printed = 0;
    for (size_t i = 0; i < registry->n_modules; i++) {
        const cnn_module *m = registry->modules[i];
        if (!is_wanted_refusal(m, word))
            continue;
        if (printed == 0)
            (void)printf("%scannot be used\n", first ? "" : "\n");
        (void)printf("  %s\n      %s\n", m->path, m->refusal);
        if (m->hint != NULL)
            (void)printf("      hint: %s\n", m->hint);
        printed++;
    }
    return printed;
}

static void print_text(const cnn_registry *registry, const char *word)
{
    size_t found = print_found(registry, word);
    size_t refused = print_refused(registry, word, found == 0);
    if (found + refused == 0 && word != NULL)
        (void)printf("nothing found for '%s'\n", word);
    (void)printf("\nsearched, in this order\n");
    for (size_t i = 0; i < registry->n_dirs; i++)
        (void)printf("  %s\n", registry->dirs[i]);
}

static void add_text(cnn_text *out, const char *key, const char *value)
{
    cnn_text_add(out, ", \"%s\": ", key);
    cnn_text_add_json(out, value != NULL ? value : "");
}

static void add_components(cnn_text *out, const cnn_registry *registry, const cnn_module *module,
                           const char *word)
{
    bool first = true;
    cnn_text_add(out, ", \"components\": [");
    for (size_t i = 0; i < registry->n_entries; i++) {
        const cnn_entry *e = &registry->entries[i];
        if (e->module != module || !is_wanted(e, word))
            continue;
        cnn_text_add(out, "%s\n    {\"kind\": \"%s\"", first ? "" : ",", cnn_kind_name(e->kind));
        add_text(out, "name", e->component->name);
        add_text(out, "summary", e->component->summary);
        cnn_text_add(out, "}");
        first = false;
    }
    cnn_text_add(out, "]");
}

static void add_module(cnn_text *out, const cnn_registry *registry, const cnn_module *module,
                       const char *word)
{
    cnn_text_add(out, "{\"usable\": %s", module->refusal == NULL ? "true" : "false");
    add_text(out, "path", module->path);
    if (module->refusal != NULL) {
        add_text(out, "reason", module->refusal);
        add_text(out, "hint", module->hint);
    } else {
        add_text(out, "name", module->plugin->name);
        add_text(out, "version", module->plugin->version);
        add_text(out, "license", module->plugin->license);
        add_text(out, "summary", module->plugin->summary);
        add_components(out, registry, module, word);
    }
    cnn_text_add(out, "}");
}

static bool has_wanted(const cnn_registry *registry, const cnn_module *module, const char *word)
{
    if (module->refusal != NULL)
        return is_wanted_refusal(module, word);
    for (size_t i = 0; i < registry->n_entries; i++)
        if (registry->entries[i].module == module && is_wanted(&registry->entries[i], word))
            return true;
    return false;
}

static void print_json(const cnn_registry *registry, const char *word)
{
    cnn_text out = { 0 };
    bool first = true;
    for (size_t i = 0; i < registry->n_modules; i++) {
        if (!has_wanted(registry, registry->modules[i], word))
            continue;
        cnn_text_add(&out, "%s\n  ", first ? "" : ",");
        add_module(&out, registry, registry->modules[i], word);
        first = false;
    }
    (void)printf("{\"plugins\": [%s\n],\n\"directories\": [", cnn_text_get(&out));
    cnn_text_free(&out);
    for (size_t i = 0; i < registry->n_dirs; i++) {
        cnn_text_add(&out, "%s", i > 0 ? ", " : "");
        cnn_text_add_json(&out, registry->dirs[i]);
    }
    (void)printf("%s]}\n", cnn_text_get(&out));
    cnn_text_free(&out);
}

/* ---- --matrix ---- */

static const char *const cell_names[] = { "-", "yes", "partly", "no" };

static void print_matrix(const cnn_matrix *m, bool reasons)
{
    (void)printf("%-20s %-9s", "op", "gradient");
    for (uint32_t b = 0; b < m->n_backends; b++)
        (void)printf(" %-10s", m->backends[b]);
    (void)printf("\n");
    for (uint32_t i = 0; i < m->n_rows; i++) {
        const cnn_matrix_row *row = &m->rows[i];
        (void)printf("%-20s %-9s", row->op, row->has_gradient ? "yes" : "no");
        for (uint32_t b = 0; b < m->n_backends; b++)
            (void)printf(" %-10s", cell_names[row->cells[b]]);
        (void)printf("\n");
        for (uint32_t b = 0; b < m->n_backends && reasons; b++)
            if (row->why[b] != NULL)
                (void)printf("    %s: %s\n", m->backends[b], row->why[b]);
    }
    (void)printf(
        "\nyes: on four images, forward and in training; no: the backend that it stands on "
        "runs it;\n-: no example of the op is known\n");
    for (uint32_t b = 0; b < m->n_backends; b++)
        if (m->missing[b] != NULL)
            (void)printf("%s cannot be opened: %s\n", m->backends[b], m->missing[b]);
}

static void print_matrix_json(const cnn_matrix *m)
{
    cnn_text out = { 0 };
    for (uint32_t i = 0; i < m->n_rows; i++) {
        const cnn_matrix_row *row = &m->rows[i];
        cnn_text_add(&out, "%s\n  {\"op\": ", i > 0 ? "," : "");
        cnn_text_add_json(&out, row->op);
        cnn_text_add(&out, ", \"gradient\": %s", row->has_gradient ? "true" : "false");
        for (uint32_t b = 0; b < m->n_backends; b++)
            add_text(&out, m->backends[b], cell_names[row->cells[b]]);
        cnn_text_add(&out, "}");
    }
    (void)printf("[%s\n]\n", cnn_text_get(&out));
    cnn_text_free(&out);
}

static void show_matrix(cnn_context *context)
{
    const cnn_matrix *m = cnn_matrix_make(&context->registry);
    if (cnn_command_option(&context->command, "json") != NULL)
        print_matrix_json(m);
    else
        print_matrix(m, cnn_command_option(&context->command, "verbose") != NULL);
}

static cnn_status plugins(cnn_context *context)
{
    const char *word = cnn_command_option(&context->command, "find");
    cnn_status status = cnn_context_plugins(context);
    if (status != CNN_OK)
        return status;
    if (cnn_command_option(&context->command, "matrix") != NULL)
        show_matrix(context);
    else if (cnn_command_option(&context->command, "json") != NULL)
        print_json(&context->registry, word);
    else
        print_text(&context->registry, word);
    return CNN_OK;
}

static const cnn_option options[] = {
    { "find", "WORD", "only what has WORD in its name or summary" },
    { "matrix", NULL, "which backend runs which op; with --verbose, why not" },
    { "json", NULL, "as JSON" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_plugins = {
    .name = "plugins",
    .arguments = "[--find WORD | --matrix]",
    .summary = "list what was found, and what cannot be used and why",
    .details =
        "Plugins are files *.so in --plugin-path, $CNNRUN_PLUGIN_PATH, the user's and the\n"
        "installation's directory. Each new one is tried in a process of its own, which gets\n"
        "5 seconds ($CNNRUN_EXAMINE_SECONDS); the verdict is kept in the user's cache.",
    .options = options,
    .run = plugins,
};
