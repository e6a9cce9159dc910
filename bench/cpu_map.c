/* Times of the map kernel of the fast CPU backend: cycles of the time stamp counter for each vector
 * of the result, and GB of operands a second, on one core.
 *
 * usage: cpu_map [baseline | avx2 | avx512]    built from the repository's root by
 *     for i in baseline avx2 avx512; do
 *         case $i in
 *         avx2) m="-mavx2 -mfma" ;;
 *         avx512) m="-mavx512f -mavx512vl -mavx512bw -mavx512dq -mfma" ;;
 *         *) m= ;;
 *         esac
 *         gcc -std=c11 -O3 -ffp-contract=fast $m -Iframework/include -c -o build/$i.o \
 *             plugins/backends/cpu/isa/$i.c
 *     done
 *     gcc -std=c11 -O3 -Iframework/include -o build/cpu_map bench/cpu_map.c \
 *         plugins/backends/cpu/map_code.c build/baseline.o build/avx2.o build/avx512.o -lm
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../plugins/backends/cpu/map_code.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { INPUTS = 3, FLOATS = 1 << 22, APART = 336 }; /* of an operand, at most; between them */

typedef struct job {
    const char *name;
    uint32_t n_in;
    int32_t splat[INPUTS]; /* CPU_STREAM_SPLAT per c, else vectors */
    uint32_t count;
    cnn_term terms[16];
} job;

#define IN(i)                            \
    {                                    \
        CNN_TERM_INPUT, (i), -1, -1, 0.0 \
    }
#define NUMBER(k)                       \
    {                                   \
        CNN_TERM_CONST, -1, -1, -1, (k) \
    }
#define TERM(name, a, b, c)                 \
    {                                       \
        CNN_TERM_##name, (a), (b), (c), 0.0 \
    }

static const job jobs[] = {
    { "relu", 1, { 0 }, 4, { IN(0), NUMBER(0.0), TERM(LE, 0, 1, -1), TERM(SELECT, 2, 1, 0) } },
    { "bias + relu",
      2,
      { 0, 1 },
      6,
      { IN(0), IN(1), TERM(ADD, 0, 1, -1), NUMBER(0.0), TERM(LE, 2, 3, -1),
        TERM(SELECT, 4, 3, 2) } },
    { "gate",
      2,
      { 0 },
      5,
      { IN(0), IN(1), NUMBER(0.0), TERM(LE, 0, 2, -1), TERM(SELECT, 3, 2, 1) } },
    { "add + relu",
      2,
      { 0 },
      6,
      { IN(0), IN(1), TERM(ADD, 0, 1, -1), NUMBER(0.0), TERM(LE, 2, 3, -1),
        TERM(SELECT, 4, 3, 2) } },
    { "scale, shift, relu",
      3,
      { 0, 1, 1 },
      8,
      { IN(0), IN(1), IN(2), TERM(MUL, 0, 1, -1), TERM(ADD, 3, 2, -1), NUMBER(0.0),
        TERM(LE, 4, 5, -1), TERM(SELECT, 6, 5, 4) } },
    { "sgd with momentum",
      3,
      { 0 },
      9,
      { IN(0), IN(1), IN(2), NUMBER(0.9), TERM(MUL, 1, 3, -1), TERM(ADD, 4, 2, -1), NUMBER(0.01),
        TERM(MUL, 5, 6, -1), TERM(SUB, 0, 7, -1) } },
    { "sigmoid", 1, { 0 }, 2, { IN(0), TERM(SIGMOID, 0, -1, -1) } },
    { "tanh", 1, { 0 }, 2, { IN(0), TERM(TANH, 0, -1, -1) } },
    { "exp", 1, { 0 }, 2, { IN(0), TERM(EXP, 0, -1, -1) } },
    { "log", 1, { 0 }, 2, { IN(0), TERM(LOG, 0, -1, -1) } },
    { "gelu",
      1,
      { 0 },
      9,
      { IN(0), NUMBER(0.7071067811865476), TERM(MUL, 0, 1, -1), TERM(ERF, 2, -1, -1), NUMBER(1.0),
        TERM(ADD, 3, 4, -1), NUMBER(0.5), TERM(MUL, 0, 6, -1), TERM(MUL, 7, 5, -1) } },
};

