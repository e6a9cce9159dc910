#include "common.glsl"
#include "image.glsl"
#include "pool.glsl"
#include "pool_average.glsl"
// One window per invocation, row by row.
layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Y { float y[]; };

void main()
{
    uint i = index();
    if (i >= count)
        return;
    place o = place_of(i, rows, columns);
    span high = window_of(o.row, down), wide = window_of(o.column, across);
    float sum = 0.0;
    for (uint row = high.begin; row < high.end; row++) {
        uint line = (o.plane * down.from.n + row) * across.from.n;
        float part = 0.0;
        for (uint column = wide.begin; column < wide.end; column++)
            part += x[line + column];
        sum += part;
    }
    y[i] = sum / (float(high.counted) * float(wide.counted));
}
