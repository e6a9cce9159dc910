/* Fewer, larger maps: equal maps become one, and a map that is used once moves into its user. */
#include <math.h>
#include <string.h>

#include "expr.h"
#include "program.h"

/* Of one map. What will be differentiated stays smaller: its derivative has several terms for each
 * of its own, and one input more. (So few terms read at most 15 inputs.) */
enum {
    MAX_INPUTS = 16,
    MAX_TERMS = 128,
    MAX_TRAINED_TERMS = 24,
    CHEAP_TERMS = 3, /* may be recomputed for each element of a larger shape */
};

typedef struct composer {
    cnn_graph *graph;
    const bool *keep;
    uint32_t *uses; /* per value: nodes and assignments that read it */
} composer;

static bool is_map(const cnn_node *node)
{
    return strcmp(node->op->c.name, "map") == 0;
}

static const cnn_expr *expr_of(const cnn_node *node)
{
    return &((const cnn_map_attrs *)node->attrs)->expr;
}

static void count_uses(composer *c)
{
    const cnn_graph *g = c->graph;
    memset(c->uses, 0, g->n_values * sizeof *c->uses);
    for (uint32_t n = 0; n < g->n_nodes; n++)
        for (uint32_t i = 0; i < g->nodes[n].n_in; i++)
            c->uses[g->nodes[n].in[i]]++;
    for (uint32_t i = 0; i < g->n_assigns; i++) {
        c->uses[g->assigns[i].state]++;
        c->uses[g->assigns[i].value]++;
    }
}

/* A node that nobody reads is emptied: its inputs lose a user. Last to first, so that it spreads.
 */
static void drop_unused(composer *c)
{
    cnn_graph *g = c->graph;
    for (uint32_t n = g->n_nodes; n > 0; n--) {
        cnn_node *node = &g->nodes[n - 1];
        bool used = node->n_out == 0;
        for (uint32_t i = 0; i < node->n_out; i++)
            used = used || c->uses[node->out[i]] > 0 || c->keep[node->out[i]];
        for (uint32_t i = 0; i < node->n_in && !used; i++)
            c->uses[node->in[i]]--;
        if (!used)
            node->n_in = 0;
    }
}

/* Constants by their bits: 0 and -0 differ. */
static bool same_term(const cnn_term *p, const cnn_term *q)
{
    if (p->op != q->op || p->a != q->a || p->b != q->b || p->c != q->c)
        return false;
    return p->op != CNN_TERM_CONST || (p->k == q->k && signbit(p->k) == signbit(q->k));
}

static bool same_map(const cnn_node *a, const cnn_node *b, const cnn_graph *g)
{
    const cnn_expr *x = expr_of(a), *y = expr_of(b);
    if (a->n_in != b->n_in || x->count != y->count ||
        memcmp(a->in, b->in, a->n_in * sizeof *a->in) != 0 ||
        !cnn_same_shape(&g->values[a->out[0]].type, &g->values[b->out[0]].type))
        return false;
    for (uint32_t t = 0; t < x->count; t++)
        if (!same_term(&x->terms[t], &y->terms[t]))
            return false;
    return true;
}

/* Readers of `from` read `to` instead. */
static void redirect(cnn_graph *g, uint32_t first_node, cnn_value from, cnn_value to)
{
    for (uint32_t n = first_node; n < g->n_nodes; n++)
        for (uint32_t i = 0; i < g->nodes[n].n_in; i++)
            if (g->nodes[n].in[i] == from) {
                int32_t *in =
                    cnn_arena_copy(g->arena, g->nodes[n].in, g->nodes[n].n_in * sizeof *in);
                in[i] = to;
                g->nodes[n].in = in;
            }
    for (uint32_t i = 0; i < g->n_assigns; i++)
        if (g->assigns[i].value == from)
            g->assigns[i].value = to;
}

/* Maps with the same inputs and expression: the first one serves all. Candidates share their first
 * input, which is looked up by `last`: the latest map with that first input, chained by `next`. */
