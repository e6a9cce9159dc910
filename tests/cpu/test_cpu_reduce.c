/* Reductions, argmax and the sums of batch normalisation. */
#include "cpu_test.h"

enum { KEPT = 6 * 20 * 40 };

/* Number of the kept element that (c, y, x) is reduced to. */
static int64_t kept_index(const cpu_view *v, int32_t axes, int64_t c, int64_t y, int64_t x)
{
    int64_t i = (axes & 1) != 0 ? 0 : c;
    i = (axes & 2) != 0 ? i : i * v->h + y;
    return (axes & 4) != 0 ? i : i * v->w + x;
}

static int64_t kept_count(const cpu_view *v, int32_t axes)
{
    return kept_index(v, axes, v->c - 1, v->h - 1, v->w - 1) + 1;
}

/* The result keeps the reduced axes, or its elements lie in one or two others. */
static int add_kept(scene *s, int32_t axes)
{
    const cpu_view v = s->op[0].v;
    int64_t count = kept_count(&v, axes);
    if (one_in(s, 3))
        return add_operand(s, count, 1, 1);
    if (axes == 1 && one_in(s, 2))
        return add_operand(s, v.h, 1, v.w);
    return add_operand(s, (axes & 1) != 0 ? 1 : v.c, (axes & 2) != 0 ? 1 : v.h,
                       (axes & 4) != 0 ? 1 : v.w);
}

static void pick_input(scene *s, numbers kind)
{
    bool wide = one_in(s, 4);
    s->params.axes = s->round % 8;
    add_input(s, between(s, 1, 6), between(s, 1, wide ? 20 : 6), between(s, 1, wide ? 40 : 6),
              kind);
}

static void play_reduce(scene *s)
{
    double want[KEPT], size[KEPT];
    cnn_reduce_attrs a = { (int32_t)between(s, 0, 2), 0, false };
    s->params.attrs = &a;
    pick_input(s, s->round % 3 == 0 ? SPECIAL : NORMAL);
    const cpu_view *v = &s->op[0].v;
    int32_t axes = s->params.axes;
    int64_t count = kept_count(v, axes), each = v->c * v->h * v->w / count;
    int out = add_kept(s, axes);
    run_kernel(s, s->k->reduce);
    for (int64_t l = 0; l < s->tile.images; l++) {
        for (int64_t i = 0; i < count; i++) {
            want[i] = a.kind == CNN_REDUCE_MAX ? (double)-INFINITY : 0;
            size[i] = 0;
        }
        EACH_ELEMENT(v, c, y, x)
        {
            double value = (double)*at(s, 0, l, c, y, x);
            int64_t i = kept_index(v, axes, c, y, x);
            if (a.kind == CNN_REDUCE_MAX)
                want[i] = isnan(want[i]) || want[i] > value ? want[i] : value;
            else
                want[i] += value / (a.kind == CNN_REDUCE_MEAN ? (double)each : 1);
            size[i] += fabs(value) / (a.kind == CNN_REDUCE_MEAN ? (double)each : 1);
        }
        int64_t i = 0;
        EACH_ELEMENT(&s->op[out].v, c, y, x)
        {
            expect(s, (double)*at(s, out, l, c, y, x), want[i],
                   a.kind == CNN_REDUCE_MAX ? 0 : 1e-6 * size[i]);
            i++;
        }
    }
    expect_margins(s, out);
}

static void reduce_sums_averages_and_finds_the_largest(void)
{
    each_scene("reduce", ROUNDS, play_reduce);
}

