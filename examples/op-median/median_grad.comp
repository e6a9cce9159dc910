#version 450
#extension GL_GOOGLE_include_directive : require
#include "cnnrun/kernel.glsl"
#include "median.glsl"

layout(set = 0, binding = 1, std430) readonly buffer Dy {
    float dy[];
};
layout(set = 0, binding = 2, std430) writeonly buffer Dx {
    float dx[];
};

// First window that reaches pixel p of an axis, and the last.
uint first_window(uint p)
{
    return p < k ? 0u : (p - k) / stride + 1u;
}

uint last_window(uint p, uint windows)
{
    return min(p / stride, windows - 1u);
}

// Each pixel asks the windows that cover it whether it is their median: no two invocations write one number.
void main()
{
    uint i = cnnrun_index();
    if (i >= n)
        return;
    uint column = i % w, row = i / w % h, image = i / (w * h);
    float sum = 0.0;
    for (uint r = first_window(row); r <= last_window(row, oh); r++)
        for (uint c = first_window(column); c <= last_window(column, ow); c++)
            if (rank(image * h * w, r * stride, c * stride, i) == (k * k - 1u) / 2u)
                sum += dy[(image * oh + r) * ow + c];
    dx[i] = sum;
}
