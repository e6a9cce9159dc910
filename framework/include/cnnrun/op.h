/* Op descriptors: what an op means, apart from how any backend computes it. Built-in ops and those
 * of plugins are the same struct. */
#ifndef CNNRUN_OP_H
#define CNNRUN_OP_H

#include "builder.h"
#include "host.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How an op treats the samples of a batch (axis 0 of batched values). A backend may run a part of
 * the batch through all PER_SAMPLE ops and add the partial results of SUMS ops; COUPLED ops need
 * the whole batch. */
typedef enum cnn_batch_role {
    CNN_BATCH_PER_SAMPLE = 1, /* out[n] depends on in[n] and on what is not batched */
    CNN_BATCH_SUMS,           /* the result has no batch axis: a sum over the samples */
    CNN_BATCH_COUPLED,        /* anything else */
    CNN_BATCH_NONE,           /* no input is batched (set by the framework) */
} cnn_batch_role;

/* One use of an op, as its callbacks see it. */
typedef struct cnn_call {
    const void *attrs;
    const cnn_value *in;
    const cnn_value *out;
    uint32_t n_in;
    uint32_t n_out;
    const bool *wanted; /* grad: for each input, does anybody need its gradient? */
} cnn_call;

/* What a kernel works on. Inputs are never written; outputs do not overlap inputs; memory is dense
 * and row-major. */
typedef struct cnn_kernel_args {
    const cnn_host *host; /* for parallel() */
    const void *attrs;
    const cnn_tensor *in;
    const cnn_tensor *out;
    uint32_t n_in;
    uint32_t n_out;
} cnn_kernel_args;

typedef cnn_status (*cnn_kernel_fn)(const cnn_kernel_args *, cnn_error *);

enum { CNN_MAX_PUSH = 32, CNN_MAX_SPECS = 8 };

/* How a "spirv" kernel is run for one use of its op; zeroed before the callback. */
typedef struct cnn_dispatch {
    uint64_t items; /* invocations that are needed; the backend makes work groups of them, whose
                       number is cnnrun_index() of cnnrun/kernel.glsl. The kernel does nothing at or
                       past its end: groups are whole. */
    uint32_t n_push;
    uint32_t n_specs;
    uint32_t push[CNN_MAX_PUSH];   /* push constants, 4-byte scalars in the order of the block */
    uint32_t specs[CNN_MAX_SPECS]; /* specialisation constants 1, 2, ... */
    double macs;                   /* multiply-adds, 0: moves data; for estimates of time */
} cnn_dispatch;

/* Code for an op on a target.
 *   "host"   portable C, called with host memory. Every op needs it.
 *   "spirv"  a compute shader for Vulkan 1.1 (SPIR-V 1.3, entry point main). Bindings 0, 1, ... of
 *            set 0 are storage buffers: the inputs in order (readonly), then the results. The work
 *            group's size in x is specialisation constant 0, the backend's choice. */
typedef struct cnn_kernel {
    uint32_t size;
    uint32_t reserved;
    const char *target;
    cnn_kernel_fn run;    /* host. [loop thread], one call at a time for one program; no allocation
                             after the first call */
    const uint32_t *code; /* spirv: the module's words, `code_bytes` long */
    uint64_t code_bytes;

    /* spirv: fills *dispatch from attributes and shapes. CNN_UNSUPPORTED with a reason leaves this
     * use to the host's kernel. [main] */
    cnn_status (*dispatch)(const void *attrs, const cnn_type *in, uint32_t n_in,
                           const cnn_type *out, uint32_t n_out, cnn_dispatch *, cnn_error *);
} cnn_kernel;

typedef struct cnn_op {
    cnn_component c; /* params: the attributes, so that every op can be printed and checked */
    uint32_t min_in; /* accepted numbers of inputs */
    uint32_t max_in; /* 0xffffffff: any */
    uint32_t n_out;
    uint32_t differentiable; /* 0: no gradient flows through it by nature (argmax, random) */

    /* Shapes and dtypes of the results, or an error that shows the arithmetic. [main] */
    cnn_status (*infer)(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                        cnn_error *);

    /* Given the gradients dy of the results (CNN_NONE where none arrives, never all), emits ops and
     * sets dx[i] for each wanted input. NULL for a differentiable op: training through it is an
     * error that names the layer. [main] */
    void (*grad)(cnn_builder *, const cnn_call *, const cnn_value *dy, cnn_value *dx);

    /* cnn_batch_role of this use; batched[i] tells which inputs have the batch on axis 0. NULL:
     * PER_SAMPLE. [main] */
    uint32_t (*batch_role)(const void *attrs, const cnn_type *in, const bool *batched,
                           uint32_t n_in);

    /* Multiply-adds of one run, 0 for data movement. NULL: 0. [main] */
    double (*macs)(const void *attrs, const cnn_type *in, const cnn_type *out);

    cnn_table kernels; /* of cnn_kernel; plugins' ops need at least "host" */
} cnn_op;

#ifdef __cplusplus
}
#endif
#endif
