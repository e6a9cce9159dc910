/* conv2d and its gradients: windows of the image times the kernel. */
#include "explain/lesson.h"

/* Positions of one axis that meet: of the output, the kernel and the image. */
typedef struct meeting {
    int64_t *out, *tap, *in;
    int64_t n;
} meeting;

typedef struct conv {
    const cnn_conv2d_attrs *attrs;
    cnn_image image;
    int32_t w, dy;               /* kernel, gradient of the output */
    int64_t n, group, per_group; /* channels of the image per group */
    int64_t outs;                /* output channels per group */
    int64_t channel;             /* of the output, or of the image */
    int64_t tap_channel;         /* of the kernel */
    meeting y, x;
} conv;

static meeting new_meeting(const cnn_lesson *lesson, int64_t most)
{
    cnn_arena *arena = lesson->page.arena;
    return (meeting){ CNN_NEW_ARRAY(arena, int64_t, most), CNN_NEW_ARRAY(arena, int64_t, most),
                      CNN_NEW_ARRAY(arena, int64_t, most), 0 };
}

static void meet(meeting *m, int64_t out, int64_t tap, int64_t in)
{
    m->out[m->n] = out;
    m->tap[m->n] = tap;
    m->in[m->n++] = in;
}

/* ---- forward: one output, all taps ---- */

static meeting taps_of(const cnn_lesson *lesson, const conv *c, int axis, int64_t out, int64_t taps)
{
    meeting m = new_meeting(lesson, taps);
    const cnn_conv2d_attrs *a = c->attrs;
    for (int64_t t = 0; t < taps; t++)
        meet(&m, out, t, out * a->stride[axis] - c->image.pad[2 * axis] + t * a->dilation[axis]);
    return m;
}

static void fill_forward(const cnn_lesson *lesson, const void *context, int64_t block, double *a,
                         double *b, unsigned char *marks)
{
    const conv *c = context;
    for (int64_t i = 0; i < c->y.n; i++)
        for (int64_t j = 0; j < c->x.n; j++) {
            int64_t at = i * c->x.n + j, y = c->y.in[i], x = c->x.in[j];
            a[at] = cnn_image_at(lesson, &c->image, c->n, c->group * c->per_group + block, y, x);
            b[at] = cnn_lesson_read4(lesson, c->w, c->channel, block, i, j);
            marks[at] = cnn_image_has(&c->image, y, x) ? 0 : CNN_MARK_OUTSIDE;
        }
}

static bool draw_forward(const cnn_lesson *lesson, const void *context, int64_t block,
                         cnn_grid *grid)
{
    const conv *c = context;
    return cnn_image_draw(lesson, &c->image, c->n, c->group * c->per_group + block, c->y.in, c->y.n,
                          c->x.in, c->x.n, grid);
}

static void tell_groups(const cnn_lesson *lesson, const conv *c)
{
    if (c->attrs->groups > 1)
        cnn_page_text(&lesson->page,
                      "groups: %lld. Output channels %lld to %lld see input channels %lld to %lld.",
                      (long long)c->attrs->groups, (long long)(c->group * c->outs),
                      (long long)((c->group + 1) * c->outs - 1),
                      (long long)(c->group * c->per_group),
                      (long long)((c->group + 1) * c->per_group - 1));
}

cnn_worked cnn_work_conv2d(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_type *w = cnn_lesson_type(lesson, node->in[1]);
    char rows[CNN_LABEL_SIZE], cols[CNN_LABEL_SIZE];
    conv c = { .attrs = node->attrs, .w = node->in[1], .n = spot->at[0], .channel = spot->at[1] };
    c.image = cnn_image_of(lesson, node->in[0], c.attrs->pad);
    c.outs = w->dim[0] / c.attrs->groups;
    c.group = c.channel / c.outs;
    c.per_group = w->dim[1];
    c.y = taps_of(lesson, &c, 0, spot->at[2], w->dim[2]);
    c.x = taps_of(lesson, &c, 1, spot->at[3], w->dim[3]);
    cnn_window_tell(lesson, spot, c.attrs->stride, c.image.pad,
                    cnn_range_text("row", c.y.in, c.y.n, rows),
                    cnn_range_text("column", c.x.in, c.x.n, cols));
    tell_groups(lesson, &c);
    cnn_image_tell(lesson, &c.image, c.y.in, c.y.n, c.x.in, c.x.n);
    return cnn_lesson_products(
        lesson, &(cnn_products){ "channel", "channels", "window", "kernel", c.per_group, c.y.n,
                                 c.x.n, c.group * c.per_group, fill_forward, draw_forward, &c });
}

