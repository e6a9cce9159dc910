/* The builder's api: what plugins call is checked here, and written down as values and nodes.
 *
 * A result is batched (axis 0 is the batch) where samples stay apart: PER_SAMPLE ops with a batched
 * input. SUMS ops have used the batch up. COUPLED ops may or may not keep it: their results count
 * as batched if they have as many axes as a batched input, and the batch on axis 0. */
#include "graph_internal.h"

#include <string.h>

#include "init.h"

enum { STREAMS_PER_LAYER = 256 };

static cnn_graph *graph_of(cnn_builder *b)
{
    return (cnn_graph *)b;
}

static bool exists(const cnn_graph *g, cnn_value v)
{
    return v >= 0 && (uint32_t)v < g->n_values;
}

/* ---- what the layer was given */

static uint32_t api_input_count(cnn_builder *b)
{
    return graph_of(b)->n_layer_in;
}

static cnn_value api_input(cnn_builder *b, uint32_t index)
{
    cnn_graph *g = graph_of(b);
    if (g->failed)
        return CNN_NONE;
    if (index < g->n_layer_in)
        return g->layer_in[index];
    cnn_graph_fail(g, "", "wants input number %u, but has %u", index + 1, g->n_layer_in);
    return CNN_NONE;
}

static const char *api_input_name(cnn_builder *b, uint32_t index)
{
    const cnn_graph *g = graph_of(b);
    if (g->layer_in_names == NULL || index >= g->n_layer_in || g->layer_in_names[index] == NULL)
        return "";
    return g->layer_in_names[index];
}

static cnn_value api_target(cnn_builder *b)
{
    cnn_graph *g = graph_of(b);
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
    return graph_of(b)->data.classes;
}

static const cnn_type *api_type(cnn_builder *b, cnn_value v)
{
    static const cnn_type scalar = { .dtype = CNN_F32 };
    const cnn_graph *g = graph_of(b);
    return exists(g, v) ? &g->values[v].type : &scalar;
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
    cnn_graph *g = graph_of(b);
    if (!g->failed && type->dtype != CNN_F32) {
        cnn_graph_fail(g, "", "its weight '%s' must be f32", name);
        return CNN_NONE;
    }
    return leaf(g, name, type, init, true);
}

static cnn_value api_state(cnn_builder *b, const char *name, const cnn_type *type, double fill)
{
    const cnn_init init = { .kind = CNN_INIT_CONSTANT, .a = fill };
    return leaf(graph_of(b), name, type, &init, false);
}

