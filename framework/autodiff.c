/* Reverse mode: nodes are visited last to first, each one turns the gradients of its results into
 * gradients of its inputs. The gradient of a `map` is a map, by symbolic differentiation. */
#include "autodiff.h"

#include <string.h>

#include "expr.h"
#include "graph_internal.h"

typedef struct backward {
    cnn_graph *graph;
    bool *needed; /* per old value: does its gradient lead to something wanted? */
    cnn_value *grads;
    uint32_t n_old_nodes;
} backward;

static bool is_differentiable(const cnn_node *node)
{
    return node->op->differentiable != 0;
}

/* Wanted values, and everything that is computed from them. */
static void mark_needed(backward *b, const cnn_value *extra, uint32_t n_extra)
{
    const cnn_graph *g = b->graph;
    for (uint32_t i = 0; i < g->n_states; i++)
        if (g->values[g->states[i].value].trained != 0 && !g->states[i].frozen)
            b->needed[g->states[i].value] = true;
    for (uint32_t i = 0; i < n_extra; i++)
        b->needed[extra[i]] = true;
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const cnn_node *node = &g->nodes[n];
        bool any = false;
        for (uint32_t i = 0; i < node->n_in && is_differentiable(node); i++)
            any = any || b->needed[node->in[i]];
        for (uint32_t i = 0; i < node->n_out && any; i++)
            if (g->values[node->out[i]].type.dtype == CNN_F32)
                b->needed[node->out[i]] = true;
    }
}

static void accumulate(backward *b, cnn_value v, cnn_value gradient)
{
    cnn_value *sum = &b->grads[v];
    if (gradient != CNN_NONE)
        *sum = *sum == CNN_NONE ? gradient : cnn_add(&b->graph->builder, *sum, gradient);
}

/* What is written belongs to the layer whose gradient it is. */
static void enter_layer(backward *b, uint32_t n)
{
    cnn_graph *g = b->graph;
    const cnn_node *node = &g->nodes[n];
    g->path = node->layer;
    g->backend = node->backend;
    g->owner = node->op->c.name;
    for (uint32_t i = 0; i < g->n_layers; i++)
        if (n >= g->layers[i].first_node && n < g->layers[i].end_node) {
            g->place = g->layers[i].place;
            g->trail = g->layers[i].trail;
            g->owner = g->layers[i].type;
        }
}

/* Sums a gradient over the axes along which `to` was broadcast; `over_batch`: and over a batch that
 * is in the gradient only, also if it is of one sample. */
static cnn_value sum_to(cnn_builder *b, cnn_value gradient, cnn_type to, bool over_batch)
{
    cnn_type from = *cnn_type_of(b, gradient);
    uint32_t lead = from.rank - to.rank;
    int64_t axes = 0;
    for (uint32_t i = 0; i < from.rank; i++)
        if (i < lead || (to.dim[i - lead] == 1 && (from.dim[i] != 1 || (i == 0 && over_batch))))
            axes |= (int64_t)1 << i;
    if (axes == 0 && lead == 0)
        return gradient;
    cnn_value sum = axes != 0 ? cnn_reduce(b, gradient, CNN_REDUCE_SUM, axes, true) : gradient;
    return lead == 0 ? sum : cnn_reshape(b, sum, to.rank, to.dim);
}

static bool is_zero(const cnn_expr *expr)
{
    const cnn_term *last = &expr->terms[expr->count - 1];
    return last->op == CNN_TERM_CONST && last->k == 0;
}

/* d result / d input number i, times the incoming gradient, summed to the input's shape. */
static cnn_value map_gradient(backward *b, const cnn_node *node, uint32_t i, cnn_value dy)
{
    cnn_graph *g = b->graph;
    const cnn_map_attrs *attrs = node->attrs;
    cnn_value *in = CNN_NEW_ARRAY(g->arena, cnn_value, node->n_in + 2);
    cnn_expr expr = cnn_expr_derivative(g->arena, &attrs->expr, node->n_in, i);
    if (is_zero(&expr))
        return CNN_NONE;
    for (uint32_t k = 0; k < node->n_in; k++)
        in[k] = node->in[k];
    in[node->n_in] = dy;
    in[node->n_in + 1] = node->out[0];
    cnn_type shape = g->values[node->out[0]].type, wanted = g->values[node->in[i]].type;
    uint32_t n_in = cnn_expr_compact(g->arena, &expr, in, node->n_in + 2);
    const cnn_map_attrs derived = { expr, { shape.rank, -1, shape.dim } };
    bool passes = expr.count == 1 && expr.terms[0].op == CNN_TERM_INPUT &&
                  cnn_same_shape(&g->values[in[0]].type, &shape);
    cnn_value dx = passes ? in[0] : cnn_op1(&g->builder, "map", &derived, in, n_in);
    bool over_batch =
        dx != CNN_NONE && g->values[dx].batched != 0 && g->values[node->in[i]].batched == 0;
    return sum_to(&g->builder, dx, wanted, over_batch);
}