/* ---- gradient of the image: one pixel, all outputs whose windows have it ---- */

static meeting users_of(const cnn_lesson *lesson, const conv *c, int axis, int64_t in, int64_t outs,
                        int64_t taps)
{
    meeting m = new_meeting(lesson, taps);
    const cnn_conv2d_attrs *a = c->attrs;
    for (int64_t t = taps; t > 0; t--) {
        int64_t at = in + a->pad[2 * axis] - (t - 1) * a->dilation[axis];
        if (at >= 0 && at % a->stride[axis] == 0 && at / a->stride[axis] < outs)
            meet(&m, at / a->stride[axis], t - 1, in);
    }
    return m;
}

static void fill_input_grad(const cnn_lesson *lesson, const void *context, int64_t block, double *a,
                            double *b, unsigned char *marks)
{
    const conv *c = context;
    int64_t out = c->group * c->outs + block;
    for (int64_t i = 0; i < c->y.n; i++)
        for (int64_t j = 0; j < c->x.n; j++) {
            int64_t at = i * c->x.n + j;
            a[at] = cnn_lesson_read4(lesson, c->dy, c->n, out, c->y.out[i], c->x.out[j]);
            b[at] = cnn_lesson_read4(lesson, c->w, out, c->tap_channel, c->y.tap[i], c->x.tap[j]);
            marks[at] = 0;
        }
}

static void tell_users(const cnn_lesson *lesson, const conv *c)
{
    char rows[CNN_LABEL_SIZE], cols[CNN_LABEL_SIZE], from[CNN_SPOT_SIZE];
    if (c->y.n == 0 || c->x.n == 0) {
        cnn_page_text(&lesson->page, "No window has this element: nothing flows to it.");
        return;
    }
    (void)cnn_range_text("row", c->y.out, c->y.n, rows);
    (void)cnn_range_text("column", c->x.out, c->x.n, cols);
    if (lesson->phase == CNN_PHASE_BACKWARD)
        cnn_page_text(&lesson->page,
                      "The windows of %s and %s have this element. Each took it times one weight "
                      "of the kernel, so %s flows back by that weight. Windows go down and right "
                      "while the weight goes up and left: the kernel is turned by half.",
                      rows, cols, cnn_value_name(lesson, c->dy, from));
    else
        cnn_page_text(&lesson->page,
                      "Every number of %s adds the kernel times itself to the result, stride by "
                      "stride. This element is reached from %s and %s; the farther down and right "
                      "the number, the more up and left the weight: the kernel is turned by half.",
                      cnn_value_name(lesson, c->dy, from), rows, cols);
    tell_groups(lesson, c);
}

cnn_worked cnn_work_conv2d_input_grad(cnn_lesson *lesson, const cnn_node *node,
                                      const cnn_spot *spot)
{
    const cnn_type *dy = cnn_lesson_type(lesson, node->in[0]);
    const cnn_type *w = cnn_lesson_type(lesson, node->in[1]);
    bool back = lesson->phase == CNN_PHASE_BACKWARD;
    char from[CNN_SPOT_SIZE];
    conv c = { .attrs = node->attrs, .w = node->in[1], .dy = node->in[0], .n = spot->at[0] };
    c.outs = w->dim[0] / c.attrs->groups;
    c.per_group = w->dim[1];
    c.group = spot->at[1] / c.per_group;
    c.tap_channel = spot->at[1] % c.per_group;
    c.y = users_of(lesson, &c, 0, spot->at[2], dy->dim[2], w->dim[2]);
    c.x = users_of(lesson, &c, 1, spot->at[3], dy->dim[3], w->dim[3]);
    tell_users(lesson, &c);
    if (c.y.n == 0 || c.x.n == 0)
        return (cnn_worked){ 0, 0 };
    return cnn_lesson_products(
        lesson,
        &(cnn_products){ back ? "output channel" : "channel", back ? "output channels" : "channels",
                         cnn_value_name(lesson, c.dy, from), "kernel, turned", c.outs, c.y.n, c.x.n,
                         c.group * c.outs, fill_input_grad, NULL, &c });
}