static void merge_equal(composer *c)
{
    cnn_graph *g = c->graph;
    int32_t *last = CNN_NEW_ARRAY(g->arena, int32_t, g->n_values);
    int32_t *next = CNN_NEW_ARRAY(g->arena, int32_t, g->n_nodes);
    memset(last, -1, g->n_values * sizeof *last);
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        cnn_node *node = &g->nodes[n];
        if (!is_map(node) || node->n_in == 0)
            continue;
        int32_t other = last[node->in[0]];
        while (other >= 0 && !same_map(node, &g->nodes[other], g))
            other = next[other];
        if (other >= 0 && !c->keep[node->out[0]]) {
            redirect(g, n + 1, node->out[0], g->nodes[other].out[0]);
            continue;
        }
        next[n] = last[node->in[0]];
        last[node->in[0]] = (int32_t)n;
    }
}

static bool is_number(const cnn_node *node)
{
    return node->n_in == 0 && expr_of(node)->count == 1 &&
           expr_of(node)->terms[0].op == CNN_TERM_CONST;
}

/* The number that v is, also when it was reshaped; else NULL. */
static cnn_node *number_behind(const cnn_graph *g, cnn_value v)
{
    int32_t p = g->values[v].producer;
    while (p >= 0 && strcmp(g->nodes[p].op->c.name, "reshape") == 0)
        p = g->values[g->nodes[p].in[0]].producer;
    return p >= 0 && is_map(&g->nodes[p]) && is_number(&g->nodes[p]) ? &g->nodes[p] : NULL;
}

/* The node that computes input i, if it may move into `node`. */
static cnn_node *movable(const composer *c, const cnn_node *node, uint32_t i)
{
    const cnn_graph *g = c->graph;
    cnn_value v = node->in[i];
    int32_t p = g->values[v].producer;
    cnn_node *number = number_behind(g, v);
    if (number != NULL || p < 0 || !is_map(&g->nodes[p]))
        return number;
    cnn_node *producer = &g->nodes[p];
    if (c->uses[v] != 1 || c->keep[v] || producer->n_in == 0 || producer->phase != node->phase ||
        producer->backend != node->backend)
        return NULL;
    bool wider = cnn_count(&g->values[v].type) < cnn_count(&g->values[node->out[0]].type);
    return wider && expr_of(producer)->count > CHEAP_TERMS ? NULL : producer;
}

/* Number of a value among the inputs of the new map. */
static int32_t number_of(cnn_value v, cnn_value *in, uint32_t *n_in)
{
    for (uint32_t i = 0; i < *n_in; i++)
        if (in[i] == v)
            return (int32_t)i;
    in[*n_in] = v;
    return (int32_t)(*n_in)++;
}

/* Writes input i of the node into e: an input of the new map, or the producer's expression. */
static int32_t write_input(composer *c, cnn_expr_builder *e, const cnn_node *node, uint32_t i,
                           const cnn_node *producer, cnn_value *in, uint32_t *n_in)
{
    if (producer == NULL)
        return cnn_expr_input(e, number_of(node->in[i], in, n_in));
    int32_t *terms = CNN_NEW_ARRAY(c->graph->arena, int32_t, producer->n_in);
    for (uint32_t k = 0; k < producer->n_in; k++)
        terms[k] = cnn_expr_input(e, number_of(producer->in[k], in, n_in));
    return cnn_expr_inline(e, expr_of(producer), terms);
}

/* How the map treats samples follows from what it reads. */
static uint32_t role_of(const cnn_graph *g, const cnn_node *node)
{
    bool any = false;
    cnn_type *types = CNN_NEW_ARRAY(g->arena, cnn_type, node->n_in);
    bool *batched = CNN_NEW_ARRAY(g->arena, bool, node->n_in);
    for (uint32_t i = 0; i < node->n_in; i++) {
        types[i] = g->values[node->in[i]].type;
        batched[i] = g->values[node->in[i]].batched != 0;
        any = any || batched[i];
    }
    if (!any)
        return CNN_BATCH_NONE;
    return node->op->batch_role != NULL
               ? node->op->batch_role(node->attrs, types, batched, node->n_in)
               : (uint32_t)CNN_BATCH_PER_SAMPLE;
}

