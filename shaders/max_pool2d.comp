#include "common.glsl"
#include "image.glsl"
#include "pool.glsl"
// One window per invocation: its largest element, or (for the gradient) where in x that lies.
layout(constant_id = 5) const bool says_where = false;

layout(set = 0, binding = 0, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Y { uint y[]; };

#include "pool_max.glsl"

void main()
{
    uint i = index();
    if (i >= count)
        return;
    winner best = winner_of(place_of(i, rows, columns));
    y[i] = says_where ? best.at : best.bits;
}
