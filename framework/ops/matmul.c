/* matmul: op(a)[M,K] op(b)[K,N]; each operand may be stored transposed. */
#include "ops_internal.h"

cnn_status cnn_matmul_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                            cnn_error *err)
{
    const cnn_matmul_attrs *t = attrs;
    (void)n_in;
    cnn_status status = cnn_op_check_type(&in[0], "the left factor", CNN_F32, 2, err);
    if (status == CNN_OK)
        status = cnn_op_check_type(&in[1], "the right factor", CNN_F32, 2, err);
    if (status != CNN_OK)
        return status;
    int64_t inner_a = in[0].dim[t->trans_a ? 0 : 1], inner_b = in[1].dim[t->trans_b ? 1 : 0];
    if (inner_a != inner_b)
        return cnn_fail(
            err, CNN_INVALID, "cannot multiply %s%s by %s%s: the inner sizes are %lld and %lld",
            cnn_op_shape(&in[0]).s, t->trans_a ? " transposed" : "", cnn_op_shape(&in[1]).s,
            t->trans_b ? " transposed" : "", (long long)inner_a, (long long)inner_b);
    int64_t dims[2] = { in[0].dim[t->trans_a ? 1 : 0], in[1].dim[t->trans_b ? 0 : 1] };
    return cnn_op_result(out, CNN_F32, 2, dims, err);
}

/* With A = op(a), B = op(b): dA = dY B', dB = A' dY; written so that nothing is transposed in
 * memory. */
void cnn_matmul_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    const cnn_matmul_attrs *t = call->attrs;
    cnn_value left = call->in[0], right = call->in[1];
    if (call->wanted[0])
        dx[0] = t->trans_a ? cnn_matmul(b, right, dy[0], t->trans_b, true)
                           : cnn_matmul(b, dy[0], right, false, !t->trans_b);
    if (call->wanted[1])
        dx[1] = t->trans_b ? cnn_matmul(b, dy[0], left, true, t->trans_a)
                           : cnn_matmul(b, left, dy[0], !t->trans_a, false);
}

uint32_t cnn_matmul_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    const cnn_matmul_attrs *t = attrs;
    (void)in, (void)n_in;
    if (batched[0] && !batched[1] && !t->trans_a)
        return CNN_BATCH_PER_SAMPLE;
    if (batched[0] && batched[1] && t->trans_a && !t->trans_b)
        return CNN_BATCH_SUMS;
    return CNN_BATCH_COUPLED;
}

double cnn_matmul_macs(const void *attrs, const cnn_type *in, const cnn_type *out)
{
    const cnn_matmul_attrs *t = attrs;
    return (double)out->dim[0] * (double)out->dim[1] * (double)in[0].dim[t->trans_a ? 0 : 1];
}
