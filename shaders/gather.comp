#include "common.glsl"
#include "gather.glsl"
// The source's words in another order of axes.
layout(set = 0, binding = 0, std430) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { uint to[]; };

void main()
{
    uint i = index();
    if (i < n)
        to[i] = from[source_of(i)];
}
