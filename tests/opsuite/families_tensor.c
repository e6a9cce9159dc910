/* Ops on tensors of 2 to 4 axes: products, norms, losses, reductions, moves. */
#include "opsuite.h"

#include <math.h>
#include <string.h>

/* [N], [N,A], [N,A,B] or [N,A,B,C]. */
static cnn_value draw_tensor(scene *s, uint32_t low, uint32_t high, filling f)
{
    uint32_t rank = (uint32_t)between(s, low, high);
    int64_t most = s->batch > 9 ? 9 : 17;
    cnn_type type = batch_type(s, rank, between(s, 1, rank == 2 ? 40 : most), between(s, 1, 9),
                               between(s, 1, most));
    char text[160];
    cnn_type_text(&type, false, text, sizeof text);
    note(s, "x %s\n", text);
    cnn_value x = add_input(s, type, f);
    if (rank == 4 && f != SPECIAL)
        return before(s, x);
    return one_in(s, 3) ? cnn_scale(s->b, x, 0.5) : x;
}

static void finish(scene *s, cnn_value y)
{
    if (one_in(s, 2))
        show(s, y);
    add_loss(s, after(s, y));
    if (s->no_gradient)
        show(s, s->g->loss);
}

/* ---- products ---- */

/* x[N,K] w: or two matrices that hold no batch, which the reference multiplies. */
static void matmul(scene *s)
{
    cnn_builder *b = s->b;
    int64_t k = between(s, 1, one_in(s, 4) ? 200 : 40), n = between(s, 1, one_in(s, 4) ? 70 : 20);
    bool flat = one_in(s, 3), trans = one_in(s, 2);
    cnn_value x;
    if (flat) {
        cnn_value image = before(s, draw_image(s, 6, 5));
        k = cnn_count(cnn_type_of(b, image)) / s->batch;
        x = cnn_reshape(b, image, 2, (int64_t[]){ s->batch, k });
    } else {
        x = add_input(s, cnn_type2(CNN_F32, s->batch, k), DYADIC);
    }
    cnn_value w =
        add_weight(s, trans ? cnn_type2(CNN_F32, n, k) : cnn_type2(CNN_F32, k, n), DYADIC);
    note(s, "matmul %lld to %lld, trans_b %d\n", (long long)k, (long long)n, trans);
    cnn_value y = cnn_matmul(b, x, w, false, trans);
    if (one_in(s, 2))
        y = cnn_add(b, y, add_weight(s, cnn_type1(CNN_F32, n), DYADIC));
    if (one_in(s, 2))
        y = relu(s, y);
    if (one_in(s, 3)) {
        note(s, "matmul\n");
        y = cnn_matmul(b, y, add_weight(s, cnn_type2(CNN_F32, n, 5), DYADIC), false, false);
    }
    finish(s, y);
}

/* ---- norms and losses ---- */

static void batch_norm(scene *s)
{
    cnn_value x = draw_tensor(s, 2, 4, SMOOTH), out[3];
    int64_t c = cnn_dim(s->b, x, 1);
    cnn_batch_norm_attrs a = { one_in(s, 2) ? 1e-5 : 0.1 };
    cnn_value in[3] = { x, add_weight(s, cnn_type1(CNN_F32, c), NEAR_1),
                        add_weight(s, cnn_type1(CNN_F32, c), SMOOTH) };
    /* Of one number, or a few, the variance is rounding, and so is the gradient. */
    const cnn_type *type = cnn_type_of(s->b, x);
    if (cnn_count(type) / c < 8)
        a.eps = 0.5;
    /* After small weights it is small, and slopes are up to 1 / sqrt(eps). */
    if (type->rank == 4)
        a.eps = fmax(a.eps, 0.1);
    note(s, "batch_norm eps %g\n", a.eps);
    (void)cnn_op_n(s->b, "batch_norm", &a, in, 3, out, 3);
    if (one_in(s, 2))
        show(s, out[1]);
    if (one_in(s, 2))
        show(s, out[2]);
    if (one_in(s, 2) && !s->no_gradient) { /* running statistics */
        const cnn_type channels = cnn_type1(CNN_F32, c);
        const cnn_init one = { .kind = CNN_INIT_CONSTANT, .a = 1 };
        cnn_value running = cnn_graph_state(s->g, "running", &channels, &one, false);
        cnn_assign(s->b, running,
                   cnn_add(s->b, cnn_scale(s->b, running, 0.9), cnn_scale(s->b, out[1], 0.1)));
        s->assigns = true;
    }
    cnn_value y = out[0];
    if (one_in(s, 3)) {
        note(s, "add\n");
        y = cnn_add(s->b, y, add_input(s, *type, SMOOTH));
    }
    finish(s, one_in(s, 2) ? relu(s, y) : y);
}

