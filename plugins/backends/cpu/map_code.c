/* Expressions as instructions: pairs of terms that pay to do in one pass become one, registers are
 * used again once nobody reads them. */
#include "map_code.h"

#include <stdlib.h>
#include <string.h>

typedef struct compiler {
    const cnn_expr *expr;
    uint32_t n_in, n_constants, n_code;
    cpu_map_code *code; /* operands are terms until registers are given out */
    float *constants;
    uint32_t *uses; /* per term: terms and results that read it */
    int32_t *last;  /* per term: last instruction that reads it */
    int32_t *reg;   /* per term */
} compiler;

static const cnn_term *term_at(const compiler *c, int32_t t)
{
    return &c->expr->terms[t];
}

static bool is_zero(const compiler *c, int32_t t)
{
    return term_at(c, t)->op == CNN_TERM_CONST && term_at(c, t)->k == 0;
}

static void count_uses(compiler *c)
{
    const uint32_t n = c->expr->count;
    c->uses[n - 1] = 1;
    for (uint32_t t = n; t > 0; t--) {
        const cnn_term *u = term_at(c, (int32_t)t - 1);
        const int32_t operands[3] = { u->a, u->b, u->c };
        for (int k = 0; c->uses[t - 1] > 0 && k < cnn_term_arity(u->op); k++)
            c->uses[operands[k]]++;
    }
}

/* select(a <= 0, 0, b), and a * b + c where the product has no other reader. NaN is not <= 0. */
static cpu_map_code combine(compiler *c, int32_t t)
{
    const cnn_term *u = term_at(c, t);
    cpu_map_code code = { (uint16_t)u->op, (uint16_t)t, (uint16_t)u->a, (uint16_t)u->b,
                          (uint16_t)u->c };
    if (u->op == CNN_TERM_SELECT && term_at(c, u->a)->op == CNN_TERM_LE &&
        is_zero(c, term_at(c, u->a)->b) && is_zero(c, u->b)) {
        const int32_t tested = term_at(c, u->a)->a;
        c->uses[u->a]--;
        code = tested == u->c ? (cpu_map_code){ CPU_MAP_RELU, (uint16_t)t, (uint16_t)tested, 0, 0 }
                              : (cpu_map_code){ CPU_MAP_GATE, (uint16_t)t, (uint16_t)tested,
                                                (uint16_t)u->c, 0 };
    }
    for (int side = 0; side < 2 && code.op == CNN_TERM_ADD; side++) {
        const int32_t product = side == 0 ? u->a : u->b, rest = side == 0 ? u->b : u->a;
        const cnn_term *m = term_at(c, product);
        if (m->op != CNN_TERM_MUL || c->uses[product] != 1)
            continue;
        c->uses[product] = 0;
        code = (cpu_map_code){ CPU_MAP_MULADD, (uint16_t)t, (uint16_t)m->a, (uint16_t)m->b,
                               (uint16_t)rest };
    }
    return code;
}

static int arity(uint16_t op)
{
    switch (op) {
    case CPU_MAP_RELU:
    case CPU_MAP_COPY:
        return 1;
    case CPU_MAP_GATE:
        return 2;
    case CPU_MAP_MULADD:
        return 3;
    default:
        return cnn_term_arity(op);
    }
}

/* Last term first, so that a term whose only reader has swallowed it is skipped. */
static void select_instructions(compiler *c)
{
    const uint32_t n = c->expr->count;
    uint32_t at = n + 1;
    for (uint32_t t = n; t > 0; t--) {
        const uint32_t op = term_at(c, (int32_t)t - 1)->op;
        if (c->uses[t - 1] == 0 || op == CNN_TERM_INPUT || op == CNN_TERM_CONST)
            continue;
        c->code[--at] = combine(c, (int32_t)t - 1);
    }
    if (at == n + 1)
        c->code[--at] = (cpu_map_code){ CPU_MAP_COPY, (uint16_t)n, (uint16_t)(n - 1), 0, 0 };
    c->n_code = n + 1 - at;
    memmove(c->code, c->code + at, c->n_code * sizeof *c->code);
}

static uint16_t *operand(cpu_map_code *code, int k)
{
    return k == 0 ? &code->a : k == 1 ? &code->b : &code->c;
}

static void place_leaves(compiler *c)
{
    for (uint32_t t = 0; t < c->expr->count; t++) {
        const cnn_term *u = term_at(c, (int32_t)t);
        c->reg[t] = -1;
        if (u->op == CNN_TERM_INPUT)
            c->reg[t] = u->a;
        if (u->op != CNN_TERM_CONST)
            continue;
        c->reg[t] = (int32_t)(c->n_in + c->n_constants);
        c->constants[c->n_constants++] = (float)u->k;
    }
    for (uint32_t i = 0; i < c->n_code; i++)
        for (int k = 0; k < arity(c->code[i].op); k++)
            c->last[*operand(&c->code[i], k)] = (int32_t)i;
}

/* Results get the lowest free register; operands are read before the result is written. */
static bool give_registers(compiler *c)
{
    bool taken[CPU_MAP_REGISTERS] = { false };
    const int32_t first = (int32_t)(c->n_in + c->n_constants);
    for (uint32_t i = 0; i < c->n_code; i++) {
        cpu_map_code *code = &c->code[i];
        const uint16_t term = code->dst;
        int32_t free_register = first;
        for (int k = 0; k < arity(code->op); k++) {
            const uint16_t read = *operand(code, k);
            *operand(code, k) = (uint16_t)c->reg[read];
            if (c->last[read] == (int32_t)i && c->reg[read] >= first)
                taken[c->reg[read]] = false;
        }
        for (int k = arity(code->op); k < 3; k++)
            *operand(code, k) = 0;
        while (free_register < CPU_MAP_REGISTERS && taken[free_register])
            free_register++;
        if (free_register >= CPU_MAP_REGISTERS)
            return false;
        taken[free_register] = true;
        c->reg[term] = free_register;
        code->dst = (uint16_t)free_register;
    }
    return true;
}

bool cpu_map_compile(const cnn_expr *expr, uint32_t n_in, cpu_map_code **code, uint32_t *n_code,
                     float **constants, uint32_t *n_constants)
{
    const size_t n = (size_t)expr->count + 1;
    compiler c = { .expr = expr, .n_in = n_in };
    c.code = calloc(n, sizeof *c.code);
    c.constants = calloc(n, sizeof *c.constants);
    c.uses = calloc(n, sizeof *c.uses);
    c.last = calloc(n, sizeof *c.last);
    c.reg = calloc(n, sizeof *c.reg);
    bool ok =
        c.code != NULL && c.constants != NULL && c.uses != NULL && c.last != NULL && c.reg != NULL;
    if (ok) {
        count_uses(&c);
        select_instructions(&c);
        place_leaves(&c);
        ok = n_in + c.n_constants < CPU_MAP_REGISTERS && give_registers(&c);
    }
    free(c.uses);
    free(c.last);
    free(c.reg);
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