static void play_reduce_batch(scene *s)
{
    cnn_reduce_attrs a = { (int32_t)between(s, 0, 1), 1, false };
    s->params.attrs = &a;
    pick_input(s, NORMAL);
    const cpu_view *v = &s->op[0].v;
    int64_t count = kept_count(v, s->params.axes);
    double *want = calloc((size_t)count, sizeof *want), *size = calloc((size_t)count, sizeof *size);
    float *got = malloc((size_t)count * sizeof *got); /* no room for a vector after the last */
    for (int64_t i = 0; i < count; i++)
        want[i] = (double)(got[i] = number(s, NORMAL));
    EACH_ELEMENT(v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        want[kept_index(v, s->params.axes, c, y, x)] += (double)*at(s, 0, l, c, y, x);
        size[kept_index(v, s->params.axes, c, y, x)] += fabs((double)*at(s, 0, l, c, y, x));
    }
    void *p[2] = { s->op[0].data, got };
    s->k->reduce_batch(&s->params, p, &s->tile);
    for (int64_t i = 0; i < count; i++)
        expect(s, (double)got[i], want[i], 1e-6 * (size[i] + 4));
    free(want);
    free(size);
    free(got);
}

static void reduce_batch_adds_the_tile_to_what_is_there(void)
{
    each_scene("reduce_batch", ROUNDS, play_reduce_batch);
}

/* 0.1 is no float: a long chain of additions drifts. */
static void play_long(scene *s)
{
    cnn_reduce_attrs a = { CNN_REDUCE_SUM, 1, false };
    float sum = 0;
    s->params.attrs = &a;
    s->params.axes = 6;
    add_input(s, 1, 150, 150, NORMAL);
    EACH_ELEMENT(&s->op[0].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++)
        *at(s, 0, l, c, y, x) = 0.1f;
    void *p[2] = { s->op[0].data, &sum };
    s->k->reduce_batch(&s->params, p, &s->tile);
    double want = (double)0.1f * 150 * 150 * (double)s->tile.images;
    expect(s, (double)sum, want, 1e-5 * want);
}

static void reduce_batch_does_not_drift(void)
{
    each_scene("reduce_batch of many", 8, play_long);
}

static void play_argmax(scene *s)
{
    int32_t axis = s->params.axis = s->round % 3;
    s->params.axes = 1 << axis;
    add_input(s, between(s, 1, 9), between(s, 1, 9), between(s, 1, 9),
              s->round % 2 == 0 ? SPECIAL : TIES);
    const cpu_view *v = &s->op[0].v;
    int64_t length = axis == 0 ? v->c : axis == 1 ? v->h : v->w;
    int out = add_kept(s, 1 << axis);
    run_kernel(s, s->k->argmax);
    int64_t e[3] = { axis == 0 ? 1 : v->c, axis == 1 ? 1 : v->h, axis == 2 ? 1 : v->w };
    int64_t i = 0;
    EACH_ELEMENT(&s->op[out].v, c, y, x)
    {
        int64_t z[3] = { i / (e[1] * e[2]), i / e[2] % e[1], i % e[2] };
        for (int64_t l = 0; l < s->tile.images; l++) {
            int64_t best = 0;
            float most = 0;
            for (z[axis] = 0; z[axis] < length; z[axis]++) {
                float value = *at(s, 0, l, z[0], z[1], z[2]);
                if (z[axis] == 0 || value > most || (isnan(value) && !isnan(most))) {
                    best = z[axis];
                    most = value;
                }
            }
            expect(s, *int_at(s, out, l, c, y, x), (double)best, 0);
            z[axis] = 0;
        }
        i++;
    }
    expect_margins(s, out);
}

static void argmax_takes_the_first_of_the_largest(void)
{
    each_scene("argmax", ROUNDS, play_argmax);
}

/* ---- batch normalisation ---- */

enum { CHANNELS = 4 };

/* Two tiles of one group: the second is merged with what the first left. Means far from 0 and
 * small differences from it are what cancels in a sum of squares. */
