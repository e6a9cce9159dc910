#include "common.glsl"
// The input's gradient, with what batch_norm_grad_merge leaves for each channel.
#define NUMBER float
#include "batch_norm_grad.glsl"
