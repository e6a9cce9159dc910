/* Picks components by name and reads their options. */
#include <string.h>

#include "config_internal.h"
#include "params.h"

const cnn_component *cnn_config_find(cnn_config_reader *r, cnn_kind kind, const cnn_doc *name)
{
    cnn_error err = { "", "" };
    const cnn_component *component;
    if (name->kind != CNN_DOC_SCALAR || name->text[0] == '\0') {
        cnn_diag_error(r->diags, name->place, "the name of a %s is wanted here",
                       cnn_kind_name(kind));
        return NULL;
    }
    if (cnn_registry_find(r->registry, kind, name->text, &component, &err) == CNN_OK)
        return component;
    cnn_diag *diag = cnn_diag_error(r->diags, name->place, "%s", err.text);
    if (err.hint[0] != '\0')
        cnn_diag_hint(r->diags, diag, "%s", err.hint);
    return NULL;
}

bool cnn_config_pick_named(cnn_config_reader *r, cnn_kind kind, const cnn_doc *name,
                           const cnn_doc *options, const char *const *also, cnn_use *use)
{
    use->doc = name;
    use->component = cnn_config_find(r, kind, name);
    if (use->component == NULL)
        return false;
    use->params =
        cnn_params_read(use->component->name, &use->component->params, use->component->params_size,
                        options, name->place, also, r->arena, r->diags);
    return use->params != NULL;
}

bool cnn_config_pick(cnn_config_reader *r, cnn_kind kind, const cnn_doc *doc, cnn_use *use)
{
    if (doc->kind == CNN_DOC_SCALAR)
        return cnn_config_pick_named(r, kind, doc, NULL, NULL, use);
    if (doc->kind == CNN_DOC_MAP && doc->count == 1)
        return cnn_config_pick_named(r, kind, doc->keys[0], doc->items[0], NULL, use);
    if (doc->kind == CNN_DOC_MAP && doc->count > 1)
        cnn_diag_error(r->diags, doc->keys[1]->place,
                       "one %s is wanted, but this map names '%s' and '%s'", cnn_kind_name(kind),
                       doc->keys[0]->text, doc->keys[1]->text);
    else
        cnn_diag_error(r->diags, doc->place, "a %s is wanted: its name, or {name: {options}}",
                       cnn_kind_name(kind));
    return false;
}

void cnn_config_pick_all(cnn_config_reader *r, cnn_kind kind, const cnn_doc *doc, cnn_uses *uses)
{
    uses->count = 0;
    if (cnn_doc_is_null(doc))
        return;
    uint32_t count = doc->kind == CNN_DOC_LIST ? doc->count : 1;
    uses->items = CNN_NEW_ARRAY(r->arena, cnn_use, count);
    for (uint32_t i = 0; i < count; i++) {
        const cnn_doc *one = doc->kind == CNN_DOC_LIST ? doc->items[i] : doc;
        if (cnn_config_pick(r, kind, one, &uses->items[uses->count]))
            uses->count++;
    }
}

bool cnn_config_check_role(cnn_config_reader *r, const cnn_use *use, uint32_t role,
                           const char *section)
{
    static const char *const roles[] = { "a layer of the model", "a join of branches", "a loss",
                                         "a metric" };
    uint32_t got = ((const cnn_layer *)(const void *)use->component)->role;
    if (got == role)
        return true;
    cnn_diag_error(r->diags, use->doc->place, "%s: '%s' is %s, not %s", section,
                   use->component->name, got < 4 ? roles[got] : "something else", roles[role]);
    return false;
}
