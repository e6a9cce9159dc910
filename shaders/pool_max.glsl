// The winner of a window of max pooling, of bits of floats in x[]. Padding never wins, NaN does, of equals the first.
layout(constant_id = 1) const uint fixed_down = 0; // the kernel's size where its loops are to be unrolled, else 0
layout(constant_id = 2) const uint fixed_across = 0;
layout(constant_id = 3) const uint dilation_down = 1;
layout(constant_id = 4) const uint dilation_across = 1;

struct winner {
    uint at, bits;
};

const int LOWEST = int(0x80000000u), HIGHEST = 0x7fffffff;
const uint NOWHERE = 0xffffffffu, MINUS_INFINITY = 0xff800000u;

// Integers in the order of the floats: -0 equals 0, all NaN are equal and above the rest. Comparisons of floats would
// depend on what a driver makes of NaN and of subnormal numbers.
int order(uint bits)
{
    uint magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return HIGHEST;
    return bits == magnitude ? int(magnitude) : -int(magnitude);
}

// Taps before the image wrap to large numbers; taps outside load what is inside, and lose.
winner winner_of(place o)
{
    uint kernel_down = fixed_down > 0 ? fixed_down : down.kernel;
    uint kernel_across = fixed_across > 0 ? fixed_across : across.kernel;
    winner best = winner(NOWHERE, MINUS_INFINITY);
    int most = LOWEST;
    uint plane = o.plane * down.from.n * across.from.n;
    uint top = o.row * down.stride.n - down.before, left = o.column * across.stride.n - across.before;
    for (uint j = 0; j < kernel_down; j++) {
        uint row = top + j * dilation_down;
        uint line = plane + min(row, down.from.n - 1) * across.from.n;
        for (uint k = 0; k < kernel_across; k++) {
            uint column = left + k * dilation_across;
            uint at = line + min(column, across.from.n - 1), bits = x[at];
            int now = row < down.from.n && column < across.from.n ? order(bits) : LOWEST;
            if (now > most) {
                most = now;
                best = winner(at, bits);
            }
        }
    }
    return best;
}
