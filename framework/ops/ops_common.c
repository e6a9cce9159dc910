/* Checks that all op descriptors share. */
#include "ops_internal.h"

cnn_op_text cnn_op_shape(const cnn_type *type)
{
    cnn_op_text text = { "scalar" };
    size_t length = 0;
    for (uint32_t i = 0; i < type->rank && length < sizeof text.s; i++) {
        int n = snprintf(text.s + length, sizeof text.s - length, "%s%lld", i == 0 ? "" : "x",
                         (long long)type->dim[i]);
        length += n > 0 ? (size_t)n : 0;
    }
    return text;
}

cnn_op_text cnn_op_pair(const int64_t size[2])
{
    cnn_type type = cnn_type2(CNN_F32, size[0], size[1]);
    return cnn_op_shape(&type);
}

const char *cnn_op_dtype(uint32_t dtype)
{
    static const char *const names[] = { "no type", "f32", "i32", "u8" };
    return dtype < sizeof names / sizeof names[0] ? names[dtype] : "unknown type";
}

cnn_status cnn_op_check_dtype(const cnn_type *type, const char *what, cnn_dtype dtype,
                              cnn_error *err)
{
    if (type->dtype == (uint32_t)dtype)
        return CNN_OK;
    cnn_status status = cnn_fail(err, CNN_INVALID, "%s is %s, but must be %s", what,
                                 cnn_op_dtype(type->dtype), cnn_op_dtype((uint32_t)dtype));
    if (type->dtype == CNN_U8 && dtype == CNN_F32)
        cnn_hint(err, "convert pixels first, e.g. with the transform to_float");
    return status;
}

cnn_status cnn_op_check_type(const cnn_type *type, const char *what, cnn_dtype dtype, uint32_t rank,
                             cnn_error *err)
{
    static const char *const axes[] = { "", "", " (rows, columns)", " (C, H, W)", " (N, C, H, W)" };
    cnn_status status = cnn_op_check_dtype(type, what, dtype, err);
    if (status != CNN_OK || type->rank == rank)
        return status;
    return cnn_fail(err, CNN_INVALID, "%s has %u axes (%s), but needs %u%s", what, type->rank,
                    cnn_op_shape(type).s, rank, rank < 5 ? axes[rank] : "");
}

cnn_status cnn_op_check_sizes(const char *what, const int64_t *v, uint32_t n, int64_t min,
                              cnn_error *err)
{
    for (uint32_t i = 0; i < n; i++)
        if (v[i] < min || v[i] > CNN_OP_MAX_SIZE)
            return cnn_fail(err, CNN_INVALID, "%s %lld is out of range, it must be %lld to %lld",
                            what, (long long)v[i], (long long)min, (long long)CNN_OP_MAX_SIZE);
    return CNN_OK;
}

cnn_status cnn_op_check_axis(int64_t axis, const cnn_type *type, cnn_error *err)
{
    if (axis >= 0 && axis < (int64_t)type->rank)
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID, "axis %lld does not exist in %s, which has %u axes",
                    (long long)axis, cnn_op_shape(type).s, type->rank);
}

cnn_status cnn_op_check_same(const cnn_type *a, const char *what_a, const cnn_type *b,
                             const char *what_b, cnn_error *err)
{
    if (cnn_same_type(a, b))
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID, "%s is %s %s, but %s is %s %s", what_a,
                    cnn_op_dtype(a->dtype), cnn_op_shape(a).s, what_b, cnn_op_dtype(b->dtype),
                    cnn_op_shape(b).s);
}

cnn_status cnn_op_result(cnn_type *out, uint32_t dtype, uint32_t rank, const int64_t *dims,
                         cnn_error *err)
{
    if (rank > CNN_MAX_RANK)
        return cnn_fail(err, CNN_INVALID, "the result would have %u axes, at most %d are possible",
                        rank, CNN_MAX_RANK);
    *out = cnn_scalar_type((cnn_dtype)dtype);
    out->rank = rank;
    for (uint32_t i = 0; i < rank; i++)
        out->dim[i] = dims[i];
    int64_t bytes = cnn_dtype_size(dtype);
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 1)
            return cnn_fail(err, CNN_INVALID,
                            "the result %s would be empty: every size must be "
                            "at least 1",
                            cnn_op_shape(out).s);
        if (bytes > INT64_MAX / dims[i])
            return cnn_fail(err, CNN_INVALID, "the result %s is too large", cnn_op_shape(out).s);
        bytes *= dims[i];
    }
    return CNN_OK;
}

