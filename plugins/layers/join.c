/* add, mul, concat: layers that bring branches together. */
#include "layers.h"

#include <string.h>

typedef struct concat_params {
    int64_t dim;
} concat_params;

static const cnn_param concat_table[] = {
    { CNN_FIELD(concat_params, dim, INT), .def = "1", .min = 1, .max = CNN_MAX_RANK - 1,
      .help = "axis along which the branches are laid side by side; 1 is the channels" },
};

/* ---- what to say when shapes disagree */

static const char *axis_name(uint32_t rank, uint32_t axis)
{
    static const char *const image[4] = { "batch", "channels", "height", "width" };
    static const char *const other[CNN_MAX_RANK] = { "batch",  "axis 1", "axis 2",
                                                     "axis 3", "axis 4", "axis 5" };
    return rank == 4 ? image[axis] : other[axis];
}

/* Appends to a text that may be full. */
CNN_PRINTF(3, 4)
static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

/* "height and width": the axes, of those in `asked`, in which inputs differ; "" if even their
 * number does. */
static void name_axes(cnn_builder *b, int64_t asked, char *text, size_t size)
{
    const cnn_type *first = cnn_type_of(b, cnn_input(b, 0));
    text[0] = '\0';
    for (uint32_t i = 1; i < cnn_input_count(b); i++)
        if (cnn_type_of(b, cnn_input(b, i))->rank != first->rank)
            return;
    for (uint32_t axis = 1; axis < first->rank; axis++) {
        bool differs = false;
        for (uint32_t i = 1; i < cnn_input_count(b); i++)
            differs |= cnn_dim(b, cnn_input(b, i), axis) != first->dim[axis];
        if (differs && (asked >> axis & 1) != 0)
            append(text, size, "%s%s", text[0] != '\0' ? " and " : "",
                   axis_name(first->rank, axis));
    }
}

/* The branch that lost rows or columns against another one, or -1. */
static int64_t shrunk(cnn_builder *b)
{
    uint32_t smallest = 0;
    for (uint32_t i = 1; i < cnn_input_count(b); i++)
        if (cnn_dim(b, cnn_input(b, i), 2) < cnn_dim(b, cnn_input(b, smallest), 2) ||
            cnn_dim(b, cnn_input(b, i), 3) < cnn_dim(b, cnn_input(b, smallest), 3))
            smallest = i;
    for (uint32_t i = 0; i < cnn_input_count(b); i++)
        if (cnn_dim(b, cnn_input(b, i), 2) > cnn_dim(b, cnn_input(b, smallest), 2) ||
            cnn_dim(b, cnn_input(b, i), 3) > cnn_dim(b, cnn_input(b, smallest), 3))
            return smallest;
    return -1;
}

/* One line per branch with its name and shape. */
static cnn_value disagree(cnn_builder *b, int64_t asked)
{
    char axes[128], text[900] = "", hint[256] = "", shape[128];
    bool images = true;
    for (uint32_t i = 0; i < cnn_input_count(b); i++)
        images = images && cnn_type_of(b, cnn_input(b, i))->rank == 4;
    name_axes(b, asked, axes, sizeof axes);
    for (uint32_t i = 0; i < cnn_input_count(b); i++) {
        const char *name = cnn_input_name(b, i);
        append(text, sizeof text, "\n   ");
        if (name[0] != '\0')
            append(text, sizeof text, "%-10s", name);
        else
            append(text, sizeof text, "input %-4" PRIu32, i + 1);
        append(text, sizeof text, " gives %s",
               layer_shape(cnn_type_of(b, cnn_input(b, i)), shape, sizeof shape));
    }
    int64_t small = images ? shrunk(b) : -1;
    if (small >= 0) {
        const char *name = cnn_input_name(b, (uint32_t)small);
        (void)snprintf(hint, sizeof hint,
                       "a convolution without padding loses pixels at the border: did you mean "
                       "`padding: same`%s%s?",
                       name[0] != '\0' ? " in " : "", name);
    }
    return cnn_reject_hint(b, hint, "branches disagree on %s%s",
                           axes[0] != '\0' ? axes : "the number of axes", text);
}

