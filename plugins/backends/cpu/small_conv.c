/* Convolutions of few images: sums of shifted planes, lanes are neighbouring pixels. */
#include <string.h>

#include "conv_plan.h"
#include "small.h"
#include "small_steps.h"

/* How the input lies when it is read: as the image, or split into planes of every s-th row and
 * column, padding included. */
typedef struct reading {
    bool split;
    int64_t row, plane, rows; /* floats; rows of a split plane */
    int64_t columns;
} reading;

typedef struct conv_spec {
    const cnn_conv2d_attrs *a;
    cpu_packing pack;
    int64_t kh, kw;
    reading in;
    bool repitch; /* results come in rows of another length and are copied */
    int64_t y_plane;
    int64_t vectors; /* of a plane of results */
    cpu_conv_taps taps;
    int64_t *offsets;
    int32_t n_parts_x, n_parts_block; /* tasks of a group: ranges of vectors, of blocks */
    int64_t part_vectors;
    int32_t chunk; /* taps at once */
} conv_spec;

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

/* ---- lowering ---- */

static bool is_strided(const cnn_conv2d_attrs *a)
{
    return a->stride[0] != 1 || a->stride[1] != 1;
}

static reading split_of(const cpu_plan *plan, const cnn_node *node, const conv_spec *s)
{
    const cnn_type *y = &cnn_value_at(plan->program, node->out[0])->type;
    const cnn_conv2d_attrs *a = s->a;
    reading r = { .split = true };
    const int64_t more = (s->kw - 1) * a->dilation[1] / a->stride[1];
    r.rows = y->dim[2] + (s->kh - 1) * a->dilation[0] / a->stride[0];
    r.columns = y->dim[3] + more;
    r.row = y->dim[3] + plan->gaps[node->out[0]];
    r.row = r.row > r.columns ? r.row : r.columns;
    r.plane = round_up(r.rows * r.row, plan->kernels->lanes);
    return r;
}

static reading whole_of(const cpu_plan *plan, const cnn_node *node)
{
    const int32_t v = node->in[0];
    cpu_value value = { .type = cnn_value_at(plan->program, v)->type,
                        .left = plan->gaps[v],
                        .top = plan->tops[v],
                        .bottom = plan->bottoms[v] };
    value.view = cpu_view_of(&value.type, 0, 0);
    cpu_small_view(plan, &value);
    return (reading){ false, value.view.row, value.view.plane, value.view.h, value.view.w };
}

/* Offset of a tap in what is read, from the place of an output's first tap. */
static int64_t tap_offset(const conv_spec *s, int64_t channels, int64_t c, int64_t ky, int64_t kx)
{
    const cnn_conv2d_attrs *a = s->a;
    const int64_t y = ky * a->dilation[0], x = kx * a->dilation[1];
    if (!s->in.split)
        return c * s->in.plane + (y - a->pad[0]) * s->in.row + x - a->pad[2];
    const int64_t phase = y % a->stride[0] * a->stride[1] + x % a->stride[1];
    return (phase * channels + c) * s->in.plane + y / a->stride[0] * s->in.row + x / a->stride[1];
}

static void list_taps(cpu_plan *plan, conv_spec *s)
{
    const int64_t n = s->pack.in_channels * s->kh * s->kw;
    int32_t *w = cpu_plan_alloc(plan, (size_t)n, sizeof *w), i = 0;
    s->offsets = cpu_plan_alloc(plan, (size_t)n, sizeof *s->offsets);
    if (plan->out_of_memory)
        return;
    for (int64_t c = 0; c < s->pack.in_channels; c++)
        for (int64_t ky = 0; ky < s->kh; ky++)
            for (int64_t kx = 0; kx < s->kw; kx++, i++) {
                s->offsets[i] = tap_offset(s, s->pack.groups * s->pack.in_channels, c, ky, kx);
                w[i] = i;
            }
    s->taps = (cpu_conv_taps){ (int32_t)n, s->offsets, w };
}

enum {
    CACHED_INPUT = 192 << 10, /* bytes of input of a task: they stay in the second cache */
    WORTH_SHARING = 1 << 17,  /* multiply-adds of a layer: less is done faster by one thread */
};

/* A kernel of several taps reads a line of the cache again and again. One of a single tap reads it
 * once per block of channels: then taps of so many channels that what they read of a few vectors
 * stays in most of the first cache. */
static int32_t chunk_of(const cpu_plan *plan, const conv_spec *s)
{
    enum { CACHED = 28 << 10, LINE = 64 };
    const int64_t vector = plan->kernels->lanes * (int64_t)sizeof(float);
    const int64_t channels = CACHED / (s->kh * (CPU_FLAT_VECTORS * vector + LINE));
    return 2 * channels <= s->pack.in_channels ? (int32_t)(channels * s->pack.kernel)
                                               : s->taps.count;
}

