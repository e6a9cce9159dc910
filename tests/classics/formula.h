/* Weights, images and directions from a formula, so that neither side has to store them.
 * tools/classics.py has the same lines. */
#ifndef CNNRUN_TESTS_CLASSICS_FORMULA_H
#define CNNRUN_TESTS_CLASSICS_FORMULA_H

#include <stdint.h>

/* A hash of 32 bits in which every bit depends on every other: xorshifts and odd multipliers. */
static inline uint32_t formula_mix(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

/* Streams: 4k are the numbers of the k-th weight, 4k + 1 to 4k + 3 the directions onto which its
 * gradient is projected. */
enum { FORMULA_DIRECTIONS = 3 };
#define FORMULA_IMAGES 0xffffffffu

static inline uint32_t formula_stream(uint32_t seed, uint32_t stream)
{
    return formula_mix(stream + formula_mix(seed));
}

/* Number i of a stream, even in [-1, 1). */
static inline double formula_unit(uint32_t stream, uint32_t i)
{
    return (double)(formula_mix(i + stream) >> 8) / 8388608.0 - 1.0;
}

/* +1 or -1 */
static inline double formula_sign(uint32_t stream, uint32_t i)
{
    return formula_mix(i + stream) >> 31 ? 1.0 : -1.0;
}

#endif
