/* Gradients of built-in ops, written through a builder that only infers types: every gradient has
 * the type of its input, and is made of the ops that the formula asks for. Numbers are compared
 * elsewhere, by a backend. */
#include "registry.h"

#include "test.h"

#define F4(a, b, c, d) cnn_type4(CNN_F32, a, b, c, d)
#define F2(a, b) cnn_type2(CNN_F32, a, b)
#define F1(a) cnn_type1(CNN_F32, a)
#define IN(...) \
    (cnn_type[]){ __VA_ARGS__ }, (uint32_t)(sizeof((cnn_type[]){ __VA_ARGS__ }) / sizeof(cnn_type))

enum { MAX_VALUES = 64 };

/* A builder whose values are types. `trace` names the ops in order, `text` holds the error. */
typedef struct recorder {
    cnn_builder builder;
    cnn_type types[MAX_VALUES];
    int32_t count;
    char trace[512];
    char text[1024];
} recorder;

static recorder *of(cnn_builder *b)
{
    return (recorder *)b;
}

static cnn_value add(recorder *r, cnn_type type)
{
    r->types[r->count] = type;
    return r->count++;
}

static void note(recorder *r, const char *name)
{
    (void)snprintf(r->trace + strlen(r->trace), sizeof r->trace - strlen(r->trace), "%s%s",
                   r->trace[0] != '\0' ? " " : "", name);
}

static const cnn_type *type_of(cnn_builder *b, cnn_value v)
{
    return &of(b)->types[v < 0 ? 0 : v];
}

static cnn_value number(cnn_builder *b, double k)
{
    (void)k;
    return add(of(b), cnn_scalar_type(CNN_F32));
}

/* Enough of NumPy's rules for gradients: sizes are equal, 1, or missing. */
static cnn_value map(cnn_builder *b, uint32_t op, cnn_value x, cnn_value y, cnn_value z)
{
    const cnn_value in[3] = { x, y, z };
    cnn_type out = *type_of(b, x);
    (void)op;
    for (int i = 1; i < 3; i++) {
        if (in[i] == CNN_NONE)
            continue;
        const cnn_type *t = type_of(b, in[i]);
        if (t->rank > out.rank)
            out = *t;
        for (uint32_t k = 0; t->rank == out.rank && k < t->rank; k++)
            if (out.dim[k] == 1)
                out.dim[k] = t->dim[k];
    }
    note(of(b), "map");
    return add(of(b), out);
}

static cnn_value expand(cnn_builder *b, cnn_value v, const cnn_type *type)
{
    (void)v;
    note(of(b), "expand");
    return add(of(b), *type);
}

static void reject(cnn_builder *b, const char *text, const char *hint)
{
    (void)hint;
    (void)snprintf(of(b)->text, sizeof of(b)->text, "%s", text);
}

static const cnn_op *find(const char *name)
{
    for (uint32_t i = 0; i < cnn_builtin_plugin.ops.count; i++) {
        const cnn_op *op = cnn_table_at(&cnn_builtin_plugin.ops, i);
        if (strcmp(op->c.name, name) == 0)
            return op;
    }
    return NULL;
}

static cnn_status op(cnn_builder *b, const char *name, const void *attrs, const cnn_value *in,
                     uint32_t n_in, cnn_value *out, uint32_t n_out)
{
    cnn_type in_types[8], out_types[4];
    cnn_error err = { "", "" };
    for (uint32_t i = 0; i < n_in; i++)
        in_types[i] = *type_of(b, in[i]);
    cnn_status status = find(name)->infer(attrs, in_types, n_in, out_types, &err);
    if (status != CNN_OK) {
        reject(b, err.text, "");
        return status;
    }
    note(of(b), name);
    for (uint32_t i = 0; i < n_out; i++)
        out[i] = add(of(b), out_types[i]);
    return CNN_OK;
}

static const cnn_builder_api api = { .size = sizeof api,
                                     .type = type_of,
                                     .number = number,
                                     .map = map,
                                     .expand = expand,
                                     .op = op,
                                     .reject = reject };

