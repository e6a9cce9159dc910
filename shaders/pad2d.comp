#include "common.glsl"
#include "image.glsl"
#include "pad.glsl"
// One element per invocation: its source, as bits, or the constant.
layout(set = 0, binding = 0, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Y { uint y[]; };

// Source of position o, or -1.
int source_of(uint o, axis a)
{
    int at = int(o) - a.before, n = int(a.from.n);
    if (at >= 0 && at < n)
        return at;
    if (mode == REFLECT)
        return at < 0 ? -at : 2 * (n - 1) - at;
    if (mode == REPLICATE)
        return at < 0 ? 0 : n - 1;
    if (mode == CIRCULAR)
        return at < 0 ? at + n : at - n;
    return -1;
}

void main()
{
    uint i = index();
    if (i >= count)
        return;
    place o = place_of(i, down.to, across.to);
    int row = source_of(o.row, down), column = source_of(o.column, across);
    uint bits = value;
    if (row >= 0 && column >= 0)
        bits = x[(o.plane * down.from.n + uint(row)) * across.from.n + uint(column)];
    y[i] = bits;
}
