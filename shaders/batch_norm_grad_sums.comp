#include "common.glsl"
// Sums of dy and of dy (x - mean) over parts of channels, [2][parts][channels].
#include "walk.glsl"
#include "tree.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer Gradient { float dy[]; };
layout(set = 0, binding = 2, std430) readonly buffer Mean { float mean[]; };
layout(set = 0, binding = 3, std430) writeonly buffer To { float y[]; };

vec2 sums_of_terms(uint start, float middle, job j)
{
    vec2 sums = vec2(0.0);
    uint k = j.first;
    for (; k + 7 * lanes < j.end; k += 8 * lanes) {
        vec2 eight = vec2(0.0);
        for (uint i = 0; i < 8; i++) {
            uint at = start + term(k + i * lanes);
            eight += dy[at] * vec2(1.0, x[at] - middle);
        }
        sums += eight;
    }
    for (; k < j.end; k += lanes) {
        uint at = start + term(k);
        sums += dy[at] * vec2(1.0, x[at] - middle);
    }
    return sums;
}

void main()
{
    job j = job_of();
    vec2 sums = sums_of_terms(start_of(j.result), mean[j.result], j);
    float sum = sum_of_lanes(sums.x), product = sum_of_lanes(sums.y);
    if (j.writes) {
        y[j.item] = sum;
        y[items + j.item] = product;
    }
}
