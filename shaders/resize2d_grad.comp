#include "common.glsl"
#include "image.glsl"
#include "resize.glsl"
// One element of dx per invocation: the sum over the outputs that read it, row by row.
layout(set = 0, binding = 0, std430) readonly buffer DY { float dy[]; };
layout(set = 0, binding = 1, std430) writeonly buffer DX { float dx[]; };

// First output at `position` or after it. With a step of 0 all lie at 0.
uint first_at(uint position, axis s)
{
    if (s.step.n == 0)
        return position == 0 ? 0 : s.to.n;
    uint n = position * s.whole.n + s.minus;
    return min(n > s.plus ? divide_up(n - s.plus, s.step) : 0, s.to.n);
}

// Outputs between the neighbours of position i, if those have none before them: at 0 lies what was cut off there.
range readers_of(uint i, axis s)
{
    uint begin = bilinear ? (i > 1 ? first_at(i - 1, s) : 0) : first_at(i, s);
    return range(begin, i + 1 < s.from.n ? first_at(i + 1, s) : s.to.n);
}

// What arrives at position i of an output with gradient d. Each weight for itself: 0 times infinity counts.
float share(float d, tap t, uint i)
{
    float sum = 0.0;
    if (t.a == i)
        sum += bilinear ? d * (1.0 - t.weight) : d;
    if (bilinear && t.b == i)
        sum += d * t.weight;
    return sum;
}

void main()
{
    uint i = index();
    if (i >= count)
        return;
    place at = place_of(i, down.from, across.from);
    range rows = readers_of(at.row, down), columns = readers_of(at.column, across);
    float sum = 0.0;
    for (uint row = rows.begin; row < rows.end; row++) {
        uint line = (at.plane * down.to.n + row) * across.to.n;
        float part = 0.0;
        for (uint column = columns.begin; column < columns.end; column++)
            part += share(dy[line + column], tap_of(column, across), at.column);
        sum += share(part, tap_of(row, down), at.row);
    }
    dx[i] = sum;
}
