// An element-wise kernel on N x C x space, one NUMBER (float or vec4, of one channel) for each invocation.
layout(push_constant) uniform Push {
    uint n; // NUMBERs
    divisor by_space, by_channels;
    uint channels;
};

uint channel_of(uint i)
{
    uint plane = divide(i, by_space);
    return plane - divide(plane, by_channels) * channels;
}
