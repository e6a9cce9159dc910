// Sums of tiles in shared memory: while one is used, the next is on its way to registers.
layout(constant_id = 8) const bool ALONG_TERMS = false; // in `right` neighbours in memory are terms, not columns

const uint TERMS = 16; // depth of a tile
const uint GROUP = DOWN * ACROSS;
const uint TILE_LINE = TILE_ROWS + 1; // odd: neighbouring terms lie in other banks
const uint LEFT_LOADS = ROWS * TERMS / ACROSS;
const uint RIGHT_LOADS = COLUMNS * TERMS / DOWN;

// Where a column stands in `right`; at counts on from the element that y and x name, which may lie outside.
struct column {
    uint at;
    int y, x;
};

shared float left_tile[TERMS * TILE_LINE];
shared float right_tile[TERMS * (TILE_COLUMNS + 1)];

float left_next[LEFT_LOADS], right_next[RIGHT_LOADS];
term left_term, right_term;
uint left_k, right_k;
column right_at[ALONG_TERMS ? RIGHT_LOADS : 1];

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

// 0 where the term is not there, or lies outside.
float right_there(column c, term t, bool there)
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
        right_next[n] = right_there(right_at[ALONG_TERMS ? n : 0], right_term, right_k < end);
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
        uint at = k * (TILE_COLUMNS + 1) + p.across;
        vec4 values = vec4(right_tile[at], right_tile[at + ACROSS], right_tile[at + 2 * ACROSS], right_tile[at + 3 * ACROSS]);
        [[unroll]] for (uint i = 0; i < ROWS; i++)
            sums[i] += left_tile[k * TILE_LINE + p.down * ROWS + i] * values;
    }
}

void sum_in_tiles(place p)
{
    uint first = p.part * part_terms, end = min(first + part_terms, terms);
    term left_by = term_of(TERMS), right_by = term_of(ALONG_TERMS ? TERMS : GROUP / TILE_COLUMNS);
    [[unroll]] for (uint i = 0; i < ROWS; i++)
        sums[i] = vec4(0.0);
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

void put_column(place p, uint j)
{
    uint at = column_begin(p, j), first = p.first_row + p.down * ROWS, distance = out_row, end = rows;
    bool there = p.first_column + p.across + j * ACROSS < columns;
    [[unroll]] for (uint m = 0; m < ROWS; m++) {
        if (there && first + m < end)
            result[at] = EPILOGUE(sums[m][j], at);
        at += distance;
    }
}

void make_in_tiles()
{
    place p = place_of_this();
    if (p.first_column >= columns)
        return;
    read_arguments();
    sum_in_tiles(p);
    [[unroll]] for (uint j = 0; j < COLUMNS; j++)
        put_column(p, j);
}
