/* Built-in ops: shapes, messages, batch roles, multiply-adds. Shapes of windows were compared with
 * PyTorch 1.13 (torch.nn.functional).. */
#include "registry.h"

#include "test.h"

#define F4(a, b, c, d) cnn_type4(CNN_F32, a, b, c, d)
#define F3(a, b, c) cnn_type3(CNN_F32, a, b, c)
#define F2(a, b) cnn_type2(CNN_F32, a, b)
#define F1(a) cnn_type1(CNN_F32, a)
#define F0 cnn_scalar_type(CNN_F32)
#define IN(...) \
    (cnn_type[]){ __VA_ARGS__ }, (uint32_t)(sizeof((cnn_type[]){ __VA_ARGS__ }) / sizeof(cnn_type))
#define DIMS(...)                                                             \
    {                                                                         \
        sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), -1, (int64_t[]) \
        {                                                                     \
            __VA_ARGS__                                                       \
        }                                                                     \
    }

static const cnn_op *find(const char *name)
{
    for (uint32_t i = 0; i < cnn_builtin_plugin.ops.count; i++) {
        const cnn_op *op = cnn_table_at(&cnn_builtin_plugin.ops, i);
        if (strcmp(op->c.name, name) == 0)
            return op;
    }
    fprintf(stderr, "no op %s\n", name);
    static const cnn_op none;
    return &none;
}

static bool infers(const char *name, const void *attrs, const cnn_type *in, uint32_t n_in,
                   cnn_type want)
{
    cnn_type out[4];
    cnn_error err = { "", "" };
    cnn_status status = find(name)->infer(attrs, in, n_in, out, &err);
    if (status != CNN_OK)
        fprintf(stderr, "  %s: %s\n", name, err.text);
    else if (!cnn_same_type(&out[0], &want))
        fprintf(stderr, "  %s: rank %u, %lld %lld %lld %lld\n", name, out[0].rank,
                (long long)out[0].dim[0], (long long)out[0].dim[1], (long long)out[0].dim[2],
                (long long)out[0].dim[3]);
    return status == CNN_OK && cnn_same_type(&out[0], &want);
}

static const char *refusal(const char *name, const void *attrs, const cnn_type *in, uint32_t n_in)
{
    static cnn_error err;
    cnn_type out[4];
    if (find(name)->infer(attrs, in, n_in, out, &err) == CNN_OK)
        return "it was accepted";
    return err.text;
}

static uint32_t role(const char *name, const void *attrs, const cnn_type *in, uint32_t n_in,
                     const bool *batched)
{
    const cnn_op *op = find(name);
    return op->batch_role == NULL ? (uint32_t)CNN_BATCH_PER_SAMPLE
                                  : op->batch_role(attrs, in, batched, n_in);
}

/* ---- the table */

static void every_op_says_what_it_is(void)
{
    CHECK_INT(cnn_builtin_plugin.ops.count, 28);
    for (uint32_t i = 0; i < cnn_builtin_plugin.ops.count; i++) {
        const cnn_op *op = cnn_table_at(&cnn_builtin_plugin.ops, i);
        CHECK(op->c.size == sizeof(cnn_op) && op->infer != NULL && op->c.summary[0] != '\0');
        CHECK(strncmp(op->c.example, op->c.name, strlen(op->c.name)) == 0);
        for (uint32_t j = 0; j < op->c.params.count; j++) {
            const cnn_param *p = cnn_table_at(&op->c.params, j);
            CHECK(p->offset < op->c.params_size && p->help != NULL);
        }
    }
}

/* ---- conv2d */

static const cnn_conv2d_attrs plain = { { 1, 1 }, { 1, 1 }, { 0, 0, 0, 0 }, 1, { 0, 0 } };

/* conv2d(zeros(2,4,11,9), zeros(6,2,3,2), stride=(2,3), padding=(1,2), dilation=(2,1), groups=2) */
static const cnn_conv2d_attrs mixed = { { 2, 3 }, { 2, 1 }, { 1, 1, 2, 2 }, 2, { 11, 9 } };

