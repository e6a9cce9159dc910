/* Convolutions of single planes: too few sums share a number to be products of matrices. */
#include "conv.h"
#include "fuse.h"

enum { RUN = 4 }; /* results of an invocation of shaders/depthwise.comp */

bool vk_is_depthwise(const vk_conv *c)
{
    enum { FEW = 4 };
    return c->cg == 1 && c->og <= FEW;
}

/* One plane of results at places (i, j), of `channels` planes each. */
typedef struct planes {
    int64_t per_image, share, channels;
    vk_phase y, x; /* count, tap, taps, tap_step; of results: first */
    int64_t stride[2], step[2], offset[2];
    int64_t out_stride[2];
    int32_t from, to;
    int64_t from_image, to_image;
    int64_t height, width; /* of what is read */
    int64_t line, plane;   /* of results */
} planes;

static void push_shape(vk_step *step, const planes *p, int64_t images)
{
    const int64_t fours = vk_divided_up(p->x.count, RUN);
    const int64_t counts[] = { fours, p->y.count, p->per_image };
    vk_push_signed(step, fours * p->y.count * p->per_image * images);
    vk_push_signed(step, p->x.count);
    for (int i = 0; i < 3; i++) {
        vk_push_signed(step, counts[i]);
        vk_push_divisor(step, (uint64_t)counts[i]);
    }
    vk_push_divisor(step, (uint64_t)p->share);
}

static void add_planes(vk_plan *plan, const vk_conv *c, const planes *p, int64_t first,
                       int64_t images)
{
    vk_step *step = vk_begin_reading(plan, c->node, "depthwise", "depthwise_texels", 2);
    vk_bind_span(step, (vk_span){ c->w, 0, c->kernels }, VK_READ);
    const int64_t from =
        vk_bind_span(step, vk_images_of(p->from, p->from_image, first, images), VK_READ);
    const int64_t to =
        vk_bind_span(step, vk_images_of(p->to, p->to_image, first, images), VK_WRITE);
    push_shape(step, p, images);
    vk_push_signed(step, p->channels);
    vk_push_pair(step, p->y.taps, p->x.taps);
    vk_push_signed(step, p->y.tap * c->kw + p->x.tap);
    vk_push_signed(step, c->kh * c->kw);
    vk_push_signed(step, p->y.tap_step * c->kw);
    vk_push_signed(step, p->x.tap_step);
    vk_push_signed(step, from);
    vk_push_signed(step, p->height);
    vk_push_signed(step, p->width);
    vk_push_pair(step, p->stride[0], p->stride[1]);
    vk_push_pair(step, p->step[0], p->step[1]);
    vk_push_signed(step, p->offset[0]);
    vk_push_signed(step, p->offset[1]);
    vk_push_signed(step, to + p->y.first * p->line + p->x.first);
    vk_push_signed(step, p->plane);
    vk_push_signed(step, p->out_stride[0] * p->line);
    vk_push_signed(step, p->out_stride[1]);
    vk_cover(plan, step,
             (uint64_t)(vk_divided_up(p->x.count, RUN) * p->y.count * p->per_image * images));
    step->macs = (double)(images * p->per_image * p->channels) *
                 (double)(p->y.count * p->x.count * p->y.taps * p->x.taps);
    vk_end_step(plan, step, (uint64_t)(first * p->to_image - to),
                (uint64_t)(images * p->to_image + to));
}

static void add_all(vk_plan *plan, const vk_conv *c, const planes *p)
{
    const int64_t most = vk_conv_images(plan, c);
    for (int64_t first = 0; first < c->images; first += most)
        add_planes(plan, c, p, first, c->images - first < most ? c->images - first : most);
}

void vk_depthwise_forward(vk_plan *plan, const vk_conv *c)
{
    const planes p = { .per_image = c->groups * c->og,
                       .share = c->og,
                       .channels = 1,
                       .y = { .count = c->oh, .taps = c->kh, .tap_step = 1 },
                       .x = { .count = c->ow, .taps = c->kw, .tap_step = 1 },
                       .stride = { c->stride[0], c->stride[1] },
                       .step = { c->dilation[0], c->dilation[1] },
                       .offset = { -c->pad[0], -c->pad[1] },
                       .out_stride = { 1, 1 },
                       .from = c->x,
                       .to = c->y,
                       .from_image = c->x_image,
                       .to_image = c->y_image,
                       .height = c->h,
                       .width = c->width,
                       .line = c->ow,
                       .plane = c->oh * c->ow };
    add_all(plan, c, &p);
}

