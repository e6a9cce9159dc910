/* The table that plugins get. The directories of data sets are looked up once, at the start. */
#include "host_services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cnn_services *services_of(const cnn_host *host)
{
    return (const cnn_services *)(const void *)host;
}

static void log_line(const cnn_host *host, uint32_t level, const char *text)
{
    const cnn_services *services = services_of(host);
    if (level <= CNN_DEBUG && !services->verbose)
        return;
    if (level == CNN_INFO && services->quiet)
        return;
    /* One call: lines of several threads do not mix. */
    (void)fprintf(stderr, "cnnrun: %s%s\n", level >= CNN_WARNING ? "warning: " : "", text);
}

static void parallel(const cnn_host *host, uint32_t count, void (*task)(void *context, uint32_t i),
                     void *context)
{
    cnn_pool_run(services_of(host)->pool, count, task, context);
}

const char *cnn_program_dir(cnn_arena *arena)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0 || (size_t)n >= sizeof path - 1)
        return NULL;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return NULL;
    slash[slash == path ? 1 : 0] = '\0';
    return cnn_arena_string(arena, path);
}

const char *cnn_user_dir(const char *variable, const char *below_home, cnn_arena *arena)
{
    const char *dir = getenv(variable);
    if (dir != NULL && dir[0] == '/') /* the XDG rules ignore relative paths */
        return cnn_arena_printf(arena, "%s/cnnrun", dir);
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/')
        return NULL;
    return cnn_arena_printf(arena, "%s/%s/cnnrun", home, below_home);
}

static const char *const *find_data_dirs(cnn_arena *arena)
{
    const char **dirs = CNN_NEW_ARRAY(arena, const char *, 6);
    size_t n = 0;
    const char *given = getenv("CNNRUN_DATA");
    if (given != NULL && given[0] != '\0')
        dirs[n++] = cnn_arena_string(arena, given);
    dirs[n++] = "./data";
    const char *user = cnn_user_dir("XDG_DATA_HOME", ".local/share", arena);
    if (user != NULL)
        dirs[n++] = cnn_arena_printf(arena, "%s/data", user);
    const char *program = cnn_program_dir(arena);
    if (program != NULL)
        dirs[n++] = cnn_arena_printf(arena, "%s/../share/cnnrun/data", program);
    dirs[n] = "/usr/share/datasets";
    return dirs;
}

cnn_services *cnn_services_create(uint32_t threads, cnn_arena *arena)
{
    cnn_services *services = CNN_NEW(arena, cnn_services);
    services->pool = cnn_pool_create(threads);
    services->host = (cnn_host){
        .size = sizeof(cnn_host),
        .threads = cnn_pool_threads(services->pool),
        .log = log_line,
        .parallel = parallel,
        .data_dirs = find_data_dirs(arena),
    };
    return services;
}

void cnn_services_destroy(cnn_services *services)
{
    if (services == NULL)
        return;
    cnn_pool_destroy(services->pool);
    services->pool = NULL;
}
