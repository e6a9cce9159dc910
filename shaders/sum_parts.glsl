#include "operands.glsl"
// result[out_first + i] = sum over p, in order, of parts[p * count + i].
OPERAND(0, sums, parts)
layout(set = 0, binding = 1) restrict writeonly buffer results {
    float result[];
};
//$code
#ifndef EPILOGUE
#define EPILOGUE(value, at) (value)
#endif

layout(push_constant) uniform arguments {
    uint count, n_parts, out_first;
};

void main()
{
    uint i = index();
    if (i >= count)
        return;
    float sum = 0.0;
    uint at = i, step = count, end = n_parts;
    for (uint p = 0; p < end; p++) {
        sum += AT(parts, at);
        at += step;
    }
    result[out_first + i] = EPILOGUE(sum, out_first + i);
}
