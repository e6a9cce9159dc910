#include "common.glsl"
// loss = rest (lse - x[target]) + smoothing (lse - mean(x)), lse = log(sum(exp(x))), rest = 1 - smoothing.
#define MORE               \
    uint ignores;          \
    int ignored;           \
    float rest, smoothing, per_class; /* 1 / classes */
#include "line.glsl"
#include "target.glsl"

layout(set = 0, binding = 2, std430) writeonly buffer Loss { float loss[]; };

// Of the distances to the largest: what is large in common does not cost digits.
float mean_below(line l, job j)
{
    float sum = 0.0;
    for (uint k = j.first; k < j.end;) {
        float block = 0.0;
        for (uint i = 0; i < 64 && k < j.end; i++, k += lanes)
            block += x[l.start + term(k)] - l.largest;
        sum += block * per_class;
    }
    return sum_of_lanes(sum);
}

float loss_of(line l, int wanted, float mean)
{
    if (is_ignored(wanted))
        return 0.0;
    if (!is_class(wanted))
        return nan();
    float log_sum = cnn_log(l.sum);
    float plain = rest * (log_sum - (x[l.start + term(uint(wanted))] - l.largest));
    return smoothing > 0.0 ? plain + smoothing * (log_sum - mean) : plain;
}

void main()
{
    job j = job_of();
    line l = line_of(j);
    float mean = 0.0;
    if (smoothing > 0.0)
        mean = mean_below(l, j);
    if (j.writes)
        loss[j.result] = loss_of(l, target[j.result], mean);
}
