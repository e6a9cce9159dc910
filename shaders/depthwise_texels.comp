#include "common.glsl"
#include "math.glsl"
#extension GL_EXT_control_flow_attributes : require
#define TEXELS
#include "depthwise.glsl"
