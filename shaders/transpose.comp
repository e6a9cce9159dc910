#include "common.glsl"
// An order of axes in which the source's innermost axis, i, and the result's, j, are not the same. Tiles of 32 x 32 of
// these two pass through shared memory, so that rows are read and rows are written; a work group, of a multiple of 32
// invocations, takes one. Up to four other axes count the tiles further.
const uint side = 32;

layout(set = 0, binding = 0, std430) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { uint to[]; };

struct axis {
    divisor by_size;
    uint size, from_stride, to_stride;
};

layout(push_constant) uniform Push {
    uint tiles, tiles_i, tiles_j;
    divisor by_tiles_i, by_tiles_j;
    uint size_i, size_j;
    uint from_j, to_i; // strides; the other two are 1
    axis axis0, axis1, axis2;
    uint from_outer, to_outer; // strides of the outermost of the other axes
};

shared uint tile[side][side + 1]; // a column more: no two rows in one bank

void step_along(axis a, inout uint rest, inout uint source, inout uint place)
{
    uint quotient = divide(rest, a.by_size);
    source += (rest - quotient * a.size) * a.from_stride;
    place += (rest - quotient * a.size) * a.to_stride;
    rest = quotient;
}

void main()
{
    uint number = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    uint row = divide(number, by_tiles_i), rest = divide(row, by_tiles_j);
    uint i = (number - row * tiles_i) * side, j = (row - rest * tiles_j) * side;
    uint source = 0, place = 0;
    step_along(axis0, rest, source, place);
    step_along(axis1, rest, source, place);
    step_along(axis2, rest, source, place);
    source += rest * from_outer + j * from_j + i;
    place += rest * to_outer + i * to_i + j;
    uint n_i = number < tiles ? size_i - i : 0, n_j = number < tiles ? size_j - j : 0; // left from here on

    uint x = gl_LocalInvocationID.x % side, rows = gl_WorkGroupSize.x / side;
    for (uint y = gl_LocalInvocationID.x / side; y < side; y += rows)
        if (x < n_i && y < n_j)
            tile[y][x] = from[source + y * from_j + x];
    barrier();
    for (uint y = gl_LocalInvocationID.x / side; y < side; y += rows)
        if (x < n_j && y < n_i)
            to[place + y * to_i + x] = tile[x][y];
}
