/* For tests of single plugins that are compiled into the test: the plugin's components by name, a
 * host that offers nothing, and a folder for files. */
#ifndef CNNRUN_TEST_PARTS_H
#define CNNRUN_TEST_PARTS_H

#include <cnnrun/plugin.h>

#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern const cnn_plugin cnnrun_plugin;

static inline const void *part_find(const cnn_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const cnn_component *c = cnn_table_at(table, i);
        if (strcmp(c->name, name) == 0)
            return c;
    }
    fprintf(stderr, "no component %s\n", name);
    exit(1);
}

static const char *const part_no_dirs[1] = { NULL };

static inline cnn_host part_host(const char *const *data_dirs)
{
    return (cnn_host){ .size = sizeof(cnn_host), .threads = 1, .data_dirs = data_dirs };
}

/* A folder of this process; the same in all calls. */
static inline const char *part_dir(void)
{
    static char dir[256];
    if (dir[0] == '\0') {
        const char *base = getenv("TMPDIR");
        (void)snprintf(dir, sizeof dir, "%s/cnnrun-test-XXXXXX", base != NULL ? base : "/tmp");
        if (mkdtemp(dir) == NULL) {
            perror(dir);
            exit(1);
        }
    }
    return dir;
}

/* "<dir>/<name>"; four results live at a time. */
static inline const char *part_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", part_dir(), name);
    return path;
}

static inline const char *part_write(const char *name, const void *bytes, size_t size)
{
    const char *path = part_path(name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes, 1, size, f) != size || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    return path;
}

static inline void part_mkdir(const char *name)
{
    (void)mkdir(part_path(name), 0777);
}

/* Removes the folder at the end of main. */
static inline int part_finish(int status)
{
    char command[300];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", part_dir());
    return system(command) == 0 ? status : 1;
}

/* Opens a data set, and fails the test if that fails. */
static inline cnn_dataset_state *part_open(const cnn_dataset *d, const void *params,
                                           cnn_dataset_info *info)
{
    cnn_host host = part_host(part_no_dirs);
    cnn_dataset_state *s = NULL;
    cnn_error err = { "", "" };
    if (!CHECK(d->open(&host, params, &s, &err) == CNN_OK)) {
        fprintf(stderr, "  %s\n", err.text);
        exit(1);
    }
    memset(info, 0, sizeof *info);
    info->size = sizeof *info;
    CHECK(d->describe(s, info, &err) == CNN_OK);
    return s;
}

/* The message of a data set that does not open. */
static inline cnn_error part_refusal(const cnn_dataset *d, const void *params, cnn_status want)
{
    cnn_host host = part_host(part_no_dirs);
    cnn_dataset_state *s = NULL;
    cnn_error err = { "", "" };
    cnn_status status = d->open(&host, params, &s, &err);
    CHECK_INT(status, want);
    if (status == CNN_OK)
        d->close(s);
    return err;
}

#endif
