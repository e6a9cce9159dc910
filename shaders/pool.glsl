// Pooling along each axis: push_axis() of lower_pool.c. All sums of sizes and padding are below 2^30.
struct axis {
    side from, to; // of the image, of what is pooled from it
    uint kernel;
    side stride;
    uint before, limit; // padding before the image; its size with the padding after it
};

layout(push_constant) uniform Push {
    uint count;         // invocations that work: planes of rows of columns
    side rows, columns;
    axis down, across;
};

// Windows that reach over position `at` of the padded image: window o lies from o * stride to o * stride + reach.
range windows_over(uint at, uint reach, axis a)
{
    uint begin = at > reach ? divide_up(at - reach, a.stride) : 0;
    return range(begin, min(divide(at, a.stride.by) + 1, a.to.n));
}
