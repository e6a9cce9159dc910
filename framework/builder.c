/* The builder's api: what plugins call is checked here, and written down as values and nodes.
 *
 * A result is batched (axis 0 is the batch) where samples stay apart: PER_SAMPLE ops with a batched
 * input. SUMS ops have used the batch up. COUPLED ops may or may not keep it: their results count
 * as batched if they have as many axes as a batched input, and the batch on axis 0. */
#include "graph_internal.h"

#include <string.h>

#include "init.h"

enum { STREAMS_PER_LAYER = 256 };

/* ---- what the layer was given */

static uint32_t api_input_count(cnn_builder *b)
{
    return cnn_graph_of(b)->n_layer_in;
}

static cnn_value api_input(cnn_builder *b, uint32_t index)
{
    cnn_graph *g = cnn_graph_of(b);
    if (g->failed)
        return CNN_NONE;
    if (index < g->n_layer_in)
        return g->layer_in[index];
    cnn_graph_fail(g, "", "wants input number %u, but has %u", index + 1, g->n_layer_in);
    return CNN_NONE;
}

static const char *api_input_name(cnn_builder *b, uint32_t index)
{
    const cnn_graph *g = cnn_graph_of(b);
    if (g->layer_in_names == NULL || index >= g->n_layer_in || g->layer_in_names[index] == NULL)
        return "";
    return g->layer_in_names[index];
}

static cnn_value api_target(cnn_builder *b)
{
    cnn_graph *g = cnn_graph_of(b);
    if (g->failed || g->target != CNN_NONE)
        return g->failed ? CNN_NONE : g->target;
    if (g->mode == CNN_PREDICT)
        cnn_graph_fail(g, "use it as `train.loss` or in `test.metrics`",
                       "wants the targets of the samples, which a prediction does not have");
    else
        cnn_graph_fail(g, "use a data set with labels or values to learn",
                       "wants the targets of the samples, but the data set has none");
    return CNN_NONE;
}

static int64_t api_classes(cnn_builder *b)
{
    return cnn_graph_of(b)->data.classes;
}

static const cnn_type *api_type(cnn_builder *b, cnn_value v)
{
    static const cnn_type scalar = { .dtype = CNN_F32 };
    const cnn_graph *g = cnn_graph_of(b);
    return cnn_graph_has(g, v) ? &g->values[v].type : &scalar;
}

/* ---- leaves */

static const cnn_item_init *find_init(const cnn_graph *g, const char *name)
{
    for (uint32_t i = 0; g->item != NULL && i < g->item->n_init; i++)
        if (strcmp(g->item->init[i].weight, name) == 0)
            return &g->item->init[i];
    return NULL;
}

/* Another layer's tensor of the same name: two layers have one path. */
static bool taken(cnn_graph *g, const char *full)
{
    for (uint32_t i = 0; i < g->first_state; i++)
        if (strcmp(g->values[g->states[i].value].name, full) == 0) {
            cnn_graph_fail(g, "give one of the layers another `name:`",
                           "stores its '%s' under the same name as an earlier layer", full);
            return true;
        }
    return false;
}

/* `init:` of the pipeline replaces what the layer wants. */
static bool override_init(cnn_graph *g, const char *name, cnn_state_init *state)
{
    const cnn_item_init *wish = find_init(g, name);
    if (wish == NULL)
        return true;
    size_t first = g->diags->count;
    if (cnn_init_read(wish->doc, &g->values[state->value].type, g->arena, g->diags, &state->init,
                      &state->data))
        return true;
    cnn_graph_add_trails(g, first);
    g->failed = true;
    return false;
}

static cnn_value leaf(cnn_graph *g, const char *name, const cnn_type *type, const cnn_init *init,
                      bool trained)
{
    if (g->failed)
        return CNN_NONE;
    const char *full = cnn_arena_printf(g->arena, "%s.%s", g->prefix, name);
    uint32_t before = g->n_states;
    if (taken(g, full))
        return CNN_NONE;
    cnn_value v = cnn_graph_state(g, full, type, init, trained);
    if (v == CNN_NONE || g->n_states == before)
        return v;
    cnn_state_init *state = &g->states[before];
    state->frozen = trained && g->item != NULL && g->item->freeze;
    return override_init(g, name, state) ? v : CNN_NONE;
}

static cnn_value api_weight(cnn_builder *b, const char *name, const cnn_type *type,
                            const cnn_init *init)
{
    cnn_graph *g = cnn_graph_of(b);
    if (!g->failed && type->dtype != CNN_F32) {
        cnn_graph_fail(g, "", "its weight '%s' must be f32", name);
        return CNN_NONE;
    }
    return leaf(g, name, type, init, true);
}

