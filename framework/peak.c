/* Chains of multiply-adds in as many registers as hide their latency, for the widest vectors that
 * this processor has; and copies between large blocks. The best of a few rounds. */
#include "peak.h"

#include <stdlib.h>
#include <string.h>

#include "run_internal.h"

enum {
    CHAINS = 12,
    TURNS = 4000000,  /* about 10 ms */
    BLOCK = 16 << 20, /* bytes of a block, two for each thread */
    ROUNDS = 4,
    MOST_COPIES = 8, /* threads that copy: more only wait for memory */
};

/* Each chain is s = s a + b with a below 1, so that it stays finite. */
#define CHAIN_LOOP(name, lanes, target)                                                    \
    target static float name(float seed)                                                   \
    {                                                                                      \
        typedef float vector __attribute__((vector_size(4 * lanes)));                      \
        vector s[CHAINS], a = (vector){ 0 } + 0.5f, b = (vector){ 0 } + seed;              \
        for (int k = 0; k < CHAINS; k++)                                                   \
            s[k] = b + (float)k;                                                           \
        for (int i = 0; i < TURNS; i++)                                                    \
            _Pragma("GCC unroll 12") for (int k = 0; k < CHAINS; k++) s[k] = s[k] * a + b; \
        for (int k = 1; k < CHAINS; k++)                                                   \
            s[0] += s[k];                                                                  \
        return s[0][0];                                                                    \
    }

#define ANY_TARGET
CHAIN_LOOP(chains_baseline, 4, ANY_TARGET)
#if defined(__x86_64__)
CHAIN_LOOP(chains_avx2, 8, __attribute__((target("avx2,fma"))))
CHAIN_LOOP(chains_avx512, 16, __attribute__((target("avx512f,fma"))))
#endif

typedef struct widest {
    float (*run)(float seed);
    int lanes;
} widest;

static widest choose(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (widest){ chains_avx512, 16 };
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (widest){ chains_avx2, 8 };
#endif
    return (widest){ chains_baseline, 4 };
}

typedef struct job {
    widest kernel;
    volatile float sink; /* what is not used is not computed */
    char *from, *to;
} job;

static void chains(void *context, uint32_t i)
{
    job *j = context;
    j->sink = j->kernel.run((float)i);
}

static void copies(void *context, uint32_t i)
{
    const job *j = context;
    memcpy(j->to + (size_t)i * BLOCK, j->from + (size_t)i * BLOCK, BLOCK);
}

/* Seconds of the fastest round; the first one is to warm up. */
static double fastest(const cnn_host *host, uint32_t count, void (*task)(void *, uint32_t), job *j)
{
    double least = 0;
    for (int round = 0; round <= ROUNDS; round++) {
        double begin = cnn_seconds();
        host->parallel(host, count, task, j);
        double seconds = cnn_seconds() - begin;
        if (round > 0 && (least == 0 || seconds < least))
            least = seconds;
    }
    return least;
}

cnn_peak cnn_peak_measure(const cnn_host *host)
{
    job j = { .kernel = choose() };
    cnn_peak peak = { 0, 0 };
    const uint32_t n = host->threads, m = n < MOST_COPIES ? n : MOST_COPIES;
    peak.flops = 2.0 * CHAINS * TURNS * j.kernel.lanes * n / fastest(host, n, chains, &j);
    j.from = calloc(m, BLOCK);
    j.to = calloc(m, BLOCK);
    if (j.from != NULL && j.to != NULL) {
        memset(j.from, 1, (size_t)m * BLOCK); /* pages of its own */
        peak.bytes = 2.0 * BLOCK * m / fastest(host, m, copies, &j);
    }
    free(j.from);
    free(j.to);
    return peak;
}