static void replace(composer *c, cnn_node *node, const cnn_expr *expr, const cnn_value *in,
                    uint32_t n_in)
{
    cnn_graph *g = c->graph;
    cnn_map_attrs *attrs = cnn_arena_copy(g->arena, node->attrs, sizeof *attrs);
    for (uint32_t i = 0; i < node->n_in; i++)
        c->uses[node->in[i]]--;
    attrs->expr = *expr;
    node->attrs = attrs;
    node->in = cnn_arena_copy(g->arena, in, n_in * sizeof *in);
    node->n_in = n_in;
    for (uint32_t i = 0; i < n_in; i++)
        c->uses[in[i]]++;
    node->batch_role = role_of(g, node);
}

static void empty_unused(composer *c, cnn_node *producer)
{
    if (c->uses[producer->out[0]] > 0 || c->keep[producer->out[0]])
        return;
    for (uint32_t i = 0; i < producer->n_in; i++)
        c->uses[producer->in[i]]--;
    producer->n_in = 0;
}

/* Chooses the producers that move into the node, as long as the limits allow; returns how many
 * inputs the result has at most, 0 if nothing moves. */
static uint32_t choose(const composer *c, const cnn_node *node, cnn_node **producers)
{
    const cnn_graph *g = c->graph;
    bool trained = g->mode == CNN_TRAIN && node->phase <= CNN_PHASE_LOSS;
    uint32_t max_terms = trained ? MAX_TRAINED_TERMS : MAX_TERMS;
    uint32_t inputs = 0, terms = expr_of(node)->count;
    bool any = false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        cnn_node *p = movable(c, node, i);
        uint32_t left = node->n_in - i - 1;
        if (p != NULL && !is_number(p) &&
            (inputs + p->n_in + left > MAX_INPUTS || terms + expr_of(p)->count > max_terms))
            p = NULL;
        terms += p != NULL ? expr_of(p)->count : 0;
        inputs += p != NULL ? p->n_in : 1;
        producers[i] = p;
        any = any || p != NULL;
    }
    return any ? inputs + 1 : 0;
}

/* Moves producers into the node once; false if there was none to move. */
static bool compose_node(composer *c, cnn_node *node)
{
    cnn_graph *g = c->graph;
    cnn_expr_builder e = { .arena = g->arena };
    cnn_node **producers = CNN_NEW_ARRAY(g->arena, cnn_node *, node->n_in);
    uint32_t inputs = choose(c, node, producers), n_in = 0, n_old = node->n_in;
    if (inputs == 0)
        return false;
    cnn_value *in = CNN_NEW_ARRAY(g->arena, cnn_value, inputs);
    int32_t *args = CNN_NEW_ARRAY(g->arena, int32_t, node->n_in);
    for (uint32_t i = 0; i < node->n_in; i++)
        args[i] = write_input(c, &e, node, i, producers[i], in, &n_in);
    cnn_expr expr = cnn_expr_finish(&e, cnn_expr_inline(&e, expr_of(node), args));
    n_in = cnn_expr_compact(g->arena, &expr, in, n_in);
    replace(c, node, &expr, in, n_in);
    for (uint32_t i = 0; i < n_old; i++)
        if (producers[i] != NULL)
            empty_unused(c, producers[i]);
    return true;
}

/* Until nothing moves: a value that was read twice may by now be read once. */
void cnn_compose(cnn_graph *graph, const bool *keep)
{
    composer c = { .graph = graph, .keep = keep };
    c.uses = CNN_NEW_ARRAY(graph->arena, uint32_t, graph->n_values);
    merge_equal(&c);
    count_uses(&c);
    drop_unused(&c);
    for (uint32_t n = 0; n < graph->n_nodes; n++)
        while (is_map(&graph->nodes[n]) && graph->nodes[n].n_in > 0 &&
               compose_node(&c, &graph->nodes[n])) {
        }
}