static cnn_value api_state(cnn_builder *b, const char *name, const cnn_type *type, double fill)
{
    const cnn_init init = { .kind = CNN_INIT_CONSTANT, .a = fill };
    return leaf(cnn_graph_of(b), name, type, &init, false);
}

static cnn_value api_constant(cnn_builder *b, const cnn_type *type, const void *data)
{
    cnn_graph *g = cnn_graph_of(b);
    cnn_error err;
    if (g->failed)
        return CNN_NONE;
    if (cnn_type_check(type, &err) != CNN_OK) {
        cnn_graph_fail(g, err.hint, "a constant: %s", err.text);
        return CNN_NONE;
    }
    cnn_value v = cnn_graph_add_value(g, g->path, type, CNN_VALUE_CONST, false);
    g->values[v].data = cnn_arena_copy(g->arena, data, (size_t)cnn_bytes(type));
    return v;
}

/* ---- ops */

static uint32_t role_of(const cnn_op *op, const void *attrs, const cnn_type *types,
                        const bool *batched, uint32_t n_in)
{
    bool any = false;
    for (uint32_t i = 0; i < n_in; i++)
        any = any || batched[i];
    if (!any)
        return CNN_BATCH_NONE;
    return op->batch_role != NULL ? op->batch_role(attrs, types, batched, n_in)
                                  : (uint32_t)CNN_BATCH_PER_SAMPLE;
}

static bool keeps_batch(const cnn_graph *g, uint32_t role, const cnn_type *types,
                        const bool *batched, uint32_t n_in, const cnn_type *out)
{
    if (role == CNN_BATCH_PER_SAMPLE)
        return true;
    bool like_an_input = false;
    for (uint32_t i = 0; i < n_in; i++)
        like_an_input = like_an_input || (batched[i] && types[i].rank == out->rank);
    return role == CNN_BATCH_COUPLED && like_an_input && out->rank > 0 && out->dim[0] == g->batch;
}

/* "conv2d: ...", or "linear: matmul: ..." where layer and op have different names. */
static void fail_op(cnn_graph *g, const char *op, const cnn_error *err)
{
    if (g->owner != NULL && strcmp(op, g->owner) == 0)
        cnn_graph_fail(g, err->hint, "%s", err->text);
    else
        cnn_graph_fail(g, err->hint, "%s: %s", op, err->text);
}

static cnn_status check_call(const cnn_graph *g, const cnn_op *op, const void *attrs,
                             const cnn_value *in, uint32_t n_in, uint32_t n_out, cnn_error *err)
{
    if (n_in < op->min_in || n_in > op->max_in)
        return cnn_fail(err, CNN_INVALID, "was given %u inputs, which are too %s", n_in,
                        n_in < op->min_in ? "few" : "many");
    if (n_out != op->n_out)
        return cnn_fail(err, CNN_INVALID, "has %u results, not %u", op->n_out, n_out);
    if (attrs == NULL && op->c.params_size > 0)
        return cnn_fail(err, CNN_INVALID, "needs its attributes");
    for (uint32_t i = 0; i < n_in; i++)
        if (!cnn_graph_has(g, in[i]))
            return cnn_fail(err, CNN_INVALID, "its input number %u does not exist", i + 1);
    return CNN_OK;
}

static void add_node(cnn_graph *g, const cnn_op *op, const void *attrs, const cnn_value *in,
                     uint32_t n_in, const cnn_value *out, uint32_t role)
{
    g->nodes = cnn_arena_grow(g->arena, g->nodes, g->n_nodes, sizeof *g->nodes);
    g->nodes[g->n_nodes++] =
        (cnn_node){ .op = op,
                    .attrs = op->c.params_size > 0 ? cnn_attrs_copy(op, attrs, g->arena) : NULL,
                    .in = cnn_arena_copy(g->arena, in, n_in * sizeof *in),
                    .out = cnn_arena_copy(g->arena, out, op->n_out * sizeof *out),
                    .n_in = n_in,
                    .n_out = op->n_out,
                    .layer = g->path,
                    .backend = g->backend,
                    .phase = g->phase,
                    .batch_role = role };
}

