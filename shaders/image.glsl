// Places in images. A side is a length and the words that divide by it: vk_push(n), vk_push_divisor(n).
struct side {
    uint n;
    divisor by;
};

struct place {
    uint plane, row, column;
};

// Where element i lies in planes of `high` rows of `wide` elements.
place place_of(uint i, side high, side wide)
{
    uint line = divide(i, wide.by), plane = divide(line, high.by);
    return place(plane, line - plane * high.n, i - line * wide.n);
}

// begin, begin + 1, ..., end - 1; empty unless begin < end.
struct range {
    uint begin, end;
};

// ceil(a / b)
uint divide_up(uint a, side b)
{
    return divide(a + b.n - 1, b.by);
}
