/* What tests of programs share: a graph to write into, and an interpreter for a few ops. */
#ifndef CNNRUN_TESTS_TOY_H
#define CNNRUN_TESTS_TOY_H

#include <stdlib.h>

#include <cnnrun/ops.h>

#include "expr.h"
#include "graph.h"
#include "init.h"
#include "program.h"
#include "test.h"

/* ---- an interpreter ---- */

static inline int64_t toy_at(int64_t i, const cnn_type *out, const cnn_type *in)
{
    int64_t at = 0, step = 1;
    for (uint32_t k = 1; k <= out->rank; k++) {
        int64_t c = i % out->dim[out->rank - k];
        i /= out->dim[out->rank - k];
        if (k > in->rank)
            continue;
        int64_t dim = in->dim[in->rank - k];
        at += (dim == 1 ? 0 : c) * step;
        step *= dim;
    }
    return at;
}

static inline void toy_map(const cnn_kernel_args *a)
{
    enum { INPUTS = 64, TERMS = 512 };
    double in[INPUTS], scratch[TERMS];
    const cnn_map_attrs *attrs = a->attrs;
    for (int64_t i = 0; i < cnn_count(&a->out[0].type); i++) {
        for (uint32_t k = 0; k < a->n_in; k++)
            in[k] = (double)cnn_f32(&a->in[k])[toy_at(i, &a->out[0].type, &a->in[k].type)];
        cnn_f32(&a->out[0])[i] = (float)cnn_expr_eval(&attrs->expr, in, scratch);
    }
}

/* Sum and mean. */
static inline void toy_reduce(const cnn_kernel_args *a)
{
    const cnn_reduce_attrs *attrs = a->attrs;
    const cnn_type *in = &a->in[0].type;
    cnn_type kept = *in;
    for (uint32_t k = 0; k < in->rank; k++)
        if ((attrs->axes >> k & 1) != 0)
            kept.dim[k] = 1;
    int64_t n = cnn_count(in), m = cnn_count(&kept);
    double *sums = calloc((size_t)m, sizeof *sums);
    for (int64_t i = 0; i < n; i++)
        sums[toy_at(i, in, &kept)] += (double)cnn_f32(&a->in[0])[i];
    for (int64_t i = 0; i < m; i++) {
        double mean = sums[i] * (double)m / (double)n;
        cnn_f32(&a->out[0])[i] = (float)(attrs->kind == CNN_REDUCE_MEAN ? mean : sums[i]);
    }
    free(sums);
}

static inline void toy_matmul(const cnn_kernel_args *a)
{
    const cnn_matmul_attrs *t = a->attrs;
    const cnn_type *out = &a->out[0].type, *x = &a->in[0].type, *y = &a->in[1].type;
    int64_t depth = t->trans_a ? x->dim[0] : x->dim[1];
    for (int64_t i = 0; i < out->dim[0]; i++)
        for (int64_t j = 0; j < out->dim[1]; j++) {
            double sum = 0;
            for (int64_t k = 0; k < depth; k++)
                sum +=
                    (double)cnn_f32(&a->in[0])[t->trans_a ? k * x->dim[1] + i : i * x->dim[1] + k] *
                    (double)cnn_f32(&a->in[1])[t->trans_b ? j * y->dim[1] + k : k * y->dim[1] + j];
            cnn_f32(&a->out[0])[i * out->dim[1] + j] = (float)sum;
        }
}

static inline void toy_reshape(const cnn_kernel_args *a)
{
    memmove(a->out[0].data, a->in[0].data, (size_t)cnn_bytes(&a->in[0].type));
}

static inline void toy_assign(const cnn_kernel_args *a)
{
    memcpy(a->in[0].data, a->in[1].data, (size_t)cnn_bytes(&a->in[1].type));
}

static inline void (*toy_find(const char *op))(const cnn_kernel_args *)
{
    static const struct {
        const char *op;
        void (*run)(const cnn_kernel_args *);
    } kernels[] = { { "map", toy_map },
                    { "reduce", toy_reduce },
                    { "matmul", toy_matmul },
                    { "reshape", toy_reshape },
                    { "assign", toy_assign } };
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        if (strcmp(kernels[i].op, op) == 0)
            return kernels[i].run;
    return NULL;
}

static inline cnn_tensor toy_tensor(const cnn_program *p, int32_t v, void *const *bindings,
                                    char *arena)
{
    const cnn_value_info *value = cnn_value_at(p, v);
    union {
        const void *constant;
        void *data;
    } memory = { value->data };
    if (value->external >= 0)
        memory.data = bindings[value->external];
    else if (value->kind == CNN_VALUE_TEMP)
        memory.data = arena + p->offsets[v];
    return (cnn_tensor){ value->type, memory.data };
}

