/* Images: laying out, gathering, joining, pooling; one plane per task. */
#include <math.h>
#include <string.h>

#include "small.h"
#include "small_steps.h"

void cpu_small_clear(const cpu_value *value, float *first_pixel)
{
    const cpu_view *v = &value->view;
    const size_t above = (size_t)(value->left + value->top * v->row);
    const int64_t inside = (v->h - 1) * v->row + v->w;
    memset(first_pixel - above, 0, above * sizeof(float));
    for (int64_t y = 0; y + 1 < v->h; y++)
        for (int64_t x = v->w; x < v->row; x++)
            first_pixel[y * v->row + x] = 0;
    memset(first_pixel + inside, 0, (size_t)(v->plane - (int64_t)above - inside) * sizeof(float));
}

static void copy_rows(const float *from, int64_t from_row, float *to, int64_t to_row,
                      const cpu_view *v)
{
    for (int64_t y = 0; y < v->h; y++)
        memcpy(to + y * to_row, from + y * from_row, (size_t)v->w * sizeof *to);
}

typedef struct planes {
    const cpu_plan *plan;
    const cpu_step *step;
    void *const *p;
} planes;

static const cpu_value *operand(const planes *j, uint32_t k)
{
    const cpu_step *s = j->step;
    return &j->plan->values[k < s->n_in ? s->in[k] : s->out[k - s->n_in]];
}

static float *plane_of(const planes *j, uint32_t k, int64_t i)
{
    return (float *)j->p[k] + i * operand(j, k)->view.plane;
}

static cnn_status each_plane(const cpu_step *step, void *const *p, const cpu_plan *plan, uint32_t k,
                             void (*task)(void *, uint32_t))
{
    planes j = { plan, step, p };
    const cpu_value *v = operand(&j, k);
    plan->host->parallel(plan->host, (uint32_t)(v->type.dim[0] * v->view.c), task, &j);
    return CNN_OK;
}

static void lay_out_plane(void *context, uint32_t i)
{
    const planes *j = context;
    const cpu_value *to = operand(j, 1);
    const cpu_view *v = &to->view;
    copy_rows((const float *)j->p[0] + i * v->h * v->w, v->w, plane_of(j, 1, i), v->row, v);
    cpu_small_clear(to, plane_of(j, 1, i));
}

cnn_status cpu_small_lay_out(const cpu_step *step, void *const *p, const cpu_plan *plan,
                             cnn_error *err)
{
    (void)err;
    return each_plane(step, p, plan, 1, lay_out_plane);
}

static void gather_plane(void *context, uint32_t i)
{
    const planes *j = context;
    const cpu_view *v = &operand(j, 0)->view;
    copy_rows(plane_of(j, 0, i), v->row, (float *)j->p[1] + i * v->h * v->w, v->w, v);
}

cnn_status cpu_small_gather(const cpu_step *step, void *const *p, const cpu_plan *plan,
                            cnn_error *err)
{
    (void)err;
    return each_plane(step, p, plan, 0, gather_plane);
}

/* Plane i of the result. */
static void concat_plane(void *context, uint32_t i)
{
    const planes *j = context;
    const uint32_t result = j->step->n_in;
    const cpu_value *out = operand(j, result);
    int64_t n = i / out->view.c, c = i % out->view.c;
    uint32_t k = 0;
    while (c >= operand(j, k)->view.c)
        c -= operand(j, k++)->view.c;
    const cpu_view *from = &operand(j, k)->view;
    float *to = plane_of(j, result, i);
    copy_rows(plane_of(j, k, n * from->c + c), from->row, to, out->view.row, &out->view);
    cpu_small_clear(out, to);
}

cnn_status cpu_small_concat(const cpu_step *step, void *const *p, const cpu_plan *plan,
                            cnn_error *err)
{
    (void)err;
    return each_plane(step, p, plan, step->n_in, concat_plane);
}

/* ---- pooling ---- */

enum { LINE = 4096 }; /* columns with padding, at most */

/* Rows of the window of output row oy that exist: first, and how many. */
static int64_t window_rows(const cnn_pool2d_attrs *a, int64_t h, int64_t oy, int64_t *first)
{
    int64_t n = 0;
    for (int64_t k = a->kernel[0]; k > 0; k--) {
        const int64_t y = oy * a->stride[0] - a->pad[0] + (k - 1) * a->dilation[0];
        if (y < 0 || y >= h)
            continue;
        *first = y;
        n++;
    }
    return n;
}

/* The largest of the window's rows into a padded line, then of neighbours in it; of those every
 * stride-th is a result. */
