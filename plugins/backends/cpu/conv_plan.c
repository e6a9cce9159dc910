/* Convolutions of both directions and matrix products as one kernel: which taps an output sees, how
 * registers are blocked, how weights are packed. */
#include <stdlib.h>
#include <string.h>

#include "conv_plan.h"
#include "winograd.h"

/* ---- one axis ---- */

/* An output position of phase f is q = f + stride * j; tap k reads input position
 * j * step + offset[k]. A convolution has one phase, its gradient one for each residue of the
 * stride. Offsets ascend. */
typedef struct phase {
    int64_t first, count;
    int32_t n_taps;
    int32_t *tap;
    int64_t *offset;
} phase;

typedef struct axis {
    int64_t stride, step;
    int64_t in_size;
    int32_t n_phases;
    phase *phases;
} axis;

static bool fits_phase(const cpu_extent *e, bool gradient, int64_t f, int64_t k)
{
    return !gradient || (f + e->before - k * e->dilation) % e->stride == 0;
}

static int64_t offset_of(const cpu_extent *e, bool gradient, int64_t f, int64_t k)
{
    return gradient ? (f + e->before - k * e->dilation) / e->stride : k * e->dilation - e->before;
}

static void add_taps(const cpu_extent *e, bool gradient, phase *p)
{
    for (int64_t i = 0; i < e->kernel; i++) {
        int64_t k = gradient ? e->kernel - 1 - i : i; /* so that offsets ascend */
        if (!fits_phase(e, gradient, p->first, k))
            continue;
        p->tap[p->n_taps] = (int32_t)k;
        p->offset[p->n_taps++] = offset_of(e, gradient, p->first, k);
    }
}

/* `in` and `out` are those of the forward convolution also for its gradient. */
static bool make_axis(cpu_plan *plan, const cpu_extent *e, bool gradient, axis *a)
{
    const int64_t outs = gradient ? e->in : e->out;
    a->in_size = gradient ? e->out : e->in;
    a->stride = gradient ? e->stride : 1;
    a->step = gradient ? 1 : e->stride;
    a->n_phases = (int32_t)(a->stride < outs ? a->stride : outs);
    a->phases = cpu_plan_alloc(plan, (size_t)a->n_phases, sizeof *a->phases);
    for (int32_t f = 0; f < a->n_phases && !plan->out_of_memory; f++) {
        phase *p = &a->phases[f];
        p->first = f;
        p->count = (outs - f + a->stride - 1) / a->stride;
        p->tap = cpu_plan_alloc(plan, (size_t)e->kernel, sizeof *p->tap);
        p->offset = cpu_plan_alloc(plan, (size_t)e->kernel, sizeof *p->offset);
        if (!plan->out_of_memory)
            add_taps(e, gradient, p);
    }
    return !plan->out_of_memory;
}

/* Taps [first, end) of a phase that lie inside the input for some j in [j0, j1). */
static void taps_inside(const axis *a, const phase *p, int64_t j0, int64_t j1, int32_t *first,
                        int32_t *end)
{
    *first = 0;
    *end = p->n_taps;
    while (*first < *end && (j1 - 1) * a->step + p->offset[*first] < 0)
        (*first)++;
    while (*end > *first && j0 * a->step + p->offset[*end - 1] >= a->in_size)
        (*end)--;
}

/* Columns outside the input that may be read: left and right of it. */
static void margins_of(const cpu_extent *e, bool gradient, int32_t margin[2])
{
    const int64_t stride = gradient ? e->stride : 1, step = gradient ? 1 : e->stride;
    const int64_t outs = gradient ? e->in : e->out, size = gradient ? e->out : e->in;
    for (int64_t f = 0; f < stride && f < outs; f++)
        for (int64_t k = 0; k < e->kernel; k++) {
            if (!fits_phase(e, gradient, f, k))
                continue;
            int64_t count = (outs - f + stride - 1) / stride;
            int64_t low = offset_of(e, gradient, f, k);
            int64_t high = (count - 1) * step + low - (size - 1);
            margin[0] = -low > margin[0] ? (int32_t)-low : margin[0];
            margin[1] = high > margin[1] ? (int32_t)high : margin[1];
        }
}

