/* Formulas of a model: what names mean at an item, and the options of blocks. */
#include "model_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formula_values.h"

enum { MAX_REPEAT = 10000 };

static void set(cnn_item_scope *s, const char *name, int64_t value)
{
    s->names[s->scope.count] = name;
    s->values[s->scope.count++] = (cnn_number_value){ .kind = CNN_NUMBER_INT, .i = value };
}

/* Images have in.height and in.width; everything has in.features, the numbers of a sample. */
void cnn_item_scope_fill(const cnn_walk *walk, cnn_value in, cnn_item_scope *out)
{
    const cnn_graph *g = walk->graph;
    const cnn_type *t = &g->values[in].type;
    *out = (cnn_item_scope){ .scope = { .outer = walk->options } };
    if (t->rank > 1)
        set(out, "in.channels", t->dim[1]);
    if (t->rank == 4) {
        set(out, "in.height", t->dim[2]);
        set(out, "in.width", t->dim[3]);
    }
    set(out, "in.features", cnn_span(t, 1, t->rank));
    if (g->data.classes > 0)
        set(out, "classes", g->data.classes);
    out->scope.names = out->names;
    out->scope.values = out->values;
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

/* The kind is that of the text; quotes make it a word. */
static cnn_number_value literal(const cnn_doc *doc)
{
    cnn_number_value v = { .kind = CNN_NUMBER_TEXT, .text = doc->text };
    char *end;
    if (doc->quoted || doc->text[0] == '\0')
        return v;
    if (is_one_of(doc->text, "true", "yes", "on") || is_one_of(doc->text, "false", "no", "off")) {
        v.kind = CNN_NUMBER_BOOL;
        v.i = is_one_of(doc->text, "true", "yes", "on");
        return v;
    }
    errno = 0;
    v.i = strtoll(doc->text, &end, 10);
    if (*end == '\0' && errno == 0) {
        v.kind = CNN_NUMBER_INT;
        return v;
    }
    v.f = strtod(doc->text, &end);
    if (*end == '\0' && isfinite(v.f))
        v.kind = CNN_NUMBER_FLOAT;
    return v;
}

bool cnn_scalar_value(const cnn_doc *doc, const cnn_scope *scope, cnn_diags *diags,
                      cnn_number_value *value)
{
    if (doc->kind != CNN_DOC_SCALAR) {
        cnn_diag_error(diags, doc->place, "a single value was expected here, not a %s",
                       doc->kind == CNN_DOC_LIST ? "list" : "map");
        return false;
    }
    if (cnn_is_formula(doc))
        return cnn_formula_eval(doc, scope, diags, value);
    *value = literal(doc);
    return true;
}

void cnn_item_failed(cnn_graph *graph, size_t first)
{
    cnn_graph_add_trails(graph, first);
    graph->failed = true;
}

/* "'maybe'", "3 = $(in.channels - 1)" */
static const char *found(const cnn_doc *doc, const cnn_number_value *value, cnn_arena *arena)
{
    if (!cnn_is_formula(doc))
        return cnn_arena_printf(arena, "'%s'", doc->text);
    return cnn_arena_printf(arena, "%s = %s", cnn_number_text(value, arena), doc->text);
}

bool cnn_item_when(cnn_graph *graph, const cnn_item *item, const cnn_scope *scope, bool *when)
{
    cnn_number_value v;
    size_t first = graph->diags->count;
    *when = true;
    if (item->when == NULL)
        return true;
    bool ok = cnn_scalar_value(item->when, scope, graph->diags, &v);
    if (ok && v.kind != CNN_NUMBER_BOOL) {
        cnn_diag *d =
            cnn_diag_error(graph->diags, item->when->place, "when: must be true or false, not %s",
                           found(item->when, &v, graph->arena));
        cnn_diag_hint(graph->diags, d, "compare, as in $(stride != 1)");
        ok = false;
    }
    *when = ok && v.i != 0;
    if (!ok)
        cnn_item_failed(graph, first);
    return ok;
}

bool cnn_item_repeat(cnn_graph *graph, const cnn_item *item, const cnn_scope *scope,
                     int64_t *repeat)
{
    cnn_number_value v;
    size_t first = graph->diags->count;
    *repeat = 1;
    if (item->repeat == NULL)
        return true;
    bool ok = cnn_scalar_value(item->repeat, scope, graph->diags, &v);
    if (ok && (v.kind != CNN_NUMBER_INT || v.i < 0 || v.i > MAX_REPEAT)) {
        cnn_diag_error(graph->diags, item->repeat->place,
                       "repeat: must be a whole number from 0 to %d, not %s", MAX_REPEAT,
                       found(item->repeat, &v, graph->arena));
        ok = false;
    }
    *repeat = ok ? v.i : 0;
    if (!ok)
        cnn_item_failed(graph, first);
    return ok;
}

/* ---- options of blocks */

/* An option as it was given: by name, or bare for the first one. */
static const cnn_doc *given(const cnn_item *item, uint32_t i)
{
    if (item->options == NULL || cnn_doc_is_null(item->options))
        return NULL;
    if (item->options->kind == CNN_DOC_MAP)
        return cnn_doc_get(item->options, item->block->params[i].name);
    return i == 0 ? item->options : NULL;
}

static const char *const *option_names(const cnn_block *block, cnn_arena *arena)
{
    const char **names = CNN_NEW_ARRAY(arena, const char *, block->n_params);
    for (uint32_t i = 0; i < block->n_params; i++)
        names[i] = block->params[i].name;
    return names;
}

static void check_names(const cnn_item *item, const char *const *names, cnn_diags *diags)
{
    const cnn_block *block = item->block;
    const cnn_doc *options = item->options;
    if (options == NULL || cnn_doc_is_null(options))
        return;
    if (options->kind != CNN_DOC_MAP) {
        if (block->n_params == 0)
            cnn_diag_error(diags, options->place, "%s: has no options", block->name);
        return;
    }
    for (uint32_t i = 0; i < options->count; i++) {
        const char *key = options->keys[i]->text;
        bool known = false;
        for (uint32_t k = 0; k < block->n_params; k++)
            known = known || strcmp(names[k], key) == 0;
        if (known)
            continue;
        cnn_diag *d = cnn_diag_error(diags, options->keys[i]->place, "%s: unknown option '%s'",
                                     block->name, key);
        const char *near = cnn_did_you_mean(key, names, block->n_params);
        if (near != NULL)
            cnn_diag_hint(diags, d, "did you mean '%s'?", near);
    }
}

/* Given values are formulas of the user's place, defaults of the block: over its input and the
 * options before them. */
static bool read_option(const cnn_item *item, uint32_t i, const cnn_scope *scope,
                        const cnn_scope *before, cnn_diags *diags, cnn_number_value *value)
{
    const cnn_block_param *param = &item->block->params[i];
    const cnn_doc *doc = given(item, i);
    if (doc != NULL)
        return cnn_scalar_value(doc, scope, diags, value);
    if (param->def != NULL) {
        cnn_scope inner = *scope;
        inner.outer = before;
        return cnn_scalar_value(param->def, &inner, diags, value);
    }
    cnn_diag *d = cnn_diag_error(diags, item->place, "%s: option '%s' is missing",
                                 item->block->name, param->name);
    cnn_diag_hint(diags, d, "write %s: {%s: ...}, or give it a default in the block",
                  item->block->name, param->name);
    return false;
}

const cnn_scope *cnn_block_options(cnn_graph *graph, const cnn_item *item, const cnn_scope *scope)
{
    const cnn_block *block = item->block;
    cnn_diags *diags = graph->diags;
    size_t first = diags->count, errors = diags->errors;
    cnn_number_value *values = CNN_NEW_ARRAY(graph->arena, cnn_number_value, block->n_params);
    cnn_scope *out = CNN_NEW(graph->arena, cnn_scope);
    out->names = option_names(block, graph->arena);
    out->values = values;
    check_names(item, out->names, diags);
    bool ok = diags->errors == errors;
    for (uint32_t i = 0; i < block->n_params && ok; i++) {
        ok = read_option(item, i, scope, out, diags, &values[i]);
        out->count = i + 1;
    }
    if (ok)
        return out;
    cnn_item_failed(graph, first);
    return NULL;
}
