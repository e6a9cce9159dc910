#include "common.glsl"
// batch_norm where images are of a multiple of four numbers.
#define NUMBER vec4
#include "batch_norm.glsl"
