/* Expressions with operands of all shapes, updates of parameters, little networks. */
#include "opsuite.h"

enum { MAX_TERMS = 48 };

static void finish(scene *s, cnn_value y)
{
    if (one_in(s, 2))
        show(s, y);
    add_loss(s, after(s, y));
    if (s->no_gradient)
        show(s, s->g->loss);
}

/* ---- operands ---- */

/* Of another shape that broadcasts to x: `batched` ones have all its axes. */
static cnn_value draw_operand(scene *s, const cnn_type *x, filling f)
{
    cnn_type type = *x;
    int64_t kind = between(s, 0, 6);
    static const char *const names[] = { "like x",    "per sample", "scalar",  "per channel",
                                         "unbatched", "row",        "any axes" };
    note(s, "operand %s\n", names[kind]);
    if (kind == 2)
        return add_weight(s, cnn_scalar_type(CNN_F32), f);
    if (kind == 5)
        return add_weight(s, cnn_type1(CNN_F32, type.rank > 1 ? type.dim[type.rank - 1] : 1), f);
    for (uint32_t i = 1; i < type.rank; i++)
        if (kind == 1 || (kind == 3 && i != 1) || (kind == 6 && one_in(s, 2)))
            type.dim[i] = 1;
    if (kind == 0 || kind == 1 || kind == 6)
        return add_input(s, type, f);
    type.dim[0] = 1;
    return add_weight(s, type, f);
}

/* ---- expressions ---- */

/* Terms whose results and slopes stay of size 1 for operands of size 1. */
static cnn_value smooth_term(scene *s, cnn_value x, cnn_value y)
{
    cnn_builder *b = s->b;
    cnn_value square = cnn_offset(b, cnn_mul(b, x, x), 0.75);
    switch (between(s, 0, 19)) {
    case 0:
        return cnn_tanh(b, x);
    case 1:
        return cnn_sigmoid(b, x);
    case 2:
        return cnn_erf(b, x);
    case 3:
        return cnn_sin(b, cnn_tanh(b, x));
    case 4:
        return cnn_cos(b, cnn_tanh(b, x));
    case 5:
        return cnn_exp(b, cnn_tanh(b, x));
    case 6:
        return cnn_expm1(b, cnn_tanh(b, x));
    case 7:
        return cnn_log(b, square);
    case 8:
        return cnn_log1p(b, square);
    case 9:
        return cnn_sqrt(b, square);
    case 10:
        return cnn_rsqrt(b, square);
    case 11:
        return cnn_div(b, y, square);
    case 12:
        return cnn_pow(b, square, cnn_number(b, 0.75));
    case 13:
        return cnn_neg(b, x);
    case 14:
    case 15:
        return cnn_tanh(b, cnn_mul(b, x, y));
    case 16:
        return cnn_sub(b, cnn_scale(b, x, 0.5), cnn_scale(b, y, 0.5));
    default:
        return cnn_scale(b, cnn_add(b, x, y), 0.5);
    }
}

/* Terms that jump or have a kink: of exact numbers only. */
static cnn_value kinked_term(scene *s, cnn_value x, cnn_value y)
{
    cnn_builder *b = s->b;
    switch (between(s, 0, 8)) {
    case 0:
        return cnn_abs(b, x);
    case 1:
        return cnn_sign(b, x);
    case 2:
        return cnn_floor(b, x);
    case 3:
        return cnn_min(b, x, y);
    case 4:
        return cnn_max(b, x, y);
    case 5:
        return cnn_select(b, cnn_lt(b, x, y), x, y);
    case 6:
        return cnn_select(b, cnn_eq(b, x, y), y, cnn_number(b, 0.25));
    case 7:
        return cnn_mul(b, cnn_le(b, x, y), y);
    default:
        return cnn_select(b, cnn_le(b, x, cnn_number(b, 0)), cnn_number(b, 0), x);
    }
}

static cnn_value expand_to(scene *s, cnn_value v, const cnn_type *type)
{
    return cnn_expand(s->b, v, *type);
}

/* Longer than what anybody writes, shorter than what `cpu` leaves to the reference: after a
 * convolution it is looked at as a factor and a shift, term by term. */