static cnn_value api_constant(cnn_builder *b, const cnn_type *type, const void *data)
{
    cnn_graph *g = graph_of(b);
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
        if (!exists(g, in[i]))
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

static cnn_status api_op(cnn_builder *b, const char *name, const void *attrs, const cnn_value *in,
                         uint32_t n_in, cnn_value *out, uint32_t n_out)
{
    cnn_graph *g = graph_of(b);
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

/* ---- maps */

/* NumPy's rule, aligned on the right. */
static bool broadcast(cnn_type *to, const cnn_type *with)
{
    cnn_type wide = to->rank >= with->rank ? *to : *with;
    for (uint32_t k = 1; k <= wide.rank; k++) {
        int64_t a = k <= to->rank ? to->dim[to->rank - k] : 1;
        int64_t b = k <= with->rank ? with->dim[with->rank - k] : 1;
        if (a != b && a != 1 && b != 1)
            return false;
        wide.dim[wide.rank - k] = a == 1 ? b : a;
    }
    *to = wide;
    return true;
}

static bool is_f32(cnn_graph *g, cnn_value v)
{
    uint32_t dtype = g->values[v].type.dtype;
    if (dtype == CNN_F32)
        return true;
    cnn_graph_fail(g, "convert with cnn_cast first; pixels with the transform `to_float`",
                   "computes with %s numbers, but elementwise arithmetic is on f32 only",
                   dtype == CNN_U8 ? "u8" : "i32");
    return false;
}

static cnn_value write_map(cnn_graph *g, const cnn_term *terms, uint32_t n_terms,
                           const cnn_value *in, uint32_t n_in, const cnn_type *shape)
{
    const cnn_map_attrs attrs = { .expr = { n_terms, terms },
                                  .dims = { shape->rank, -1, shape->dim } };
    cnn_value out = CNN_NONE;
    (void)api_op(&g->builder, "map", &attrs, in, n_in, &out, 1);
    return out;
}

static cnn_value api_number(cnn_builder *b, double k)
{
    const cnn_term term = { .op = CNN_TERM_CONST, .a = -1, .b = -1, .c = -1, .k = k };
    const cnn_type scalar = cnn_scalar_type(CNN_F32);
    return write_map(graph_of(b), &term, 1, NULL, 0, &scalar);
}

static cnn_value api_expand(cnn_builder *b, cnn_value v, const cnn_type *type)
{
    const cnn_term term = { .op = CNN_TERM_INPUT, .a = 0, .b = -1, .c = -1 };
    char from[160], to[160];
    cnn_graph *g = graph_of(b);
    if (g->failed || !exists(g, v) || !is_f32(g, v))
        return CNN_NONE;
    cnn_type wide = *type;
    if (cnn_same_shape(&g->values[v].type, type))
        return v;
    if (broadcast(&wide, &g->values[v].type) && cnn_same_shape(&wide, type))
        return write_map(g, &term, 1, &v, 1, type);
    cnn_type_text(&g->values[v].type, false, from, sizeof from);
    cnn_type_text(type, false, to, sizeof to);
    cnn_graph_fail(g, "", "the shape %s cannot be expanded to %s", from, to);
    return CNN_NONE;
}

/* Place of v among the inputs; a value that is used twice is one input. */
static int32_t input_number(cnn_value v, cnn_value *in, uint32_t *n_in)
{
    for (uint32_t i = 0; i < *n_in; i++)
        if (in[i] == v)
            return (int32_t)i;
    in[*n_in] = v;
    return (int32_t)(*n_in)++;
}

static bool check_operand(cnn_graph *g, cnn_value v, cnn_type *shape)
{
    char mine[160], other[160];
    if (!exists(g, v)) {
        cnn_graph_fail(g, "", "computes with a value that does not exist");
        return false;
    }
    if (!is_f32(g, v))
        return false;
    cnn_type_text(shape, false, mine, sizeof mine);
    if (broadcast(shape, &g->values[v].type))
        return true;
    cnn_type_text(&g->values[v].type, false, other, sizeof other);
    cnn_graph_fail(g, "from the right, each axis must be equal or 1",
                   "the shapes %s and %s do not fit together", mine, other);
    return false;
}

static cnn_value api_map(cnn_builder *b, uint32_t term_op, cnn_value x, cnn_value y, cnn_value z)
{
    cnn_graph *g = graph_of(b);
    const cnn_value operands[3] = { x, y, z };
    int32_t at[3] = { -1, -1, -1 };
    cnn_value in[3];
    cnn_term terms[4];
    uint32_t n_in = 0;
    cnn_type shape = cnn_scalar_type(CNN_F32);
    if (g->failed)
        return CNN_NONE;
    if (term_op < CNN_TERM_NEG || term_op >= CNN_TERM_OP_COUNT) {
        cnn_graph_fail(g, "", "uses the unknown elementwise operation %u", term_op);
        return CNN_NONE;
    }
    for (int i = 0; i < cnn_term_arity(term_op); i++) {
        if (!check_operand(g, operands[i], &shape))
            return CNN_NONE;
        at[i] = input_number(operands[i], in, &n_in);
    }
    for (uint32_t i = 0; i < n_in; i++)
        terms[i] = (cnn_term){ .op = CNN_TERM_INPUT, .a = (int32_t)i, .b = -1, .c = -1 };
    terms[n_in] = (cnn_term){ .op = term_op, .a = at[0], .b = at[1], .c = at[2] };
    return write_map(g, terms, n_in + 1, in, n_in, &shape);
}

/* ---- the rest */

static void api_assign(cnn_builder *b, cnn_value state, cnn_value value)
{
    char old[160], new[160];
    cnn_graph *g = graph_of(b);
    if (g->failed)
        return;
    if (!exists(g, state) || !exists(g, value) || g->values[state].kind != CNN_VALUE_STATE) {
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
    cnn_graph_fail(graph_of(b), hint, "%s", text);
}

/* Numbered by layer, so that dropout has the same numbers whatever other layers draw in a mode. */
static uint32_t api_stream(cnn_builder *b)
{
    cnn_graph *g = graph_of(b);
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
                              .number = api_number,
                              .map = api_map,
                              .expand = api_expand,
                              .op = api_op,
                              .assign = api_assign,
                              .reject = api_reject,
                              .stream = api_stream };
}