static void conv2d_has_pytorchs_shapes(void)
{
    CHECK(infers("conv2d", &plain, IN(F4(64, 1, 28, 28), F4(10, 1, 5, 5)), F4(64, 10, 24, 24)));
    CHECK(infers("conv2d", &mixed, IN(F4(2, 4, 11, 9), F4(6, 2, 3, 2)), F4(2, 6, 5, 4)));
}

static void conv2d_gradients_have_the_shapes_of_what_they_are_gradients_of(void)
{
    cnn_conv2d_attrs kernel = mixed;
    kernel.size[0] = 3;
    kernel.size[1] = 2;
    CHECK(infers("conv2d_input_grad", &mixed, IN(F4(2, 6, 5, 4), F4(6, 2, 3, 2)), F4(2, 4, 11, 9)));
    CHECK(
        infers("conv2d_weight_grad", &kernel, IN(F4(2, 4, 11, 9), F4(2, 6, 5, 4)), F4(6, 2, 3, 2)));
    CHECK_STR(refusal("conv2d_input_grad", &mixed, IN(F4(2, 6, 5, 5), F4(6, 2, 3, 2))),
              "an input of 11x9 gives an output of 5x4, but the gradient is 5x5");
    CHECK_HAS(refusal("conv2d_weight_grad", &kernel, IN(F4(2, 4, 11, 9), F4(3, 6, 5, 4))),
              "the input has 2 samples, but the gradient 3");
}

static void conv2d_input_grad_is_a_transposed_convolution(void)
{
    /* conv_transpose2d(zeros(2,6,5,4), zeros(6,2,3,2), stride=(2,3), padding=(1,0),
     * output_padding=(1,2), groups=2) */
    cnn_conv2d_attrs a = { { 2, 3 }, { 1, 1 }, { 1, 1, 0, 0 }, 2, { 10, 13 } };
    CHECK(infers("conv2d_input_grad", &a, IN(F4(2, 6, 5, 4), F4(6, 2, 3, 2)), F4(2, 4, 10, 13)));
}

static void conv2d_shows_the_arithmetic_of_a_kernel_that_is_too_large(void)
{
    cnn_conv2d_attrs padded = plain, uneven = plain, dilated = plain;
    for (int i = 0; i < 4; i++)
        padded.pad[i] = 1;
    uneven.pad[1] = 2;
    dilated.dilation[0] = dilated.dilation[1] = 2;
    CHECK_STR(refusal("conv2d", &plain, IN(F4(1, 1, 4, 4), F4(1, 1, 5, 5))),
              "kernel 5x5 is larger than the input 4x4");
    CHECK_STR(refusal("conv2d", &padded, IN(F4(1, 1, 2, 2), F4(1, 1, 5, 5))),
              "kernel 5x5 is larger than the padded input 4x4 (2x2 + padding 1)");
    CHECK_STR(
        refusal("conv2d", &uneven, IN(F4(1, 1, 2, 9), F4(1, 1, 5, 5))),
        "kernel 5x5 is larger than the padded input 4x9 (2x9 + padding: top 0, bottom 2, left "
        "0, right 0)");
    CHECK_STR(refusal("conv2d", &dilated, IN(F4(1, 1, 4, 4), F4(1, 1, 3, 3))),
              "kernel 3x3 (5x5 with dilation) is larger than the input 4x4");
}

static void conv2d_refuses_channels_that_do_not_fit(void)
{
    cnn_conv2d_attrs grouped = plain;
    grouped.groups = 3;
    CHECK_STR(refusal("conv2d", &plain, IN(F4(1, 4, 8, 8), F4(6, 3, 3, 3))),
              "the input has 4 channels in 1 group, but the weight 6x3x3x3 takes 3 per group");
    CHECK_STR(refusal("conv2d", &grouped, IN(F4(1, 4, 8, 8), F4(6, 3, 3, 3))),
              "4 input channels cannot be divided into 3 groups");
    CHECK_STR(refusal("conv2d", &grouped, IN(F4(1, 6, 8, 8), F4(4, 2, 3, 3))),
              "4 output channels cannot be divided into 3 groups");
    CHECK_STR(refusal("conv2d_input_grad", &mixed, IN(F4(2, 8, 5, 4), F4(6, 2, 3, 2))),
              "the input has 8 channels, but the weight 6x2x3x2 takes 6");
}

