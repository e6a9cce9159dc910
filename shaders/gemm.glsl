#include "operands.glsl"
// The sums that convolutions, their gradients and products of matrices are: for each group g, row m and column
// n = (u, i, j), over the terms k = (c, r, s),
//
//   out[g, m, n] = sum over k of left[g, m, k] * right[g, u + c, y, x]
//   y = i * stride_y + r * step_y + offset_y, x = j * stride_x + s * step_x + offset_x
//
// where a term with y or x outside of the plane is 0. What is written u + c are two distances in memory. A
// convolution has columns (image, y, x) and terms (channel, tap y, tap x); the gradient of its weights columns
// (channel, tap y, tap x) and terms (image, y, x); a product of matrices has planes of one element.
//
// Work groups: x and y count tiles of the result, y rows first; z counts groups, and parts of the terms, each of which
// has a result of its own. This file says where operands and results lie; sums are made in registers alone
// (gemm_registers.glsl) or of tiles in shared memory (gemm_tiles.glsl).
layout(constant_id = 1) const uint ROWS = 8; // results of an invocation: ROWS, at most MOST_ROWS, x COLUMNS
layout(constant_id = 2) const uint DOWN = 8; // invocations of a work group: DOWN x ACROSS
layout(constant_id = 3) const uint ACROSS = 8;
layout(constant_id = 4) const uint FORM = 2; // 0: a term is one c, inside; 1: (c, r, s), inside; 2: any

const uint COLUMNS = 4, MOST_ROWS = 16;

OPERAND(0, left_operand, left)
OPERAND(1, right_operand, right)
layout(set = 0, binding = 2) restrict writeonly buffer results {
    float result[];
};
//$code
#ifndef EPILOGUE
#define EPILOGUE(value, at) (value)
#endif

layout(push_constant) uniform arguments {
    uint groups, rows, columns, plane, line; // columns of one u, and of one (u, i)
    uint terms, part_terms;                  // all, and those of a part
    uint taps;                               // how many s, and << 16 how many r
    uint left_first, left_group, left_row, left_c, left_r, left_s; // distances in elements
    uint right_first, right_group, right_u, right_c;
    uint height, width;
    uint strides, steps; // of x, and << 16 of y; signed
    int offset_y, offset_x;
    uint out_first, out_part, out_row, out_u, out_i, out_j;
};

const uint TILE_ROWS = ROWS * DOWN;
const uint TILE_COLUMNS = COLUMNS * ACROSS;

vec4 sums[MOST_ROWS];

// How far a term is from the first one.
struct term {
    uint r, s;
    uint left, right;
    int y, x;
};

int low_half(uint word)
{
    return bitfieldExtract(int(word), 0, 16);
}

int high_half(uint word)
{
    return int(word) >> 16;
}

term term_at(uint c, uint r, uint s)
{
    term t;
    t.r = r;
    t.s = s;
    t.y = int(r) * high_half(steps);
    t.x = int(s) * low_half(steps);
    t.left = c * left_c + r * left_r + s * left_s;
    t.right = c * right_c + uint(t.y * int(width) + t.x);
    return t;
}

// What loops need of the arguments is read once, before them: some drivers fetch an argument wherever it is named.
uint s_taps, r_taps, sides_y, sides_x;
term line_end, taps_end; // from past the last s of a line to the next r; from past the last r to the next c

void read_arguments()
{
    s_taps = taps & 0xffffu;
    r_taps = taps >> 16;
    sides_y = height;
    sides_x = width;
    line_end = term_at(0, 1, -s_taps);
    taps_end = term_at(1, -r_taps, 0);
}

term term_of(uint k)
{
    uint line_of_taps = k / s_taps, c = line_of_taps / r_taps;
    return term_at(c, line_of_taps - c * r_taps, k - line_of_taps * s_taps);
}

// The term as many terms on as `by` is from the first one.
void advance(inout term t, term by)
{
    t.left += by.left;
    t.right += by.right;
    if (FORM == 0)
        return;
    t.r += by.r;
    t.s += by.s;
    t.y += by.y;
    t.x += by.x;
    bool wraps = t.s >= s_taps;
    t.s -= wraps ? s_taps : 0;
    t.r += wraps ? 1 : 0;
    t.x += wraps ? line_end.x : 0;
    t.y += wraps ? line_end.y : 0;
    t.left += wraps ? line_end.left : 0;
    t.right += wraps ? line_end.right : 0;
    wraps = t.r >= r_taps;
    t.r -= wraps ? r_taps : 0;
    t.y += wraps ? taps_end.y : 0;
    t.left += wraps ? taps_end.left : 0;
    t.right += wraps ? taps_end.right : 0;
}

// The first result of a tile, and which invocation of it this is.
struct place {
    uint group, part;
    uint first_row, first_column;
    uint down, across;
};

place place_of_this()
{
    uint row_tiles = (rows + TILE_ROWS - 1) / TILE_ROWS, row_of_tiles = gl_WorkGroupID.y / row_tiles;
    uint me = gl_LocalInvocationID.x;
    place p;
    p.part = gl_WorkGroupID.z / groups;
    p.group = gl_WorkGroupID.z - p.part * groups;
    p.first_row = (gl_WorkGroupID.y - row_of_tiles * row_tiles) * TILE_ROWS;
    p.first_column = (row_of_tiles * gl_NumWorkGroups.x + gl_WorkGroupID.x) * TILE_COLUMNS;
    p.down = me / ACROSS;
    p.across = me % ACROSS;
    return p;
}

// Where column j of this invocation begins in the results.
uint column_begin(place p, uint j)
{
    uint n = p.first_column + p.across + j * ACROSS;
    uint u = n / plane, rest = n - u * plane, i = rest / line;
    uint row = p.group * rows + p.first_row + p.down * ROWS;
    return out_first + p.part * out_part + row * out_row + u * out_u + i * out_i + (rest - i * line) * out_j;
}
