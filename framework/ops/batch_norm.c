/* batch_norm over the batch and space, per channel, and its gradient (Ioffe and Szegedy, "Batch
 * Normalization", 2015). Training only: with running statistics it is a map. */
#include "ops_internal.h"

static cnn_status check_vector(const cnn_type *v, const char *what, int64_t channels,
                               cnn_error *err)
{
    if (v->dtype == CNN_F32 && v->rank == 1 && v->dim[0] == channels)
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID, "%s is %s %s, but the input has %lld channels", what,
                    cnn_op_dtype(v->dtype), cnn_op_shape(v).s, (long long)channels);
}

static cnn_status check_input(const cnn_type *x, const void *attrs, cnn_error *err)
{
    double eps = ((const cnn_batch_norm_attrs *)attrs)->eps;
    cnn_status status = cnn_op_check_dtype(x, "the input", CNN_F32, err);
    if (status != CNN_OK)
        return status;
    if (x->rank < 2)
        return cnn_fail(err, CNN_INVALID, "the input %s has no channel axis (N, C, ...)",
                        cnn_op_shape(x).s);
    if (!(eps >= 0.0))
        return cnn_fail(err, CNN_INVALID, "eps %g must not be negative", eps);
    if (cnn_count(x) / x->dim[1] > 1)
        return CNN_OK;
    status = cnn_fail(err, CNN_INVALID,
                      "the input %s has a single value per channel: it has no variance",
                      cnn_op_shape(x).s);
    cnn_hint(err, "use a larger batch; drop_last leaves out a last batch that is too small");
    return status;
}

cnn_status cnn_batch_norm_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                                cnn_error *err)
{
    (void)n_in;
    cnn_status status = check_input(&in[0], attrs, err);
    if (status == CNN_OK)
        status = check_vector(&in[1], "the weight", in[0].dim[1], err);
    if (status == CNN_OK)
        status = check_vector(&in[2], "the bias", in[0].dim[1], err);
    if (status != CNN_OK)
        return status;
    out[0] = in[0];
    out[1] = out[2] = in[1];
    return CNN_OK;
}

cnn_status cnn_batch_norm_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                     cnn_type *out, cnn_error *err)
{
    static const char *const names[] = { "", "the weight", "the mean", "the variance" };
    (void)n_in;
    cnn_status status = check_input(&in[0], attrs, err);
    for (uint32_t i = 1; i < 4 && status == CNN_OK; i++)
        status = check_vector(&in[i], names[i], in[0].dim[1], err);
    if (status == CNN_OK)
        status = cnn_op_check_same(&in[0], "the input", &in[4], "the gradient", err);
    if (status != CNN_OK)
        return status;
    out[0] = in[0];
    out[1] = out[2] = in[1];
    return CNN_OK;
}

void cnn_batch_norm_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    if (dy[1] != CNN_NONE || dy[2] != CNN_NONE) {
        (void)cnn_reject_hint(b, "compute them with reduce where they are part of the loss",
                              "batch_norm has no gradient by way of its mean and variance");
        return;
    }
    cnn_value in[5] = { call->in[0], call->in[1], call->out[1], call->out[2], dy[0] };
    cnn_value out[3] = { CNN_NONE, CNN_NONE, CNN_NONE };
    (void)cnn_op_n(b, "batch_norm_grad", call->attrs, in, 5, out, 3);
    for (int i = 0; i < 3; i++)
        if (call->wanted[i])
            dx[i] = out[i];
}
