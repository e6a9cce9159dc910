/* Softmax and cross-entropy; the largest element is subtracted first, so that nothing overflows. */
#include <math.h>

#include "kernels.h"

/* Elements of one line along the axis are `stride` apart. */
typedef struct lines {
    int64_t count, length, stride;
} lines;

static lines lines_of(const cnn_type *t, int64_t axis)
{
    uint32_t a = (uint32_t)axis;
    lines l = { 0, t->dim[a], cnn_span(t, a + 1, t->rank) };
    l.count = cnn_span(t, 0, a) * l.stride;
    return l;
}

static int64_t line_start(const lines *l, int64_t i)
{
    return i / l->stride * l->length * l->stride + i % l->stride;
}

/* log(sum(exp(x))) of a line. */
static double log_sum(const float *x, const lines *l)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t k = 0; k < l->length; k++)
        largest = (double)x[k * l->stride] > largest ? (double)x[k * l->stride] : largest;
    for (int64_t k = 0; k < l->length; k++)
        sum += exp((double)x[k * l->stride] - largest);
    return largest + log(sum);
}

static void softmax_line(const cnn_kernel_args *args, int64_t i)
{
    const cnn_softmax_attrs *attrs = args->attrs;
    const lines l = lines_of(&args->in[0].type, attrs->axis);
    const float *x = cnn_f32(&args->in[0]) + line_start(&l, i);
    float *y = cnn_f32(&args->out[0]) + line_start(&l, i);
    double all = log_sum(x, &l);
    for (int64_t k = 0; k < l.length; k++) {
        double log_p = (double)x[k * l.stride] - all;
        y[k * l.stride] = (float)(attrs->log ? log_p : exp(log_p));
    }
}

cnn_status reference_softmax(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_softmax_attrs *attrs = args->attrs;
    (void)err;
    return reference_parallel(args, lines_of(&args->in[0].type, attrs->axis).count, softmax_line);
}

/* in: y, dy. dx = y (dy - sum(y dy)), or for the logarithm dy - exp(y) sum(dy). */
static void softmax_grad_line(const cnn_kernel_args *args, int64_t i)
{
    const cnn_softmax_attrs *attrs = args->attrs;
    const lines l = lines_of(&args->in[0].type, attrs->axis);
    const float *y = cnn_f32(&args->in[0]) + line_start(&l, i);
    const float *dy = cnn_f32(&args->in[1]) + line_start(&l, i);
    float *dx = cnn_f32(&args->out[0]) + line_start(&l, i);
    double sum = 0;
    for (int64_t k = 0; k < l.length; k++)
        sum += (double)dy[k * l.stride] * (attrs->log ? 1 : (double)y[k * l.stride]);
    for (int64_t k = 0; k < l.length; k++) {
        double p = (double)y[k * l.stride], d = (double)dy[k * l.stride];
        dx[k * l.stride] = (float)(attrs->log ? d - exp(p) * sum : p * (d - sum));
    }
}

cnn_status reference_softmax_grad(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_softmax_attrs *attrs = args->attrs;
    (void)err;
    return reference_parallel(args, lines_of(&args->in[0].type, attrs->axis).count,
                              softmax_grad_line);
}

/* Every target is a class or ignored. */
static cnn_status check_targets(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_cross_entropy_attrs *attrs = args->attrs;
    const int32_t *target = cnn_i32(&args->in[1]);
    int64_t classes = args->in[0].type.dim[1];
    for (int64_t i = 0; i < cnn_count(&args->in[1].type); i++)
        if (target[i] != attrs->ignore_index && (target[i] < 0 || target[i] >= classes)) {
            (void)cnn_fail(err, CNN_INVALID,
                           "target number %lld is class %d, but the model gives %lld classes",
                           (long long)i, target[i], (long long)classes);
            cnn_hint(err,
                     "classes count from 0; `linear: classes` takes their number from the data");
            return CNN_INVALID;
        }
    return CNN_OK;
}

/* loss = (1 - e) (lse - x[t]) + e (lse - mean(x)) */
static void cross_entropy_line(const cnn_kernel_args *args, int64_t i)
{
    const cnn_cross_entropy_attrs *attrs = args->attrs;
    const lines l = lines_of(&args->in[0].type, 1);
    const float *x = cnn_f32(&args->in[0]) + line_start(&l, i);
    int32_t target = cnn_i32(&args->in[1])[i];
    double e = attrs->label_smoothing, mean = 0;
    if (target == attrs->ignore_index) {
        cnn_f32(&args->out[0])[i] = 0;
        return;
    }
    double all = log_sum(x, &l);
    for (int64_t k = 0; e > 0 && k < l.length; k++)
        mean += (double)x[k * l.stride] / (double)l.length;
    double loss = (1 - e) * (all - (double)x[target * l.stride]);
    cnn_f32(&args->out[0])[i] = (float)(e > 0 ? loss + e * (all - mean) : loss);
}

cnn_status reference_cross_entropy(const cnn_kernel_args *args, cnn_error *err)
{
    cnn_status status = check_targets(args, err);
    if (status != CNN_OK)
        return status;
    return reference_parallel(args, lines_of(&args->in[0].type, 1).count, cross_entropy_line);
}

/* dx = dloss (softmax(x) - target distribution) */
static void cross_entropy_grad_line(const cnn_kernel_args *args, int64_t i)
{
    const cnn_cross_entropy_attrs *attrs = args->attrs;
    const lines l = lines_of(&args->in[0].type, 1);
    const float *x = cnn_f32(&args->in[0]) + line_start(&l, i);
    float *dx = cnn_f32(&args->out[0]) + line_start(&l, i);
    int32_t target = cnn_i32(&args->in[1])[i];
    double d = target == attrs->ignore_index ? 0 : (double)cnn_f32(&args->in[2])[i];
    double all = log_sum(x, &l), e = attrs->label_smoothing;
    for (int64_t k = 0; k < l.length; k++) {
        double want = e / (double)l.length + (k == target ? 1 - e : 0);
        dx[k * l.stride] = (float)(d * (exp((double)x[k * l.stride] - all) - want));
    }
}

cnn_status reference_cross_entropy_grad(const cnn_kernel_args *args, cnn_error *err)
{
    cnn_status status = check_targets(args, err);
    if (status != CNN_OK)
        return status;
    return reference_parallel(args, lines_of(&args->in[0].type, 1).count, cross_entropy_grad_line);
}
