#include "common.glsl"
#include "image.glsl"
#include "pool.glsl"
// One element of dx per invocation: the sum of dy over the windows that it wins, in the order of the windows. Binding 0
// is x, and winners are found anew; or it is the windows' winners, as max_pool2d tells them.
layout(constant_id = 3) const bool is_told = false;

layout(set = 0, binding = 0, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 1, std430) readonly buffer DY { float dy[]; };
layout(set = 0, binding = 2, std430) writeonly buffer DX { float dx[]; };

#include "pool_max.glsl"

void main()
{
    uint i = index();
    if (i >= count)
        return;
    place at = place_of(i, down.from, across.from);
    range rows = windows_over(at.row, down), columns = windows_over(at.column, across);
    float sum = 0.0;
    for (uint row = rows.begin; row < rows.end; row++) {
        uint line = (at.plane * down.to.n + row) * across.to.n;
        for (uint column = columns.begin; column < columns.end; column++) {
            uint o = line + column;
            uint won = is_told ? x[o] : winner_of(place(at.plane, row, column)).at;
            if (won == i)
                sum += dy[o];
        }
    }
    dx[i] = sum;
}