static void map_long(scene *s)
{
    cnn_value y = small_conv(s, draw_image(s, 6, 9), between(s, 1, 6));
    const int64_t terms = between(s, 150, 240);
    for (int64_t i = 0; i < terms; i++)
        y = cnn_neg(s->b, y);
    note(s, "negated %lld times\n", (long long)terms);
    add_loss(s, after(s, y));
}

static void map(scene *s)
{
    cnn_builder *b = s->b;
    cnn_value pool[MAX_TERMS];
    uint32_t rank = (uint32_t)between(s, 1, 4), n = 0;
    cnn_value x =
        rank == 4
            ? before(s, draw_image(s, 20, 13))
            : add_input(s, batch_type(s, rank, between(s, 1, 20), between(s, 1, 9), 1), DYADIC);
    const cnn_type type = *cnn_type_of(b, x);
    int64_t operands = between(s, 0, 6), kinks = between(s, 0, 5), terms = between(s, 1, 15);
    pool[n++] = x;
    for (int64_t i = 0; i < operands; i++)
        pool[n++] = draw_operand(s, &type, DYADIC);
    for (int64_t i = 0; i < kinks; i++, n++) /* of leaves: those are small and exact */
        pool[n] = kinked_term(s, pool[between(s, 0, operands)], pool[between(s, 0, operands)]);
    s->exact = false;
    for (int64_t i = 0; i < terms; i++, n++)
        pool[n] = smooth_term(s, pool[between(s, 0, n - 1)], pool[between(s, 0, n - 1)]);
    note(s, "map of %u values\n", n);
    cnn_value y = expand_to(s, pool[n - 1], &type);
    for (int64_t i = 0; i < operands; i++) /* all are used */
        if (one_in(s, 2))
            y = cnn_add(b, y, cnn_scale(b, pool[1 + i], 0.5));
    if (one_in(s, 3))
        y = cnn_add(b, y, x);
    finish(s, y);
}

/* relu and its gate, min, max, select where infinities and NaN are. */
static void map_special(scene *s)
{
    cnn_value x = add_input(
        s, batch_type(s, 4, between(s, 1, 4), between(s, 1, 9), between(s, 1, 9)), SPECIAL);
    cnn_value y =
        one_in(s, 2) ? relu(s, x) : kinked_term(s, x, add_input(s, *cnn_type_of(s->b, x), SPECIAL));
    show(s, y);
    add_loss(s, y);
}

/* ---- updates ---- */

/* m := 0.9 m + g; w := w - 0.1 (m + 0.01 w), with a step in front that has gradients. */
static void update(scene *s)
{
    cnn_builder *b = s->b;
    uint32_t n = (uint32_t)between(s, 1, 4);
    s->assigns = true;
    for (uint32_t i = 0; i < n; i++) {
        cnn_type type = cnn_type4(CNN_F32, between(s, 1, 9), between(s, 1, 9), between(s, 1, 5),
                                  between(s, 1, 5));
        type.rank = (uint32_t)between(s, 0, 4);
        const cnn_init half = { .kind = CNN_INIT_CONSTANT, .a = 0.5 };
        cnn_value w = add_weight(s, type, SMOOTH), g = add_weight(s, type, SMOOTH);
        const char *name = cnn_arena_printf(s->arena, "m%u", i);
        cnn_value m = cnn_graph_state(s->g, name, &type, &half, false);
        cnn_value next = cnn_add(b, cnn_scale(b, m, 0.9), g);
        if (one_in(s, 2)) { /* Adam's root */
            cnn_value v = cnn_sqrt(b, cnn_offset(b, cnn_mul(b, next, next), 0.1));
            next = cnn_div(b, next, v);
        }
        cnn_assign(b, m, next);
        cnn_assign(b, w, cnn_sub(b, w, cnn_scale(b, cnn_add(b, next, cnn_scale(b, w, 0.01)), 0.1)));
        note(s, "update of rank %u\n", type.rank);
        if (type.rank > 0 && one_in(s, 3))
            add_loss(s, w);
    }
    finish(s, before(s, draw_image(s, 9, 9)));
}

