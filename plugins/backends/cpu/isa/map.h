/* map: the instructions of an expression, each on a block of vectors before the next, so that what
 * it costs to look at an instruction is shared by the block, and results stay in the first cache.
 * Operands and the result are used where they lie; one vector for all x is an operand of step 0. */
#ifndef CPU_MAP_H
#define CPU_MAP_H

#include "math.h"

/* Vectors of a block, 2 KiB a register: a block costs some 40 ns besides its contents, and a dozen
 * registers fit the first cache. */
enum { MAP_BLOCK = 512 / LANES };

typedef struct map_operand {
    const float *p;
    int64_t step, row; /* floats from vector to vector, LANES or 0, and from row to row */
} map_operand;

/* One instruction on rows of n vectors. */
typedef struct map_call {
    const map_operand *a, *b, *c;
    float *y;
    int64_t y_row, rows, n;
} map_call;

typedef struct map_walk {
    const cpu_map_params *m;
    void *const *p;
    int64_t rows, w; /* of a block, at most */
    bool by_h;       /* rows of a block lie along h, else along c */
    map_operand reg[CPU_MAP_REGISTERS];
    vf same[CPU_MAP_REGISTERS]; /* registers of step and row 0 */
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

ALWAYS void map_advance(map_operand *o, int64_t vectors)
{
    o->p += vectors * o->step;
}

/* y may be what one of the operands is: every vector is read before its place is written, and never
 * afterwards. Two vectors at a time where the loop would cost as much as its contents; with more,
 * steps and pointers of three operands do not fit the registers. */
ALWAYS void map_rows(uint32_t op, bool pairs, const map_call *k)
{
    map_operand a = *k->a, b = *k->b, c = *k->c;
    const int64_t a_gap = a.row - k->n * a.step, b_gap = b.row - k->n * b.step;
    const int64_t c_gap = c.row - k->n * c.step, y_gap = k->y_row - k->n * LANES;
    float *y = k->y;
    for (int64_t rows = k->rows; rows > 0; rows--) {
        int64_t n = k->n;
        for (; pairs && n >= 2; n -= 2) {
            const vf y0 = map_vector(op, load(a.p), load(b.p), load(c.p));
            const vf y1 =
                map_vector(op, load(a.p + a.step), load(b.p + b.step), load(c.p + c.step));
            store(y, y0);
            store(y + LANES, y1);
            map_advance(&a, 2);
            map_advance(&b, 2);
            map_advance(&c, 2);
            y += 2 * LANES;
        }
        for (; n > 0; n--) {
            store(y, map_vector(op, load(a.p), load(b.p), load(c.p)));
            map_advance(&a, 1);
            map_advance(&b, 1);
            map_advance(&c, 1);
            y += LANES;
        }
        a.p += a_gap;
        b.p += b_gap;
        c.p += c_gap;
        y += y_gap;
    }
}

// clang-format off
#define SHORT(op) case op: map_rows(op, true, k); break
#define LONG(op) case op: map_rows(op, false, k); break
// clang-format on

static void map_instruction(uint32_t op, const map_call *k)
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

/* The same vector everywhere? */
ALWAYS bool map_is_same(const map_operand *o)
{
    return (o->step | o->row) == 0;
}

/* Rows that follow each other without a gap in all operands are one. */
ALWAYS void map_join_rows(map_call *k)
{
    const int64_t gaps = (k->a->row - k->n * k->a->step) | (k->b->row - k->n * k->b->step) |
                         (k->c->row - k->n * k->c->step) | (k->y_row - k->n * LANES);
    k->n *= gaps == 0 ? k->rows : 1;
    k->rows = gaps == 0 ? 1 : k->rows;
}

/* Instructions on what is the same everywhere are computed once a block. */
static void map_block(map_walk *k, float *y, int64_t y_row, int64_t rows, int64_t n)
{
    const cpu_map_code *s = k->m->code, *last = s + k->m->n_code - 1;
    for (; s < last; s++) {
        const map_operand *a = &k->reg[s->a], *b = &k->reg[s->b], *c = &k->reg[s->c];
        if (map_is_same(a) && map_is_same(b) && map_is_same(c)) {
            map_instruction(s->op, &(map_call){ a, b, c, (float *)&k->same[s->dst], 0, 1, 1 });
            k->reg[s->dst] = (map_operand){ (const float *)&k->same[s->dst], 0, 0 };
        } else {
            map_call call = { a, b, c, (float *)k->block[s->dst], n * LANES, rows, n };
            map_join_rows(&call);
            map_instruction(s->op, &call);
            k->reg[s->dst] = (map_operand){ (const float *)k->block[s->dst], LANES, n * LANES };
        }
    }
    map_call call = { &k->reg[s->a], &k->reg[s->b], &k->reg[s->c], y, y_row, rows, n };
    map_join_rows(&call);
    map_instruction(s->op, &call);
}

/* Floats become vectors: one for each row, or each x. */
static map_operand map_spread(map_walk *k, uint32_t i, const float *from, int64_t row, int64_t rows,
                              int64_t n)
{
    const bool each = k->m->in[i].stream == CPU_STREAM_EACH;
    vf *to = row == 0 && !each ? &k->same[i] : k->block[i];
    const int64_t count = each ? n : 1;
    for (int64_t r = 0; r < (row == 0 && !each ? 1 : rows); r++)
        for (int64_t x = 0; x < count; x++)
            to[r * count + x] = splat(from[r * row + x]);
    return (map_operand){ (const float *)to, each ? LANES : 0,
                          row == 0 && !each ? 0 : count * LANES };
}

/* The inputs of the block that begins at (c, h, x). */
static void map_begin(map_walk *k, int64_t c, int64_t h, int64_t x, int64_t rows, int64_t n)
{
    for (uint32_t i = 0; i < k->m->n_in; i++) {
        const cpu_map_operand *o = &k->m->in[i];
        const float *from = k->p[i];
        const int64_t at = c * o->c + h * o->h, row = k->by_h ? o->h : o->c;
        if (o->stream == CPU_STREAM_VECTOR)
            k->reg[i] = (map_operand){ from + (at + x) * LANES, LANES, row * LANES };
        else if (o->stream == CPU_STREAM_SAME)
            k->reg[i] = (map_operand){ from + at * LANES, 0, row * LANES };
        else
            k->reg[i] =
                map_spread(k, i, from + at + (o->stream == CPU_STREAM_EACH ? x : 0), row, rows, n);
    }
}

/* Blocks of whole short rows, or of parts of long ones. One instruction needs no room for results,
 * so that its rows may be of any length. */
static void map_extents(map_walk *k)
{
    const cpu_map_params *m = k->m;
    bool any_each = false;
    for (uint32_t i = 0; i < m->n_in; i++)
        any_each = any_each || m->in[i].stream == CPU_STREAM_EACH;
    const bool single = m->n_code == 1 && !any_each;
    k->by_h = m->out.h > 1;
    k->w = single || m->out.w < MAP_BLOCK ? m->out.w : MAP_BLOCK;
    k->rows = single ? MAP_BLOCK : k->w < m->out.w ? 1 : MAP_BLOCK / (k->w > 0 ? k->w : 1);
}

static void map_plane(map_walk *k, int64_t c, int64_t all_rows)
{
    const cpu_view *out = &k->m->out;
    const int64_t y_row = (k->by_h ? out->row : out->plane) * LANES;
    for (int64_t r = 0; r < all_rows; r += k->rows)
        for (int64_t x = 0; x < out->w; x += k->w) {
            const int64_t rows = all_rows - r < k->rows ? all_rows - r : k->rows;
            const int64_t n = out->w - x < k->w ? out->w - x : k->w;
            float *y = (float *)k->p[k->m->n_in] + (c * out->plane + x) * LANES + r * y_row;
            map_begin(k, k->by_h ? c : r, k->by_h ? r : 0, x, rows, n);
            map_block(k, y, y_row, rows, n);
        }
}

static void map_run(const void *params, void *const *p, const cpu_tile *tile)
{
    map_walk k;
    k.m = params;
    k.p = p;
    (void)tile;
    for (uint32_t i = 0; i < k.m->n_constants; i++) {
        const uint32_t to = k.m->n_in + i;
        k.same[to] = splat(k.m->constants[i]);
        k.reg[to] = (map_operand){ (const float *)&k.same[to], 0, 0 };
    }
    map_extents(&k);
    if (!k.by_h)
        map_plane(&k, 0, k.m->out.c);
    for (int64_t c = 0; k.by_h && c < k.m->out.c; c++)
        map_plane(&k, c, k.m->out.h);
}

#endif
