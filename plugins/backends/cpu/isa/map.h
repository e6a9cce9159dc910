/* map: the instructions of an expression, each on a block of vectors before the next, so that what
 * it costs to look at an instruction is shared by the block, and results stay in the first cache.
 * Operands and the result are used where they lie; one vector for all x is an operand of step 0. */
#ifndef CPU_MAP_H
#define CPU_MAP_H

#include "math.h"

enum {
    MAP_BLOCK = 32
}; /* vectors: 1 KiB a register with AVX2, 20 of them fit beside the operands */

typedef struct map_operand {
    const float *p;
    int64_t step; /* floats from vector to vector: LANES or 0 */
} map_operand;

typedef struct map_walk {
    map_operand reg[CPU_MAP_REGISTERS];
    const float *each[CPU_MAX_OPERANDS]; /* CPU_STREAM_EACH: where the next floats are */
    vf same[CPU_MAP_REGISTERS];          /* registers of step 0 */
    vf block[CPU_MAP_REGISTERS][MAP_BLOCK];
} map_walk;

/* What libm has to do. */
ALWAYS vf map_lanes(uint32_t op, vf a, vf b)
{
    for (int i = 0; i < LANES; i++)
        a[i] = op == CNN_TERM_SIN ? sinf(a[i]) : op == CNN_TERM_COS ? cosf(a[i]) : powf(a[i], b[i]);
    return a;
}

ALWAYS vf map_relu(vf a)
{
    return choose(a <= 0, splat(0), a);
}

/* Of one vector. op is known when this is compiled. */
ALWAYS vf map_vector(uint32_t op, vf a, vf b, vf c)
{
    switch (op) {
    case CNN_TERM_NEG:
        return -a;
    case CNN_TERM_ABS:
        return vabs(a);
    case CNN_TERM_SIGN:
        return vsign(a);
    case CNN_TERM_FLOOR:
        return vfloor(a);
    case CNN_TERM_EXP:
        return vexp(a);
    case CNN_TERM_EXPM1:
        return vexpm1(a);
    case CNN_TERM_LOG:
        return vlog(a);
    case CNN_TERM_LOG1P:
        return vlog1p(a);
    case CNN_TERM_SQRT:
        return vsqrt(a);
    case CNN_TERM_RSQRT:
        return vrsqrt(a);
    case CNN_TERM_TANH:
        return vtanh(a);
    case CNN_TERM_SIGMOID:
        return vsigmoid(a);
    case CNN_TERM_ERF:
        return verf(a);
    case CNN_TERM_ADD:
        return a + b;
    case CNN_TERM_SUB:
        return a - b;
    case CNN_TERM_MUL:
        return a * b;
    case CNN_TERM_DIV:
        return a / b;
    case CNN_TERM_MIN:
        return vmin(a, b);
    case CNN_TERM_MAX:
        return vmax(a, b);
    case CNN_TERM_LT:
        return truth(a < b);
    case CNN_TERM_LE:
        return truth(a <= b);
    case CNN_TERM_EQ:
        return truth(a == b);
    case CNN_TERM_SELECT:
        return choose(a != 0, b, c);
    case CPU_MAP_RELU:
        return map_relu(a);
    case CPU_MAP_GATE:
        return choose(a <= 0, splat(0), b);
    case CPU_MAP_MULADD:
        return a * b + c;
    case CPU_MAP_MULSUB:
        return c - a * b;
    case CPU_MAP_ADD_RELU:
        return map_relu(a + b);
    case CPU_MAP_MULADD_RELU:
        return map_relu(a * b + c);
    case CPU_MAP_COPY:
        return a;
    default:
        return map_lanes(op, a, b);
    }
}

/* y may be what one of the operands is: every vector is read before its place is written, and never
 * afterwards. */
ALWAYS void map_vectors(uint32_t op, int at_once, map_operand a, map_operand b, map_operand c,
                        float *y, int64_t n)
{
    for (; n >= at_once; n -= at_once) {
        vf r[4];
        for (int i = 0; i < at_once; i++)
            r[i] = map_vector(op, load(a.p + i * a.step), load(b.p + i * b.step),
                              load(c.p + i * c.step));
        for (int i = 0; i < at_once; i++)
            store(y + i * LANES, r[i]);
        a.p += at_once * a.step;
        b.p += at_once * b.step;
        c.p += at_once * c.step;
        y += at_once * LANES;
    }
}

/* Several vectors at a time where the loop would cost as much as its contents. */
ALWAYS void map_many(uint32_t op, map_operand a, map_operand b, map_operand c, float *y, int64_t n)
{
    const int64_t whole = n & ~(int64_t)3;
    map_vectors(op, 4, a, b, c, y, n);
    a.p += whole * a.step;
    b.p += whole * b.step;
    c.p += whole * c.step;
    map_vectors(op, 1, a, b, c, y + whole * LANES, n - whole);
}

// clang-format off
#define SHORT(op) case op: map_many(op, a, b, c, y, n); break
#define LONG(op) case op: map_vectors(op, 1, a, b, c, y, n); break
// clang-format on

