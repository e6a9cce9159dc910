/* Finds plugin files and loads the usable ones. Loading runs constructors, so whatever they do to
 * standard output or to the floating-point environment (flush-to-zero by -ffast-math) is undone. */
#include "loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "host_services.h"
#include "plugin_check.h"
#include "scan.h"

/* Candidates with what tells two names of one file apart. */
typedef struct found {
    cnn_arena *arena;
    cnn_candidate *items;
    struct file_id {
        dev_t device;
        ino_t inode;
    } * ids;
    size_t count;
} found;

static bool is_new_file(const found *f, const struct stat *info)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->ids[i].device == info->st_dev && f->ids[i].inode == info->st_ino)
            return false;
    return true;
}

static void add_file(found *f, const char *dir, const char *name)
{
    struct stat info;
    const char *path = cnn_arena_printf(f->arena, "%s/%s", dir, name);
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || !is_new_file(f, &info))
        return;
    f->items = cnn_arena_grow(f->arena, f->items, f->count, sizeof *f->items);
    f->ids = cnn_arena_grow(f->arena, f->ids, f->count, sizeof *f->ids);
    f->ids[f->count] = (struct file_id){ info.st_dev, info.st_ino };
    f->items[f->count++] = (cnn_candidate){
        .path = path,
        .size = (uint64_t)info.st_size,
        .mtime_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec,
    };
}

