// Resizing along each axis: push_scale() of lower_pool.c. Output o lies at
//     max(o * step + plus - minus, 0) / whole
// in the input: a fraction of integers, all below 2^32 as lower_pool.c checks, so that what an output reads and which
// outputs read an input agree exactly.
struct axis {
    side from, to, step, whole;
    uint plus, minus;
};

layout(push_constant) uniform Push {
    uint count; // elements of the result
    axis down, across;
};

layout(constant_id = 1) const bool bilinear = true; // else the position is rounded down

// Two positions with the second one's weight.
struct tap {
    uint a, b;
    float weight;
};

// The position is at most from - 1 with aligned corners, and below from - 1/2 without.
tap tap_of(uint o, axis s)
{
    uint n = o * s.step.n + s.plus;
    n = n > s.minus ? n - s.minus : 0;
    uint a = divide(n, s.whole.by);
    return tap(a, min(a + 1, s.from.n - 1), float(n - a * s.whole.n) / float(s.whole.n));
}
