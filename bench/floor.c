/* The most multiply-adds per second that one core does: independent chains of FMA instructions on
 * registers. Prints millions per second. Build with -O2 -march=native -ffp-contract=fast. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
enum { CHAINS = 12, STEPS = 50 * 1000 * 1000 }; /* latency 4-5, two units: 10 chains suffice */

typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void)
{
    vector acc[CHAINS] = { 0 };
    volatile float start = 0.999f; /* keeps the compiler from computing the result itself */
    vector factor = (vector){ 0 } + start;
    double best = 0;
    for (int round = 0; round < 3; round++) {
        double begin = seconds();
        for (long i = 0; i < STEPS; i++) {
#pragma GCC unroll 12
            for (int c = 0; c < CHAINS; c++)
                acc[c] = acc[c] * factor + factor;
        }
        double rate = 1e-6 * (double)STEPS * CHAINS * LANES / (seconds() - begin);
        best = rate > best ? rate : best;
    }
    float sum = 0;
    for (int c = 0; c < CHAINS; c++)
        for (int lane = 0; lane < LANES; lane++)
            sum += acc[c][lane];
    printf("%.0f\n", best);
    return sum > 0 ? 0 : 1;
}
