#include "common.glsl"
// Parts of channels as batch_norm_stats leaves them -> mean, variance, and what batch_norm needs.
#define MORE     \
    float eps;   \
    uint numbers, part_numbers; /* of a channel */
#include "walk.glsl"
#include "moments.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Parts { float part[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weight { float weight[]; };
layout(set = 0, binding = 2, std430) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Mean { float mean[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Variance { float variance[]; };
layout(set = 0, binding = 5, std430) writeonly buffer Norm { vec4 norm[]; };

// Any number near the mean will do: here the mean of a part in the middle, since at the beginning images are padded.
float pivot_of(uint channel)
{
    uint at = terms / 2 * results + channel;
    return part[at] + part[terms * results + at];
}

moments moments_of_parts(uint channel, float pivot, job j)
{
    moments all = moments(0.0, 0.0, 0.0);
    for (uint k = j.first; k < j.end; k += lanes) {
        uint left = numbers - k * part_numbers, at = k * results + channel;
        float count = float(left < part_numbers ? left : part_numbers);
        float from_pivot = part[at] - pivot + part[terms * results + at];
        all = merged(all, moments(count, from_pivot, part[2 * terms * results + at]));
    }
    return all;
}

// y = ((x - pivot) - (mean - pivot)) w / sqrt(variance + eps) + b
void main()
{
    job j = job_of();
    uint c = j.result;
    float pivot = pivot_of(c);
    moments m = merged_lanes(moments_of_parts(c, pivot, j));
    if (!j.writes)
        return;
    float v = m.squares / float(numbers);
    mean[c] = pivot + m.mean;
    variance[c] = v;
    norm[c] = vec4(pivot, m.mean, weight[c] * inversesqrt(v + eps), bias[c]);
}
