#include "common.glsl"
#include "math.glsl"
#define TEXELS
#include "sum_parts.glsl"
