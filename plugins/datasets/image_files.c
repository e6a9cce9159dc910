/* Lists the images of a folder, reads a file. */
#define _POSIX_C_SOURCE 200809L
#include "image_files.h"

#include <dirent.h>
#include <errno.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_FILE = 1 << 28 };

void image_names_free(image_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i]);
    free(n->items);
    *n = (image_names){ NULL, 0 };
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool image_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                           strcasecmp(dot, ".jpeg") == 0);
}

bool image_names_add(image_names *n, const char *name)
{
    if ((n->count & (n->count - 1)) == 0) { /* grows at powers of two */
        char **items = realloc(n->items, (n->count == 0 ? 1 : 2 * n->count) * sizeof *items);
        if (items == NULL)
            return false;
        n->items = items;
    }
    n->items[n->count] = dataset_copy(name);
    if (n->items[n->count] == NULL)
        return false;
    n->count++;
    return true;
}

cnn_status image_list(const char *dir, bool folders, image_names *n, cnn_error *err)
{
    cnn_status status = CNN_OK;
    DIR *d = opendir(dir);
    if (d == NULL)
        return cnn_fail(err, CNN_IO, "cannot read the folder %s: %s", dir, strerror(errno));
    for (struct dirent *e; status == CNN_OK && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        char *path = dataset_join(dir, e->d_name, "");
        if (path == NULL)
            status = dataset_no_memory(err, dir);
        else if (image_is_folder(path) ? folders : (!folders && is_image(e->d_name)))
            status = image_names_add(n, e->d_name) ? CNN_OK : dataset_no_memory(err, dir);
        free(path);
    }
    (void)closedir(d);
    if (n->count > 1)
        qsort(n->items, n->count, sizeof *n->items, by_text);
    return status;
}

cnn_status image_read_file(const char *path, uint8_t **bytes, size_t *size, cnn_error *err)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    *bytes = NULL;
    if (f == NULL)
        return cnn_fail(err, CNN_IO, "cannot open %s: %s", path, strerror(errno));
    cnn_status status = CNN_OK;
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE)
        status = cnn_fail(err, CNN_IO, "%s is no file of at most %d bytes", path, MAX_FILE);
    if (status == CNN_OK) {
        *size = (size_t)st.st_size;
        *bytes = malloc(*size + 1);
        if (*bytes == NULL)
            status = dataset_no_memory(err, path);
        else if (fread(*bytes, 1, *size, f) != *size)
            status = cnn_fail(err, CNN_IO, "cannot read %s", path);
    }
    (void)fclose(f);
    if (status != CNN_OK) {
        free(*bytes);
        *bytes = NULL;
    }
    return status;
}