/* ---- a product of this kind ---- */

typedef struct conv_spec {
    bool gradient; /* with respect to the input */
    cpu_extent y, x;
    cpu_packing pack;
    cpu_conv_params params;
} conv_spec;

cpu_extent cpu_extent_of(const cnn_conv2d_attrs *a, int side, const cnn_type *x, const cnn_type *y,
                         int64_t kernel)
{
    return (cpu_extent){ x->dim[2 + side], y->dim[2 + side],  kernel,
                         a->stride[side],  a->dilation[side], a->pad[2 * side] };
}

void cpu_conv_margins(const cnn_node *node, const cnn_program *p, int side, int32_t (*margins)[2])
{
    const char *op = node->op->c.name;
    const bool forward = strcmp(op, "conv2d") == 0, weights = strcmp(op, "conv2d_weight_grad") == 0;
    const bool gradient = strcmp(op, "conv2d_input_grad") == 0;
    if ((!forward && !weights && !gradient) || !cpu_is_batched(p, node->in[0]))
        return;
    const cnn_type *in0 = &cnn_value_at(p, node->in[0])->type;
    const cnn_type *in1 = &cnn_value_at(p, node->in[1])->type;
    const cnn_type *out = &cnn_value_at(p, node->out[0])->type;
    const cnn_type *x = gradient ? out : in0, *w = weights ? out : in1;
    const cnn_type *y = gradient ? in0 : weights ? in1 : out;
    cpu_extent e = cpu_extent_of(node->attrs, side, x, y, w->dim[2 + side]);
    margins_of(&e, gradient, margins[node->in[0]]);
}

/* ---- register blocks ---- */

enum { MOST_HEIGHT = 12 };

/* Cycles per tap: two multiply-adds, two loads, about four instructions a cycle; sums need four
 * cycles each. */
double cpu_block_cycles(int64_t height, int64_t width)
{
    const double products = (double)(height * width), loads = (double)(height + width);
    double c = products / 2 > loads / 2 ? products / 2 : loads / 2;
    c = c > (products + loads + 4) / 4 ? c : (products + loads + 4) / 4;
    return c > 4 ? c : 4;
}

/* Width of the blocks in which `columns` are done cheapest at a height. */
static int64_t best_width(const cpu_kernels *k, int64_t height, int64_t columns, int64_t taps,
                          double *cost)
{
    int64_t best = 1;
    *cost = 1e300;
    for (int64_t width = 1; width <= columns && k->has_block(height, width); width++) {
        int64_t full = columns / width, rest = columns % width;
        double start = 12 + 2 * (double)(height * width);
        double c = (double)full * ((double)taps * cpu_block_cycles(height, width) + start) +
                   (rest > 0 ? (double)taps * cpu_block_cycles(height, rest) + start : 0);
        if (c < *cost) {
            *cost = c;
            best = width;
        }
    }
    return best;
}

/* As many blocks of channels as are cheapest, of heights that differ by one at most. */
static int64_t best_blocks(const cpu_kernels *k, int64_t channels, int64_t columns, int64_t taps,
                           double *cycles)
{
    int64_t best = channels;
    double least = 1e300;
    for (int64_t n = (channels + MOST_HEIGHT - 1) / MOST_HEIGHT; n <= channels; n++) {
        int64_t low = channels / n, n_high = channels % n;
        double cost_low = 0, cost_high = 0;
        if (!k->has_block(low + (n_high > 0), 1))
            continue;
        (void)best_width(k, low, columns, taps, &cost_low);
        if (n_high > 0)
            (void)best_width(k, low + 1, columns, taps, &cost_high);
        double cost = (double)(n - n_high) * cost_low + (double)n_high * cost_high;
        if (cost < least) {
            least = cost;
            best = n;
        }
    }
    *cycles = least;
    return best;
}

double cpu_product_cycles(const cpu_kernels *k, int64_t channels, int64_t columns, int64_t taps)
{
    double cycles;
    (void)best_blocks(k, channels, columns, taps, &cycles);
    return cycles;
}

