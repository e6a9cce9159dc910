#include "common.glsl"
// Rows of `width` words, each from a longer row of the source to its place in a longer row of the result: what concat
// writes of one input, and what slice takes. With `wide` all counts are of four words.
layout(constant_id = 1) const uint wide = 0;

layout(set = 0, binding = 0, std430) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { uint to[]; };
layout(set = 0, binding = 0, std430) readonly buffer From4 { uvec4 from4[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To4 { uvec4 to4[]; };

layout(push_constant) uniform Push {
    uint n, width;
    divisor by_width;
    uint from_row, from_first; // words from row to row, and before the first
    uint to_row, to_first;
};

void main()
{
    uint i = index();
    if (i >= n)
        return;
    uint row = divide(i, by_width);
    uint column = i - row * width;
    uint source = row * from_row + from_first + column;
    uint place = row * to_row + to_first + column;
    if (wide != 0)
        to4[place] = from4[source];
    else
        to[place] = from[source];
}
