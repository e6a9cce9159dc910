#include "common.glsl"
// Which term is the largest: of equal ones the first; NaN is larger than all else.
#include "walk.glsl"
#include "rank.glsl"

layout(set = 0, binding = 0, std430) readonly buffer From { uint x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { int y[]; };

struct candidate {
    uint rank, place;
};

shared uint ranks[64], places[64];

candidate better(candidate a, candidate b)
{
    bool second = b.rank > a.rank || (b.rank == a.rank && b.place < a.place);
    return candidate(second ? b.rank : a.rank, second ? b.place : a.place);
}

candidate best_of_terms(uint start, job j)
{
    candidate best = candidate(0, 0xffffffffu);
    for (uint k = j.first; k < j.end; k += lanes)
        best = better(best, candidate(rank_of(x[start + term(k)]), k));
    return best;
}

// For the first lane.
candidate best_of_lanes(candidate best)
{
    uint place = gl_LocalInvocationID.x;
    if (lanes == 1)
        return best;
    for (uint n = lanes / 2; n > 0; n /= 2) {
        ranks[place] = best.rank;
        places[place] = best.place;
        barrier();
        if (lane() < n)
            best = better(best, candidate(ranks[place + n * gap()], places[place + n * gap()]));
        barrier();
    }
    return best;
}

void main()
{
    job j = job_of();
    candidate best = best_of_lanes(best_of_terms(start_of(j.result), j));
    if (j.writes)
        y[j.item] = int(best.place);
}
