/* describe: what a component is and what its options mean, from its own tables. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "params.h"

#define UNBOUNDED 2147483647.0 /* ranges up to here only keep sizes sane */

static bool matches(const cnn_entry *entry, const char *name)
{
    const char *slash = strchr(name, '/');
    if (slash == NULL)
        return strcmp(entry->component->name, name) == 0;
    const char *owners[] = { cnn_kind_name(entry->kind), entry->module->plugin->name };
    size_t n = (size_t)(slash - name);
    bool owned = false;
    for (size_t i = 0; i < 2; i++)
        owned = owned || (strncmp(owners[i], name, n) == 0 && owners[i][n] == '\0');
    return owned && strcmp(entry->component->name, slash + 1) == 0;
}

/* "from 1", "from 0 to 1", or "". */
static void range_text(const cnn_param *p, char *out, size_t size)
{
    bool low = p->min > -UNBOUNDED, high = p->max < UNBOUNDED;
    out[0] = '\0';
    if ((p->min == 0 && p->max == 0) || (!low && !high))
        return;
    if (low && high)
        (void)snprintf(out, size, "from %.10g to %.10g", p->min, p->max);
    else if (low)
        (void)snprintf(out, size, "from %.10g", p->min);
    else
        (void)snprintf(out, size, "up to %.10g", p->max);
}

static void print_param(const cnn_param *p)
{
    char type[256], range[64];
    cnn_param_type_text(p, type, sizeof type);
    range_text(p, range, sizeof range);
    (void)printf("  %s: %s", p->name, type);
    if (range[0] != '\0')
        (void)printf(", %s", range);
    if (p->unit != NULL)
        (void)printf(" (%s)", p->unit);
    if (p->def != NULL)
        (void)printf(", default %s\n", p->def[0] != '\0' ? p->def : "\"\"");
    else
        (void)printf(", %s\n", (p->flags & CNN_PARAM_OPTIONAL) != 0 ? "optional" : "required");
    if (p->help != NULL && p->help[0] != '\0')
        (void)printf("      %s\n", p->help);
}

static const char *role_text(const cnn_entry *entry)
{
    static const char *const roles[] = { "layer", "join", "loss", "metric" };
    if (entry->kind != CNN_KIND_LAYER)
        return cnn_kind_name(entry->kind);
    uint32_t role = ((const cnn_layer *)(const void *)entry->component)->role;
    return role < sizeof roles / sizeof roles[0] ? roles[role] : "layer";
}

static void print_entry(const cnn_entry *entry)
{
    const cnn_component *c = entry->component;
    const cnn_plugin *plugin = entry->module->plugin;
    (void)printf("%s %s: %s\n", role_text(entry), c->name, c->summary);
    (void)printf("  from %s %s (%s)%s%s\n", plugin->name, plugin->version, plugin->license,
                 entry->module->path[0] != '\0' ? ", " : "", entry->module->path);
    if (c->example != NULL && c->example[0] != '\0')
        (void)printf("\nexample\n  %s\n", c->example);
    if (c->params.count > 0)
        (void)printf("\noptions (the first may be given bare)\n");
    for (uint32_t i = 0; i < c->params.count; i++)
        print_param(cnn_table_at(&c->params, i));
}

static void add_text(cnn_text *out, const char *key, const char *value)
{
    cnn_text_add(out, ", \"%s\": ", key);
    if (value != NULL)
        cnn_text_add_json(out, value);
    else
        cnn_text_add(out, "null");
}

static void add_choices(cnn_text *out, const char *choices)
{
    cnn_text_add(out, ", \"choices\": [");
    for (const char *p = choices; p != NULL && *p != '\0';) {
        char word[128];
        size_t n = strcspn(p, "|");
        (void)snprintf(word, sizeof word, "%.*s", (int)n, p);
        cnn_text_add(out, "%s", p > choices ? ", " : "");
        cnn_text_add_json(out, word);
        p += n + (p[n] == '|');
    }
    cnn_text_add(out, "]");
}

