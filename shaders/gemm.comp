#include "common.glsl"
#include "math.glsl"
#extension GL_EXT_control_flow_attributes : require
#include "gemm.glsl"
#include "gemm_registers.glsl"
#include "gemm_tiles.glsl"
layout(constant_id = 7) const bool SHARED = false; // tiles in shared memory, or registers alone

void main()
{
    if (SHARED)
        make_in_tiles();
    else
        make_in_registers();
}
