/* Functions of vectors, 1 to 3 units in the last place from the true value: the argument is reduced
 * with a constant in two parts (Cody and Waite 1980), the rest is a polynomial with the least
 * largest error, found by Remez' exchange. No table, no branch; what is special is chosen at the
 * end. sin, cos and pow go through libm lane by lane. */
#ifndef CPU_MATH_H
#define CPU_MATH_H

#include <math.h>

#include "vector.h"

/* What the vector types have no word for. */
#if defined(__AVX512F__) && CPU_LANES == 16
#include <immintrin.h>
#define CPU_INTRINSIC(name) _mm512_##name##_ps
#elif defined(__AVX__) && CPU_LANES == 8
#include <immintrin.h>
#define CPU_INTRINSIC(name) _mm256_##name##_ps
#elif defined(__SSE2__) && CPU_LANES == 4
#include <immintrin.h>
#define CPU_INTRINSIC(name) _mm_##name##_ps
#elif defined(__aarch64__) && CPU_LANES == 4
#include <arm_neon.h>
#define CPU_NEON
#endif

/* a < b ? a : b, so b when one of them is NaN; minps is defined the same. */
ALWAYS vf vmin(vf a, vf b)
{
#ifdef CPU_INTRINSIC
    return CPU_INTRINSIC(min)(a, b);
#else
    return choose(a < b, a, b);
#endif
}

/* b < a ? a : b */
ALWAYS vf vmax(vf a, vf b)
{
#ifdef CPU_INTRINSIC
    return CPU_INTRINSIC(max)(a, b);
#else
    return choose(b < a, a, b);
#endif
}

