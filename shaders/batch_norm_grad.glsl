#include "channel.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { NUMBER x[]; };
layout(set = 0, binding = 1, std430) readonly buffer Gradient { NUMBER dy[]; };
layout(set = 0, binding = 2, std430) readonly buffer Norm { vec4 norm[]; };
layout(set = 0, binding = 3, std430) writeonly buffer To { NUMBER dx[]; };

void main()
{
    uint i = index();
    if (i >= n)
        return;
    vec4 k = norm[channel_of(i)];
    dx[i] = ((dy[i] - k.y) - (x[i] - k.x) * k.z) * k.w;
}