static void types_are_checked_by_name(void)
{
    cnn_type pixels = cnn_type4(CNN_U8, 1, 1, 8, 8);
    CHECK_STR(refusal("conv2d", &plain, IN(F2(64, 10), F4(6, 1, 3, 3))),
              "the input has 2 axes (64x10), but needs 4 (N, C, H, W)");
    CHECK_STR(refusal("conv2d", &plain, IN(pixels, F4(6, 1, 3, 3))),
              "the input is u8, but must be f32");
}

static void sizes_beyond_all_bounds_are_refused_without_overflow(void)
{
    cnn_conv2d_attrs a = plain;
    a.dilation[0] = INT64_MAX;
    CHECK_HAS(refusal("conv2d", &a, IN(F4(1, 1, 8, 8), F4(1, 1, 3, 3))),
              "dilation 9223372036854775807");
    a.dilation[0] = INT32_MAX;
    CHECK_HAS(refusal("conv2d", &a, IN(F4(1, 1, 8, 8), F4(1, 1, INT32_MAX, 1))), "is larger than");
    CHECK_HAS(refusal("conv2d", &a, IN(F4(1, 1, 8, 8), F4(1, 1, (int64_t)1 << 50, 1))),
              "kernel size 1125899906842624 is out of range");
    for (int i = 0; i < 4; i++)
        a.pad[i] = INT32_MAX;
    a.dilation[0] = 1;
    CHECK_HAS(refusal("conv2d", &a, IN(F4(64, 1, 8, 8), F4(10, 1, 3, 3))), "is too large");
    a.stride[1] = 0;
    CHECK_STR(refusal("conv2d", &a, IN(F4(1, 1, 8, 8), F4(1, 1, 3, 3))),
              "stride 0 is out of range, it must be 1 to 2147483647");
}

static void conv2d_knows_what_it_does_to_a_batch(void)
{
    const bool input[2] = { true, false }, weight[2] = { false, true }, both[2] = { true, true };
    CHECK_INT(role("conv2d", &plain, NULL, 2, input), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("conv2d", &plain, NULL, 2, weight), CNN_BATCH_COUPLED);
    CHECK_INT(role("conv2d_input_grad", &plain, NULL, 2, input), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("conv2d_weight_grad", &plain, NULL, 2, both), CNN_BATCH_SUMS);
}

static void the_three_convolutions_cost_the_same(void)
{
    cnn_type x = F4(2, 4, 11, 9), w = F4(6, 2, 3, 2), y = F4(2, 6, 5, 4);
    double want = 2.0 * 6 * 5 * 4 * (2 * 3 * 2);
    CHECK_NEAR(find("conv2d")->macs(&mixed, (cnn_type[]){ x, w }, &y), want, 0.0);
    CHECK_NEAR(find("conv2d_input_grad")->macs(&mixed, (cnn_type[]){ y, w }, &x), want, 0.0);
    CHECK_NEAR(find("conv2d_weight_grad")->macs(&mixed, (cnn_type[]){ x, y }, &w), want, 0.0);
}

/* ---- matmul */

static void matmul_multiplies_with_either_operand_transposed(void)
{
    for (int i = 0; i < 4; i++) {
        cnn_matmul_attrs t = { (i & 1) != 0, (i & 2) != 0 };
        cnn_type a = t.trans_a ? F2(3, 2) : F2(2, 3), b = t.trans_b ? F2(5, 3) : F2(3, 5);
        cnn_type y = F2(2, 5);
        CHECK(infers("matmul", &t, IN(a, b), y));
        CHECK_NEAR(find("matmul")->macs(&t, (cnn_type[]){ a, b }, &y), 30.0, 0.0);
    }
    cnn_matmul_attrs t = { false, true };
    CHECK_STR(refusal("matmul", &t, IN(F2(64, 100), F2(10, 90))),
              "cannot multiply 64x100 by 10x90 transposed: the inner sizes are 100 and 90");
}

