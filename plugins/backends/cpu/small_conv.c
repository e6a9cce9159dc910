/* Convolutions of few images, lanes are channels: the sum itself, tap by tap. */
#include <string.h>

#include "small.h"
#include "small_plan.h"
#include "small_steps.h"

typedef struct conv_spec {
    const cnn_conv2d_attrs *a;
    cpu_channel_packing pack;
    bool depthwise;
    int64_t kh, kw;
    int64_t in_vectors, out_vectors; /* per group */
    int64_t *taps;                   /* offsets in x, floats */
    int32_t chunk;                   /* taps whose weights stay in the second cache */
    int64_t lines, columns;          /* of a plane of results; its rows, or several as one */
    int64_t rows;                    /* ... of a line */
    int64_t row_part;                /* lines of a task */
    int32_t row_parts, block_parts;
} conv_spec;

/* ---- lowering ---- */

enum {
    CACHED_INPUT = 160 << 10,   /* bytes of x of a task: they stay in the second cache */
    CACHED_WEIGHTS = 144 << 10, /* ... and of the weights of a block */
    WORTH_SHARING = 1 << 17,    /* multiply-adds of a layer: less is done faster by one thread */
};

/* Channels of a group are whole vectors, or there is one group, or each channel is one. */
static bool has_form(const cpu_plan *plan, const cnn_conv2d_attrs *a, const cnn_type *x,
                     const cnn_type *y)
{
    const int64_t lanes = plan->kernels->lanes;
    const bool depthwise = a->groups == x->dim[1] && x->dim[1] == y->dim[1];
    return a->groups == 1 || depthwise ||
           (x->dim[1] / a->groups % lanes == 0 && y->dim[1] / a->groups % lanes == 0);
}

static void choose_blocks(const cpu_plan *plan, conv_spec *s, const cnn_type *y)
{
    cpu_channel_packing *p = &s->pack;
    const int64_t lanes = plan->kernels->lanes;
    p->blocks = s->depthwise ? (cpu_channel_blocks){ (int32_t)s->out_vectors, 1, 0 }
                             : cpu_choose_channel_blocks(plan->kernels, s->out_vectors, y->dim[3],
                                                         p->in_channels * p->kernel);
    p->packed = s->out_vectors * lanes * p->in_channels * p->kernel;
    const int64_t height = p->blocks.low + (p->blocks.n_high > 0);
    const int64_t vector = s->kh * s->kw * lanes * height * lanes * (int64_t)sizeof(float);
    const int64_t vectors = CACHED_WEIGHTS / vector > 1 ? CACHED_WEIGHTS / vector : 1;
    s->chunk = (int32_t)(s->kh * s->kw * (s->depthwise ? 1 : vectors));
}

/* Tasks are ranges of rows whose input stays in the cache; if that is few of them, ranges of blocks
 * too. */
static void share_out(const cpu_plan *plan, conv_spec *s, const cpu_view *x, int64_t images)
{
    const int64_t lanes = plan->kernels->lanes, threads = plan->host->threads;
    const int64_t line = s->rows * s->a->stride[0] * x->row * lanes * (int64_t)sizeof(float) *
                         (s->depthwise ? 1 : s->in_vectors);
    const int64_t wanted = 4 * threads, tasks = images * s->pack.groups;
    const int64_t products = s->pack.in_channels * s->pack.kernel * s->out_vectors * lanes *
                             s->pack.groups * s->lines * s->columns;
    s->row_part = s->lines;
    s->row_parts = s->block_parts = 1;
    if (threads == 1 || products * images < WORTH_SHARING)
        return;
    int64_t parts = cpu_divided_up(s->lines * line, CACHED_INPUT);
    parts = parts < s->lines ? parts : s->lines;
    int64_t blocks = cpu_divided_up(wanted, parts * tasks);
    blocks = blocks < s->pack.blocks.count ? blocks : s->pack.blocks.count;
    if (blocks * parts * tasks < wanted)
        parts = cpu_divided_up(wanted, blocks * tasks) < s->lines
                    ? cpu_divided_up(wanted, blocks * tasks)
                    : s->lines;
    s->row_part = cpu_divided_up(s->lines, parts);
    s->row_parts = (int32_t)cpu_divided_up(s->lines, s->row_part);
    s->block_parts = (int32_t)blocks;
}

static void list_taps(const cpu_plan *plan, conv_spec *s, const cpu_view *x)
{
    const cnn_conv2d_attrs *a = s->a;
    int64_t n = 0;
    for (int64_t c = 0; c < (s->depthwise ? 1 : s->in_vectors); c++)
        for (int64_t ky = 0; ky < s->kh; ky++)
            for (int64_t kx = 0; kx < s->kw; kx++)
                s->taps[n++] = (c * x->plane + (ky * a->dilation[0] - a->pad[0]) * x->row +
                                kx * a->dilation[1] - a->pad[2]) *
                               plan->kernels->lanes;
}