/* The extent of a window, PyTorch's pooling_output_shape and the usual formula of convolutions. */
static int64_t extent(const cnn_op_windows *w, int axis)
{
    return w->dilation[axis] * (w->kernel[axis] - 1) + 1;
}

static int64_t padded(const cnn_op_windows *w, const int64_t in[2], int axis)
{
    return in[axis] + w->pad[2 * axis] + w->pad[2 * axis + 1];
}

static int64_t count(const cnn_op_windows *w, const int64_t in[2], int axis)
{
    int64_t stride = w->stride[axis];
    int64_t room = padded(w, in, axis) - extent(w, axis);
    int64_t n = (room + (w->ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (w->ceil_mode && (n - 1) * stride >= in[axis] + w->pad[2 * axis])
        n--;
    return n;
}

/* " (2x2 + padding 1)", or nothing without padding. */
static void padding_text(const int64_t in[2], const int64_t pad[4], char *out, size_t size)
{
    bool equal = pad[0] == pad[1] && pad[0] == pad[2] && pad[0] == pad[3];
    out[0] = '\0';
    if (!equal)
        (void)snprintf(out, size, " (%s + padding: top %lld, bottom %lld, left %lld, right %lld)",
                       cnn_op_pair(in).s, (long long)pad[0], (long long)pad[1], (long long)pad[2],
                       (long long)pad[3]);
    else if (pad[0] != 0)
        (void)snprintf(out, size, " (%s + padding %lld)", cnn_op_pair(in).s, (long long)pad[0]);
}

static cnn_status too_large(const cnn_op_windows *w, const int64_t in[2], cnn_error *err)
{
    int64_t room[2] = { padded(w, in, 0), padded(w, in, 1) };
    int64_t reach[2] = { extent(w, 0), extent(w, 1) };
    char padding[300], dilated[200] = "";
    padding_text(in, w->pad, padding, sizeof padding);
    if (w->dilation[0] != 1 || w->dilation[1] != 1)
        (void)snprintf(dilated, sizeof dilated, " (%s with dilation)", cnn_op_pair(reach).s);
    cnn_status status = cnn_fail(err, CNN_INVALID, "kernel %s%s is larger than the %sinput %s%s",
                                 cnn_op_pair(w->kernel).s, dilated,
                                 padding[0] != '\0' ? "padded " : "", cnn_op_pair(room).s, padding);
    cnn_hint(err, "use a smaller kernel, more padding, or fewer strides and poolings before it");
    return status;
}

cnn_status cnn_op_count_windows(const cnn_op_windows *w, const int64_t in[2], int64_t out[2],
                                cnn_error *err)
{
    cnn_status status = cnn_op_check_sizes("kernel size", w->kernel, 2, 1, err);
    if (status != CNN_OK)
        return status;
    for (int axis = 0; axis < 2; axis++)
        if (extent(w, axis) > padded(w, in, axis))
            return too_large(w, in, err);
    out[0] = count(w, in, 0);
    out[1] = count(w, in, 1);
    return CNN_OK;
}

cnn_status cnn_op_check_windows(const cnn_op_windows *w, const int64_t in[2], const cnn_type *dy,
                                cnn_error *err)
{
    int64_t out[2];
    cnn_status status = cnn_op_count_windows(w, in, out, err);
    if (status != CNN_OK || (out[0] == dy->dim[2] && out[1] == dy->dim[3]))
        return status;
    return cnn_fail(err, CNN_INVALID,
                    "an input of %s gives an output of %s, but the gradient is %s",
                    cnn_op_pair(in).s, cnn_op_pair(out).s, cnn_op_pair(dy->dim + 2).s);
}

cnn_value cnn_op_zeros(cnn_builder *b, cnn_type type)
{
    return cnn_expand(b, cnn_number(b, 0.0), type);
}