/* Runs a program with temporaries where the plan puts them. The arena starts as NaNs, so that
 * nothing can rely on what it held. */
static inline void toy_execute(const cnn_program *p, void *const *bindings)
{
    enum { OPERANDS = 64 };
    char *arena = malloc(p->arena_bytes + 1);
    memset(arena, 0xff, p->arena_bytes);
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(p, n);
        cnn_tensor operands[OPERANDS];
        for (uint32_t i = 0; i < node->n_in; i++)
            operands[i] = toy_tensor(p, node->in[i], bindings, arena);
        for (uint32_t i = 0; i < node->n_out; i++)
            operands[node->n_in + i] = toy_tensor(p, node->out[i], bindings, arena);
        const cnn_kernel_args args = { .attrs = node->attrs,
                                       .in = operands,
                                       .out = operands + node->n_in,
                                       .n_in = node->n_in,
                                       .n_out = node->n_out };
        void (*run)(const cnn_kernel_args *) = toy_find(node->op->c.name);
        if (test_check(run != NULL, node->op->c.name, 0, "the interpreter knows the op"))
            run(&args);
    }
    free(arena);
}

/* ---- a graph ---- */

typedef struct toy {
    cnn_arena *arena;
    cnn_diags diags;
    cnn_registry registry;
    cnn_module builtin, plugin;
    cnn_host host;
    cnn_graph *graph;
    cnn_builder *b;
    cnn_value x; /* the input, f32 [4, 6] */
} toy;

/* A graph of its own; `plugin` brings more components, or is NULL. */
static inline void toy_open(toy *t, uint32_t mode, const cnn_plugin *plugin)
{
    const cnn_data_shape data = { .input = cnn_type1(CNN_F32, 6) };
    memset(t, 0, sizeof *t);
    t->arena = cnn_arena_create();
    t->diags.arena = t->arena;
    t->host = (cnn_host){ .size = sizeof t->host, .threads = 1 };
    t->registry.arena = t->arena;
    t->registry.host = &t->host;
    t->builtin = (cnn_module){ .path = "", .plugin = &cnn_builtin_plugin };
    (void)cnn_registry_add(&t->registry, &t->builtin, NULL);
    t->plugin = (cnn_module){ .path = "test", .plugin = plugin };
    if (plugin != NULL)
        CHECK_INT(cnn_registry_add(&t->registry, &t->plugin, NULL), CNN_OK);
    t->graph = cnn_graph_create(&t->registry, &data, mode, 4, t->arena, &t->diags);
    t->graph->prefix = t->graph->path = "0";
    t->b = &t->graph->builder;
    t->x = t->graph->input;
}

static inline void toy_close(toy *t)
{
    cnn_arena_destroy(t->arena);
}

static inline cnn_value toy_weight(toy *t, const char *name, cnn_type type)
{
    return cnn_weight(t->b, name, type, (cnn_init){ CNN_INIT_UNIFORM, 0.5, 1.5 });
}

static inline cnn_value toy_mean(toy *t, cnn_value v)
{
    return cnn_reduce(t->b, v, CNN_REDUCE_MEAN, cnn_all_axes(t->b, v), false);
}

/* The program that gives these values; extras[i] of the step are their numbers. */
static inline cnn_step *toy_freeze(toy *t, const cnn_value *values, uint32_t n)
{
    t->graph->mode = CNN_PREDICT;
    t->graph->output = values[0];
    return cnn_step_from(t->graph, values, n);
}

static inline uint32_t toy_count(const cnn_program *p, const char *op)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_nodes; i++)
        n += strcmp(cnn_node_at(p, i)->op->c.name, op) == 0;
    return n;
}

/* Numbers for every external of a program: the same for the same name, between 0.2 and 1.2. */
static inline void **toy_bindings(toy *t, const cnn_program *p)
{
    void **bindings = CNN_NEW_ARRAY(t->arena, void *, p->n_externals);
    for (uint32_t i = 0; i < p->n_externals; i++) {
        const cnn_value_info *value = cnn_value_at(p, p->externals[i]);
        uint32_t hash = cnn_hash_text(value->name);
        float *numbers = CNN_NEW_ARRAY(t->arena, float, cnn_count(&value->type));
        for (int64_t k = 0; k < cnn_count(&value->type); k++)
            numbers[k] = 0.2f + cnn_unit_float(cnn_random_bits(hash, 1, 0, (uint64_t)k));
        bindings[i] = numbers;
    }
    return bindings;
}

static inline float *toy_bound(const cnn_program *p, void *const *bindings, int32_t value)
{
    return bindings[cnn_value_at(p, value)->external];
}

#endif
