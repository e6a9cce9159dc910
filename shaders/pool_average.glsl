// Windows of average pooling along an axis.
layout(constant_id = 1) const bool adaptive = false;
layout(constant_id = 2) const bool counts_padding = false;

struct span {
    uint begin, end; // within the image
    uint counted;    // what the average's divisor counts
};

// Adaptive window o is [floor(o * from / to), ceil((o + 1) * from / to)); the products are below 2^32. Others are
// clipped to the padded image, then counted, then clipped to the image.
span window_of(uint o, axis a)
{
    if (adaptive) {
        uint begin = divide(o * a.from.n, a.to.by), end = divide_up((o + 1) * a.from.n, a.to);
        return span(begin, end, end - begin);
    }
    int first = int(o * a.stride.n) - int(a.before), last = min(first + int(a.kernel), int(a.limit));
    uint begin = uint(max(first, 0)), end = uint(min(last, int(a.from.n)));
    return span(begin, end, counts_padding ? uint(last - first) : end - begin);
}

// Windows that position i lies in. Adaptive: the inequalities of window_of(), solved for o.
range averages_of(uint i, axis a)
{
    if (adaptive)
        return range(divide(i * a.to.n, a.from.by), divide_up((i + 1) * a.to.n, a.from));
    return windows_over(i + a.before, a.kernel - 1, a);
}