/* Rows of x and of results that all touch each other are one, where a tap does not look beside. */
static void join_lines(const cpu_plan *plan, const cpu_step *step, conv_spec *s)
{
    enum { LONG = 224 };
    const cpu_view *x = &plan->values[step->in[0]].view, *y = &plan->values[step->out[0]].view;
    bool touch = x->row == x->w && y->row == y->w && s->kh * s->kw == 1 && s->a->stride[0] == 1 &&
                 s->a->stride[1] == 1;
    if (step->fused.add) {
        const cpu_view *add = &plan->values[step->in[2 + step->fused.bias]].view;
        touch = touch && add->row == add->w;
    }
    s->rows = 1;
    for (int64_t r = 2; touch && r <= y->h && r * y->w <= LONG; r++)
        s->rows = y->h % r == 0 ? r : s->rows;
    s->lines = y->h / s->rows;
    s->columns = y->w * s->rows;
}

static cnn_status finish_conv(cpu_plan *plan, cpu_step *step, cnn_error *err)
{
    conv_spec *s = step->spec;
    const cpu_value *x = &plan->values[step->in[0]];
    (void)err;
    list_taps(plan, s, &x->view);
    join_lines(plan, step, s);
    share_out(plan, s, &x->view, x->type.dim[0]);
    return CNN_OK;
}

static cnn_status run_conv(const cpu_step *, void *const *, const cpu_plan *, cnn_error *);

static conv_spec *make_spec(cpu_plan *plan, const cnn_conv2d_attrs *a, const cnn_type *x,
                            const cnn_type *w, const cnn_type *y)
{
    const int64_t lanes = plan->kernels->lanes;
    conv_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (conv_spec){ .a = a, .kh = w->dim[2], .kw = w->dim[3] };
    s->depthwise = a->groups > 1 && w->dim[1] == 1;
    s->pack = (cpu_channel_packing){ .groups = s->depthwise ? 1 : a->groups,
                                     .in_channels = w->dim[1],
                                     .kernel = s->kh * s->kw };
    s->pack.out_channels = y->dim[1] / s->pack.groups;
    s->in_vectors = cpu_divided_up(x->dim[1] / s->pack.groups, lanes);
    s->out_vectors = cpu_divided_up(s->pack.out_channels, lanes);
    s->taps = cpu_plan_alloc(plan, (size_t)(s->in_vectors * s->pack.kernel), sizeof *s->taps);
    choose_blocks(plan, s, y);
    return s;
}

bool cpu_small_lower_conv(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_conv2d_attrs *a = node->attrs;
    const cnn_type *x = cpu_type_of(plan, node->in[0]);
    const cnn_type *w = cpu_type_of(plan, node->in[1]);
    const cnn_type *y = cpu_type_of(plan, node->out[0]);
    if (!has_form(plan, a, x, y))
        return false;
    if (cpu_winograd_pays(plan, a, x, w, y)) {
        cpu_lower_winograd(plan, n);
        return true;
    }
    conv_spec *s = make_spec(plan, a, x, w, y);
    if (s == NULL)
        return true;
    int32_t from = cpu_image_of(plan, n, node->in[0]), weights = cpu_plain_of(plan, node->in[1]);
    int32_t packed = cpu_add_channel_pack(plan, n, &s->pack, weights);
    const int32_t pack_step = (int32_t)plan->n_steps - 1;
    int32_t out = cpu_new_image(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, run_conv, s);
    step->spec = s;
    step->finish = finish_conv;
    step->fused = (cpu_fused){ .possible = true, .pack = pack_step };
    cpu_step_in(plan, step, from);
    cpu_step_in(plan, step, packed);
    cpu_step_out(plan, step, out);
    return true;
}

/* ---- running ---- */

cpu_channel_run cpu_channel_operands(const cpu_step *step, void *const *p, const cpu_plan *plan)
{
    const cpu_fused *f = &step->fused;
    const int bias = 2, add = bias + f->bias;
    return (cpu_channel_run){ .plan = plan,
                              .x = &plan->values[step->in[0]],
                              .y = &plan->values[step->out[0]],
                              .added = f->add ? &plan->values[step->in[add]] : NULL,
                              .w = p[1],
                              .bias = f->bias ? p[bias] : NULL,
                              .fused = *f };
}

void cpu_channel_image(cpu_channel_run *r, void *const *p, int64_t n)
{
    const int add = 2 + r->fused.bias, y = add + r->fused.add;
    r->image = (const float *)p[0] + n * r->x->view.c * cpu_small_plane(r->plan, r->x);
    r->out = (float *)p[y] + n * r->y->view.c * cpu_small_plane(r->plan, r->y);
    if (r->added != NULL)
        r->add = (const float *)p[add] + n * r->added->view.c * cpu_small_plane(r->plan, r->added);
}

