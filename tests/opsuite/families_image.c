/* Ops on images: convolutions, pooling, padding, resizing. */
#include "opsuite.h"

static void note_windows(scene *s, const char *op, const int64_t k[2], const int64_t stride[2],
                         const int64_t dilation[2], const int64_t pad[4])
{
    note(s, "%s kernel %lldx%lld stride %lld,%lld dilation %lld,%lld pad %lld,%lld,%lld,%lld\n", op,
         (long long)k[0], (long long)k[1], (long long)stride[0], (long long)stride[1],
         (long long)dilation[0], (long long)dilation[1], (long long)pad[0], (long long)pad[1],
         (long long)pad[2], (long long)pad[3]);
}

static void finish(scene *s, cnn_value y)
{
    if (one_in(s, 2))
        show(s, y);
    add_loss(s, after(s, y));
    if (s->no_gradient)
        show(s, s->g->loss);
}

/* ---- convolutions ---- */

static void draw_windows(scene *s, cnn_conv2d_attrs *a, int64_t k[2])
{
    *a = (cnn_conv2d_attrs){ { 1, 1 }, { 1, 1 }, { 0, 0, 0, 0 }, 1, { 0, 0 } };
    for (int i = 0; i < 2; i++) {
        k[i] = between(s, 1, one_in(s, 3) ? 7 : 3);
        a->stride[i] = one_in(s, 2) ? 1 : between(s, 1, 3);
        a->dilation[i] = one_in(s, 3) ? between(s, 1, 3) : 1;
    }
    bool same = one_in(s, 2);
    for (int i = 0; i < 4; i++)
        a->pad[i] = same ? (k[i / 2] - 1) / 2 : between(s, 0, 4);
}

/* Channels in and out per group, and groups; one input channel per group is depthwise. */
static void draw_groups(scene *s, int64_t most, int64_t *in, int64_t *out, int64_t *groups)
{
    most = s->batch > 9 && most > 12 ? 12 : most;
    *groups = one_in(s, 3) ? between(s, 1, 6) : 1;
    bool depthwise = one_in(s, 6);
    if (depthwise)
        *groups = between(s, 1, most);
    int64_t each = most / *groups < 1 ? 1 : most / *groups;
    *in = depthwise ? 1 : between(s, 1, each);
    *out = depthwise ? between(s, 1, 2) : between(s, 1, each);
}

static int64_t draw_side(scene *s)
{
    return between(s, 1, s->batch > 9 ? 9 : one_in(s, 4) ? 24 : 13);
}

static cnn_value draw_conv(scene *s)
{
    cnn_conv2d_attrs a;
    int64_t k[2], in, out, groups;
    draw_windows(s, &a, k);
    draw_groups(s, one_in(s, 3) ? 40 : 14, &in, &out, &groups);
    a.groups = groups;
    cnn_value x = add_input(s, batch_type(s, 4, in * groups, draw_side(s), draw_side(s)), DYADIC);
    if (one_in(s, 3) && groups == 1) { /* of another number of channels */
        x = before(s, x);
        in = cnn_dim(s->b, x, 1);
    }
    cnn_value w = add_weight(s, cnn_type4(CNN_F32, out * groups, in, k[0], k[1]), DYADIC);
    note_windows(s, "conv2d", k, a.stride, a.dilation, a.pad);
    note(s, "%lld to %lld channels, %lld groups\n", (long long)(in * groups),
         (long long)(out * groups), (long long)groups);
    note_conv(s, &a, k[0], k[1]);
    return cnn_conv2d(s->b, x, w, &a);
}

static void conv(scene *s)
{
    cnn_value y = draw_conv(s);
    if (one_in(s, 2)) {
        note(s, "bias\n");
        cnn_value bias = add_weight(s, cnn_type1(CNN_F32, cnn_dim(s->b, y, 1)), DYADIC);
        y = cnn_add(s->b, y, cnn_per_channel(s->b, bias, y));
    }
    if (one_in(s, 3) && !s->g->failed) {
        note(s, "add\n");
        y = cnn_add(s->b, y, add_input(s, *cnn_type_of(s->b, y), DYADIC));
    }
    finish(s, one_in(s, 2) ? relu(s, y) : y);
}

