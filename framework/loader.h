/* loader: finds plugin files, tries each in a child process, loads the good ones. The only user of
 * <dlfcn.h>. */
#ifndef CNNRUN_LOADER_H
#define CNNRUN_LOADER_H

#include "registry.h"

typedef struct cnn_loader_options {
    const char *const *dirs; /* --plugin-path, first */
    uint32_t n_dirs;
    bool no_cache; /* examine all anew, and remember that */
} cnn_loader_options;

/* Searches --plugin-path, $CNNRUN_PLUGIN_PATH (colon separated), $XDG_DATA_HOME/cnnrun/plugins (or
 * ~/.local/share), <program>/../lib/cnnrun/plugins; never the current directory. Candidates are
 * files named *.so, by name; the same device and inode counts once. Each one that the cache does
 * not know (path, size, mtime) is examined by a child process (`cnnrun --examine FILE`) with a time
 * limit; the verdict is cached with its reason in $XDG_CACHE_HOME/cnnrun/plugins.cache. Usable ones
 * are dlopened (RTLD_NOW | RTLD_LOCAL) and their components registered; a duplicate is refused,
 * naming both files. Bad plugins never fail the call: they are modules with a refusal. [main] */
cnn_status cnn_load_plugins(cnn_registry *registry, const cnn_loader_options *options,
                            cnn_error *err);

/* The child: dlopens one file, checks symbol, magic, tables, parameter tables, names; writes the
 * verdict ("ok" or the reason) to file descriptor `fd`. stdout and stderr of the plugin's
 * constructors go to /dev/null. Exit status 0. */
int cnn_examine_main(const char *path, int fd);

#endif
