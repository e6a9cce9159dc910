// For kernels of plugins: #version 450, then this file, then bindings, push constants and main().
layout(local_size_x = 64, local_size_y = 1, local_size_z = 1) in;
layout(local_size_x_id = 0) in;

// Number of this invocation among the dispatch's items. Past their end do nothing.
uint cnnrun_index()
{
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
}
