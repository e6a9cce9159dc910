// Padding along each axis: push_padding() of lower_pool.c.
struct axis {
    side from, to;
    int before; // negative: cropped
};

layout(push_constant) uniform Push {
    uint count; // elements of the result
    uint value; // bits of the constant
    axis down, across;
};

layout(constant_id = 1) const uint mode = 0; // cnn_pad_mode

const uint CONSTANT = 0, REFLECT = 1, REPLICATE = 2, CIRCULAR = 3;
