#include "common.glsl"
// Maxima over axes, or of the parts [parts][results]; NaN if there is one.
#include "walk.glsl"
#include "rank.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { uint x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { uint y[]; };

shared uint tree[64];

uint highest_of_terms(uint start, job j)
{
    uint highest = 0;
    for (uint k = j.first; k < j.end; k += lanes)
        highest = max(highest, rank_of(x[start + term(k)]));
    return highest;
}

// For the first lane.
uint highest_of_lanes(uint highest)
{
    uint place = gl_LocalInvocationID.x;
    if (lanes == 1)
        return highest;
    tree[place] = highest;
    for (uint n = lanes / 2; n > 0; n /= 2) {
        barrier();
        if (lane() < n)
            tree[place] = max(tree[place], tree[place + n * gap()]);
    }
    return tree[place];
}

void main()
{
    job j = job_of();
    uint highest = highest_of_lanes(highest_of_terms(start_of(j.result), j));
    if (j.writes)
        y[j.item] = bits_of(highest);
}
