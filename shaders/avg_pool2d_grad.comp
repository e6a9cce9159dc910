#include "common.glsl"
#include "image.glsl"
#include "pool.glsl"
#include "pool_average.glsl"
// One element of dx per invocation: the sum over the windows that it lies in, row by row.
layout(set = 0, binding = 0, std430) readonly buffer DY { float dy[]; };
layout(set = 0, binding = 1, std430) writeonly buffer DX { float dx[]; };

void main()
{
    uint i = index();
    if (i >= count)
        return;
    place at = place_of(i, rows, columns);
    range high = averages_of(at.row, down), wide = averages_of(at.column, across);
    float sum = 0.0;
    for (uint row = high.begin; row < high.end; row++) {
        uint line = (at.plane * down.to.n + row) * across.to.n;
        float counted = float(window_of(row, down).counted), part = 0.0;
        for (uint column = wide.begin; column < wide.end; column++)
            part += dy[line + column] / (counted * float(window_of(column, across).counted));
        sum += part;
    }
    dx[i] = sum;
}
