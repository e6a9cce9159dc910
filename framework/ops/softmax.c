/* softmax (or its logarithm) along one axis, cross_entropy, and their gradients. */
#include "ops_internal.h"

cnn_status cnn_softmax_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                             cnn_error *err)
{
    (void)n_in;
    cnn_status status = cnn_op_check_dtype(&in[0], "the input", CNN_F32, err);
    if (status == CNN_OK)
        status = cnn_op_check_axis(((const cnn_softmax_attrs *)attrs)->axis, &in[0], err);
    *out = in[0];
    return status;
}

cnn_status cnn_softmax_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                  cnn_type *out, cnn_error *err)
{
    cnn_status status = cnn_softmax_infer(attrs, in, n_in, out, err);
    return status == CNN_OK ? cnn_op_check_same(&in[0], "the result", &in[1], "its gradient", err)
                            : status;
}

void cnn_softmax_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_value in[2] = { call->out[0], dy[0] };
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "softmax_grad", call->attrs, in, 2);
}

uint32_t cnn_softmax_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    (void)in, (void)batched, (void)n_in;
    return ((const cnn_softmax_attrs *)attrs)->axis == 0 ? CNN_BATCH_COUPLED : CNN_BATCH_PER_SAMPLE;
}

/* The type of the targets and losses of scores x[N,C,...]: [N,...]. */
static cnn_status without_classes(const cnn_type *x, cnn_dtype dtype, cnn_type *out, cnn_error *err)
{
    cnn_status status = cnn_op_check_dtype(x, "the input", CNN_F32, err);
    if (status != CNN_OK)
        return status;
    if (x->rank < 2)
        return cnn_fail(err, CNN_INVALID, "the input %s has no class axis (N, C, ...)",
                        cnn_op_shape(x).s);
    int64_t dims[CNN_MAX_RANK] = { x->dim[0] };
    for (uint32_t i = 2; i < x->rank; i++)
        dims[i - 1] = x->dim[i];
    return cnn_op_result(out, (uint32_t)dtype, x->rank - 1, dims, err);
}

cnn_status cnn_cross_entropy_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                   cnn_type *out, cnn_error *err)
{
    const cnn_cross_entropy_attrs *a = attrs;
    cnn_type target;
    (void)n_in;
    cnn_status status = without_classes(&in[0], CNN_I32, &target, err);
    if (status != CNN_OK)
        return status;
    if (!cnn_same_type(&target, &in[1])) {
        status = cnn_fail(err, CNN_INVALID, "scores %s need labels i32 %s, but the target is %s %s",
                          cnn_op_shape(&in[0]).s, cnn_op_shape(&target).s,
                          cnn_op_dtype(in[1].dtype), cnn_op_shape(&in[1]).s);
        if (in[0].rank > 2 && in[1].rank == 1)
            cnn_hint(err, "flatten and a linear layer at the end give one score per class");
        return status;
    }
    if (!(a->label_smoothing >= 0.0 && a->label_smoothing <= 1.0))
        return cnn_fail(err, CNN_INVALID, "label_smoothing %g must lie between 0 and 1",
                        a->label_smoothing);
    return without_classes(&in[0], CNN_F32, out, err);
}

cnn_status cnn_cross_entropy_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                        cnn_type *out, cnn_error *err)
{
    cnn_type loss;
    (void)n_in;
    cnn_status status = cnn_cross_entropy_infer(attrs, in, 2, &loss, err);
    if (status == CNN_OK)
        status = cnn_op_check_same(&loss, "the loss", &in[2], "its gradient", err);
    *out = in[0];
    return status;
}

void cnn_cross_entropy_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy,
                            cnn_value *dx)
{
    cnn_value in[3] = { call->in[0], call->in[1], dy[0] };
    if (call->wanted[0])
        dx[0] = cnn_op1(b, "cross_entropy_grad", call->attrs, in, 3);
}
