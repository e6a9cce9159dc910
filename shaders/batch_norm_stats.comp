#include "common.glsl"
// Mean and sum of squared distances of parts of channels, [2][parts][channels].
#include "walk.glsl"
#include "moments.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { float y[]; };

// Sums of d and d^2, d = x - first. As the first d is 0, squares - sum^2 / n >= squares / n: never negative; and what
// is lost by a first number far away is little against its own share of the variance.
moments moments_of_terms(uint start, job j)
{
    if (j.first >= j.end)
        return moments(0.0, 0.0, 0.0);
    float first = pivot_of(x[start + term(j.first)]), sum = 0.0, squares_sum = 0.0;
    uint k = j.first;
    for (; k + 7 * lanes < j.end; k += 8 * lanes) {
        float eight = 0.0, eight_squares = 0.0;
        for (uint i = 0; i < 8; i++) {
            float d = x[start + term(k + i * lanes)] - first;
            eight += d;
            eight_squares += d * d;
        }
        sum += eight;
        squares_sum += eight_squares;
    }
    for (; k < j.end; k += lanes) {
        float d = x[start + term(k)] - first;
        sum += d;
        squares_sum += d * d;
    }
    float count = float((j.end - j.first + lanes - 1) / lanes), mean = sum / count;
    return moments(count, first - pivot_of(x[start]) + mean, squares_sum - sum * mean);
}

void main()
{
    job j = job_of();
    moments m = merged_lanes(moments_of_terms(start_of(j.result), j));
    if (j.writes) {
        y[j.item] = m.mean;
        y[items + j.item] = m.squares;
    }
}
