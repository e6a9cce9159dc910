/* Poolings: the winner of a window, or its mean, and where their gradients flow. */
#include <math.h>

#include "explain/lesson.h"

/* The cells of one axis of a window; the divisor counts those before the image ends, padding
 * included. */
typedef struct span {
    int64_t *items, n;
    int64_t inside, padded; /* in the image; in the image and its padding */
} span;

typedef struct window {
    const cnn_pool2d_attrs *attrs;
    cnn_image image;
    int64_t n, c;
    span y, x;
} window;

static span span_of(const cnn_lesson *lesson, const cnn_pool2d_attrs *a, int axis, int64_t out,
                    int64_t outs, int64_t size)
{
    span s = { NULL, a->kernel[axis], 0, 0 };
    int64_t first = out * a->stride[axis] - a->pad[2 * axis], step = a->dilation[axis];
    if (a->adaptive[0] > 0) {
        first = out * size / outs;
        step = 1;
        s.n = ((out + 1) * size + outs - 1) / outs - first;
    }
    s.items = CNN_NEW_ARRAY(lesson->page.arena, int64_t, s.n);
    for (int64_t i = 0; i < s.n; i++) {
        s.items[i] = first + i * step;
        s.inside += s.items[i] >= 0 && s.items[i] < size;
        s.padded += s.items[i] < size + a->pad[2 * axis + 1];
    }
    return s;
}

static window window_of(const cnn_lesson *lesson, const cnn_node *node, int32_t x, cnn_type out,
                        const cnn_spot *spot)
{
    window w = { .attrs = node->attrs, .n = spot->at[0], .c = spot->at[1] };
    w.image = (cnn_image){ .value = x, .mode = -2 };
    const cnn_type *in =
        x >= 0 ? cnn_lesson_type(lesson, x) : cnn_lesson_type(lesson, node->out[0]);
    w.image.h = in->dim[2];
    w.image.w = in->dim[3];
    w.y = span_of(lesson, w.attrs, 0, spot->at[2], out.dim[2], w.image.h);
    w.x = span_of(lesson, w.attrs, 1, spot->at[3], out.dim[3], w.image.w);
    return w;
}

static int64_t size_of(const window *w)
{
    return w->y.n * w->x.n;
}

static bool is_inside(const window *w, int64_t cell)
{
    return cnn_image_has(&w->image, w->y.items[cell / w->x.n], w->x.items[cell % w->x.n]);
}

/* A zero of the padding of a mean, in contrast to what ceil_mode adds behind it. */
static bool is_counted(const window *w, int64_t cell)
{
    const int64_t *pad = w->attrs->pad;
    int64_t y = w->y.items[cell / w->x.n], x = w->x.items[cell % w->x.n];
    return w->attrs->count_include_pad && y >= -pad[0] && y < w->image.h + pad[1] && x >= -pad[2] &&
           x < w->image.w + pad[3];
}

static double cell_of(const cnn_lesson *lesson, const window *w, int64_t cell)
{
    return cnn_image_at(lesson, &w->image, w->n, w->c, w->y.items[cell / w->x.n],
                        w->x.items[cell % w->x.n]);
}

/* Of equal numbers the first; NaN wins. -1: the window sees nothing of the image. */
static int64_t winner_of(const cnn_lesson *lesson, const window *w)
{
    int64_t best = -1;
    double most = 0;
    for (int64_t i = 0; i < size_of(w); i++) {
        if (!is_inside(w, i))
            continue;
        double x = cell_of(lesson, w, i);
        if (best < 0 || x > most || (isnan(x) && !isnan(most))) {
            best = i;
            most = x;
        }
    }
    return best;
}

static void print_window(cnn_lesson *lesson, const window *w, int64_t chosen, bool zeros)
{
    cnn_grid grids[2];
    uint32_t n = 0;
    int64_t size = size_of(w);
    double *numbers = CNN_NEW_ARRAY(lesson->page.arena, double, size);
    unsigned char *marks = CNN_NEW_ARRAY(lesson->page.arena, unsigned char, size);
    for (int64_t i = 0; i < size; i++) {
        numbers[i] = cell_of(lesson, w, i);
        marks[i] = is_inside(w, i)             ? 0
                   : zeros && is_counted(w, i) ? CNN_MARK_OUTSIDE
                                               : CNN_MARK_ABSENT;
        if (i == chosen)
            marks[i] = CNN_MARK_OPEN | CNN_MARK_CLOSE | CNN_MARK_HOT;
    }
    if (cnn_image_draw(lesson, &w->image, w->n, w->c, w->y.items, w->y.n, w->x.items, w->x.n,
                       grids))
        n = 1;
    grids[n] = (cnn_grid){ "window", "", w->y.n, w->x.n, numbers, marks };
    if (n == 1 && cnn_grids_width(grids, 2) > CNN_PAGE_WIDTH)
        cnn_page_grids(&lesson->page, grids + 1, 1);
    else
        cnn_page_grids(&lesson->page, grids, n + 1);
    cnn_page_add(&lesson->page, "\n");
}