/* Builds one op, asks for the gradients of all inputs by way of output `by`, and returns how they
 * were made: "" is a gradient handed on as it is. */
static const char *gradient(const char *name, const void *attrs, const cnn_type *types,
                            uint32_t n_in, uint32_t by)
{
    static recorder r;
    r = (recorder){ .builder = { &api } };
    cnn_value in[4], out[3], dy[3] = { CNN_NONE, CNN_NONE, CNN_NONE };
    cnn_value dx[4] = { CNN_NONE, CNN_NONE, CNN_NONE, CNN_NONE };
    bool wanted[4];
    const cnn_op *descriptor = find(name);
    for (uint32_t i = 0; i < n_in; i++) {
        in[i] = add(&r, types[i]);
        wanted[i] = types[i].dtype == CNN_F32;
    }
    if (op(&r.builder, name, attrs, in, n_in, out, descriptor->n_out) != CNN_OK)
        return r.text;
    dy[by] = add(&r, r.types[out[by]]);
    r.trace[0] = '\0';
    const cnn_call call = { attrs, in, out, n_in, descriptor->n_out, wanted };
    descriptor->grad(&r.builder, &call, dy, dx);
    if (r.text[0] != '\0')
        return r.text;
    for (uint32_t i = 0; i < n_in; i++)
        if (wanted[i] && (dx[i] == CNN_NONE || !cnn_same_type(&r.types[dx[i]], &types[i])))
            return "a gradient lacks or has another type than its input";
    return r.trace;
}

static void convolutions_are_closed_under_gradients(void)
{
    cnn_conv2d_attrs a = { { 2, 3 }, { 2, 1 }, { 1, 1, 2, 2 }, 2, { 11, 9 } }, kernel = a;
    kernel.size[0] = 3;
    kernel.size[1] = 2;
    cnn_type x = F4(2, 4, 11, 9), w = F4(6, 2, 3, 2), y = F4(2, 6, 5, 4);
    CHECK_STR(gradient("conv2d", &a, IN(x, w), 0), "conv2d_input_grad conv2d_weight_grad");
    CHECK_STR(gradient("conv2d_input_grad", &a, IN(y, w), 0), "conv2d conv2d_weight_grad");
    CHECK_STR(gradient("conv2d_weight_grad", &kernel, IN(x, y), 0), "conv2d_input_grad conv2d");
}

static void matmul_has_gradients_for_all_four_storages(void)
{
    for (int i = 0; i < 4; i++) {
        cnn_matmul_attrs t = { (i & 1) != 0, (i & 2) != 0 };
        cnn_type left = t.trans_a ? F2(3, 2) : F2(2, 3), right = t.trans_b ? F2(5, 3) : F2(3, 5);
        CHECK_STR(gradient("matmul", &t, IN(left, right), 0), "matmul matmul");
    }
}

static void pooling_padding_and_resizing_go_back_to_their_input(void)
{
    cnn_pool2d_attrs pool = { .kernel = { 3, 2 },
                              .stride = { 2, 2 },
                              .dilation = { 1, 1 },
                              .pad = { 1, 1, 0, 0 },
                              .ceil_mode = true,
                              .size = { 8, 9 } };
    cnn_pad2d_attrs pad = { CNN_PAD_REFLECT, { 1, 2, 3, 0 }, 0.0, { 8, 9 } };
    cnn_resize2d_attrs resize = { CNN_RESIZE_BILINEAR, false, { 5, 12 }, { 8, 9 } };
    cnn_type x = F4(2, 3, 8, 9);
    CHECK_STR(gradient("max_pool2d", &pool, IN(x), 0), "max_pool2d_grad");
    CHECK_STR(gradient("avg_pool2d", &pool, IN(x), 0), "avg_pool2d_grad");
    CHECK_STR(gradient("avg_pool2d_grad", &pool, IN(F4(2, 3, 5, 5)), 0), "avg_pool2d");
    CHECK_STR(gradient("pad2d", &pad, IN(x), 0), "pad2d_grad");
    CHECK_STR(gradient("pad2d_grad", &pad, IN(F4(2, 3, 11, 12)), 0), "pad2d");
    CHECK_STR(gradient("resize2d", &resize, IN(x), 0), "resize2d_grad");
    CHECK_STR(gradient("resize2d_grad", &resize, IN(F4(2, 3, 5, 12)), 0), "resize2d");
}

