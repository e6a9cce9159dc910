#include "common.glsl"
// Parts of channels as batch_norm_grad_sums leaves them -> dw, db, and what batch_norm_grad needs.
#define MORE float eps, numbers; /* numbers of a channel */
#include "walk.glsl"
#include "tree.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Parts { float part[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weight { float weight[]; };
layout(set = 0, binding = 2, std430) readonly buffer Mean { float mean[]; };
layout(set = 0, binding = 3, std430) readonly buffer Variance { float variance[]; };
layout(set = 0, binding = 4, std430) writeonly buffer WeightGradient { float dw[]; };
layout(set = 0, binding = 5, std430) writeonly buffer BiasGradient { float db[]; };
layout(set = 0, binding = 6, std430) writeonly buffer Norm { vec4 norm[]; };

vec2 sums_of_parts(uint channel, job j)
{
    vec2 sums = vec2(0.0);
    for (uint k = j.first; k < j.end; k += lanes) {
        uint at = k * results + channel;
        sums += vec2(part[at], part[terms * results + at]);
    }
    return sums;
}

// dx = w r (dy - mean(dy) - (x - mean) r mean(dy xh)), xh = (x - mean) r, r = 1 / sqrt(variance + eps)
void main()
{
    job j = job_of();
    uint c = j.result;
    vec2 sums = sums_of_parts(c, j);
    float sum = sum_of_lanes(sums.x), product = sum_of_lanes(sums.y);
    if (!j.writes)
        return;
    float r = inversesqrt(variance[c] + eps);
    dw[c] = product * r;
    db[c] = sum;
    norm[c] = vec4(mean[c], sum / numbers, product * r * r / numbers, weight[c] * r);
}