static void tell_window(const cnn_lesson *lesson, const window *w, const cnn_spot *spot)
{
    char rows[CNN_LABEL_SIZE], cols[CNN_LABEL_SIZE];
    static const int64_t ones[2] = { 1, 1 };
    bool adaptive = w->attrs->adaptive[0] > 0;
    cnn_window_tell(lesson, spot, adaptive ? ones : w->attrs->stride, w->attrs->pad,
                    cnn_range_text("row", w->y.items, w->y.n, rows),
                    cnn_range_text("column", w->x.items, w->x.n, cols));
    if (adaptive)
        cnn_page_text(&lesson->page,
                      "Adaptive: the input is divided into as many windows as there are results.");
}

/* ---- maximum ---- */

cnn_worked cnn_work_max_pool2d(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    window w = window_of(lesson, node, node->in[0], *cnn_lesson_type(lesson, spot->value), spot);
    int64_t inside = w.y.inside * w.x.inside, best = winner_of(lesson, &w);
    char number[CNN_NUMBER_SIZE];
    tell_window(lesson, &w, spot);
    if (inside < size_of(&w))
        cnn_page_text(&lesson->page,
                      "%lld of its %lld cells lie outside of the image (.): they never win.",
                      (long long)(size_of(&w) - inside), (long long)size_of(&w));
    cnn_page_add(&lesson->page, "\n");
    print_window(lesson, &w, best, false);
    if (best < 0)
        return (cnn_worked){ -INFINITY, 0 };
    double value = cell_of(lesson, &w, best);
    cnn_page_text(&lesson->page, "The largest is %s, at row %lld, column %lld of the input.",
                  cnn_digits(value, number), (long long)w.y.items[best / w.x.n],
                  (long long)w.x.items[best % w.x.n]);
    return (cnn_worked){ value, 0 };
}

/* The outputs of an axis whose windows have position `at`: the first, and how many to look at. */
static int64_t reaches(const cnn_lesson *lesson, const cnn_pool2d_attrs *a, int axis, int64_t at,
                       int64_t outs, int64_t size, int64_t *found)
{
    int64_t n = 0;
    for (int64_t o = 0; o < outs; o++) {
        const span s = span_of(lesson, a, axis, o, outs, size);
        for (int64_t i = 0; i < s.n; i++)
            if (s.items[i] == at)
                found[n++] = o;
    }
    return n;
}

/* What flows from each window that has the element. */
typedef struct flow {
    int64_t *y, *x; /* of the outputs */
    double *numbers;
    int64_t n;
} flow;

static void flow_label(const void *context, int64_t line, char *out, size_t size)
{
    const flow *f = context;
    (void)snprintf(out, size, "window of output row %lld, column %lld", (long long)f->y[line],
                   (long long)f->x[line]);
}

static flow flow_of(const cnn_lesson *lesson, const cnn_pool2d_attrs *a, const cnn_type *out,
                    const cnn_type *in, const cnn_spot *spot)
{
    cnn_arena *arena = lesson->page.arena;
    int64_t *ys = CNN_NEW_ARRAY(arena, int64_t, out->dim[2]);
    int64_t *xs = CNN_NEW_ARRAY(arena, int64_t, out->dim[3]);
    int64_t ny = reaches(lesson, a, 0, spot->at[2], out->dim[2], in->dim[2], ys);
    int64_t nx = reaches(lesson, a, 1, spot->at[3], out->dim[3], in->dim[3], xs);
    flow f = { CNN_NEW_ARRAY(arena, int64_t, ny * nx), CNN_NEW_ARRAY(arena, int64_t, ny * nx),
               CNN_NEW_ARRAY(arena, double, 3 * ny * nx), ny * nx };
    for (int64_t i = 0; i < f.n; i++) {
        f.y[i] = ys[i / nx];
        f.x[i] = xs[i % nx];
    }
    return f;
}

/* The list, then the sum of its last column. */
static cnn_worked sum_flow(cnn_lesson *lesson, const flow *f, const char *const titles[3])
{
    cnn_worked worked = { 0, 0 };
    double *parts = CNN_NEW_ARRAY(lesson->page.arena, double, f->n);
    if (f->n == 0) {
        cnn_page_text(&lesson->page, "No window has this element: nothing flows to it.");
        return worked;
    }
    cnn_page_list(&lesson->page,
                  &(cnn_list){ titles, 3, f->n, f->numbers, -1, true, flow_label, f });
    for (int64_t i = 0; i < f->n; i++) {
        parts[i] = f->numbers[3 * i + 2];
        worked.value += parts[i];
        worked.scale += fabs(parts[i]);
    }
    cnn_page_list_sum(&lesson->page, parts, f->n);
    return worked;
}