static void softmax(scene *s)
{
    cnn_value x = draw_tensor(s, 2, 4, DYADIC);
    int64_t rank = cnn_type_of(s->b, x)->rank;
    cnn_softmax_attrs a = { between(s, 1, rank - 1), one_in(s, 2) };
    if (one_in(s, 10)) {
        a.axis = 0;
        s->may_fall_back = true;
    }
    note(s, "softmax axis %lld log %d\n", (long long)a.axis, a.log);
    s->exact = false;
    finish(s, cnn_op1(s->b, "softmax", &a, &x, 1));
}

static void cross_entropy(scene *s)
{
    cnn_value x = draw_tensor(s, 2, 4, DYADIC);
    cnn_type type = *cnn_type_of(s->b, x), labels = cnn_scalar_type(CNN_I32);
    cnn_cross_entropy_attrs a = { one_in(s, 2) ? 0 : 0.1, one_in(s, 2) ? -100 : 0 };
    s->classes = type.dim[1];
    s->ignore = one_in(s, 3) ? 0 : a.ignore_index;
    labels.rank = type.rank - 1;
    labels.dim[0] = s->batch;
    memcpy(labels.dim + 1, type.dim + 2, (labels.rank - 1) * sizeof labels.dim[0]);
    note(s, "cross_entropy label_smoothing %g ignore_index %lld\n", a.label_smoothing,
         (long long)a.ignore_index);
    s->exact = false;
    cnn_value in[2] = { x, add_input(s, labels, LABELS) };
    cnn_value loss = cnn_op1(s->b, "cross_entropy", &a, in, 2);
    if (one_in(s, 3))
        show(s, loss);
    if (one_in(s, 2)) {
        note(s, "mean\n");
        loss = cnn_reduce(s->b, loss, CNN_REDUCE_MEAN, cnn_all_axes(s->b, loss), false);
    }
    finish(s, loss);
}

static void reduce_of(scene *s, cnn_value x)
{
    int64_t all = cnn_all_axes(s->b, x);
    cnn_reduce_kind kind = (cnn_reduce_kind)between(s, 0, 2);
    int64_t axes = between(s, 1, all);
    bool keepdim = one_in(s, 2);
    /* The gradient of a sum over the batch is the same for all samples and not batched: what stands
     * before gets a tensor without a batch. */
    s->may_fall_back = (axes & 1) != 0;
    s->exact = s->exact && kind != CNN_REDUCE_MEAN;
    note(s, "reduce kind %d axes %lld keepdim %d\n", (int)kind, (long long)axes, keepdim);
    finish(s, cnn_reduce(s->b, x, kind, axes, keepdim));
}

static void reduce(scene *s)
{
    reduce_of(s, draw_tensor(s, 1, 4, DYADIC));
}

static void reduce_special(scene *s)
{
    cnn_value x = draw_tensor(s, 2, 4, SPECIAL);
    int64_t axes = between(s, 1, cnn_all_axes(s->b, x) / 2) * 2;
    note(s, "reduce max axes %lld\n", (long long)axes);
    cnn_value y = cnn_reduce(s->b, x, CNN_REDUCE_MAX, axes, one_in(s, 2));
    show(s, y);
    add_loss(s, y);
}

/* ---- moves ---- */

/* Parts of x and of other inputs, along each axis. */
static void concat(scene *s)
{
    cnn_builder *b = s->b;
    cnn_value x = draw_tensor(s, 2, 4, DYADIC), in[5] = { x };
    cnn_type type = *cnn_type_of(b, x);
    uint32_t n = (uint32_t)between(s, 1, 5), axis = (uint32_t)between(s, 1, type.rank - 1);
    for (uint32_t i = 1; i < n; i++) {
        cnn_type other = type;
        other.dim[axis] = between(s, 1, 5);
        in[i] = one_in(s, 4) ? in[i - 1] : add_input(s, other, DYADIC);
        if (type.rank == 4 && axis == 1 && one_in(s, 3))
            in[i] = small_conv(s, x, between(s, 1, 5));
    }
    note(s, "concat of %u along %u\n", n, axis);
    cnn_value y = cnn_concat(b, in, n, axis);
    if (one_in(s, 4)) /* a part is used besides */
        add_loss(s, in[n - 1]);
    if (type.rank == 4 && one_in(s, 2))
        y = small_conv(s, y, 3);
    finish(s, y);
}