static void max_row(const planes *j, const float *from, int64_t oy, float *to)
{
    const cnn_pool2d_attrs *a = j->step->params;
    const cpu_view *x = &operand(j, 0)->view, *y = &operand(j, 1)->view;
    float line[LINE], most[LINE];
    const int64_t span = (y->w - 1) * a->stride[1] + 1;
    const int64_t length = span + (a->kernel[1] - 1) * a->dilation[1];
    int64_t first = 0, rows = window_rows(a, x->h, oy, &first);
    int64_t seen = length - a->pad[2] < x->w ? length - a->pad[2] : x->w;
    for (int64_t k = 0; k < length; k++)
        line[k] = -INFINITY;
    for (int64_t r = 0; r < rows; r++)
        j->plan->kernels->larger(from + (first + r * a->dilation[0]) * x->row, line + a->pad[2],
                                 seen);
    memcpy(most, line, (size_t)span * sizeof *most);
    for (int64_t k = 1; k < a->kernel[1]; k++)
        j->plan->kernels->larger(line + k * a->dilation[1], most, span);
    j->plan->kernels->every(most, to, y->w, a->stride[1]);
}

static void max_plane(void *context, uint32_t i)
{
    const planes *j = context;
    const cpu_value *y = operand(j, 1);
    float *to = plane_of(j, 1, i);
    for (int64_t oy = 0; oy < y->view.h; oy++)
        max_row(j, plane_of(j, 0, i), oy, to + oy * y->view.row);
    cpu_small_clear(y, to);
}

cnn_status cpu_small_max_pool(const cpu_step *step, void *const *p, const cpu_plan *plan,
                              cnn_error *err)
{
    (void)err;
    return each_plane(step, p, plan, 1, max_plane);
}

/* [first, end) along an axis of the window of output o, and how many it counts for. */
static int64_t average_range(const cnn_pool2d_attrs *a, int axis, int64_t size, int64_t outs,
                             int64_t o, int64_t *first, int64_t *end)
{
    if (a->adaptive[0] > 0) {
        *first = o * size / outs;
        *end = ((o + 1) * size + outs - 1) / outs;
        return *end - *first;
    }
    const int64_t before = a->pad[2 * axis], after = a->pad[2 * axis + 1];
    *first = o * a->stride[axis] - before;
    *end = *first + a->kernel[axis] < size + after ? *first + a->kernel[axis] : size + after;
    const int64_t padded = *end - *first;
    *first = *first > 0 ? *first : 0;
    *end = *end < size ? *end : size;
    return a->count_include_pad ? padded : *end - *first;
}

static void average_plane(void *context, uint32_t i)
{
    const planes *j = context;
    const cnn_pool2d_attrs *a = j->step->params;
    const cpu_view *x = &operand(j, 0)->view, *y = &operand(j, 1)->view;
    const float *from = plane_of(j, 0, i);
    float *to = plane_of(j, 1, i), line[LINE];
    for (int64_t oy = 0; oy < y->h; oy++) {
        int64_t y0, y1, x0, x1, rows = average_range(a, 0, x->h, y->h, oy, &y0, &y1);
        for (int64_t k = 0; k < x->w; k++)
            line[k] = 0;
        for (int64_t r = y0; r < y1; r++)
            for (int64_t k = 0; k < x->w; k++)
                line[k] += from[r * x->row + k];
        for (int64_t ox = 0; ox < y->w; ox++) {
            const int64_t columns = average_range(a, 1, x->w, y->w, ox, &x0, &x1);
            float sum = 0;
            for (int64_t k = x0; k < x1; k++)
                sum += line[k];
            to[oy * y->row + ox] = sum / (float)(rows * columns);
        }
    }
    cpu_small_clear(operand(j, 1), to);
}

cnn_status cpu_small_avg_pool(const cpu_step *step, void *const *p, const cpu_plan *plan,
                              cnn_error *err)
{
    (void)err;
    return each_plane(step, p, plan, 1, average_plane);
}

/* ---- products: y[n][o] = x[n] . w[o] ---- */

typedef struct product {
    const cpu_plan *plan;
    const float *x, *w;
    float *y;
    int64_t n, k, outs, part;
} product;

static void product_part(void *context, uint32_t i)
{
    const product *j = context;
    const int64_t first = i * j->part, rest = j->outs - first;
    const int64_t count = rest < j->part ? rest : j->part;
    for (int64_t n = 0; n < j->n; n++)
        j->plan->kernels->dots(j->x + n * j->k, j->w + first * j->k, j->y + n * j->outs + first,
                               j->k, count);
}

cnn_status cpu_small_matmul(const cpu_step *step, void *const *p, const cpu_plan *plan,
                            cnn_error *err)
{
    const cnn_type *x = &plan->values[step->in[0]].type, *y = &plan->values[step->out[0]].type;
    enum { WORTH_SHARING = 1 << 16 }; /* multiply-adds */
    product j = { plan, p[0], p[1], p[2], x->dim[0], x->dim[1], y->dim[1], y->dim[1] };
    (void)err;
    if (j.k * j.outs >= WORTH_SHARING)
        j.part = (j.outs + 4 * plan->host->threads - 1) / (4 * plan->host->threads);
    plan->host->parallel(plan->host, (uint32_t)((j.outs + j.part - 1) / j.part), product_part, &j);
    return CNN_OK;
}
