/* median_pool2d: the median of each window, of an even number of pixels the lower one of the middle
 * two. No built-in op sorts, so this plugin brings two ops, the pooling and its gradient, each with
 * a kernel in portable C that every backend can fall back to, and one in SPIR-V for GPUs. */
#include <inttypes.h>

#include <cnnrun/plugin.h>

#ifdef CNNRUN_SHADERS
#include "median.comp.h"
#include "median_grad.comp.h"
#endif

enum { MAX_KERNEL = 15 };

typedef struct median_params {
    int64_t kernel_size;
    int64_t stride; /* 0: the kernel's size */
} median_params;

static const cnn_param params[] = {
    { CNN_FIELD(median_params, kernel_size, INT), .min = 1, .max = MAX_KERNEL, .unit = "pixels",
      .help = "height and width of a window" },
    { CNN_FIELD(median_params, stride, INT), .def = "0", .min = 0, .max = 1024, .unit = "pixels",
      .help = "distance between neighbouring windows; 0: the kernel's size" },
};

/* ---- what both kernels do: find the median's place in a window */

/* Index in the plane x[h, w] of the median of the window at (y0, x0). Insertion sort: it is stable,
 * so of equal pixels the first in reading order counts, in the gradient too. */
static int64_t median(const float *plane, int64_t w, int64_t y0, int64_t x0, int64_t k)
{
    int64_t sorted[MAX_KERNEL * MAX_KERNEL];
    int64_t n = 0;
    for (int64_t y = y0; y < y0 + k; y++) {
        for (int64_t x = x0; x < x0 + k; x++) {
            int64_t at = n++;
            for (; at > 0 && plane[sorted[at - 1]] > plane[y * w + x]; at--)
                sorted[at] = sorted[at - 1];
            sorted[at] = y * w + x;
        }
    }
    return sorted[(n - 1) / 2];
}

typedef struct job {
    const float *x, *dy; /* [planes, h, w], [planes, oh, ow] or NULL */
    float *out;          /* y like dy, or dx like x */
    int64_t h, w, oh, ow, k, s;
} job;

/* One plane (a channel of a sample) is one task: no two tasks write the same number. */
static void forward(void *context, uint32_t plane)
{
    const job *j = context;
    const float *x = j->x + (int64_t)plane * j->h * j->w;
    float *y = j->out + (int64_t)plane * j->oh * j->ow;
    for (int64_t r = 0; r < j->oh; r++)
        for (int64_t c = 0; c < j->ow; c++)
            *y++ = x[median(x, j->w, r * j->s, c * j->s, j->k)];
}

/* Each dy goes to the pixel that was the median; a pixel may be that of several windows. */
static void backward(void *context, uint32_t plane)
{
    const job *j = context;
    const float *x = j->x + (int64_t)plane * j->h * j->w;
    const float *dy = j->dy + (int64_t)plane * j->oh * j->ow;
    float *dx = j->out + (int64_t)plane * j->h * j->w;
    for (int64_t i = 0; i < j->h * j->w; i++)
        dx[i] = 0.0f;
    for (int64_t r = 0; r < j->oh; r++)
        for (int64_t c = 0; c < j->ow; c++)
            dx[median(x, j->w, r * j->s, c * j->s, j->k)] += *dy++;
}

static cnn_status run(const cnn_kernel_args *a, void (*task)(void *, uint32_t))
{
    const median_params *p = a->attrs;
    const cnn_type *x = &a->in[0].type;
    const cnn_type *y = a->n_in == 2 ? &a->in[1].type : &a->out[0].type;
    job j = { .x = cnn_f32(&a->in[0]),
              .dy = a->n_in == 2 ? cnn_f32(&a->in[1]) : NULL,
              .out = cnn_f32(&a->out[0]),
              .h = x->dim[2],
              .w = x->dim[3],
              .oh = y->dim[2],
              .ow = y->dim[3],
              .k = p->kernel_size,
              .s = p->stride };
    a->host->parallel(a->host, (uint32_t)cnn_span(x, 0, 2), task, &j);
    return CNN_OK;
}

static cnn_status run_forward(const cnn_kernel_args *a, cnn_error *err)
{
    (void)err;
    return run(a, forward);
}

static cnn_status run_backward(const cnn_kernel_args *a, cnn_error *err)
{
    (void)err;
    return run(a, backward);
}

#ifdef CNNRUN_SHADERS
/* One invocation for each number of the result: pixels of y forward, of dx backward. The push
 * constants are those of both shaders. */
