/* Components by kind and name. A sorted array: it is made once, searched often. */
#include "registry.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"

static const struct {
    const char *name;
    size_t table; /* its place in cnn_plugin */
} kinds[CNN_KIND_COUNT] = {
    [CNN_KIND_LAYER] = { "layer", offsetof(cnn_plugin, layers) },
    [CNN_KIND_OP] = { "op", offsetof(cnn_plugin, ops) },
    [CNN_KIND_OPTIMIZER] = { "optimizer", offsetof(cnn_plugin, optimizers) },
    [CNN_KIND_SCHEDULE] = { "schedule", offsetof(cnn_plugin, schedules) },
    [CNN_KIND_DATASET] = { "dataset", offsetof(cnn_plugin, datasets) },
    [CNN_KIND_TRANSFORM] = { "transform", offsetof(cnn_plugin, transforms) },
    [CNN_KIND_BACKEND] = { "backend", offsetof(cnn_plugin, backends) },
    [CNN_KIND_OBSERVER] = { "observer", offsetof(cnn_plugin, observers) },
};

const char *cnn_kind_name(cnn_kind kind)
{
    return kind < CNN_KIND_COUNT ? kinds[kind].name : "component";
}

const cnn_table *cnn_plugin_table(const cnn_plugin *plugin, cnn_kind kind)
{
    return (const cnn_table *)(const void *)((const char *)plugin + kinds[kind].table);
}

static int compare(cnn_kind kind, const char *name, const cnn_entry *entry)
{
    if (kind != entry->kind)
        return kind < entry->kind ? -1 : 1;
    return strcmp(name, entry->component->name);
}

