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
// has a result of its own.
layout(constant_id = 1) const uint ROWS = 8; // results of an invocation: ROWS x COLUMNS
layout(constant_id = 2) const uint COLUMNS = 4;
layout(constant_id = 3) const uint DOWN = 8; // invocations of a work group: DOWN x ACROSS
layout(constant_id = 4) const uint ACROSS = 8;
layout(constant_id = 5) const uint FORM = 2;            // 0: a term is one c, inside; 1: (c, r, s), inside; 2: any
layout(constant_id = 6) const bool SHARED = false;      // tiles in shared memory, or registers alone
layout(constant_id = 7) const bool ALONG_TERMS = false; // in `right` neighbours in memory are terms, not columns

layout(constant_id = 8) const bool EVEN = false; // parts have an even number of terms

#ifdef TEXELS
layout(constant_id = 9) const bool FOURS = false; // texels of `left` are four rows; its distances are in texels
#endif
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

const uint TERMS = 16; // depth of a tile in shared memory
const uint TILE_ROWS = ROWS * DOWN;
const uint TILE_COLUMNS = COLUMNS * ACROSS;
const uint GROUP = DOWN * ACROSS;
const uint TILE_LINE = TILE_ROWS + 1; // odd: neighbouring terms lie in other banks
const uint LEFT_LOADS = ROWS * TERMS / ACROSS;
const uint RIGHT_LOADS = COLUMNS * TERMS / DOWN;

float sums[ROWS * COLUMNS];

// Where a column stands in `right`; at counts on from the element that y and x name, which may lie outside.
struct column {
    uint at;
    int y, x;
};

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