cnn_worked cnn_work_max_pool2d_grad(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_type *out = cnn_lesson_type(lesson, node->in[1]);
    flow f = flow_of(lesson, node->attrs, out, cnn_lesson_type(lesson, node->in[0]), spot);
    char name[CNN_SPOT_SIZE], number[CNN_NUMBER_SIZE];
    cnn_spot own = *spot;
    own.value = node->in[0];
    cnn_page_text(&lesson->page,
                  "Only the winner of a window had a part in its result: all of the gradient flows "
                  "to it. The element is %s; it gets the gradient of the windows that it won.",
                  cnn_digits(cnn_lesson_read(lesson, &own), number));
    cnn_page_add(&lesson->page, "\n");
    for (int64_t i = 0; i < f.n; i++) {
        const cnn_spot at = cnn_lesson_spot4(node->in[1], spot->at[0], spot->at[1], f.y[i], f.x[i]);
        window w = window_of(lesson, node, node->in[0], *out, &at);
        int64_t best = winner_of(lesson, &w);
        bool won = best >= 0 && w.y.items[best / w.x.n] == spot->at[2] &&
                   w.x.items[best % w.x.n] == spot->at[3];
        f.numbers[3 * i] = best >= 0 ? cell_of(lesson, &w, best) : -INFINITY;
        f.numbers[3 * i + 1] = cnn_lesson_read(lesson, &at);
        f.numbers[3 * i + 2] = won ? f.numbers[3 * i + 1] : 0;
    }
    const char *const titles[3] = { "winner", cnn_value_name(lesson, node->in[1], name), "flows" };
    return sum_flow(lesson, &f, titles);
}

/* ---- mean ---- */

/* What an average divides by. */
static int64_t divisor_of(const window *w)
{
    return w->attrs->count_include_pad || w->attrs->adaptive[0] > 0 ? w->y.padded * w->x.padded
                                                                    : w->y.inside * w->x.inside;
}

static void tell_divisor(cnn_lesson *lesson, const window *w)
{
    int64_t size = size_of(w), inside = w->y.inside * w->x.inside;
    int64_t padded = w->y.padded * w->x.padded;
    const int64_t *pad = w->attrs->pad;
    if (inside == size)
        return;
    if ((pad[0] | pad[1] | pad[2] | pad[3]) == 0)
        cnn_page_text(&lesson->page,
                      "ceil_mode: the window reaches over the border. %lld of its %lld cells (.) "
                      "are not there: %lld count.",
                      (long long)(size - inside), (long long)size, (long long)inside);
    else if (w->attrs->count_include_pad)
        cnn_page_text(&lesson->page,
                      "%lld of its %lld cells lie outside of the image. Padding ( ) counts as "
                      "zeros (count_include_pad: true)%s: %lld cells count.",
                      (long long)(size - inside), (long long)size,
                      padded < size ? ", what ceil_mode adds behind it (.) does not" : "",
                      (long long)padded);
    else
        cnn_page_text(&lesson->page,
                      "%lld of its %lld cells lie outside of the image (.). Only the %lld inside "
                      "count (count_include_pad: false).",
                      (long long)(size - inside), (long long)size, (long long)inside);
}

cnn_worked cnn_work_avg_pool2d(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    window w = window_of(lesson, node, node->in[0], *cnn_lesson_type(lesson, spot->value), spot);
    double *parts = CNN_NEW_ARRAY(lesson->page.arena, double, size_of(&w));
    char a[CNN_NUMBER_SIZE], b[CNN_NUMBER_SIZE];
    int64_t n = 0, divisor = divisor_of(&w);
    cnn_worked worked = { 0, 0 };
    tell_window(lesson, &w, spot);
    tell_divisor(lesson, &w);
    cnn_page_add(&lesson->page, "\n");
    print_window(lesson, &w, -1, true);
    for (int64_t i = 0; i < size_of(&w); i++) {
        if (!is_inside(&w, i))
            continue;
        parts[n] = cell_of(lesson, &w, i);
        worked.value += parts[n];
        worked.scale += fabs(parts[n++]);
    }
    double sum = worked.value;
    worked.value /= (double)divisor;
    worked.scale /= (double)divisor;
    if (n > 1)
        cnn_page_sum(&lesson->page, "", parts, n);
    cnn_page_text(&lesson->page, "%s / %lld = %s", cnn_digits(sum, a), (long long)divisor,
                  cnn_digits(worked.value, b));
    return worked;
}

cnn_worked cnn_work_avg_pool2d_grad(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_type *out = cnn_lesson_type(lesson, node->in[0]);
    flow f = flow_of(lesson, node->attrs, out, cnn_lesson_type(lesson, spot->value), spot);
    char name[CNN_SPOT_SIZE];
    cnn_page_text(&lesson->page,
                  "Every cell that counts has an equal part in the mean: the gradient "
                  "of a window, divided by how many cells count.");
    cnn_page_add(&lesson->page, "\n");
    for (int64_t i = 0; i < f.n; i++) {
        const cnn_spot at = cnn_lesson_spot4(node->in[0], spot->at[0], spot->at[1], f.y[i], f.x[i]);
        window w = window_of(lesson, node, -1, *out, &at);
        f.numbers[3 * i] = cnn_lesson_read(lesson, &at);
        f.numbers[3 * i + 1] = (double)divisor_of(&w);
        f.numbers[3 * i + 2] = f.numbers[3 * i] / f.numbers[3 * i + 1];
    }
    const char *const titles[3] = { cnn_value_name(lesson, node->in[0], name), "cells", "flows" };
    return sum_flow(lesson, &f, titles);
}