static bool all_float(cnn_builder *b)
{
    if (cnn_input_count(b) < 2) {
        cnn_reject_hint(b, "give it branches, or names of layers in `from:`",
                        "wants two inputs or more, but has %" PRIu32, cnn_input_count(b));
        return false;
    }
    for (uint32_t i = 0; i < cnn_input_count(b); i++)
        if (!layer_is_float(b, cnn_input(b, i)))
            return false;
    return true;
}

/* ---- add, mul */

/* Equal rank, and each axis equal or 1: a [C,1,1] gate may meet an image. */
static bool broadcasts(cnn_builder *b)
{
    const cnn_type *first = cnn_type_of(b, cnn_input(b, 0));
    for (uint32_t i = 1; i < cnn_input_count(b); i++)
        if (cnn_type_of(b, cnn_input(b, i))->rank != first->rank)
            return false;
    for (uint32_t axis = 0; axis < first->rank; axis++) {
        int64_t size = 1;
        for (uint32_t i = 0; i < cnn_input_count(b); i++) {
            int64_t own = cnn_dim(b, cnn_input(b, i), axis);
            if (own != 1 && size != 1 && own != size)
                return false;
            size = own != 1 ? own : size;
        }
    }
    return true;
}

static cnn_value elementwise(cnn_builder *b,
                             cnn_value (*combine)(cnn_builder *, cnn_value, cnn_value))
{
    if (!all_float(b))
        return CNN_NONE;
    if (!broadcasts(b))
        return disagree(b, -1);
    cnn_value y = cnn_input(b, 0);
    for (uint32_t i = 1; i < cnn_input_count(b); i++)
        y = combine(b, y, cnn_input(b, i));
    return y;
}

static cnn_value build_add(cnn_builder *b, const void *params)
{
    (void)params;
    return elementwise(b, cnn_add);
}

static cnn_value build_mul(cnn_builder *b, const void *params)
{
    (void)params;
    return elementwise(b, cnn_mul);
}

/* ---- concat */

static cnn_value build_concat(cnn_builder *b, const void *params)
{
    const concat_params *p = params;
    enum { MAX_BRANCHES = 256 };
    cnn_value in[MAX_BRANCHES];
    uint32_t n = cnn_input_count(b);
    if (!all_float(b))
        return CNN_NONE;
    if (n > MAX_BRANCHES)
        return cnn_reject(b, "has %" PRIu32 " branches; %d is the most", n, MAX_BRANCHES);
    const cnn_type *first = cnn_type_of(b, cnn_input(b, 0));
    if (p->dim >= first->rank)
        return cnn_reject(b, "dim %" PRId64 " is none of the axes 1 to %" PRIu32, p->dim,
                          first->rank - 1);
    for (uint32_t i = 0; i < n; i++) {
        in[i] = cnn_input(b, i);
        cnn_type like = *cnn_type_of(b, in[i]);
        like.dim[p->dim] = first->dim[p->dim];
        if (!cnn_same_shape(&like, first))
            return disagree(b, ~((int64_t)1 << p->dim));
    }
    return cnn_concat(b, in, n, p->dim);
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "add", 0, CNN_NO_PARAMS, "Sum of its branches.",
                         "add: {main: [conv2d: {out_channels: 8, kernel_size: 3, padding: same}], "
                         "shortcut: []}"),
      .role = CNN_ROLE_JOIN,
      .build = build_add },
    { .c = CNN_COMPONENT(cnn_layer, "mul", 0, CNN_NO_PARAMS, "Product of its branches.",
                         "mul: {main: [], gate: [adaptive_avg_pool2d: 1, sigmoid]}"),
      .role = CNN_ROLE_JOIN,
      .build = build_mul },
    { .c = CNN_COMPONENT(cnn_layer, "concat", sizeof(concat_params), CNN_TABLE(concat_table),
                         "Its branches side by side, along the channels.",
                         "concat: {keep: [], new: [conv2d: {out_channels: 12, kernel_size: 1}]}"),
      .role = CNN_ROLE_JOIN,
      .build = build_concat },
};

CNN_PLUGIN(.name = "join", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Sums, products and concatenation of branches", .layers = CNN_TABLE(layers));