int64_t cpu_block_width(const cpu_kernels *k, int64_t height, int64_t columns, int64_t taps)
{
    double cost;
    return best_width(k, height, columns, taps, &cost);
}

static int64_t taps_of(const cpu_packing *p)
{
    return p->in_channels * p->kernel;
}

void cpu_plan_blocks(cpu_plan *plan, cpu_packing *p, int64_t columns)
{
    double cycles;
    int64_t n = best_blocks(plan->kernels, p->out_channels, columns, taps_of(p), &cycles);
    int64_t low = p->out_channels / n, n_high = p->out_channels % n, first = 0;
    p->blocks = cpu_plan_alloc(plan, (size_t)n, sizeof *p->blocks);
    p->n_blocks = (int32_t)n;
    p->n_shapes = n_high > 0 ? 2 : 1;
    for (int64_t i = 0; i < n && p->blocks != NULL; i++) {
        int64_t height = low + (i < n_high);
        p->blocks[i] = (cpu_conv_block){ (int32_t)first, (int32_t)height,
                                         n_high > 0 && i >= n_high ? 1 : 0, first * taps_of(p) };
        first += height;
    }
    p->packed = p->out_channels * taps_of(p);
}

/* ---- packed weights ---- */

typedef struct pack_job {
    const cpu_packing *packing;
    const float *from, *scale; /* scale: per out channel, or NULL */
    float *to;
} pack_job;

/* Taps in the order (channel, ky, kx). */
static void pack_block(void *context, uint32_t i)
{
    const pack_job *job = context;
    const cpu_packing *s = job->packing;
    const int64_t group = i / (uint32_t)s->n_blocks;
    const cpu_conv_block *b = &s->blocks[i % (uint32_t)s->n_blocks];
    const int64_t first = group * s->out_channels + b->first;
    float *to = job->to + group * s->packed + b->weights;
    for (int64_t c = 0; c < s->in_channels; c++)
        for (int64_t k = 0; k < s->kernel; k++)
            for (int32_t o = 0; o < b->height; o++)
                *to++ =
                    job->from[group * s->w_group + (b->first + o) * s->w_out + c * s->w_in + k] *
                    (job->scale != NULL ? job->scale[first + o] : 1);
}

/* p: weights[, scale], packed. */
static cnn_status pack(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    enum { WORTH_SHARING = 1 << 16 }; /* floats */
    const cpu_packing *s = step->params;
    pack_job job = { s, p[0], step->n_in == 2 ? p[1] : NULL, p[step->n_in] };
    const uint32_t count = (uint32_t)(s->groups * s->n_blocks);
    (void)err;
    if (s->packed * s->groups < WORTH_SHARING)
        for (uint32_t i = 0; i < count; i++)
            pack_block(&job, i);
    else
        plan->host->parallel(plan->host, count, pack_block, &job);
    return CNN_OK;
}

int32_t cpu_add_pack(cpu_plan *plan, uint32_t n, const cpu_packing *packing, int32_t weights,
                     int32_t scale)
{
    int32_t packed = cpu_add_temp(plan, packing->packed * packing->groups);
    cpu_step *step = cpu_add_whole(plan, n, pack, packing);
    cpu_step_in(plan, step, weights);
    if (scale >= 0)
        cpu_step_in(plan, step, scale);
    cpu_step_out(plan, step, packed);
    return packed;
}

/* ---- tables ---- */

typedef struct tables {
    cpu_plan *plan;
    const conv_spec *spec;
    axis y, x;
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
    const conv_spec *s = t->spec;
    const phase *py = &t->y.phases[key[0]], *px = &t->x.phases[key[3]];
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
    const phase *px = &t->x.phases[line_key[3]];
    int64_t width = cpu_block_width(t->plan->kernels, height, px->count, taps_of(&t->spec->pack));
    range[0] = t->n_spans;
    for (int64_t j = 0; j < px->count && !t->plan->out_of_memory; j += width) {
        int64_t end = j + width < px->count ? j + width : px->count;
        int32_t key[6] = { line_key[0], line_key[1], line_key[2], line_key[3], 0, 0 };
        taps_inside(&t->x, px, j, end, &key[4], &key[5]);
        add_span(t, range[0], (int32_t)j, (int32_t)(end - j), find_taps(t, key));
    }
    range[1] = t->n_spans - range[0];
}

