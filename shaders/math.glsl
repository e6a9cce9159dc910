// Functions of numbers: the formulas and coefficients of plugins/backends/cpu/isa/math.h, more where that calls libm.
// What is special (NaN, infinities, zeros, negative numbers) comes out as in C and is told by bits, since a driver may
// take it that there is no NaN and flush denormal numbers. `precise` stands where a driver's rearranging would spoil a
// result.
//
// Largest errors against C's double functions, of 24 million arguments each over all floats, on a driver that rounds
// + - * / and sqrt correctly (units in the last place; where the result is a normal number):
//   exp 1.02  expm1 1.7  log 0.9  log1p 1.5  sqrt 0.5  rsqrt 1.5  tanh 2.5  sigmoid 2.4  erf 1.3  sin, cos 2.7  pow 4.1

float nan()
{
    return uintBitsToFloat(0x7fc00000u);
}

float infinity()
{
    return uintBitsToFloat(0x7f800000u);
}

bool is_nan(float x)
{
    return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u;
}

uint sign_bit(float x)
{
    return floatBitsToUint(x) & 0x80000000u;
}

// y >= 0 with the sign of x.
float signed_as(float x, float y)
{
    return uintBitsToFloat(floatBitsToUint(y) | sign_bit(x));
}

// 2^n; n in [-127, 128] gives 0 and infinity at the ends.
float power_of_2(int n)
{
    return uintBitsToFloat(uint(n + 127) << 23);
}

// ---- exact

float cnn_sign(float x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0;
}

// From 2^23 on all are integers.
float cnn_floor(float x)
{
    return (floatBitsToUint(x) & 0x7fffffffu) < 0x4b000000u ? floor(x) : x;
}

// ---- roots: as good as the driver's sqrt, which Vulkan bounds by 4.5 ulp

float cnn_sqrt(float x)
{
    uint bits = floatBitsToUint(x);
    if ((bits & 0x7fffffffu) == 0u || bits == 0x7f800000u)
        return x;
    return sign_bit(x) != 0u ? nan() : sqrt(x);
}

float cnn_rsqrt(float x)
{
    uint bits = floatBitsToUint(x);
    if ((bits & 0x7fffffffu) == 0u)
        return signed_as(x, infinity());
    return bits == 0x7f800000u ? 0.0 : 1.0 / cnn_sqrt(x);
}

// ---- e^x

// e^r - 1 = r + r^2 (1/2 + r/6 + ...), |r| <= ln 2 / 2
float small_expm1(float r)
{
    float p = r * 1.394643228e-3 + 8.366588473e-3;
    p = p * r + 4.166628355e-2;
    p = p * r + 1.666654332e-1;
    p = p * r + 5.000000061e-1;
    return p * (r * r) + r;
}

// e^x = 2^n (1 + e): x = n ln 2 + r, ln 2 in two parts. Adding 1.5 * 2^23 rounds, and leaves n in the low bits.
float reduced_expm1(float x, out int n)
{
    precise float shifted = x * 1.44269502 + 12582912.0;
    precise float k = shifted - 12582912.0;
    precise float r = (x - k * 0.693359375) + k * 2.12194440e-4;
    n = int(floatBitsToUint(shifted) - 0x4b400000u);
    return small_expm1(r);
}

// (1 + e) 2^n, in two factors, since 2^n alone need not be a normal number when the product is.
float scaled(float e, int n)
{
    int half_n = n >> 1;
    precise float y = (1.0 + e) * power_of_2(half_n) * power_of_2(n - half_n);
    return y;
}

float cnn_exp(float x)
{
    int n;
    float low = x < -104.0 ? -104.0 : x;
    float e = reduced_expm1(89.0 < low ? 89.0 : low, n);
    return is_nan(x) ? x : scaled(e, n);
}

// 2^n e + (2^n - 1), halved for the sake of n = 128; below -18 all is -1.
float cnn_expm1(float x)
{
    int n;
    float low = x < -18.0 ? -18.0 : x;
    float e = reduced_expm1(89.0 < low ? 89.0 : low, n);
    float half_power = power_of_2(n - 1);
    precise float y = half_power * e + (half_power - 0.5);
    return is_nan(x) ? x : signed_as(x, y + y);
}

// (e^2x - 1) / (e^2x + 1) of |x|: 1 from 9.02 on.
float cnn_tanh(float x)
{
    float a = abs(x), e = cnn_expm1(2.0 * (9.5 < a ? 9.5 : a));
    return is_nan(x) ? x : signed_as(x, e / (e + 2.0));
}

