/* data: where samples come from and what happens to them. The data set's own options stand beside
 * `source`. */
#include <stddef.h>
#include <string.h>

#include "config_internal.h"
#include "params.h"

static const cnn_param data_params[] = {
    { CNN_FIELD(cnn_data_config, split, FLOATS), .flags = CNN_PARAM_OPTIONAL, .min_count = 3,
      .max_count = 3, .min = 0, .max = 1e12,
      .help = "train, val and test: fractions of the training samples, or counts" },
    { CNN_FIELD(cnn_data_config, limit, INT), .def = "0", .min = 0, .max = 1e12, .unit = "samples",
      .help = "use at most so many samples of each split; 0: all" },
    { CNN_FIELD(cnn_data_config, threads, INT), .def = "1", .min = 1, .max = 64,
      .help = "threads that load and transform samples" },
};
static const cnn_table data_table = CNN_TABLE(data_params);

/* Lists of transforms are read by themselves. */
static const struct {
    const char *key;
    size_t offset;
} chains[] = {
    { "transform", offsetof(cnn_data_config, transform) },
    { "augment", offsetof(cnn_data_config, augment) },
    { "degrade", offsetof(cnn_data_config, degrade) },
    { "target_transform", offsetof(cnn_data_config, target_transform) },
};
enum { CHAINS = sizeof chains / sizeof chains[0] };

static const char *const own_keys[] = { "source",  "transform",        "augment",
                                        "degrade", "target_transform", "split",
                                        "limit",   "threads",          NULL };

static bool is_own(const char *key)
{
    for (const char *const *k = own_keys; *k != NULL; k++)
        if (strcmp(*k, key) == 0)
            return true;
    return false;
}

static bool is_chain(const char *key)
{
    for (int i = 0; i < CHAINS; i++)
        if (strcmp(chains[i].key, key) == 0)
            return true;
    return false;
}

/* Entries of a map whose key is (or is not) one of the section's own; `except` is left out. */
static cnn_doc *part_of(const cnn_doc *map, bool own, const cnn_doc *except, cnn_arena *arena)
{
    cnn_doc *part = CNN_NEW(arena, cnn_doc);
    *part = *map;
    part->count = 0;
    part->keys = CNN_NEW_ARRAY(arena, cnn_doc *, map->count);
    part->items = CNN_NEW_ARRAY(arena, cnn_doc *, map->count);
    for (uint32_t i = 0; i < map->count; i++) {
        const char *key = map->keys[i]->text;
        bool mine = is_own(key) && strcmp(key, "source") != 0 && !is_chain(key);
        if (map->keys[i] == except || (own ? !mine : is_own(key)))
            continue;
        part->keys[part->count] = map->keys[i];
        part->items[part->count++] = map->items[i];
    }
    return part;
}

/* `data: {inline: [[...]]}`: a data set's name as key stands for `source` and its first option. */
static const cnn_doc *find_shorthand(cnn_config_reader *r, const cnn_doc *doc, uint32_t *index)
{
    const char *const *names;
    size_t count = cnn_registry_names(r->registry, CNN_KIND_DATASET, &names);
    for (uint32_t i = 0; i < doc->count; i++)
        for (size_t k = 0; k < count; k++)
            if (strcmp(doc->keys[i]->text, names[k]) == 0) {
                *index = i;
                return doc->keys[i];
            }
    return NULL;
}

/* Options of the shorthand: its value, and what stands beside it. */
static const cnn_doc *shorthand_options(cnn_config_reader *r, const cnn_doc *doc, uint32_t index,
                                        const cnn_component *dataset)
{
    cnn_doc *beside = part_of(doc, false, doc->keys[index], r->arena);
    const cnn_doc *value = doc->items[index];
    if (beside->count == 0 || dataset == NULL || dataset->params.count == 0)
        return value;
    if (value->kind == CNN_DOC_MAP) {
        cnn_diag_error(r->diags, beside->keys[0]->place,
                       "data: '%s' belongs inside the braces of '%s'", beside->keys[0]->text,
                       doc->keys[index]->text);
        return value;
    }
    cnn_doc *key = CNN_NEW(r->arena, cnn_doc);
    *key = *doc->keys[index];
    key->text = ((const cnn_param *)cnn_table_at(&dataset->params, 0))->name;
    beside->keys[beside->count] = key;
    beside->items[beside->count++] = doc->items[index];
    return beside;
}

