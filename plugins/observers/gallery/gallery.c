/* gallery: pictures as PNG files in a folder, and index.html that shows them all. The folder is
 * made aside, under the name DIR.new, and takes the place of an older one when all of it is there.
 */
#define _POSIX_C_SOURCE 200809L
#include "gallery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct cnn_observer_state {
    char *dir, *aside;
    char *pipeline, *backend, *weights; /* of the page's head */
    char *section;                      /* the last one, or NULL */
    char *html;                         /* of the page so far */
    size_t html_size;
    FILE *page; /* NULL: no picture yet */
    bool made;  /* `aside` is there */
};

static char *joined(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *to = malloc(size);
    if (to != NULL)
        (void)snprintf(to, size, "%s%s%s", a, b, c);
    return to;
}

static cnn_status no_memory(cnn_error *err)
{
    return cnn_fail(err, CNN_MEMORY, "not enough memory for the pictures");
}

static cnn_status failed(const char *what, const char *path, cnn_error *err)
{
    return cnn_fail(err, CNN_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* ---- folders ---- */

static bool is_ours(const char *name)
{
    size_t n = strlen(name);
    return strcmp(name, "index.html") == 0 || (n > 4 && strcmp(name + n - 4, ".png") == 0);
}

/* Goes through a folder: are all its files ours, or, with `take`, removes them. A folder that is
 * not there has none. */
static cnn_status walk(const char *dir, bool take, cnn_error *err)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    cnn_status status = CNN_OK;
    if (d == NULL)
        return errno == ENOENT ? CNN_OK : failed("open", dir, err);
    while (status == CNN_OK && (entry = readdir(d)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (take && unlinkat(dirfd(d), name, 0) != 0)
            status = failed("remove a file of", dir, err);
        if (!take && !is_ours(name)) {
            status = cnn_fail(err, CNN_INVALID, "%s holds %s, which is no picture", dir, name);
            cnn_hint(err, "pictures take the place of the whole folder: name another one");
        }
    }
    (void)closedir(d);
    return status;
}

static cnn_status empty(const char *dir, cnn_error *err)
{
    cnn_status status = walk(dir, false, err);
    return status == CNN_OK ? walk(dir, true, err) : status;
}

/* With all folders above it. */
static cnn_status make_dir(const char *path, cnn_error *err)
{
    char *part = joined(path, "", "");
    cnn_status status = part != NULL ? CNN_OK : no_memory(err);
    for (size_t i = 1; status == CNN_OK && path[i - 1] != '\0'; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            status = failed("make the folder", part, err);
        part[i] = path[i];
    }
    free(part);
    return status;
}

static cnn_status write_file(const char *dir, const char *name, const char *ending,
                             const void *bytes, size_t size, cnn_error *err)
{
    char *folder = joined(dir, "/", ""), *path = NULL;
    cnn_status status = CNN_OK;
    if (folder != NULL)
        path = joined(folder, name, ending);
    free(folder);
    if (path == NULL)
        return no_memory(err);
    for (char *c = path + strlen(dir) + 1; *c != '\0'; c++) /* names of layers are not ours */
        if (*c == '/')
            *c = '_';
    FILE *f = fopen(path, "wbe");
    bool written = f != NULL && fwrite(bytes, 1, size, f) == size;
    if (f != NULL && fclose(f) != 0)
        written = false;
    if (!written)
        status = failed("write", path, err);
    free(path);
    return status;
}

/* ---- pictures ---- */

/* With the first picture; a folder that is not ours is left alone before anything is written. */
static cnn_status begin(cnn_observer_state *s, cnn_error *err)
{
    cnn_status status = walk(s->dir, false, err);
    if (status == CNN_OK)
        status = empty(s->aside, err);
    if (status == CNN_OK)
        status = make_dir(s->aside, err);
    if (status != CNN_OK)
        return status;
    s->made = true;
    s->page = open_memstream(&s->html, &s->html_size);
    if (s->page == NULL)
        return no_memory(err);
    gallery_page_begin(s->page, s->pipeline, s->backend, s->weights);
    return CNN_OK;
}

static cnn_status add(cnn_observer_state *s, const cnn_picture *p, const drawing *d, cnn_error *err)
{
    uint8_t *png = NULL;
    size_t size = 0;
    bool first = s->section == NULL;
    cnn_status status = gallery_png(&d->pixels, p->name, &png, &size, err);
    if (status == CNN_OK)
        status = write_file(s->aside, p->name, ".png", png, size, err);
    if (status == CNN_OK && (first || strcmp(s->section, p->section) != 0)) {
        free(s->section);
        s->section = joined(p->section, "", "");
        if (s->section == NULL)
            status = no_memory(err);
        gallery_page_section(s->page, p->section, first);
    }
    if (status == CNN_OK)
        gallery_page_picture(s->page, p, d, png, size);
    free(png);
    return status;
}

static cnn_status gallery_picture(cnn_observer_state *s, const cnn_picture *p, cnn_error *err)
{
    drawing d = { .pixels.rgba = NULL };
    cnn_status status = CNN_OK;
    if (s->dir[0] == '\0')
        return CNN_OK;
    if (s->page == NULL)
        status = begin(s, err);
    if (status == CNN_OK)
        status = gallery_draw(p, &d, err);
    if (status == CNN_OK)
        status = add(s, p, &d, err);
    free(d.pixels.rgba);
    return status;
}

/* ---- the observer ---- */

/* All pictures are there: the page, then the exchange of the folders. */
static cnn_status finish(cnn_observer_state *s, cnn_error *err)
{
    gallery_page_end(s->page, s->section != NULL);
    bool whole = ferror(s->page) == 0;
    if (fclose(s->page) != 0)
        whole = false;
    s->page = NULL;
    if (!whole)
        return no_memory(err);
    cnn_status status = write_file(s->aside, "index", ".html", s->html, s->html_size, err);
    if (status == CNN_OK)
        status = empty(s->dir, err);
    if (status == CNN_OK && rename(s->aside, s->dir) != 0)
        status = failed("make the folder", s->dir, err);
    s->made = status != CNN_OK;
    return status;
}

static void gallery_close(cnn_observer_state *s)
{
    if (s == NULL)
        return;
    if (s->page != NULL)
        (void)fclose(s->page);
    if (s->made && empty(s->aside, NULL) == CNN_OK) /* it did not come to an end */
        (void)rmdir(s->aside);
    free(s->dir);
    free(s->aside);
    free(s->pipeline);
    free(s->backend);
    free(s->weights);
    free(s->section);
    free(s->html);
    free(s);
}

static cnn_status gallery_open(const cnn_host *host, const void *params, const char *dir,
                               cnn_observer_state **out, cnn_error *err)
{
    cnn_observer_state *s = calloc(1, sizeof *s);
    (void)host;
    (void)params;
    if (s != NULL) {
        s->dir = joined(dir, "", "");
        for (size_t n = strlen(dir); s->dir != NULL && n > 1 && s->dir[n - 1] == '/'; n--)
            s->dir[n - 1] = '\0';
        s->aside = s->dir != NULL ? joined(s->dir, ".new", "") : NULL;
    }
    if (s == NULL || s->dir == NULL || s->aside == NULL) {
        gallery_close(s);
        return no_memory(err);
    }
    *out = s;
    return CNN_OK;
}

static cnn_status gallery_event(cnn_observer_state *s, const cnn_event *e, cnn_error *err)
{
    if (e->kind == CNN_EVENT_RUN_END && s->page != NULL && e->status == CNN_OK)
        return finish(s, err);
    if (e->kind != CNN_EVENT_RUN_BEGIN || s->pipeline != NULL)
        return CNN_OK;
    s->pipeline = joined(e->pipeline != NULL ? e->pipeline : "pipeline", "", "");
    s->backend = joined(e->backend != NULL ? e->backend : "?", "", "");
    s->weights = e->path != NULL ? joined(e->path, "", "") : NULL;
    if (s->pipeline == NULL || s->backend == NULL || (e->path != NULL && s->weights == NULL))
        return no_memory(err);
    return CNN_OK;
}

static const cnn_observer observers[] = {
    { .c = CNN_COMPONENT(cnn_observer, "gallery", 0, CNN_NO_PARAMS,
                         "Pictures as PNG files, and a page that shows them: for `cnnrun look`.",
                         "cnnrun look runs/mnist-hw1"),
      .open = gallery_open,
      .close = gallery_close,
      .on_event = gallery_event,
      .on_picture = gallery_picture },
};

CNN_PLUGIN(.name = "gallery", .version = "0.1.0", .license = "MIT",
           .summary = "Draws filters, feature maps and heat maps",
           .observers = CNN_TABLE(observers));
