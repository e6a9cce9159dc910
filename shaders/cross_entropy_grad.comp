#include "common.glsl"
// dx = dloss (softmax(x) - wanted distribution): even = smoothing / classes of every class, and rest of the target.
#define MORE               \
    uint ignores;          \
    int ignored;           \
    float rest, even;
#include "line.glsl"
#include "target.glsl"

layout(set = 0, binding = 2, std430) readonly buffer Gradient { float dloss[]; };
layout(set = 0, binding = 3, std430) writeonly buffer To { float dx[]; };

float factor_of(uint result, int wanted)
{
    if (is_ignored(wanted))
        return 0.0;
    return is_class(wanted) ? dloss[result] : nan();
}

void main()
{
    job j = job_of();
    line l = line_of(j);
    int wanted = target[j.result];
    float d = factor_of(j.result, wanted);
    for (uint k = j.first; k < j.end; k += lanes) {
        uint at = l.start + term(k);
        dx[at] = d * (cnn_exp(x[at] - l.largest) / l.sum - (even + (k == uint(wanted) ? rest : 0.0)));
    }
}
