/* Padding as a layer of its own, and resizing: each result has one source, or a few with weights.
 */
#include <math.h>

#include "explain/lesson.h"

enum { MAX_TAPS = 4 };

/* ---- lists of places with a factor ---- */

typedef struct part {
    int64_t y, x;
    double factor;
} part;

typedef struct parts {
    part *items;
    int64_t n;
} parts;

static void part_label(const void *context, int64_t line, char *out, size_t size)
{
    const parts *p = context;
    (void)snprintf(out, size, "row %lld, column %lld", (long long)p->items[line].y,
                   (long long)p->items[line].x);
}

/* The sum of factor x number over the parts; `factor` NULL: all are 1. */
static cnn_worked sum_parts(cnn_lesson *lesson, const parts *p, int32_t value, const cnn_spot *spot,
                            const char *factor)
{
    cnn_arena *arena = lesson->page.arena;
    uint32_t columns = factor != NULL ? 3 : 1;
    double *numbers = CNN_NEW_ARRAY(arena, double, columns * p->n);
    double *products = CNN_NEW_ARRAY(arena, double, p->n);
    char name[CNN_SPOT_SIZE];
    cnn_worked worked = { 0, 0 };
    for (int64_t i = 0; i < p->n; i++) {
        const part *at = &p->items[i];
        double x = cnn_lesson_read4(lesson, value, spot->at[0], spot->at[1], at->y, at->x);
        products[i] = x * at->factor;
        numbers[columns * i] = x;
        if (factor != NULL) {
            numbers[columns * i + 1] = at->factor;
            numbers[columns * i + 2] = products[i];
        }
        worked.value += products[i];
        worked.scale += fabs(products[i]);
    }
    const char *const titles[3] = { cnn_value_name(lesson, value, name), factor, "product" };
    cnn_page_add(&lesson->page, "\n");
    cnn_page_list(&lesson->page,
                  &(cnn_list){ titles, columns, p->n, numbers, -1, true, part_label, p });
    cnn_page_list_sum(&lesson->page, products, p->n);
    return worked;
}

/* ---- padding ---- */

cnn_worked cnn_work_pad2d(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_pad2d_attrs *a = node->attrs;
    cnn_image image = cnn_image_of(lesson, spot->value, (const int64_t[4]){ 0, 0, 0, 0 });
    int64_t y = spot->at[2] - a->pad[0], x = spot->at[3] - a->pad[2];
    char number[CNN_NUMBER_SIZE];
    cnn_grid grid;
    double value = cnn_image_at(lesson, &image, spot->at[0], spot->at[1], y, x);
    cnn_page_text(&lesson->page,
                  "Padding: %lld above, %lld on the left. So this is row %lld, column %lld of the "
                  "input%s.",
                  (long long)a->pad[0], (long long)a->pad[2], (long long)y, (long long)x,
                  cnn_image_has(&image, y, x) ? "" : ", outside");
    cnn_image_tell(lesson, &image, &y, 1, &x, 1);
    if (cnn_image_draw(lesson, &image, spot->at[0], spot->at[1], &y, 1, &x, 1, &grid) &&
        cnn_grids_width(&grid, 1) <= CNN_PAGE_WIDTH) {
        grid.title = "input and padding";
        cnn_page_add(&lesson->page, "\n");
        cnn_page_grids(&lesson->page, &grid, 1);
        cnn_page_add(&lesson->page, "\n");
    }
    cnn_page_text(&lesson->page, "It is %s.", cnn_digits(value, number));
    return (cnn_worked){ value, 0 };
}

cnn_worked cnn_work_pad2d_grad(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_pad2d_attrs *a = node->attrs;
    const cnn_type *out = cnn_lesson_type(lesson, node->in[0]);
    const cnn_type *in = cnn_lesson_type(lesson, spot->value);
    parts p = { CNN_NEW_ARRAY(lesson->page.arena, part, out->dim[2] * out->dim[3]), 0 };
    for (int64_t i = 0; i < out->dim[2] * out->dim[3]; i++) {
        int64_t y = i / out->dim[3], x = i % out->dim[3];
        if (cnn_pad_source(y - a->pad[0], in->dim[2], a->mode) == spot->at[2] &&
            cnn_pad_source(x - a->pad[2], in->dim[3], a->mode) == spot->at[3])
            p.items[p.n++] = (part){ y, x, 1 };
    }
    if (p.n == 1)
        cnn_page_text(&lesson->page, "The element stands at one place of the padded image; the "
                                     "gradient of that flows to it.");
    else
        cnn_page_text(&lesson->page,
                      "The element stands at %lld places of the padded image; the gradients of "
                      "all flow to it.",
                      (long long)p.n);
    return sum_parts(lesson, &p, node->in[0], spot, NULL);
}

