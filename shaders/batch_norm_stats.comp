#include "common.glsl"
// Of parts of channels: the first number, the mean told from it, and the sum of squared distances from the mean;
// [3][parts][channels].
#include "walk.glsl"
#include "moments.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { float y[]; };

// Adds eight numbers, or the last few, by sums of their distances from the mean so far. Nothing cancels: that mean is
// near these numbers, or far from them for the sake of numbers whose share of the sum of squares is as large. Nor is
// the sum ever negative: squares >= sum^2 / 8, and in the first eight, where one distance is 0, >= sum^2 / 7.
void take(inout moments m, float sum, float squares_sum, float count)
{
    m.count += count;
    float step = sum / m.count;
    m.mean += step;
    m.squares += squares_sum - sum * step;
}

moments moments_of_terms(uint start, job j)
{
    moments m = moments(0.0, 0.0, 0.0);
    if (j.first >= j.end)
        return m;
    float first = x[start + term(j.first)];
    uint k = j.first;
    for (; k + 7 * lanes < j.end; k += 8 * lanes) {
        float sum = 0.0, squares_sum = 0.0;
        for (uint i = 0; i < 8; i++) {
            float d = x[start + term(k + i * lanes)] - first - m.mean;
            sum += d;
            squares_sum += d * d;
        }
        take(m, sum, squares_sum, 8.0);
    }
    float sum = 0.0, squares_sum = 0.0, count = 0.0;
    for (; k < j.end; k += lanes, count++) {
        float d = x[start + term(k)] - first - m.mean;
        sum += d;
        squares_sum += d * d;
    }
    if (count > 0.0)
        take(m, sum, squares_sum, count);
    m.mean += first - x[start + term(j.first - lane())];
    return m;
}

void main()
{
    job j = job_of();
    uint start = start_of(j.result);
    moments m = merged_lanes(moments_of_terms(start, j));
    if (j.writes) {
        y[j.item] = x[start + term(j.first)];
        y[items + j.item] = m.mean;
        y[2 * items + j.item] = m.squares;
    }
}
