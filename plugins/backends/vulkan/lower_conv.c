/* Convolutions and their gradients as sums of products, cut along the batch where a tensor is
 * larger than what a binding covers. */
#include <string.h>

#include "conv.h"

/* A kernel of one tap that skips nothing sees a plane as one row. */
static void join_rows(vk_conv *c)
{
    enum { LONGEST_ROW = 0xffff };
    const bool joins = c->kh * c->kw == 1 && c->stride[0] * c->stride[1] == 1 && c->h == c->oh &&
                       c->width == c->ow && c->pad[0] + c->pad[1] == 0;
    if (joins && c->h * c->width <= LONGEST_ROW) {
        c->width = c->ow = c->h * c->width;
        c->h = c->oh = 1;
    }
}

static vk_conv conv_of(const vk_plan *plan, uint32_t n, int32_t xv, int32_t wv, int32_t yv)
{
    const cnn_conv2d_attrs *a = cnn_node_at(plan->program, n)->attrs;
    const cnn_type *x = vk_type(plan, xv), *w = vk_type(plan, wv), *y = vk_type(plan, yv);
    vk_conv c = { .node = n,
                  .x = xv,
                  .w = wv,
                  .y = yv,
                  .images = x->dim[0],
                  .groups = a->groups,
                  .cg = x->dim[1] / a->groups,
                  .h = x->dim[2],
                  .width = x->dim[3],
                  .og = y->dim[1] / a->groups,
                  .oh = y->dim[2],
                  .ow = y->dim[3],
                  .kh = w->dim[2],
                  .kw = w->dim[3],
                  .stride = { a->stride[0], a->stride[1] },
                  .dilation = { a->dilation[0], a->dilation[1] },
                  .pad = { a->pad[0], a->pad[2] },
                  .x_image = cnn_span(x, 1, 4),
                  .y_image = cnn_span(y, 1, 4),
                  .kernels = cnn_count(w) };
    join_rows(&c);
    return c;
}

/* Sums that a step makes of images `first` on: of its own parts, in `sums`, or the result. */
typedef struct share {
    int64_t first, images, parts;
    vk_span to;
    int64_t part; /* elements of a part */
} share;

/* ---- y ---- */

static void add_forward(vk_plan *plan, const vk_conv *c, const share *s)
{
    const int64_t x_plane = c->h * c->width, y_plane = c->oh * c->ow, taps = c->kh * c->kw;
    vk_gemm g = { .node = c->node,
                  .groups = c->groups,
                  .rows = c->og,
                  .u = s->images,
                  .i = c->oh,
                  .j = c->ow,
                  .c = c->cg,
                  .r = c->kh,
                  .s = c->kw,
                  .packed = c->packed,
                  .parts = s->parts };
    g.left.span = (vk_span){ c->w, 0, c->kernels };
    g.left.group = c->og * c->cg * taps;
    g.left.row = c->cg * taps;
    g.left.c = taps;
    g.left.r = c->kw;
    g.left.s = 1;
    g.right.span = vk_images_of(c->x, c->x_image, s->first, s->images);
    g.right.group = c->cg * x_plane;
    g.right.u = c->x_image;
    g.right.c = x_plane;
    g.right.height = c->h;
    g.right.width = c->width;
    g.y = (vk_sweep){ c->stride[0], c->dilation[0], -c->pad[0] };
    g.x = (vk_sweep){ c->stride[1], c->dilation[1], -c->pad[1] };
    g.out.span = s->to;
    g.out.part = s->part;
    g.out.row = y_plane;
    g.out.u = c->y_image;
    g.out.i = c->ow;
    g.out.j = 1;
    vk_gemm_add(plan, &g);
}

/* ---- the gradient of x: a convolution of dy for each phase ---- */

static void add_phase(vk_plan *plan, const vk_conv *c, const share *s, vk_phase y, vk_phase x)
{
    const int64_t x_plane = c->h * c->width, y_plane = c->oh * c->ow, taps = c->kh * c->kw;
    vk_gemm g = { .node = c->node,
                  .groups = c->groups,
                  .rows = c->cg,
                  .u = s->images,
                  .i = y.count,
                  .j = x.count,
                  .c = c->og,
                  .r = y.taps,
                  .s = x.taps,
                  .packed = c->packed,
                  .parts = s->parts };
    g.left.span = (vk_span){ c->w, 0, c->kernels };
    g.left.first = y.tap * c->kw + x.tap;
    g.left.group = c->og * c->cg * taps;
    g.left.row = taps;
    g.left.c = c->cg * taps;
    g.left.r = y.tap_step * c->kw;
    g.left.s = x.tap_step;
    g.right.span = vk_images_of(c->y, c->y_image, s->first, s->images);
    g.right.group = c->og * y_plane;
    g.right.u = c->y_image;
    g.right.c = y_plane;
    g.right.height = c->oh;
    g.right.width = c->ow;
    g.y = (vk_sweep){ 1, y.step, y.offset };
    g.x = (vk_sweep){ 1, x.step, x.offset };
    g.out.span = s->to;
    g.out.first = y.first * c->width + x.first;
    g.out.part = s->part;
    g.out.row = x_plane;
    g.out.u = c->x_image;
    g.out.i = c->stride[0] * c->width;
    g.out.j = c->stride[1];
    vk_gemm_add(plan, &g);
}

