/* The sets of instructions that the tests compile kernels for, and which of them run here. */
#ifndef TEST_CPU_VARIANTS_H
#define TEST_CPU_VARIANTS_H

#include <stdbool.h>

#include "cpu/kernels.h"

#define CPU_TEST_PASTE(a, b) cpu_test_##a##_##b
#define CPU_TEST_NAME(a, b) CPU_TEST_PASTE(a, b)
#define CPU_TEST_QUOTE(a) #a
#define CPU_TEST_STRING(a) CPU_TEST_QUOTE(a)

extern const cpu_kernels cpu_test_kernels_lanes4;
#if defined(__x86_64__)
extern const cpu_kernels cpu_test_kernels_lanes8, cpu_test_kernels_lanes16;
extern const cpu_kernels cpu_test_kernels_lanes16_split;
#endif

enum { CPU_TEST_VARIANTS = 4 };

static inline bool cpu_test_runs(int variant)
{
#if defined(__x86_64__)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return variant == 0 || (variant == 2 ? avx2 && avx512 : avx2);
#else
    return variant == 0;
#endif
}

#endif