ALWAYS vf vsqrt(vf x)
{
#ifdef CPU_INTRINSIC
    return CPU_INTRINSIC(sqrt)(x);
#elif defined(CPU_NEON)
    return (vf)vsqrtq_f32((float32x4_t)x);
#else
    for (int i = 0; i < LANES; i++)
        x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

#undef CPU_INTRINSIC
#undef CPU_NEON

ALWAYS vf vrsqrt(vf x)
{
    return 1 / vsqrt(x);
}

ALWAYS vi sign_bit(vf x)
{
    return (vi)x & (int32_t)0x80000000;
}

ALWAYS vf vabs(vf x)
{
    return (vf)((vi)x & 0x7fffffff);
}

/* 1 where the mask is set, else 0. */
ALWAYS vf truth(vi mask)
{
    return (vf)(mask & (vi)splat(1));
}

ALWAYS vf vsign(vf x)
{
    return truth(x > 0) - truth(x < 0);
}

/* Adding 2^23 rounds to an integer: no fraction fits beside it. From 2^23 on all are integers. */
ALWAYS vf vfloor(vf x)
{
    const vf big = (vf)((vi)splat(0x1p23f) | sign_bit(x));
    vf near = (x + big) - big;
    near -= truth(near > x);
    return choose(vabs(x) < 0x1p23f, (vf)((vi)near | sign_bit(x)), x);
}

/* 2^n; n in [-127, 128] gives 0 and infinity at the ends. */
ALWAYS vf power_of_2(vi n)
{
    return (vf)(((vu)n + 127) << 23);
}

/* e^x = 2^n (1 + e): x = n ln 2 + r, |r| <= ln 2 / 2, e = r + r^2 (1/2 + r/6 + ...). Adding
 * 1.5 * 2^23 rounds, and leaves n in the low bits. */
ALWAYS vf reduced_expm1(vf x, vi *n)
{
    const vf shifted = x * 0x1.715476p0f + 0x1.8p23f, k = shifted - 0x1.8p23f;
    const vf r = (x - k * 0x1.63p-1f) + k * 2.12194440e-4f;
    vf p = r * 1.394643228e-3f + 8.366588473e-3f;
    p = p * r + 4.166628355e-2f;
    p = p * r + 1.666654332e-1f;
    p = p * r + 5.000000061e-1f;
    *n = (vi)((vu)shifted - 0x4b400000u);
    return p * (r * r) + r;
}

/* Two factors, since 2^n alone need not be a normal number when e^x is finite. */
ALWAYS vf vexp(vf x)
{
    vi n;
    const vf e = reduced_expm1(vmin(splat(89), vmax(splat(-104), x)), &n);
    const vi half = n >> 1;
    return (1 + e) * power_of_2(half) * power_of_2((vi)((vu)n - (vu)half));
}

/* 2^n e + (2^n - 1), halved for the sake of n = 128; below -18 all is -1. */
ALWAYS vf vexpm1(vf x)
{
    vi n;
    const vf e = reduced_expm1(vmin(splat(89), vmax(splat(-18), x)), &n);
    const vf half = power_of_2((vi)((vu)n - 1u));
    const vf y = half * e + (half - 0.5f);
    return (vf)((vi)(y + y) | sign_bit(x));
}

/* (e^2x - 1) / (e^2x + 1) of |x|: 1 from 9.02 on. */
ALWAYS vf vtanh(vf x)
{
    const vf e = vexpm1(2 * vmin(splat(9.5f), vabs(x)));
    return (vf)((vi)(e / (e + 2)) | sign_bit(x));
}

/* e^-|x| does not overflow: where x is negative the fraction is expanded by e^x. */
ALWAYS vf vsigmoid(vf x)
{
    const vf e = vexp((vf)((vi)x | (int32_t)0x80000000));
    return choose(x < 0, e, splat(1)) / (1 + e);
}

/* x = 2^k (1 + f), 1/sqrt(2) <= 1 + f < sqrt(2); log(1 + f) = f - f^2/2 + f^3 (1/3 - f/4 + ...).
 * x is normal and positive; k_more is added to k. */
ALWAYS vf normal_log(vf x, vf k_more)
{
    const vu half = (vu)splat(0x1.6a09e6p-1f), bits = (vu)x - half;
    const vf k = __builtin_convertvector((vi)bits >> 23, vf) + k_more;
    const vf f = (vf)((bits & 0x7fffffu) + half) - 1;
    vf p = f * -7.865450418e-2f + 1.287920582e-1f;
    p = p * f - 1.312529643e-1f;
    p = p * f + 1.418141864e-1f;
    p = p * f - 1.662496963e-1f;
    p = p * f + 2.000228266e-1f;
    p = p * f - 2.500079658e-1f;
    p = p * f + 3.333331678e-1f;
    const vf square = f * f;
    p = p * (square * f) + k * -2.12194440e-4f;
    return ((p - 0.5f * square) + f) + k * 0x1.63p-1f;
}

/* Denormal numbers are scaled by 2^25 first. */
ALWAYS vf vlog(vf x)
{
    const vi small = x < 0x1p-126f;
    const vf y = normal_log(choose(small, x * 0x1p25f, x), (vf)(small & (vi)splat(-25)));
    const vf special = choose(x < 0, splat(NAN), choose(x == 0, splat(-INFINITY), x));
    return choose((x > 0) & (x < INFINITY), y, special);
}

/* log of u = 1 + x as it was rounded, and what the rounding took, over u. */
ALWAYS vf vlog1p(vf x)
{
    const vf u = 1 + x, y = normal_log(u, splat(0)) + (x - (u - 1)) / u;
    const vf special = choose(x < -1, splat(NAN), choose(x == -1, splat(-INFINITY), x));
    return choose((x > -1) & (x < INFINITY), (vf)((vi)y | sign_bit(x)), special);
}

/* x + x p(x^2) up to 0.92, 1 - exp(-q(|x|)) beyond, where q = -log(1 - erf); 1 from 3.92 on. */
ALWAYS vf verf(vf x)
{
    const vf a = vmin(splat(3.93f), vabs(x)), z = x * x;
    vf p = z * -5.976896395e-4f + 4.990980998e-3f;
    p = p * z - 2.676556774e-2f;
    p = p * z + 1.12818028e-1f;
    p = p * z - 3.761249432e-1f;
    p = p * z + 1.2837915e-1f;
    vf q = a * 1.959358285e-4f - 3.04320475e-3f;
    q = q * a + 2.222687403e-2f;
    q = q * a - 1.039315082e-1f;
    q = q * a - 6.371823409e-1f;
    q = q * a - 1.127675575f;
    q = q * a - 1.956872257e-4f;
    const vf tail = (vf)((vi)(1 - vexp(q)) | sign_bit(x));
    return choose(vabs(x) < 0.92f, p * x + x, tail);
}

#endif
