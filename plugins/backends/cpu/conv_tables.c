/* The tables of a convolution: rows, the spans of a kind of row, the taps that a span sees. Made
 * once the views of what is read and written are known. */
#include "conv_tables.h"

#include <string.h>

typedef struct tables {
    cpu_plan *plan;
    const cpu_conv_spec *spec;
    cpu_axis y, x;
    int64_t row, plane; /* of what is read, vectors */
    int64_t lanes;
    cpu_conv_taps *taps;
    int32_t (*key)[6]; /* per set of taps: phase, first and end of y, then of x */
    int32_t n_taps, n_lines, n_spans, span_cap, taps_cap;
    cpu_conv_span *spans;
    int32_t *lines;
    int32_t (*line_key)[4]; /* phase, first, end of y; phase of x */
} tables;

/* Grows an array of the plan by copying: tables are small. */
static void *grow(cpu_plan *plan, void *from, int32_t count, int32_t *cap, size_t size)
{
    if (count < *cap)
        return from;
    int32_t larger = *cap > 0 ? 2 * *cap : 16;
    void *to = cpu_plan_alloc(plan, (size_t)larger, size);
    if (to != NULL && count > 0)
        memcpy(to, from, (size_t)count * size);
    *cap = larger;
    return to;
}

static void write_taps(tables *t, const int32_t key[6], cpu_conv_taps *taps)
{
    const cpu_conv_spec *s = t->spec;
    const cpu_phase *py = &t->y.phases[key[0]], *px = &t->x.phases[key[3]];
    const int32_t kernel = (int32_t)(s->y.kernel * s->x.kernel);
    int32_t count = (int32_t)s->pack.in_channels * (key[2] - key[1]) * (key[5] - key[4]);
    int64_t *x = cpu_plan_alloc(t->plan, (size_t)count, sizeof *x);
    int32_t *w = cpu_plan_alloc(t->plan, (size_t)count, sizeof *w);
    *taps = (cpu_conv_taps){ 0, x, w };
    if (x == NULL || w == NULL)
        return;
    for (int32_t c = 0; c < s->pack.in_channels; c++)
        for (int32_t i = key[1]; i < key[2]; i++)
            for (int32_t k = key[4]; k < key[5]; k++) {
                x[taps->count] = (c * t->plane + py->offset[i] * t->row + px->offset[k]) * t->lanes;
                w[taps->count++] = c * kernel + py->tap[i] * (int32_t)s->x.kernel + px->tap[k];
            }
}

static int32_t find_taps(tables *t, const int32_t key[6])
{
    for (int32_t i = 0; i < t->n_taps; i++)
        if (memcmp(t->key[i], key, sizeof t->key[i]) == 0)
            return i;
    int32_t cap = t->taps_cap;
    t->taps = grow(t->plan, t->taps, t->n_taps, &cap, sizeof *t->taps);
    cap = t->taps_cap;
    t->key = grow(t->plan, t->key, t->n_taps, &cap, sizeof *t->key);
    t->taps_cap = cap;
    if (t->plan->out_of_memory)
        return 0;
    memcpy(t->key[t->n_taps], key, sizeof t->key[0]);
    write_taps(t, key, &t->taps[t->n_taps]);
    return t->n_taps++;
}

static void add_span(tables *t, int32_t first_of_line, int32_t column, int32_t width, int32_t taps)
{
    cpu_conv_span *last = t->n_spans > first_of_line ? &t->spans[t->n_spans - 1] : NULL;
    if (last != NULL && last->width == width && last->taps == taps) {
        last->repeat++;
        return;
    }
    t->spans = grow(t->plan, t->spans, t->n_spans, &t->span_cap, sizeof *t->spans);
    if (t->spans != NULL)
        t->spans[t->n_spans++] = (cpu_conv_span){ column, width, 1, taps };
}

/* The spans of a kind of row for one height of blocks. */
static void write_line(tables *t, const int32_t line_key[4], int32_t height, int32_t *range)
{
    const cpu_phase *px = &t->x.phases[line_key[3]];
    int64_t width =
        cpu_block_width(t->plan->kernels, height, px->count, cpu_taps_of(&t->spec->pack));
    range[0] = t->n_spans;
    for (int64_t j = 0; j < px->count && !t->plan->out_of_memory; j += width) {
        int64_t end = j + width < px->count ? j + width : px->count;
        int32_t key[6] = { line_key[0], line_key[1], line_key[2], line_key[3], 0, 0 };
        cpu_taps_inside(&t->x, px, j, end, &key[4], &key[5]);
        add_span(t, range[0], (int32_t)j, (int32_t)(end - j), find_taps(t, key));
    }
    range[1] = t->n_spans - range[0];
}