static void normalisation_and_losses_have_ops_for_their_gradients(void)
{
    cnn_batch_norm_attrs norm = { 1e-5 };
    cnn_softmax_attrs softmax = { 1, true };
    cnn_cross_entropy_attrs loss = { 0.0, -100 };
    cnn_type x = F4(2, 3, 4, 5), c = F1(3);
    CHECK_STR(gradient("batch_norm", &norm, IN(x, c, c), 0), "batch_norm_grad");
    CHECK_STR(gradient("batch_norm", &norm, IN(x, c, c), 1),
              "batch_norm has no gradient by way of its mean and variance");
    CHECK_STR(gradient("softmax", &softmax, IN(x), 0), "softmax_grad");
    CHECK_STR(gradient("cross_entropy", &loss, IN(F2(8, 10), cnn_type1(CNN_I32, 8)), 0),
              "cross_entropy_grad");
}

static void reductions_spread_their_gradient(void)
{
    cnn_reduce_attrs sum = { CNN_REDUCE_SUM, 5, false }, mean = { CNN_REDUCE_MEAN, 5, true };
    cnn_reduce_attrs max = { CNN_REDUCE_MAX, 5, false }, all = { CNN_REDUCE_MEAN, 15, false };
    cnn_type x = F4(2, 3, 4, 5);
    CHECK_STR(gradient("reduce", &sum, IN(x), 0), "reshape expand");
    CHECK_STR(gradient("reduce", &mean, IN(x), 0), "reshape map expand");
    CHECK_STR(gradient("reduce", &all, IN(x), 0), "reshape map expand");
    /* dy and y as in x, the winners, how many, dy / how many, times the winners */
    CHECK_STR(gradient("reduce", &max, IN(x), 0), "reshape reshape map reduce map map");
}

static void shapes_are_undone(void)
{
    cnn_axis_attrs axis = { 1 };
    cnn_slice_attrs middle = { 1, 2, 3 }, start = { 1, 0, 3 }, whole = { 1, 0, 6 };
    const int64_t flat[2] = { 2, 60 }, order[4] = { 3, 0, 2, 1 };
    cnn_dims_attrs reshape = { { 2, -1, flat } }, transpose = { { 4, -1, order } };
    cnn_cast_attrs same = { CNN_F32 - 1 };
    CHECK_STR(gradient("concat", &axis, IN(F2(4, 1), F2(4, 2), F2(4, 3)), 0), "slice slice slice");
    CHECK_STR(gradient("slice", &middle, IN(F2(4, 6)), 0), "expand expand concat");
    CHECK_STR(gradient("slice", &start, IN(F2(4, 6)), 0), "expand concat");
    CHECK_STR(gradient("slice", &whole, IN(F2(4, 6)), 0), "");
    CHECK_STR(gradient("reshape", &reshape, IN(F4(2, 3, 4, 5)), 0), "reshape");
    CHECK_STR(gradient("transpose", &transpose, IN(F4(2, 3, 4, 5)), 0), "transpose");
    CHECK_STR(gradient("cast", &same, IN(F1(3)), 0), "");
}

int main(void)
{
    return RUN_TESTS(TEST(convolutions_are_closed_under_gradients),
                     TEST(matmul_has_gradients_for_all_four_storages),
                     TEST(pooling_padding_and_resizing_go_back_to_their_input),
                     TEST(normalisation_and_losses_have_ops_for_their_gradients),
                     TEST(reductions_spread_their_gradient), TEST(shapes_are_undone));
}
