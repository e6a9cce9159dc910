#include "common.glsl"
#include "gather.glsl"
// The same for bytes, four to a word: an invocation makes a word. Those behind the last byte are zero.
layout(set = 0, binding = 0, std430) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { uint to[]; };

void main()
{
    uint place = index();
    if (place > (n - 1) / 4)
        return;
    uint word = 0;
    for (uint k = 0; k < 4 && 4 * place + k < n; k++) {
        uint at = source_of(4 * place + k);
        word |= (from[at / 4] >> at % 4 * 8 & 255) << k * 8;
    }
    to[place] = word;
}
