/* Pooling and its gradients against the windows' definition. */
#include "cpu_test.h"

typedef struct shape {
    int64_t c, h, w, oh, ow;
} shape;

static int64_t out_size(int64_t size, const cnn_pool2d_attrs *a, int axis)
{
    int64_t span = size + a->pad[2 * axis] + a->pad[2 * axis + 1] -
                   a->dilation[axis] * (a->kernel[axis] - 1) - 1;
    int64_t stride = a->stride[axis];
    if (span < 0)
        return 0;
    int64_t n = (span + (a->ceil_mode ? stride - 1 : 0)) / stride + 1;
    return (n - 1) * stride >= size + a->pad[2 * axis] ? n - 1 : n;
}

static void pick_window(scene *s, cnn_pool2d_attrs *a, bool dilates)
{
    bool common = one_in(s, 2);
    *a = (cnn_pool2d_attrs){ .ceil_mode = one_in(s, 3), .count_include_pad = one_in(s, 2) };
    for (int i = 0; i < 2; i++) {
        a->kernel[i] = common ? (i == 0 ? between(s, 2, 3) : a->kernel[0]) : between(s, 1, 4);
        a->stride[i] = common ? (i == 0 ? between(s, 1, 2) : a->stride[0]) : between(s, 1, 4);
        a->dilation[i] = dilates && !common ? between(s, 1, 3) : 1;
        int64_t reach = a->dilation[i] * (a->kernel[i] - 1);
        for (int side = 0; side < 2; side++)
            a->pad[2 * i + side] = common ? (one_in(s, 2) ? 0 : 1) : between(s, 0, reach);
    }
    if (common && one_in(s, 2))
        memset(a->pad, 0, sizeof a->pad);
}

/* Element of a window's tap, or -1 outside. */
static int64_t tap(const cnn_pool2d_attrs *a, const shape *d, int64_t oy, int64_t ox, int64_t k)
{
    int64_t y = oy * a->stride[0] - a->pad[0] + k / a->kernel[1] * a->dilation[0];
    int64_t x = ox * a->stride[1] - a->pad[2] + k % a->kernel[1] * a->dilation[1];
    return y >= 0 && y < d->h && x >= 0 && x < d->w ? y * d->w + x : -1;
}

static bool every_window_sees_something(const cnn_pool2d_attrs *a, const shape *d)
{
    for (int64_t i = 0; i < d->oh * d->ow; i++) {
        bool sees = false;
        for (int64_t k = 0; k < a->kernel[0] * a->kernel[1]; k++)
            sees = sees || tap(a, d, i / d->ow, i % d->ow, k) >= 0;
        if (!sees)
            return false;
    }
    return d->oh > 0 && d->ow > 0;
}

static shape pick_shape(scene *s, cnn_pool2d_attrs *a, bool dilates)
{
    shape d;
    do {
        pick_window(s, a, dilates);
        int64_t most = one_in(s, 3) ? 3 : 11;
        d = (shape){ between(s, 1, 3), between(s, 1, most), between(s, 1, most), 0, 0 };
        d.w = one_in(s, 3) ? d.h : d.w;
        d.oh = out_size(d.h, a, 0);
        d.ow = out_size(d.w, a, 1);
    } while (!every_window_sees_something(a, &d));
    return d;
}

static int64_t winner(const scene *s, const cnn_pool2d_attrs *a, const shape *d, int64_t l,
                      int64_t c, int64_t oy, int64_t ox)
{
    int64_t best = -1;
    float most = 0;
    for (int64_t k = 0; k < a->kernel[0] * a->kernel[1]; k++) {
        int64_t i = tap(a, d, oy, ox, k);
        if (i < 0)
            continue;
        float v = *at(s, 0, l, c, i / d->w, i % d->w);
        if (best < 0 || v > most || (isnan(v) && !isnan(most))) {
            best = i;
            most = v;
        }
    }
    return best;
}

static void play_max(scene *s)
{
    cnn_pool2d_attrs a;
    shape d = pick_shape(s, &a, true);
    s->params.attrs = &a;
    add_input(s, d.c, d.h, d.w, (numbers)(s->round % 3));
    add_operand(s, d.c, d.oh, d.ow);
    run_kernel(s, s->k->max_pool);
    EACH_ELEMENT(&s->op[1].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        int64_t i = winner(s, &a, &d, l, c, y, x);
        expect(s, (double)*at(s, 1, l, c, y, x), (double)*at(s, 0, l, c, i / d.w, i % d.w), 0);
    }
    expect_margins(s, 1);
}

static void max_pool_takes_the_largest_of_every_window(void)
{
    each_scene("max_pool", ROUNDS, play_max);
}

