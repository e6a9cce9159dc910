#include "common.glsl"
// Sums over axes, times a factor; or, where there are several parts, sums of the parts [parts][results].
#define MORE float factor;
#include "walk.glsl"
#include "tree.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { float y[]; };

// Eight at a time: chains of sums stay short, and eight loads are under way.
float sum_of_terms(uint start, job j)
{
    float sum = 0.0;
    uint k = j.first;
    for (; k + 7 * lanes < j.end; k += 8 * lanes) {
        float eight = 0.0;
        for (uint i = 0; i < 8; i++)
            eight += x[start + term(k + i * lanes)];
        sum += eight;
    }
    for (; k < j.end; k += lanes)
        sum += x[start + term(k)];
    return sum;
}

void main()
{
    job j = job_of();
    float sum = sum_of_lanes(sum_of_terms(start_of(j.result), j));
    if (j.writes)
        y[j.item] = sum * factor;
}
