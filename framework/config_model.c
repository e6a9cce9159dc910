/* Lists of layers, as in model and in blocks, with their siblings and branches. */
#include <string.h>

#include "config_internal.h"
#include "params.h"
#include "params_internal.h"

static const char *const siblings[] = { "name",   "from", "repeat", "when",
                                        "freeze", "init", "backend" };

static bool is_sibling(const char *key)
{
    for (size_t i = 0; i < sizeof siblings / sizeof siblings[0]; i++)
        if (strcmp(siblings[i], key) == 0)
            return true;
    return false;
}

static cnn_block *find_block(cnn_config_reader *r, const char *name)
{
    for (uint32_t i = 0; i < r->config->n_blocks; i++)
        if (strcmp(r->config->blocks[i].name, name) == 0)
            return &r->config->blocks[i];
    return NULL;
}

static bool is_param(const cnn_table *params, const char *name)
{
    for (uint32_t i = 0; i < params->count; i++)
        if (strcmp(((const cnn_param *)cnn_table_at(params, i))->name, name) == 0)
            return true;
    return false;
}

/* ---- names and from: ---- */

static void add_name(cnn_config_reader *r, const cnn_doc *name, uint32_t first_of_list)
{
    for (uint32_t i = first_of_list; i < r->n_names; i++)
        if (strcmp(r->names[i]->text, name->text) == 0) {
            cnn_diag_error(r->diags, name->place, "the name '%s' is taken: line %d has it already",
                           name->text, r->names[i]->place.line);
            return;
        }
    r->names = cnn_arena_grow(r->arena, r->names, r->n_names, sizeof *r->names);
    r->names[r->n_names++] = name;
}

static void check_from(cnn_config_reader *r, const cnn_doc *from)
{
    const char **words = CNN_NEW_ARRAY(r->arena, const char *, r->n_names);
    for (uint32_t i = 0; i < r->n_names; i++) {
        words[i] = r->names[i]->text;
        if (strcmp(words[i], from->text) == 0)
            return;
    }
    const char *near = cnn_did_you_mean(from->text, words, r->n_names);
    cnn_diag *diag =
        cnn_diag_error(r->diags, from->place, "no layer before this one is named '%s'", from->text);
    if (near != NULL)
        cnn_diag_hint(r->diags, diag, "did you mean '%s'?", near);
    else
        cnn_diag_hint(r->diags, diag, "write `name: %s` beside the layer that is meant",
                      from->text);
}

static void read_from(cnn_config_reader *r, const cnn_doc *doc, cnn_item *item)
{
    uint32_t count = doc->kind == CNN_DOC_LIST ? doc->count : 1;
    const cnn_doc **from = CNN_NEW_ARRAY(r->arena, const cnn_doc *, count);
    for (uint32_t i = 0; i < count; i++) {
        const cnn_doc *one = doc->kind == CNN_DOC_LIST ? doc->items[i] : doc;
        if (one->kind != CNN_DOC_SCALAR) {
            cnn_diag_error(r->diags, one->place, "from: names of layers are wanted");
            return;
        }
        check_from(r, one);
        from[i] = one;
    }
    item->from = from;
    item->n_from = count;
}

/* ---- siblings ---- */

typedef struct sibling_values {
    bool freeze;
    const char *name, *backend;
} sibling_values;

static const cnn_param freeze_param = { CNN_FIELD(sibling_values, freeze, BOOL) };
static const cnn_param name_param = { CNN_FIELD(sibling_values, name, TEXT) };
static const cnn_param backend_param = { CNN_FIELD(sibling_values, backend, TEXT) };

static void read_init(cnn_config_reader *r, const cnn_doc *doc, cnn_item *item)
{
    if (doc->kind != CNN_DOC_MAP) {
        cnn_diag_error(r->diags, doc->place,
                       "init: a map from weights to initialisers is wanted, e.g. {weight: zeros}");
        return;
    }
    item->init = CNN_NEW_ARRAY(r->arena, cnn_item_init, doc->count);
    item->n_init = doc->count;
    for (uint32_t i = 0; i < doc->count; i++)
        item->init[i] = (cnn_item_init){ doc->keys[i]->text, doc->items[i], doc->keys[i]->place };
}

static bool good_name(const char *name)
{
    return name[0] != '\0' && name[0] != '$' && strpbrk(name, ". \t/=") == NULL &&
           strspn(name, "0123456789") < strlen(name);
}

static void read_name(cnn_config_reader *r, const cnn_doc *doc, cnn_item *item)
{
    const cnn_params_reader reader = { "name", NULL, NULL, r->arena, r->diags };
    if (!cnn_param_read(&reader, &name_param, doc, &item->name))
        return;
    if (!good_name(item->name)) {
        cnn_diag_error(r->diags, doc->place,
                       "'%s' is no name for a layer: letters, digits, _ and -, not only digits",
                       item->name);
        item->name = NULL;
    }
}

