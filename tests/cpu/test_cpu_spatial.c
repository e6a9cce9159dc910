/* Padding and resampling against their definitions. */
#include "cpu_test.h"

enum { SIDE = 9 };

static int64_t reflected(int64_t i, int64_t size)
{
    return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
}

/* Where position i of the output comes from, or -1. */
static int64_t source(const cnn_pad2d_attrs *a, int axis, int64_t i, int64_t size)
{
    i -= a->pad[2 * axis];
    if (a->mode == CNN_PAD_REFLECT)
        return reflected(i, size);
    if (a->mode == CNN_PAD_REPLICATE)
        return i < 0 ? 0 : i >= size ? size - 1 : i;
    if (a->mode == CNN_PAD_CIRCULAR)
        return (i + size) % size;
    return i < 0 || i >= size ? -1 : i;
}

static void pick_padding(scene *s, cnn_pad2d_attrs *a, const int64_t size[2], int64_t out[2])
{
    *a = (cnn_pad2d_attrs){ .mode = s->round % 4, .value = 1.5 };
    for (int i = 0; i < 2; i++) {
        int64_t most = a->mode == CNN_PAD_REFLECT ? size[i] - 1 : size[i];
        int64_t crop = a->mode == CNN_PAD_CONSTANT ? (size[i] - 1) / 2 : 0;
        a->pad[2 * i] = between(s, -crop, most);
        a->pad[2 * i + 1] = between(s, -crop, most);
        out[i] = size[i] + a->pad[2 * i] + a->pad[2 * i + 1];
    }
}

static void play_pad(scene *s)
{
    cnn_pad2d_attrs a;
    int64_t size[2] = { between(s, 1, SIDE), between(s, 1, SIDE) }, out[2], ch = between(s, 1, 3);
    pick_padding(s, &a, size, out);
    s->params.attrs = &a;
    add_input(s, ch, size[0], size[1], NORMAL);
    add_operand(s, ch, out[0], out[1]);
    run_kernel(s, s->k->pad);
    EACH_ELEMENT(&s->op[1].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        int64_t i = source(&a, 0, y, size[0]), j = source(&a, 1, x, size[1]);
        expect(s, (double)*at(s, 1, l, c, y, x),
               i < 0 || j < 0 ? a.value : (double)*at(s, 0, l, c, i, j), 0);
    }
    expect_margins(s, 1);
}

static void pad_takes_every_element_from_its_source(void)
{
    each_scene("pad", ROUNDS, play_pad);
}

static void play_pad_grad(scene *s)
{
    cnn_pad2d_attrs a;
    double want[SIDE * SIDE];
    int64_t size[2] = { between(s, 1, SIDE), between(s, 1, SIDE) }, out[2], ch = between(s, 1, 3);
    pick_padding(s, &a, size, out);
    s->params.attrs = &a;
    add_input(s, ch, out[0], out[1], s->round % 8 < 4 ? SPECIAL : NORMAL);
    add_operand(s, ch, size[0], size[1]);
    run_kernel(s, s->k->pad_grad);
    for (int64_t c = 0; c < ch; c++)
        for (int64_t l = 0; l < s->tile.images; l++) {
            memset(want, 0, sizeof want);
            for (int64_t o = 0; o < out[0] * out[1]; o++) {
                int64_t i = source(&a, 0, o / out[1], size[0]);
                int64_t j = source(&a, 1, o % out[1], size[1]);
                if (i >= 0 && j >= 0)
                    want[i * size[1] + j] += (double)*at(s, 0, l, c, o / out[1], o % out[1]);
            }
            for (int64_t i = 0; i < size[0] * size[1]; i++)
                expect(s, (double)*at(s, 1, l, c, i / size[1], i % size[1]), want[i], 2e-5);
        }
    expect_margins(s, 1);
}

static void pad_grad_adds_to_the_sources(void)
{
    each_scene("pad_grad", ROUNDS, play_pad_grad);
}

/* ---- resampling ---- */

/* Weight of input position i in output position o. */
static double weight(const cnn_resize2d_attrs *a, int64_t o, int64_t outs, int64_t i, int64_t ins)
{
    if (a->mode == CNN_RESIZE_NEAREST)
        return o * ins / outs == i;
    double x = a->align_corners ? (outs > 1 ? (double)(o * (ins - 1)) / (double)(outs - 1) : 0)
                                : fmax(((double)o + 0.5) * (double)ins / (double)outs - 0.5, 0);
    x = fmin(x, (double)(ins - 1));
    return fmax(0, 1 - fabs(x - (double)i));
}

static void pick_resize(scene *s, cnn_resize2d_attrs *a, int64_t size[2], int64_t out[2])
{
    *a = (cnn_resize2d_attrs){ .mode = s->round % 2 };
    a->align_corners = a->mode == CNN_RESIZE_BILINEAR && one_in(s, 2);
    bool same = one_in(s, 6), twice = one_in(s, 6);
    for (int i = 0; i < 2; i++) {
        size[i] = between(s, 1, SIDE);
        out[i] = same ? size[i] : twice ? 2 * size[i] : between(s, 1, i == 0 ? SIDE : 40);
    }
}

static void play_resize(scene *s)
{
    cnn_resize2d_attrs a;
    int64_t size[2], out[2], ch = between(s, 1, 3);
    pick_resize(s, &a, size, out);
    s->params.attrs = &a;
    add_input(s, ch, size[0], size[1], NORMAL);
    add_operand(s, ch, out[0], out[1]);
    run_kernel(s, s->k->resize);
    EACH_ELEMENT(&s->op[1].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        double want = 0;
        for (int64_t i = 0; i < size[0] * size[1]; i++)
            want += weight(&a, y, out[0], i / size[1], size[0]) *
                    weight(&a, x, out[1], i % size[1], size[1]) *
                    (double)*at(s, 0, l, c, i / size[1], i % size[1]);
        expect(s, (double)*at(s, 1, l, c, y, x), want, 5e-6);
    }
    expect_margins(s, 1);
}

static void resize_weighs_the_neighbours(void)
{
    each_scene("resize", ROUNDS / 2, play_resize);
}

static void play_resize_grad(scene *s)
{
    cnn_resize2d_attrs a;
    int64_t size[2], out[2], ch = between(s, 1, 3);
    pick_resize(s, &a, size, out);
    s->params.attrs = &a;
    add_input(s, ch, out[0], out[1], NORMAL);
    add_operand(s, ch, size[0], size[1]);
    run_kernel(s, s->k->resize_grad);
    EACH_ELEMENT(&s->op[1].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        double want = 0, size_of_terms = 1;
        for (int64_t o = 0; o < out[0] * out[1]; o++) {
            double term = weight(&a, o / out[1], out[0], y, size[0]) *
                          weight(&a, o % out[1], out[1], x, size[1]) *
                          (double)*at(s, 0, l, c, o / out[1], o % out[1]);
            want += term;
            size_of_terms += fabs(term);
        }
        expect(s, (double)*at(s, 1, l, c, y, x), want, 1e-6 * size_of_terms);
    }
    expect_margins(s, 1);
}

static void resize_grad_gives_each_neighbour_its_weight(void)
{
    each_scene("resize_grad", ROUNDS / 2, play_resize_grad);
}

int main(void)
{
    say_what_is_skipped();
    return RUN_TESTS(TEST(pad_takes_every_element_from_its_source),
                     TEST(pad_grad_adds_to_the_sources), TEST(resize_weighs_the_neighbours),
                     TEST(resize_grad_gives_each_neighbour_its_weight));
}
