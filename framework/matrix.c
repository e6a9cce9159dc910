/* Samples of ops as programs of four images; the gradient ops come in by differentiation. */
#include "matrix.h"

#include <string.h>

#include <cnnrun/ops.h>

#include "autodiff.h"
#include "graph_internal.h"
#include "place.h"

enum { BATCH = 4, CHANNELS = 8, SIZE = 8, MAX_NODES = 64 };

/* Operands of a sample: images, one of another kind, labels, weights. */
typedef struct operands {
    cnn_builder *b;
    cnn_graph *graph;
    cnn_value x;      /* [4,8,8,8] */
    cnn_value rows;   /* [4,8] */
    cnn_value labels; /* i32 [4] */
} operands;

static cnn_value weight(const operands *o, const char *name, const cnn_type *type)
{
    const cnn_init zeros = { 0 };
    return cnn_graph_state(o->graph, name, type, &zeros, true);
}

static cnn_value sample_conv2d(const operands *o)
{
    const cnn_type w = cnn_type4(CNN_F32, CHANNELS, CHANNELS, 3, 3);
    const cnn_conv2d_attrs a = { { 1, 1 }, { 1, 1 }, { 1, 1, 1, 1 }, 1, { 0, 0 } };
    return cnn_conv2d(o->b, o->x, weight(o, "w", &w), &a);
}

/* Two groups, stride 2. */
static cnn_value sample_conv2d_grouped(const operands *o)
{
    const cnn_type w = cnn_type4(CNN_F32, CHANNELS, CHANNELS / 2, 3, 3);
    const cnn_conv2d_attrs a = { { 2, 2 }, { 1, 1 }, { 1, 1, 1, 1 }, 2, { 0, 0 } };
    return cnn_conv2d(o->b, o->x, weight(o, "w", &w), &a);
}

static cnn_value sample_matmul(const operands *o)
{
    const cnn_type w = cnn_type2(CNN_F32, CHANNELS, CHANNELS);
    return cnn_matmul(o->b, o->rows, weight(o, "w", &w), false, true);
}

static const cnn_pool2d_attrs pool = {
    .kernel = { 2, 2 }, .stride = { 2, 2 }, .dilation = { 1, 1 }, .count_include_pad = true
};

static cnn_value sample_max_pool2d(const operands *o)
{
    return cnn_op1(o->b, "max_pool2d", &pool, &o->x, 1);
}

static cnn_value sample_avg_pool2d(const operands *o)
{
    return cnn_op1(o->b, "avg_pool2d", &pool, &o->x, 1);
}

static cnn_value sample_pad2d(const operands *o)
{
    const cnn_pad2d_attrs a = { .mode = CNN_PAD_REFLECT, .pad = { 1, 1, 1, 1 } };
    return cnn_op1(o->b, "pad2d", &a, &o->x, 1);
}

static cnn_value sample_resize2d(const operands *o)
{
    const cnn_resize2d_attrs a = { .mode = CNN_RESIZE_BILINEAR, .size = { 16, 16 } };
    return cnn_op1(o->b, "resize2d", &a, &o->x, 1);
}

static cnn_value sample_batch_norm(const operands *o)
{
    const cnn_type channels = cnn_type1(CNN_F32, CHANNELS);
    const cnn_batch_norm_attrs a = { 1e-5 };
    cnn_value in[3] = { o->x, weight(o, "w", &channels), weight(o, "b", &channels) }, out[3];
    return cnn_builder_op(o->b, "batch_norm", &a, in, 3, out, 3) == CNN_OK ? out[0] : CNN_NONE;
}

static cnn_value sample_softmax(const operands *o)
{
    const cnn_softmax_attrs a = { .axis = 1 };
    return cnn_op1(o->b, "softmax", &a, &o->rows, 1);
}

static cnn_value sample_cross_entropy(const operands *o)
{
    const cnn_cross_entropy_attrs a = { .ignore_index = -100 };
    cnn_value in[2] = { o->rows, o->labels };
    return cnn_op1(o->b, "cross_entropy", &a, in, 2);
}

static cnn_value sample_reduce(const operands *o)
{
    return cnn_reduce(o->b, o->x, CNN_REDUCE_SUM, 12, false);
}