/* ---- resizing ---- */

typedef struct tap {
    int64_t a, b;
    double wb; /* weight of b; that of a is 1 - wb */
} tap;

static tap tap_of(const cnn_resize2d_attrs *attrs, int64_t out, int64_t in_size, int64_t out_size)
{
    tap t = { out * in_size / out_size, out * in_size / out_size, 0 };
    if (attrs->mode == CNN_RESIZE_NEAREST)
        return t;
    double spread = (double)(in_size - 1) / (double)(out_size > 1 ? out_size - 1 : 1);
    double at = attrs->align_corners
                    ? (double)out * spread
                    : ((double)out + 0.5) * (double)in_size / (double)out_size - 0.5;
    at = out_size == 1 && attrs->align_corners ? 0 : fmax(at, 0);
    t.a = (int64_t)at < in_size - 1 ? (int64_t)at : in_size - 1;
    t.b = t.a < in_size - 1 ? t.a + 1 : t.a;
    t.wb = at - (double)t.a;
    return t;
}

/* Adds what output (y, x) takes from each of its sources; `only` one source, or all if NULL. */
static void add_taps(parts *p, const tap *v, const tap *u, const part *only, part as)
{
    const int64_t ys[2] = { v->a, v->b }, xs[2] = { u->a, u->b };
    const double wy[2] = { 1 - v->wb, v->wb }, wx[2] = { 1 - u->wb, u->wb };
    for (int i = 0; i < MAX_TAPS; i++) {
        const part source = { ys[i / 2], xs[i % 2], wy[i / 2] * wx[i % 2] };
        if (source.factor == 0 || (only != NULL && (source.y != only->y || source.x != only->x)))
            continue;
        p->items[p->n++] = only == NULL ? source : (part){ as.y, as.x, source.factor };
    }
}

cnn_worked cnn_work_resize2d(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_resize2d_attrs *a = node->attrs;
    const cnn_type *in = cnn_lesson_type(lesson, node->in[0]);
    const cnn_type *out = cnn_lesson_type(lesson, spot->value);
    part items[MAX_TAPS];
    parts p = { items, 0 };
    const tap v = tap_of(a, spot->at[2], in->dim[2], out->dim[2]);
    const tap u = tap_of(a, spot->at[3], in->dim[3], out->dim[3]);
    add_taps(&p, &v, &u, NULL, (part){ 0, 0, 0 });
    cnn_page_text(&lesson->page, a->mode == CNN_RESIZE_NEAREST
                                     ? "The pixel of the input that lies at the same place."
                                     : "The pixels of the input around the same place, the nearer "
                                       "the more.");
    return sum_parts(lesson, &p, node->in[0], spot, "weight");
}

cnn_worked cnn_work_resize2d_grad(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_resize2d_attrs *a = node->attrs;
    const cnn_type *out = cnn_lesson_type(lesson, node->in[0]);
    const cnn_type *in = cnn_lesson_type(lesson, spot->value);
    int64_t count = out->dim[2] * out->dim[3];
    const part own = { spot->at[2], spot->at[3], 1 };
    parts p = { CNN_NEW_ARRAY(lesson->page.arena, part, count * MAX_TAPS), 0 };
    for (int64_t i = 0; i < count; i++) {
        const part at = { i / out->dim[3], i % out->dim[3], 0 };
        const tap v = tap_of(a, at.y, in->dim[2], out->dim[2]);
        const tap u = tap_of(a, at.x, in->dim[3], out->dim[3]);
        add_taps(&p, &v, &u, &own, at);
    }
    cnn_page_text(&lesson->page, "Every pixel of the result that took a part of this element sends "
                                 "the same part of its gradient back.");
    return sum_parts(lesson, &p, node->in[0], spot, "weight");
}
