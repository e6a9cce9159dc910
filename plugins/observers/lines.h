/* A file that grows by whole lines: each is there completely or not at all, even on a full disk. */
#ifndef CNNRUN_PLUGINS_LINES_H
#define CNNRUN_PLUGINS_LINES_H

#include <cnnrun/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cnn_observer_state {
    char *path; /* NULL: the run writes nothing */
    int fd;
    bool empty; /* was it when it was opened? */
    void *own;  /* what an observer keeps besides (malloc'd), or NULL */
};

static inline void lines_close(cnn_observer_state *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        (void)close(s->fd);
    free(s->own);
    free(s->path);
    free(s);
}

/* Opens dir/name for appending, so that a resumed run goes on where it stopped. */
static inline cnn_status lines_open(const char *dir, const char *name, cnn_observer_state **out,
                                    cnn_error *err)
{
    struct stat st;
    size_t size = strlen(dir) + strlen(name) + 2;
    cnn_observer_state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return cnn_fail(err, CNN_MEMORY, "not enough memory for %s", name);
    s->fd = -1;
    *out = s;
    if (dir[0] == '\0')
        return CNN_OK;
    s->path = malloc(size);
    if (s->path != NULL) {
        (void)snprintf(s->path, size, "%s/%s", dir, name);
        s->fd = open(s->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    }
    if (s->fd >= 0 && fstat(s->fd, &st) == 0) {
        s->empty = st.st_size == 0;
        return CNN_OK;
    }
    cnn_status status =
        s->path == NULL ? cnn_fail(err, CNN_MEMORY, "not enough memory for %s", name)
                        : cnn_fail(err, CNN_IO, "cannot write %s: %s", s->path, strerror(errno));
    cnn_hint(err, "choose another folder with `output.dir`");
    lines_close(s);
    *out = NULL;
    return status;
}

/* Adds `bytes` in one write where the system lets us; what a full disk took only in part is taken
 * back. */
static inline cnn_status lines_add(cnn_observer_state *s, const char *bytes, size_t size,
                                   cnn_error *err)
{
    struct stat before;
    size_t done = 0;
    if (s->fd < 0)
        return CNN_OK;
    bool known = fstat(s->fd, &before) == 0 && S_ISREG(before.st_mode);
    while (done < size) {
        ssize_t n = write(s->fd, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int why = n < 0 ? errno : ENOSPC;
            if (known && done > 0 && ftruncate(s->fd, before.st_size) != 0)
                known = false;
            return cnn_fail(err, CNN_IO, "cannot write %s: %s", s->path, strerror(why));
        }
        done += (size_t)n;
    }
    return CNN_OK;
}

/* Writes what `print` prints for an event; nothing at all is fine too. */
static inline cnn_status lines_print(cnn_observer_state *s, const cnn_event *e,
                                     void (*print)(const cnn_event *, FILE *), cnn_error *err)
{
    char *text = NULL;
    size_t size = 0;
    if (s->fd < 0)
        return CNN_OK;
    FILE *f = open_memstream(&text, &size);
    bool ok = f != NULL;
    if (ok)
        print(e, f);
    if (f != NULL && fclose(f) != 0)
        ok = false;
    cnn_status status = CNN_OK;
    if (!ok)
        status = cnn_fail(err, CNN_MEMORY, "not enough memory for a line of %s", s->path);
    else if (size > 0)
        status = lines_add(s, text, size, err);
    free(text);
    return status;
}

#endif
