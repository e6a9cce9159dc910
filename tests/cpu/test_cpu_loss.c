/* Softmax, cross-entropy and their gradients against their formulas in double. */
#include "cpu_test.h"

enum { CLASSES = 40 };

/* A line of `length` elements of operand i, along the axis, through the given element. */
static void read_line(const scene *s, int i, int64_t l, const int64_t place[3], int axis,
                      int64_t length, double *line)
{
    int64_t e[3] = { place[0], place[1], place[2] };
    for (e[axis] = 0; e[axis] < length; e[axis]++)
        line[e[axis]] = (double)*at(s, i, l, e[0], e[1], e[2]);
}

static double log_sum(const double *x, int64_t length)
{
    double most = -INFINITY, sum = 0;
    for (int64_t k = 0; k < length; k++)
        most = x[k] > most ? x[k] : most;
    for (int64_t k = 0; k < length; k++)
        sum += exp(x[k] - most);
    return most + log(sum);
}

static void pick_line(scene *s, int64_t e[3])
{
    int axis = s->params.axis = s->round % 3;
    for (int i = 0; i < 3; i++)
        e[i] = i == axis ? between(s, 1, CLASSES) : between(s, 1, 3);
}

static void play_softmax(scene *s)
{
    int64_t e[3];
    double line[CLASSES];
    cnn_softmax_attrs a = { 0, one_in(s, 2) };
    pick_line(s, e);
    int axis = s->params.axis;
    s->params.attrs = &a;
    add_input(s, e[0], e[1], e[2], s->round % 4 == 0 ? SPECIAL : NORMAL);
    add_operand(s, e[0], e[1], e[2]);
    run_kernel(s, s->k->softmax);
    EACH_ELEMENT(&s->op[1].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        int64_t place[3] = { c, y, x };
        read_line(s, 0, l, place, axis, e[axis], line);
        double want = line[place[axis]] - log_sum(line, e[axis]);
        expect(s, (double)*at(s, 1, l, c, y, x), a.log ? want : exp(want), a.log ? 2e-6 : 5e-7);
    }
    expect_margins(s, 1);
}

static void softmax_sums_to_one_along_the_axis(void)
{
    each_scene("softmax", ROUNDS, play_softmax);
}

/* Scores far from 0 neither overflow nor vanish. */
static void play_large(scene *s)
{
    cnn_softmax_attrs a = { 0, false };
    s->params.attrs = &a;
    add_input(s, 2, 1, 1, NORMAL);
    add_operand(s, 2, 1, 1);
    for (int64_t l = 0; l < s->tile.images; l++) {
        float far = (float)between(s, -1, 1) * 1e4f;
        *at(s, 0, l, 0, 0, 0) = far + 1;
        *at(s, 0, l, 1, 0, 0) = far;
    }
    run_kernel(s, s->k->softmax);
    for (int64_t l = 0; l < s->tile.images; l++)
        expect(s, (double)*at(s, 1, l, 0, 0, 0), 1 / (1 + exp(-1)), 1e-6);
}

static void softmax_does_not_overflow(void)
{
    each_scene("softmax of large scores", 20, play_large);
}

static void play_softmax_grad(scene *s)
{
    int64_t e[3];
    double y[CLASSES], d[CLASSES];
    cnn_softmax_attrs a = { 0, one_in(s, 2) };
    pick_line(s, e);
    int axis = s->params.axis;
    s->params.attrs = &a;
    add_input(s, e[0], e[1], e[2], NORMAL);
    add_input(s, e[0], e[1], e[2], s->round % 4 == 0 ? SPECIAL : NORMAL);
    add_operand(s, e[0], e[1], e[2]);
    run_kernel(s, s->k->softmax_grad);
    EACH_ELEMENT(&s->op[2].v, c, i, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        int64_t place[3] = { c, i, x };
        double sum = 0, size = 1;
        read_line(s, 0, l, place, axis, e[axis], y);
        read_line(s, 1, l, place, axis, e[axis], d);
        for (int64_t k = 0; k < e[axis]; k++) {
            sum += d[k] * (a.log ? 1 : y[k]);
            size += fabs(d[k] * (a.log ? 1 : y[k]));
        }
        double p = y[place[axis]], own = d[place[axis]];
        double factor = a.log ? exp(p) : p;
        expect(s, (double)*at(s, 2, l, c, i, x), a.log ? own - factor * sum : factor * (own - sum),
               1e-6 * fmax(fabs(factor), 1) * size);
    }
    expect_margins(s, 2);
}

