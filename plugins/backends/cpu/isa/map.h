/* map: instructions on blocks of vectors, one switch per block. */
#ifndef CPU_MAP_H
#define CPU_MAP_H

#include "math.h"

enum { MAP_BLOCK = 16 }; /* vectors: a register is 512 bytes of the first cache with AVX2 */

#define EACH(expression)            \
    for (int64_t i = 0; i < n; i++) \
        y[i] = (expression);        \
    break

/* What libm has to do lane by lane. */
#define LANEWISE(expression)            \
    for (int64_t i = 0; i < n; i++)     \
        for (int l = 0; l < LANES; l++) \
            y[i][l] = (expression);     \
    break

static void map_math(uint32_t op, const vf_any *a, const vf_any *b, vf_any *y, int64_t n)
{
    switch (op) {
    case CNN_TERM_FLOOR:
        LANEWISE(floorf(a[i][l]));
    case CNN_TERM_EXP:
        EACH(vexp(a[i]));
    case CNN_TERM_EXPM1:
        LANEWISE(expm1f(a[i][l]));
    case CNN_TERM_LOG:
        EACH(vlog(a[i]));
    case CNN_TERM_LOG1P:
        LANEWISE(log1pf(a[i][l]));
    case CNN_TERM_SQRT:
        LANEWISE(sqrtf(a[i][l]));
    case CNN_TERM_RSQRT:
        LANEWISE(1 / sqrtf(a[i][l]));
    case CNN_TERM_SIN:
        LANEWISE(sinf(a[i][l]));
    case CNN_TERM_COS:
        LANEWISE(cosf(a[i][l]));
    case CNN_TERM_TANH:
        LANEWISE(tanhf(a[i][l]));
    case CNN_TERM_SIGMOID:
        EACH(1 / (1 + vexp(-a[i])));
    case CNN_TERM_ERF:
        LANEWISE(erff(a[i][l]));
    default: /* CNN_TERM_POW */
        LANEWISE(powf(a[i][l], b[i][l]));
    }
}

static void map_instruction(uint32_t op, const vf_any *a, const vf_any *b, const vf_any *c, vf_any *y, int64_t n)
{
    const vf zero = { 0 };
    switch (op) {
    case CNN_TERM_NEG:
        EACH(-a[i]);
    case CNN_TERM_ABS:
        EACH((vf)((vi)a[i] & 0x7fffffff));
    case CNN_TERM_SIGN:
        EACH(truth(a[i] > zero) - truth(a[i] < zero));
    case CNN_TERM_ADD:
        EACH(a[i] + b[i]);
    case CNN_TERM_SUB:
        EACH(a[i] - b[i]);
    case CNN_TERM_MUL:
        EACH(a[i] * b[i]);
    case CNN_TERM_DIV:
        EACH(a[i] / b[i]);
    case CNN_TERM_MIN:
        EACH(choose(a[i] < b[i], a[i], b[i]));
    case CNN_TERM_MAX:
        EACH(choose(b[i] < a[i], a[i], b[i]));
    case CNN_TERM_LT:
        EACH(truth(a[i] < b[i]));
    case CNN_TERM_LE:
        EACH(truth(a[i] <= b[i]));
    case CNN_TERM_EQ:
        EACH(truth(a[i] == b[i]));
    case CNN_TERM_SELECT:
        EACH(choose(a[i] != zero, b[i], c[i]));
    case CPU_MAP_COPY:
        EACH(a[i]);
    case CPU_MAP_RELU:
        EACH(choose(a[i] <= zero, zero, a[i]));
    case CPU_MAP_GATE:
        EACH(choose(a[i] <= zero, zero, b[i]));
    case CPU_MAP_MULADD:
        EACH(a[i] * b[i] + c[i]);
    default:
        map_math(op, a, b, y, n);
    }
}

#undef EACH
#undef LANEWISE

typedef struct map_walk {
    const cpu_map_params *m;
    void *const *p;
    vf block[CPU_MAP_REGISTERS][MAP_BLOCK];
    const vf_any *reg[CPU_MAP_REGISTERS]; /* in memory or in a block */
} map_walk;

static void map_fill(map_walk *k, uint32_t i, vf v)
{
    for (int j = 0; j < MAP_BLOCK; j++)
        k->block[i][j] = v;
    k->reg[i] = (const vf_any *)k->block[i];
}

/* What is the same for a row. */
static void map_start_row(map_walk *k, int64_t c, int64_t h)
{
    for (uint32_t i = 0; i < k->m->n_in; i++) {
        const cpu_map_operand *o = &k->m->in[i];
        const float *from = k->p[i];
        const int64_t at = c * o->c + h * o->h;
        if (o->stream == CPU_STREAM_SAME)
            map_fill(k, i, load(from + at * LANES));
        else if (o->stream == CPU_STREAM_SPLAT)
            map_fill(k, i, splat(from[at]));
    }
}

static void map_block(map_walk *k, int64_t c, int64_t h, int64_t w, int64_t n)
{
    const cpu_map_params *m = k->m;
    vf_any *out = (vf_any *)k->p[m->n_in] + c * m->out.plane + h * m->out.row + w;
    for (uint32_t i = 0; i < m->n_in; i++) {
        const cpu_map_operand *o = &m->in[i];
        const int64_t at = c * o->c + h * o->h + w;
        if (o->stream == CPU_STREAM_VECTOR)
            k->reg[i] = (const vf_any *)k->p[i] + at;
        else if (o->stream == CPU_STREAM_EACH) {
            for (int64_t j = 0; j < n; j++)
                k->block[i][j] = splat(((const float *)k->p[i])[at + j]);
            k->reg[i] = (const vf_any *)k->block[i];
        }
    }
    for (uint32_t i = 0; i < m->n_code; i++) {
        const cpu_map_code *code = &m->code[i];
        vf_any *to = i + 1 == m->n_code ? out : (vf_any *)k->block[code->dst];
        map_instruction(code->op, k->reg[code->a], k->reg[code->b], k->reg[code->c], to, n);
        k->reg[code->dst] = to;
    }
}

static void map_run(const void *params, void *const *p, const cpu_tile *tile)
{
    map_walk k;
    k.m = params;
    k.p = p;
    (void)tile;
    k.reg[0] = k.block[0]; /* unused operands name register 0 */
    for (uint32_t i = 0; i < k.m->n_constants; i++)
        map_fill(&k, k.m->n_in + i, splat(k.m->constants[i]));
    for (int64_t c = 0; c < k.m->out.c; c++)
        for (int64_t h = 0; h < k.m->out.h; h++) {
            map_start_row(&k, c, h);
            for (int64_t w = 0; w < k.m->out.w; w += MAP_BLOCK)
                map_block(&k, c, h, w, k.m->out.w - w < MAP_BLOCK ? k.m->out.w - w : MAP_BLOCK);
        }
}

#endif
