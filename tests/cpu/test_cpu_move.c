/* Moving data between plain memory and tiles, and between tiles. */
#include <cnnrun/tensor.h>

#include "cpu_test.h"

/* Plain memory of a batch: `before` images that belong to other tiles, this tile's, and nothing
 * after them. The kernel never reads or writes another image. */
typedef struct batch {
    int64_t size, images;
    int32_t *data; /* between guards, bits of floats or integers */
    int32_t *block;
} batch;

static batch add_batch(scene *s, int64_t size)
{
    batch b = { size, 0, NULL, NULL };
    s->tile.first = s->k->lanes * between(s, 0, 2);
    b.images = s->tile.first + s->tile.images;
    b.block = malloc((size_t)(b.images * size + 1) * sizeof *b.block);
    b.data = b.block + 1; /* no more alignment than an element has */
    for (int64_t i = 0; i < b.images * size; i++)
        b.data[i] = (int32_t)(uint32_t)any(s);
    return b;
}

static void pick_extents(scene *s, int64_t e[3])
{
    bool flat = one_in(s, 3), single = one_in(s, 8);
    e[0] = single ? 1 : between(s, 1, flat ? 70 : 5);
    e[1] = flat || single ? 1 : between(s, 1, 7);
    e[2] = flat || single ? 1 : between(s, 1, 40);
}

static void play_gather(scene *s)
{
    int64_t e[3];
    pick_extents(s, e);
    batch b = add_batch(s, e[0] * e[1] * e[2]);
    s->n = 1;
    int i = add_operand(s, e[0], e[1], e[2]);
    void *p[2] = { b.data, s->op[i].data };
    s->params.view[0] = (cpu_view){ 0 };
    s->k->gather(&s->params, p, &s->tile);
    EACH_ELEMENT(&s->op[i].v, c, y, x)
    for (int64_t l = 0; l < s->k->lanes; l++) {
        int64_t from = (s->tile.first + l) * b.size + (c * e[1] + y) * e[2] + x;
        expect(s, *int_at(s, i, l, c, y, x), l < s->tile.images ? b.data[from] : 0, 0);
    }
    expect_margins(s, i);
    free(b.block);
}

static void gather_puts_images_into_lanes_and_zeros_elsewhere(void)
{
    each_scene("gather", ROUNDS, play_gather);
}

static void play_scatter(scene *s)
{
    int64_t e[3];
    pick_extents(s, e);
    batch b = add_batch(s, e[0] * e[1] * e[2]);
    int i = add_operand(s, e[0], e[1], e[2]);
    EACH_ELEMENT(&s->op[i].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++)
        *int_at(s, i, l, c, y, x) = (int32_t)(uint32_t)any(s);
    int32_t before = b.images > s->tile.images ? b.data[s->tile.first * b.size - 1] : 0;
    void *p[2] = { s->op[i].data, b.data };
    s->k->scatter(&s->params, p, &s->tile);
    if (b.images > s->tile.images)
        expect(s, b.data[s->tile.first * b.size - 1], before, 0);
    EACH_ELEMENT(&s->op[i].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        int64_t to = (s->tile.first + l) * b.size + (c * e[1] + y) * e[2] + x;
        expect(s, b.data[to], *int_at(s, i, l, c, y, x), 0);
    }
    free(b.block);
}

static void scatter_takes_images_out_of_lanes(void)
{
    each_scene("scatter", ROUNDS, play_scatter);
}

static void play_copy(scene *s)
{
    int64_t c = between(s, 1, 5), h = between(s, 1, 5), w = between(s, 1, 5);
    add_input(s, c, h, w, SPECIAL);
    add_operand(s, c, h, w);
    run_kernel(s, s->k->copy);
    EACH_ELEMENT(&s->op[0].v, z, y, x)
    for (int64_t l = 0; l < s->tile.images; l++)
        expect(s, *int_at(s, 1, l, z, y, x), *int_at(s, 0, l, z, y, x), 0);
    expect_margins(s, 1);
}

static void copy_keeps_the_bits(void)
{
    each_scene("copy", ROUNDS, play_copy);
}

static void play_zero_margins(scene *s)
{
    add_input(s, between(s, 1, 5), between(s, 1, 5), between(s, 1, 5), NORMAL);
    cpu_view *v = &s->op[0].v;
    float first = *at(s, 0, 0, 0, 0, 0);
    s->params.left = (int32_t)between(s, 0, v->row - v->w);
    s->params.right = (int32_t)(v->row - v->w) - s->params.left;
    /* the guards are wide enough for margins that lie on either side */
    run_kernel(s, s->k->zero_margins);
    CHECK(*at(s, 0, 0, 0, 0, 0) == first);
    for (int64_t c = 0; c < v->c; c++)
        for (int64_t y = 0; y < v->h; y++)
            for (int64_t x = -s->params.left; x < v->w + s->params.right; x++)
                for (int64_t l = 0; l < s->k->lanes; l++)
                    if (x < 0 || x >= v->w) {
                        expect(s, (double)*at(s, 0, l, c, y, x), 0, 0);
                        memcpy(at(s, 0, l, c, y, x), &canary, sizeof canary);
                    }
    expect_margins(s, 0);
}