static cnn_value sample_reduce_max(const operands *o)
{
    return cnn_reduce(o->b, o->x, CNN_REDUCE_MAX, 12, false);
}

static cnn_value sample_concat(const operands *o)
{
    const cnn_value in[2] = { o->x, o->x };
    return cnn_concat(o->b, in, 2, 1);
}

static cnn_value sample_slice(const operands *o)
{
    return cnn_slice(o->b, o->x, 1, 2, 4);
}

static cnn_value sample_reshape(const operands *o)
{
    const int64_t dims[2] = { BATCH, CHANNELS * SIZE * SIZE };
    return cnn_reshape(o->b, o->x, 2, dims);
}

static cnn_value sample_transpose(const operands *o)
{
    static const int64_t order[4] = { 0, 2, 3, 1 };
    const cnn_dims_attrs a = { { 4, -1, order } };
    return cnn_op1(o->b, "transpose", &a, &o->x, 1);
}

static cnn_value sample_random(const operands *o)
{
    return cnn_mul(o->b, o->x, cnn_random(o->b, *cnn_type_of(o->b, o->x)));
}

static cnn_value sample_cast(const operands *o)
{
    return cnn_cast(o->b, o->labels, CNN_F32);
}

static cnn_value sample_argmax(const operands *o)
{
    return cnn_cast(o->b, cnn_argmax(o->b, o->rows, 1), CNN_F32);
}

static cnn_value sample_map(const operands *o)
{
    return cnn_mul(o->b, o->x, cnn_sigmoid(o->b, o->x));
}

/* A new state: the map and the assignment are about parameters. */
static cnn_value sample_assign(const operands *o)
{
    const cnn_type channels = cnn_type1(CNN_F32, CHANNELS);
    cnn_value state = weight(o, "state", &channels);
    cnn_assign(o->b, state, cnn_scale(o->b, state, 0.5));
    return cnn_reduce(o->b, o->x, CNN_REDUCE_MEAN, 14, false);
}

static cnn_value (*const samples[])(const operands *) = {
    sample_conv2d,     sample_conv2d_grouped, sample_matmul,   sample_max_pool2d,
    sample_avg_pool2d, sample_pad2d,          sample_resize2d, sample_batch_norm,
    sample_softmax,    sample_cross_entropy,  sample_reduce,   sample_reduce_max,
    sample_concat,     sample_slice,          sample_reshape,  sample_transpose,
    sample_random,     sample_cast,           sample_argmax,   sample_map,
    sample_assign,
};

/* ---- asking ---- */

static cnn_matrix_row *find_row(cnn_matrix *m, const char *op)
{
    for (uint32_t i = 0; i < m->n_rows; i++)
        if (strcmp(m->rows[i].op, op) == 0)
            return &m->rows[i];
    return NULL;
}

static void note(cnn_matrix_row *row, uint32_t backend, bool runs, const char *why,
                 cnn_arena *arena)
{
    cnn_cell *cell = &row->cells[backend];
    const cnn_cell now = runs ? CNN_CELL_RUNS : CNN_CELL_REFUSES;
    *cell = *cell == CNN_CELL_NONE || *cell == now ? now : CNN_CELL_PARTLY;
    if (!runs && row->why[backend] == NULL)
        row->why[backend] = cnn_arena_string(arena, why);
}

static void ask(cnn_matrix *m, const cnn_opened *opened, uint32_t backend, const cnn_program *p,
                cnn_arena *arena)
{
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        cnn_error why = { "", "" };
        cnn_matrix_row *row = find_row(m, cnn_node_at(p, n)->op->c.name);
        bool runs = opened->backend->supports(opened->device, p, n, &why) == CNN_OK;
        if (row != NULL)
            note(row, backend, runs, why.text, arena);
    }
}

