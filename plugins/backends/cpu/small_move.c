/* Images: laying out, gathering, joining, and what each channel does for itself; a vector of
 * channels per task. Products of one row. */
#include <string.h>

#include "small.h"
#include "small_steps.h"

void cpu_small_clear(const cpu_plan *plan, const cpu_value *value, float *plane, int64_t first,
                     int64_t end)
{
    const cpu_view *v = &value->view;
    const int64_t lanes = plan->kernels->lanes, row = v->row * lanes;
    const size_t vector = (size_t)lanes * sizeof(float);
    const size_t left = (size_t)value->left * vector, right = (size_t)value->right * vector;
    float *corner = plane - value->left * lanes;
    if (first == 0 && value->top > 0)
        memset(corner - value->top * row, 0, (size_t)(value->top * v->row) * vector);
    if (left + right > 0)
        for (int64_t y = first; y < end; y++) {
            memset(corner + y * row, 0, left);
            memset(plane + y * row + v->w * lanes, 0, right);
        }
    if (end == v->h && value->bottom > 0)
        memset(corner + v->h * row, 0, (size_t)(value->bottom * v->row) * vector);
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
    return (float *)j->p[k] + i * cpu_small_plane(j->plan, operand(j, k));
}

/* One task per image and vector of channels of operand k. */
static cnn_status each_plane(const cpu_step *step, void *const *p, const cpu_plan *plan, uint32_t k,
                             void (*task)(void *, uint32_t))
{
    planes j = { plan, step, p };
    const cpu_value *v = operand(&j, k);
    plan->host->parallel(plan->host, (uint32_t)(v->type.dim[0] * v->view.c), task, &j);
    return CNN_OK;
}

static void clear_plane(const planes *j, uint32_t k, int64_t i)
{
    const cpu_value *v = operand(j, k);
    cpu_small_clear(j->plan, v, plane_of(j, k, i), 0, v->view.h);
}

/* Task i as a tile: its channels are the "images", each of one plane. */
static cpu_tile channels_of(const planes *j, const cpu_value *v, uint32_t i)
{
    const int64_t lanes = j->plan->kernels->lanes, channels = v->type.dim[1];
    const int64_t n = i / v->view.c, first = i % v->view.c * lanes;
    const int64_t rest = channels - first;
    return (cpu_tile){ n * channels + first, rest < lanes ? rest : lanes };
}

static cpu_view one_plane(const cpu_value *v)
{
    cpu_view view = v->view;
    view.c = 1;
    return view;
}

static void lay_out_plane(void *context, uint32_t i)
{
    const planes *j = context;
    const cpu_value *to = operand(j, 1);
    const cpu_params params = { .view = { { 0 }, one_plane(to) } };
    const cpu_tile tile = channels_of(j, to, i);
    void *p[2] = { j->p[0], plane_of(j, 1, i) };
    j->plan->kernels->gather(&params, p, &tile);
    clear_plane(j, 1, i);
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
    const cpu_value *from = operand(j, 0);
    const cpu_params params = { .view = { one_plane(from) } };
    const cpu_tile tile = channels_of(j, from, i);
    void *p[2] = { plane_of(j, 0, i), j->p[1] };
    j->plan->kernels->scatter(&params, p, &tile);
}

cnn_status cpu_small_gather(const cpu_step *step, void *const *p, const cpu_plan *plan,
                            cnn_error *err)
{
    (void)err;
    return each_plane(step, p, plan, 0, gather_plane);
}

/* ---- what each channel does for itself ---- */

typedef struct lanewise {
    cpu_kernel kernel;
    const void *attrs;
} lanewise;

static void lanewise_plane(void *context, uint32_t i)
{
    const planes *j = context;
    const lanewise *l = j->step->params;
    const cpu_params params = { .view = { one_plane(operand(j, 0)), one_plane(operand(j, 1)) },
                                .attrs = l->attrs };
    const cpu_tile tile = { 0, j->plan->kernels->lanes };
    void *p[2] = { plane_of(j, 0, i), plane_of(j, 1, i) };
    l->kernel(&params, p, &tile);
    clear_plane(j, 1, i);
}

static cnn_status run_lanewise(const cpu_step *step, void *const *p, const cpu_plan *plan,
                               cnn_error *err)
{
    (void)err;
    return each_plane(step, p, plan, 1, lanewise_plane);
}

cpu_step *cpu_small_add_kernel(cpu_plan *plan, uint32_t n, cpu_kernel kernel, const void *attrs)
{
    lanewise *l = cpu_plan_alloc(plan, 1, sizeof *l);
    if (l != NULL)
        *l = (lanewise){ kernel, attrs };
    return cpu_add_whole(plan, n, run_lanewise, l);
}