static void share_out(const cpu_plan *plan, conv_spec *s)
{
    const int64_t lanes = plan->kernels->lanes, threads = plan->host->threads;
    const int64_t taps = s->taps.count;
    enum { STEP = 12 }; /* a multiple of most widths of register blocks */
    int64_t part = CACHED_INPUT / (s->pack.in_channels * lanes * (int64_t)sizeof(float));
    part = round_up(part < STEP ? STEP : part, STEP);
    s->part_vectors = part < s->vectors ? part : s->vectors;
    s->n_parts_x = (int32_t)((s->vectors + s->part_vectors - 1) / s->part_vectors);
    int64_t wanted = 4 * threads, groups = s->pack.groups;
    int64_t blocks = (wanted + s->n_parts_x * groups - 1) / (s->n_parts_x * groups);
    s->n_parts_block = (int32_t)(blocks < s->pack.n_blocks ? blocks : s->pack.n_blocks);
    if (taps * s->pack.out_channels * groups * s->vectors * lanes < WORTH_SHARING || threads == 1) {
        s->n_parts_block = 1;
    }
}

static cnn_status run_conv(const cpu_step *, void *const *, const cpu_plan *, cnn_error *);

bool cpu_small_lower_conv(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_type *x = &cnn_value_at(plan->program, node->in[0])->type;
    const cnn_type *w = &cnn_value_at(plan->program, node->in[1])->type;
    const cnn_type *y = &cnn_value_at(plan->program, node->out[0])->type;
    const int64_t lanes = plan->kernels->lanes;
    conv_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    if (s == NULL)
        return true;
    s->a = node->attrs;
    s->kh = w->dim[2];
    s->kw = w->dim[3];
    const int64_t groups = s->a->groups, kernel = s->kh * s->kw;
    s->in = is_strided(s->a) ? split_of(plan, node, s) : whole_of(plan, node);
    s->vectors = ((y->dim[2] - 1) * s->in.row + y->dim[3] + lanes - 1) / lanes;
    s->repitch = s->in.row != y->dim[3] + plan->gaps[node->out[0]];
    s->y_plane = s->vectors * lanes; /* the last row may be longer than the input's */
    s->pack = (cpu_packing){ .groups = groups,
                             .in_channels = x->dim[1] / groups,
                             .out_channels = y->dim[1] / groups,
                             .kernel = kernel,
                             .w_group = y->dim[1] / groups * w->dim[1] * kernel,
                             .w_out = w->dim[1] * kernel,
                             .w_in = kernel };
    int32_t from = cpu_image_of(plan, n, node->in[0]), weights = cpu_plain_of(plan, node->in[1]);
    cpu_plan_blocks(plan, &s->pack, s->vectors);
    list_taps(plan, s);
    if (plan->out_of_memory)
        return true;
    share_out(plan, s);
    s->chunk = chunk_of(plan, s);
    int32_t packed = cpu_add_pack(plan, n, &s->pack, weights, -1);
    const int32_t pack_step = (int32_t)plan->n_steps - 1;
    const int64_t phases = s->in.split ? s->a->stride[0] * s->a->stride[1] : 0;
    int32_t split = cpu_add_temp(plan, phases * x->dim[1] * s->in.plane + s->in.row + 16 * lanes);
    int32_t rows = cpu_add_temp(plan, s->repitch ? y->dim[1] * s->y_plane + 16 * lanes : 1);
    int32_t out = cpu_new_image(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, run_conv, s);
    step->fused = (cpu_fused){ .possible = true, .pack = pack_step };
    cpu_step_in(plan, step, from);
    cpu_step_in(plan, step, packed);
    cpu_step_out(plan, step, out);
    cpu_step_out(plan, step, split);
    cpu_step_out(plan, step, rows);
    return true;
}

/* ---- running ---- */

typedef struct conv_run {
    const cpu_plan *plan;
    const conv_spec *s;
    const cpu_value *x, *y;
    const cpu_fused *fused;
    const float *image; /* of one image, first pixel */
    float *split, *rows, *out;
    const float *w, *bias, *add;
    int64_t add_plane;
} conv_run;

/* Channel i % C of phase i / C: every s-th row and column of the padded input. */
static void split_plane(void *context, uint32_t i)
{
    const conv_run *r = context;
    const cnn_conv2d_attrs *a = r->s->a;
    const reading *in = &r->s->in;
    const cpu_view *x = &r->x->view;
    const int64_t c = i % x->c, phase = i / x->c;
    const int64_t py = phase / a->stride[1] - a->pad[0], px = phase % a->stride[1] - a->pad[2];
    const float *from = r->image + c * x->plane;
    float *to = r->split + i * in->plane;
    for (int64_t y = 0; y < in->rows; y++, to += in->row) {
        const int64_t at = y * a->stride[0] + py;
        if (at < 0 || at >= x->h) {
            memset(to, 0, (size_t)in->row * sizeof *to);
            continue;
        }
        const float *row = from + at * x->row;
        int64_t k = 0, stride = a->stride[1];
        for (; k < in->columns && k * stride + px < 0; k++)
            to[k] = 0;
        int64_t end = (x->w - px + stride - 1) / stride;
        end = end < in->columns ? end : in->columns;
        if (k < end)
            r->plan->kernels->every(row + k * stride + px, to + k, end - k, stride);
        k = k < end ? end : k;
        for (; k < in->row; k++)
            to[k] = 0;
    }
}

