/* Whole reads and all-or-nothing writes. A write goes to a temporary file beside the target, which
 * takes the target's name only after everything is on the disk; devices and pipes are written
 * directly, since a rename would replace them. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define PIECE 65536u

static cnn_status too_large(const char *path, size_t limit, cnn_error *err)
{
    return cnn_fail(err, CNN_INVALID, "'%s' is larger than the %zu bytes allowed here", path,
                    limit);
}

/* read() until `want` bytes or the end; -1 and errno on failure. */
static ssize_t read_fully(int fd, char *to, size_t want)
{
    size_t got = 0;
    while (got < want) {
        ssize_t n = read(fd, to + got, want - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* Pipes and files that do not know their size. */
static cnn_status read_stream(int fd, const char *path, size_t limit, cnn_arena *arena, char **data,
                              size_t *size, cnn_error *err)
{
    cnn_status status = CNN_OK;
    cnn_text all = { 0 };
    char *piece = cnn_arena_alloc(arena, PIECE);
    for (;;) {
        ssize_t n = read_fully(fd, piece, PIECE);
        if (n < 0)
            status = cnn_fail(err, CNN_IO, "cannot read '%s': %s", path, strerror(errno));
        if (n <= 0)
            break;
        if ((size_t)n > limit - all.length) {
            status = too_large(path, limit, err);
            break;
        }
        cnn_text_add_bytes(&all, piece, (size_t)n);
    }
    if (status == CNN_OK) {
        *data = cnn_arena_copy(arena, cnn_text_get(&all), all.length + 1);
        *size = all.length;
    }
    cnn_text_free(&all);
    return status;
}

static cnn_status read_regular(int fd, const char *path, size_t bytes, cnn_arena *arena,
                               char **data, size_t *size, cnn_error *err)
{
    char *memory = cnn_arena_alloc(arena, bytes + 1);
    ssize_t n = read_fully(fd, memory, bytes);
    if (n < 0)
        return cnn_fail(err, CNN_IO, "cannot read '%s': %s", path, strerror(errno));
    *data = memory;
    *size = (size_t)n;
    return CNN_OK;
}

cnn_status cnn_file_read(const char *path, size_t limit, cnn_arena *arena, char **data,
                         size_t *size, cnn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cnn_fail(err, CNN_IO, "cannot open '%s': %s", path, strerror(errno));
    struct stat info;
    cnn_status status;
    if (fstat(fd, &info) != 0)
        status = cnn_fail(err, CNN_IO, "cannot read '%s': %s", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        status = cnn_fail(err, CNN_INVALID, "'%s' is a directory, not a file", path);
    else if (!S_ISREG(info.st_mode) || info.st_size <= 0)
        status = read_stream(fd, path, limit, arena, data, size, err);
    else if ((uint64_t)info.st_size > limit)
        status = too_large(path, limit, err);
    else
        status = read_regular(fd, path, (size_t)info.st_size, arena, data, size, err);
    (void)close(fd);
    return status;
}

struct cnn_writer {
    FILE *file;
    char *path;
    char *temporary; /* NULL: written directly */
};

static void free_writer(cnn_writer *w)
{
    free(w->path);
    free(w->temporary);
    free(w);
}

static bool is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

cnn_status cnn_writer_open(const char *path, cnn_writer **writer, cnn_error *err)
{
    *writer = NULL;
    cnn_writer *w = calloc(1, sizeof *w);
    if (w == NULL || (w->path = strdup(path)) == NULL)
        cnn_out_of_memory(strlen(path));
    if (!is_special(path)) {
        cnn_text name = { 0 };
        cnn_text_add(&name, "%s.tmp.%ld", path, (long)getpid());
        w->temporary = name.data;
    }
    const char *target = w->temporary != NULL ? w->temporary : path;
    w->file = fopen(target, "wbe");
    if (w->file == NULL) {
        cnn_status status = cnn_fail(err, CNN_IO, "cannot write '%s': %s", path, strerror(errno));
        free_writer(w);
        return status;
    }
    *writer = w;
    return CNN_OK;
}

cnn_status cnn_writer_add(cnn_writer *writer, const void *data, size_t size, cnn_error *err)
{
    if (size > 0 && fwrite(data, 1, size, writer->file) != size)
        return cnn_fail(err, CNN_IO, "cannot write '%s': %s", writer->path, strerror(errno));
    return CNN_OK;
}

/* Makes the rename itself durable; file systems without directory syncs are fine too. */
static void sync_folder(const char *path)
{
    char *folder = strdup(path);
    if (folder == NULL)
        return;
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    free(folder);
}

cnn_status cnn_writer_commit(cnn_writer *writer, cnn_error *err)
{
    bool whole = writer->temporary != NULL;
    bool ok = fflush(writer->file) == 0 && (!whole || fsync(fileno(writer->file)) == 0);
    int reason = errno;
    if (fclose(writer->file) != 0 && ok) {
        ok = false;
        reason = errno;
    }
    if (ok && whole && rename(writer->temporary, writer->path) != 0) {
        ok = false;
        reason = errno;
    }
    cnn_status status = CNN_OK;
    if (!ok) {
        status = cnn_fail(err, CNN_IO, "cannot write '%s': %s", writer->path, strerror(reason));
        if (whole)
            (void)unlink(writer->temporary);
    } else if (whole) {
        sync_folder(writer->path);
    }
    free_writer(writer);
    return status;
}

void cnn_writer_abort(cnn_writer *writer)
{
    if (writer == NULL)
        return;
    (void)fclose(writer->file);
    if (writer->temporary != NULL)
        (void)unlink(writer->temporary);
    free_writer(writer);
}

cnn_status cnn_file_write(const char *path, const void *data, size_t size, cnn_error *err)
{
    cnn_writer *writer;
    cnn_status status = cnn_writer_open(path, &writer, err);
    if (status != CNN_OK)
        return status;
    status = cnn_writer_add(writer, data, size, err);
    if (status != CNN_OK) {
        cnn_writer_abort(writer);
        return status;
    }
    return cnn_writer_commit(writer, err);
}

static cnn_status make_dir(const char *path, cnn_error *err)
{
    struct stat info;
    if (mkdir(path, 0777) == 0)
        return CNN_OK;
    int reason = errno;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return CNN_OK;
    return cnn_fail(err, CNN_IO, "cannot make the directory '%s': %s", path,
                    reason == EEXIST ? "a file has this name" : strerror(reason));
}

cnn_status cnn_make_dirs(const char *path, cnn_error *err)
{
    char *part = strdup(path);
    if (part == NULL)
        cnn_out_of_memory(strlen(path));
    cnn_status status = CNN_OK;
    for (char *p = part; status == CNN_OK && *p != '\0'; p++) {
        if (*p != '/' || p == part)
            continue;
        *p = '\0';
        status = make_dir(part, err);
        *p = '/';
    }
    if (status == CNN_OK && *part != '\0')
        status = make_dir(part, err);
    free(part);
    return status;
}