/* ---- joining channels ---- */

/* The operand that holds channel c of the result, and its number there. */
static uint32_t part_with(const planes *j, int64_t *c)
{
    uint32_t k = 0;
    while (*c >= operand(j, k)->type.dim[1])
        *c -= operand(j, k++)->type.dim[1];
    return k;
}

/* Channel c of image n of an operand: its lane, at pixel (0, 0). */
static float *lane_of(const planes *j, uint32_t k, int64_t n, int64_t c)
{
    const int64_t lanes = j->plan->kernels->lanes;
    return plane_of(j, k, n * operand(j, k)->view.c + c / lanes) + c % lanes;
}

static void copy_lane(const planes *j, const float *from, int64_t from_row, float *to,
                      const cpu_view *v)
{
    const int64_t lanes = j->plan->kernels->lanes;
    for (int64_t y = 0; y < v->h; y++)
        for (int64_t x = 0; x < v->w; x++)
            to[(y * v->row + x) * lanes] = from[(y * from_row + x) * lanes];
}

/* A vector of channels of the result: one vector of an operand, or lane by lane. */
static void concat_plane(void *context, uint32_t i)
{
    const planes *j = context;
    const uint32_t result = j->step->n_in;
    const cpu_value *out = operand(j, result);
    const cpu_tile tile = channels_of(j, out, i);
    const int64_t n = i / out->view.c, first = i % out->view.c * j->plan->kernels->lanes;
    int64_t c = first;
    const uint32_t k = part_with(j, &c);
    if (c % j->plan->kernels->lanes == 0 && c + tile.images <= operand(j, k)->type.dim[1]) {
        const cpu_params params = { .view = { one_plane(operand(j, k)), one_plane(out) } };
        void *p[2] = { lane_of(j, k, n, c), plane_of(j, result, i) };
        j->plan->kernels->copy(&params, p, &tile);
    } else {
        for (int64_t l = 0; l < tile.images; l++) {
            int64_t own = first + l;
            const uint32_t part = part_with(j, &own);
            copy_lane(j, lane_of(j, part, n, own), operand(j, part)->view.row,
                      plane_of(j, result, i) + l, &out->view);
        }
    }
    clear_plane(j, result, i);
}

static cnn_status run_concat(const cpu_step *step, void *const *p, const cpu_plan *plan,
                             cnn_error *err)
{
    (void)err;
    return each_plane(step, p, plan, step->n_in, concat_plane);
}

bool cpu_small_lower_concat(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_axis_attrs *a = node->attrs;
    const cnn_type *out = cpu_type_of(plan, node->out[0]);
    int32_t in[CPU_MAX_OPERANDS];
    if (a->axis != 1 || out->rank != 4 || out->dtype != CNN_F32 || node->n_in >= CPU_MAX_OPERANDS)
        return false;
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = cpu_image_of(plan, n, node->in[i]);
    int32_t to = cpu_new_image(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, run_concat, NULL);
    for (uint32_t i = 0; i < node->n_in; i++)
        cpu_step_in(plan, step, in[i]);
    cpu_step_out(plan, step, to);
    return true;
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

static cnn_status run_matmul(const cpu_step *step, void *const *p, const cpu_plan *plan,
                             cnn_error *err)
{
    const cnn_type *x = &plan->values[step->in[0]].type, *y = &plan->values[step->out[0]].type;
    enum { WORTH_SHARING = 1 << 16 }; /* multiply-adds */
    product j = { plan, p[0], p[1], p[2], x->dim[0], x->dim[1], y->dim[1], y->dim[1] };
    (void)err;
    if (j.k * j.outs >= WORTH_SHARING)
        j.part = cpu_divided_up(j.outs, 4 * plan->host->threads);
    plan->host->parallel(plan->host, (uint32_t)cpu_divided_up(j.outs, j.part), product_part, &j);
    return CNN_OK;
}

bool cpu_small_lower_matmul(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_matmul_attrs *a = node->attrs;
    if (a->trans_a || !a->trans_b || cpu_is_batched(plan->program, node->in[1]))
        return false;
    int32_t x = cpu_plain_of(plan, node->in[0]), w = cpu_plain_of(plan, node->in[1]);
    int32_t y = cpu_new_plain(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, run_matmul, node->attrs);
    cpu_step_in(plan, step, x);
    cpu_step_in(plan, step, w);
    cpu_step_out(plan, step, y);
    return true;
}
