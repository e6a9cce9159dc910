#include "common.glsl"
#include "math.glsl"
#extension GL_EXT_control_flow_attributes : require
// The same sums on a processor: drivers fetch texels of all invocations at once, but numbers of a
// storage buffer one by one.
#define TEXELS
#include "gemm.glsl"