static void add_input_grad(vk_plan *plan, const vk_conv *c, const share *s)
{
    for (int64_t y = 0; y < c->stride[0]; y++)
        for (int64_t x = 0; x < c->stride[1]; x++) {
            const vk_phase rows = vk_phase_of(c, 0, y), columns = vk_phase_of(c, 1, x);
            if (rows.count * columns.count > 0)
                add_phase(plan, c, s, rows, columns);
        }
}

/* ---- the gradient of w: the sum is over images and places ---- */

static void add_weight_grad(vk_plan *plan, const vk_conv *c, const share *s)
{
    const int64_t x_plane = c->h * c->width, y_plane = c->oh * c->ow, taps = c->kh * c->kw;
    vk_gemm g = { .node = c->node,
                  .groups = c->groups,
                  .rows = c->og,
                  .u = c->cg,
                  .i = c->kh,
                  .j = c->kw,
                  .c = s->images,
                  .r = c->oh,
                  .s = c->ow,
                  .packed = c->packed,
                  .parts = s->parts,
                  .along_terms = true };
    g.left.span = vk_images_of(c->y, c->y_image, s->first, s->images);
    g.left.group = c->og * y_plane;
    g.left.row = y_plane;
    g.left.c = c->y_image;
    g.left.r = c->ow;
    g.left.s = 1;
    g.right.span = vk_images_of(c->x, c->x_image, s->first, s->images);
    g.right.group = c->cg * x_plane;
    g.right.u = x_plane;
    g.right.c = c->x_image;
    g.right.height = c->h;
    g.right.width = c->width;
    g.y = (vk_sweep){ c->dilation[0], c->stride[0], -c->pad[0] };
    g.x = (vk_sweep){ c->dilation[1], c->stride[1], -c->pad[1] };
    g.out.span = s->to;
    g.out.part = s->part;
    g.out.row = c->cg * taps;
    g.out.u = taps;
    g.out.i = c->kw;
    g.out.j = 1;
    vk_gemm_add(plan, &g);
}

/* ---- shares and parts ---- */

/* Results are images. In parts only if one step has all of them: what is cut has results enough. */
static void add_images(vk_plan *plan, const vk_conv *c, int32_t out, int64_t image, int64_t parts,
                       void (*add)(vk_plan *, const vk_conv *, const share *))
{
    const int64_t most = vk_conv_images(plan, c);
    const int64_t count = c->images * image;
    if (most == c->images && parts > 1) {
        const int32_t sums = vk_scratch(plan, (uint64_t)(parts * count) * 4);
        add(plan, c, &(share){ 0, c->images, parts, { sums, 0, parts * count }, count });
        vk_gemm_sum(plan, c->node, sums, parts, (vk_span){ out, 0, count });
        return;
    }
    for (int64_t first = 0; first < c->images; first += most) {
        const int64_t images = c->images - first < most ? c->images - first : most;
        add(plan, c, &(share){ first, images, 1, vk_images_of(out, image, first, images), 0 });
    }
}

/* Room for the left side of sums. */
static void make_room(vk_plan *plan, vk_conv *c, int64_t rows, int64_t columns, int64_t terms)
{
    const int64_t room = vk_gemm_room(plan, c->groups, rows, columns, terms);
    c->packed = room > 0 ? vk_scratch(plan, (uint64_t)room * 4) : 0;
}

static cnn_status lower_conv2d(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    vk_conv c = conv_of(plan, n, node->in[0], node->in[1], node->out[0]);
    const int64_t columns = c.images * c.oh * c.ow, terms = c.cg * c.kh * c.kw;
    (void)err;
    if (vk_is_depthwise(&c)) {
        vk_depthwise_forward(plan, &c);
        return CNN_OK;
    }
    make_room(plan, &c, c.og, columns, terms);
    add_images(plan, &c, c.y, c.y_image, vk_gemm_parts(plan, c.groups, c.og, columns, terms),
               add_forward);
    return CNN_OK;
}

static cnn_status lower_input_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    vk_conv c = conv_of(plan, n, node->out[0], node->in[1], node->in[0]);
    const int64_t columns = c.images * c.h * c.width, phases = c.stride[0] * c.stride[1];
    const int64_t taps = vk_divided_up(c.kh, c.stride[0]) * vk_divided_up(c.kw, c.stride[1]);
    (void)err;
    if (vk_is_depthwise(&c)) {
        vk_depthwise_input_grad(plan, &c);
        return CNN_OK;
    }
    if (c.kh * c.kw > 1 || c.cg % 4 != 0)
        make_room(plan, &c, c.cg, columns / phases, c.og * c.kh * c.kw);
    add_images(plan, &c, c.x, c.x_image, vk_gemm_parts(plan, c.groups, c.cg, columns, c.og * taps),
               add_input_grad);
    return CNN_OK;
}

