#include "common.glsl"
// y = (x - mean) scale + b, with what batch_norm_merge leaves for each channel.
#define NUMBER float
#include "batch_norm.glsl"
