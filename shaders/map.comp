#include "common.glsl"
#include "math.glsl"
// result[i] = an expression of operands, broadcast to its shape: EPILOGUE, of which the value plays no part here; see
// plugins/backends/vulkan/glsl.h. The elements of an invocation are a work group apart, so that neighbours read
// neighbours; those past the end are computed as the first of them, since branches around each cost more.
layout(constant_id = 1) const uint EACH = 4;
layout(set = 0, binding = 0) writeonly buffer results {
    float result[];
};
//$code
#ifndef EPILOGUE
#define EPILOGUE(value, i) (value)
#define EPILOGUE_PUSH
#define EPILOGUE_BEGIN
#endif

layout(push_constant) uniform arguments {
    uint count;
    EPILOGUE_PUSH
};

void main()
{
    uint lane = gl_LocalInvocationID.x, first = (index() - lane) * EACH + lane;
    if (first >= count)
        return;
    EPILOGUE_BEGIN
    for (uint k = 0; k < EACH; k++) {
        uint i = first + k * gl_WorkGroupSize.x;
        float y = EPILOGUE(0.0, i < count ? i : first);
        if (i < count)
            result[i] = y;
    }
}
