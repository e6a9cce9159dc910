/* conv2d and its two gradients. The three are closed: the gradient of each is made of the others,
 * because y is linear in x and in w. */
#include "ops_internal.h"

static cnn_status check_attrs(const cnn_conv2d_attrs *a, cnn_error *err)
{
    cnn_status status = cnn_op_check_sizes("stride", a->stride, 2, 1, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("dilation", a->dilation, 2, 1, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("padding", a->pad, 4, 0, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("groups", &a->groups, 1, 1, err);
    return status;
}

static cnn_status check_groups(int64_t channels, const char *what, int64_t groups, cnn_error *err)
{
    if (channels % groups == 0)
        return CNN_OK;
    cnn_status status =
        cnn_fail(err, CNN_INVALID, "%lld %s channels cannot be divided into %lld groups",
                 (long long)channels, what, (long long)groups);
    cnn_hint(err, "groups must divide the input's and the output's channels");
    return status;
}

static cnn_op_windows windows(const cnn_conv2d_attrs *a, const int64_t *kernel)
{
    return (cnn_op_windows){ kernel, a->stride, a->dilation, a->pad, false };
}

cnn_status cnn_conv2d_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                            cnn_error *err)
{
    const cnn_conv2d_attrs *a = attrs;
    const cnn_type *x = &in[0], *w = &in[1];
    (void)n_in;
    cnn_status status = cnn_op_check_type(x, "the input", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = cnn_op_check_type(w, "the weight", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = check_attrs(a, err);
    if (status == CNN_OK)
        status = check_groups(x->dim[1], "input", a->groups, err);
    if (status == CNN_OK)
        status = check_groups(w->dim[0], "output", a->groups, err);
    if (status != CNN_OK)
        return status;
    if (x->dim[1] / a->groups != w->dim[1])
        return cnn_fail(err, CNN_INVALID,
                        "the input has %lld channels in %lld group%s, but the weight %s takes %lld "
                        "per group",
                        (long long)x->dim[1], (long long)a->groups, a->groups == 1 ? "" : "s",
                        cnn_op_shape(w).s, (long long)w->dim[1]);
    int64_t dims[4] = { x->dim[0], w->dim[0], 0, 0 };
    cnn_op_windows slide = windows(a, w->dim + 2);
    status = cnn_op_count_windows(&slide, x->dim + 2, dims + 2, err);
    return status == CNN_OK ? cnn_op_result(out, CNN_F32, 4, dims, err) : status;
}

cnn_status cnn_conv2d_input_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                       cnn_type *out, cnn_error *err)
{
    const cnn_conv2d_attrs *a = attrs;
    const cnn_type *dy = &in[0], *w = &in[1];
    (void)n_in;
    cnn_status status = cnn_op_check_type(dy, "the input", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = cnn_op_check_type(w, "the weight", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = check_attrs(a, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("output size", a->size, 2, 1, err);
    if (status != CNN_OK)
        return status;
    if (dy->dim[1] != w->dim[0])
        return cnn_fail(err, CNN_INVALID,
                        "the input has %lld channels, but the weight %s takes %lld",
                        (long long)dy->dim[1], cnn_op_shape(w).s, (long long)w->dim[0]);
    status = check_groups(w->dim[0], "input", a->groups, err);
    if (status != CNN_OK)
        return status;
    cnn_op_windows slide = windows(a, w->dim + 2);
    status = cnn_op_check_windows(&slide, a->size, dy, err);
    /* groups <= O, so that this product is at most the weight's count */
    int64_t dims[4] = { dy->dim[0], w->dim[1] * a->groups, a->size[0], a->size[1] };
    return status == CNN_OK ? cnn_op_result(out, CNN_F32, 4, dims, err) : status;
}

cnn_status cnn_conv2d_weight_grad_infer(const void *attrs, const cnn_type *in, uint32_t n_in,
                                        cnn_type *out, cnn_error *err)
{
    const cnn_conv2d_attrs *a = attrs;
    const cnn_type *x = &in[0], *dy = &in[1];
    (void)n_in;
    cnn_status status = cnn_op_check_type(x, "the input", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = cnn_op_check_type(dy, "the gradient", CNN_F32, 4, err);
    if (status == CNN_OK)
        status = check_attrs(a, err);
    if (status == CNN_OK)
        status = cnn_op_check_sizes("kernel size", a->size, 2, 1, err);
    if (status == CNN_OK)
        status = check_groups(x->dim[1], "input", a->groups, err);
    if (status == CNN_OK)
        status = check_groups(dy->dim[1], "output", a->groups, err);
    if (status != CNN_OK)
        return status;
    if (x->dim[0] != dy->dim[0])
        return cnn_fail(err, CNN_INVALID, "the input has %lld samples, but the gradient %lld",
                        (long long)x->dim[0], (long long)dy->dim[0]);
    cnn_op_windows slide = windows(a, a->size);
    status = cnn_op_check_windows(&slide, x->dim + 2, dy, err);
    int64_t dims[4] = { dy->dim[1], x->dim[1] / a->groups, a->size[0], a->size[1] };
    return status == CNN_OK ? cnn_op_result(out, CNN_F32, 4, dims, err) : status;
}

/* The attributes with `size` taken from axes 2 and 3 of a value; 0 for the forward op. */
static cnn_conv2d_attrs sized(cnn_builder *b, const void *attrs, cnn_value like)
{
    cnn_conv2d_attrs a = *(const cnn_conv2d_attrs *)attrs;
    a.size[0] = like == CNN_NONE ? 0 : cnn_dim(b, like, 2);
    a.size[1] = like == CNN_NONE ? 0 : cnn_dim(b, like, 3);
    return a;
}

static cnn_value forward(cnn_builder *b, const void *attrs, cnn_value x, cnn_value w)
{
    cnn_conv2d_attrs a = sized(b, attrs, CNN_NONE);
    return cnn_conv2d(b, x, w, &a);
}

static cnn_value input_grad(cnn_builder *b, const void *attrs, cnn_value dy, cnn_value w,
                            cnn_value x)
{
    cnn_conv2d_attrs a = sized(b, attrs, x);
    return cnn_op1(b, "conv2d_input_grad", &a, (cnn_value[]){ dy, w }, 2);
}

static cnn_value weight_grad(cnn_builder *b, const void *attrs, cnn_value x, cnn_value dy,
                             cnn_value w)
{
    cnn_conv2d_attrs a = sized(b, attrs, w);
    return cnn_op1(b, "conv2d_weight_grad", &a, (cnn_value[]){ x, dy }, 2);
}

void cnn_conv2d_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_value x = call->in[0], w = call->in[1];
    if (call->wanted[0])
        dx[0] = input_grad(b, call->attrs, dy[0], w, x);
    if (call->wanted[1])
        dx[1] = weight_grad(b, call->attrs, x, dy[0], w);
}

/* Here the op's own input plays y and the incoming gradient plays x. */
void cnn_conv2d_input_grad_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy,
                                cnn_value *dx)
{
    cnn_value y = call->in[0], w = call->in[1];
    if (call->wanted[0])
        dx[0] = forward(b, call->attrs, dy[0], w);
    if (call->wanted[1])
        dx[1] = weight_grad(b, call->attrs, dy[0], y, w);
}

/* Here the incoming gradient plays w. */
void cnn_conv2d_weight_grad_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy,
                                 cnn_value *dx)
{
    cnn_value x = call->in[0], y = call->in[1];
    if (call->wanted[0])
        dx[0] = input_grad(b, call->attrs, y, dy[0], x);
    if (call->wanted[1])
        dx[1] = forward(b, call->attrs, x, dy[0]);
}

uint32_t cnn_conv2d_role(const void *attrs, const cnn_type *in, const bool *batched, uint32_t n_in)
{
    (void)attrs, (void)in, (void)n_in;
    return batched[1] ? CNN_BATCH_COUPLED : CNN_BATCH_PER_SAMPLE;
}

uint32_t cnn_conv2d_weight_grad_role(const void *attrs, const cnn_type *in, const bool *batched,
                                     uint32_t n_in)
{
    (void)attrs, (void)in, (void)batched, (void)n_in;
    return CNN_BATCH_SUMS;
}

/* N*O*oh*ow outputs times C/G*kh*kw products, whichever of the three is computed. */
static double macs(const cnn_type *y, const cnn_type *w)
{
    double n = 1.0;
    for (uint32_t i = 0; i < 4; i++)
        n *= (double)y->dim[i] * (i == 0 ? 1.0 : (double)w->dim[i]);
    return n;
}

double cnn_conv2d_macs(const void *attrs, const cnn_type *in, const cnn_type *out)
{
    (void)attrs;
    return macs(&out[0], &in[1]);
}

double cnn_conv2d_input_grad_macs(const void *attrs, const cnn_type *in, const cnn_type *out)
{
    (void)attrs, (void)out;
    return macs(&in[0], &in[1]);
}

double cnn_conv2d_weight_grad_macs(const void *attrs, const cnn_type *in, const cnn_type *out)
{
    (void)attrs;
    return macs(&in[1], &out[0]);
}
