#version 450
// What all kernels share. A work group is 64 invocations in x, or what specialisation constant 0 says.
layout(local_size_x = 64, local_size_y = 1, local_size_z = 1) in;
layout(local_size_x_id = 0) in;

// Number of this invocation in a dispatch that vk_cover() laid out: work groups fold from x into y.
uint index()
{
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
}

// n / d, with the two words of vk_push_divisor(d): Granlund and Montgomery, "Division by Invariant Integers using
// Multiplication", PLDI 1994, figure 4.1, with l = ceil(log2 d): q = (t + ((n - t) >> min(l, 1))) >> max(l - 1, 0),
// t = high word of magic * n. The second word holds both shifts: min(l, 1) | max(l - 1, 0) << 8.
struct divisor {
    uint magic, shifts;
};

uint divide(uint n, divisor d)
{
    uint t, low;
    umulExtended(d.magic, n, t, low);
    return (t + ((n - t) >> (d.shifts & 255u))) >> (d.shifts >> 8);
}
