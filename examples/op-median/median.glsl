// What both kernels share: the shapes, and the place of a pixel among those of a window.
layout(push_constant) uniform Shapes {
    uint n;         // numbers of the result
    uint h, w;      // of x
    uint oh, ow;    // of y
    uint k, stride;
};

layout(set = 0, binding = 0, std430) readonly buffer X {
    float x[];
};

// How many pixels of the window at (y0, x0) come before the one at index `at` when they are sorted: those that are
// smaller, and equal ones that are earlier in reading order.
uint rank(uint plane, uint y0, uint x0, uint at)
{
    float value = x[at];
    uint before = 0u;
    for (uint r = 0u; r < k; r++) {
        for (uint c = 0u; c < k; c++) {
            uint other = plane + (y0 + r) * w + x0 + c;
            if (x[other] < value || (x[other] == value && other < at))
                before++;
        }
    }
    return before;
}