column column_of(uint n, uint group)
{
    n = min(n, columns - 1);
    uint u = n / plane, rest = n - u * plane, i = rest / line;
    column c;
    c.y = int(i) * high_half(strides) + offset_y;
    c.x = int(rest - i * line) * low_half(strides) + offset_x;
    c.at = right_first + group * right_group + u * right_u + uint(c.y * int(width) + c.x);
    return c;
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

// 0 where the term is not there, or lies outside.
float right_of(column c, term t, bool there)
{
    if (FORM == 2)
        there = there && uint(c.y + t.y) < sides_y && uint(c.x + t.x) < sides_x;
    uint at = there ? c.at + t.right : 0;
    float value = AT(right, at);
    return there ? value : 0.0;
}

uint left_row_at(uint row, uint group)
{
    return left_first + group * left_group + min(row, rows - 1) * left_row;
}

// The first result of a tile, and which invocation of it this is.
struct place {
    uint first_row, first_column, group, down, across;
};

// ---- sums in registers: all that some terms need is read before they are added, since a call of a driver's may come
// between, and calls keep no registers ----

const uint AT_ONCE = 2; // terms

float factors[AT_ONCE * ROWS], values[AT_ONCE * COLUMNS];
column columns_at[COLUMNS];

#ifdef TEXELS
const uint READS = FOURS ? ROWS / 4 : ROWS;
uint rows_at[READS];

uint read_at(place p, uint i)
{
    uint row = p.first_row + p.down * ROWS;
    if (!FOURS)
        return left_row_at(row + i, p.group);
    return left_first + p.group * left_group + row / ROWS * left_row + min(i, (rows - 1 - row) / 4);
}

void read_factors(uint i, uint to, uint at)
{
    vec4 texel = texelFetch(left, int(at));
    if (FOURS) {
        to += 4 * i;
        factors[to] = texel.x;
        factors[min(to + 1, AT_ONCE * ROWS - 1)] = texel.y;
        factors[min(to + 2, AT_ONCE * ROWS - 1)] = texel.z;
        factors[min(to + 3, AT_ONCE * ROWS - 1)] = texel.w;
    } else {
        factors[to + i] = texel.x;
    }
}
#else
const uint READS = ROWS;
uint rows_at[READS];

uint read_at(place p, uint i)
{
    return left_row_at(p.first_row + p.down * ROWS + i, p.group);
}

void read_factors(uint i, uint to, uint at)
{
    factors[to + i] = AT(left, at);
}
#endif

// The n-th of some terms.
void read_term(uint n, term t)
{
    [[unroll]] for (uint i = 0; i < READS; i++)
        read_factors(i, n * ROWS, rows_at[i] + t.left);
    [[unroll]] for (uint j = 0; j < COLUMNS; j++)
        values[n * COLUMNS + j] = right_of(columns_at[j], t, true);
}

void add_terms(uint count)
{
    [[unroll]] for (uint i = 0; i < ROWS; i++)
        [[unroll]] for (uint j = 0; j < COLUMNS; j++)
            [[unroll]] for (uint n = 0; n < count; n++)
                sums[i * COLUMNS + j] += factors[n * ROWS + i] * values[n * COLUMNS + j];
}

void sum_in_registers(place p, uint first, uint end)
{
    [[unroll]] for (uint j = 0; j < COLUMNS; j++)
        columns_at[j] = column_of(p.first_column + p.across + j * ACROSS, p.group);
    [[unroll]] for (uint i = 0; i < READS; i++)
        rows_at[i] = read_at(p, i);
    term t = term_of(first), one_on = term_at(FORM == 0 ? 1 : 0, 0, FORM == 0 ? 0 : 1);
    uint k = first;
    for (; k + AT_ONCE <= end; k += AT_ONCE) {
        [[unroll]] for (uint n = 0; n < AT_ONCE; n++) {
            read_term(n, t);
            advance(t, one_on);
        }
        add_terms(AT_ONCE);
    }
    if (EVEN)
        return;
    for (; k < end; k++) {
        read_term(0, t);
        advance(t, one_on);
        add_terms(1);
    }
}

// ---- sums of tiles in shared memory: while one is used, the next is on its way to registers ----

#ifndef TEXELS // a processor's: what it need not translate costs no time when a program starts
shared float left_tile[TERMS * TILE_LINE];
shared float right_tile[TERMS * (TILE_COLUMNS + 1)];

float left_next[LEFT_LOADS], right_next[RIGHT_LOADS];
term left_term, right_term;
uint left_k, right_k;
column right_at[ALONG_TERMS ? RIGHT_LOADS : 1];

void begin_tiles(place p, uint first)
{
    uint me = gl_LocalInvocationID.x;
    left_k = first + me % TERMS;
    left_term = term_of(left_k);
    right_k = ALONG_TERMS ? left_k : first + me / TILE_COLUMNS;
    right_term = term_of(right_k);
    if (ALONG_TERMS) {
        [[unroll]] for (uint n = 0; n < RIGHT_LOADS; n++)
            right_at[ALONG_TERMS ? n : 0] = column_of(p.first_column + me / TERMS + n * (GROUP / TERMS), p.group);
    } else {
        right_at[0] = column_of(p.first_column + me % TILE_COLUMNS, p.group);
    }
}

void fetch_left(place p, uint end, term by)
{
    [[unroll]] for (uint n = 0; n < LEFT_LOADS; n++) {
        uint row = p.first_row + gl_LocalInvocationID.x / TERMS + n * (GROUP / TERMS);
        uint at = left_k < end ? left_row_at(row, p.group) + left_term.left : 0;
        float value = AT(left, at);
        left_next[n] = left_k < end ? value : 0.0;
    }
    left_k += TERMS;
    advance(left_term, by);
}

void fetch_right(uint end, term by)
{
    [[unroll]] for (uint n = 0; n < RIGHT_LOADS; n++) {
        right_next[n] = right_of(right_at[ALONG_TERMS ? n : 0], right_term, right_k < end);
        if (!ALONG_TERMS) {
            right_k += GROUP / TILE_COLUMNS;
            advance(right_term, by);
        }
    }
    if (ALONG_TERMS) {
        right_k += TERMS;
        advance(right_term, by);
    }
}

void put_tiles()
{
    uint me = gl_LocalInvocationID.x;
    [[unroll]] for (uint n = 0; n < LEFT_LOADS; n++)
        left_tile[me % TERMS * TILE_LINE + me / TERMS + n * (GROUP / TERMS)] = left_next[n];
    [[unroll]] for (uint n = 0; n < RIGHT_LOADS; n++) {
        uint k = ALONG_TERMS ? me % TERMS : me / TILE_COLUMNS + n * (GROUP / TILE_COLUMNS);
        uint at = ALONG_TERMS ? me / TERMS + n * (GROUP / TERMS) : me % TILE_COLUMNS;
        right_tile[k * (TILE_COLUMNS + 1) + at] = right_next[n];
    }
}

void multiply_tiles(place p)
{
    for (uint k = 0; k < TERMS; k++) {
        float values[COLUMNS];
        [[unroll]] for (uint j = 0; j < COLUMNS; j++)
            values[j] = right_tile[k * (TILE_COLUMNS + 1) + p.across + j * ACROSS];
        [[unroll]] for (uint i = 0; i < ROWS; i++) {
            float own = left_tile[k * TILE_LINE + p.down * ROWS + i];
            [[unroll]] for (uint j = 0; j < COLUMNS; j++)
                sums[i * COLUMNS + j] += own * values[j];
        }
    }
}

void sum_in_tiles(place p, uint first, uint end)
{
    term left_by = term_of(TERMS), right_by = term_of(ALONG_TERMS ? TERMS : GROUP / TILE_COLUMNS);
    begin_tiles(p, first);
    fetch_left(p, end, left_by);
    fetch_right(end, right_by);
    for (uint k = first; k < end; k += TERMS) {
        barrier();
        put_tiles();
        barrier();
        fetch_left(p, end, left_by);
        fetch_right(end, right_by);
        multiply_tiles(p);
    }
}
#else
void sum_in_tiles(place p, uint first, uint end) {}
#endif

// ---- results ----

// Where column j of the tile begins.
uint column_begin(place p, uint part, uint j)
{
    uint n = p.first_column + p.across + j * ACROSS;
    uint u = n / plane, rest = n - u * plane, i = rest / line;
    uint row = p.group * rows + p.first_row + p.down * ROWS;
    return out_first + part * out_part + row * out_row + u * out_u + i * out_i + (rest - i * line) * out_j;
}

void put_column(place p, uint part, uint j)
{
    uint at = column_begin(p, part, j), first = p.first_row + p.down * ROWS, distance = out_row, end = rows;
    bool there = p.first_column + p.across + j * ACROSS < columns;
    [[unroll]] for (uint m = 0; m < ROWS; m++) {
        if (there && first + m < end)
            result[at] = EPILOGUE(sums[m * COLUMNS + j], at);
        at += distance;
    }
}

// The same in a loop, of sums that lie in memory: a processor's driver takes its time to translate what each result
// goes through, once for each place in the text.
void put_in_a_loop(place p, uint part)
{
    float done[ROWS * COLUMNS];
    [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; n++)
        done[n] = sums[n];
    uint first = p.first_row + p.down * ROWS, distance = out_row, end = rows, end_column = columns;
    [[dont_unroll]] for (uint j = 0; j < COLUMNS; j++) {
        uint at = column_begin(p, part, j);
        bool there = p.first_column + p.across + j * ACROSS < end_column;
        [[dont_unroll]] for (uint m = 0; m < ROWS; m++) {
            if (there && first + m < end)
                result[at] = EPILOGUE(done[m * COLUMNS + j], at);
            at += distance;
        }
    }
}

void put_results(place p, uint part)
{
    if (SHARED) {
        [[unroll]] for (uint j = 0; j < COLUMNS; j++)
            put_column(p, part, j);
    } else {
        put_in_a_loop(p, part);
    }
}

void main()
{
    uint row_tiles = (rows + TILE_ROWS - 1) / TILE_ROWS, row_of_tiles = gl_WorkGroupID.y / row_tiles;
    uint part = gl_WorkGroupID.z / groups;
    place p;
    p.first_row = (gl_WorkGroupID.y - row_of_tiles * row_tiles) * TILE_ROWS;
    p.first_column = (row_of_tiles * gl_NumWorkGroups.x + gl_WorkGroupID.x) * TILE_COLUMNS;
    p.group = gl_WorkGroupID.z - part * groups;
    uint me = gl_LocalInvocationID.x;
    p.down = me / ACROSS;
    p.across = me % ACROSS;
    uint first = part * part_terms, end = min(first + part_terms, terms);
    if (p.first_column >= columns || (!SHARED && p.first_row + p.down * ROWS >= rows))
        return;
    read_arguments();
    [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; n++)
        sums[n] = 0.0;
    if (SHARED)
        sum_in_tiles(p, first, end);
    else
        sum_in_registers(p, first, end);
    put_results(p, part);
}