static void read_sibling(cnn_config_reader *r, const char *key, const cnn_doc *doc, cnn_item *item)
{
    const cnn_params_reader reader = { item->type, NULL, NULL, r->arena, r->diags };
    if (strcmp(key, "name") == 0)
        read_name(r, doc, item);
    else if (strcmp(key, "from") == 0)
        read_from(r, doc, item);
    else if (strcmp(key, "repeat") == 0)
        item->repeat = doc;
    else if (strcmp(key, "when") == 0)
        item->when = doc;
    else if (strcmp(key, "freeze") == 0)
        (void)cnn_param_read(&reader, &freeze_param, doc, &item->freeze);
    else if (strcmp(key, "init") == 0)
        read_init(r, doc, item);
    else
        (void)cnn_param_read(&reader, &backend_param, doc, &item->backend);
}

/* ---- joins ---- */

static void read_branch(cnn_config_reader *r, const cnn_doc *key, const cnn_doc *value,
                        cnn_branch *branch)
{
    *branch = (cnn_branch){ .name = key->text, .place = key->place };
    if (cnn_doc_is_null(value))
        return;
    if (value->kind == CNN_DOC_SCALAR) {
        check_from(r, value);
        branch->from = value->text;
        return;
    }
    cnn_doc *list = CNN_NEW(r->arena, cnn_doc);
    *list = *value;
    if (value->kind == CNN_DOC_MAP) { /* one layer */
        cnn_doc **one = CNN_NEW(r->arena, cnn_doc *);
        *one = CNN_NEW(r->arena, cnn_doc);
        **one = *value;
        *list = (cnn_doc){ .kind = CNN_DOC_LIST, .place = value->place, .count = 1, .items = one };
    }
    cnn_config_read_items(r, list, &branch->body);
}

/* Takes the branches out of a join's options. */
static void read_branches(cnn_config_reader *r, cnn_item *item)
{
    const cnn_doc *all = item->options;
    if (all == NULL || all->kind != CNN_DOC_MAP)
        return;
    cnn_doc *options = CNN_NEW(r->arena, cnn_doc);
    *options = *all;
    options->count = 0;
    options->keys = CNN_NEW_ARRAY(r->arena, cnn_doc *, all->count);
    options->items = CNN_NEW_ARRAY(r->arena, cnn_doc *, all->count);
    item->branches = CNN_NEW_ARRAY(r->arena, cnn_branch, all->count);
    for (uint32_t i = 0; i < all->count; i++) {
        bool option = is_param(&item->layer->c.params, all->keys[i]->text) &&
                      all->items[i]->kind == CNN_DOC_SCALAR;
        if (option) {
            options->keys[options->count] = all->keys[i];
            options->items[options->count++] = all->items[i];
        } else {
            read_branch(r, all->keys[i], all->items[i], &item->branches[item->n_branches++]);
        }
    }
    item->options = options;
}

/* ---- one item ---- */

static void hint_parameters(cnn_config_reader *r, cnn_diag *diag, const cnn_block *block)
{
    const char *list = "";
    for (uint32_t i = 0; i < block->n_params; i++)
        list = cnn_arena_printf(r->arena, "%s%s%s", list, i > 0 ? ", " : "", block->params[i].name);
    cnn_diag_hint(r->diags, diag, "%s%s", block->n_params > 0 ? "parameters: " : "it has none",
                  list);
}

static void check_block_call(cnn_config_reader *r, const cnn_item *item)
{
    const cnn_doc *options = item->options;
    const cnn_block *block = item->block;
    const char **words = CNN_NEW_ARRAY(r->arena, const char *, block->n_params);
    for (uint32_t i = 0; i < block->n_params; i++)
        words[i] = block->params[i].name;
    bool map = options != NULL && options->kind == CNN_DOC_MAP;
    for (uint32_t i = 0; map && i < options->count; i++) {
        bool known = false;
        for (uint32_t k = 0; k < block->n_params; k++)
            known = known || strcmp(words[k], options->keys[i]->text) == 0;
        if (known)
            continue;
        const char *near = cnn_did_you_mean(options->keys[i]->text, words, block->n_params);
        cnn_diag *diag =
            cnn_diag_error(r->diags, options->keys[i]->place, "block %s has no parameter '%s'",
                           block->name, options->keys[i]->text);
        if (near != NULL)
            cnn_diag_hint(r->diags, diag, "did you mean '%s'?", near);
        else
            hint_parameters(r, diag, block);
    }
    if (options != NULL && !map && !cnn_doc_is_null(options) && block->n_params == 0)
        cnn_diag_error(r->diags, options->place, "block %s has no parameters", block->name);
}

