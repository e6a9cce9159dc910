#include "common.glsl"
#include "math.glsl"
#include "depthwise_weight_grad.glsl"