static void matmul_knows_what_it_does_to_a_batch(void)
{
    const bool left[2] = { true, false }, right[2] = { false, true }, both[2] = { true, true };
    cnn_matmul_attrs plain_t = { false, false }, left_t = { true, false },
                     right_t = { false, true };
    CHECK_INT(role("matmul", &plain_t, NULL, 2, left), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("matmul", &right_t, NULL, 2, left), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("matmul", &left_t, NULL, 2, both), CNN_BATCH_SUMS);
    CHECK_INT(role("matmul", &plain_t, NULL, 2, both), CNN_BATCH_COUPLED);
    CHECK_INT(role("matmul", &left_t, NULL, 2, left), CNN_BATCH_COUPLED);
    CHECK_INT(role("matmul", &right_t, NULL, 2, right), CNN_BATCH_COUPLED);
}

/* ---- pooling */

/* max_pool2d(zeros(1,1,H,8), kernel, stride, padding).shape[2], floor and ceil mode */
static void pools_count_windows_as_pytorch_does(void)
{
    static const struct {
        int64_t in, kernel, stride, pad, floor, ceil;
    } rows[] = {
        { 3, 2, 2, 1, 2, 2 }, { 3, 3, 2, 1, 2, 2 }, { 3, 3, 2, 0, 1, 1 }, { 3, 2, 3, 1, 2, 2 },
        { 4, 2, 2, 1, 3, 3 }, { 4, 3, 2, 1, 2, 3 }, { 4, 3, 2, 0, 1, 2 }, { 5, 1, 4, 0, 2, 2 },
        { 6, 3, 2, 1, 3, 4 }, { 6, 1, 4, 0, 2, 2 }, { 7, 2, 2, 1, 4, 4 }, { 7, 2, 3, 1, 3, 3 },
        { 8, 2, 2, 1, 5, 5 }, { 8, 3, 2, 0, 3, 4 }, { 8, 2, 3, 1, 3, 3 }, { 8, 1, 4, 0, 2, 2 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cnn_pool2d_attrs a = { .kernel = { rows[i].kernel, 1 },
                               .stride = { rows[i].stride, 1 },
                               .dilation = { 1, 1 },
                               .pad = { rows[i].pad, rows[i].pad, 0, 0 } };
        CHECK(infers("max_pool2d", &a, IN(F4(1, 1, rows[i].in, 8)), F4(1, 1, rows[i].floor, 8)));
        a.ceil_mode = true;
        CHECK(infers("max_pool2d", &a, IN(F4(1, 1, rows[i].in, 8)), F4(1, 1, rows[i].ceil, 8)));
        CHECK(infers("avg_pool2d", &a, IN(F4(1, 1, rows[i].in, 8)), F4(1, 1, rows[i].ceil, 8)));
    }
}

static void pooling_gradients_check_their_input(void)
{
    cnn_pool2d_attrs a = {
        .kernel = { 2, 2 }, .stride = { 2, 2 }, .dilation = { 1, 1 }, .size = { 9, 8 }
    };
    CHECK(infers("max_pool2d_grad", &a, IN(F4(2, 3, 9, 8), F4(2, 3, 4, 4)), F4(2, 3, 9, 8)));
    CHECK(infers("avg_pool2d_grad", &a, IN(F4(2, 3, 4, 4)), F4(2, 3, 9, 8)));
    CHECK_STR(refusal("max_pool2d_grad", &a, IN(F4(2, 3, 9, 8), F4(2, 3, 4, 5))),
              "the result is f32 2x3x4x4, but its gradient is f32 2x3x4x5");
    CHECK_STR(refusal("avg_pool2d_grad", &a, IN(F4(2, 3, 4, 5))),
              "an input of 9x8 gives an output of 4x4, but the gradient is 4x5");
}

static void adaptive_pooling_gives_the_size_that_was_asked_for(void)
{
    cnn_pool2d_attrs a = { .adaptive = { 3, 2 }, .size = { 7, 7 } },
                     half = { .adaptive = { 3, 0 } };
    CHECK(infers("avg_pool2d", &a, IN(F4(2, 5, 7, 7)), F4(2, 5, 3, 2)));
    CHECK(infers("avg_pool2d", &a, IN(F4(2, 5, 2, 1)), F4(2, 5, 3, 2)));
    CHECK(infers("avg_pool2d_grad", &a, IN(F4(2, 5, 3, 2)), F4(2, 5, 7, 7)));
    CHECK_HAS(refusal("avg_pool2d", &half, IN(F4(2, 5, 7, 7))), "output size 0 is out of range");
    CHECK_HAS(refusal("max_pool2d", &a, IN(F4(2, 5, 7, 7))), "no adaptive form");
}

static void no_pooling_window_may_lie_outside_the_input(void)
{
    cnn_pool2d_attrs padded = {
        .kernel = { 2, 2 }, .stride = { 2, 2 }, .dilation = { 1, 1 }, .pad = { 2, 0, 0, 0 }
    };
    /* taps of the first window: -1 and 2 of an input of 0 and 1 */
    cnn_pool2d_attrs wide = {
        .kernel = { 2, 1 }, .stride = { 1, 1 }, .dilation = { 3, 1 }, .pad = { 1, 1, 0, 0 }
    };
    cnn_pool2d_attrs dilated_mean = wide;
    CHECK_HAS(refusal("max_pool2d", &padded, IN(F4(1, 1, 8, 8))),
              "padding 2 is not smaller than the kernel, which reaches over 2");
    CHECK_STR(refusal("max_pool2d", &wide, IN(F4(1, 1, 2, 2))),
              "dilation 3x1 makes a window miss the input 2x2");
    CHECK(infers("max_pool2d", &wide, IN(F4(1, 1, 4, 2)), F4(1, 1, 3, 2)));
    dilated_mean.pad[0] = dilated_mean.pad[1] = 0;
    CHECK_STR(refusal("avg_pool2d", &dilated_mean, IN(F4(1, 1, 8, 8))),
              "average pooling has no dilation, but 3x1 was asked for");
}

/* ---- pad2d, resize2d */

static void pad2d_obeys_the_limits_of_its_modes(void)
{
    cnn_pad2d_attrs a = { CNN_PAD_CONSTANT, { 1, 2, 3, -4 }, 0.5, { 5, 6 } };
    CHECK(infers("pad2d", &a, IN(F4(2, 3, 5, 6)), F4(2, 3, 8, 5)));
    CHECK(infers("pad2d_grad", &a, IN(F4(2, 3, 8, 5)), F4(2, 3, 5, 6)));
    CHECK_STR(refusal("pad2d_grad", &a, IN(F4(2, 3, 8, 6))),
              "5x6 is padded to 8x5, but the gradient is 8x6");
    cnn_pad2d_attrs crop = { CNN_PAD_CONSTANT, { -3, -2, 0, 0 }, 0.0, { 0, 0 } };
    CHECK_STR(refusal("pad2d", &crop, IN(F4(2, 3, 5, 6))), "cropping 3 and 2 leaves nothing of 5");
    cnn_pad2d_attrs mirror = { CNN_PAD_REFLECT, { 4, 4, 5, 5 }, 0.0, { 0, 0 } };
    CHECK(infers("pad2d", &mirror, IN(F4(2, 3, 5, 6)), F4(2, 3, 13, 16)));
    mirror.pad[0] = 5;
    CHECK_STR(refusal("pad2d", &mirror, IN(F4(2, 3, 5, 6))),
              "padding 5 is too large for mode reflect on an input side of 5: at most 4");
    mirror.mode = CNN_PAD_CIRCULAR;
    CHECK(infers("pad2d", &mirror, IN(F4(2, 3, 5, 6)), F4(2, 3, 14, 16)));
    mirror.mode = CNN_PAD_REPLICATE;
    mirror.pad[1] = -1;
    CHECK_STR(refusal("pad2d", &mirror, IN(F4(2, 3, 5, 6))),
              "padding -1: only mode constant can crop, not replicate");
}

static void resize2d_gives_the_size_that_was_asked_for(void)
{
    cnn_resize2d_attrs a = { CNN_RESIZE_BILINEAR, true, { 9, 4 }, { 5, 6 } };
    CHECK(infers("resize2d", &a, IN(F4(2, 3, 5, 6)), F4(2, 3, 9, 4)));
    CHECK(infers("resize2d_grad", &a, IN(F4(2, 3, 9, 4)), F4(2, 3, 5, 6)));
    CHECK_STR(refusal("resize2d_grad", &a, IN(F4(2, 3, 9, 5))),
              "resizing gives 9x4, but the gradient is 9x5");
    a.mode = CNN_RESIZE_NEAREST;
    CHECK_HAS(refusal("resize2d", &a, IN(F4(2, 3, 5, 6))), "bilinear only");
}

/* ---- batch_norm, softmax, cross_entropy */

static void batch_norm_gives_statistics_per_channel(void)
{
    cnn_batch_norm_attrs a = { 1e-5 };
    cnn_type out[3], x = F4(4, 3, 2, 2), c = F1(3);
    CHECK(find("batch_norm")->infer(&a, (cnn_type[]){ x, c, c }, 3, out, NULL) == CNN_OK);
    CHECK(cnn_same_type(&out[0], &x) && cnn_same_type(&out[1], &c) && cnn_same_type(&out[2], &c));
    CHECK(find("batch_norm_grad")->infer(&a, (cnn_type[]){ x, c, c, c, x }, 5, out, NULL) ==
          CNN_OK);
    CHECK(cnn_same_type(&out[0], &x) && cnn_same_type(&out[1], &c) && cnn_same_type(&out[2], &c));
    CHECK_STR(refusal("batch_norm", &a, IN(x, F1(4), c)),
              "the weight is f32 4, but the input has 3 channels");
    CHECK_STR(refusal("batch_norm", &a, IN(F2(1, 3), c, c)),
              "the input 1x3 has a single value per channel: it has no variance");
    const bool batched[3] = { true, false, false };
    CHECK_INT(role("batch_norm", &a, NULL, 3, batched), CNN_BATCH_COUPLED);
}

static void softmax_keeps_the_shape(void)
{
    cnn_softmax_attrs a = { 1, false }, none = { 2, false }, first = { 0, true };
    const bool batched[2] = { true, true };
    CHECK(infers("softmax", &a, IN(F2(64, 10)), F2(64, 10)));
    CHECK(infers("softmax_grad", &a, IN(F2(64, 10), F2(64, 10)), F2(64, 10)));
    CHECK_STR(refusal("softmax", &none, IN(F2(64, 10))),
              "axis 2 does not exist in 64x10, which has 2 axes");
    CHECK_INT(role("softmax", &a, NULL, 1, batched), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("softmax_grad", &first, NULL, 2, batched), CNN_BATCH_COUPLED);
}

static void cross_entropy_gives_one_loss_per_label(void)
{
    cnn_cross_entropy_attrs a = { 0.1, -100 }, wrong = { 1.5, -100 };
    cnn_type labels = cnn_type1(CNN_I32, 64), maps = cnn_type3(CNN_I32, 2, 4, 5);
    CHECK(infers("cross_entropy", &a, IN(F2(64, 10), labels), F1(64)));
    CHECK(infers("cross_entropy", &a, IN(F4(2, 10, 4, 5), maps), F3(2, 4, 5)));
    CHECK(infers("cross_entropy_grad", &a, IN(F2(64, 10), labels, F1(64)), F2(64, 10)));
    CHECK_STR(refusal("cross_entropy", &a, IN(F2(64, 10), F1(64))),
              "scores 64x10 need labels i32 64, but the target is f32 64");
    CHECK_STR(refusal("cross_entropy", &a, IN(F1(64), labels)),
              "the input 64 has no class axis (N, C, ...)");
    CHECK_STR(refusal("cross_entropy", &wrong, IN(F2(64, 10), labels)),
              "label_smoothing 1.5 must lie between 0 and 1");
}

/* ---- reduce, argmax */

static void reduce_drops_or_keeps_axes(void)
{
    cnn_reduce_attrs drop = { CNN_REDUCE_MEAN, 12, false }, keep = { CNN_REDUCE_SUM, 13, true };
    cnn_reduce_attrs all = { CNN_REDUCE_MAX, 15, false }, far = { CNN_REDUCE_SUM, 16, false };
    CHECK(infers("reduce", &drop, IN(F4(2, 3, 4, 5)), F2(2, 3)));
    CHECK(infers("reduce", &keep, IN(F4(2, 3, 4, 5)), F4(1, 3, 1, 1)));
    CHECK(infers("reduce", &all, IN(F4(2, 3, 4, 5)), F0));
    CHECK_HAS(refusal("reduce", &far, IN(F4(2, 3, 4, 5))), "the axes mask 16 does not fit 2x3x4x5");
    const bool batched[1] = { true };
    CHECK_INT(role("reduce", &drop, NULL, 1, batched), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("reduce", &keep, NULL, 1, batched), CNN_BATCH_SUMS);
    CHECK_INT(role("reduce", &all, NULL, 1, batched), CNN_BATCH_COUPLED);
}

static void argmax_gives_integers(void)
{
    cnn_axis_attrs a = { 1 }, first = { 0 };
    const bool batched[1] = { true };
    CHECK(infers("argmax", &a, IN(F2(64, 10)), cnn_type1(CNN_I32, 64)));
    CHECK_INT(find("argmax")->differentiable, 0);
    CHECK_INT(role("argmax", &first, NULL, 1, batched), CNN_BATCH_COUPLED);
}

/* ---- shapes */

static void concat_joins_what_differs_in_its_axis_only(void)
{
    cnn_axis_attrs a = { 1 }, first = { 0 };
    const bool batched[2] = { true, true };
    CHECK(
        infers("concat", &a, IN(F4(2, 3, 4, 5), F4(2, 1, 4, 5), F4(2, 6, 4, 5)), F4(2, 10, 4, 5)));
    CHECK_STR(refusal("concat", &a, IN(F4(2, 3, 4, 5), F4(2, 3, 4, 6))),
              "input 1 is f32 2x3x4x5, but input 2 is f32 2x3x4x6: they may differ in axis 1 only");
    CHECK_INT(role("concat", &a, NULL, 2, batched), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("concat", &first, NULL, 2, batched), CNN_BATCH_COUPLED);
}

static void slice_stays_inside(void)
{
    cnn_slice_attrs a = { 1, 2, 3 }, far = { 1, 2, 5 }, huge = { 1, 1, INT64_MAX };
    CHECK(infers("slice", &a, IN(F2(4, 6)), F2(4, 3)));
    CHECK_STR(refusal("slice", &far, IN(F2(4, 6))),
              "cannot take 5 elements from number 2 on: axis 1 of 4x6 has 6");
    CHECK_HAS(refusal("slice", &huge, IN(F2(4, 6))), "cannot take 9223372036854775807");
}

static void reshape_keeps_the_number_of_elements(void)
{
    cnn_dims_attrs flat = { DIMS(2, 60) }, wrong = { DIMS(2, 61) }, scalar = { { 0, -1, NULL } };
    cnn_dims_attrs huge = { DIMS((int64_t)1 << 40, (int64_t)1 << 40) }, mixes = { DIMS(4, 30) };
    const bool batched[1] = { true };
    CHECK(infers("reshape", &flat, IN(F4(2, 3, 4, 5)), F2(2, 60)));
    CHECK(infers("reshape", &scalar, IN(F2(1, 1)), F0));
    CHECK_STR(refusal("reshape", &wrong, IN(F4(2, 3, 4, 5))),
              "2x3x4x5 has 120 elements, but 2x61 has 122");
    CHECK_HAS(refusal("reshape", &huge, IN(F2(1, 1))), "is too large");
    CHECK_INT(role("reshape", &flat, IN(F4(2, 3, 4, 5)), batched), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("reshape", &mixes, IN(F4(2, 3, 4, 5)), batched), CNN_BATCH_COUPLED);
}

static void transpose_takes_a_permutation(void)
{
    cnn_dims_attrs last = { DIMS(0, 2, 3, 1) }, twice = { DIMS(0, 2, 2, 1) }, swap = { DIMS(1, 0) };
    const bool batched[1] = { true };
    CHECK(infers("transpose", &last, IN(F4(2, 3, 4, 5)), F4(2, 4, 5, 3)));
    CHECK_HAS(refusal("transpose", &twice, IN(F4(2, 3, 4, 5))), "each of the 4 axes");
    CHECK_INT(role("transpose", &last, NULL, 1, batched), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("transpose", &swap, NULL, 1, batched), CNN_BATCH_COUPLED);
}

/* ---- elementwise */

static void random_and_cast_give_their_types(void)
{
    cnn_random_attrs r = { 3, DIMS(64, 50) };
    cnn_cast_attrs to_f32 = { CNN_F32 - 1 };
    cnn_type seed = cnn_type1(CNN_I32, 2), step = cnn_scalar_type(CNN_I32);
    CHECK(infers("random", &r, IN(seed, step), F2(64, 50)));
    CHECK_HAS(refusal("random", &r, IN(step, seed)), "random takes a seed i32 2");
    CHECK(infers("cast", &to_f32, IN(cnn_type1(CNN_U8, 7)), F1(7)));
}

static void map_broadcasts_and_checks_its_expression(void)
{
    const cnn_term terms[] = { { CNN_TERM_INPUT, 0, -1, -1, 0.0 },
                               { CNN_TERM_INPUT, 1, -1, -1, 0.0 },
                               { CNN_TERM_ADD, 0, 1, -1, 0.0 } };
    const cnn_term late[] = { { CNN_TERM_NEG, 0, -1, -1, 0.0 } };
    cnn_map_attrs a = { { 3, terms }, DIMS(2, 3, 4) }, bad = { { 1, late }, DIMS(2, 3, 4) };
    CHECK(infers("map", &a, IN(F3(2, 3, 4), F2(3, 1)), F3(2, 3, 4)));
    CHECK_STR(refusal("map", &a, IN(F3(2, 3, 4), F1(3))),
              "input 2 of shape 3 cannot be broadcast to 2x3x4");
    CHECK_STR(refusal("map", &a, IN(F3(2, 3, 4))), "term 1 reads input 1 of 1");
    CHECK_STR(refusal("map", &bad, IN(F3(2, 3, 4))),
              "term 0 reads term 0, which does not come before");
    const bool first[2] = { true, false }, second[2] = { false, true };
    CHECK_INT(role("map", &a, IN(F3(2, 3, 4), F2(3, 1)), first), CNN_BATCH_PER_SAMPLE);
    CHECK_INT(role("map", &a, IN(F3(2, 3, 4), F2(3, 1)), second), CNN_BATCH_COUPLED);
}

static void assign_needs_equal_types(void)
{
    CHECK(find("assign")->infer(NULL, (cnn_type[]){ F1(3), F1(3) }, 2, NULL, NULL) == CNN_OK);
    CHECK_STR(refusal("assign", NULL, IN(F1(3), F1(4))),
              "the state is f32 3, but its new value is f32 4");
    CHECK_INT(find("assign")->n_out, 0);
}

int main(void)
{
    return RUN_TESTS(
        TEST(every_op_says_what_it_is), TEST(conv2d_has_pytorchs_shapes),
        TEST(conv2d_gradients_have_the_shapes_of_what_they_are_gradients_of),
        TEST(conv2d_input_grad_is_a_transposed_convolution),
        TEST(conv2d_shows_the_arithmetic_of_a_kernel_that_is_too_large),
        TEST(conv2d_refuses_channels_that_do_not_fit), TEST(types_are_checked_by_name),
        TEST(sizes_beyond_all_bounds_are_refused_without_overflow),
        TEST(conv2d_knows_what_it_does_to_a_batch), TEST(the_three_convolutions_cost_the_same),
        TEST(matmul_multiplies_with_either_operand_transposed),
        TEST(matmul_knows_what_it_does_to_a_batch), TEST(pools_count_windows_as_pytorch_does),
        TEST(pooling_gradients_check_their_input),
        TEST(adaptive_pooling_gives_the_size_that_was_asked_for),
        TEST(no_pooling_window_may_lie_outside_the_input),
        TEST(pad2d_obeys_the_limits_of_its_modes), TEST(resize2d_gives_the_size_that_was_asked_for),
        TEST(batch_norm_gives_statistics_per_channel), TEST(softmax_keeps_the_shape),
        TEST(cross_entropy_gives_one_loss_per_label), TEST(reduce_drops_or_keeps_axes),
        TEST(argmax_gives_integers), TEST(concat_joins_what_differs_in_its_axis_only),
        TEST(slice_stays_inside), TEST(reshape_keeps_the_number_of_elements),
        TEST(transpose_takes_a_permutation), TEST(random_and_cast_give_their_types),
        TEST(map_broadcasts_and_checks_its_expression), TEST(assign_needs_equal_types));
}
