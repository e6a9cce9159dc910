/* Samples of ops as programs of four images; the gradient ops come in by differentiation. */
#include "samples.h"

#include <cnnrun/ops.h>

#include "autodiff.h"
#include "graph_internal.h"

enum { BATCH = 4, CHANNELS = CNN_SAMPLE_CLASSES, SIZE = 8 };

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
    const cnn_init uniform = { .kind = CNN_INIT_UNIFORM, .a = -1, .b = 1 };
    return cnn_graph_state(o->graph, name, type, &uniform, true);
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

typedef struct maker {
    const char *name;
    cnn_value (*build)(const operands *);
} maker;

static const maker makers[] = {
    { "conv2d", sample_conv2d },         { "conv2d, groups and stride", sample_conv2d_grouped },
    { "matmul", sample_matmul },         { "max_pool2d", sample_max_pool2d },
    { "avg_pool2d", sample_avg_pool2d }, { "pad2d", sample_pad2d },
    { "resize2d", sample_resize2d },     { "batch_norm", sample_batch_norm },
    { "softmax", sample_softmax },       { "cross_entropy", sample_cross_entropy },
    { "reduce, sum", sample_reduce },    { "reduce, largest", sample_reduce_max },
    { "concat", sample_concat },         { "slice", sample_slice },
    { "reshape", sample_reshape },       { "transpose", sample_transpose },
    { "random", sample_random },         { "cast", sample_cast },
    { "argmax", sample_argmax },         { "map", sample_map },
    { "assign", sample_assign },
};

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

uint32_t cnn_samples_build(cnn_registry *registry, cnn_sample list[CNN_MOST_SAMPLES])
{
    uint32_t n = 0;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        list[n] = (cnn_sample){ makers[i].name, build(registry, makers[i].build) };
        n += list[n].step != NULL;
    }
    return n;
}
