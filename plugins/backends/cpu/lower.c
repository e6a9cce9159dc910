/* Nodes into steps: what is covered, and the ops that are one kernel each. */
#include <stdlib.h>
#include <string.h>

#include "map_code.h"
#include "map_source.h"
#include "plan.h"
#include "small.h"

cpu_view cpu_view_of(const cnn_type *t, int32_t left, int32_t right)
{
    cpu_view v = { 1, 1, 1, 0, 0 };
    if (t->rank > 1)
        v.c = t->dim[1];
    if (t->rank > 3)
        v.h = cnn_span(t, 2, t->rank - 1);
    if (t->rank > 2)
        v.w = t->dim[t->rank - 1];
    v.row = v.w + left + right;
    v.plane = v.h * v.row;
    return v;
}

cpu_step *cpu_add_kernel(cpu_plan *plan, uint32_t node, cpu_kernel kernel, const cpu_params *params)
{
    cpu_params *own = cpu_plan_alloc(plan, 1, sizeof *own);
    cpu_step *step = cpu_add_step(plan, node);
    if (own != NULL && params != NULL)
        *own = *params;
    step->kernel = kernel;
    step->spec = own; /* views come with the layout */
    step->params = own;
    return step;
}

cpu_step *cpu_add_whole(cpu_plan *plan, uint32_t node, cpu_whole whole, const void *params)
{
    cpu_step *step = cpu_add_step(plan, node);
    step->whole = whole;
    step->params = params;
    return step;
}

/* ---- ops that are one tile kernel ---- */

typedef struct simple {
    const char *op;
    size_t kernel;   /* where it stands in cpu_kernels */
    int axis;        /* 1: attrs begin with an axis of the batch's tensor */
    int32_t follows; /* operands that lack the axis that is worked along, or the classes */
} simple;

#define KERNEL(name) offsetof(cpu_kernels, name)

static const simple simples[] = {
    { "max_pool2d", KERNEL(max_pool), 0, 0 },
    { "max_pool2d_grad", KERNEL(max_pool_grad), 0, 0 },
    { "avg_pool2d", KERNEL(avg_pool), 0, 0 },
    { "avg_pool2d_grad", KERNEL(avg_pool_grad), 0, 0 },
    { "pad2d", KERNEL(pad), 0, 0 },
    { "pad2d_grad", KERNEL(pad_grad), 0, 0 },
    { "resize2d", KERNEL(resize), 0, 0 },
    { "resize2d_grad", KERNEL(resize_grad), 0, 0 },
    { "softmax", KERNEL(softmax), 1, 0 },
    { "softmax_grad", KERNEL(softmax_grad), 1, 0 },
    { "cross_entropy", KERNEL(cross_entropy), 0, 6 },
    { "cross_entropy_grad", KERNEL(cross_entropy_grad), 0, 6 },
    { "argmax", KERNEL(argmax), 1, 2 },
};

static const simple *find_simple(const char *op)
{
    for (size_t i = 0; i < sizeof simples / sizeof simples[0]; i++)
        if (strcmp(simples[i].op, op) == 0)
            return &simples[i];
    return NULL;
}

/* Axis of the batch's tensor -> axis of a tile: c, h, w. */
static int32_t tile_axis(uint32_t rank, int64_t axis)
{
    return axis == 1 ? 0 : axis == (int64_t)rank - 1 ? 2 : 1;
}

/* softmax and argmax have the axis first in their attributes. */
static int64_t axis_of(const cnn_node *node)
{
    return *(const int64_t *)node->attrs;
}

/* The reference's message for a label that no class has, before anything is computed. */
static cnn_status check_targets(const cpu_step *step, void *const *p, const cpu_plan *plan,
                                cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, (uint32_t)step->node);
    const cnn_cross_entropy_attrs *attrs = node->attrs;
    const int32_t *target = p[0];
    int64_t classes = cnn_value_at(plan->program, node->in[0])->type.dim[1];
    int64_t count = cnn_count(&plan->values[step->in[0]].type);
    for (int64_t i = 0; i < count; i++)
        if (target[i] != attrs->ignore_index && (target[i] < 0 || target[i] >= classes)) {
            (void)cnn_fail(err, CNN_INVALID,
                           "target number %lld is class %d, but the model gives %lld classes",
                           (long long)i, target[i], (long long)classes);
            cnn_hint(err,
                     "classes count from 0; `linear: classes` takes their number from the data");
            return CNN_INVALID;
        }
    return CNN_OK;
}

