/* Elementwise arithmetic: each call is a `map` of one term. Neighbours are composed later, on the
 * whole graph. */
#include "graph_internal.h"

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
    (void)cnn_builder_op(&g->builder, "map", &attrs, in, n_in, &out, 1);
    return out;
}

cnn_value cnn_builder_number(cnn_builder *b, double k)
{
    const cnn_term term = { .op = CNN_TERM_CONST, .a = -1, .b = -1, .c = -1, .k = k };
    const cnn_type scalar = cnn_scalar_type(CNN_F32);
    return write_map(cnn_graph_of(b), &term, 1, NULL, 0, &scalar);
}

cnn_value cnn_builder_expand(cnn_builder *b, cnn_value v, const cnn_type *type)
{
    const cnn_term term = { .op = CNN_TERM_INPUT, .a = 0, .b = -1, .c = -1 };
    char from[160], to[160];
    cnn_graph *g = cnn_graph_of(b);
    if (g->failed || !cnn_graph_has(g, v) || !is_f32(g, v))
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
    if (!cnn_graph_has(g, v)) {
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

cnn_value cnn_builder_map(cnn_builder *b, uint32_t term_op, cnn_value x, cnn_value y, cnn_value z)
{
    cnn_graph *g = cnn_graph_of(b);
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