/* The sample, its sum as loss, and all gradients; NULL if it cannot be built. */
static const cnn_step *build(cnn_registry *registry, cnn_value (*sample)(const operands *))
{
    cnn_diags *diags = CNN_NEW(registry->arena, cnn_diags);
    diags->arena = registry->arena;
    const cnn_data_shape data = { .input = cnn_type3(CNN_F32, CHANNELS, SIZE, SIZE) };
    cnn_graph *g = cnn_graph_create(registry, &data, CNN_TRAIN, BATCH, registry->arena, diags);
    const cnn_type x = cnn_type4(CNN_F32, BATCH, CHANNELS, SIZE, SIZE);
    const cnn_type rows = cnn_type2(CNN_F32, BATCH, CHANNELS), labels = cnn_type1(CNN_I32, BATCH);
    cnn_value *grads, wanted[2], kept[2];
    uint32_t n_kept = 0;
    g->prefix = g->path = g->trail = "";
    const operands o = { &g->builder, g, cnn_graph_input(g, "x", &x, true),
                         cnn_graph_input(g, "rows", &rows, true),
                         cnn_graph_input(g, "labels", &labels, true) };
    cnn_value y = sample(&o);
    if (g->failed || y == CNN_NONE)
        return NULL;
    y = cnn_mul(o.b, y, y); /* so that gradients differ from image to image */
    g->loss = cnn_reduce(o.b, y, CNN_REDUCE_MEAN, cnn_all_axes(o.b, y), false);
    wanted[0] = o.x;
    wanted[1] = o.rows;
    if (g->failed || !cnn_autodiff(g, g->loss, wanted, 2, &grads))
        return NULL;
    for (int i = 0; i < 2; i++)
        if (grads[wanted[i]] != CNN_NONE)
            kept[n_kept++] = grads[wanted[i]];
    for (uint32_t i = 0; i < g->n_states; i++) {
        cnn_value dw = grads[g->states[i].value];
        if (dw != CNN_NONE)
            cnn_assign(o.b, g->states[i].value, dw);
    }
    return g->failed ? NULL : cnn_step_from(g, kept, n_kept);
}

static void list_rows(cnn_matrix *m, cnn_registry *registry)
{
    m->rows = CNN_NEW_ARRAY(registry->arena, cnn_matrix_row, registry->n_entries);
    m->backends = CNN_NEW_ARRAY(registry->arena, const char *, registry->n_entries);
    m->missing = CNN_NEW_ARRAY(registry->arena, const char *, registry->n_entries);
    for (size_t i = 0; i < registry->n_entries; i++)
        if (registry->entries[i].kind == CNN_KIND_BACKEND)
            m->backends[m->n_backends++] = registry->entries[i].component->name;
    for (size_t i = 0; i < registry->n_entries; i++) {
        const cnn_entry *entry = &registry->entries[i];
        if (entry->kind != CNN_KIND_OP)
            continue;
        const cnn_op *op = (const cnn_op *)(const void *)entry->component;
        cnn_matrix_row *row = &m->rows[m->n_rows++];
        row->op = op->c.name;
        row->has_gradient =
            op->grad != NULL || op->differentiable == 0 || strcmp(op->c.name, "map") == 0;
        row->cells = CNN_NEW_ARRAY(registry->arena, cnn_cell, m->n_backends);
        row->why = CNN_NEW_ARRAY(registry->arena, const char *, m->n_backends);
    }
}

cnn_matrix *cnn_matrix_make(cnn_registry *registry)
{
    enum { N_SAMPLES = sizeof samples / sizeof samples[0] };
    cnn_matrix *m = CNN_NEW(registry->arena, cnn_matrix);
    const cnn_step *steps[N_SAMPLES];
    list_rows(m, registry);
    for (size_t i = 0; i < N_SAMPLES; i++)
        steps[i] = build(registry, samples[i]);
    for (uint32_t b = 0; b < m->n_backends; b++) {
        cnn_stack stack;
        cnn_error err = { "", "" };
        if (cnn_stack_open(registry, m->backends[b], true, &stack, &err) != CNN_OK) {
            m->missing[b] = cnn_arena_string(registry->arena, err.text);
            continue;
        }
        for (size_t i = 0; i < N_SAMPLES; i++)
            if (steps[i] != NULL)
                ask(m, &stack.items[0], b, &steps[i]->program, registry->arena);
        cnn_stack_close(&stack);
    }
    return m;
}
