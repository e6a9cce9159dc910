#include "common.glsl"
#include "math.glsl"
#define TEXELS
#include "depthwise_weight_grad.glsl"