static void visit_map(backward *b, const cnn_node *node, cnn_value dy)
{
    for (uint32_t i = 0; i < node->n_in && !b->graph->failed; i++)
        if (b->needed[node->in[i]])
            accumulate(b, node->in[i], map_gradient(b, node, i, dy));
}

static void visit_op(backward *b, const cnn_node *node, const cnn_value *dy)
{
    cnn_graph *g = b->graph;
    bool *wanted = CNN_NEW_ARRAY(g->arena, bool, node->n_in);
    cnn_value *dx = CNN_NEW_ARRAY(g->arena, cnn_value, node->n_in);
    if (node->op->grad == NULL) {
        cnn_graph_fail(g, "freeze the layers before it, or ask the op's author for a gradient",
                       "layer '%s' cannot be trained through: the op '%s' has no gradient, its "
                       "plugin brings none",
                       node->layer, node->op->c.name);
        return;
    }
    for (uint32_t i = 0; i < node->n_in; i++) {
        wanted[i] = b->needed[node->in[i]];
        dx[i] = CNN_NONE;
    }
    const cnn_call call = { node->attrs, node->in, node->out, node->n_in, node->n_out, wanted };
    node->op->grad(&g->builder, &call, dy, dx);
    for (uint32_t i = 0; i < node->n_in && !g->failed; i++) {
        if (!wanted[i])
            continue;
        if (dx[i] != CNN_NONE &&
            !cnn_same_type(&g->values[dx[i]].type, &g->values[node->in[i]].type))
            cnn_graph_fail(g, "", "the gradient of op '%s' for input %u has another shape than it",
                           node->op->c.name, i + 1);
        else
            accumulate(b, node->in[i], dx[i]);
    }
}

static void visit(backward *b, uint32_t n)
{
    cnn_graph *g = b->graph;
    const cnn_node node = g->nodes[n]; /* the list grows */
    cnn_value *dy = CNN_NEW_ARRAY(g->arena, cnn_value, node.n_out);
    bool arrives = false, leads = false;
    for (uint32_t i = 0; i < node.n_out; i++) {
        dy[i] = b->grads[node.out[i]];
        arrives = arrives || dy[i] != CNN_NONE;
    }
    for (uint32_t i = 0; i < node.n_in; i++)
        leads = leads || b->needed[node.in[i]];
    if (!arrives || !leads || !is_differentiable(&node))
        return;
    enter_layer(b, n);
    if (strcmp(node.op->c.name, "map") == 0)
        visit_map(b, &node, dy[0]);
    else
        visit_op(b, &node, dy);
}

bool cnn_autodiff(cnn_graph *graph, cnn_value loss, const cnn_value *extra, uint32_t n_extra,
                  cnn_value **grads)
{
    backward b = { .graph = graph, .n_old_nodes = graph->n_nodes };
    b.needed = CNN_NEW_ARRAY(graph->arena, bool, graph->n_values);
    b.grads = CNN_NEW_ARRAY(graph->arena, cnn_value, graph->n_values);
    for (uint32_t i = 0; i < graph->n_values; i++)
        b.grads[i] = CNN_NONE;
    mark_needed(&b, extra, n_extra);
    graph->phase = CNN_PHASE_BACKWARD;
    graph->path = "loss";
    *grads = b.grads;
    if (!b.needed[loss])
        return !graph->failed; /* nothing to train */
    b.grads[loss] = cnn_number(&graph->builder, 1);
    for (uint32_t n = b.n_old_nodes; n > 0 && !graph->failed; n--)
        visit(&b, n - 1);
    return !graph->failed;
}