static void pick_source(cnn_config_reader *r, const cnn_doc *doc, cnn_use *use)
{
    uint32_t index;
    const cnn_doc *source = cnn_doc_get(doc, "source"), *name = NULL;
    if (source != NULL && source->kind == CNN_DOC_MAP) {
        (void)cnn_config_pick(r, CNN_KIND_DATASET, source, use);
    } else if (source != NULL) {
        (void)cnn_config_pick_named(r, CNN_KIND_DATASET, source,
                                    part_of(doc, false, NULL, r->arena), own_keys, use);
    } else if ((name = find_shorthand(r, doc, &index)) != NULL) {
        const cnn_component *dataset = cnn_config_find(r, CNN_KIND_DATASET, name);
        (void)cnn_config_pick_named(r, CNN_KIND_DATASET, name,
                                    shorthand_options(r, doc, index, dataset), NULL, use);
    } else {
        cnn_diag *diag = cnn_diag_error(r->diags, doc->place,
                                        "data: `source`, the name of a data set, is missing");
        cnn_diag_hint(r->diags, diag, "cnnrun plugins lists the data sets");
    }
}

/* {train: .8, val: .1, test: .1} as a list of three. */
static cnn_doc *split_as_list(cnn_config_reader *r, const cnn_doc *split)
{
    static const char *const names[] = { "train", "val", "test" };
    cnn_doc *list = CNN_NEW(r->arena, cnn_doc);
    *list = *split;
    list->kind = CNN_DOC_LIST;
    list->count = 3;
    list->keys = NULL;
    list->items = CNN_NEW_ARRAY(r->arena, cnn_doc *, 3);
    for (uint32_t i = 0; i < split->count; i++) {
        uint32_t k = 0;
        while (k < 3 && strcmp(split->keys[i]->text, names[k]) != 0)
            k++;
        if (k == 3)
            cnn_diag_hint(r->diags,
                          cnn_diag_error(r->diags, split->keys[i]->place,
                                         "data: split: '%s' is none of train, val, test",
                                         split->keys[i]->text),
                          "fractions or counts, e.g. split: {train: 0.8, val: 0.1, test: 0.1}");
        else
            list->items[k] = split->items[i];
    }
    for (uint32_t k = 0; k < 3; k++)
        if (list->items[k] == NULL) {
            list->items[k] = CNN_NEW(r->arena, cnn_doc);
            list->items[k]->place = split->place;
            list->items[k]->text = "0";
        }
    return list;
}

void cnn_config_read_data(cnn_config_reader *r, const cnn_doc *doc)
{
    cnn_data_config *data = &r->config->data;
    if (doc->kind == CNN_DOC_SCALAR) {
        (void)cnn_config_pick(r, CNN_KIND_DATASET, doc, &data->source);
        data->threads = 1;
        data->place = doc->place;
        return;
    }
    if (doc->kind != CNN_DOC_MAP) {
        cnn_diag_error(r->diags, doc->place, "data: a map with `source` is wanted");
        return;
    }
    cnn_doc *own = part_of(doc, true, NULL, r->arena);
    for (uint32_t i = 0; i < own->count; i++)
        if (strcmp(own->keys[i]->text, "split") == 0 && own->items[i]->kind == CNN_DOC_MAP)
            own->items[i] = split_as_list(r, own->items[i]);
    const cnn_data_config *read = cnn_params_read("data", &data_table, sizeof *read, own,
                                                  doc->place, NULL, r->arena, r->diags);
    if (read != NULL)
        *data = *read;
    data->place = doc->place;
    pick_source(r, doc, &data->source);
    for (int i = 0; i < CHAINS; i++)
        cnn_config_pick_all(r, CNN_KIND_TRANSFORM, cnn_doc_get(doc, chains[i].key),
                            (cnn_uses *)(void *)((char *)data + chains[i].offset));
}

const cnn_table *cnn_config_data_table(void)
{
    return &data_table;
}
