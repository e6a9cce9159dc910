#include "common.glsl"
#include "math.glsl"
// result[i] = an expression of operands, broadcast to its shape. The code defines EPILOGUE(value, i), of which the value
// plays no part here, and EPILOGUE_PUSH: see plugins/backends/vulkan/glsl.h. Elements of an invocation are a work group
// apart, so that neighbours read neighbours.
layout(constant_id = 1) const uint EACH = 4;
layout(set = 0, binding = 0) writeonly buffer results {
    float result[];
};
//$code
#ifndef EPILOGUE
#define EPILOGUE(value, i) (value)
#define EPILOGUE_PUSH
#endif

layout(push_constant) uniform arguments {
    uint count;
    EPILOGUE_PUSH
};

void main()
{
    uint lane = gl_LocalInvocationID.x;
    uint i = (index() - lane) * EACH + lane;
    for (uint k = 0; k < EACH; k++, i += gl_WorkGroupSize.x)
        if (i < count)
            result[i] = EPILOGUE(0.0, i);
}
