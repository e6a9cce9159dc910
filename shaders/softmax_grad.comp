#include "common.glsl"
// dx = y (dy - sum(y dy)); for the logarithm dy - exp(y) sum(dy).
#include "walk.glsl"
#include "tree.glsl"
#include "math.glsl"

layout(constant_id = 5) const uint logarithm = 0;
layout(set = 0, binding = 0, std430) readonly buffer From { float y[]; };
layout(set = 0, binding = 1, std430) readonly buffer Gradient { float dy[]; };
layout(set = 0, binding = 2, std430) writeonly buffer To { float dx[]; };

float sum_of_terms(uint start, job j)
{
    float sum = 0.0;
    for (uint k = j.first; k < j.end;) {
        float block = 0.0;
        for (uint i = 0; i < 64 && k < j.end; i++, k += lanes) {
            uint at = start + term(k);
            block += logarithm != 0 ? dy[at] : y[at] * dy[at];
        }
        sum += block;
    }
    return sum;
}

void main()
{
    job j = job_of();
    uint start = start_of(j.result);
    float sum = sum_of_lanes(sum_of_terms(start, j));
    for (uint k = j.first; k < j.end; k += lanes) {
        uint at = start + term(k);
        dx[at] = logarithm != 0 ? dy[at] - cnn_exp(y[at]) * sum : y[at] * (dy[at] - sum);
    }
}
