#include "common.glsl"
#include "math.glsl"
// result[out_first + i] = sum over p, in order, of parts[p * count + i].
layout(set = 0, binding = 0) restrict readonly buffer sums {
    float parts[];
};
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
    for (uint p = 0; p < n_parts; p++)
        sum += parts[p * count + i];
    result[out_first + i] = EPILOGUE(sum, out_first + i);
}