static const struct {
    int64_t c, w; /* rows, vectors of a row */
} shapes[] = { { 1, 500 }, { 1, 5000 }, { 1, 100000 }, { 64, 5 }, { 64, 25 }, { 16, 144 } };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t cycles(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    return 0;
#endif
}

/* Best of several rounds; cycles go with it. */
static double time_of(cpu_kernel kernel, const cpu_map_params *params, void *const *p,
                      int32_t lanes, double *ticks)
{
    const cpu_tile tile = { 0, lanes };
    double best = 1;
    int calls = 1;
    for (int round = 0; round < 100; round++) {
        const double begin = seconds();
        const uint64_t first = cycles();
        for (int i = 0; i < calls; i++)
            kernel(params, p, &tile);
        const uint64_t last = cycles();
        const double took = seconds() - begin;
        if (took / calls < best) {
            best = took / calls;
            *ticks = (double)(last - first) / calls;
        }
        if (took < 1e-4)
            calls *= 2;
    }
    return best;
}

static void measure(const job *j, const cpu_kernels *k, void *const *p)
{
    cpu_map_operand in[INPUTS];
    cpu_map_code *code;
    float *constants;
    const cnn_expr expr = { j->count, j->terms };
    cpu_map_params params = { .n_in = j->n_in, .in = in };
    void *operands[INPUTS + 1] = { p[0], p[1], p[2] };
    operands[j->n_in] = p[INPUTS];
    if (!cpu_map_compile(&expr, j->n_in, &code, &params.n_code, &constants, &params.n_constants))
        return;
    params.code = code;
    params.constants = constants;
    printf("%-20s", j->name);
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        const int64_t c = shapes[s].c, w = shapes[s].w;
        int streams = 1;
        double ticks = 0;
        params.out = (cpu_view){ c, 1, w, w, w };
        for (uint32_t i = 0; i < j->n_in; i++) {
            in[i] = (cpu_map_operand){ w, 0, CPU_STREAM_VECTOR };
            if (j->splat[i] != 0)
                in[i] = (cpu_map_operand){ 1, 0, CPU_STREAM_SPLAT };
            streams += j->splat[i] == 0;
        }
        const double t = time_of(k->map, &params, operands, k->lanes, &ticks);
        const double bytes = (double)(streams * c * w * k->lanes) * sizeof(float);
        printf("  %6.2f %5.0f", ticks / (double)(c * w), 1e-9 * bytes / t);
    }
    printf("\n");
    free(code);
    free(constants);
}

int main(int argc, char **argv)
{
    const cpu_kernels *const all[] = { &cpu_kernels_baseline, &cpu_kernels_avx2,
                                       &cpu_kernels_avx512 };
    const char *name = argc > 1 ? argv[1] : "avx2";
    void *p[INPUTS + 1];
    float *memory = aligned_alloc(64, (INPUTS + 1) * (FLOATS + APART) * sizeof *memory);
    if (memory == NULL)
        return 1;
    for (int i = 0; i <= INPUTS; i++) {
        float *x = memory + i * (FLOATS + APART);
        for (int64_t n = 0; n < FLOATS; n++)
            x[n] = (float)(n * 7919 % 1000 + 1) / 500 - 1;
        p[i] = x;
    }
    printf("%-20s", "rows x vectors:");
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        printf("  %3d x %6d", (int)shapes[s].c, (int)shapes[s].w);
    printf("\n%-20s", "");
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        printf("  cycles  GB/s");
    printf("\n");
    for (int i = 0; i < 3; i++)
        for (size_t n = 0; n < sizeof jobs / sizeof jobs[0] && strcmp(all[i]->name, name) == 0; n++)
            measure(&jobs[n], all[i], p);
    free(memory);
    return 0;
}
