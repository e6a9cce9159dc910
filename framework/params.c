/* Doc nodes -> the struct that a parameter table describes. Defaults go the same way: their text is
 * YAML like any other. */
#include "params.h"

#include <string.h>

#include "formula.h"
#include "params_internal.h"

/* Words of the tables, in one list for messages. */
static void add_name(char *out, size_t size, const char *name)
{
    size_t used = strlen(out);
    (void)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", name);
}

static const cnn_param *find_param(const cnn_table *params, const char *name)
{
    for (uint32_t i = 0; i < params->count; i++) {
        const cnn_param *p = cnn_table_at(params, i);
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

static bool is_listed(const char *const *words, const char *word)
{
    for (; words != NULL && *words != NULL; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

static void unknown_option(const cnn_params_reader *reader, const cnn_doc *key)
{
    const char *names[128];
    char list[512] = "";
    size_t count = 0;
    for (uint32_t i = 0; i < reader->params->count && count < 128; i++)
        names[count++] = ((const cnn_param *)cnn_table_at(reader->params, i))->name;
    for (uint32_t i = 0; reader->also != NULL && reader->also[i] != NULL && count < 128; i++)
        names[count++] = reader->also[i];
    for (size_t i = 0; i < count; i++)
        add_name(list, sizeof list, names[i]);
    const char *near = cnn_did_you_mean(key->text, names, count);
    cnn_diag *diag = near != NULL
                         ? cnn_diag_error(reader->diags, key->place,
                                          "%s: unknown option '%s' (did you mean '%s'?)",
                                          reader->owner, key->text, near)
                         : cnn_diag_error(reader->diags, key->place, "%s: unknown option '%s'",
                                          reader->owner, key->text);
    if (count > 0)
        cnn_diag_hint(reader->diags, diag, "options: %s", list);
    else
        cnn_diag_hint(reader->diags, diag, "%s has no options", reader->owner);
}

static void check_names(const cnn_params_reader *reader, const cnn_doc *options)
{
    for (uint32_t i = 0; i < options->count; i++)
        if (find_param(reader->params, options->keys[i]->text) == NULL &&
            !is_listed(reader->also, options->keys[i]->text))
            unknown_option(reader, options->keys[i]);
}

/* Is the node a bare value for the first parameter, not a map of options? */
static bool is_bare(const cnn_doc *options)
{
    return options != NULL && options->kind != CNN_DOC_MAP && !cnn_doc_is_null(options);
}

static bool check_bare(const cnn_params_reader *reader, const cnn_doc *options)
{
    if (!is_bare(options) || reader->params->count > 0)
        return true;
    cnn_diag_error(reader->diags, options->place, "%s: takes no options", reader->owner);
    return false;
}

static const cnn_doc *value_of(const cnn_param *p, const cnn_table *params, const cnn_doc *options)
{
    if (is_bare(options))
        return p == cnn_table_at(params, 0) ? options : NULL;
    return cnn_doc_get(options, p->name);
}

static void read_default(const cnn_params_reader *reader, const cnn_param *p, cnn_place place,
                         void *field)
{
    if (p->def == NULL) {
        if ((p->flags & CNN_PARAM_OPTIONAL) == 0)
            cnn_diag_error(reader->diags, place, "%s: '%s' is missing: %s", reader->owner, p->name,
                           p->help != NULL ? p->help : "it has no default");
        return;
    }
    cnn_doc *doc = cnn_param_default(p, reader->arena, reader->diags);
    if (doc != NULL)
        (void)cnn_param_read(reader, p, doc, field);
}

void *cnn_params_read(const char *owner, const cnn_table *params, size_t size,
                      const cnn_doc *options, cnn_place place, const char *const *also,
                      cnn_arena *arena, cnn_diags *diags)
{
    cnn_params_reader reader = { owner, params, also, arena, diags };
    size_t errors = diags->errors;
    char *values = cnn_arena_alloc(arena, size);
    if (!check_bare(&reader, options))
        return NULL;
    if (options != NULL && options->kind == CNN_DOC_MAP)
        check_names(&reader, options);
    for (uint32_t i = 0; i < params->count; i++) {
        const cnn_param *p = cnn_table_at(params, i);
        const cnn_doc *doc = value_of(p, params, options);
        if (doc == NULL || (cnn_doc_is_null(doc) && p->type != CNN_PARAM_TEXT))
            read_default(&reader, p, place, values + p->offset);
        else
            (void)cnn_param_read(&reader, p, doc, values + p->offset);
    }
    return diags->errors == errors ? values : NULL;
}

/* A formula anywhere inside makes the whole value unknown for now. */
static bool has_formula(const cnn_doc *doc)
{
    if (doc->kind == CNN_DOC_SCALAR)
        return cnn_is_formula(doc);
    for (uint32_t i = 0; i < doc->count; i++)
        if (has_formula(doc->items[i]))
            return true;
    return false;
}

bool cnn_params_check(const char *owner, const cnn_table *params, const cnn_doc *options,
                      cnn_place place, const char *const *also, cnn_arena *arena, cnn_diags *diags)
{
    cnn_params_reader reader = { owner, params, also, arena, diags };
    size_t errors = diags->errors;
    if (!check_bare(&reader, options))
        return false;
    if (options != NULL && options->kind == CNN_DOC_MAP)
        check_names(&reader, options);
    for (uint32_t i = 0; i < params->count; i++) {
        union {
            int64_t ints[16];
            cnn_array array;
        } scratch = { 0 };
        const cnn_param *p = cnn_table_at(params, i);
        const cnn_doc *doc = value_of(p, params, options);
        if (doc == NULL || (cnn_doc_is_null(doc) && p->type != CNN_PARAM_TEXT)) {
            if (p->def == NULL)
                read_default(&reader, p, place, &scratch);
        } else if (!has_formula(doc)) {
            (void)cnn_param_read(&reader, p, doc, &scratch);
        }
    }
    return diags->errors == errors;
}

static cnn_status validate_param(const char *owner, const cnn_param *p, size_t size, cnn_error *err)
{
    if (p->name == NULL || p->name[0] == '\0')
        return cnn_fail(err, CNN_INVALID, "%s: a parameter without a name", owner);
    size_t width = cnn_param_width(p);
    if (width == 0)
        return cnn_fail(err, CNN_INVALID, "%s: parameter '%s' has the unknown type %u", owner,
                        p->name, (unsigned)p->type);
    if (p->offset > size || width > size - p->offset)
        return cnn_fail(err, CNN_INVALID, "%s: parameter '%s' lies outside the struct of %zu bytes",
                        owner, p->name, size);
    if (p->type == CNN_PARAM_CHOICE && (p->choices == NULL || p->choices[0] == '\0'))
        return cnn_fail(err, CNN_INVALID, "%s: parameter '%s' has no choices", owner, p->name);
    return CNN_OK;
}

/* The default has to pass the checks that a user's value has to pass. */
static cnn_status validate_default(const char *owner, const cnn_table *params, const cnn_param *p,
                                   cnn_error *err)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_diags diags = { .arena = arena };
    cnn_params_reader reader = { owner, params, NULL, arena, &diags };
    cnn_status status = CNN_OK;
    void *field = cnn_arena_alloc(arena, cnn_param_width(p));
    cnn_doc *doc = cnn_param_default(p, arena, &diags);
    if (doc == NULL || !cnn_param_read(&reader, p, doc, field) || diags.errors > 0)
        status = cnn_fail(err, CNN_INVALID, "%s: the default '%s' of parameter '%s' is refused: %s",
                          owner, p->def, p->name,
                          diags.count > 0 ? diags.items[0].text : "it cannot be read");
    cnn_arena_destroy(arena);
    return status;
}

cnn_status cnn_params_validate(const char *owner, const cnn_table *params, size_t size,
                               cnn_error *err)
{
    for (uint32_t i = 0; i < params->count; i++) {
        const cnn_param *p = cnn_table_at(params, i);
        cnn_status status = validate_param(owner, p, size, err);
        if (status == CNN_OK && find_param(params, p->name) != p)
            status =
                cnn_fail(err, CNN_INVALID, "%s: two parameters are called '%s'", owner, p->name);
        if (status == CNN_OK && p->def != NULL)
            status = validate_default(owner, params, p, err);
        if (status != CNN_OK)
            return status;
    }
    return CNN_OK;
}