static int32_t find_line(tables *t, const int32_t key[4], int32_t *cap)
{
    const cpu_conv_spec *s = t->spec;
    for (int32_t i = 0; i < t->n_lines; i++)
        if (memcmp(t->line_key[i], key, sizeof t->line_key[i]) == 0)
            return i;
    int32_t old = *cap;
    t->line_key = grow(t->plan, t->line_key, t->n_lines, &old, sizeof *t->line_key);
    t->lines =
        grow(t->plan, t->lines, t->n_lines, cap, (size_t)s->pack.n_shapes * 2 * sizeof *t->lines);
    if (t->plan->out_of_memory)
        return 0;
    memcpy(t->line_key[t->n_lines], key, sizeof t->line_key[0]);
    for (int32_t i = 0; i < s->pack.n_blocks; i++)
        if (i == 0 || s->pack.blocks[i].shape != s->pack.blocks[i - 1].shape)
            write_line(t, key, s->pack.blocks[i].height,
                       &t->lines[(t->n_lines * s->pack.n_shapes + s->pack.blocks[i].shape) * 2]);
    return t->n_lines++;
}

static void write_rows(tables *t, cpu_conv_params *p, const cpu_view *out)
{
    int32_t cap = 0, n = 0, most = 0;
    for (int32_t f = 0; f < t->y.n_phases; f++)
        most += (int32_t)t->y.phases[f].count * t->x.n_phases;
    cpu_conv_row *rows = cpu_plan_alloc(t->plan, (size_t)most, sizeof *rows);
    for (int32_t f = 0; f < t->y.n_phases && rows != NULL; f++)
        for (int64_t j = 0; j < t->y.phases[f].count; j++)
            for (int32_t g = 0; g < t->x.n_phases; g++) {
                int32_t key[4] = { f, 0, 0, g };
                cpu_taps_inside(&t->y, &t->y.phases[f], j, j + 1, &key[1], &key[2]);
                int64_t y = f + t->y.stride * j;
                rows[n++] =
                    (cpu_conv_row){ (y * out->row + g) * t->lanes,
                                    j * t->y.step * t->row * t->lanes, find_line(t, key, &cap) };
            }
    p->rows = rows;
    p->n_rows = n;
}

/* All blocks for a row read the weights again for each row, all rows for a block read x again for
 * each block; what fits the second cache beside the other costs nothing. */
static bool rows_go_outside(const cpu_conv_spec *s, const cpu_view *in, int32_t n_rows,
                            int64_t lanes)
{
    enum { RESIDENT_WEIGHTS = 128 << 10, RESIDENT_INPUT = 384 << 10 };
    const int64_t weights = s->pack.packed * (int64_t)sizeof(float);
    const int64_t input = s->pack.in_channels * in->plane * lanes * (int64_t)sizeof(float);
    const int64_t by_rows = weights <= RESIDENT_WEIGHTS ? 0 : weights * n_rows;
    const int64_t by_blocks = input <= RESIDENT_INPUT ? 0 : input * s->pack.n_blocks;
    return by_rows <= by_blocks;
}

/* Ranges of channels whose rows of x stay in most of the first cache for all blocks; worth it where
 * what is kept between them is little beside the taps. */
static int32_t count_parts(const cpu_conv_spec *s, const cpu_view *in, int64_t lanes)
{
    enum { CACHED = 24 << 10, LEAST_TAPS = 96 };
    const int64_t row = s->y.kernel * in->row * lanes * (int64_t)sizeof(float);
    int64_t channels = CACHED / row;
    const int64_t least = cpu_divided_up(LEAST_TAPS, s->pack.kernel);
    channels = channels > least ? channels : least;
    return channels * 4 <= s->pack.in_channels ? (int32_t)(s->pack.in_channels / channels) : 1;
}

static void take_fused(const cpu_fused *f, cpu_conv_params *p)
{
    p->has_bias = f->bias;
    p->has_add = f->add;
    p->clamps = f->clamps;
    p->low = f->low;
    p->high = f->high;
}

cnn_status cpu_finish_conv(cpu_plan *plan, cpu_step *step, cnn_error *err)
{
    cpu_conv_spec *s = step->spec;
    cpu_conv_params *p = &s->params;
    const cpu_view *in = &plan->values[step->in[0]].view, *out = &plan->values[step->out[0]].view;
    tables t = { .plan = plan, .spec = s, .row = in->row, .plane = in->plane };
    t.lanes = plan->kernels->lanes;
    (void)err;
    if (!cpu_make_axis(plan, &s->y, s->gradient, &t.y) ||
        !cpu_make_axis(plan, &s->x, s->gradient, &t.x))
        return CNN_OK;
    write_rows(&t, p, out);
    p->groups = (int32_t)s->pack.groups;
    p->n_blocks = s->pack.n_blocks;
    p->n_shapes = s->pack.n_shapes;
    p->x_group = s->pack.in_channels * in->plane * t.lanes;
    p->y_group = s->pack.out_channels;
    p->w_group = s->pack.packed;
    p->x_step = t.x.step * t.lanes;
    p->y_step = t.x.stride * t.lanes;
    p->y_plane = out->plane * t.lanes;
    p->blocks = s->pack.blocks;
    p->lines = t.lines;
    p->spans = t.spans;
    p->taps = t.taps;
    take_fused(&step->fused, p);
    p->rows_outside = rows_go_outside(s, in, p->n_rows, t.lanes);
    p->channels = (int32_t)s->pack.in_channels;
    p->parts = p->rows_outside ? count_parts(s, in, t.lanes) : 1;
    return CNN_OK;
}
