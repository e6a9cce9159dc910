/* blocks: lists of layers with a name and parameters, used like layers. */
#include <string.h>

#include "config_internal.h"

static void declare_params(cnn_config_reader *r, const cnn_doc *doc, cnn_block *block)
{
    if (cnn_doc_is_null(doc))
        return;
    if (doc->kind != CNN_DOC_MAP) {
        cnn_diag_error(r->diags, doc->place, "params: a map from names to defaults is wanted");
        return;
    }
    block->n_params = doc->count;
    block->params = CNN_NEW_ARRAY(r->arena, cnn_block_param, doc->count);
    for (uint32_t i = 0; i < doc->count; i++) {
        block->params[i].name = doc->keys[i]->text;
        block->params[i].def = cnn_doc_is_null(doc->items[i]) ? NULL : doc->items[i];
    }
}

static void check_block_name(cnn_config_reader *r, const cnn_doc *key)
{
    const char *const *names;
    size_t count = cnn_registry_names(r->registry, CNN_KIND_LAYER, &names);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], key->text) == 0)
            cnn_diag_hint(r->diags,
                          cnn_diag_error(r->diags, key->place,
                                         "a block cannot be called '%s': a layer is", key->text),
                          "choose another name");
}

static void declare_block(cnn_config_reader *r, const cnn_doc *key, const cnn_doc *doc)
{
    static const char *const known[] = { "doc", "params", "layers" };
    cnn_block *block = &r->config->blocks[r->config->n_blocks++];
    *block = (cnn_block){ .name = key->text, .place = key->place, .doc = "" };
    check_block_name(r, key);
    if (doc->kind != CNN_DOC_MAP) {
        cnn_diag_error(r->diags, doc->place, "block %s: a map with `layers` is wanted", key->text);
        return;
    }
    for (uint32_t i = 0; i < doc->count; i++) {
        const char *word = doc->keys[i]->text, *near = cnn_did_you_mean(word, known, 3);
        if (strcmp(word, "doc") == 0 || strcmp(word, "params") == 0 || strcmp(word, "layers") == 0)
            continue;
        cnn_diag *diag = cnn_diag_error(r->diags, doc->keys[i]->place, "block %s: unknown key '%s'",
                                        key->text, word);
        if (near != NULL)
            cnn_diag_hint(r->diags, diag, "did you mean '%s'?", near);
        else
            cnn_diag_hint(r->diags, diag, "keys: doc, params, layers");
    }
    const cnn_doc *text = cnn_doc_get(doc, "doc");
    if (text != NULL && text->kind == CNN_DOC_SCALAR)
        block->doc = text->text;
    declare_params(r, cnn_doc_get(doc, "params"), block);
    if (cnn_doc_get(doc, "layers") == NULL)
        cnn_diag_error(r->diags, key->place, "block %s: `layers` is missing", key->text);
}

void cnn_config_read_blocks(cnn_config_reader *r, const cnn_doc *doc)
{
    if (cnn_doc_is_null(doc))
        return;
    if (doc->kind != CNN_DOC_MAP) {
        cnn_diag_error(r->diags, doc->place, "blocks: a map from names to blocks is wanted");
        return;
    }
    r->config->blocks = CNN_NEW_ARRAY(r->arena, cnn_block, doc->count);
    for (uint32_t i = 0; i < doc->count; i++)
        declare_block(r, doc->keys[i], doc->items[i]);
    for (uint32_t i = 0; i < r->config->n_blocks; i++) {
        cnn_block *block = &r->config->blocks[i];
        cnn_doc *layers = cnn_doc_get(cnn_doc_get(doc, block->name), "layers");
        r->inside = block;
        if (layers != NULL)
            cnn_config_read_items(r, layers, &block->body);
        r->inside = NULL;
    }
}

/* Does a list, or a block in it, come back to `block`? Each block is entered once. */
static bool reaches(const cnn_config *config, const cnn_items *items, const cnn_block *block,
                    bool *entered)
{
    for (uint32_t i = 0; i < items->count; i++) {
        const cnn_item *item = &items->items[i];
        if (item->block == block ||
            (item->list != NULL && reaches(config, item->list, block, entered)))
            return true;
        if (item->block != NULL && !entered[item->block - config->blocks]) {
            entered[item->block - config->blocks] = true;
            if (reaches(config, &item->block->body, block, entered))
                return true;
        }
        for (uint32_t b = 0; b < item->n_branches; b++)
            if (reaches(config, &item->branches[b].body, block, entered))
                return true;
    }
    return false;
}

void cnn_config_check_blocks(cnn_config_reader *r)
{
    const cnn_config *config = r->config;
    for (uint32_t i = 0; i < config->n_blocks; i++) {
        const cnn_block *block = &config->blocks[i];
        bool *entered = CNN_NEW_ARRAY(r->arena, bool, config->n_blocks);
        if (reaches(config, &block->body, block, entered))
            cnn_diag_hint(
                r->diags,
                cnn_diag_error(r->diags, block->place, "block %s contains itself", block->name),
                "a block is written out where it is used, which would never end; for a chain of "
                "equal blocks use `repeat:`");
        else if (!block->used && block->place.source == r->file) /* included ones are a library */
            cnn_diag_warning(r->diags, block->place, "block %s is not used", block->name);
    }
}