static int32_t find_line(tables *t, const int32_t key[4], int32_t *cap)
{
    const conv_spec *s = t->spec;
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
                taps_inside(&t->y, &t->y.phases[f], j, j + 1, &key[1], &key[2]);
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
static bool rows_go_outside(const conv_spec *s, const cpu_view *in, int32_t n_rows, int64_t lanes)
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
static int32_t count_parts(const conv_spec *s, const cpu_view *in, int64_t lanes)
{
    enum { CACHED = 24 << 10, LEAST_TAPS = 96 };
    const int64_t row = s->y.kernel * in->row * lanes * (int64_t)sizeof(float);
    int64_t channels = CACHED / row;
    const int64_t least = (LEAST_TAPS + s->pack.kernel - 1) / s->pack.kernel;
    channels = channels > least ? channels : least;
    return channels * 4 <= s->pack.in_channels ? (int32_t)(s->pack.in_channels / channels) : 1;
}

static cnn_status finish_conv(cpu_plan *plan, cpu_step *step, cnn_error *err)
{
    conv_spec *s = step->spec;
    cpu_conv_params *p = &s->params;
    const cpu_view *in = &plan->values[step->in[0]].view, *out = &plan->values[step->out[0]].view;
    tables t = { .plan = plan, .spec = s, .row = in->row, .plane = in->plane };
    t.lanes = plan->kernels->lanes;
    (void)err;
    if (!make_axis(plan, &s->y, s->gradient, &t.y) || !make_axis(plan, &s->x, s->gradient, &t.x))
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
    p->has_bias = step->fused.bias;
    p->has_add = step->fused.add;
    p->clamps = step->fused.clamps;
    p->low = step->fused.low;
    p->high = step->fused.high;
    p->rows_outside = rows_go_outside(s, in, p->n_rows, t.lanes);
    p->channels = (int32_t)s->pack.in_channels;
    p->parts = p->rows_outside ? count_parts(s, in, t.lanes) : 1;
    return CNN_OK;
}

/* ---- lowering ---- */

static void add_product(cpu_plan *plan, uint32_t n, conv_spec *s, int32_t x, int32_t w, int32_t y)
{
    const int64_t phases = s->gradient ? s->x.stride : 1;
    const int64_t columns = s->gradient ? s->x.in : s->x.out;
    s->pack.kernel = s->y.kernel * s->x.kernel;
    cpu_plan_blocks(plan, &s->pack, (columns + phases - 1) / phases);
    if (plan->out_of_memory)
        return;
    int32_t packed = cpu_add_pack(plan, n, &s->pack, w, -1);
    const int32_t pack_step = (int32_t)plan->n_steps - 1;
    cpu_step *step = cpu_add_step(plan, n);
    step->fused = (cpu_fused){ .possible = true, .pack = pack_step };
    step->kernel = plan->kernels->conv;
    step->params = &s->params;
    step->spec = s;
    step->finish = finish_conv;
    cpu_step_in(plan, step, x);
    cpu_step_in(plan, step, packed);
    cpu_step_out(plan, step, y);
}

/* The gradient is the same convolution with flipped kernels. */
static bool add_winograd(cpu_plan *plan, uint32_t n, const conv_spec *s, const cnn_conv2d_attrs *a,
                         const cnn_type *y, const int32_t operands[3])
{
    const int64_t above = s->gradient ? 2 - a->pad[0] : a->pad[0];
    const int64_t left = s->gradient ? 2 - a->pad[2] : a->pad[2];
    const cpu_winograd_conv conv = { .pack = s->pack,
                                     .flipped = s->gradient,
                                     .pad = { (int32_t)above, (int32_t)left },
                                     .rows = y->dim[2],
                                     .columns = y->dim[3] };
    if (above < 0 || left < 0 || !cpu_tile_winograd_pays(plan, &conv))
        return false;
    cpu_add_tile_winograd(plan, n, &conv, operands[0], operands[1], operands[2]);
    return true;
}

void cpu_lower_conv(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_conv2d_attrs *a = node->attrs;
    conv_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    if (s == NULL)
        return;
    s->gradient = strcmp(node->op->c.name, "conv2d_input_grad") == 0;
    const cnn_type *w = &cnn_value_at(plan->program, node->in[1])->type;
    const cnn_type *in = &cnn_value_at(plan->program, node->in[0])->type;
    const cnn_type *out = &cnn_value_at(plan->program, node->out[0])->type;
    const cnn_type *x = s->gradient ? out : in, *y = s->gradient ? in : out;
    const int64_t kernel = w->dim[2] * w->dim[3];
    s->pack.groups = a->groups;
    s->pack.in_channels = in->dim[1] / a->groups;
    s->pack.out_channels = out->dim[1] / a->groups;
    s->y = cpu_extent_of(a, 0, x, y, w->dim[2]);
    s->x = cpu_extent_of(a, 1, x, y, w->dim[3]);
    s->pack.w_group = y->dim[1] / a->groups * w->dim[1] * kernel;
    s->pack.w_out = s->gradient ? kernel : w->dim[1] * kernel;
    s->pack.w_in = s->gradient ? w->dim[1] * kernel : kernel;
    const int32_t from = cpu_tile_of(plan, n, node->in[0]);
    const int32_t weights = cpu_plain_of(plan, node->in[1]), to = cpu_new_tile(plan, node->out[0]);
    if (!cpu_is_winograd(a, w) ||
        !add_winograd(plan, n, s, a, out, (const int32_t[]){ from, weights, to }))
        add_product(plan, n, s, from, weights, to);
}

/* ---- the gradient of weights ---- */

void cpu_lower_weight_grad(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_conv2d_attrs *a = node->attrs;
    const cnn_type *x = &cnn_value_at(plan->program, node->in[0])->type;
    const cnn_type *y = &cnn_value_at(plan->program, node->in[1])->type;
    const cnn_type *w = &cnn_value_at(plan->program, node->out[0])->type;
    const cpu_extent side[2] = { cpu_extent_of(a, 0, x, y, w->dim[2]),
                                 cpu_extent_of(a, 1, x, y, w->dim[3]) };
    int32_t from = cpu_tile_of(plan, n, node->in[0]), dy = cpu_tile_of(plan, n, node->in[1]);
    cpu_add_weight_grad(plan, n, from, dy, a->groups, y->dim[1] / a->groups, x->dim[1] / a->groups,
                        side);
}

/* A product of [N,K] with a matrix is a convolution of K channels of one pixel; that of two batches
 * is the gradient of its weights. */
void cpu_lower_matmul(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_matmul_attrs *a = node->attrs;
    const cnn_type *in = &cnn_value_at(plan->program, node->in[0])->type;
    const cnn_type *out = &cnn_value_at(plan->program, node->out[0])->type;
    const cpu_extent pixel = { 1, 1, 1, 1, 1, 0 };
    if (a->trans_a) {
        const cpu_extent pixels[2] = { pixel, pixel };
        int32_t left = cpu_tile_of(plan, n, node->in[0]);
        int32_t right = cpu_tile_of(plan, n, node->in[1]);
        cpu_add_weight_grad(plan, n, right, left, 1, out->dim[0], out->dim[1], pixels);
        return;
    }
    conv_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    if (s == NULL)
        return;
    *s = (conv_spec){ .y = pixel, .x = pixel };
    s->pack = (cpu_packing){ .groups = 1,
                             .in_channels = in->dim[1],
                             .out_channels = out->dim[1],
                             .w_out = a->trans_b ? in->dim[1] : 1,
                             .w_in = a->trans_b ? 1 : out->dim[1] };
    int32_t from = cpu_tile_of(plan, n, node->in[0]), weights = cpu_plain_of(plan, node->in[1]);
    add_product(plan, n, s, from, weights, cpu_new_tile(plan, node->out[0]));
}