static cnn_status dispatch(const void *attrs, const cnn_type *in, uint32_t n_in,
                           const cnn_type *out, uint32_t n_out, cnn_dispatch *d, cnn_error *err)
{
    const median_params *p = attrs;
    const cnn_type *y = n_in == 2 ? &in[1] : &out[0];
    const int64_t words[] = { cnn_count(&out[0]), in[0].dim[2],   in[0].dim[3], y->dim[2],
                              y->dim[3],          p->kernel_size, p->stride };
    (void)n_out;
    (void)err;
    d->items = (uint64_t)cnn_count(&out[0]);
    for (; d->n_push < sizeof words / sizeof words[0]; d->n_push++)
        d->push[d->n_push] = (uint32_t)words[d->n_push];
    return CNN_OK;
}

#define SPIRV(words)                                                    \
    {                                                                   \
        .size = sizeof(cnn_kernel), .target = "spirv", .code = (words), \
        .code_bytes = sizeof(words), .dispatch = dispatch               \
    }
#endif

static const cnn_kernel forward_kernels[] = {
    { .size = sizeof(cnn_kernel), .target = "host", .run = run_forward },
#ifdef CNNRUN_SHADERS
    SPIRV(median_spirv),
#endif
};
static const cnn_kernel backward_kernels[] = {
    { .size = sizeof(cnn_kernel), .target = "host", .run = run_backward },
#ifdef CNNRUN_SHADERS
    SPIRV(median_grad_spirv),
#endif
};

/* ---- the ops */

static cnn_status infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                        cnn_error *err)
{
    const median_params *p = attrs;
    (void)n_in;
    if (in[0].dtype != CNN_F32 || in[0].rank != 4)
        return cnn_fail(err, CNN_INVALID, "wants images of floating-point numbers (N x C x H x W)");
    if (p->kernel_size < 1 || p->kernel_size > MAX_KERNEL || p->stride < 1)
        return cnn_fail(err, CNN_INVALID, "kernel_size must be 1 to %d, and stride 1 or more",
                        MAX_KERNEL);
    if (in[0].dim[0] * in[0].dim[1] > UINT32_MAX)
        return cnn_fail(err, CNN_UNSUPPORTED, "has more than 2^32 planes");
    *out = in[0];
    for (int axis = 2; axis < 4; axis++) {
        if (in[0].dim[axis] < p->kernel_size)
            return cnn_fail(err, CNN_INVALID, "a window of %" PRId64 " does not fit into %" PRId64,
                            p->kernel_size, in[0].dim[axis]);
        out->dim[axis] = (in[0].dim[axis] - p->kernel_size) / p->stride + 1;
    }
    return CNN_OK;
}

static cnn_status infer_grad(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                             cnn_error *err)
{
    (void)attrs;
    (void)n_in;
    (void)err;
    *out = in[0];
    return CNN_OK;
}

static void grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    cnn_value in[2] = { call->in[0], dy[0] };
    dx[0] = cnn_op1(b, "median_pool2d_grad", call->attrs, in, 2);
}

static const cnn_op ops[] = {
    { .c = CNN_COMPONENT(cnn_op, "median_pool2d", sizeof(median_params), CNN_TABLE(params),
                         "x[N,C,H,W] -> the median of each window", ""),
      .min_in = 1,
      .max_in = 1,
      .n_out = 1,
      .differentiable = 1,
      .infer = infer,
      .grad = grad,
      .kernels = CNN_TABLE(forward_kernels) },
    { .c = CNN_COMPONENT(cnn_op, "median_pool2d_grad", sizeof(median_params), CNN_TABLE(params),
                         "x, dy -> dx", ""),
      .min_in = 2,
      .max_in = 2,
      .n_out = 1,
      .differentiable = 1, /* and without .grad: a gradient of this gradient is an error */
      .infer = infer_grad,
      .kernels = CNN_TABLE(backward_kernels) },
};

/* ---- the layer */

static cnn_value build(cnn_builder *b, const void *options)
{
    median_params p = *(const median_params *)options;
    cnn_value x = cnn_input(b, 0);
    if (p.stride == 0)
        p.stride = p.kernel_size;
    return cnn_op1(b, "median_pool2d", &p, &x, 1);
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "median_pool2d", sizeof(median_params), CNN_TABLE(params),
                         "Keeps the median of each window: single wrong pixels do not get through.",
                         "median_pool2d: {kernel_size: 3, stride: 1}"),
      .build = build },
};

CNN_PLUGIN(.name = "median", .version = "1.0.0", .license = "MIT", .summary = "Median pooling",
           .layers = CNN_TABLE(layers), .ops = CNN_TABLE(ops));