static void lower_simple(cpu_plan *plan, uint32_t n, const simple *s)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    uint32_t rank = cnn_value_at(plan->program, node->in[0])->type.rank;
    cpu_params params = { .attrs = node->attrs };
    int32_t in[CPU_MAX_OPERANDS];
    if (s->axis != 0)
        params.axis = tile_axis(rank, axis_of(node));
    if (strcmp(s->op, "cross_entropy") == 0 && plan->plain[node->in[1]] >= 0)
        cpu_step_in(plan, cpu_add_whole(plan, n, check_targets, NULL), plan->plain[node->in[1]]);
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = cpu_tile_of(plan, n, node->in[i]);
    cpu_kernel kernel;
    memcpy(&kernel, (const char *)plan->kernels + s->kernel, sizeof kernel);
    cpu_step *step = cpu_add_kernel(plan, n, kernel, &params);
    for (uint32_t i = 0; i < node->n_in; i++)
        cpu_step_in(plan, step, in[i]);
    cpu_step_out(plan, step, cpu_new_tile(plan, node->out[0]));
    step->follows = s->follows;
    step->drops = 1 << params.axis;
}

/* ---- moving ---- */

/* A part of `whole` as a value of its own. */
static void place_inside(cpu_plan *plan, int32_t part, int32_t whole, uint32_t rank, int64_t axis,
                         int64_t start, bool views)
{
    cpu_value *v = &plan->values[part];
    v->parent = whole;
    v->views = views;
    v->at[tile_axis(rank, axis)] = start;
    v->left = axis == 1 ? plan->values[whole].left : 0;
    v->right = axis == 1 ? plan->values[whole].right : 0;
    plan->values[whole].is_parent = true;
}

static void add_copy(cpu_plan *plan, uint32_t n, int32_t from, int32_t to)
{
    cpu_step *step = cpu_add_kernel(plan, n, plan->kernels->copy, NULL);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, to);
}

/* A tile value without margins. */
static int32_t add_dense(cpu_plan *plan, const cnn_type *type)
{
    const cnn_type own = *type; /* values may move */
    int32_t v = cpu_add_value(plan, &own);
    plan->values[v].tiled = true;
    return v;
}

/* A result that no other value lies in and that lies in none can be made in its place. */
static bool is_free(const cpu_plan *plan, int32_t program_value)
{
    const cpu_value *v = &plan->values[plan->tile[program_value]];
    return v->parent < 0 && !v->is_parent && plan->uses[program_value] == 1;
}

static void lower_concat(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const int64_t axis = axis_of(node);
    const cnn_type *type = cpu_type_of(plan, node->out[0]);
    int64_t start = 0;
    int32_t result = cpu_new_tile(plan, node->out[0]), whole = result;
    if (axis != 1 && plan->values[result].left + plan->values[result].right > 0)
        whole = add_dense(plan, type);
    for (uint32_t i = 0; i < node->n_in; i++) {
        const cnn_type *part_type = cpu_type_of(plan, node->in[i]);
        int32_t from = cpu_tile_of(plan, n, node->in[i]), part = from;
        if (axis != 1 || !is_free(plan, node->in[i]))
            part = add_dense(plan, part_type);
        place_inside(plan, part, whole, type->rank, axis, start, false);
        if (part != from)
            add_copy(plan, n, from, part);
        start += part_type->dim[axis];
    }
    if (whole != result)
        add_copy(plan, n, whole, result);
}

static void lower_slice(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_slice_attrs *a = node->attrs;
    const cnn_type *type = cpu_type_of(plan, node->out[0]);
    int32_t from = cpu_tile_of(plan, n, node->in[0]), part;
    if (a->axis == 1) {
        place_inside(plan, cpu_new_tile(plan, node->out[0]), from, type->rank, 1, a->start, true);
        return;
    }
    part = add_dense(plan, type);
    place_inside(plan, part, from, type->rank, a->axis, a->start, true);
    add_copy(plan, n, part, cpu_new_tile(plan, node->out[0]));
}

