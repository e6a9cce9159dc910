#include "common.glsl"
// Words from one place to another.
layout(set = 0, binding = 0) restrict readonly buffer From {
    uint from[];
};
layout(set = 0, binding = 1) restrict writeonly buffer To {
    uint to[];
};
layout(push_constant) uniform arguments {
    uint count;
};

void main()
{
    uint i = index();
    if (i < count)
        to[i] = from[i];
}
