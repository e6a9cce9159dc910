/* Expressions as instructions: equal terms are one, pairs and triples that pay to do in one pass
 * are one instruction, what nobody reads is left out, and registers are used again after the last
 * reader. */
#include "map_code.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct item { /* a term, or the instruction that it becomes */
    uint32_t op;
    int32_t in[3];  /* earlier items */
    float k;        /* CNN_TERM_CONST */
    int32_t equal;  /* the first item that is the same: this one, or an earlier one */
    uint32_t uses;  /* items that read it, and 1 for the result; 0: not computed */
    uint32_t last;  /* last instruction that reads it */
    int32_t number; /* register */
} item;

typedef struct compiler {
    item *items;
    int32_t root; /* the result */
    uint32_t n_in, n_constants, n_code;
    cpu_map_code *code;
    float *constants;
} compiler;

static int arity(uint32_t op)
{
    switch (op) {
    case CPU_MAP_RELU:
    case CPU_MAP_COPY:
        return 1;
    case CPU_MAP_GATE:
    case CPU_MAP_ADD_RELU:
        return 2;
    case CPU_MAP_MULADD:
    case CPU_MAP_MULSUB:
    case CPU_MAP_MULADD_RELU:
        return 3;
    default:
        return cnn_term_arity(op);
    }
}

/* ---- equal terms ---- */

static bool same(const item *a, const item *b)
{
    return a->op == b->op && memcmp(a->in, b->in, sizeof a->in) == 0 &&
           memcmp(&a->k, &b->k, sizeof a->k) == 0;
}

static item item_of(const compiler *c, const cnn_term *u)
{
    item it = { .op = u->op, .in = { u->a, u->b, u->c } };
    it.k = u->op == CNN_TERM_CONST ? (float)u->k : 0;
    for (int i = 0; i < 3; i++)
        if (i >= arity(u->op) && (i > 0 || u->op != CNN_TERM_INPUT))
            it.in[i] = -1;
    for (int i = 0; i < arity(u->op); i++)
        it.in[i] = c->items[it.in[i]].equal;
    const bool commutes = u->op == CNN_TERM_ADD || u->op == CNN_TERM_MUL || u->op == CNN_TERM_EQ;
    if (commutes && it.in[0] > it.in[1]) {
        const int32_t first = it.in[0];
        it.in[0] = it.in[1];
        it.in[1] = first;
    }
    return it;
}

static void find_equals(compiler *c, const cnn_expr *expr)
{
    for (uint32_t t = 0; t < expr->count; t++) {
        c->items[t] = item_of(c, &expr->terms[t]);
        uint32_t first = 0;
        while (!same(&c->items[first], &c->items[t]))
            first++;
        c->items[t].equal = (int32_t)first;
    }
    c->root = c->items[expr->count - 1].equal;
}

/* ---- instructions ---- */

static void retain(compiler *c, int32_t t)
{
    item *it = &c->items[t];
    for (int i = 0; i < arity(it->op) && it->uses == 0; i++)
        retain(c, it->in[i]);
    it->uses++;
}

static void release(compiler *c, int32_t t)
{
    item *it = &c->items[t];
    it->uses--;
    for (int i = 0; i < arity(it->op) && it->uses == 0; i++)
        release(c, it->in[i]);
}

/* The item reads x, y, z instead of what it read before. */
static void rewrite(compiler *c, item *it, uint32_t op, int32_t x, int32_t y, int32_t z)
{
    const item old = *it;
    *it = (item){ op, { x, y, z }, 0, old.equal, old.uses, 0, 0 };
    for (int i = 0; i < arity(op); i++)
        retain(c, it->in[i]);
    for (int i = 0; i < arity(old.op); i++)
        release(c, old.in[i]);
}

static bool is_constant_0(const item *it)
{
    return it->op == CNN_TERM_CONST && it->k == 0;
}

/* select(a <= 0, 0, b); the 0 that is the result must not be -0. */
static void match_gate(compiler *c, item *it)
{
    if (it->op != CNN_TERM_SELECT)
        return;
    const item *test = &c->items[it->in[0]], *zero = &c->items[it->in[1]];
    if (test->op != CNN_TERM_LE || !is_constant_0(&c->items[test->in[1]]) || !is_constant_0(zero) ||
        signbit(zero->k))
        return;
    const int32_t a = test->in[0], b = it->in[2];
    if (a == b)
        rewrite(c, it, CPU_MAP_RELU, a, -1, -1);
    else
        rewrite(c, it, CPU_MAP_GATE, a, b, -1);
}

/* a * b + c and c - a * b, if the product has no other reader. */
static void match_product(compiler *c, item *it)
{
    if (it->op != CNN_TERM_ADD && it->op != CNN_TERM_SUB)
        return;
    const uint32_t op = it->op == CNN_TERM_ADD ? CPU_MAP_MULADD : CPU_MAP_MULSUB;
    for (int side = 1; side >= (it->op == CNN_TERM_SUB); side--) {
        const item *product = &c->items[it->in[side]];
        if (product->op != CNN_TERM_MUL || product->uses != 1)
            continue;
        rewrite(c, it, op, product->in[0], product->in[1], it->in[1 - side]);
        return;
    }
}

