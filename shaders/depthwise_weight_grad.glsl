#include "operands.glsl"
// The gradient of a convolution of single planes with respect to its weights: a part of
//
//   dw[o, r, s] = sum over images, oy, ox of dy[image, o, oy, ox] * x[image, o / share, y, x]
//   y = oy * stride_y + r * step_y + offset_y, x = ox * stride_x + s * step_x + offset_x
//
// where a term outside of the plane is 0. A part is `part_lines` rows of dy, each summed for itself.
OPERAND(0, gradients, dy)
OPERAND(1, inputs, x)
layout(set = 0, binding = 2) restrict writeonly buffer results {
    float result[];
};
//$code
#ifndef EPILOGUE
#define EPILOGUE(value, at) (value)
#endif

layout(push_constant) uniform arguments {
    uint count, out_first;   // results of all parts
    uint out_count;          // ... of one
    divisor by_out_count;
    uint kernel;             // taps
    divisor by_kernel;
    uint line;               // taps in x
    divisor by_line, by_share;
    uint images_lines, part_lines; // rows of dy of all images, and of a part
    uint planes, lines, columns;   // of dy
    divisor by_lines;
    uint dy_first, x_first, x_planes, height, width;
    uint strides, steps;     // of x, and << 16 of y
    int offset_y, offset_x;
};

// Sum of a row; ox from first to end.
float row_sum(uint dy_at, uint x_at, uint first, uint end)
{
    uint stride = strides & 0xffffu;
    float sum = 0.0;
    dy_at += first;
    x_at += first * stride;
    for (uint ox = first; ox < end; ox++) {
        sum += AT(dy, dy_at) * AT(x, x_at);
        dy_at += 1;
        x_at += stride;
    }
    return sum;
}

void main()
{
    uint at = index();
    if (at >= count)
        return;
    uint part = divide(at, by_out_count), rest = at - part * out_count;
    uint o = divide(rest, by_kernel), tap = rest - o * kernel, r = divide(tap, by_line), s = tap - r * line;
    int stride_x = int(strides & 0xffffu), x0 = int(s * (steps & 0xffffu)) + offset_x;
    // The outputs whose x lies inside: 0 <= ox * stride_x + x0 < width.
    int first = x0 < 0 ? (stride_x - 1 - x0) / stride_x : 0;
    int end = x0 < int(width) ? min((int(width) - 1 - x0) / stride_x + 1, int(columns)) : 0;
    uint l = part * part_lines, end_line = min(l + part_lines, images_lines);
    uint image = divide(l, by_lines), oy = l - image * lines;
    float sum = 0.0;
    for (; l < end_line; l++) {
        int y = int(oy * (strides >> 16)) + int(r * (steps >> 16)) + offset_y;
        uint x_at = x_first + ((image * x_planes + divide(o, by_share)) * height + uint(y)) * width + uint(x0);
        if (uint(y) < height && first < end)
            sum += row_sum(dy_first + ((image * planes + o) * lines + oy) * columns, x_at, uint(first), uint(end));
        oy += 1;
        image += oy == lines ? 1 : 0;
        oy = oy == lines ? 0 : oy;
    }
    result[out_first + at] = EPILOGUE(sum, out_first + at);
}