/* Another shape of the same numbers: a copy, or nothing if no row has margins. */
static void lower_reshape(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    int32_t from = cpu_tile_of(plan, n, node->in[0]), to = cpu_new_tile(plan, node->out[0]);
    const cpu_value *a = &plan->values[from], *b = &plan->values[to];
    int32_t dense = from;
    if (a->left + a->right > 0) {
        dense = add_dense(plan, &a->type);
        add_copy(plan, n, from, dense);
        b = &plan->values[to];
    }
    int32_t shaped = to;
    if (b->left + b->right > 0)
        shaped = add_dense(plan, &b->type);
    plan->values[shaped].parent = dense;
    plan->values[shaped].views = plan->values[shaped].reshaped = true;
    plan->values[dense].is_parent = true;
    if (shaped != to)
        add_copy(plan, n, shaped, to);
}

static void lower_transpose(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_dims_attrs *a = node->attrs;
    cpu_params params = { .perm = { 0, 1, 2 } };
    for (uint32_t i = 1; i < a->dims.count; i++)
        params.perm[tile_axis(a->dims.count, i)] = tile_axis(a->dims.count, a->dims.v[i]);
    int32_t from = cpu_tile_of(plan, n, node->in[0]);
    cpu_step *step = cpu_add_kernel(plan, n, plan->kernels->transpose, &params);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, cpu_new_tile(plan, node->out[0]));
}

static void lower_cast(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    cpu_params params = { .from = (int32_t)cnn_value_at(plan->program, node->in[0])->type.dtype,
                          .to = (int32_t)cnn_value_at(plan->program, node->out[0])->type.dtype };
    int32_t from = cpu_tile_of(plan, n, node->in[0]);
    cpu_step *step = cpu_add_kernel(plan, n, plan->kernels->cast, &params);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, cpu_new_tile(plan, node->out[0]));
}

/* Over axes of each image, or over the batch too: then a partial sum of each group. */
static void lower_reduce(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_reduce_attrs *a = node->attrs;
    const cnn_type *in = cpu_type_of(plan, node->in[0]);
    const cnn_type *out = cpu_type_of(plan, node->out[0]);
    bool over_batch = (a->axes & 1) != 0;
    cpu_params params = { .attrs = a };
    for (uint32_t i = 1; i < in->rank; i++)
        if ((a->axes >> i & 1) != 0)
            params.axes |= 1 << tile_axis(in->rank, i);
    int32_t from = cpu_tile_of(plan, n, node->in[0]);
    int32_t to = over_batch ? cpu_add_partial(plan, cnn_count(out), sizeof(float))
                            : cpu_new_tile(plan, node->out[0]);
    cpu_step *step = cpu_add_kernel(
        plan, n, over_batch ? plan->kernels->reduce_batch : plan->kernels->reduce, &params);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, to);
    step->sums = over_batch;
    step->follows = over_batch || in->rank == out->rank ? 0 : 2;
    step->drops = params.axes;
    if (over_batch)
        cpu_add_total(plan, n, to, cpu_new_plain(plan, node->out[0]),
                      a->kind == CNN_REDUCE_MEAN ? (double)cnn_count(out) / (double)cnn_count(in)
                                                 : 1);
}

/* ---- unbatched ops ---- */

static void lower_whole(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    cpu_step *step = cpu_add_whole(plan, n, cpu_whole_of(node->op->c.name), node->attrs);
    for (uint32_t i = 0; i < node->n_in; i++)
        cpu_step_in(plan, step, cpu_plain_of(plan, node->in[i]));
    for (uint32_t i = 0; i < node->n_out; i++)
        cpu_step_out(plan, step, cpu_new_plain(plan, node->out[i]));
    if (strcmp(node->op->c.name, "assign") == 0)
        step->overwrites = node->in[0];
}

/* ---- which ---- */

typedef struct lowering {
    const char *op;
    void (*lower)(cpu_plan *, uint32_t node);
} lowering;

static const lowering tiled[] = {
    { "conv2d", cpu_lower_conv },
    { "conv2d_input_grad", cpu_lower_conv },
    { "conv2d_weight_grad", cpu_lower_weight_grad },
    { "matmul", cpu_lower_matmul },
    { "map", cpu_lower_map },
    { "batch_norm", cpu_lower_norm },
    { "batch_norm_grad", cpu_lower_norm_grad },
    { "concat", lower_concat },
    { "slice", lower_slice },
    { "reshape", lower_reshape },
    { "transpose", lower_transpose },
    { "cast", lower_cast },
    { "reduce", lower_reduce },
};