/* Looks the type up: a block, or a layer. */
static bool read_type(cnn_config_reader *r, const cnn_doc *key, const cnn_doc *options,
                      cnn_item *item)
{
    item->place = key->place;
    item->type = key->text;
    item->options = cnn_doc_is_null(options) ? NULL : options;
    cnn_block *block = find_block(r, key->text);
    if (block != NULL) {
        block->used = true;
        item->block = block;
        check_block_call(r, item);
        return true;
    }
    const cnn_component *component = cnn_config_find(r, CNN_KIND_LAYER, key);
    if (component == NULL)
        return false;
    item->layer = (const cnn_layer *)(const void *)component;
    if (item->layer->role == CNN_ROLE_LOSS || item->layer->role == CNN_ROLE_METRIC) {
        cnn_diag_error(r->diags, key->place, "'%s' is a %s: it belongs under %s", key->text,
                       item->layer->role == CNN_ROLE_LOSS ? "loss" : "metric",
                       item->layer->role == CNN_ROLE_LOSS ? "train.loss" : "test.metrics");
        return false;
    }
    if (item->layer->role == CNN_ROLE_JOIN)
        read_branches(r, item);
    return cnn_params_check(component->name, &component->params, item->options, key->place, NULL,
                            r->arena, r->diags);
}

/* The one key that is not a sibling. */
static const cnn_doc *find_type(cnn_config_reader *r, const cnn_doc *doc, const cnn_doc **options)
{
    const cnn_doc *type = NULL;
    for (uint32_t i = 0; i < doc->count; i++) {
        const cnn_doc *key = doc->keys[i];
        if (is_sibling(key->text))
            continue;
        if (type != NULL) {
            cnn_diag *diag = cnn_diag_error(r->diags, key->place,
                                            "one line is one layer, but this has '%s' and '%s'",
                                            type->text, key->text);
            cnn_diag_hint(r->diags, diag,
                          "options stand in the braces of the layer; beside it may stand name, "
                          "from, repeat, when, freeze, init, backend");
            return NULL;
        }
        type = key;
        *options = doc->items[i];
    }
    if (type == NULL)
        cnn_diag_hint(r->diags, cnn_diag_error(r->diags, doc->place, "no layer in this line"),
                      "name, from, repeat and the like stand beside a layer: {relu: , name: stem}");
    return type;
}

static bool read_map_item(cnn_config_reader *r, const cnn_doc *doc, cnn_item *item)
{
    const cnn_doc *options = NULL;
    const cnn_doc *type = find_type(r, doc, &options);
    bool ok = type != NULL && read_type(r, type, options, item);
    if (type == NULL)
        return false;
    for (uint32_t i = 0; i < doc->count; i++)
        if (is_sibling(doc->keys[i]->text))
            read_sibling(r, doc->keys[i]->text, doc->items[i], item);
    return ok;
}

/* `first_name`: where the names of this list, with what is spliced into it, begin. */
static void read_items(cnn_config_reader *r, const cnn_doc *doc, uint32_t first_name,
                       cnn_items *items);

static bool read_list_item(cnn_config_reader *r, const cnn_doc *doc, uint32_t first_name,
                           cnn_item *item)
{
    cnn_items *list = CNN_NEW(r->arena, cnn_items);
    read_items(r, doc, first_name, list);
    item->place = doc->place;
    item->list = list;
    return true;
}

static void read_items(cnn_config_reader *r, const cnn_doc *doc, uint32_t first_name,
                       cnn_items *items)
{
    items->items = CNN_NEW_ARRAY(r->arena, cnn_item, doc->count);
    for (uint32_t i = 0; i < doc->count; i++) {
        const cnn_doc *one = doc->items[i];
        cnn_item *item = &items->items[items->count];
        bool ok = one->kind == CNN_DOC_MAP    ? read_map_item(r, one, item)
                  : one->kind == CNN_DOC_LIST ? read_list_item(r, one, first_name, item)
                                              : read_type(r, one, NULL, item);
        if (item->name != NULL)
            add_name(r, cnn_doc_get(one, "name"), first_name);
        if (ok)
            items->count++;
        else
            memset(item, 0, sizeof *item);
    }
}

void cnn_config_read_items(cnn_config_reader *r, const cnn_doc *doc, cnn_items *items)
{
    uint32_t first_name = r->n_names;
    items->count = 0;
    if (cnn_doc_is_null(doc))
        return;
    if (doc->kind != CNN_DOC_LIST) {
        cnn_diag *diag = cnn_diag_error(r->diags, doc->place, "a list of layers is wanted here");
        cnn_diag_hint(r->diags, diag, "one layer in each line, behind a dash, e.g. - relu");
        return;
    }
    read_items(r, doc, first_name, items);
    r->n_names = first_name; /* they are known in their own list only */
}