/* As deep as large networks are: weights and inputs that no cache holds at once. */
static void conv_wide(scene *s)
{
    const int64_t most = s->batch > 4 ? 120 : 600; /* the reference is slow */
    const int64_t side = between(s, 3, 9), in = between(s, 60, most), out = between(s, 30, most);
    const int64_t k = one_in(s, 2) ? 1 : 3;
    const cnn_conv2d_attrs a = { { 1, 1 }, { 1, 1 }, { k / 2, k / 2, k / 2, k / 2 }, 1, { 0, 0 } };
    cnn_value x = add_input(s, batch_type(s, 4, in, side, side), DYADIC);
    cnn_value w = add_weight(s, cnn_type4(CNN_F32, out, in, k, k), SMALL);
    note(s, "conv2d of %lld channels, %lldx%lld, to %lld, kernel %lld\n", (long long)in,
         (long long)side, (long long)side, (long long)out, (long long)k);
    note_conv(s, &a, k, k);
    cnn_value y = cnn_scale(s->b, cnn_conv2d(s->b, x, w, &a), 1.0 / 32); /* of size 1 */
    finish(s, one_in(s, 2) ? relu(s, y) : y);
}

static void conv_transpose(scene *s)
{
    cnn_conv2d_attrs a;
    int64_t k[2], in, out, groups, side[2];
    draw_windows(s, &a, k);
    draw_groups(s, 12, &in, &out, &groups);
    a.groups = groups;
    for (int i = 0; i < 2; i++) {
        side[i] = between(s, 1, 7);
        a.size[i] = (side[i] - 1) * a.stride[i] + a.dilation[i] * (k[i] - 1) + 1 - a.pad[2 * i] -
                    a.pad[2 * i + 1] + between(s, 0, a.stride[i] - 1);
    }
    cnn_value x = add_input(s, batch_type(s, 4, in * groups, side[0], side[1]), DYADIC);
    if (one_in(s, 3) && groups == 1) {
        x = before(s, x);
        in = cnn_dim(s->b, x, 1);
    }
    cnn_value w = add_weight(s, cnn_type4(CNN_F32, in * groups, out, k[0], k[1]), DYADIC);
    note_windows(s, "conv2d_input_grad", k, a.stride, a.dilation, a.pad);
    note_conv(s, &a, k[0], k[1]);
    note(s, "%lld groups, %lldx%lld to %lldx%lld\n", (long long)groups, (long long)side[0],
         (long long)side[1], (long long)a.size[0], (long long)a.size[1]);
    cnn_value both[2] = { x, w };
    finish(s, cnn_op1(s->b, "conv2d_input_grad", &a, both, 2));
}

/* ---- pooling ---- */

static cnn_pool2d_attrs draw_pool(scene *s, bool dilates)
{
    cnn_pool2d_attrs a = { .ceil_mode = one_in(s, 2), .count_include_pad = one_in(s, 2) };
    bool usual = one_in(s, 3);
    int64_t k = between(s, 1, 3);
    for (int i = 0; i < 2; i++) {
        a.kernel[i] = usual ? k : between(s, 1, 5);
        a.stride[i] = usual ? k : between(s, 1, 4);
        a.dilation[i] = dilates && !usual && one_in(s, 2) ? between(s, 1, 3) : 1;
    }
    for (int i = 0; i < 4 && !usual; i++)
        a.pad[i] = one_in(s, 2) ? between(s, 0, (a.kernel[i / 2] - 1) * a.dilation[i / 2]) : 0;
    return a;
}