static void play_stats(scene *s)
{
    double part[CHANNELS][3] = { { 0 } }, n[CHANNELS] = { 0 }, sum[CHANNELS] = { 0 };
    double squares[CHANNELS] = { 0 }, centre = one_in(s, 2) ? 0 : 1000;
    int64_t ch = between(s, 1, CHANNELS), h = between(s, 1, 12), w = between(s, 1, 90);
    for (int t = 0; t < 2; t++) {
        int i = add_input(s, ch, h, w, NORMAL);
        EACH_ELEMENT(&s->op[i].v, c, y, x)
        for (int64_t l = 0; l < s->tile.images; l++) {
            *at(s, i, l, c, y, x) += (float)(centre * (double)(c + 1));
            double d = (double)*at(s, i, l, c, y, x) - centre * (double)(c + 1);
            n[c] += 1;
            sum[c] += d;
            squares[c] += d * d;
        }
        cpu_params params = { .view = { s->op[i].v } };
        void *p[2] = { s->op[i].data, part };
        s->k->batch_norm_stats(&params, p, &s->tile);
    }
    for (int64_t c = 0; c < ch; c++) {
        expect(s, part[c][0], n[c], 0);
        expect(s, part[c][1], centre * (double)(c + 1) + sum[c] / n[c], 3e-6);
        double m2 = squares[c] - sum[c] * sum[c] / n[c];
        expect(s, part[c][2], m2, 3e-6 * squares[c]);
    }
}

static void batch_norm_stats_merges_tiles(void)
{
    each_scene("batch_norm_stats", ROUNDS / 2, play_stats);
}

static void play_nan_stats(scene *s)
{
    double part[3] = { 0 };
    add_input(s, 1, 3, 3, NORMAL);
    *at(s, 0, s->tile.images - 1, 0, 2, 1) = NAN;
    void *p[2] = { s->op[0].data, part };
    s->k->batch_norm_stats(&s->params, p, &s->tile);
    CHECK(isnan(part[1]) && isnan(part[2]));
}

static void batch_norm_stats_keeps_nan(void)
{
    each_scene("batch_norm_stats of NaN", 20, play_nan_stats);
}

static void play_grad_stats(scene *s)
{
    double part[CHANNELS][2], want[CHANNELS][2], size[CHANNELS] = { 0 };
    float mean[CHANNELS];
    int64_t ch = between(s, 1, CHANNELS), h = between(s, 1, 12), w = between(s, 1, 90);
    add_input(s, ch, h, w, NORMAL);
    add_input(s, ch, h, w, NORMAL);
    for (int64_t c = 0; c < ch; c++) {
        mean[c] = number(s, NORMAL);
        part[c][0] = want[c][0] = (double)number(s, NORMAL);
        part[c][1] = want[c][1] = (double)number(s, NORMAL);
    }
    EACH_ELEMENT(&s->op[0].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        double d = (double)*at(s, 1, l, c, y, x);
        double product = d * ((double)*at(s, 0, l, c, y, x) - (double)mean[c]);
        want[c][0] += d;
        want[c][1] += product;
        size[c] += fabs(product) + fabs(d);
    }
    void *p[4] = { s->op[0].data, s->op[1].data, mean, part };
    s->k->batch_norm_grad_stats(&s->params, p, &s->tile);
    for (int64_t c = 0; c < ch; c++)
        for (int i = 0; i < 2; i++)
            expect(s, part[c][i], want[c][i], 1e-6 * size[c]);
}

static void batch_norm_grad_stats_adds_both_sums(void)
{
    each_scene("batch_norm_grad_stats", ROUNDS / 2, play_grad_stats);
}

int main(void)
{
    say_what_is_skipped();
    return RUN_TESTS(TEST(reduce_sums_averages_and_finds_the_largest),
                     TEST(reduce_batch_adds_the_tile_to_what_is_there),
                     TEST(reduce_batch_does_not_drift), TEST(argmax_takes_the_first_of_the_largest),
                     TEST(batch_norm_stats_merges_tiles), TEST(batch_norm_stats_keeps_nan),
                     TEST(batch_norm_grad_stats_adds_both_sums));
}
