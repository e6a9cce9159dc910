#include "common.glsl"
// Bytes, four to a word, of one input of a concat: columns first to first + width of each row of the result. An
// invocation owns a word of the result and keeps those of its bytes that come from other inputs.
layout(set = 0, binding = 0, std430) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1, std430) buffer To { uint to[]; };

layout(push_constant) uniform Push {
    uint n, width, first; // bytes of the result, of a row of the input
    uint row;             // of the result
    divisor by_row;
};

void main()
{
    uint place = index();
    if (place > (n - 1) / 4)
        return;
    uint word = 0, mine = 0;
    for (uint k = 0; k < 4 && 4 * place + k < n; k++) {
        uint y = divide(4 * place + k, by_row);
        uint x = 4 * place + k - y * row;
        uint at = y * width + x - first;
        if (x < first || x - first >= width)
            continue;
        word |= (from[at / 4] >> at % 4 * 8 & 255) << k * 8;
        mine |= 255u << k * 8;
    }
    if (mine != 0)
        to[place] = to[place] & ~mine | word;
}