/* Infers the results and writes the node; the inputs are known to exist. */
static cnn_status write_op(cnn_graph *g, const cnn_op *op, const void *attrs, const cnn_value *in,
                           uint32_t n_in, cnn_value *out, cnn_error *err)
{
    cnn_type *types = CNN_NEW_ARRAY(g->arena, cnn_type, n_in + op->n_out);
    cnn_type *results = types + n_in;
    bool *batched = CNN_NEW_ARRAY(g->arena, bool, n_in);
    for (uint32_t i = 0; i < n_in; i++) {
        types[i] = g->values[in[i]].type;
        batched[i] = g->values[in[i]].batched != 0;
    }
    cnn_status status = op->infer(attrs, types, n_in, results, err);
    for (uint32_t i = 0; i < op->n_out && status == CNN_OK; i++)
        status = cnn_type_check(&results[i], err);
    if (status != CNN_OK)
        return status;
    uint32_t role = role_of(op, attrs, types, batched, n_in);
    for (uint32_t i = 0; i < op->n_out; i++) {
        out[i] = cnn_graph_add_value(g, g->path, &results[i], CNN_VALUE_TEMP,
                                     keeps_batch(g, role, types, batched, n_in, &results[i]));
        g->values[out[i]].producer = (int32_t)g->n_nodes;
    }
    add_node(g, op, attrs, in, n_in, out, role);
    return CNN_OK;
}

cnn_status cnn_builder_op(cnn_builder *b, const char *name, const void *attrs, const cnn_value *in,
                          uint32_t n_in, cnn_value *out, uint32_t n_out)
{
    cnn_graph *g = cnn_graph_of(b);
    cnn_error err = { .text = "", .hint = "" };
    const cnn_component *component;
    cnn_value run[2];
    for (uint32_t i = 0; i < n_out; i++)
        out[i] = CNN_NONE;
    if (g->failed)
        return CNN_INVALID;
    cnn_status status = cnn_registry_find(g->registry, CNN_KIND_OP, name, &component, &err);
    if (status != CNN_OK) {
        cnn_graph_fail(g, err.hint, "%s", err.text);
        return status;
    }
    if (n_in == 0 && strcmp(name, "random") == 0) {
        run[0] = cnn_graph_seed(g);
        run[1] = cnn_graph_step(g);
        in = run;
        n_in = 2;
    }
    const cnn_op *op = (const cnn_op *)component;
    status = check_call(g, op, attrs, in, n_in, n_out, &err);
    if (status == CNN_OK)
        status = write_op(g, op, attrs, in, n_in, out, &err);
    if (status != CNN_OK)
        fail_op(g, name, &err);
    return status;
}

/* ---- the rest */

static void api_assign(cnn_builder *b, cnn_value state, cnn_value value)
{
    char old[160], new[160];
    cnn_graph *g = cnn_graph_of(b);
    if (g->failed)
        return;
    if (!cnn_graph_has(g, state) || !cnn_graph_has(g, value) ||
        g->values[state].kind != CNN_VALUE_STATE) {
        cnn_graph_fail(g, "", "assigns to what is no weight or state");
        return;
    }
    const cnn_value_info *s = &g->values[state], *v = &g->values[value];
    if (!cnn_same_type(&s->type, &v->type)) {
        cnn_type_text(&s->type, true, old, sizeof old);
        cnn_type_text(&v->type, true, new, sizeof new);
        cnn_graph_fail(g, "", "assigns %s to '%s', which is %s", new, s->name, old);
        return;
    }
    for (uint32_t i = 0; i < g->n_assigns; i++)
        if (g->assigns[i].state == state) {
            cnn_graph_fail(g, "", "assigns to '%s' twice in a step", s->name);
            return;
        }
    g->assigns = cnn_arena_grow(g->arena, g->assigns, g->n_assigns, sizeof *g->assigns);
    g->assigns[g->n_assigns++] = (cnn_assignment){ state, value };
}

static void api_reject(cnn_builder *b, const char *text, const char *hint)
{
    cnn_graph_fail(cnn_graph_of(b), hint, "%s", text);
}

/* Numbered by layer, so that dropout has the same numbers whatever other layers draw in a mode. */
static uint32_t api_stream(cnn_builder *b)
{
    cnn_graph *g = cnn_graph_of(b);
    if (g->n_streams == STREAMS_PER_LAYER)
        cnn_graph_fail(g, "", "draws random numbers more than %d times", STREAMS_PER_LAYER);
    return g->failed ? 0 : g->n_layers * STREAMS_PER_LAYER + g->n_streams++;
}

cnn_builder_api cnn_graph_api(uint32_t mode)
{
    return (cnn_builder_api){ .size = sizeof(cnn_builder_api),
                              .mode = mode,
                              .input_count = api_input_count,
                              .input = api_input,
                              .input_name = api_input_name,
                              .target = api_target,
                              .classes = api_classes,
                              .type = api_type,
                              .weight = api_weight,
                              .state = api_state,
                              .constant = api_constant,
                              .number = cnn_builder_number,
                              .map = cnn_builder_map,
                              .expand = cnn_builder_expand,
                              .op = cnn_builder_op,
                              .assign = api_assign,
                              .reject = api_reject,
                              .stream = api_stream };
}