void vk_depthwise_input_grad(vk_plan *plan, const vk_conv *c)
{
    for (int64_t i = 0; i < c->stride[0] * c->stride[1]; i++) {
        const vk_phase y = vk_phase_of(c, 0, i / c->stride[1]);
        const vk_phase x = vk_phase_of(c, 1, i % c->stride[1]);
        const planes p = { .per_image = c->groups,
                           .share = 1,
                           .channels = c->og,
                           .y = y,
                           .x = x,
                           .stride = { 1, 1 },
                           .step = { y.step, x.step },
                           .offset = { y.offset, x.offset },
                           .out_stride = { c->stride[0], c->stride[1] },
                           .from = c->y,
                           .to = c->x,
                           .from_image = c->y_image,
                           .to_image = c->x_image,
                           .height = c->oh,
                           .width = c->ow,
                           .line = c->width,
                           .plane = c->h * c->width };
        if (y.count * x.count > 0)
            add_all(plan, c, &p);
    }
}

/* ---- the gradient of w ---- */

/* Rows of dy of `images` images that one sum runs over. */
static int64_t lines_of_part(const vk_plan *plan, const vk_conv *c, int64_t images, int64_t steps)
{
    enum { TERMS = 1024 };
    const int64_t fit = vk_span_limit(plan->device) / c->kernels / steps;
    const int64_t least = vk_divided_up(images * c->oh, fit);
    const int64_t wanted = TERMS / c->ow > 1 ? TERMS / c->ow : 1;
    return wanted > least ? wanted : least;
}

static void add_weight_sums(vk_plan *plan, const vk_conv *c, int64_t first, int64_t images,
                            int64_t part_lines, vk_span to)
{
    vk_step *step =
        vk_begin_reading(plan, c->node, "depthwise_weight_grad", "depthwise_weight_grad_texels", 2);
    const int64_t dy = vk_bind_span(step, vk_images_of(c->y, c->y_image, first, images), VK_READ);
    const int64_t x = vk_bind_span(step, vk_images_of(c->x, c->x_image, first, images), VK_READ);
    const int64_t out = vk_bind_span(step, to, VK_WRITE);
    const int64_t counts[] = { c->kernels, c->kh * c->kw, c->kw };
    vk_push_signed(step, to.count);
    vk_push_signed(step, out);
    for (int i = 0; i < 3; i++) {
        vk_push_signed(step, counts[i]);
        vk_push_divisor(step, (uint64_t)counts[i]);
    }
    vk_push_divisor(step, (uint64_t)c->og);
    vk_push_signed(step, images * c->oh);
    vk_push_signed(step, part_lines);
    vk_push_signed(step, c->groups * c->og);
    vk_push_signed(step, c->oh);
    vk_push_signed(step, c->ow);
    vk_push_divisor(step, (uint64_t)c->oh);
    vk_push_signed(step, dy);
    vk_push_signed(step, x);
    vk_push_signed(step, c->groups);
    vk_push_signed(step, c->h);
    vk_push_signed(step, c->width);
    vk_push_pair(step, c->stride[0], c->stride[1]);
    vk_push_pair(step, c->dilation[0], c->dilation[1]);
    vk_push_signed(step, -c->pad[0]);
    vk_push_signed(step, -c->pad[1]);
    vk_cover(plan, step, (uint64_t)to.count);
    step->macs = (double)c->kernels * (double)(images * c->oh * c->ow);
    if (to.value == c->w)
        vk_end_step(plan, step, (uint64_t)(to.first - out), (uint64_t)(to.count + out));
}

void vk_depthwise_weight_grad(vk_plan *plan, const vk_conv *c)
{
    const int64_t most = vk_conv_images(plan, c), steps = vk_divided_up(c->images, most);
    const int64_t lines = lines_of_part(plan, c, most, steps);
    const int64_t parts = vk_divided_up(most * c->oh, lines);
    const vk_span out = { c->w, 0, c->kernels };
    if (parts * steps == 1) {
        add_weight_sums(plan, c, 0, c->images, lines, out);
        return;
    }
    const int32_t sums = vk_scratch(plan, (uint64_t)(parts * steps * c->kernels) * 4);
    for (int64_t i = 0; i < steps; i++) {
        const int64_t left = c->images - i * most;
        const vk_span to = { sums, i * parts * c->kernels, parts * c->kernels };
        add_weight_sums(plan, c, i * most, left < most ? left : most, lines, to);
    }
    vk_gemm_sum(plan, c->node, sums, parts * steps, out);
}
