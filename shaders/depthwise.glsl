#include "operands.glsl"
// Convolutions of single planes, and the gradient of their inputs: result q of an image is
//
//   out[q, i, j] = sum over c < channels, taps (r, s) of
//                  left[q * channels + c, r, s] * right[q / share * channels + c, y, x]
//   y = i * stride_y + r * step_y + offset_y, x = j * stride_x + s * step_x + offset_x
//
// where a term with y or x outside of the plane is 0. An invocation makes four neighbours of a row.
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
    uint count, width_out;       // invocations; how many j
    uint fours;                  // of a row
    divisor by_fours;
    uint lines;                  // how many i
    divisor by_lines;
    uint planes;                 // how many q
    divisor by_planes, by_share;
    uint channels, taps;         // how many s, and << 16 how many r
    uint left_first, left_plane, left_r, left_s; // distances in elements
    uint right_first, height, width;
    uint strides, steps;         // of x, and << 16 of y; signed
    int offset_y, offset_x;
    uint out_first, out_plane, out_i, out_j;
};

const uint RUN = 4;

float sums[RUN];

int low_half(uint word)
{
    return bitfieldExtract(int(word), 0, 16);
}

int high_half(uint word)
{
    return int(word) >> 16;
}

void add_taps(uint left_at, uint right_at, int y0, int x0)
{
    // Arguments are read once: some drivers fetch one wherever it is named.
    uint s_taps = taps & 0xffffu, r_taps = taps >> 16, sides_y = height, sides_x = width;
    uint left_step = left_s, left_line = left_r - s_taps * left_s;
    int stride = low_half(strides), step_x = low_half(steps), step_y = high_half(steps);
    for (uint r = 0; r < r_taps; r++) {
        int y = y0 + int(r) * step_y, x1 = x0;
        bool row_there = uint(y) < sides_y;
        uint row_at = right_at + uint(y) * sides_x;
        for (uint s = 0; s < s_taps; s++) {
            float weight = AT(left, left_at);
            left_at += left_step;
            [[unroll]] for (uint n = 0; n < RUN; n++) {
                int x = x1 + int(n) * stride;
                bool there = row_there && uint(x) < sides_x;
                float value = AT(right, there ? row_at + uint(x) : 0);
                sums[n] += weight * (there ? value : 0.0);
            }
            x1 += step_x;
        }
        left_at += left_line;
    }
}

void main()
{
    uint at = index();
    if (at >= count)
        return;
    uint row = divide(at, by_fours), j = (at - row * fours) * RUN;
    uint plane = divide(row, by_lines), i = row - plane * lines;
    uint image = divide(plane, by_planes), q = plane - image * planes;
    uint from = (divide(plane, by_share)) * channels;
    [[unroll]] for (uint n = 0; n < RUN; n++)
        sums[n] = 0.0;
    for (uint c = 0; c < channels; c++)
        add_taps(left_first + (q * channels + c) * left_plane, right_first + (from + c) * height * width,
                 int(i) * high_half(strides) + offset_y, int(j) * low_half(strides) + offset_x);
    [[unroll]] for (uint n = 0; n < RUN; n++) {
        uint here = out_first + plane * out_plane + i * out_i + (j + n) * out_j;
        if (j + n < width_out)
            result[here] = EPILOGUE(sums[n], here);
    }
}