static int64_t weight_grad_parts(const vk_plan *plan, const vk_conv *c, int64_t images)
{
    return vk_gemm_parts(plan, c->groups, c->og, c->cg * c->kh * c->kw, images * c->oh * c->ow);
}

/* Each step of some images makes parts. Steps are no more than one binding has room for. */
static cnn_status lower_weight_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    vk_conv c = conv_of(plan, n, node->in[0], node->out[0], node->in[1]);
    const int64_t most = vk_conv_images(plan, &c), steps = vk_divided_up(c.images, most);
    (void)err;
    if (vk_is_depthwise(&c)) {
        vk_depthwise_weight_grad(plan, &c);
        return CNN_OK;
    }
    make_room(plan, &c, c.og, c.cg * c.kh * c.kw, most * c.oh * c.ow);
    const int64_t fit = vk_span_limit(plan->device) / c.kernels / steps;
    int64_t parts = weight_grad_parts(plan, &c, most);
    parts = parts < fit ? parts : fit;
    if (parts * steps == 1) {
        add_weight_grad(plan, &c, &(share){ 0, c.images, 1, { c.w, 0, c.kernels }, c.kernels });
        return CNN_OK;
    }
    const int32_t sums = vk_scratch(plan, (uint64_t)(parts * steps * c.kernels) * 4);
    for (int64_t i = 0; i < steps; i++) {
        const int64_t left = c.images - i * most;
        const vk_span to = { sums, i * parts * c.kernels, parts * c.kernels };
        add_weight_grad(plan, &c,
                        &(share){ i * most, left < most ? left : most, parts, to, c.kernels });
    }
    vk_gemm_sum(plan, n, sums, parts * steps, (vk_span){ c.w, 0, c.kernels });
    return CNN_OK;
}

/* ---- what fits ---- */

static cnn_status check_sides(const cnn_conv2d_attrs *a, const cnn_type *t, cnn_error *why)
{
    enum { MOST_STRIDE = 0x7fff, MOST_TAPS = 0xffff }; /* two of them share a word */
    for (uint32_t i = 0; i < 2; i++) {
        if (a->stride[i] > MOST_STRIDE || a->dilation[i] > MOST_STRIDE)
            return cnn_fail(why, CNN_UNSUPPORTED, "a stride or dilation above %d", MOST_STRIDE);
        if (t->dim[2 + i] > MOST_TAPS)
            return cnn_fail(why, CNN_UNSUPPORTED, "an image with a side above %d", MOST_TAPS);
    }
    return CNN_OK;
}

/* Images may be many, but one of each tensor fits a binding, and so do all weights. */
static cnn_status covers(const cnn_device *device, const cnn_program *program, const cnn_node *node,
                         cnn_error *why)
{
    enum { MOST_STEPS = 128 };
    const uint32_t weights = strcmp(node->op->c.name, "conv2d_weight_grad") == 0 ? 2 : 1;
    const int64_t most = vk_span_limit(device);
    int64_t kernels = 0;
    bool cut = false;
    if (((const cnn_conv2d_attrs *)node->attrs)->groups > device->limits.groups[2])
        return cnn_fail(why, CNN_UNSUPPORTED, "more groups than a dispatch of this device has");
    for (uint32_t i = 0; i < 3; i++) {
        const cnn_type *t = &cnn_value_at(program, i < 2 ? node->in[i] : node->out[0])->type;
        const cnn_status status = check_sides(node->attrs, t, why);
        if (status != CNN_OK)
            return status;
        if (cnn_span(t, i == weights ? 0 : 1, 4) > most)
            return cnn_fail(why, CNN_UNSUPPORTED, "%s larger than what this device binds",
                            i == weights ? "weights" : "an image");
        kernels = i == weights ? cnn_count(t) : kernels;
        cut = cut || cnn_count(t) > most;
    }
    if (weights == 2 && cut && kernels > most / MOST_STEPS)
        return cnn_fail(why, CNN_UNSUPPORTED, "both batch and weights are too large");
    return CNN_OK;
}

const vk_lowering vk_conv_lowerings[] = {
    { .op = "conv2d",
      .lower = lower_conv2d,
      .covers = covers,
      .slices = true,
      .ends_with_map = true },
    { .op = "conv2d_input_grad",
      .lower = lower_input_grad,
      .covers = covers,
      .slices = true,
      .ends_with_map = true },
    { .op = "conv2d_weight_grad",
      .lower = lower_weight_grad,
      .covers = covers,
      .slices = true,
      .ends_with_map = true },
    { .op = "matmul",
      .lower = vk_lower_matmul,
      .covers = vk_matmul_covers,
      .slices = true,
      .ends_with_map = true },
    { .op = NULL },
};