void cpu_channel_epilogue(const cpu_channel_run *r, cpu_channel_conv *c, int64_t v, int64_t y)
{
    const int64_t lanes = r->plan->kernels->lanes;
    c->y_vector = cpu_small_plane(r->plan, r->y);
    c->y = r->out + v * c->y_vector + y * r->y->view.row * lanes;
    c->bias = r->bias != NULL ? r->bias + v * lanes : NULL;
    c->clamps = r->fused.clamps;
    c->low = r->fused.low;
    c->high = r->fused.high;
    c->add = NULL;
    if (r->added != NULL) {
        c->add_vector = cpu_small_plane(r->plan, r->added);
        c->add = r->add + v * c->add_vector + y * r->added->view.row * lanes;
    }
}

typedef struct conv_run {
    cpu_channel_run r;
    const conv_spec *s;
    void *const *p;
} conv_run;

/* The first range of taps begins with the bias and what is added, the others with what is there;
 * the last one ends with the clamp. */
static void run_line(const conv_run *j, cpu_channel_conv *c, int32_t first, int64_t v, int64_t y)
{
    const conv_spec *s = j->s;
    const int64_t kernel = s->pack.kernel, lanes = j->r.plan->kernels->lanes;
    const int32_t all = (int32_t)(kernel * (s->depthwise ? 1 : s->in_vectors));
    const int32_t whole =
        s->depthwise ? all : (int32_t)(kernel * (s->pack.in_channels / lanes)); /* taps */
    const int32_t end = first + s->chunk < all ? first + s->chunk : all;
    cpu_channel_epilogue(&j->r, c, v, y);
    if (first > 0) {
        c->bias = NULL;
        c->add = c->y;
        c->add_vector = c->y_vector;
    }
    c->clamps = c->clamps && end == all;
    c->taps = s->taps + first;
    c->n_whole = (end < whole ? end : whole) - (first < whole ? first : whole);
    c->n_rest = end - first - c->n_whole;
    j->r.plan->kernels->channels(c);
}

/* Rows [y0, y1), counted in lines, of one block of channels. */
static void run_block(const conv_run *j, int64_t group, int32_t block, int64_t y0, int64_t y1)
{
    const conv_spec *s = j->s;
    const cpu_kernels *k = j->r.plan->kernels;
    const cpu_view *x = &j->r.x->view;
    const int64_t lanes = k->lanes, vector = cpu_channel_first(&s->pack.blocks, block);
    const int64_t in = group * s->in_vectors + (s->depthwise ? vector : 0);
    const int64_t v = group * s->out_vectors + vector;
    const int32_t all = (int32_t)(s->pack.kernel * (s->depthwise ? 1 : s->in_vectors));
    cpu_channel_conv c = { .x_step = s->a->stride[1] * lanes,
                           .rest = (int32_t)(s->pack.in_channels % lanes) };
    const int32_t height = cpu_channel_height(&s->pack.blocks, block);
    c.height = s->depthwise ? CPU_DEPTHWISE : height;
    cpu_cut_columns(k, &c, s->columns);
    for (int32_t first = 0; first < all; first += s->chunk) {
        c.w = j->r.w + group * s->pack.packed +
              (vector * s->pack.in_channels * s->pack.kernel +
               first * (s->depthwise ? 1 : lanes) * height) *
                  lanes;
        for (int64_t y = y0; y < y1; y++) {
            c.x = j->r.image + (in * x->plane + y * s->rows * s->a->stride[0] * x->row) * lanes;
            run_line(j, &c, first, v, y * s->rows);
        }
    }
    for (int32_t i = 0; i < height; i++)
        cpu_small_clear(j->r.plan, j->r.y, j->r.out + (v + i) * cpu_small_plane(j->r.plan, j->r.y),
                        y0 * s->rows, y1 * s->rows);
}

/* Task i: a range of rows and one of blocks, of a group of an image. */
static void conv_part(void *context, uint32_t i)
{
    conv_run j = *(const conv_run *)context;
    const conv_spec *s = j.s;
    const int64_t rows = i % (uint32_t)s->row_parts, rest = i / (uint32_t)s->row_parts;
    const int32_t part = (int32_t)(rest % s->block_parts), blocks = s->pack.blocks.count;
    const int64_t group = rest / s->block_parts % s->pack.groups;
    const int64_t y0 = rows * s->row_part, left = s->lines - y0;
    const int64_t y1 = y0 + (left < s->row_part ? left : s->row_part);
    cpu_channel_image(&j.r, j.p, rest / s->block_parts / s->pack.groups);
    for (int32_t b = part * blocks / s->block_parts; b < (part + 1) * blocks / s->block_parts; b++)
        run_block(&j, group, b, y0, y1);
}

/* p: x, packed weights[, bias][, add], y. */
static cnn_status run_conv(const cpu_step *step, void *const *p, const cpu_plan *plan,
                           cnn_error *err)
{
    conv_run j = { cpu_channel_operands(step, p, plan), step->params, p };
    const int64_t tasks = j.r.x->type.dim[0] * j.s->pack.groups * j.s->block_parts * j.s->row_parts;
    (void)err;
    plan->host->parallel(plan->host, (uint32_t)tasks, conv_part, &j);
    return CNN_OK;
}