/* First entry that is not before (kind, name). */
static size_t lower_bound(const cnn_registry *registry, cnn_kind kind, const char *name)
{
    size_t low = 0, high = registry->n_entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(kind, name, &registry->entries[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static cnn_entry *lookup(const cnn_registry *registry, cnn_kind kind, const char *name)
{
    size_t at = lower_bound(registry, kind, name);
    if (at < registry->n_entries && compare(kind, name, &registry->entries[at]) == 0)
        return &registry->entries[at];
    return NULL;
}

static void insert(cnn_registry *registry, cnn_entry entry)
{
    size_t at = lower_bound(registry, entry.kind, entry.component->name);
    registry->entries = cnn_arena_grow(registry->arena, registry->entries, registry->n_entries,
                                       sizeof *registry->entries);
    memmove(registry->entries + at + 1, registry->entries + at,
            (registry->n_entries - at) * sizeof *registry->entries);
    registry->entries[at] = entry;
    registry->n_entries++;
}

static void keep(cnn_registry *registry, cnn_module *module)
{
    registry->modules = cnn_arena_grow(registry->arena, registry->modules, registry->n_modules,
                                       sizeof *registry->modules);
    registry->modules[registry->n_modules++] = module;
}

void cnn_registry_refuse(cnn_registry *registry, cnn_module *module, const char *refusal,
                         const char *hint)
{
    module->refusal = cnn_arena_string(registry->arena, refusal);
    module->hint = hint != NULL && hint[0] != '\0' ? cnn_arena_string(registry->arena, hint) : NULL;
    keep(registry, module);
}

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) : 0;
}

static const char *shown_path(const cnn_module *module)
{
    return module->path[0] != '\0' ? module->path : "cnnrun itself";
}

static cnn_status refuse_duplicate(cnn_registry *registry, cnn_module *module,
                                   const cnn_entry *taken, cnn_error *err)
{
    const char *other = shown_path(taken->module);
    size_t n = folder_length(module->path);
    bool same_folder = n == folder_length(other) && strncmp(module->path, other, n) == 0;
    (void)cnn_fail(err, CNN_INVALID, "the %s '%s' of '%s' is already given by '%s'",
                   cnn_kind_name(taken->kind), taken->component->name, shown_path(module), other);
    if (same_folder)
        cnn_hint(err, "both lie in one directory: remove one of them");
    else
        cnn_hint(err, "the directory that is searched first wins; remove one of them, or rename "
                      "the component");
    cnn_registry_refuse(registry, module, err->text, err->hint);
    return CNN_INVALID;
}

static const cnn_entry *find_taken(const cnn_registry *registry, const cnn_plugin *plugin)
{
    for (cnn_kind kind = 0; kind < CNN_KIND_COUNT; kind++) {
        const cnn_table *table = cnn_plugin_table(plugin, kind);
        for (uint32_t i = 0; i < table->count; i++) {
            const cnn_component *c = cnn_table_at(table, i);
            const cnn_entry *taken = lookup(registry, kind, c->name);
            if (taken != NULL)
                return taken;
        }
    }
    return NULL;
}

cnn_status cnn_registry_add(cnn_registry *registry, cnn_module *module, cnn_error *err)
{
    cnn_error unused;
    const cnn_entry *taken = find_taken(registry, module->plugin);
    if (taken != NULL)
        return refuse_duplicate(registry, module, taken, err != NULL ? err : &unused);
    for (cnn_kind kind = 0; kind < CNN_KIND_COUNT; kind++) {
        const cnn_table *table = cnn_plugin_table(module->plugin, kind);
        for (uint32_t i = 0; i < table->count; i++)
            insert(registry, (cnn_entry){ kind, cnn_table_at(table, i), module });
    }
    keep(registry, module);
    return CNN_OK;
}

size_t cnn_registry_names(cnn_registry *registry, cnn_kind kind, const char *const **names)
{
    size_t first = lower_bound(registry, kind, ""), count = 0;
    while (first + count < registry->n_entries && registry->entries[first + count].kind == kind)
        count++;
    const char **list = CNN_NEW_ARRAY(registry->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        list[i] = registry->entries[first + i].component->name;
    *names = list;
    return count;
}

/* Could the refused file have had the component? Then its name and the file's (or the plugin's
 * before the slash) have something in common. */
static bool might_have(const cnn_module *module, const char *name)
{
    const char *slash = strrchr(module->path, '/');
    const char *base = slash != NULL ? slash + 1 : module->path;
    const char *dot = strchr(base, '.');
    char stem[256];
    size_t n = dot != NULL ? (size_t)(dot - base) : strlen(base);
    if (n == 0 || n >= sizeof stem)
        return false;
    memcpy(stem, base, n);
    stem[n] = '\0';
    const char *bare = strchr(name, '/');
    return strstr(name, stem) != NULL || strstr(stem, bare != NULL ? bare + 1 : name) != NULL;
}

static const cnn_module *refused_owner(const cnn_registry *registry, cnn_kind kind,
                                       const char *name)
{
    const cnn_module *guess = NULL;
    for (size_t i = 0; i < registry->n_modules; i++) {
        const cnn_module *module = registry->modules[i];
        if (module->refusal == NULL)
            continue;
        const cnn_table *table =
            module->plugin != NULL ? cnn_plugin_table(module->plugin, kind) : NULL;
        for (uint32_t k = 0; table != NULL && k < table->count; k++)
            if (strcmp(((const cnn_component *)cnn_table_at(table, k))->name, name) == 0)
                return module;
        if (guess == NULL && might_have(module, name))
            guess = module;
    }
    return guess;
}

static size_t count_refused(const cnn_registry *registry)
{
    size_t n = 0;
    for (size_t i = 0; i < registry->n_modules; i++)
        n += registry->modules[i]->refusal != NULL;
    return n;
}

static void add_searched(const cnn_registry *registry, cnn_text *text)
{
    if (registry->n_dirs == 0)
        return;
    cnn_text_add(text, "; searched");
    for (size_t i = 0; i < registry->n_dirs; i++)
        cnn_text_add(text, "%s %s", i > 0 ? "," : "", registry->dirs[i]);
}

static void suggest(cnn_registry *registry, cnn_kind kind, const char *name, cnn_error *err)
{
    const char *const *names;
    size_t count = cnn_registry_names(registry, kind, &names);
    const char *near = cnn_did_you_mean(name, names, count);
    size_t refused = count_refused(registry);
    if (near != NULL)
        cnn_hint(err, "did you mean '%s'?", near);
    else if (refused > 0)
        cnn_hint(err, "%zu plugin%s cannot be used: cnnrun plugins says why", refused,
                 refused == 1 ? "" : "s");
    else
        cnn_hint(err, "cnnrun plugins --find %s", name);
}

static cnn_status missing(cnn_registry *registry, cnn_kind kind, const char *name, cnn_error *err)
{
    cnn_text text = { 0 };
    cnn_text_add(&text, "no %s '%s'", cnn_kind_name(kind), name);
    const cnn_module *owner = refused_owner(registry, kind, name);
    for (cnn_kind other = 0; other < CNN_KIND_COUNT; other++)
        if (other != kind && lookup(registry, other, name) != NULL)
            cnn_text_add(&text, ", but there is %s %s of that name",
                         strchr("aeio", kinds[other].name[0]) != NULL ? "an" : "a",
                         kinds[other].name);
    if (owner != NULL)
        cnn_text_add(&text, "; '%s' might have it, but cannot be used: %s", owner->path,
                     owner->refusal);
    else
        add_searched(registry, &text);
    (void)cnn_fail(err, CNN_MISSING, "%s", cnn_text_get(&text));
    cnn_text_free(&text);
    if (owner != NULL && owner->hint != NULL)
        cnn_hint(err, "%s", owner->hint);
    else if (err != NULL)
        suggest(registry, kind, name, err);
    registry->n_missing++;
    return CNN_MISSING;
}

static cnn_status start(cnn_registry *registry, cnn_module *module, cnn_error *err)
{
    cnn_error reason = { 0 };
    if (module->init_state > 0)
        return CNN_OK;
    if (module->init_state == 0) {
        bool ok =
            module->plugin->init == NULL || module->plugin->init(registry->host, &reason) == CNN_OK;
        module->init_state = ok ? 1 : -1;
        if (ok) {
            registry->started = cnn_arena_grow(registry->arena, registry->started,
                                               registry->n_started, sizeof *registry->started);
            registry->started[registry->n_started++] = module;
            return CNN_OK;
        }
        module->refusal = cnn_arena_string(registry->arena, reason.text);
        module->hint =
            reason.hint[0] != '\0' ? cnn_arena_string(registry->arena, reason.hint) : NULL;
    }
    (void)cnn_fail(err, CNN_MISSING, "the plugin '%s' (%s) cannot be used: %s",
                   module->plugin->name, shown_path(module), module->refusal);
    if (module->hint != NULL)
        cnn_hint(err, "%s", module->hint);
    registry->n_missing++;
    return CNN_MISSING;
}

cnn_status cnn_registry_find(cnn_registry *registry, cnn_kind kind, const char *name,
                             const cnn_component **component, cnn_error *err)
{
    const char *slash = strchr(name, '/');
    const cnn_entry *entry = lookup(registry, kind, slash != NULL ? slash + 1 : name);
    *component = NULL;
    if (entry != NULL && slash != NULL &&
        (strncmp(entry->module->plugin->name, name, (size_t)(slash - name)) != 0 ||
         entry->module->plugin->name[slash - name] != '\0'))
        entry = NULL;
    if (entry == NULL)
        return missing(registry, kind, name, err);
    cnn_status status = start(registry, entry->module, err);
    if (status == CNN_OK)
        *component = entry->component;
    return status;
}

void cnn_registry_deinit(cnn_registry *registry)
{
    while (registry->n_started > 0) {
        cnn_module *module = registry->started[--registry->n_started];
        if (module->plugin->deinit != NULL)
            module->plugin->deinit();
        module->init_state = 0;
    }
}
