/* Reductions: each output element walks its inputs in row-major order. */
#include <math.h>

#include "kernels.h"

/* Strides of the axes that stay and of those that are summed over, outermost first. */
typedef struct walk {
    uint32_t n_kept, n_gone;
    int64_t kept_dim[CNN_MAX_RANK], kept_stride[CNN_MAX_RANK];
    int64_t gone_dim[CNN_MAX_RANK], gone_stride[CNN_MAX_RANK];
    int64_t count; /* inputs per output */
} walk;

static walk walk_of(const cnn_type *in, int64_t axes)
{
    walk w = { .count = 1 };
    for (uint32_t i = 0; i < in->rank; i++) {
        int64_t stride = cnn_span(in, i + 1, in->rank);
        if ((axes >> i & 1) != 0) {
            w.gone_dim[w.n_gone] = in->dim[i];
            w.gone_stride[w.n_gone++] = stride;
            w.count *= in->dim[i];
        } else {
            w.kept_dim[w.n_kept] = in->dim[i];
            w.kept_stride[w.n_kept++] = stride;
        }
    }
    return w;
}

/* Offset of element i of the axes given by dims and strides. */
static int64_t offset_of(int64_t i, uint32_t n, const int64_t *dim, const int64_t *stride)
{
    int64_t offset = 0;
    for (uint32_t k = n; k > 0; k--) {
        offset += i % dim[k - 1] * stride[k - 1];
        i /= dim[k - 1];
    }
    return offset;
}

static double larger(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static void reduce_one(const cnn_kernel_args *args, int64_t i)
{
    const cnn_reduce_attrs *attrs = args->attrs;
    const walk w = walk_of(&args->in[0].type, attrs->axes);
    const float *x = cnn_f32(&args->in[0]) + offset_of(i, w.n_kept, w.kept_dim, w.kept_stride);
    int64_t inner = w.n_gone > 0 ? w.gone_dim[w.n_gone - 1] : 1;
    int64_t stride = w.n_gone > 0 ? w.gone_stride[w.n_gone - 1] : 1;
    double sum = 0, most = -INFINITY;
    for (int64_t k = 0; k < w.count; k += inner) {
        const float *row = x + offset_of(k, w.n_gone, w.gone_dim, w.gone_stride);
        if (attrs->kind == CNN_REDUCE_MAX)
            for (int64_t j = 0; j < inner; j++)
                most = larger(most, (double)row[j * stride]);
        else
            for (int64_t j = 0; j < inner; j++)
                sum += (double)row[j * stride];
    }
    double result = attrs->kind == CNN_REDUCE_MAX    ? most
                    : attrs->kind == CNN_REDUCE_MEAN ? sum / (double)w.count
                                                     : sum;
    cnn_f32(&args->out[0])[i] = (float)result;
}

cnn_status reference_reduce(const cnn_kernel_args *args, cnn_error *err)
{
    (void)err;
    return reference_parallel(args, cnn_count(&args->out[0].type), reduce_one);
}

/* Of equal values the first; NaN wins. */
static void argmax_line(const cnn_kernel_args *args, int64_t i)
{
    const cnn_axis_attrs *attrs = args->attrs;
    const cnn_type *in = &args->in[0].type;
    uint32_t axis = (uint32_t)attrs->axis;
    int64_t length = in->dim[axis], stride = cnn_span(in, axis + 1, in->rank), best = 0;
    const float *x = cnn_f32(&args->in[0]) + i / stride * length * stride + i % stride;
    for (int64_t k = 1; k < length; k++)
        if (x[k * stride] > x[best * stride] || (isnan(x[k * stride]) && !isnan(x[best * stride])))
            best = k;
    cnn_i32(&args->out[0])[i] = (int32_t)best;
}

cnn_status reference_argmax(const cnn_kernel_args *args, cnn_error *err)
{
    (void)err;
    return reference_parallel(args, cnn_count(&args->out[0].type), argmax_line);
}
