#include "common.glsl"
// `left` of gemm.glsl as gemm_texels.comp reads it best: packed[g, k, row], rows as whole fours of which the last may hold
// anything. An invocation moves four rows.
layout(set = 0, binding = 0) uniform samplerBuffer left;
layout(set = 0, binding = 1) restrict writeonly buffer results {
    float packed[];
};

layout(push_constant) uniform arguments {
    uint count, rows;
    uint fours; // of a term
    divisor by_fours;
    uint terms;
    divisor by_terms;
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
    uint nth = divide(at, by_fours), row = (at - nth * fours) * 4;
    uint group = divide(nth, by_terms), k = nth - group * terms;
    uint line = divide(k, by_s_taps), s = k - line * s_taps;
    uint c = divide(line, by_r_taps), r = line - c * r_taps;
    uint from = left_first + group * left_group + c * left_c + r * left_r + s * left_s;
    for (uint i = 0; i < 4; i++)
        packed[at * 4 + i] = texelFetch(left, int(from + min(row + i, rows - 1) * left_row)).x;
}
