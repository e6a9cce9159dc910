#include "common.glsl"
#include "image.glsl"
#include "pool.glsl"
#include "pool_average.glsl"
// One large window per work group of 64 invocations: 8 x 8 of them lie over it like a tile that is moved along; then a
// tree sums what they found.
const uint LANES = 64, TILE = 8;

layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Y { float y[]; };

shared float parts[LANES];

float part_of(uint plane, span high, span wide, uint lane)
{
    float sum = 0.0;
    for (uint row = high.begin + lane / TILE; row < high.end; row += TILE) {
        uint line = (plane * down.from.n + row) * across.from.n;
        float part = 0.0;
        for (uint column = wide.begin + lane % TILE; column < wide.end; column += TILE)
            part += x[line + column];
        sum += part;
    }
    return sum;
}

void main()
{
    uint i = index() / LANES, lane = gl_LocalInvocationID.x;
    place o = place_of(i, rows, columns);
    span high = window_of(o.row, down), wide = window_of(o.column, across);
    bool inside = i < count;
    parts[lane] = inside ? part_of(o.plane, high, wide, lane) : 0.0;
    for (uint apart = LANES / 2; apart > 0; apart /= 2) {
        barrier();
        if (lane < apart)
            parts[lane] += parts[lane + apart];
    }
    if (inside && lane == 0)
        y[i] = parts[0] / (float(high.counted) * float(wide.counted));
}