/* ---- networks ---- */

static cnn_value squash(scene *s, cnn_value x)
{
    note(s, "tanh x/8\n");
    s->exact = false;
    return cnn_tanh(s->b, cnn_scale(s->b, x, 0.125));
}

static cnn_value halve(scene *s, cnn_value x)
{
    cnn_pool2d_attrs a = { .kernel = { 2, 2 }, .stride = { 2, 2 }, .dilation = { 1, 1 } };
    bool max = s->exact && one_in(s, 2);
    if (cnn_dim(s->b, x, 2) < 2 || cnn_dim(s->b, x, 3) < 2)
        return x;
    a.ceil_mode = true;
    a.count_include_pad = true;
    note(s, "%s 2x2\n", max ? "max_pool2d" : "avg_pool2d");
    return cnn_op1(s->b, max ? "max_pool2d" : "avg_pool2d", &a, &x, 1);
}

static cnn_value norm(scene *s, cnn_value x)
{
    const cnn_type c = cnn_type1(CNN_F32, cnn_dim(s->b, x, 1));
    const cnn_batch_norm_attrs a = { 0.1 };
    cnn_value in[3] = { x, add_weight(s, c, NEAR_1), add_weight(s, c, SMOOTH) }, out[3];
    note(s, "batch_norm\n");
    (void)cnn_op_n(s->b, "batch_norm", &a, in, 3, out, 3);
    return out[0];
}

/* As batch norm is at prediction: what may move into a convolution. */
static cnn_value scale_and_shift(scene *s, cnn_value x)
{
    const cnn_type c = cnn_type1(CNN_F32, cnn_dim(s->b, x, 1));
    cnn_value k = cnn_per_channel(s->b, add_weight(s, c, DYADIC), x);
    cnn_value d = cnn_per_channel(s->b, add_weight(s, c, DYADIC), x);
    note(s, "scale, shift per channel\n");
    return cnn_add(s->b, cnn_mul(s->b, x, cnn_scale(s->b, k, 0.5)), d);
}

static cnn_value grow(scene *s, cnn_value x)
{
    cnn_builder *b = s->b;
    cnn_value y;
    switch (between(s, 0, 7)) {
    case 0:
        note(s, "residual\n");
        y = small_conv(s, x, cnn_dim(b, x, 1));
        return cnn_add(b, x, s->exact ? relu(s, y) : squash(s, y));
    case 1:
        note(s, "concat\n");
        y = small_conv(s, x, between(s, 1, 6));
        return cnn_concat(b, (cnn_value[]){ x, small_conv(s, x, 2), y }, 3, 1);
    case 2:
        return squash(s, small_conv(s, x, between(s, 1, 9)));
    case 3:
        return halve(s, x);
    case 4:
        return norm(s, x);
    case 5:
        return scale_and_shift(s, small_conv(s, x, between(s, 1, 9)));
    case 6:
        note(s, "slice\n");
        return cnn_slice(b, x, 1, 0, (cnn_dim(b, x, 1) + 1) / 2);
    default:
        y = small_conv(s, x, between(s, 1, 9));
        return s->exact ? relu(s, y) : squash(s, y);
    }
}

static void network(scene *s)
{
    cnn_value x = draw_image(s, 9, 13);
    int64_t ops = between(s, 3, 8);
    for (int64_t i = 0; i < ops; i++) {
        x = grow(s, x);
        if (i % 3 == 2)
            x = squash(s, x);
    }
    if (one_in(s, 3)) {
        note(s, "linear\n");
        int64_t k = cnn_count(cnn_type_of(s->b, x)) / s->batch;
        x = cnn_reshape(s->b, x, 2, (int64_t[]){ s->batch, k });
        x = cnn_matmul(s->b, x, add_weight(s, cnn_type2(CNN_F32, 10, k), DYADIC), false, true);
    }
    finish(s, x);
}

const family map_families[] = {
    { "map", map },       { "map_long", map_long }, { "map_special", map_special },
    { "update", update }, { "network", network },   { NULL, NULL },
};
