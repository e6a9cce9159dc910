// Sums in registers: ROWS x 4 of an invocation. What a processor's driver is slow at is kept from it: there is nothing
// to unroll (that alone takes it longer than all else, at each start of a program), and columns are one vector.
layout(constant_id = 5) const bool EVEN = false; // parts have an even number of terms
#ifdef TEXELS
layout(constant_id = 6) const bool FOURS = false; // texels of `left` are four rows; its distances are in texels
#else
const bool FOURS = false;
#endif

// Does something with each four rows.
#define EACH_FOUR(DO)        \
    DO(0)                    \
    if (ROWS > 4) { DO(1) }  \
    if (ROWS > 8) { DO(2) DO(3) }

// Where four columns stand in `right`; at counts on from the elements that y and x name, which may lie outside.
struct four_columns {
    uvec4 at;
    ivec4 y, x;
};

four_columns columns_of(place p)
{
    // Not uvec4(0, 1, 2, 3) * ACROSS: vectors of specialisation constants are not valid to every validation layer.
    uint first = p.first_column + p.across;
    uvec4 n = min(uvec4(first, first + ACROSS, first + 2 * ACROSS, first + 3 * ACROSS), uvec4(columns - 1));
    uvec4 u = n / plane, rest = n - u * plane, i = rest / line;
    four_columns c;
    c.y = ivec4(i) * high_half(strides) + offset_y;
    c.x = ivec4(rest - i * line) * low_half(strides) + offset_x;
    c.at = right_first + p.group * right_group + u * right_u + uvec4(c.y * int(width) + c.x);
    return c;
}

four_columns own;

vec4 right_of(uint right_at, int y, int x)
{
    uvec4 at = own.at + right_at;
    bvec4 there = bvec4(true);
    if (FORM == 2) {
        bvec4 row_there = lessThan(uvec4(own.y + y), uvec4(sides_y));
        there = mix(bvec4(false), row_there, lessThan(uvec4(own.x + x), uvec4(sides_x)));
        at = mix(uvec4(0), at, there);
    }
    vec4 value = vec4(AT(right, at.x), AT(right, at.y), AT(right, at.z), AT(right, at.w));
    return mix(vec4(0.0), value, there);
}

// Where rows 4 * four and so on begin in `left`: the texel that has them, or each of them.
uvec4 rows_of(place p, uint four)
{
    uint row = p.first_row + p.down * ROWS, begin = left_first + p.group * left_group;
    return FOURS ? uvec4(begin + row / ROWS * left_row + min(four, (rows - 1 - row) / 4))
                 : begin + min(row + 4 * four + uvec4(0, 1, 2, 3), uvec4(rows - 1)) * left_row;
}

vec4 left_of(uvec4 at)
{
    vec4 value;
#ifdef TEXELS
    if (FOURS)
        value = texelFetch(left, int(at.x));
    else
#endif
        value = vec4(AT(left, at.x), AT(left, at.y), AT(left, at.z), AT(left, at.w));
    return value;
}

uvec4 rows_at[MOST_ROWS / 4];
vec4 factors[MOST_ROWS / 4], next_factors[MOST_ROWS / 4];

#define BEGIN(four)                       \
    rows_at[four] = rows_of(p, four);     \
    sums[4 * four] = vec4(0.0);           \
    sums[4 * four + 1] = vec4(0.0);       \
    sums[4 * four + 2] = vec4(0.0);       \
    sums[4 * four + 3] = vec4(0.0);
#define READ(four) factors[four] = left_of(rows_at[four] + t.left);
#define READ_NEXT(four) next_factors[four] = left_of(rows_at[four] + t.left);
#define ADD(four)                                  \
    sums[4 * four] += factors[four].x * values;     \
    sums[4 * four + 1] += factors[four].y * values; \
    sums[4 * four + 2] += factors[four].z * values; \
    sums[4 * four + 3] += factors[four].w * values;
#define ADD_NEXT(four)                                       \
    sums[4 * four] += next_factors[four].x * next_values;     \
    sums[4 * four + 1] += next_factors[four].y * next_values; \
    sums[4 * four + 2] += next_factors[four].z * next_values; \
    sums[4 * four + 3] += next_factors[four].w * next_values;
#define ADD_BOTH(four) ADD(four) ADD_NEXT(four)

// All that two terms need is read before they are added, since a call of a driver's may come between, and calls keep
// no registers.
void sum_in_registers(place p)
{
    uint k = p.part * part_terms, end = min(k + part_terms, terms);
    own = columns_of(p);
    term t = term_of(k), one_on = term_at(FORM == 0 ? 1 : 0, 0, FORM == 0 ? 0 : 1);
    vec4 values, next_values;
    EACH_FOUR(BEGIN)
    for (; k + 2 <= end; k += 2) {
        EACH_FOUR(READ)
        values = right_of(t.right, t.y, t.x);
        advance(t, one_on);
        EACH_FOUR(READ_NEXT)
        next_values = right_of(t.right, t.y, t.x);
        advance(t, one_on);
        EACH_FOUR(ADD_BOTH)
    }
    if (!EVEN && k < end) {
        EACH_FOUR(READ)
        values = right_of(t.right, t.y, t.x);
        EACH_FOUR(ADD)
    }
}

// In a loop, of sums that lie in memory: a processor's driver takes its time to translate what each result goes
// through, once for each place in the text.
void put_in_a_loop(place p)
{
    vec4 done[MOST_ROWS] = sums;
    uint first = p.first_row + p.down * ROWS, distance = out_row, end = rows, end_column = columns;
    [[dont_unroll]] for (uint j = 0; j < COLUMNS; j++) {
        uint at = column_begin(p, j);
        bool there = p.first_column + p.across + j * ACROSS < end_column;
        [[dont_unroll]] for (uint m = 0; m < ROWS; m++) {
            if (there && first + m < end)
                result[at] = EPILOGUE(done[m][j], at);
            at += distance;
        }
    }
}

void make_in_registers()
{
    place p = place_of_this();
    if (p.first_column >= columns || p.first_row + p.down * ROWS >= rows)
        return;
    read_arguments();
    sum_in_registers(p);
    put_in_a_loop(p);
}