static void add_param(cnn_text *out, const cnn_param *p)
{
    char type[256];
    cnn_param_type_text(p, type, sizeof type);
    cnn_text_add(out, "{\"name\": ");
    cnn_text_add_json(out, p->name);
    add_text(out, "type", type);
    add_text(out, "default", p->def);
    cnn_text_add(out, ", \"required\": %s",
                 p->def == NULL && (p->flags & CNN_PARAM_OPTIONAL) == 0 ? "true" : "false");
    if ((p->min != 0 || p->max != 0) && isfinite(p->min) && isfinite(p->max))
        cnn_text_add(out, ", \"min\": %.17g, \"max\": %.17g", p->min, p->max);
    if (p->choices != NULL)
        add_choices(out, p->choices);
    add_text(out, "unit", p->unit);
    add_text(out, "help", p->help);
    cnn_text_add(out, "}");
}

static void add_entry(cnn_text *out, const cnn_entry *entry)
{
    const cnn_component *c = entry->component;
    cnn_text_add(out, "{\"kind\": \"%s\"", cnn_kind_name(entry->kind));
    add_text(out, "role", role_text(entry));
    add_text(out, "name", c->name);
    add_text(out, "plugin", entry->module->plugin->name);
    add_text(out, "version", entry->module->plugin->version);
    add_text(out, "path", entry->module->path);
    add_text(out, "summary", c->summary);
    add_text(out, "example", c->example);
    cnn_text_add(out, ", \"options\": [");
    for (uint32_t i = 0; i < c->params.count; i++) {
        cnn_text_add(out, "%s\n  ", i > 0 ? "," : "");
        add_param(out, cnn_table_at(&c->params, i));
    }
    cnn_text_add(out, "]}");
}

static cnn_status unknown(cnn_context *context, const char *name)
{
    const cnn_registry *registry = &context->registry;
    const char **names = CNN_NEW_ARRAY(context->arena, const char *, registry->n_entries);
    const char *slash = strchr(name, '/');
    for (size_t i = 0; i < registry->n_entries; i++)
        names[i] = registry->entries[i].component->name;
    const char *near =
        cnn_did_you_mean(slash != NULL ? slash + 1 : name, names, registry->n_entries);
    (void)cnn_fail(&context->err, CNN_MISSING, "no plugin has a component '%s'", name);
    for (size_t i = 0; near == NULL && i < registry->n_modules; i++) {
        const cnn_module *m = registry->modules[i];
        if (m->refusal == NULL || strstr(m->path, slash != NULL ? slash + 1 : name) == NULL)
            continue;
        return cnn_fail(&context->err, CNN_MISSING,
                        "'%s' cannot be described: %s cannot be used: %s", name, m->path,
                        m->refusal);
    }
    if (near != NULL)
        cnn_hint(&context->err, "did you mean '%s'?", near);
    else
        cnn_hint(&context->err, "cnnrun plugins lists all, and the plugins that cannot be used");
    return CNN_MISSING;
}

static cnn_status describe(cnn_context *context)
{
    const char *name = context->command.arguments[0];
    bool json = cnn_command_option(&context->command, "json") != NULL;
    cnn_text out = { 0 };
    size_t found = 0;
    cnn_status status = cnn_context_plugins(context);
    if (status != CNN_OK)
        return status;
    for (size_t i = 0; i < context->registry.n_entries; i++) {
        const cnn_entry *entry = &context->registry.entries[i];
        if (!matches(entry, name))
            continue;
        if (found++ > 0 && !json)
            (void)printf("\n");
        if (json && found > 1)
            cnn_text_add(&out, ",\n");
        if (json)
            add_entry(&out, entry);
        else
            print_entry(entry);
    }
    if (json && found > 0)
        (void)printf("[%s]\n", cnn_text_get(&out));
    cnn_text_free(&out);
    return found > 0 ? CNN_OK : unknown(context, name);
}

static const cnn_option options[] = {
    { "json", NULL, "as JSON" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_describe = {
    .name = "describe",
    .arguments = "NAME",
    .summary = "explain a layer, optimizer, data set, ... and its options",
    .details = "NAME may have its kind or its plugin before it: layer/conv2d, acme/swish.",
    .options = options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = describe,
};
