#include "common.glsl"
// Softmax along lines, or its logarithm.
#include "line.glsl"

layout(constant_id = 5) const uint logarithm = 0;
layout(set = 0, binding = 1, std430) writeonly buffer To { float y[]; };

void main()
{
    job j = job_of();
    line l = line_of(j);
    float log_sum = logarithm != 0 ? cnn_log(l.sum) : 0.0;
    for (uint k = j.first; k < j.end; k += lanes) {
        uint at = l.start + term(k);
        float d = x[at] - l.largest;
        y[at] = logarithm != 0 ? d - log_sum : cnn_exp(d) / l.sum;
    }
}
