/* Times of the kernels of the fast CPU backend that are not convolutions, on one core and data that
 * was just used, as in a training step: microseconds a tile, and what that is in GB of operands a
 * second.
 *
 * usage: cpu_kernels [baseline | avx2 | avx512]    built from the repository's root by
 *     for i in baseline avx2 avx512; do
 *         case $i in
 *         avx2) m="-mavx2 -mfma" ;;
 *         avx512) m="-mavx512f -mavx512vl -mavx512bw -mavx512dq -mfma" ;;
 *         *) m= ;;
 *         esac
 *         gcc -std=c11 -O3 -ffp-contract=fast $m -Iframework/include -c -o build/$i.o \
 *             plugins/backends/cpu/isa/$i.c
 *     done
 *     gcc -std=c11 -O3 -Iframework/include -o build/cpu_kernels bench/cpu_kernels.c \
 *         build/baseline.o build/avx2.o build/avx512.o -lm
 */
#define _POSIX_C_SOURCE 200809L
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../plugins/backends/cpu/kernels.h"

typedef struct job {
    const char *name;
    size_t kernel; /* where it stands in cpu_kernels */
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
static const cnn_pool2d_attrs pool_3s1_all = { .kernel = { 3, 3 },
                                               .stride = { 1, 1 },
                                               .dilation = { 1, 1 },
                                               .pad = { 1, 1, 1, 1 },
                                               .count_include_pad = true };
static const cnn_pool2d_attrs pool_all = { .adaptive = { 1, 1 } };
static const cnn_reduce_attrs sum = { CNN_REDUCE_SUM, 13, false };
static const cnn_cross_entropy_attrs entropy = { 0, -100 };
static const cnn_softmax_attrs softmax = { 1, false };
static const cnn_pad2d_attrs reflect = { CNN_PAD_REFLECT, { 1, 1, 1, 1 }, 0, { 0 } };
static const cnn_resize2d_attrs twice = { CNN_RESIZE_BILINEAR, false, { 28, 28 }, { 14, 14 } };

#define KERNEL(name) offsetof(cpu_kernels, name)

static const job jobs[] = {
    { "gather 1x28x28", KERNEL(gather), NULL, 0, 0, { { 1, 28, 28 }, { 1, 28, 28 } } },
    { "gather 3x32x32", KERNEL(gather), NULL, 0, 0, { { 3, 32, 32 }, { 3, 32, 32 } } },
    { "scatter 1x28x28", KERNEL(scatter), NULL, 0, 0, { { 1, 28, 28 }, { 1, 28, 28 } } },
    { "max_pool 2/2", KERNEL(max_pool), &pool_2, 0, 0, { { 10, 24, 24 }, { 10, 12, 12 } } },
    { "max_pool_grad 2/2",
      KERNEL(max_pool_grad),
      &pool_2,
      0,
      0,
      { { 10, 24, 24 }, { 10, 12, 12 }, { 10, 24, 24 } } },
    { "max_pool 3/2", KERNEL(max_pool), &pool_3s2, 0, 0, { { 10, 24, 24 }, { 10, 12, 12 } } },
    { "max_pool_grad 3/2",
      KERNEL(max_pool_grad),
      &pool_3s2,
      0,
      0,
      { { 10, 24, 24 }, { 10, 12, 12 }, { 10, 24, 24 } } },
    { "max_pool 3/1", KERNEL(max_pool), &pool_3s1, 0, 0, { { 10, 24, 24 }, { 10, 24, 24 } } },
    { "max_pool_grad 3/1",
      KERNEL(max_pool_grad),
      &pool_3s1,
      0,
      0,
      { { 10, 24, 24 }, { 10, 24, 24 }, { 10, 24, 24 } } },
    { "avg_pool 2/2", KERNEL(avg_pool), &pool_2, 0, 0, { { 10, 24, 24 }, { 10, 12, 12 } } },
    { "avg_pool_grad 2/2",
      KERNEL(avg_pool_grad),
      &pool_2,
      0,
      0,
      { { 10, 12, 12 }, { 10, 24, 24 } } },
    { "avg_pool 3/1", KERNEL(avg_pool), &pool_3s1, 0, 0, { { 10, 24, 24 }, { 10, 24, 24 } } },
    { "avg_pool_grad 3/1",
      KERNEL(avg_pool_grad),
      &pool_3s1,
      0,
      0,
      { { 10, 24, 24 }, { 10, 24, 24 } } },
    { "avg_pool_grad 3/1, padded",
      KERNEL(avg_pool_grad),
      &pool_3s1_all,
      0,
      0,
      { { 10, 24, 24 }, { 10, 24, 24 } } },
    { "avg_pool all", KERNEL(avg_pool), &pool_all, 0, 0, { { 64, 7, 7 }, { 64, 1, 1 } } },
    { "pad reflect", KERNEL(pad), &reflect, 0, 0, { { 10, 24, 24 }, { 10, 26, 26 } } },
    { "pad_grad reflect", KERNEL(pad_grad), &reflect, 0, 0, { { 10, 26, 26 }, { 10, 24, 24 } } },
    { "resize twice", KERNEL(resize), &twice, 0, 0, { { 10, 14, 14 }, { 10, 28, 28 } } },
    { "resize_grad twice", KERNEL(resize_grad), &twice, 0, 0, { { 10, 28, 28 }, { 10, 14, 14 } } },
    { "reduce h, w", KERNEL(reduce), &sum, 0, 6, { { 10, 24, 24 }, { 10, 1, 1 } } },
    { "reduce_batch h, w", KERNEL(reduce_batch), &sum, 0, 6, { { 10, 24, 24 } } },
    { "reduce_batch 120", KERNEL(reduce_batch), &sum, 0, 0, { { 120, 1, 1 } } },
    { "argmax 10", KERNEL(argmax), NULL, 0, 0, { { 10, 1, 1 }, { 1, 1, 1 } } },
    { "softmax 10", KERNEL(softmax), &softmax, 0, 0, { { 10, 1, 1 }, { 10, 1, 1 } } },
    { "cross_entropy 10",
      KERNEL(cross_entropy),
      &entropy,
      0,
      0,
      { { 10, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } } },
    { "cross_entropy_grad 10",
      KERNEL(cross_entropy_grad),
      &entropy,
      0,
      0,
      { { 10, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 10, 1, 1 } } },
    { "batch_norm_stats", KERNEL(batch_norm_stats), NULL, 0, 0, { { 10, 24, 24 } } },
    { "batch_norm_grad_stats",
      KERNEL(batch_norm_grad_stats),
      NULL,
      0,
      0,
      { { 10, 24, 24 }, { 10, 24, 24 } } },
};

enum { FLOATS = 1 << 18 }; /* of an operand, at most */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Best of several rounds of about a millisecond. */
static double time_of(cpu_kernel kernel, const cpu_params *params, void *const *p, int32_t lanes)
{
    const cpu_tile tile = { 0, lanes };
    double best = 1;
    int calls = 1;
    for (int round = 0; round < 200; round++) {
        double begin = seconds();
        for (int i = 0; i < calls; i++)
            kernel(params, p, &tile);
        double took = seconds() - begin;
        best = took / calls < best ? took / calls : best;
        if (took < 1e-4)
            calls *= 2;
    }
    return best;
}

static void measure(const job *j, const cpu_kernels *k)
{
    cpu_params params = { .attrs = j->attrs, .axis = j->axis, .axes = j->axes };
    cpu_kernel kernel;
    void *p[4];
    int64_t bytes = 0;
    memcpy(&kernel, (const char *)k + j->kernel, sizeof kernel);
    for (int i = 0; i < 4; i++) {
        const int64_t *e = j->extent[i];
        int64_t count = e[0] * e[1] * e[2];
        params.view[i] = (cpu_view){ e[0], e[1], e[2], e[2], e[1] * e[2] };
        bytes += count * k->lanes * (int64_t)sizeof(float);
        float *x = aligned_alloc(64, FLOATS * sizeof *x);
        for (int64_t n = 0; x != NULL && n < FLOATS; n++)
            x[n] = count > 1 ? (float)(n * 7919 % 1000) / 1000 : 0;
        p[i] = x;
    }
    double t = time_of(kernel, &params, p, k->lanes);
    printf("%-26s %9.3f us %7.1f GB/s\n", j->name, 1e6 * t, 1e-9 * (double)bytes / t);
    for (int i = 0; i < 4; i++)
        free(p[i]);
}

int main(int argc, char **argv)
{
    const cpu_kernels *const all[] = { &cpu_kernels_baseline, &cpu_kernels_avx2,
                                       &cpu_kernels_avx512 };
    const char *name = argc > 1 ? argv[1] : "avx2";
    for (int i = 0; i < 3; i++)
        for (size_t n = 0; n < sizeof jobs / sizeof jobs[0] && strcmp(all[i]->name, name) == 0; n++)
            measure(&jobs[n], all[i]);
    return 0;
}
