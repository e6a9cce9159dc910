#include "common.glsl"
#extension GL_EXT_control_flow_attributes : require
#include "gemm.glsl"
