#include "channel.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { NUMBER x[]; };
layout(set = 0, binding = 1, std430) readonly buffer Norm { vec4 norm[]; };
layout(set = 0, binding = 2, std430) writeonly buffer To { NUMBER y[]; };

void main()
{
    uint i = index();
    if (i >= n)
        return;
    vec4 k = norm[channel_of(i)];
    y[i] = ((x[i] - k.x) - k.y) * k.z + k.w;
}