static void play_max_grad(scene *s)
{
    cnn_pool2d_attrs a;
    shape d = pick_shape(s, &a, true);
    double want[11 * 11];
    s->params.attrs = &a;
    add_input(s, d.c, d.h, d.w, (numbers)(s->round % 3));
    add_input(s, d.c, d.oh, d.ow, s->round % 5 == 0 ? SPECIAL : NORMAL);
    add_operand(s, d.c, d.h, d.w);
    run_kernel(s, s->k->max_pool_grad);
    for (int64_t c = 0; c < d.c; c++)
        for (int64_t l = 0; l < s->tile.images; l++) {
            memset(want, 0, sizeof want);
            for (int64_t i = 0; i < d.oh * d.ow; i++)
                want[winner(s, &a, &d, l, c, i / d.ow, i % d.ow)] +=
                    (double)*at(s, 1, l, c, i / d.ow, i % d.ow);
            for (int64_t i = 0; i < d.h * d.w; i++)
                expect(s, (double)*at(s, 2, l, c, i / d.w, i % d.w), want[i], 1e-5);
        }
    expect_margins(s, 2);
}

static void max_pool_grad_goes_to_the_first_of_the_largest(void)
{
    each_scene("max_pool_grad", ROUNDS, play_max_grad);
}

/* ---- averages ---- */

typedef struct part {
    int64_t first, end, divisor;
} part;

static part covered(const cnn_pool2d_attrs *a, int axis, int64_t out, int64_t size, int64_t outs)
{
    part p;
    if (a->adaptive[0] > 0) {
        p = (part){ out * size / outs, ((out + 1) * size + outs - 1) / outs, 0 };
        p.divisor = p.end - p.first;
        return p;
    }
    int64_t start = out * a->stride[axis] - a->pad[2 * axis], end = start + a->kernel[axis];
    int64_t padded = size + a->pad[2 * axis + 1];
    end = end < padded ? end : padded;
    p = (part){ start > 0 ? start : 0, end < size ? end : size, end - start };
    if (!a->count_include_pad)
        p.divisor = p.end - p.first;
    return p;
}

static shape pick_average(scene *s, cnn_pool2d_attrs *a)
{
    shape d = pick_shape(s, a, false);
    if (one_in(s, 3)) {
        *a = (cnn_pool2d_attrs){ .adaptive = { between(s, 1, 12), between(s, 1, 12) } };
        d.oh = a->adaptive[0];
        d.ow = a->adaptive[1];
    }
    if (one_in(s, 8)) {
        *a = (cnn_pool2d_attrs){ .adaptive = { 1, 1 } };
        d.oh = d.ow = 1;
    }
    return d;
}

static void play_average(scene *s)
{
    cnn_pool2d_attrs a;
    shape d = pick_average(s, &a);
    s->params.attrs = &a;
    add_input(s, d.c, d.h, d.w, s->round % 4 == 0 ? SPECIAL : NORMAL);
    add_operand(s, d.c, d.oh, d.ow);
    run_kernel(s, s->k->avg_pool);
    EACH_ELEMENT(&s->op[1].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        part v = covered(&a, 0, y, d.h, d.oh), u = covered(&a, 1, x, d.w, d.ow);
        double sum = 0;
        for (int64_t i = v.first; i < v.end; i++)
            for (int64_t j = u.first; j < u.end; j++)
                sum += (double)*at(s, 0, l, c, i, j);
        expect(s, (double)*at(s, 1, l, c, y, x), sum / (double)(v.divisor * u.divisor), 1e-5);
    }
    expect_margins(s, 1);
}

static void avg_pool_divides_by_what_a_window_covers(void)
{
    each_scene("avg_pool", ROUNDS, play_average);
}

static void play_average_grad(scene *s)
{
    cnn_pool2d_attrs a;
    shape d = pick_average(s, &a);
    double want[11 * 11], terms[11 * 11];
    s->params.attrs = &a;
    add_input(s, d.c, d.oh, d.ow, NORMAL);
    add_operand(s, d.c, d.h, d.w);
    run_kernel(s, s->k->avg_pool_grad);
    for (int64_t c = 0; c < d.c; c++)
        for (int64_t l = 0; l < s->tile.images; l++) {
            memset(want, 0, sizeof want);
            memset(terms, 0, sizeof terms);
            for (int64_t o = 0; o < d.oh * d.ow; o++) {
                part v = covered(&a, 0, o / d.ow, d.h, d.oh);
                part u = covered(&a, 1, o % d.ow, d.w, d.ow);
                double share =
                    (double)*at(s, 0, l, c, o / d.ow, o % d.ow) / (double)(v.divisor * u.divisor);
                for (int64_t i = v.first; i < v.end; i++)
                    for (int64_t j = u.first; j < u.end; j++) {
                        want[i * d.w + j] += share;
                        terms[i * d.w + j] += fabs(share);
                    }
            }
            for (int64_t i = 0; i < d.h * d.w; i++)
                expect(s, (double)*at(s, 1, l, c, i / d.w, i % d.w), want[i],
                       1e-6 * (terms[i] + 1));
        }
    expect_margins(s, 1);
}

static void avg_pool_grad_spreads_over_what_a_window_covers(void)
{
    each_scene("avg_pool_grad", ROUNDS, play_average_grad);
}

int main(void)
{
    say_what_is_skipped();
    return RUN_TESTS(TEST(max_pool_takes_the_largest_of_every_window),
                     TEST(max_pool_grad_goes_to_the_first_of_the_largest),
                     TEST(avg_pool_divides_by_what_a_window_covers),
                     TEST(avg_pool_grad_spreads_over_what_a_window_covers));
}