/* Phases that some tap reads. */
static uint32_t used_planes(const conv_run *r)
{
    const cnn_conv2d_attrs *a = r->s->a;
    const bool one = r->s->kh == 1 && r->s->kw == 1;
    return (uint32_t)(r->x->view.c * (one ? 1 : a->stride[0] * a->stride[1]));
}

static void conv_part(void *context, uint32_t i)
{
    const conv_run *r = context;
    const conv_spec *s = r->s;
    const int32_t part_x = (int32_t)i % s->n_parts_x, rest = (int32_t)i / s->n_parts_x;
    const int32_t part = rest % s->n_parts_block, group = rest / s->n_parts_block;
    const int64_t first = part_x * s->part_vectors, lanes = r->plan->kernels->lanes;
    const int64_t channel = group * s->pack.out_channels;
    const int64_t y_plane = s->repitch ? s->y_plane : r->y->view.plane;
    float *y = s->repitch ? r->rows : r->out;
    const cpu_flat f = {
        .x = (s->in.split ? r->split : r->image) + group * s->pack.in_channels * s->in.plane +
             first * lanes,
        .w = r->w + group * s->pack.packed,
        .bias = r->bias != NULL ? r->bias + channel : NULL,
        .add = r->add != NULL ? r->add + channel * r->add_plane + first * lanes : NULL,
        .y = y + channel * y_plane + first * lanes,
        .y_plane = y_plane,
        .add_plane = r->add_plane,
        .blocks = s->pack.blocks + part * s->pack.n_blocks / s->n_parts_block,
        .n_blocks = (part + 1) * s->pack.n_blocks / s->n_parts_block -
                    part * s->pack.n_blocks / s->n_parts_block,
        .taps = &s->taps,
        .chunk = s->chunk,
        .vectors = s->vectors - first < s->part_vectors ? s->vectors - first : s->part_vectors,
        .relu = r->fused->relu,
    };
    r->plan->kernels->flat(&f);
}

/* Rows of results into the image, or only zeros into its gaps. */
static void end_plane(void *context, uint32_t c)
{
    const conv_run *r = context;
    const cpu_view *y = &r->y->view;
    float *to = r->out + c * y->plane;
    for (int64_t row = 0; r->s->repitch && row < y->h; row++)
        memcpy(to + row * y->row, r->rows + c * r->s->y_plane + row * r->s->in.row,
               (size_t)y->w * sizeof *to);
    cpu_small_clear(r->y, to);
}

static void run_image(conv_run *r)
{
    const cpu_plan *plan = r->plan;
    const cnn_host *host = plan->host;
    const conv_spec *s = r->s;
    if (s->in.split)
        host->parallel(host, used_planes(r), split_plane, r);
    host->parallel(host, (uint32_t)(s->pack.groups * s->n_parts_block * s->n_parts_x), conv_part,
                   r);
    if (s->repitch || r->y->left + r->y->top + r->y->bottom > 0)
        host->parallel(host, (uint32_t)r->y->view.c, end_plane, r);
}

/* p: x, packed weights[, bias][, add], y, split planes, rows. */
static cnn_status run_conv(const cpu_step *step, void *const *p, const cpu_plan *plan,
                           cnn_error *err)
{
    const cpu_fused *f = &step->fused;
    const int bias = 2, add = bias + f->bias, y = add + f->add;
    const cpu_value *added = f->add ? &plan->values[step->in[add]] : NULL;
    conv_run r = { .plan = plan,
                   .s = step->params,
                   .x = &plan->values[step->in[0]],
                   .y = &plan->values[step->out[0]],
                   .fused = f,
                   .split = p[y + 1],
                   .rows = p[y + 2],
                   .w = p[1],
                   .bias = f->bias ? p[bias] : NULL };
    (void)err;
    for (int64_t n = 0; n < plan->program->batch; n++) {
        r.image = (const float *)p[0] + n * r.x->view.c * r.x->view.plane;
        r.out = (float *)p[y] + n * r.y->view.c * r.y->view.plane;
        if (added != NULL) {
            r.add = (const float *)p[add] + n * added->view.c * added->view.plane;
            r.add_plane = added->view.plane;
        }
        run_image(&r);
    }
    return CNN_OK;
}
