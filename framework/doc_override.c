/* Overrides: "train.optimizer.sgd.lr=0.1", "model.0.conv2d.out_channels=16", "model.stem.relu=".
 * The value replaces what stands there; keys that are missing are made on the way. */
#include <string.h>

#include "doc_internal.h"

typedef struct override {
    const cnn_source *source;
    uint32_t *nodes;
    cnn_arena *arena;
    cnn_diags *diags;
} override;

/* One name of the dotted path, with the path so far for messages. */
typedef struct step {
    const char *name;
    const char *so_far; /* "" at the root */
    cnn_place place;
} step;

static const char *title(const step *s)
{
    return s->so_far[0] != '\0' ? s->so_far : "the pipeline";
}

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static void unknown_item(const override *o, const step *s, const cnn_doc *list)
{
    const char **names = CNN_NEW_ARRAY(o->arena, const char *, list->count + 1);
    size_t n = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const cnn_doc *name = cnn_doc_get(list->items[i], "name");
        if (name != NULL && name->kind == CNN_DOC_SCALAR)
            names[n++] = name->text;
    }
    cnn_diag *d = cnn_diag_error(o->diags, s->place, "'%s' has no item with the name '%s'",
                                 title(s), s->name);
    const char *near = cnn_did_you_mean(s->name, names, n);
    if (near != NULL)
        cnn_diag_hint(o->diags, d, "did you mean '%s'?", near);
    else
        d->hint = "an item is found by its number, from 0, or by its name:";
}

/* Where in a list the step leads; NULL after an error. */
static cnn_doc **find_item(const override *o, const step *s, const cnn_doc *list)
{
    if (!is_number(s->name)) {
        for (uint32_t i = 0; i < list->count; i++) {
            const cnn_doc *name = cnn_doc_get(list->items[i], "name");
            if (name != NULL && name->kind == CNN_DOC_SCALAR && strcmp(name->text, s->name) == 0)
                return &list->items[i];
        }
        unknown_item(o, s, list);
        return NULL;
    }
    uint64_t index = 0;
    for (const char *p = s->name; *p != '\0' && index < list->count; p++)
        index = index * 10 + (uint64_t)(*p - '0');
    if (index < list->count)
        return &list->items[index];
    cnn_diag *d = cnn_diag_error(o->diags, s->place, "'%s' has no item %s", title(s), s->name);
    if (list->count > 0)
        cnn_diag_hint(o->diags, d, "its %u items are 0 to %u", list->count, list->count - 1);
    else
        d->hint = "the list is empty";
    return NULL;
}

/* A text on the way: nothing yet, or a bare component ("- relu") of which an option is set, becomes
 * a map. */
static bool open_scalar(const override *o, const step *s, cnn_doc *scalar)
{
    bool bare = !scalar->quoted && strcmp(scalar->text, s->name) == 0;
    if (!bare && !cnn_doc_is_null(scalar)) {
        cnn_diag *d =
            cnn_diag_error(o->diags, s->place, "'%s' cannot be set: '%s' is '%s', not a map",
                           s->name, title(s), scalar->text);
        cnn_diag_hint(o->diags, d, "give the whole value: %s='{...}'", title(s));
        return false;
    }
    cnn_doc *map = cnn_doc_new(CNN_DOC_MAP, scalar->place, "", o->arena);
    if (bare) {
        cnn_doc *key = cnn_doc_new(CNN_DOC_SCALAR, scalar->place, scalar->text, o->arena);
        cnn_doc *value = cnn_doc_new(CNN_DOC_SCALAR, scalar->place, "", o->arena);
        cnn_doc_append(map, key, value, o->arena);
    }
    *scalar = *map;
    return true;
}

static cnn_doc **find_key(const override *o, const step *s, cnn_doc *map)
{
    int64_t at = cnn_doc_find(map, s->name);
    if (at < 0) {
        at = map->count;
        cnn_doc *key = cnn_doc_new(CNN_DOC_SCALAR, s->place, s->name, o->arena);
        key->quoted = !cnn_doc_is_plain(s->name);
        cnn_doc_append(map, key, cnn_doc_new(CNN_DOC_SCALAR, s->place, "", o->arena), o->arena);
    }
    return &map->items[at];
}

static cnn_doc **descend(const override *o, const step *s, cnn_doc *from)
{
    if (from->kind == CNN_DOC_LIST)
        return find_item(o, s, from);
    if (from->kind == CNN_DOC_SCALAR && !open_scalar(o, s, from))
        return NULL;
    return find_key(o, s, from);
}

/* Checks the path before anything is changed. */
static bool check_path(const override *o, size_t length)
{
    const char *text = o->source->text;
    uint32_t steps = 1, column = 1;
    for (size_t i = 0; i < length; i++) {
        steps += text[i] == '.';
        bool empty = text[i] == '.' && (i == 0 || i + 1 == length || text[i + 1] == '.');
        if (empty || steps > CNN_DOC_MAX_DEPTH) {
            cnn_place place = { o->source, 1, (int)column };
            cnn_diag_error(o->diags, place, "%s",
                           empty ? "a name is missing in the path" : "the path is too long");
            return false;
        }
        column += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return true;
}

static bool set_value(const override *o, cnn_doc *root, size_t length, const cnn_doc *value)
{
    const char *text = o->source->text;
    step s = { .place = { o->source, 1, 1 } };
    cnn_doc **slot = &root;
    for (size_t start = 0; start < length;) {
        size_t n = 0;
        while (start + n < length && text[start + n] != '.')
            n++;
        s.name = cnn_arena_printf(o->arena, "%.*s", (int)n, text + start);
        s.so_far = cnn_arena_printf(o->arena, "%.*s", (int)(start > 0 ? start - 1 : 0), text);
        slot = descend(o, &s, *slot);
        if (slot == NULL)
            return false;
        for (size_t i = 0; i < n + 1; i++)
            s.place.column += ((unsigned char)text[start + i] & 0xc0) != 0x80;
        start += n + 1;
    }
    **slot = *value; /* in place: the slot may belong to a list or a map */
    return true;
}

bool cnn_doc_override(cnn_doc *root, const cnn_source *source, uint32_t *nodes, cnn_arena *arena,
                      cnn_diags *diags)
{
    override o = { source, nodes, arena, diags };
    const char *equals = strchr(source->text, '=');
    if (equals == NULL || equals == source->text) {
        cnn_place place = { source, 1, 1 };
        cnn_diag *d = cnn_diag_error(diags, place, "'%s' is no override", source->text);
        d->hint = "write PATH=VALUE, such as train.epochs=2, or @file.yaml";
        return false;
    }
    size_t length = (size_t)(equals - source->text);
    if (!check_path(&o, length))
        return false;
    const cnn_doc *value = cnn_doc_parse_source(source, length + 1, nodes, arena, diags);
    return value != NULL && set_value(&o, root, length, value);
}
