/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
 * 1, 2, 3", SC 2011).
 *
 * A number is a pure function of (seed, purpose, step, element), so every backend, thread count and
 * order gives the same one. key = seed; counter = { element/4 low, element/4 high, step, purpose };
 * lane = element % 4. */
#ifndef CNNRUN_RNG_H
#define CNNRUN_RNG_H

#include <math.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a number is for; keeps the streams apart. Ops of kind `random` use CNN_RNG_OP + their stream
 * attribute. */
typedef enum cnn_rng_purpose {
    CNN_RNG_INIT = 1,    /* initial weights; step = hash of the weight's name */
    CNN_RNG_SHUFFLE = 2, /* order of the samples; step = epoch */
    CNN_RNG_AUGMENT = 3, /* transforms; step = epoch, element = sample * 2^20 + k-th number */
    CNN_RNG_DATA = 4,    /* synthetic data sets */
    CNN_RNG_DEGRADE = 5, /* what spoils an input beside its clean target; step = epoch, or 2^32 - 1
                            in tests; element = (sample * 3 + split) * 2^32 + k-th number */
    CNN_RNG_OP = 1024,
} cnn_rng_purpose;

static inline void cnn_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* A position in one stream; make it with cnn_rng_at, draw with the functions below. Plain data. */
typedef struct cnn_rng {
    uint64_t seed;
    uint32_t purpose;
    uint32_t step;
    uint64_t element; /* of the next number */
} cnn_rng;

static inline cnn_rng cnn_rng_at(uint64_t seed, uint32_t purpose, uint32_t step, uint64_t element)
{
    cnn_rng r;
    r.seed = seed;
    r.purpose = purpose;
    r.step = step;
    r.element = element;
    return r;
}

/* The 32 random bits of one element. */
static inline uint32_t cnn_random_bits(uint64_t seed, uint32_t purpose, uint32_t step,
                                       uint64_t element)
{
    uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    uint64_t block = element / 4;
    uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), step, purpose };
    uint32_t out[4];
    cnn_philox(key, counter, out);
    return out[element % 4];
}

static inline uint32_t cnn_rng_bits(cnn_rng *r)
{
    return cnn_random_bits(r->seed, r->purpose, r->step, r->element++);
}

/* 24 random bits as a float in [0, 1): exact, the same on every device. */
static inline float cnn_unit_float(uint32_t bits)
{
    return (float)(bits >> 8) * (1.0f / 16777216.0f);
}

static inline float cnn_rng_uniform(cnn_rng *r)
{
    return cnn_unit_float(cnn_rng_bits(r));
}

/* Uniform in [0, n), n > 0; multiply-shift, bias below n / 2^32. */
static inline uint32_t cnn_rng_below(cnn_rng *r, uint32_t n)
{
    return (uint32_t)(((uint64_t)cnn_rng_bits(r) * n) >> 32);
}

/* Standard normal by Box-Muller; uses two numbers of the stream. 1 - u keeps the logarithm's
 * argument in (0, 1]. */
static inline float cnn_rng_normal(cnn_rng *r)
{
    double u = cnn_rng_uniform(r);
    double v = cnn_rng_uniform(r);
    return (float)(sqrt(-2.0 * log(1.0 - u)) * cos(6.283185307179586476925 * v));
}

#ifdef __cplusplus
}
#endif
#endif
