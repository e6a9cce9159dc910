#include "common.glsl"
// Numbers of one type as another: truncated towards zero, NaN as 0, what does not fit as the nearest that does. Bytes
// lie four to a word; where the result is bytes, an invocation makes a word of them, and zeros behind the last.
const uint f32 = 1, i32 = 2, u8 = 3; // cnn_dtype
layout(constant_id = 1) const uint from_type = 1;
layout(constant_id = 2) const uint to_type = 2;

layout(set = 0, binding = 0, std430) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { uint to[]; };

layout(push_constant) uniform Push { uint n; };

int whole(uint bits)
{
    float x = uintBitsToFloat(bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return 0;
    if (x >= 2147483648.0)
        return 2147483647;
    return int(x < -2147483648.0 ? -2147483648.0 : x);
}

int number(uint i)
{
    if (from_type == u8)
        return int(from[i / 4] >> i % 4 * 8 & 255);
    return from_type == f32 ? whole(from[i]) : int(from[i]);
}

uint byte(uint i)
{
    int x = number(i);
    return uint(x < 0 ? 0 : x > 255 ? 255 : x);
}

void main()
{
    uint place = index();
    if (place > (n - 1) / (to_type == u8 ? 4 : 1))
        return;
    if (to_type == u8) {
        uint word = 0;
        for (uint k = 0; k < 4 && 4 * place + k < n; k++)
            word |= byte(4 * place + k) << k * 8;
        to[place] = word;
    } else {
        int x = number(place);
        to[place] = to_type == f32 ? floatBitsToUint(float(x)) : uint(x);
    }
}
