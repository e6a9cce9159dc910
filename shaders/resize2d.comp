#include "common.glsl"
#include "image.glsl"
#include "resize.glsl"
// One element per invocation.
layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Y { float y[]; };

float across_of(uint line, tap u)
{
    return (1.0 - u.weight) * x[line + u.a] + u.weight * x[line + u.b];
}

void main()
{
    uint i = index();
    if (i >= count)
        return;
    place o = place_of(i, down.to, across.to);
    tap v = tap_of(o.row, down), u = tap_of(o.column, across);
    uint plane = o.plane * down.from.n, wide = across.from.n;
    if (bilinear)
        y[i] = (1.0 - v.weight) * across_of((plane + v.a) * wide, u) + v.weight * across_of((plane + v.b) * wide, u);
    else
        y[i] = x[(plane + v.a) * wide + u.a];
}
