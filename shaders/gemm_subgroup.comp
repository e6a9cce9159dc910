#include "common.glsl"
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
// The same sums; what all invocations of a subgroup need is read by one of them, and broadcast.
#define BROADCAST
#include "gemm.glsl"
