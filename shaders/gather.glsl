// Where element i of a result comes from: coordinates along up to six axes, the innermost first, times strides of the
// source. The outermost axis takes what is left.
struct axis {
    divisor by_size;
    uint size, stride;
};

layout(push_constant) uniform Push {
    uint n;     // elements of the result
    uint first; // element of the source that the result's first one is
    uint axes;
    uint outer; // stride of the outermost axis
    axis axis0, axis1, axis2, axis3, axis4;
};

void step_along(axis a, inout uint rest, inout uint at)
{
    uint quotient = divide(rest, a.by_size);
    at += (rest - quotient * a.size) * a.stride;
    rest = quotient;
}

uint source_of(uint i)
{
    uint at = first;
    if (axes > 1)
        step_along(axis0, i, at);
    if (axes > 2)
        step_along(axis1, i, at);
    if (axes > 3)
        step_along(axis2, i, at);
    if (axes > 4)
        step_along(axis3, i, at);
    if (axes > 5)
        step_along(axis4, i, at);
    return at + i * outer;
}
