/* Files: a pipeline, what it includes, and the overrides on top. */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "doc_internal.h"

struct cnn_doc_file {
    const cnn_doc_file *outer;
    const char *path;
    dev_t device;
    ino_t inode;
};

/* `name` as seen from the folder of the file `from`. */
static const char *beside(const char *from, const char *name, cnn_arena *arena)
{
    const char *slash = strrchr(from, '/');
    if (name[0] == '/' || slash == NULL)
        return name;
    return cnn_arena_printf(arena, "%.*s%s", (int)(slash - from) + 1, from, name);
}

static bool check_cycle(const cnn_doc_file *file, cnn_place where, cnn_arena *arena,
                        cnn_diags *diags)
{
    const char *way = file->path;
    for (const cnn_doc_file *f = file->outer; f != NULL; f = f->outer) {
        way = cnn_arena_printf(arena, "%s > %s", f->path, way);
        if (f->device != file->device || f->inode != file->inode)
            continue;
        cnn_diag_error(diags, where, "'%s' includes itself", file->path)->trail = way;
        return false;
    }
    return true;
}

static bool include(cnn_doc *base, const cnn_doc *name, const cnn_doc_file *file, uint32_t *nodes,
                    cnn_arena *arena, cnn_diags *diags)
{
    if (name->kind != CNN_DOC_SCALAR || name->text[0] == '\0') {
        cnn_diag_error(diags, name->place, "include: needs the path of a file, or a list of paths");
        return false;
    }
    const char *path = beside(file->path, name->text, arena);
    const cnn_doc *other = cnn_doc_read_file(path, name->place, file, nodes, arena, diags);
    if (other != NULL)
        cnn_doc_merge(base, other, arena);
    return other != NULL;
}

/* The included files in their order, then the file's own content on top. */
static cnn_doc *resolve_includes(cnn_doc *doc, const cnn_doc_file *file, uint32_t *nodes,
                                 cnn_arena *arena, cnn_diags *diags)
{
    int64_t at = cnn_doc_find(doc, "include");
    if (at < 0)
        return doc;
    const cnn_doc *names = doc->items[at];
    cnn_doc *base = cnn_doc_new(CNN_DOC_MAP, doc->place, "", arena);
    bool ok = true;
    if (names->kind != CNN_DOC_LIST)
        ok = include(base, names, file, nodes, arena, diags);
    else
        for (uint32_t i = 0; i < names->count; i++)
            ok &= include(base, names->items[i], file, nodes, arena, diags);

    cnn_doc *own = cnn_doc_new(CNN_DOC_MAP, doc->place, "", arena);
    for (uint32_t i = 0; i < doc->count; i++)
        if (i != at)
            cnn_doc_append(own, doc->keys[i], doc->items[i], arena);
    cnn_doc_merge(base, own, arena);
    return ok ? base : NULL;
}

/* Opens, reads and parses one file; its root is a map, an empty file counts as {}. */
static cnn_doc *parse_file(cnn_doc_file *file, cnn_place where, uint32_t *nodes, cnn_arena *arena,
                           cnn_diags *diags)
{
    cnn_error err;
    struct stat info;
    cnn_source *source = CNN_NEW(arena, cnn_source);
    char *text;
    source->name = file->path;
    if (stat(file->path, &info) == 0) {
        file->device = info.st_dev;
        file->inode = info.st_ino;
        if (!check_cycle(file, where, arena, diags))
            return NULL;
    }
    if (cnn_file_read(file->path, CNN_DOC_MAX_BYTES, arena, &text, &source->length, &err) !=
        CNN_OK) {
        cnn_diag_error(diags, where, "%s", err.text);
        return NULL;
    }
    source->text = text;
    cnn_doc *doc = cnn_doc_parse_source(source, 0, nodes, arena, diags);
    if (doc == NULL || doc->kind == CNN_DOC_MAP)
        return doc;
    if (cnn_doc_is_null(doc))
        return cnn_doc_new(CNN_DOC_MAP, doc->place, "", arena);
    cnn_diag_error(diags, doc->place, "a pipeline is a map of sections such as 'model:', not a %s",
                   doc->kind == CNN_DOC_LIST ? "list" : "text");
    return NULL;
}

cnn_doc *cnn_doc_read_file(const char *path, cnn_place where, const cnn_doc_file *stack,
                           uint32_t *nodes, cnn_arena *arena, cnn_diags *diags)
{
    cnn_doc_file file = { .outer = stack, .path = cnn_arena_string(arena, path) };
    cnn_doc *doc = parse_file(&file, where, nodes, arena, diags);
    return doc != NULL ? resolve_includes(doc, &file, nodes, arena, diags) : NULL;
}

static bool apply(cnn_doc *root, const char *override, uint32_t *nodes, cnn_arena *arena,
                  cnn_diags *diags)
{
    cnn_source *source = CNN_NEW(arena, cnn_source);
    *source = (cnn_source){ "command line", cnn_arena_string(arena, override), strlen(override) };
    if (override[0] != '@')
        return cnn_doc_override(root, source, nodes, arena, diags);
    cnn_place where = { source, 1, 2 };
    const cnn_doc *over = cnn_doc_read_file(override + 1, where, NULL, nodes, arena, diags);
    if (over != NULL)
        cnn_doc_merge(root, over, arena);
    return over != NULL;
}

cnn_doc *cnn_doc_read(const char *path, const char *const *overrides, size_t n_overrides,
                      cnn_arena *arena, cnn_diags *diags)
{
    uint32_t nodes = 0;
    cnn_place nowhere = { NULL, 0, 0 };
    size_t errors = diags->errors;
    cnn_doc *root = cnn_doc_read_file(path, nowhere, NULL, &nodes, arena, diags);
    for (size_t i = 0; root != NULL && i < n_overrides; i++)
        (void)apply(root, overrides[i], &nodes, arena, diags);
    return diags->errors == errors ? root : NULL;
}
