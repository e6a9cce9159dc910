/* Trees: making, finding, checking, merging. */
#include <stdlib.h>
#include <string.h>

#include "doc_internal.h"

cnn_doc *cnn_doc_new(cnn_doc_kind kind, cnn_place place, const char *text, cnn_arena *arena)
{
    cnn_doc *doc = CNN_NEW(arena, cnn_doc);
    doc->kind = kind;
    doc->place = place;
    doc->text = text;
    return doc;
}

void cnn_doc_append(cnn_doc *doc, cnn_doc *key, cnn_doc *value, cnn_arena *arena)
{
    doc->items = cnn_arena_grow(arena, doc->items, doc->count, sizeof *doc->items);
    if (doc->kind == CNN_DOC_MAP) {
        doc->keys = cnn_arena_grow(arena, doc->keys, doc->count, sizeof *doc->keys);
        doc->keys[doc->count] = key;
    }
    doc->items[doc->count++] = value;
}

int64_t cnn_doc_find(const cnn_doc *map, const char *key)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return i;
    return -1;
}

cnn_doc *cnn_doc_get(const cnn_doc *map, const char *key)
{
    if (map == NULL || map->kind != CNN_DOC_MAP)
        return NULL;
    int64_t i = cnn_doc_find(map, key);
    return i >= 0 ? map->items[i] : NULL;
}

bool cnn_doc_is_null(const cnn_doc *doc)
{
    if (doc == NULL)
        return true;
    return doc->kind == CNN_DOC_SCALAR && !doc->quoted &&
           (doc->text[0] == '\0' || strcmp(doc->text, "~") == 0 || strcmp(doc->text, "null") == 0);
}

/* Sorted, so that a map of many keys takes no quadratic time. */
typedef struct key_use {
    const cnn_doc *key;
    uint32_t index;
} key_use;

static int compare_keys(const void *a, const void *b)
{
    const key_use *x = a, *y = b;
    int order = strcmp(x->key->text, y->key->text);
    return order != 0 ? order : x->index < y->index ? -1 : 1;
}

void cnn_doc_check_keys(const cnn_doc *map, cnn_arena *arena, cnn_diags *diags)
{
    if (map->count < 2)
        return;
    key_use *uses = CNN_NEW_ARRAY(arena, key_use, map->count);
    for (uint32_t i = 0; i < map->count; i++)
        uses[i] = (key_use){ map->keys[i], i };
    qsort(uses, map->count, sizeof *uses, compare_keys);
    for (uint32_t i = 1, first = 0; i < map->count; i++) {
        if (strcmp(uses[i].key->text, uses[first].key->text) != 0) {
            first = i;
            continue;
        }
        const cnn_place *p = &uses[first].key->place;
        cnn_diag_error(diags, uses[i].key->place,
                       "the key '%s' stands here a second time (first: line %d, column %d)",
                       uses[i].key->text, p->line, p->column);
    }
}

/* Values of these keys name one component: {sgd: ...} and {adam: ...} do not merge into two
 * optimizers, the later one replaces the earlier. */
static bool names_a_component(const char *key)
{
    static const char *const keys[] = { "optimizer", "schedule", "loss" };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static bool merges(const char *key, const cnn_doc *base, const cnn_doc *over)
{
    if (base->kind != CNN_DOC_MAP || over->kind != CNN_DOC_MAP)
        return false;
    bool other = base->count == 1 && over->count == 1 &&
                 strcmp(base->keys[0]->text, over->keys[0]->text) != 0;
    return !(other && names_a_component(key));
}

void cnn_doc_merge(cnn_doc *base, const cnn_doc *over, cnn_arena *arena)
{
    for (uint32_t i = 0; i < over->count; i++) {
        cnn_doc *key = over->keys[i], *value = over->items[i];
        int64_t at = cnn_doc_find(base, key->text);
        if (at < 0) {
            cnn_doc_append(base, key, value, arena);
        } else if (merges(key->text, base->items[at], value)) {
            cnn_doc_merge(base->items[at], value, arena);
        } else {
            base->keys[at] = key;
            base->items[at] = value;
        }
    }
}
