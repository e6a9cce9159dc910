#include "common.glsl"
#include "image.glsl"
#include "pool.glsl"
// A cell of dx per invocation. Each element is the sum of dy over the windows that it wins, in the windows' order.
// Binding 0 is x, and winners are found anew; or it is the windows' winners, as max_pool2d tells them. Cells are as
// large as the stride, so that a cell's elements lie in nearly the same windows, or single elements.
layout(constant_id = 5) const bool is_told = false;
layout(constant_id = 6) const uint cell_down = 1; // at most LARGEST
layout(constant_id = 7) const uint cell_across = 1;

const uint LARGEST = 3;

layout(set = 0, binding = 0, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 1, std430) readonly buffer DY { float dy[]; };
layout(set = 0, binding = 2, std430) writeonly buffer DX { float dx[]; };

#include "pool_max.glsl"

// Windows over cell number c. The first cell with an element of the image is number 0.
range windows_over_cell(uint c, uint cell, uint reach, axis a)
{
    uint first = c * cell + a.before / cell * cell;
    return range(windows_over(first, reach, a).begin, windows_over(first + cell - 1, reach, a).end);
}

void main()
{
    uint i = index();
    if (i >= count)
        return;
    place cell = place_of(i, rows, columns);
    range high = windows_over_cell(cell.row, cell_down, (down.kernel - 1) * dilation_down, down);
    range wide = windows_over_cell(cell.column, cell_across, (across.kernel - 1) * dilation_across, across);
    // The cell's first element. Before the image these wrap: such elements are not stored.
    uint top = cell.row * cell_down - down.before % cell_down;
    uint left = cell.column * cell_across - across.before % cell_across;
    uint corner = (cell.plane * down.from.n + top) * across.from.n + left;
    float sums[LARGEST * LARGEST];
    for (uint k = 0; k < LARGEST * LARGEST; k++)
        sums[k] = 0.0;
    for (uint row = high.begin; row < high.end; row++) {
        uint line = (cell.plane * down.to.n + row) * across.to.n;
        for (uint column = wide.begin; column < wide.end; column++) {
            uint won = is_told ? x[line + column] : winner_of(place(cell.plane, row, column)).at;
            float d = dy[line + column];
            for (uint j = 0; j < cell_down; j++)
                for (uint k = 0; k < cell_across; k++)
                    if (won == corner + j * across.from.n + k)
                        sums[j * LARGEST + k] += d;
        }
    }
    for (uint j = 0; j < cell_down; j++)
        for (uint k = 0; k < cell_across; k++)
            if (top + j < down.from.n && left + k < across.from.n)
                dx[corner + j * across.from.n + k] = sums[j * LARGEST + k];
}