// e^-|x| does not overflow: where x is negative the fraction is expanded by e^x.
float cnn_sigmoid(float x)
{
    float e = cnn_exp(-abs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

// ---- logarithms

const uint root_of_half = 0x3f3504f3u; // bits of 1/sqrt(2)

// x = 2^k (1 + f), 1/sqrt(2) <= 1 + f < sqrt(2); log(1 + f) = f - f^2/2 + f^3 (1/3 - f/4 + ...). x is normal and
// positive; k_more is added to k.
float normal_log(float x, float k_more)
{
    uint bits = floatBitsToUint(x) - root_of_half;
    float k = float(int(bits) >> 23) + k_more;
    float f = uintBitsToFloat((bits & 0x7fffffu) + root_of_half) - 1.0;
    float p = f * -7.865450418e-2 + 1.287920582e-1;
    p = p * f - 1.312529643e-1;
    p = p * f + 1.418141864e-1;
    p = p * f - 1.662496963e-1;
    p = p * f + 2.000228266e-1;
    p = p * f - 2.500079658e-1;
    p = p * f + 3.333331678e-1;
    precise float square = f * f;
    precise float y = p * (square * f) + k * -2.12194440e-4;
    precise float sum = ((y - 0.5 * square) + f) + k * 0.693359375;
    return sum;
}

// The bits of a denormal number, as a whole number, are x 2^149.
float cnn_log(float x)
{
    uint bits = floatBitsToUint(x);
    bool denormal = bits < 0x00800000u;
    float y = normal_log(denormal ? float(bits) : x, denormal ? -149.0 : 0.0);
    float special = (bits & 0x7fffffffu) == 0u ? -infinity() : bits == 0x7f800000u ? x : nan();
    return bits - 1u < 0x7f7fffffu ? y : special;
}

// log of u = 1 + x as it was rounded, and what the rounding took, over u.
float cnn_log1p(float x)
{
    uint bits = floatBitsToUint(x);
    precise float u = 1.0 + x;
    precise float lost = x - (u - 1.0);
    float y = normal_log(u, 0.0) + lost / u;
    float special = bits == 0xbf800000u ? -infinity() : bits == 0x7f800000u ? x : nan();
    bool ordinary = bits < 0x7f800000u || (bits >= 0x80000000u && bits < 0xbf800000u);
    return ordinary ? signed_as(x, y) : special;
}

// ---- erf: x + x p(x^2) up to 0.92, 1 - exp(-q(|x|)) beyond, where q = -log(1 - erf); 1 from 3.92 on

float cnn_erf(float x)
{
    float size = abs(x), a = 3.93 < size ? 3.93 : size, z = a * a;
    float p = z * -5.976896395e-4 + 4.990980998e-3;
    p = p * z - 2.676556774e-2;
    p = p * z + 1.12818028e-1;
    p = p * z - 3.761249432e-1;
    p = p * z + 1.2837915e-1;
    float q = a * 1.959358285e-4 - 3.04320475e-3;
    q = q * a + 2.222687403e-2;
    q = q * a - 1.039315082e-1;
    q = q * a - 6.371823409e-1;
    q = q * a - 1.127675575;
    q = q * a - 1.956872257e-4;
    float y = a < 0.92 ? p * a + a : 1.0 - cnn_exp(q);
    return is_nan(x) ? x : signed_as(x, y);
}

// ---- sine and cosine

// 32 bits of 2/pi, after two words of 0.
uint two_over_pi(uint word)
{
    return word < 2u    ? 0u
           : word == 2u ? 0xa2f9836eu
           : word == 3u ? 0x4e441529u
           : word == 4u ? 0xfc2757d1u
           : word == 5u ? 0xf534ddc0u
           : word == 6u ? 0xdb629599u
                        : 0x3c439041u;
}

// 32 bits of two words, after `shift` < 32 of them.
uint bits_after(uint shift, uint high, uint low)
{
    return (high << shift) | ((low >> 1) >> (31u - shift));
}

// |x| = quarters pi/2 + the result, modulo 2 pi; the result is in [-pi/4, pi/4]. Payne and Hanek, "Radian reduction for
// trigonometric functions", 1983: of the product with 2/pi only the part below 4 is computed, so x may be any finite
// number. |x| = m 2^(e - 31); bits of 2/pi above 2^(33 - e) only add multiples of 4, the 96 after them are enough.
float reduced_angle(float x, out uint quarters)
{
    uint bits = floatBitsToUint(x) & 0x7fffffffu;
    uint start = (bits < 0x3f000000u ? 126u : bits >> 23) - 96u; // e + 31
    uint word = start >> 5, shift = start & 31u;
    uint w1 = two_over_pi(word + 1u), w2 = two_over_pi(word + 2u);
    uint v0 = bits_after(shift, two_over_pi(word), w1), v1 = bits_after(shift, w1, w2);
    uint v2 = bits_after(shift, w2, two_over_pi(word + 3u));
    uint m = (bits << 8) | 0x80000000u, high1, low1, high2, low2, carry;
    umulExtended(m, v1, high1, low1);
    umulExtended(m, v2, high2, low2);
    uint middle = uaddCarry(high2, low1, carry);
    uint high = m * v0 + high1 + carry;

    // Two bits of quarters, then 64 of their fraction; one above 1/2 is taken from the next quarter.
    uint f = (high << 2) | (middle >> 30), g = (middle << 2) | (low2 >> 30);
    bool above = f >= 0x80000000u;
    quarters = (high >> 30) + (above ? 1u : 0u);
    g = above ? ~g + 1u : g;
    f = above ? ~f + (g == 0u ? 1u : 0u) : f;
    float r = (float(f) * 2.3283064365386963e-10 + float(g) * 5.421010862427522e-20) * 1.57079632679;
    bool is_small = bits < 0x3f490fdbu; // pi/4
    quarters = is_small ? 0u : quarters;
    return is_small ? abs(x) : above ? -r : r;
}

// sin(|x| + more pi/2)
float sine(float x, uint more)
{
    uint quarters;
    float r = reduced_angle(x, quarters), z = r * r;
    float s = z * -1.9517267e-4 + 8.3321779e-3;
    s = s * z - 1.66666549e-1;
    s = s * (z * r) + r;
    float c = z * 2.4463804e-5 - 1.38876541e-3;
    c = c * z + 4.16666546e-2;
    c = c * (z * z) + (1.0 - 0.5 * z);
    quarters += more;
    float y = (quarters & 1u) == 0u ? s : c;
    bool finite = (floatBitsToUint(x) & 0x7fffffffu) < 0x7f800000u;
    return !finite ? nan() : (quarters & 2u) == 0u ? y : -y;
}

float cnn_sin(float x)
{
    return uintBitsToFloat(floatBitsToUint(sine(x, 0u)) ^ sign_bit(x));
}

float cnn_cos(float x)
{
    return sine(x, 1u);
}

// ---- x^y

// The first 12 of a number's 24 bits: products of such parts are exact.
float head(float x)
{
    return uintBitsToFloat(floatBitsToUint(x) & 0xfffff000u);
}

// log2 of a positive number by its bits, as a sum of two: with x = 2^k m, s = (m - 1) / (m + 1),
// k + 2 / ln 2 (s + s^3 (1/3 + s^2/5 + ...)). s is found in two parts, the first of them and that of 2 / ln 2 multiply
// exactly.
vec2 parts_of_log2(uint bits)
{
    bool denormal = bits < 0x00800000u;
    uint from_half = (denormal ? floatBitsToUint(float(bits)) : bits) - root_of_half;
    float k = float(int(from_half) >> 23) - (denormal ? 149.0 : 0.0);
    float m = uintBitsToFloat((from_half & 0x7fffffu) + root_of_half);
    precise float f = m - 1.0, d = m + 1.0, d_lost = m - (d - 1.0);
    float s1 = head(f / d), d1 = head(d);
    precise float s2 = ((f - s1 * d1) - s1 * ((d - d1) + d_lost)) / d;
    float s = s1 + s2, z = s * s;
    float p = z * 1.17911466e-1 + 1.42686508e-1;
    p = p * z + 2.00001676e-1;
    p = p * z + 3.33333328e-1;
    precise float high = s1 * 2.884765625;
    precise float low = s1 * 6.2445678e-4 + (s * z * p + s2) * 2.88539008;
    precise float sum = k + high;
    precise float lost = high - (sum - k);
    return vec2(sum, lost + low);
}

// |x|^y = 2^(y log2 |x|), by the bits of a finite |x| > 0.
float power_of_size(uint bits, float y)
{
    vec2 l = parts_of_log2(bits);
    float l1 = head(l.x), y1 = head(y);
    precise float high = y1 * l1;
    precise float low = (y1 * (l.x - l1) + (y - y1) * l.x) + y * l.y;
    precise float shifted = (high + low) + 12582912.0;
    precise float k = shifted - 12582912.0;
    precise float r = (high - k) + low;
    float about = y * l.x;
    float power = scaled(small_expm1(r * 0.693147181), int(floatBitsToUint(shifted) - 0x4b400000u));
    return bits == 0x3f800000u ? 1.0 : about > 160.0 ? infinity() : about < -160.0 ? 0.0 : power;
}

float cnn_pow(float x, float y)
{
    uint bits = floatBitsToUint(x) & 0x7fffffffu, y_bits = floatBitsToUint(y) & 0x7fffffffu;
    bool at_end = bits == 0u || bits == 0x7f800000u;
    float end = (bits == 0u) != (sign_bit(y) != 0u) ? 0.0 : infinity();
    float power = at_end ? end : power_of_size(bits, y);

    // From 2^24 on y is an even number.
    float y_size = abs(y);
    uint n = y_bits < 0x4b800000u ? uint(y_size) : 0u;
    bool whole = y_bits >= 0x4b800000u || float(n) == y_size;
    if (sign_bit(x) != 0u)
        power = (n & 1u) != 0u && whole ? -power : whole || at_end ? power : nan();
    if (is_nan(x) || is_nan(y))
        power = nan();
    return floatBitsToUint(x) == 0x3f800000u || y_bits == 0u ? 1.0 : power;
}
