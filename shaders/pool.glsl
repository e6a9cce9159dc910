// Pooling along each axis: push_axis() of lower_pool.c. All sums of sizes and padding are below 2^30.
struct axis {
    side from, to; // of the image, of what is pooled from it
    uint kernel, dilation;
    side stride;
    uint before, limit; // padding before the image; its size with the padding after it
};

layout(push_constant) uniform Push {
    uint count; // elements of the result
    axis down, across;
};

// Windows that reach over position i: window o begins at o * stride - before.
range windows_over(uint i, axis a)
{
    uint at = i + a.before, reach = (a.kernel - 1) * a.dilation;
    uint begin = at > reach ? divide_up(at - reach, a.stride) : 0;
    return range(begin, min(divide(at, a.stride.by) + 1, a.to.n));
}
