// What a line of scores comes to: its largest, and the sum of exp(x - largest). NaN is never the largest, but makes the
// sum NaN; so does a line of -inf alone.
#include "walk.glsl"
#include "tree.glsl"
#include "math.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { float x[]; };

struct line {
    uint start;
    float largest, sum;
};

float largest_of_terms(uint start, job j)
{
    float largest = -infinity();
    for (uint k = j.first; k < j.end; k += lanes) {
        float other = x[start + term(k)];
        largest = other > largest ? other : largest;
    }
    return largest;
}

// Chains of up to 64 sums, then the sum of these.
float exp_sum_of_terms(uint start, float largest, job j)
{
    float sum = 0.0;
    for (uint k = j.first; k < j.end;) {
        float block = 0.0;
        for (uint i = 0; i < 64 && k < j.end; i++, k += lanes)
            block += cnn_exp(x[start + term(k)] - largest);
        sum += block;
    }
    return sum;
}

// To be called by all; every lane gets the result.
line line_of(job j)
{
    uint start = start_of(j.result);
    float largest = largest_of_lanes(largest_of_terms(start, j));
    return line(start, largest, sum_of_lanes(exp_sum_of_terms(start, largest, j)));
}
