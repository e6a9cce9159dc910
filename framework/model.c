/* From the pipeline's model to a graph: lists, blocks, branches and names are walked once, and each
 * layer is built where it stands. An error ends the walk: shapes behind it are unknown. */
#include "model_internal.h"

#include <string.h>

static const char *join(cnn_arena *arena, const char *prefix, const char *part)
{
    return prefix[0] != '\0' ? cnn_arena_printf(arena, "%s.%s", prefix, part) : part;
}

static const char *join_number(cnn_arena *arena, const char *prefix, int64_t number)
{
    return join(arena, prefix, cnn_arena_printf(arena, "%lld", (long long)number));
}

/* ---- names */

static void bind(const cnn_walk *w, const char *name, cnn_value value)
{
    cnn_names *n = w->names;
    cnn_arena *arena = w->graph->arena;
    n->names = cnn_arena_grow(arena, n->names, n->count, sizeof *n->names);
    n->values = cnn_arena_grow(arena, n->values, n->count, sizeof *n->values);
    n->names[n->count] = name;
    n->values[n->count++] = value;
}

static void unknown_name(const cnn_walk *w, const char *name, cnn_place place)
{
    cnn_graph *g = w->graph;
    const char **all = NULL;
    uint32_t n = 0;
    for (const cnn_names *s = w->names; s != NULL; s = s->outer)
        for (uint32_t i = 0; i < s->count; i++) {
            all = cnn_arena_grow(g->arena, all, n, sizeof *all);
            all[n++] = s->names[i];
        }
    size_t first = g->diags->count;
    cnn_diag *d = cnn_diag_error(g->diags, place, "no layer before this one is named '%s'", name);
    const char *near = cnn_did_you_mean(name, all, n);
    if (near != NULL)
        cnn_diag_hint(g->diags, d, "did you mean '%s'?", near);
    else
        cnn_diag_hint(g->diags, d, "give the layer `name: %s`, in this list or one around it",
                      name);
    cnn_item_failed(g, first);
}

static cnn_value lookup(const cnn_walk *w, const char *name, cnn_place place)
{
    for (const cnn_names *s = w->names; s != NULL; s = s->outer)
        for (uint32_t i = s->count; i > 0; i--)
            if (strcmp(s->names[i - 1], name) == 0)
                return s->values[i - 1];
    unknown_name(w, name, place);
    return CNN_NONE;
}

/* The inputs of an item: what `from:` names, or the result so far. */
static bool resolve(const cnn_walk *w, const cnn_item *item, const cnn_value *in, cnn_item_in *out)
{
    cnn_graph *g = w->graph;
    *out = (cnn_item_in){ *in, 1, in, NULL };
    if (item->n_from == 0)
        return true;
    cnn_value *values = CNN_NEW_ARRAY(g->arena, cnn_value, item->n_from);
    const char **names = CNN_NEW_ARRAY(g->arena, const char *, item->n_from);
    for (uint32_t i = 0; i < item->n_from; i++) {
        names[i] = item->from[i]->text;
        values[i] = lookup(w, names[i], item->from[i]->place);
        if (values[i] == CNN_NONE)
            return false;
    }
    *out = (cnn_item_in){ values[0], item->n_from, values, names };
    bool joins = item->layer != NULL && item->layer->role == CNN_ROLE_JOIN;
    if (item->n_from > 1 && !joins)
        cnn_graph_fail(g, "bring them together with add, mul or concat",
                       "takes one input, but `from:` names %u", item->n_from);
    return !g->failed;
}

/* ---- blocks and branches */

/* "in block inception (line 5) used at line 26", innermost first */
static const char *block_trail(const cnn_walk *w, const cnn_item *item)
{
    const cnn_block *block = item->block;
    bool elsewhere = block->place.source != item->place.source && block->place.source != NULL;
    return cnn_arena_printf(w->graph->arena, "in block %s (%s%s%d) used at line %d%s%s",
                            block->name, elsewhere ? block->place.source->name : "line ",
                            elsewhere ? ":" : "", block->place.line, item->place.line,
                            w->trail[0] != '\0' ? ", " : "", w->trail);
}

/* A block that is a single join adds no level: "incep1.b5x5.1.weight". */
static bool is_single_join(const cnn_items *body)
{
    const cnn_item *only = body->items;
    return body->count == 1 && only->layer != NULL && only->layer->role == CNN_ROLE_JOIN &&
           only->name == NULL && only->repeat == NULL;
}

static cnn_value build_block(const cnn_walk *w, const cnn_item *item, const char *prefix,
                             cnn_value in, const cnn_scope *scope)
{
    cnn_graph *g = w->graph;
    for (const cnn_walk *user = w; user != NULL; user = user->outer)
        if (user->block == item->block) {
            cnn_graph_fail(g, "", "the block uses itself");
            return CNN_NONE;
        }
    const cnn_scope *options = cnn_block_options(g, item, scope);
    if (options == NULL)
        return CNN_NONE;
    cnn_walk inner = *w;
    inner.names = NULL; /* a block sees its own names only */
    inner.prefix = prefix;
    inner.flat = is_single_join(&item->block->body);
    inner.trail = block_trail(w, item);
    inner.outer = w;
    inner.block = item->block;
    inner.options = options;
    inner.freeze = w->freeze || item->freeze;
    inner.backend = item->backend != NULL ? item->backend : w->backend;
    return cnn_walk_list(&inner, &item->block->body, in);
}

