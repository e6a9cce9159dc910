/* Pooling, PyTorch's rules, one vector of images at a time. */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include <math.h>

#include "walk.h"

/* What a window covers along one axis, after clipping to the input. */
typedef struct reach {
    int64_t first, count; /* positions in the input, `dilation` apart */
    int64_t divisor;      /* of an average: its share */
} reach;

typedef struct span {
    int64_t first, end;
} span;

/* The outputs of a row whose windows lie inside the input's columns. */
ALWAYS span inside(const cnn_pool2d_attrs *a, int64_t w, int64_t outs)
{
    int64_t stride = a->stride[1], room = w - 1 - a->dilation[1] * (a->kernel[1] - 1) + a->pad[2];
    span s = { smaller((a->pad[2] + stride - 1) / stride, outs), 0 };
    s.end = room < 0 ? s.first : larger(smaller(room / stride + 1, outs), s.first);
    return s;
}

#include "avg_pool.h"
#include "max_pool.h"
#include "max_pool_grad.h"

#endif
