/* The reference kernels: plain loops with double accumulators, the definition of every op. Each
 * output element is computed by one task in a fixed order: the bits do not depend on the threads.
 */
#ifndef REFERENCE_KERNELS_H
#define REFERENCE_KERNELS_H

#include <cnnrun/backend.h>
#include <cnnrun/ops.h>

/* The kernel of a built-in op by name, or NULL. */
cnn_kernel_fn reference_kernel(const char *op);

cnn_status reference_conv2d(const cnn_kernel_args *, cnn_error *);
cnn_status reference_conv2d_input_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_conv2d_weight_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_matmul(const cnn_kernel_args *, cnn_error *);
cnn_status reference_max_pool2d(const cnn_kernel_args *, cnn_error *);
cnn_status reference_max_pool2d_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_avg_pool2d(const cnn_kernel_args *, cnn_error *);
cnn_status reference_avg_pool2d_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_pad2d(const cnn_kernel_args *, cnn_error *);
cnn_status reference_pad2d_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_resize2d(const cnn_kernel_args *, cnn_error *);
cnn_status reference_resize2d_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_batch_norm(const cnn_kernel_args *, cnn_error *);
cnn_status reference_batch_norm_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_softmax(const cnn_kernel_args *, cnn_error *);
cnn_status reference_softmax_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_cross_entropy(const cnn_kernel_args *, cnn_error *);
cnn_status reference_cross_entropy_grad(const cnn_kernel_args *, cnn_error *);
cnn_status reference_reduce(const cnn_kernel_args *, cnn_error *);
cnn_status reference_argmax(const cnn_kernel_args *, cnn_error *);
cnn_status reference_concat(const cnn_kernel_args *, cnn_error *);
cnn_status reference_slice(const cnn_kernel_args *, cnn_error *);
cnn_status reference_reshape(const cnn_kernel_args *, cnn_error *);
cnn_status reference_transpose(const cnn_kernel_args *, cnn_error *);
cnn_status reference_cast(const cnn_kernel_args *, cnn_error *);
cnn_status reference_random(const cnn_kernel_args *, cnn_error *);
cnn_status reference_map(const cnn_kernel_args *, cnn_error *);
cnn_status reference_assign(const cnn_kernel_args *, cnn_error *);

/* Runs task(args, i) for i in [0, count) on the host's pool. */
typedef struct reference_job {
    const cnn_kernel_args *args;
    void (*task)(const cnn_kernel_args *args, int64_t i);
} reference_job;

static inline void reference_job_run(void *context, uint32_t i)
{
    const reference_job *job = (const reference_job *)context;
    job->task(job->args, i);
}

static inline cnn_status reference_parallel(const cnn_kernel_args *args, int64_t count,
                                            void (*task)(const cnn_kernel_args *, int64_t))
{
    reference_job job = { args, task };
    args->host->parallel(args->host, (uint32_t)count, reference_job_run, &job);
    return CNN_OK;
}

#endif