static void zero_margins_clears_them_and_nothing_else(void)
{
    each_scene("zero_margins", ROUNDS, play_zero_margins);
}

static void play_mask(scene *s)
{
    add_input(s, between(s, 1, 5), between(s, 1, 5), between(s, 1, 5), NORMAL);
    float kept = *at(s, 0, 0, 0, 0, 0);
    run_kernel(s, s->k->mask);
    CHECK(*at(s, 0, 0, 0, 0, 0) == kept);
    EACH_ELEMENT(&s->op[0].v, c, y, x)
    for (int64_t l = s->tile.images; l < s->k->lanes; l++)
        expect(s, *int_at(s, 0, l, c, y, x), 0, 0);
    expect_margins(s, 0);
}

static void mask_clears_lanes_without_an_image(void)
{
    each_scene("mask", ROUNDS, play_mask);
}

static void play_transpose(scene *s)
{
    static const int32_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                          { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    const int32_t *order = orders[s->round % 6];
    int64_t e[3] = { between(s, 1, 5), between(s, 1, 5), between(s, 1, 5) };
    memcpy(s->params.perm, order, sizeof s->params.perm);
    add_input(s, e[0], e[1], e[2], NORMAL);
    add_operand(s, e[order[0]], e[order[1]], e[order[2]]);
    run_kernel(s, s->k->transpose);
    EACH_ELEMENT(&s->op[1].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        int64_t to[3] = { c, y, x }, from[3];
        for (int i = 0; i < 3; i++)
            from[order[i]] = to[i];
        expect(s, *int_at(s, 1, l, c, y, x), *int_at(s, 0, l, from[0], from[1], from[2]), 0);
    }
    expect_margins(s, 1);
}

static void transpose_moves_axes(void)
{
    each_scene("transpose", ROUNDS, play_transpose);
}

static float any_float(scene *s)
{
    static const float corners[] = { 0.0f,          -0.0f,      0.9f,           -0.9f,
                                     NAN,           INFINITY,   -INFINITY,      2147483520.0f,
                                     2147483648.0f, 4e9f,       -2147483648.0f, -2147483904.0f,
                                     -4e9f,         16777217.0f };
    const int64_t n = sizeof corners / sizeof corners[0];
    return one_in(s, 2) ? corners[between(s, 0, n - 1)] : (float)between(s, -4000000, 4000000) / 7;
}

static int32_t truncated(float x)
{
    double v = (double)x;
    return isnan(x)             ? 0
           : v >= 2147483647.0  ? INT32_MAX
           : v <= -2147483648.0 ? INT32_MIN
                                : (int32_t)v;
}

static void play_cast(scene *s)
{
    int64_t c = between(s, 1, 5), h = between(s, 1, 5), w = between(s, 1, 5);
    bool to_int = one_in(s, 2), same = one_in(s, 4);
    s->params.from = to_int ? CNN_F32 : CNN_I32;
    s->params.to = to_int != same ? CNN_I32 : CNN_F32;
    add_operand(s, c, h, w);
    add_operand(s, c, h, w);
    EACH_ELEMENT(&s->op[0].v, z, y, x)
    for (int64_t l = 0; l < s->tile.images; l++)
        if (to_int)
            *at(s, 0, l, z, y, x) = any_float(s);
        else
            *int_at(s, 0, l, z, y, x) = (int32_t)(uint32_t)any(s);
    run_kernel(s, s->k->cast);
    EACH_ELEMENT(&s->op[0].v, z, y, x)
    for (int64_t l = 0; l < s->tile.images; l++)
        if (same)
            expect(s, *int_at(s, 1, l, z, y, x), *int_at(s, 0, l, z, y, x), 0);
        else if (to_int)
            expect(s, *int_at(s, 1, l, z, y, x), truncated(*at(s, 0, l, z, y, x)), 0);
        else
            expect(s, (double)*at(s, 1, l, z, y, x), (double)(float)*int_at(s, 0, l, z, y, x), 0);
    expect_margins(s, 1);
}

static void cast_truncates_and_saturates(void)
{
    each_scene("cast", ROUNDS, play_cast);
}

int main(void)
{
    say_what_is_skipped();
    return RUN_TESTS(TEST(gather_puts_images_into_lanes_and_zeros_elsewhere),
                     TEST(scatter_takes_images_out_of_lanes), TEST(copy_keeps_the_bits),
                     TEST(zero_margins_clears_them_and_nothing_else),
                     TEST(mask_clears_lanes_without_an_image), TEST(transpose_moves_axes),
                     TEST(cast_truncates_and_saturates));
}
