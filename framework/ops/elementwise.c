/* Ops that treat each element alone: random, cast, map, assign. */
#include "ops_internal.h"

cnn_status cnn_random_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                            cnn_error *err)
{
    const cnn_random_attrs *a = attrs;
    const cnn_type seed = cnn_type1(CNN_I32, 2), step = cnn_scalar_type(CNN_I32);
    (void)n_in;
    if (!cnn_same_type(&in[0], &seed) || !cnn_same_type(&in[1], &step))
        return cnn_fail(err, CNN_INVALID,
                        "random takes a seed i32 2 and a step i32 scalar, not %s %s and %s %s",
                        cnn_op_dtype(in[0].dtype), cnn_op_shape(&in[0]).s,
                        cnn_op_dtype(in[1].dtype), cnn_op_shape(&in[1]).s);
    cnn_status status = cnn_op_check_sizes("stream", &a->stream, 1, 0, err);
    return status == CNN_OK ? cnn_op_result(out, CNN_F32, a->dims.count, a->dims.v, err) : status;
}

cnn_status cnn_cast_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                          cnn_error *err)
{
    int32_t choice = ((const cnn_cast_attrs *)attrs)->dtype;
    (void)n_in;
    if (choice < 0 || choice >= CNN_U8)
        return cnn_fail(err, CNN_INVALID, "element type %d does not exist", choice);
    return cnn_op_result(out, (uint32_t)choice + 1, in[0].rank, in[0].dim, err);
}

/* Integers have no gradient: only f32 to f32, which changes nothing, passes one on. */
void cnn_cast_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    bool floats = cnn_type_of(b, call->in[0])->dtype == CNN_F32 &&
                  cnn_type_of(b, call->out[0])->dtype == CNN_F32;
    dx[0] = floats && call->wanted[0] ? dy[0] : CNN_NONE;
}

static cnn_status check_term(const cnn_expr *expr, uint32_t i, uint32_t n_in, cnn_error *err)
{
    const cnn_term *t = &expr->terms[i];
    if (t->op < CNN_TERM_INPUT || t->op >= CNN_TERM_OP_COUNT)
        return cnn_fail(err, CNN_INVALID, "term %u has the unknown operation %u", i, t->op);
    if (t->op == CNN_TERM_INPUT && (t->a < 0 || (uint32_t)t->a >= n_in))
        return cnn_fail(err, CNN_INVALID, "term %u reads input %d of %u", i, t->a, n_in);
    const int32_t operands[3] = { t->a, t->b, t->c };
    for (int k = 0; k < cnn_term_arity(t->op); k++)
        if (operands[k] < 0 || (uint32_t)operands[k] >= i)
            return cnn_fail(err, CNN_INVALID, "term %u reads term %d, which does not come before",
                            i, operands[k]);
    return CNN_OK;
}

static cnn_status check_broadcast(const cnn_type *in, uint32_t i, const cnn_type *out,
                                  cnn_error *err)
{
    bool fits = in->rank <= out->rank;
    for (uint32_t k = 1; fits && k <= in->rank; k++) {
        int64_t dim = in->dim[in->rank - k];
        fits = dim == 1 || dim == out->dim[out->rank - k];
    }
    if (fits)
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID, "input %u of shape %s cannot be broadcast to %s", i + 1,
                    cnn_op_shape(in).s, cnn_op_shape(out).s);
}

cnn_status cnn_map_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                         cnn_error *err)
{
    const cnn_map_attrs *a = attrs;
    cnn_status status = cnn_op_result(out, CNN_F32, a->dims.count, a->dims.v, err);
    for (uint32_t i = 0; i < n_in && status == CNN_OK; i++) {
        status = cnn_op_check_dtype(&in[i], "an operand", CNN_F32, err);
        if (status == CNN_OK)
            status = check_broadcast(&in[i], i, out, err);
    }
    if (status == CNN_OK && (a->expr.count == 0 || a->expr.terms == NULL))
        return cnn_fail(err, CNN_INVALID, "a map without an expression");
    for (uint32_t i = 0; i < a->expr.count && status == CNN_OK; i++)
        status = check_term(&a->expr, i, n_in, err);
    return status;
}

/* PER_SAMPLE if the batch axis of every batched input is axis 0 of the result. */
uint32_t cnn_map_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    const cnn_ints *dims = &((const cnn_map_attrs *)attrs)->dims;
    for (uint32_t i = 0; i < n_in; i++)
        if (batched[i] && (in[i].rank != dims->count || in[i].dim[0] != dims->v[0]))
            return CNN_BATCH_COUPLED;
    return CNN_BATCH_PER_SAMPLE;
}

cnn_status cnn_assign_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                            cnn_error *err)
{
    (void)attrs, (void)n_in, (void)out;
    return cnn_op_check_same(&in[0], "the state", &in[1], "its new value", err);
}

uint32_t cnn_coupled_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    (void)attrs, (void)in, (void)batched, (void)n_in;
    return CNN_BATCH_COUPLED;
}
