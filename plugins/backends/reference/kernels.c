/* Op name -> kernel. */
#include "kernels.h"

#include <string.h>

static const struct {
    const char *op;
    cnn_kernel_fn run;
} kernels[] = {
    { "conv2d", reference_conv2d },
    { "conv2d_input_grad", reference_conv2d_input_grad },
    { "conv2d_weight_grad", reference_conv2d_weight_grad },
    { "matmul", reference_matmul },
    { "max_pool2d", reference_max_pool2d },
    { "max_pool2d_grad", reference_max_pool2d_grad },
    { "avg_pool2d", reference_avg_pool2d },
    { "avg_pool2d_grad", reference_avg_pool2d_grad },
    { "pad2d", reference_pad2d },
    { "pad2d_grad", reference_pad2d_grad },
    { "resize2d", reference_resize2d },
    { "resize2d_grad", reference_resize2d_grad },
    { "batch_norm", reference_batch_norm },
    { "batch_norm_grad", reference_batch_norm_grad },
    { "softmax", reference_softmax },
    { "softmax_grad", reference_softmax_grad },
    { "cross_entropy", reference_cross_entropy },
    { "cross_entropy_grad", reference_cross_entropy_grad },
    { "reduce", reference_reduce },
    { "argmax", reference_argmax },
    { "concat", reference_concat },
    { "slice", reference_slice },
    { "reshape", reference_reshape },
    { "transpose", reference_transpose },
    { "cast", reference_cast },
    { "random", reference_random },
    { "map", reference_map },
    { "assign", reference_assign },
};

cnn_kernel_fn reference_kernel(const char *op)
{
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        if (strcmp(kernels[i].op, op) == 0)
            return kernels[i].run;
    return NULL;
}