static void slice(scene *s)
{
    cnn_value x = draw_tensor(s, 2, 4, DYADIC);
    int64_t axis = between(s, 1, cnn_type_of(s->b, x)->rank - 1);
    int64_t size = cnn_dim(s->b, x, (uint32_t)axis), start = between(s, 0, size - 1);
    int64_t length = between(s, 1, size - start);
    note(s, "slice axis %lld from %lld, %lld\n", (long long)axis, (long long)start,
         (long long)length);
    if (one_in(s, 3))
        add_loss(s, x);
    finish(s, cnn_slice(s->b, x, axis, start, length));
}

/* Merges axes or splits one. */
static void reshape(scene *s)
{
    cnn_value x = draw_tensor(s, 2, 4, DYADIC);
    int64_t each = cnn_count(cnn_type_of(s->b, x)) / s->batch;
    int64_t first = between(s, 1, 6), second = between(s, 1, 6);
    while (each % first != 0)
        first--;
    while (each / first % second != 0)
        second--;
    const int64_t dims[4] = { s->batch, first, second, each / first / second };
    const int64_t flat[2] = { s->batch, each };
    bool flattens = one_in(s, 3);
    note(s, "reshape to %lld, %lld, %lld, flat %d\n", (long long)dims[1], (long long)dims[2],
         (long long)dims[3], flattens);
    finish(s, flattens ? cnn_reshape(s->b, x, 2, flat) : cnn_reshape(s->b, x, 4, dims));
}

static void transpose(scene *s)
{
    cnn_value x = draw_tensor(s, 3, 4, DYADIC);
    uint32_t rank = cnn_type_of(s->b, x)->rank;
    int64_t dims[4] = { 0, 1, 2, 3 };
    for (uint32_t i = rank - 1; i > 1; i--) {
        uint32_t j = (uint32_t)between(s, 1, i);
        int64_t other = dims[i];
        dims[i] = dims[j];
        dims[j] = other;
    }
    note(s, "transpose %lld %lld %lld %lld\n", (long long)dims[0], (long long)dims[1],
         (long long)dims[2], (long long)dims[3]);
    cnn_dims_attrs a = { { rank, -1, dims } };
    finish(s, cnn_op1(s->b, "transpose", &a, &x, 1));
}

static void cast(scene *s)
{
    cnn_value x = draw_tensor(s, 1, 4, DYADIC);
    cnn_value whole = cnn_cast(s->b, x, CNN_I32);
    note(s, "cast to i32 and back\n");
    show(s, whole);
    finish(s, cnn_add(s->b, x, cnn_cast(s->b, whole, CNN_F32)));
}

static void argmax(scene *s)
{
    cnn_value x = draw_tensor(s, 2, 4, DYADIC);
    int64_t axis = between(s, 1, cnn_type_of(s->b, x)->rank - 1);
    note(s, "argmax axis %lld\n", (long long)axis);
    cnn_value y = cnn_argmax(s->b, x, axis);
    show(s, y);
    add_loss(s, x);
    finish(s, cnn_cast(s->b, y, CNN_F32));
}

static void dropout(scene *s)
{
    cnn_value x = draw_tensor(s, 2, 4, DYADIC);
    cnn_value random = cnn_random(s->b, *cnn_type_of(s->b, x));
    cnn_value kept = cnn_le(s->b, cnn_number(s->b, 0.5), random);
    note(s, "dropout\n");
    if (one_in(s, 3))
        show(s, random);
    finish(s, cnn_scale(s->b, cnn_mul(s->b, x, kept), 2));
}

const family tensor_families[] = {
    { "matmul", matmul },   { "batch_norm", batch_norm },
    { "softmax", softmax }, { "cross_entropy", cross_entropy },
    { "reduce", reduce },   { "reduce_special", reduce_special },
    { "concat", concat },   { "slice", slice },
    { "reshape", reshape }, { "transpose", transpose },
    { "cast", cast },       { "argmax", argmax },
    { "random", dropout },  { NULL, NULL },
};
