#include "common.glsl"
#include "math.glsl"
#extension GL_EXT_control_flow_attributes : require
#define TEXELS
#include "gemm.glsl"
#include "gemm_registers.glsl"

void main()
{
    make_in_registers();
}
