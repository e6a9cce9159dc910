/* The registry: every component that was found, by kind and name. */
#ifndef CNNRUN_REGISTRY_H
#define CNNRUN_REGISTRY_H

#include <cnnrun/plugin.h>

#include "base/arena.h"

typedef enum cnn_kind {
    CNN_KIND_LAYER, /* losses and metrics too */
    CNN_KIND_OP,
    CNN_KIND_OPTIMIZER,
    CNN_KIND_SCHEDULE,
    CNN_KIND_DATASET,
    CNN_KIND_TRANSFORM,
    CNN_KIND_BACKEND,
    CNN_KIND_OBSERVER,
    CNN_KIND_COUNT
} cnn_kind;

/* A plugin file that was found. */
typedef struct cnn_module {
    const char *path; /* of the .so; "" for what is built into the host */
    const cnn_plugin *plugin;
    const char *refusal; /* why it is not usable, else NULL */
    const char *hint;
    int init_state; /* 0 not yet, 1 done, -1 failed */
    void *handle;
} cnn_module;

typedef struct cnn_entry {
    cnn_kind kind;
    const cnn_component *component;
    cnn_module *module;
} cnn_entry;

typedef struct cnn_registry {
    cnn_arena *arena;
    const cnn_host *host;
    cnn_entry *entries; /* sorted by (kind, name) */
    size_t n_entries;
    cnn_module **modules; /* in search order, refused ones included */
    size_t n_modules;
    const char **dirs; /* that were searched */
    size_t n_dirs;
    cnn_module **started; /* whose init ran, in that order */
    size_t n_started;
    size_t n_missing; /* finds that ended in CNN_MISSING: the program's exit status is 3 */
} cnn_registry;

const char *cnn_kind_name(cnn_kind kind); /* "layer", ... */

/* Adds a module and all its components. CNN_INVALID if a component's name is taken by another
 * module: names both files; the module is kept with that refusal and gives nothing. */
cnn_status cnn_registry_add(cnn_registry *registry, cnn_module *module, cnn_error *err);

/* Keeps a module that cannot be used, with the reason and a hint or NULL. */
void cnn_registry_refuse(cnn_registry *registry, cnn_module *module, const char *refusal,
                         const char *hint);

/* The table of a kind in a plugin, e.g. &plugin->layers. */
const cnn_table *cnn_plugin_table(const cnn_plugin *plugin, cnn_kind kind);

/* Finds "name" or "plugin/name" and, the first time, runs its plugin's init. CNN_MISSING: says what
 * was searched and gives the nearest name as a hint; includes the reason of a refused plugin that
 * might have had it. [main] */
cnn_status cnn_registry_find(cnn_registry *registry, cnn_kind kind, const char *name,
                             const cnn_component **component, cnn_error *err);

/* All names of a kind, sorted, for did-you-mean; arena memory. */
size_t cnn_registry_names(cnn_registry *registry, cnn_kind kind, const char *const **names);

/* A plugin's init may refuse; see cnn_module.init_state. deinit of all, in reverse order of init,
 * at exit. [main] */
void cnn_registry_deinit(cnn_registry *registry);

/* Member of a component that may be older than this host: is `field` inside what the plugin gave?
 */
#define CNN_HAS(struct_type, component_ptr, field) \
    ((component_ptr)->c.size >= offsetof(struct_type, field) + sizeof((component_ptr)->field))

/* Descriptors of the built-in ops (framework/ops), registered as a module of the host. */
extern const cnn_plugin cnn_builtin_plugin;

#endif