static int is_plugin_name(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 3 && strcmp(entry->d_name + n - 3, ".so") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* 0, or why the directory cannot be read (errno). */
static int search_dir(cnn_registry *registry, found *f, const char *dir)
{
    struct dirent **entries;
    char *real = realpath(dir, NULL);
    const char *path = cnn_arena_string(f->arena, real != NULL ? real : dir);
    int n = real != NULL ? scandir(path, &entries, is_plugin_name, by_name) : -1;
    int reason = errno;
    free(real);
    registry->dirs =
        cnn_arena_grow(registry->arena, registry->dirs, registry->n_dirs, sizeof *registry->dirs);
    registry->dirs[registry->n_dirs++] = path;
    if (n < 0)
        return reason;
    for (int i = 0; i < n; i++) {
        add_file(f, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

static void search_list(cnn_registry *registry, found *f, const char *list)
{
    while (list != NULL && *list != '\0') {
        size_t n = strcspn(list, ":");
        if (n > 0)
            (void)search_dir(registry, f, cnn_arena_printf(f->arena, "%.*s", (int)n, list));
        list += n + (list[n] == ':');
    }
}

static cnn_status search(cnn_registry *registry, const cnn_loader_options *options, found *f,
                         cnn_error *err)
{
    for (uint32_t i = 0; i < options->n_dirs; i++) {
        int reason = search_dir(registry, f, options->dirs[i]);
        if (reason != 0)
            return cnn_fail(err, CNN_INVALID, "cannot search the plugin directory '%s': %s",
                            options->dirs[i], strerror(reason));
    }
    search_list(registry, f, getenv("CNNRUN_PLUGIN_PATH"));
    const char *user = cnn_user_dir("XDG_DATA_HOME", ".local/share", f->arena);
    if (user != NULL)
        (void)search_dir(registry, f, cnn_arena_printf(f->arena, "%s/plugins", user));
    const char *program = cnn_program_dir(f->arena);
    const char *slash = program != NULL ? strrchr(program, '/') : NULL;
    if (slash != NULL)
        (void)search_dir(
            registry, f,
            cnn_arena_printf(f->arena, "%.*s/lib/cnnrun/plugins", (int)(slash - program), program));
    return CNN_OK;
}

/* dlerror's text without the file's name before it, which every message of ours has anyway. */
static cnn_status fail_load(const char *path, cnn_error *err)
{
    const char *text = dlerror();
    size_t n = strlen(path);
    if (text == NULL)
        text = "unknown reason";
    if (strncmp(text, path, n) == 0 && text[n] == ':')
        text += n + 1 + (text[n + 1] == ' ');
    (void)cnn_fail(err, CNN_INVALID, "cannot be loaded: %s", text);
    if (strstr(text, "undefined symbol") != NULL)
        cnn_hint(err, "plugins resolve no symbol of the host; link with -Wl,-z,defs to see what "
                      "is missing");
    else if (strstr(text, "No such file") != NULL)
        cnn_hint(err, "install the library that it needs");
    return CNN_INVALID;
}

static cnn_status open_file(const char *path, void **handle, const cnn_plugin **plugin,
                            cnn_error *err)
{
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*handle == NULL)
        return fail_load(path, err);
    *plugin = dlsym(*handle, "cnnrun_plugin");
    if (*plugin == NULL) {
        (void)cnn_fail(err, CNN_INVALID, "is not a cnnrun plugin: it has no symbol cnnrun_plugin");
        cnn_hint(err, "a plugin's source says CNN_PLUGIN(.name = ...) once");
        return CNN_INVALID;
    }
    return CNN_OK;
}

static void load(cnn_registry *registry, const cnn_candidate *c)
{
    cnn_module *module = CNN_NEW(registry->arena, cnn_module);
    const cnn_plugin *plugin = NULL;
    cnn_error err = { 0 };
    module->path = c->path;
    if (c->refusal != NULL) {
        cnn_registry_refuse(registry, module, c->refusal, c->hint);
        return;
    }
    cnn_status status = open_file(c->path, &module->handle, &plugin, &err);
    if (status == CNN_OK)
        status = cnn_plugin_check_magic(plugin, &err);
    if (status != CNN_OK) {
        if (module->handle != NULL)
            (void)dlclose(module->handle);
        module->handle = NULL;
        cnn_registry_refuse(registry, module, err.text, err.hint);
        return;
    }
    module->plugin = plugin;
    (void)cnn_registry_add(registry, module, &err);
}

/* Standard output goes nowhere until it is given back; -1 if it could not be moved. */
static int silence_stdout(void)
{
    (void)fflush(stdout);
    int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (saved >= 0 && null >= 0)
        (void)dup2(null, STDOUT_FILENO);
    if (null >= 0)
        (void)close(null);
    return saved;
}

static void give_stdout_back(int saved)
{
    if (saved < 0)
        return;
    (void)fflush(stdout);
    (void)dup2(saved, STDOUT_FILENO);
    (void)close(saved);
}

static void load_all(cnn_registry *registry, const found *f)
{
    fenv_t environment;
    bool saved = fegetenv(&environment) == 0;
    int out = silence_stdout();
    for (size_t i = 0; i < f->count; i++)
        load(registry, &f->items[i]);
    give_stdout_back(out);
    if (saved)
        (void)fesetenv(&environment);
}

cnn_status cnn_load_plugins(cnn_registry *registry, const cnn_loader_options *options,
                            cnn_error *err)
{
    found f = { .arena = registry->arena };
    cnn_module *builtin = CNN_NEW(registry->arena, cnn_module);
    builtin->path = "";
    builtin->plugin = &cnn_builtin_plugin;
    cnn_status status = cnn_registry_add(registry, builtin, err);
    if (status == CNN_OK)
        status = search(registry, options, &f, err);
    if (status != CNN_OK)
        return status;
    size_t examined = cnn_scan(f.items, f.count, options->no_cache, registry->arena);
    if (registry->host != NULL && registry->host->log != NULL) {
        char line[64];
        (void)snprintf(line, sizeof line, "%zu plugin files, %zu examined", f.count, examined);
        registry->host->log(registry->host, CNN_DEBUG, line);
    }
    load_all(registry, &f);
    return CNN_OK;
}

/* ---- the child */

static void ignore_line(const cnn_host *host, uint32_t level, const char *text)
{
    (void)host, (void)level, (void)text;
}

static void one_after_the_other(const cnn_host *host, uint32_t count,
                                void (*task)(void *context, uint32_t i), void *context)
{
    (void)host;
    for (uint32_t i = 0; i < count; i++)
        task(context, i);
}

/* init may fail for reasons that are not the file's: the machine lacks something. */
static cnn_status try_init(const cnn_plugin *plugin, int fd, bool *passing, cnn_error *err)
{
    static const char *const no_dirs[] = { NULL };
    static const char marker[] = "init\n";
    const cnn_host host = {
        .size = sizeof host,
        .threads = 1,
        .log = ignore_line,
        .parallel = one_after_the_other,
        .data_dirs = no_dirs,
    };
    cnn_error reason = { 0 };
    if (plugin->init == NULL)
        return CNN_OK;
    if (write(fd, marker, sizeof marker - 1) < 0 || plugin->init(&host, &reason) == CNN_OK)
        return CNN_OK;
    *passing = true;
    (void)cnn_fail(err, CNN_INVALID, "its init fails: %s",
                   reason.text[0] != '\0' ? reason.text : "it does not say why");
    cnn_hint(err, "%s", reason.hint);
    return CNN_INVALID;
}

/* A plugin that crashes just ends the child: no handler, no core file, no orphan. */
static void prepare_child(void)
{
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
    const struct rlimit no_core = { 0, 0 };
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        (void)signal(fatal[i], SIG_DFL);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
}

int cnn_examine_main(const char *path, int fd)
{
    void *handle;
    const cnn_plugin *plugin = NULL;
    cnn_error err = { 0 };
    cnn_text verdict = { 0 };
    prepare_child();
    cnn_status status = open_file(path, &handle, &plugin, &err);
    bool passing = status != CNN_OK && handle == NULL; /* a library may be missing */
    if (status == CNN_OK)
        status = cnn_plugin_check(plugin, &err);
    if (status == CNN_OK)
        status = try_init(plugin, fd, &passing, &err);
    cnn_verdict_format(status, passing, &err, &verdict);
    ssize_t n = write(fd, cnn_text_get(&verdict), verdict.length);
    _exit(n == (ssize_t)verdict.length ? 0 : 1); /* without the plugin's destructors */
}
