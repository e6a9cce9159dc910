#include "common.glsl"
// `left` of gemm.glsl as gemm_texels.comp reads it best: packed[g, block of rows, k, row of the block], blocks as whole
// fours of rows of which the last may hold anything. An invocation moves four rows.
layout(set = 0, binding = 0) uniform samplerBuffer left;
layout(set = 0, binding = 1) restrict writeonly buffer results {
    float packed[];
};

layout(push_constant) uniform arguments {
    uint count, rows;
    uint fours; // of a block
    divisor by_fours;
    uint terms;
    divisor by_terms;
    uint blocks;
    divisor by_blocks;
    uint s_taps;
    divisor by_s_taps;
    uint r_taps;
    divisor by_r_taps;
    uint left_first, left_group, left_row, left_c, left_r, left_s;
};

void main()
{
    uint at = index();
    if (at >= count)
        return;
    uint above = divide(at, by_fours), four = at - above * fours;
    uint nth = divide(above, by_terms), k = above - nth * terms;
    uint group = divide(nth, by_blocks), row = ((nth - group * blocks) * fours + four) * 4;
    uint line = divide(k, by_s_taps), s = k - line * s_taps;
    uint c = divide(line, by_r_taps), r = line - c * r_taps;
    uint from = left_first + group * left_group + c * left_c + r * left_r + s * left_s;
    uint last = rows - 1, step = left_row;
    for (uint i = 0; i < 4; i++)
        packed[at * 4 + i] = texelFetch(left, int(from + min(row + i, last) * step)).x;
}
