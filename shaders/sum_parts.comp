#include "common.glsl"
#include "math.glsl"
#include "sum_parts.glsl"