/* The rectifier of a sum that has no other reader. */
static void match_rectified_sum(compiler *c, item *it)
{
    if (it->op != CPU_MAP_RELU || c->items[it->in[0]].uses != 1)
        return;
    item *sum = &c->items[it->in[0]];
    match_product(c, sum);
    if (sum->op == CNN_TERM_ADD)
        rewrite(c, it, CPU_MAP_ADD_RELU, sum->in[0], sum->in[1], -1);
    else if (sum->op == CPU_MAP_MULADD)
        rewrite(c, it, CPU_MAP_MULADD_RELU, sum->in[0], sum->in[1], sum->in[2]);
}

/* From the result back, so that an item's readers are known when it is its turn. */
static void combine(compiler *c)
{
    for (int32_t t = c->root; t >= 0; t--) {
        if (c->items[t].uses == 0)
            continue;
        match_gate(c, &c->items[t]);
        match_rectified_sum(c, &c->items[t]);
        match_product(c, &c->items[t]);
    }
}

/* ---- registers ---- */

static bool is_leaf(const item *it)
{
    return it->op == CNN_TERM_INPUT || it->op == CNN_TERM_CONST;
}

static void place_leaves(compiler *c)
{
    for (int32_t t = 0; t <= c->root; t++) {
        item *it = &c->items[t];
        if (it->op == CNN_TERM_INPUT)
            it->number = it->in[0];
        if (it->op != CNN_TERM_CONST || it->uses == 0)
            continue;
        it->number = (int32_t)(c->n_in + c->n_constants);
        c->constants[c->n_constants++] = it->k;
    }
}

static void find_last_readers(compiler *c)
{
    uint32_t n = 0;
    for (int32_t t = 0; t <= c->root; t++) {
        const item *it = &c->items[t];
        if (it->uses == 0 || is_leaf(it))
            continue;
        for (int i = 0; i < arity(it->op); i++)
            c->items[it->in[i]].last = n;
        n++;
    }
}

static void emit(compiler *c, const item *it, int32_t dst)
{
    uint16_t in[3];
    for (int i = 0; i < 3; i++)
        in[i] = (uint16_t)c->items[it->in[i < arity(it->op) ? i : 0]].number;
    c->code[c->n_code++] = (cpu_map_code){ (uint16_t)it->op, (uint16_t)dst, in[0], in[1], in[2] };
}

/* Results get the lowest free register, which may be one whose last reader this is: operands are
 * read first. The result of the expression needs none. */
static bool give_registers(compiler *c)
{
    bool taken[CPU_MAP_REGISTERS] = { false };
    const int32_t first = (int32_t)(c->n_in + c->n_constants);
    for (int32_t t = 0; t < c->root; t++) {
        item *it = &c->items[t];
        if (it->uses == 0 || is_leaf(it))
            continue;
        for (int i = 0; i < arity(it->op); i++) {
            const item *read = &c->items[it->in[i]];
            if (read->last == c->n_code && !is_leaf(read))
                taken[read->number] = false;
        }
        it->number = first;
        while (it->number < CPU_MAP_REGISTERS && taken[it->number])
            it->number++;
        if (it->number >= CPU_MAP_REGISTERS)
            return false;
        taken[it->number] = true;
        emit(c, it, it->number);
    }
    return true;
}

static void emit_result(compiler *c)
{
    const item *root = &c->items[c->root];
    const item copy = { .op = CPU_MAP_COPY, .in = { c->root, -1, -1 } };
    emit(c, is_leaf(root) ? &copy : root, 0);
}

static bool run(compiler *c, const cnn_expr *expr)
{
    find_equals(c, expr);
    retain(c, c->root);
    combine(c);
    place_leaves(c);
    find_last_readers(c);
    if (c->n_in + c->n_constants > CPU_MAP_REGISTERS || !give_registers(c))
        return false;
    emit_result(c);
    return true;
}

bool cpu_map_compile(const cnn_expr *expr, uint32_t n_in, cpu_map_code **code, uint32_t *n_code,
                     float **constants, uint32_t *n_constants)
{
    compiler c = { .n_in = n_in };
    c.items = calloc(expr->count, sizeof *c.items);
    c.code = calloc(expr->count, sizeof *c.code);
    c.constants = calloc(expr->count, sizeof *c.constants);
    const bool ok = c.items != NULL && c.code != NULL && c.constants != NULL && run(&c, expr);
    free(c.items);
    if (!ok) {
        free(c.code);
        free(c.constants);
        return false;
    }
    *code = c.code;
    *n_code = c.n_code;
    *constants = c.constants;
    *n_constants = c.n_constants;
    return true;
}
