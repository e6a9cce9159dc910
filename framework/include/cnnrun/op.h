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

/* Code for an op on a target: "host" (portable C, called with host memory). Later: "spirv". */
typedef struct cnn_kernel {
    uint32_t size;
    uint32_t reserved;
    const char *target;
    cnn_kernel_fn run; /* [loop thread], one call at a time for one program; no allocation after the
                          first call */
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