static void map_instruction(uint32_t op, map_operand a, map_operand b, map_operand c, float *y,
                            int64_t n)
{
    switch (op) {
        SHORT(CNN_TERM_NEG);
        SHORT(CNN_TERM_ABS);
        SHORT(CNN_TERM_SIGN);
        LONG(CNN_TERM_FLOOR);
        LONG(CNN_TERM_EXP);
        LONG(CNN_TERM_EXPM1);
        LONG(CNN_TERM_LOG);
        LONG(CNN_TERM_LOG1P);
        LONG(CNN_TERM_SQRT);
        LONG(CNN_TERM_RSQRT);
        LONG(CNN_TERM_SIN);
        LONG(CNN_TERM_COS);
        LONG(CNN_TERM_TANH);
        LONG(CNN_TERM_SIGMOID);
        LONG(CNN_TERM_ERF);
        SHORT(CNN_TERM_ADD);
        SHORT(CNN_TERM_SUB);
        SHORT(CNN_TERM_MUL);
        LONG(CNN_TERM_DIV);
        LONG(CNN_TERM_POW);
        SHORT(CNN_TERM_MIN);
        SHORT(CNN_TERM_MAX);
        SHORT(CNN_TERM_LT);
        SHORT(CNN_TERM_LE);
        SHORT(CNN_TERM_EQ);
        SHORT(CNN_TERM_SELECT);
        SHORT(CPU_MAP_RELU);
        SHORT(CPU_MAP_GATE);
        SHORT(CPU_MAP_MULADD);
        SHORT(CPU_MAP_MULSUB);
        SHORT(CPU_MAP_ADD_RELU);
        SHORT(CPU_MAP_MULADD_RELU);
        SHORT(CPU_MAP_COPY);
    }
}

#undef SHORT
#undef LONG

/* Instructions whose operands are the same for all x are computed once a block. */
static void map_block(map_walk *k, const cpu_map_params *m, float *y, int64_t n)
{
    for (uint32_t i = 0; i + 1 < m->n_code; i++) {
        const cpu_map_code *s = &m->code[i];
        const map_operand a = k->reg[s->a], b = k->reg[s->b], c = k->reg[s->c];
        const bool same = (a.step | b.step | c.step) == 0;
        float *to = (float *)(same ? &k->same[s->dst] : k->block[s->dst]);
        map_instruction(s->op, a, b, c, to, same ? 1 : n);
        k->reg[s->dst] = (map_operand){ to, same ? 0 : LANES };
    }
    const cpu_map_code *s = &m->code[m->n_code - 1];
    map_instruction(s->op, k->reg[s->a], k->reg[s->b], k->reg[s->c], y, n);
}

/* The inputs where row (c, h) begins. */
static bool map_begin_row(map_walk *k, const cpu_map_params *m, void *const *p, int64_t c,
                          int64_t h)
{
    bool any_each = false;
    for (uint32_t i = 0; i < m->n_in; i++) {
        const cpu_map_operand *o = &m->in[i];
        const float *from = p[i];
        const int64_t at = c * o->c + h * o->h;
        k->reg[i].p = from + at * LANES;
        k->reg[i].step = o->stream == CPU_STREAM_VECTOR ? LANES : 0;
        if (o->stream == CPU_STREAM_SPLAT) {
            k->same[i] = splat(from[at]);
            k->reg[i].p = (const float *)&k->same[i];
        }
        k->each[i] = o->stream == CPU_STREAM_EACH ? from + at : NULL;
        any_each = any_each || k->each[i] != NULL;
    }
    return any_each;
}

/* Floats become vectors, a block at a time. */
static void map_spread(map_walk *k, uint32_t n_in, int64_t n)
{
    for (uint32_t i = 0; i < n_in; i++) {
        if (k->each[i] == NULL)
            continue;
        for (int64_t x = 0; x < n; x++)
            k->block[i][x] = splat(k->each[i][x]);
        k->reg[i] = (map_operand){ (const float *)k->block[i], LANES };
        k->each[i] += n;
    }
}

/* One instruction needs no blocks. */
static void map_row(map_walk *k, const cpu_map_params *m, bool any_each, float *y)
{
    const int64_t block = m->n_code == 1 && !any_each ? m->out.w : MAP_BLOCK;
    for (int64_t left = m->out.w; left > 0; left -= block) {
        const int64_t n = left < block ? left : block;
        if (any_each)
            map_spread(k, m->n_in, n);
        map_block(k, m, y, n);
        for (uint32_t i = 0; i < m->n_in; i++)
            k->reg[i].p += n * k->reg[i].step;
        y += n * LANES;
    }
}

static void map_run(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_map_params *m = params;
    map_walk k;
    (void)tile;
    for (uint32_t i = 0; i < m->n_constants; i++) {
        k.same[m->n_in + i] = splat(m->constants[i]);
        k.reg[m->n_in + i] = (map_operand){ (const float *)&k.same[m->n_in + i], 0 };
    }
    for (int64_t c = 0; c < m->out.c; c++)
        for (int64_t h = 0; h < m->out.h; h++) {
            float *y = (float *)p[m->n_in] + (c * m->out.plane + h * m->out.row) * LANES;
            map_row(&k, m, map_begin_row(&k, m, p, c, h), y);
        }
}

#endif
