/* Vectors of CPU_LANES floats by GCC's vector types. Included once by each isa/NAME.c, which
 * defines CPU_LANES before; everything is static. */
#ifndef CPU_VECTOR_H
#define CPU_VECTOR_H

#include <stdint.h>
#include <string.h>

#include "../kernels.h"

#define LANES CPU_LANES
#define ALWAYS static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef float vf_any __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

ALWAYS vf splat(float x)
{
    return x - (vf){ 0 };
}

ALWAYS vi splat_int(int32_t x)
{
    return x - (vi){ 0 };
}

/* From any address: images lie in plain rows when there are few of them, and on aligned ones these
 * cost nothing more. */
ALWAYS vf load(const float *p)
{
    return *(const vf_any *)(const void *)p;
}

ALWAYS void store(float *p, vf v)
{
    *(vf_any *)(void *)p = v;
}

/* mask ? a : b, lane by lane; mask is the result of a comparison (0 or -1). */
ALWAYS vf choose(vi mask, vf a, vf b)
{
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

/* NaN stays. */
ALWAYS vf clamped(vf x, float low, float high)
{
    return choose(x >= high, splat(high), choose(x <= low, splat(low), x));
}

/* -1 in the lanes of images that exist. */
ALWAYS vi image_mask(const cpu_tile *tile)
{
    vi lane;
    for (int i = 0; i < LANES; i++)
        lane[i] = i;
    return lane < splat_int((int32_t)tile->images);
}

/* Sum of the lanes, in a fixed order: halves are added to halves. */
ALWAYS float sum_lanes(vf v)
{
    float s[LANES];
    memcpy(s, &v, sizeof s);
    for (int n = LANES / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            s[i] += s[i + n];
    return s[0];
}

#endif