static void softmax_grad_is_its_formula(void)
{
    each_scene("softmax_grad", ROUNDS, play_softmax_grad);
}

/* ---- cross-entropy ---- */

static void pick_loss(scene *s, cnn_cross_entropy_attrs *a)
{
    static const int64_t ignored[] = { -100, 1, INT64_C(1) << 40 };
    a->label_smoothing = one_in(s, 2) ? 0 : (double)between(s, 0, 100) / 100;
    a->ignore_index = ignored[between(s, 0, 2)];
    s->params.attrs = a;
}

/* Targets; where there is no image, classes that do not exist. A quarter of the scenes has them as
 * [N,A,B] instead of [N,1,A,B]. */
static void add_targets(scene *s, int64_t classes, int64_t h, int64_t w,
                        const cnn_cross_entropy_attrs *a)
{
    int i = one_in(s, 4) ? add_operand(s, h, 1, w) : add_operand(s, 1, h, w);
    EACH_ELEMENT(&s->op[i].v, c, y, x)
    for (int64_t l = 0; l < s->k->lanes; l++)
        *int_at(s, i, l, c, y, x) = l >= s->tile.images ? INT32_MAX - 1
                                    : one_in(s, 5) && a->ignore_index < INT32_MAX
                                        ? (int32_t)a->ignore_index
                                        : (int32_t)between(s, 0, classes - 1);
}

static int32_t target_of(const scene *s, int64_t l, int64_t y, int64_t x)
{
    return s->op[1].v.c == 1 && s->op[1].v.h > 1 ? *int_at(s, 1, l, 0, y, x)
                                                 : *int_at(s, 1, l, y, 0, x);
}

static void play_cross_entropy(scene *s)
{
    cnn_cross_entropy_attrs a;
    double line[CLASSES];
    int64_t classes = between(s, 2, CLASSES), h = between(s, 1, 3), w = between(s, 1, 3);
    pick_loss(s, &a);
    double e = a.label_smoothing;
    add_input(s, classes, h, w, s->round % 4 == 0 ? SPECIAL : NORMAL);
    add_targets(s, classes, h, w, &a);
    add_operand(s, 1, h, w);
    run_kernel(s, s->k->cross_entropy);
    EACH_ELEMENT(&s->op[2].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        int32_t target = target_of(s, l, y, x);
        double want = 0, mean = 0;
        read_line(s, 0, l, (int64_t[3]){ 0, y, x }, 0, classes, line);
        for (int64_t k = 0; k < classes; k++)
            mean += line[k] / (double)classes;
        if (target != a.ignore_index)
            want = (1 - e) * (log_sum(line, classes) - line[target]) +
                   (e > 0 ? e * (log_sum(line, classes) - mean) : 0);
        expect(s, (double)*at(s, 2, l, 0, y, x), want, 4e-6);
    }
    expect_margins(s, 2);
}

static void cross_entropy_is_its_formula(void)
{
    each_scene("cross_entropy", ROUNDS, play_cross_entropy);
}

static void play_cross_entropy_grad(scene *s)
{
    cnn_cross_entropy_attrs a;
    double line[CLASSES];
    int64_t classes = between(s, 2, CLASSES), h = between(s, 1, 3), w = between(s, 1, 3);
    pick_loss(s, &a);
    double e = a.label_smoothing;
    add_input(s, classes, h, w, NORMAL);
    add_targets(s, classes, h, w, &a);
    add_input(s, 1, h, w, NORMAL);
    add_operand(s, classes, h, w);
    run_kernel(s, s->k->cross_entropy_grad);
    EACH_ELEMENT(&s->op[3].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        int32_t target = target_of(s, l, y, x);
        double d = target == a.ignore_index ? 0 : (double)*at(s, 2, l, 0, y, x);
        read_line(s, 0, l, (int64_t[3]){ 0, y, x }, 0, classes, line);
        double p = exp(line[c] - log_sum(line, classes));
        double want = d * (p - e / (double)classes - (c == target ? 1 - e : 0));
        expect(s, (double)*at(s, 3, l, c, y, x), want, 2e-6);
    }
    expect_margins(s, 3);
}

static void cross_entropy_grad_is_its_formula(void)
{
    each_scene("cross_entropy_grad", ROUNDS, play_cross_entropy_grad);
}

int main(void)
{
    say_what_is_skipped();
    return RUN_TESTS(TEST(softmax_sums_to_one_along_the_axis), TEST(softmax_does_not_overflow),
                     TEST(softmax_grad_is_its_formula), TEST(cross_entropy_is_its_formula),
                     TEST(cross_entropy_grad_is_its_formula));
}
