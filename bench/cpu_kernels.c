/* Times of the kernels of the fast CPU backend that are not convolutions, on one core and data that
 * was just used, as in a training step: microseconds a tile, and what that is in GB of operands a
 * second. See cpu_kernels.sh. */
#define _POSIX_C_SOURCE 200809L
#include "../plugins/backends/cpu/isa/vector.h"

#include "../plugins/backends/cpu/isa/loss.h"
#include "../plugins/backends/cpu/isa/move.h"
#include "../plugins/backends/cpu/isa/norm.h"
#include "../plugins/backends/cpu/isa/pool.h"
#include "../plugins/backends/cpu/isa/reduce.h"
#include "../plugins/backends/cpu/isa/spatial.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct job {
    const char *name;
    cpu_kernel kernel;
    const void *attrs;
    int32_t axis, axes;
    int64_t extent[4][3]; /* of the operands; 0: a plain one, as long as the first */
} job;

static const cnn_pool2d_attrs pool_2 = { .kernel = { 2, 2 },
                                         .stride = { 2, 2 },
                                         .dilation = { 1, 1 } };
static const cnn_pool2d_attrs pool_3s2 = {
    .kernel = { 3, 3 }, .stride = { 2, 2 }, .dilation = { 1, 1 }, .pad = { 1, 1, 1, 1 }
};
static const cnn_pool2d_attrs pool_3s1 = {
    .kernel = { 3, 3 }, .stride = { 1, 1 }, .dilation = { 1, 1 }, .pad = { 1, 1, 1, 1 }
};
static const cnn_pool2d_attrs pool_all = { .adaptive = { 1, 1 } };
static const cnn_reduce_attrs sum = { CNN_REDUCE_SUM, 13, false };
static const cnn_cross_entropy_attrs entropy = { 0, -100 };
static const cnn_softmax_attrs softmax = { 1, false };
static const cnn_pad2d_attrs reflect = { CNN_PAD_REFLECT, { 1, 1, 1, 1 }, 0, { 0 } };
static const cnn_resize2d_attrs twice = { CNN_RESIZE_BILINEAR, false, { 28, 28 }, { 14, 14 } };

