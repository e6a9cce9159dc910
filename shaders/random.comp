#include "common.glsl"
// Numbers in [0, 1): framework/include/cnnrun/rng.h, bit for bit. An invocation makes the four of one block.
layout(set = 0, binding = 0) restrict readonly buffer Seed {
    uint seed[2];
};
layout(set = 0, binding = 1) restrict readonly buffer Step {
    uint step_number;
};
layout(set = 0, binding = 2) restrict writeonly buffer To {
    float y[];
};
layout(push_constant) uniform arguments {
    uint count, first_block, purpose;
};

// Philox4x32-10: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
uvec4 philox(uvec2 key, uvec4 counter)
{
    for (int i = 0; i < 10; i++) {
        uint high0, low0, high1, low1;
        umulExtended(0xD2511F53u, counter.x, high0, low0);
        umulExtended(0xCD9E8D57u, counter.z, high1, low1);
        counter = uvec4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key += uvec2(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

void put(uint i, uint bits)
{
    if (i < count)
        y[i] = float(bits >> 8) * (1.0 / 16777216.0);
}

void main()
{
    uint block = index(), i = 4 * block;
    if (i >= count)
        return;
    uvec4 bits = philox(uvec2(seed[0], seed[1]), uvec4(first_block + block, 0, step_number, purpose));
    put(i, bits.x);
    put(i + 1, bits.y);
    put(i + 2, bits.z);
    put(i + 3, bits.w);
}