static void pool(scene *s, const char *op, cnn_pool2d_attrs a, cnn_value x)
{
    note_windows(s, op, a.kernel, a.stride, a.dilation, a.pad);
    note(s, "ceil_mode %d count_include_pad %d adaptive %lldx%lld\n", a.ceil_mode,
         a.count_include_pad, (long long)a.adaptive[0], (long long)a.adaptive[1]);
    finish(s, cnn_op1(s->b, op, &a, &x, 1));
}

static void max_pool(scene *s)
{
    cnn_value x = before(s, draw_image(s, 20, 13));
    if (one_in(s, 3))
        x = relu(s, x);
    pool(s, "max_pool2d", draw_pool(s, true), x);
}

/* NaN wins, and nothing is lost of it. */
static void max_pool_special(scene *s)
{
    cnn_value x = add_input(
        s, batch_type(s, 4, between(s, 1, 4), between(s, 1, 9), between(s, 1, 9)), SPECIAL);
    cnn_pool2d_attrs a = draw_pool(s, true);
    note_windows(s, "max_pool2d", a.kernel, a.stride, a.dilation, a.pad);
    cnn_value y = cnn_op1(s->b, "max_pool2d", &a, &x, 1);
    show(s, y);
    add_loss(s, y);
}

static void avg_pool(scene *s)
{
    cnn_pool2d_attrs a = draw_pool(s, false);
    s->exact = false; /* thirds are not */
    if (one_in(s, 3)) {
        a = (cnn_pool2d_attrs){ .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 } };
        a.adaptive[0] = between(s, 1, 7);
        a.adaptive[1] = between(s, 1, 7);
    }
    pool(s, "avg_pool2d", a, before(s, draw_image(s, 20, 13)));
}

/* ---- padding, resizing ---- */

static void pad(scene *s)
{
    cnn_value x = before(s, draw_image(s, 20, 13));
    cnn_pad2d_attrs a = { .mode = (int32_t)between(s, 0, 3), .value = one_in(s, 2) ? 0.5 : 0 };
    for (int i = 0; i < 4; i++) {
        int64_t side = cnn_dim(s->b, x, 2 + (uint32_t)i / 2);
        int64_t most = a.mode == CNN_PAD_REFLECT ? side - 1 : a.mode == CNN_PAD_CIRCULAR ? side : 5;
        a.pad[i] = between(s, a.mode == CNN_PAD_CONSTANT && one_in(s, 2) ? -(side / 2) : 0,
                           most > 5 ? 5 : most);
    }
    note(s, "pad2d mode %d pad %lld,%lld,%lld,%lld value %g\n", a.mode, (long long)a.pad[0],
         (long long)a.pad[1], (long long)a.pad[2], (long long)a.pad[3], a.value);
    finish(s, cnn_op1(s->b, "pad2d", &a, &x, 1));
}

static void resize(scene *s)
{
    cnn_value x = before(s, draw_image(s, 20, 11));
    cnn_resize2d_attrs a = { .mode = (int32_t)between(s, 0, 1) };
    a.align_corners = a.mode == CNN_RESIZE_BILINEAR && one_in(s, 2);
    for (int i = 0; i < 2; i++)
        a.size[i] = one_in(s, 3) ? 2 * cnn_dim(s->b, x, 2 + (uint32_t)i) : between(s, 1, 17);
    s->exact = a.mode == CNN_RESIZE_NEAREST;
    note(s, "resize2d mode %d align_corners %d to %lldx%lld\n", a.mode, a.align_corners,
         (long long)a.size[0], (long long)a.size[1]);
    finish(s, cnn_op1(s->b, "resize2d", &a, &x, 1));
}

const family image_families[] = {
    { "conv", conv },
    { "conv_wide", conv_wide },
    { "conv_transpose", conv_transpose },
    { "max_pool", max_pool },
    { "max_pool_special", max_pool_special },
    { "avg_pool", avg_pool },
    { "pad", pad },
    { "resize", resize },
    { NULL, NULL },
};
