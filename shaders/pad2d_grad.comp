#include "common.glsl"
#include "image.glsl"
#include "pad.glsl"
// One element of dx per invocation: the sum of dy over what it was copied to.
layout(set = 0, binding = 0, std430) readonly buffer DY { float dy[]; };
layout(set = 0, binding = 1, std430) writeonly buffer DX { float dx[]; };

// How many positions copy_of() has to be asked for.
uint copies(uint i, axis a)
{
    if (mode == CONSTANT)
        return 1;
    if (mode != REPLICATE)
        return 3;
    uint before = i == 0 ? uint(a.before) : 0, after = i == a.from.n - 1 ? a.to.n - a.from.n - uint(a.before) : 0;
    return before + 1 + after;
}

// Position k, in ascending order, that i is copied to; not below a.to.n if there is none.
uint copy_of(uint i, uint k, axis a)
{
    const uint none = 0xffffffffu;
    uint at = i + uint(a.before);
    if (mode == REFLECT && k == 0)
        return i > 0 ? uint(a.before) - i : none;
    if (mode == REFLECT && k == 2)
        return i < a.from.n - 1 ? at + 2 * (a.from.n - 1 - i) : none;
    if (mode == REPLICATE)
        return (i == 0 ? 0 : at) + k;
    if (mode == CIRCULAR)
        return at + k * a.from.n - a.from.n;
    return at;
}

void main()
{
    uint i = index();
    if (i >= count)
        return;
    place at = place_of(i, down.from, across.from);
    uint rows = copies(at.row, down), columns = copies(at.column, across);
    float sum = 0.0;
    for (uint j = 0; j < rows; j++) {
        uint row = copy_of(at.row, j, down);
        if (row >= down.to.n)
            continue;
        float part = 0.0;
        for (uint k = 0; k < columns; k++) {
            uint column = copy_of(at.column, k, across);
            if (column < across.to.n)
                part += dy[(at.plane * down.to.n + row) * across.to.n + column];
        }
        sum += part;
    }
    dx[i] = sum;
}