/* ---- gradient of the kernel: one tap, all outputs ---- */

static meeting outputs_of(const cnn_lesson *lesson, const conv *c, int axis, int64_t tap,
                          int64_t outs)
{
    meeting m = new_meeting(lesson, outs);
    const cnn_conv2d_attrs *a = c->attrs;
    for (int64_t o = 0; o < outs; o++)
        meet(&m, o, tap, o * a->stride[axis] - c->image.pad[2 * axis] + tap * a->dilation[axis]);
    return m;
}

static void fill_weight_grad(const cnn_lesson *lesson, const void *context, int64_t block,
                             double *a, double *b, unsigned char *marks)
{
    const conv *c = context;
    int64_t channel = c->group * c->per_group + c->tap_channel;
    for (int64_t i = 0; i < c->y.n; i++)
        for (int64_t j = 0; j < c->x.n; j++) {
            int64_t at = i * c->x.n + j, y = c->y.in[i], x = c->x.in[j];
            a[at] = cnn_image_at(lesson, &c->image, block, channel, y, x);
            b[at] = cnn_lesson_read4(lesson, c->dy, block, c->channel, i, j);
            marks[at] = cnn_image_has(&c->image, y, x) ? 0 : CNN_MARK_OUTSIDE;
        }
}

static bool draw_weight_grad(const cnn_lesson *lesson, const void *context, int64_t block,
                             cnn_grid *grid)
{
    const conv *c = context;
    return cnn_image_draw(lesson, &c->image, block, c->group * c->per_group + c->tap_channel,
                          c->y.in, c->y.n, c->x.in, c->x.n, grid);
}

cnn_worked cnn_work_conv2d_weight_grad(cnn_lesson *lesson, const cnn_node *node,
                                       const cnn_spot *spot)
{
    const cnn_type *dy = cnn_lesson_type(lesson, node->in[1]);
    const cnn_type *w = cnn_lesson_type(lesson, spot->value);
    char from[CNN_SPOT_SIZE];
    conv c = { .attrs = node->attrs, .dy = node->in[1], .channel = spot->at[0] };
    c.image = cnn_image_of(lesson, node->in[0], c.attrs->pad);
    c.outs = w->dim[0] / c.attrs->groups;
    c.per_group = w->dim[1];
    c.group = c.channel / c.outs;
    c.tap_channel = spot->at[1];
    c.y = outputs_of(lesson, &c, 0, spot->at[2], dy->dim[2]);
    c.x = outputs_of(lesson, &c, 1, spot->at[3], dy->dim[3]);
    cnn_page_text(
        &lesson->page,
        "The weight for input channel %lld at row %lld, column %lld of the kernel is used "
        "once in every window, times the number that lies under it. It has a part in all "
        "of output channel %lld.",
        (long long)(c.group * c.per_group + c.tap_channel), (long long)spot->at[2],
        (long long)spot->at[3], (long long)c.channel);
    cnn_image_tell(lesson, &c.image, c.y.in, c.y.n, c.x.in, c.x.n);
    return cnn_lesson_products(
        lesson, &(cnn_products){ "sample", "samples", "under it",
                                 cnn_value_name(lesson, c.dy, from), dy->dim[0], c.y.n, c.x.n,
                                 lesson->request->sample, fill_weight_grad, draw_weight_grad, &c });
}
