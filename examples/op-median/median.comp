#version 450
#extension GL_GOOGLE_include_directive : require
#include "cnnrun/kernel.glsl"
#include "median.glsl"

layout(set = 0, binding = 1, std430) writeonly buffer Y {
    float y[];
};

void main()
{
    uint i = cnnrun_index();
    if (i >= n)
        return;
    uint column = i % ow, row = i / ow % oh, plane = i / (ow * oh) * h * w;
    for (uint r = 0u; r < k; r++) {
        for (uint c = 0u; c < k; c++) {
            uint at = plane + (row * stride + r) * w + column * stride + c;
            if (rank(plane, row * stride, column * stride, at) == (k * k - 1u) / 2u)
                y[i] = x[at];
        }
    }
}
