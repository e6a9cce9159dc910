// Results that are each made of many terms, and who sees to which (walk.c lays the work out). The axes of a tensor
// stay, and count the results, or go, and count the terms; where neighbours are alike they are one axis, so that there
// are up to three of each. The terms of a result are cut into parts of `span`; an item is a part of a result, all first
// parts come first. The `lanes` invocations of an item lie in one work group: side by side where terms do so in
// memory, or (`across`) with the items between them, where results do.
//
// What a shader pushes behind this block's words it names in MORE.
layout(constant_id = 1) const uint lanes = 1; // a power of two, at most 64
layout(constant_id = 2) const uint across = 0;
layout(constant_id = 3) const uint n_kept = 1;
layout(constant_id = 4) const uint n_gone = 1;

struct axis {
    divisor by_size;
    uint size, stride;
};

#ifndef MORE
#define MORE
#endif

layout(push_constant) uniform Push {
    uint results, items, terms, span;
    divisor by_results;
    axis kept0, kept1; // the innermost first
    uint kept2;        // strides of the third
    axis gone0, gone1;
    uint gone2;
    MORE
};

// Of the first two axes what exists beyond it is left to the third.
uint offset(uint i, uint axes, axis axis0, axis axis1, uint stride2)
{
    if (axes == 1)
        return i * axis0.stride;
    uint rest = divide(i, axis0.by_size);
    uint at = (i - rest * axis0.size) * axis0.stride;
    if (axes == 2)
        return at + rest * axis1.stride;
    uint last = divide(rest, axis1.by_size);
    return at + (rest - last * axis1.size) * axis1.stride + last * stride2;
}

uint start_of(uint result)
{
    return offset(result, n_kept, kept0, kept1, kept2);
}

uint term(uint k)
{
    return offset(k, n_gone, gone0, gone1, gone2);
}

// Terms first, first + lanes, ... before end; none for an invocation behind the last item.
struct job {
    uint item, result, first, end;
    bool writes; // of an item's lanes one
};

uint lane()
{
    return across == 0 ? gl_LocalInvocationID.x % lanes : gl_LocalInvocationID.x / (gl_WorkGroupSize.x / lanes);
}

job job_of()
{
    uint rows = gl_WorkGroupSize.x / lanes, place = gl_LocalInvocationID.x;
    uint item = (index() - place) / lanes + (across == 0 ? place / lanes : place % rows);
    if (item >= items)
        return job(0, 0, 0, 0, false);
    uint part = divide(item, by_results);
    uint end = terms - part * span > span ? part * span + span : terms;
    return job(item, item - part * results, part * span + lane(), end, lane() == 0);
}

// Words of an item's lanes in shared memory.
uint gap()
{
    return across == 0 ? 1 : gl_WorkGroupSize.x / lanes;
}