static const job jobs[] = {
    { "gather 1x28x28", gather_tile, NULL, 0, 0, { { 1, 28, 28 }, { 1, 28, 28 } } },
    { "gather 3x32x32", gather_tile, NULL, 0, 0, { { 3, 32, 32 }, { 3, 32, 32 } } },
    { "scatter 1x28x28", scatter_tile, NULL, 0, 0, { { 1, 28, 28 }, { 1, 28, 28 } } },
    { "max_pool 2/2", max_pool_tile, &pool_2, 0, 0, { { 10, 24, 24 }, { 10, 12, 12 } } },
    { "max_pool_grad 2/2",
      max_pool_grad_tile,
      &pool_2,
      0,
      0,
      { { 10, 24, 24 }, { 10, 12, 12 }, { 10, 24, 24 } } },
    { "max_pool 3/2", max_pool_tile, &pool_3s2, 0, 0, { { 10, 24, 24 }, { 10, 12, 12 } } },
    { "max_pool_grad 3/2",
      max_pool_grad_tile,
      &pool_3s2,
      0,
      0,
      { { 10, 24, 24 }, { 10, 12, 12 }, { 10, 24, 24 } } },
    { "max_pool 3/1", max_pool_tile, &pool_3s1, 0, 0, { { 10, 24, 24 }, { 10, 24, 24 } } },
    { "max_pool_grad 3/1",
      max_pool_grad_tile,
      &pool_3s1,
      0,
      0,
      { { 10, 24, 24 }, { 10, 24, 24 }, { 10, 24, 24 } } },
    { "avg_pool 2/2", avg_pool_tile, &pool_2, 0, 0, { { 10, 24, 24 }, { 10, 12, 12 } } },
    { "avg_pool_grad 2/2", avg_pool_grad_tile, &pool_2, 0, 0, { { 10, 12, 12 }, { 10, 24, 24 } } },
    { "avg_pool 3/1", avg_pool_tile, &pool_3s1, 0, 0, { { 10, 24, 24 }, { 10, 24, 24 } } },
    { "avg_pool_grad 3/1",
      avg_pool_grad_tile,
      &pool_3s1,
      0,
      0,
      { { 10, 24, 24 }, { 10, 24, 24 } } },
    { "avg_pool all", avg_pool_tile, &pool_all, 0, 0, { { 64, 7, 7 }, { 64, 1, 1 } } },
    { "pad reflect", pad_tile, &reflect, 0, 0, { { 10, 24, 24 }, { 10, 26, 26 } } },
    { "pad_grad reflect", pad_grad_tile, &reflect, 0, 0, { { 10, 26, 26 }, { 10, 24, 24 } } },
    { "resize twice", resize_tile, &twice, 0, 0, { { 10, 14, 14 }, { 10, 28, 28 } } },
    { "resize_grad twice", resize_grad_tile, &twice, 0, 0, { { 10, 28, 28 }, { 10, 14, 14 } } },
    { "reduce h, w", reduce_tile, &sum, 0, 6, { { 10, 24, 24 }, { 10, 1, 1 } } },
    { "reduce_batch h, w", reduce_batch_tile, &sum, 0, 6, { { 10, 24, 24 } } },
    { "reduce_batch 120", reduce_batch_tile, &sum, 0, 0, { { 120, 1, 1 } } },
    { "argmax 10", argmax_tile, NULL, 0, 0, { { 10, 1, 1 }, { 1, 1, 1 } } },
    { "softmax 10", softmax_tile, &softmax, 0, 0, { { 10, 1, 1 }, { 10, 1, 1 } } },
    { "cross_entropy 10",
      cross_entropy_tile,
      &entropy,
      0,
      0,
      { { 10, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } } },
    { "cross_entropy_grad 10",
      cross_entropy_grad_tile,
      &entropy,
      0,
      0,
      { { 10, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 10, 1, 1 } } },
    { "batch_norm_stats", batch_norm_stats_tile, NULL, 0, 0, { { 10, 24, 24 } } },
    { "batch_norm_grad_stats",
      batch_norm_grad_stats_tile,
      NULL,
      0,
      0,
      { { 10, 24, 24 }, { 10, 24, 24 } } },
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Best of several rounds of about a millisecond. */
static double time_of(const job *j, const cpu_params *params, void *const *p)
{
    const cpu_tile tile = { 0, LANES, NULL };
    double best = 1;
    int calls = 1;
    for (int round = 0; round < 200; round++) {
        double begin = seconds();
        for (int i = 0; i < calls; i++)
            j->kernel(params, p, &tile);
        double took = seconds() - begin;
        best = took / calls < best ? took / calls : best;
        if (took < 1e-4)
            calls *= 2;
    }
    return best;
}

int main(void)
{
    for (size_t n = 0; n < sizeof jobs / sizeof jobs[0]; n++) {
        const job *j = &jobs[n];
        cpu_params params = { .attrs = j->attrs, .axis = j->axis, .axes = j->axes };
        void *p[4];
        int64_t bytes = 0;
        for (int i = 0; i < 4; i++) {
            const int64_t *e = j->extent[i];
            int64_t count = e[0] * e[1] * e[2];
            params.view[i] = (cpu_view){ e[0], e[1], e[2], e[2], e[1] * e[2] };
            bytes += count * LANES * (int64_t)sizeof(float);
            float *x = aligned_alloc(64, 1 << 20);
            p[i] = x;
            for (int64_t k = 0; k < (1 << 18); k++)
                x[k] = count > 1 ? (float)((k * 7919) % 1000) / 1000 : 0;
        }
        double t = time_of(j, &params, p);
        printf("%-24s %9.3f us %7.1f GB/s\n", j->name, 1e6 * t, 1e-9 * (double)bytes / t);
        for (int i = 0; i < 4; i++)
            free(p[i]);
    }
    return 0;
}