static cnn_value build_branch(const cnn_walk *w, const cnn_item *item, const cnn_branch *branch,
                              const char *prefix, cnn_value in)
{
    cnn_walk inner = *w;
    if (branch->from != NULL)
        return lookup(w, branch->from, branch->place);
    inner.prefix = join(w->graph->arena, prefix, branch->name);
    inner.flat = false;
    inner.freeze = w->freeze || item->freeze;
    inner.backend = item->backend != NULL ? item->backend : w->backend;
    return cnn_walk_list(&inner, &branch->body, in);
}

static cnn_value build_join(const cnn_walk *w, const cnn_item *item, const char *prefix,
                            cnn_value in, const cnn_scope *scope)
{
    cnn_graph *g = w->graph;
    cnn_value *values = CNN_NEW_ARRAY(g->arena, cnn_value, item->n_branches);
    const char **names = CNN_NEW_ARRAY(g->arena, const char *, item->n_branches);
    for (uint32_t i = 0; i < item->n_branches; i++) {
        names[i] = item->branches[i].name;
        values[i] = build_branch(w, item, &item->branches[i], prefix, in);
        if (values[i] == CNN_NONE)
            return CNN_NONE;
    }
    const cnn_item_in inputs = { in, item->n_branches, values, names };
    return cnn_layer_build(w, item, prefix, &inputs, scope);
}

/* ---- items */

static cnn_value build_once(const cnn_walk *w, const cnn_item *item, const char *prefix,
                            const cnn_item_in *in)
{
    cnn_item_scope scope;
    cnn_item_enter(w, item, in);
    cnn_item_scope_fill(w, in->values[0], &scope);
    if (item->block != NULL)
        return build_block(w, item, prefix, in->values[0], &scope.scope);
    if (item->n_branches > 0)
        return build_join(w, item, prefix, in->values[0], &scope.scope);
    return cnn_layer_build(w, item, prefix, in, &scope.scope);
}

/* Each time the result goes in again; `in` is that of the first. */
static cnn_value build_repeated(const cnn_walk *w, const cnn_item *item, const char *prefix,
                                const cnn_item_in *in, int64_t repeat)
{
    cnn_graph *g = w->graph;
    if (in->count > 1) {
        cnn_graph_fail(g, "put the join into a block", "repeat: does not go with several inputs");
        return CNN_NONE;
    }
    cnn_value x = in->values[0];
    for (int64_t i = 0; i < repeat && !g->failed; i++) {
        cnn_value *current = CNN_NEW(g->arena, cnn_value);
        *current = x;
        x = build_once(w, item, join_number(g->arena, prefix, i),
                       &(cnn_item_in){ x, 1, current, NULL });
    }
    return g->failed ? CNN_NONE : x;
}

static cnn_value build_item(const cnn_walk *w, const cnn_item *item, uint32_t position,
                            cnn_value in)
{
    cnn_graph *g = w->graph;
    cnn_value *current = CNN_NEW(g->arena, cnn_value);
    cnn_item_in inputs = { in, 1, current, NULL };
    cnn_item_scope scope;
    bool when = true;
    int64_t repeat = 1;
    *current = in;
    cnn_item_enter(w, item, &inputs);
    if (!resolve(w, item, current, &inputs))
        return CNN_NONE;
    cnn_item_scope_fill(w, inputs.values[0], &scope);
    if (!cnn_item_when(g, item, &scope.scope, &when) ||
        !cnn_item_repeat(g, item, &scope.scope, &repeat))
        return CNN_NONE;

    const char *prefix = item->name != NULL ? join(g->arena, w->prefix, item->name)
                         : w->flat          ? w->prefix
                                            : join_number(g->arena, w->prefix, position);
    cnn_value out = in;
    if (when && item->repeat != NULL)
        out = build_repeated(w, item, prefix, &inputs, repeat);
    else if (when)
        out = build_once(w, item, prefix, &inputs);
    if (item->name != NULL && out != CNN_NONE)
        bind(w, item->name, out);
    return out;
}

/* Nested lists count as if they were written out. */
static cnn_value splice(const cnn_walk *w, const cnn_items *items, uint32_t *position, cnn_value in)
{
    for (uint32_t i = 0; i < items->count && in != CNN_NONE; i++) {
        const cnn_item *item = &items->items[i];
        if (item->list != NULL)
            in = splice(w, item->list, position, in);
        else
            in = build_item(w, item, (*position)++, in);
    }
    return in;
}

cnn_value cnn_walk_list(const cnn_walk *walk, const cnn_items *items, cnn_value in)
{
    cnn_names names = { .outer = walk->names };
    cnn_walk own = *walk;
    uint32_t position = 0;
    own.names = &names;
    return splice(&own, items, &position, in);
}

cnn_value cnn_graph_items(cnn_graph *graph, const cnn_config *config, const cnn_items *items,
                          cnn_value in)
{
    const cnn_walk top = { .graph = graph, .config = config, .prefix = "", .trail = "" };
    return graph->failed ? CNN_NONE : cnn_walk_list(&top, items, in);
}
