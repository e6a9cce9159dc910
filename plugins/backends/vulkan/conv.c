/* Numbers of convolutions. */
#include "conv.h"

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* x = position + pad, tap k reaches it from y where x - k * dilation = stride * y: for every
 * stride / d-th k, d = gcd(stride, dilation), if d divides the rest, and y falls by dilation / d
 * from one to the next. */
vk_phase vk_phase_of(const vk_conv *c, int axis, int64_t rest)
{
    const int64_t stride = c->stride[axis], dilation = c->dilation[axis], pad = c->pad[axis];
    const int64_t size = axis == 0 ? c->h : c->width, kernel = axis == 0 ? c->kh : c->kw;
    const int64_t d = common_divisor(stride, dilation);
    vk_phase p = { .first = ((rest - pad) % stride + stride) % stride,
                   .tap_step = stride / d,
                   .step = -(dilation / d) };
    p.count = p.first < size ? vk_divided_up(size - p.first, stride) : 0;
    while (p.tap < p.tap_step && p.tap * dilation % stride != rest)
        p.tap++;
    if (p.tap < p.tap_step && p.tap < kernel) {
        p.taps = vk_divided_up(kernel - p.tap, p.tap_step);
        p.offset = (p.first + pad - p.tap * dilation) / stride;
    }
    return p;
}

int64_t vk_conv_images(const vk_plan *plan, const vk_conv *c)
{
    const int64_t largest = c->x_image > c->y_image ? c->x_image : c->y_image;
    const int64_t fit = vk_span_limit(plan->device) / largest;
    return fit < c->images ? fit : c->images;
}

vk_span vk_images_of(int32_t value, int64_t image, int64_t first, int64_t count)
{
    return (vk_span){ value, first * image, count * image };
}