static const lowering *find_lowering(const char *op)
{
    for (size_t i = 0; i < sizeof tiled / sizeof tiled[0]; i++)
        if (strcmp(tiled[i].op, op) == 0)
            return &tiled[i];
    return NULL;
}

static bool reads_batch(const cnn_program *p, const cnn_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++)
        if (cpu_is_batched(p, node->in[i]))
            return true;
    return false;
}

void cpu_lower(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const char *op = node->op->c.name;
    const simple *s = find_simple(op);
    if (plan->small && cpu_small_lower(plan, n))
        return;
    if (!reads_batch(plan->program, node))
        (strcmp(op, "map") == 0 ? cpu_lower_plain_map : lower_whole)(plan, n);
    else if (s != NULL)
        lower_simple(plan, n, s);
    else
        find_lowering(op)->lower(plan, n);
}

/* ---- what is covered ---- */

static bool covers_types(const cnn_program *p, const cnn_node *node)
{
    for (uint32_t i = 0; i < node->n_in + node->n_out; i++) {
        int32_t v = i < node->n_in ? node->in[i] : node->out[i - node->n_in];
        const cnn_type *t = &cnn_value_at(p, v)->type;
        if (t->dtype == CNN_U8 || t->rank > 4)
            return false;
    }
    return true;
}

/* Long expressions may need more registers than there are. */
static bool covers_expression(const cnn_node *node)
{
    const cnn_map_attrs *a = node->attrs;
    cpu_map_code *code;
    float *constants;
    uint32_t n_code, n_constants;
    if (a->expr.count > CPU_MOST_TERMS || node->n_in > CPU_MAX_OPERANDS - 4 ||
        !cpu_map_compile(&a->expr, node->n_in, &code, &n_code, &constants, &n_constants))
        return false;
    free(code);
    free(constants);
    return true;
}

/* Every batched operand has the batch on its first axis, and so has the result. */
static bool covers_map(const cnn_program *p, const cnn_node *node)
{
    const cnn_map_attrs *a = node->attrs;
    if (a->dims.v[0] != p->batch)
        return false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const cnn_type *t = &cnn_value_at(p, node->in[i])->type;
        if (cpu_is_batched(p, node->in[i]) && (t->rank != a->dims.count || t->dim[0] != p->batch))
            return false;
    }
    return true;
}

static bool covers_batched(const cnn_program *p, const cnn_node *node)
{
    const char *op = node->op->c.name;
    bool norm = strncmp(op, "batch_norm", strlen("batch_norm")) == 0;
    if (find_simple(op) == NULL && find_lowering(op) == NULL)
        return false;
    if (norm)
        return cpu_is_batched(p, node->in[0]) && !cpu_is_batched(p, node->in[1]);
    if (node->batch_role != CNN_BATCH_PER_SAMPLE && node->batch_role != CNN_BATCH_SUMS)
        return false;
    return strcmp(op, "map") != 0 || covers_map(p, node);
}

/* Batched values have the batch of the program. */
static bool covers_extent(const cnn_program *p, const cnn_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const cnn_value_info *v = cnn_value_at(p, node->in[i]);
        if (v->batched != 0 && (v->type.rank == 0 || v->type.dim[0] != p->batch))
            return false;
    }
    return true;
}

bool cpu_lowers(const cnn_program *p, uint32_t n, cnn_error *why)
{
    const cnn_node *node = cnn_node_at(p, n);
    const char *op = node->op->c.name;
    if (!covers_types(p, node)) {
        (void)cnn_fail(why, CNN_UNSUPPORTED, "cpu takes f32 and i32 of at most 4 axes");
        return false;
    }
    if (strcmp(op, "map") == 0 && !covers_expression(node)) {
        (void)cnn_fail(why, CNN_UNSUPPORTED, "cpu has no room for so long an expression");
        return false;
    }
    bool covered = reads_batch(p, node) ? covers_batched(p, node) && covers_extent(p, node)
                                        : strcmp(op, "map") == 0 || cpu_whole_of(op) != NULL;
    if (!covered)
        (void)cnn_fail(why, CNN_UNSUPPORTED, "cpu has no kernel for this use of the op");
    return covered;
}
