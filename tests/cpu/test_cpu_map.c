/* map: expressions in float against intervals in double, and chosen numbers against the definition.
 */
#include "cpu_test.h"

#include "cpu/map_code.h"
#include "ranges.h"

enum { TERMS = RANGES_TERMS, INPUTS = 4, PLAIN = 3 * 3 * 150 };

/* ---- expressions ---- */

typedef struct writer {
    cnn_term terms[TERMS];
    int32_t count;
} writer;

static int32_t term(writer *w, uint32_t op, int32_t a, int32_t b, int32_t c)
{
    w->terms[w->count] = (cnn_term){ op, a, b, c, 0 };
    return w->count++;
}

static int32_t constant(writer *w, double k)
{
    int32_t t = term(w, CNN_TERM_CONST, -1, -1, -1);
    w->terms[t].k = k;
    return t;
}

static int32_t gate(writer *w, int32_t a, int32_t b)
{
    int32_t test = term(w, CNN_TERM_LE, a, constant(w, 0), -1);
    return term(w, CNN_TERM_SELECT, test, constant(w, 0), b);
}

static bool wants_positive(uint32_t op)
{
    return op == CNN_TERM_LOG || op == CNN_TERM_SQRT || op == CNN_TERM_RSQRT ||
           op == CNN_TERM_LOG1P || op == CNN_TERM_POW;
}

/* Plain operations on terms that are there, and what the compiler makes one instruction of. */
static void write_more(scene *s, writer *w)
{
    int32_t a = (int32_t)between(s, 0, w->count - 1), b = (int32_t)between(s, 0, w->count - 1);
    int32_t c = (int32_t)between(s, 0, w->count - 1);
    uint32_t op = (uint32_t)between(s, CNN_TERM_NEG, CNN_TERM_SELECT);
    switch (between(s, 0, 9)) {
    case 0:
        gate(w, a, a);
        break;
    case 1:
        gate(w, a, b);
        break;
    case 2:
        term(w, CNN_TERM_ADD, c, term(w, CNN_TERM_MUL, a, b, -1), -1);
        break;
    case 3:
        term(w, CNN_TERM_SUB, c, term(w, CNN_TERM_MUL, a, b, -1), -1);
        break;
    case 4:
        a = term(w, CNN_TERM_ADD, a, b, -1);
        gate(w, a, a);
        break;
    case 5:
        a = term(w, CNN_TERM_ADD, term(w, CNN_TERM_MUL, a, b, -1), c, -1);
        gate(w, a, a);
        break;
    case 6:
        constant(w, (double)number(s, NORMAL));
        break;
    default:
        if (wants_positive(op) && !one_in(s, 5))
            a = term(w, CNN_TERM_ABS, a, -1, -1);
        term(w, op, a, cnn_term_arity(op) > 1 ? b : -1, cnn_term_arity(op) > 2 ? c : -1);
    }
}

/* ---- operands ---- */

typedef struct stream {
    cpu_map_operand o;
    int operand;        /* of the scene: vectors; -1: floats */
    float plain[PLAIN]; /* [c][h][w], dense */
} stream;

static stream add_stream(scene *s, const cpu_view *v, numbers kind)
{
    stream t = { .o = { 0, 0, (int32_t)between(s, 0, 3) }, .operand = -1 };
    bool by_c = !one_in(s, 3), by_h = !one_in(s, 3);
    bool by_x = t.o.stream == CPU_STREAM_VECTOR || t.o.stream == CPU_STREAM_EACH;
    int64_t w = by_x ? v->w : 1;
    t.o.c = v->h * w;
    t.o.h = w;
    if (t.o.stream == CPU_STREAM_VECTOR || t.o.stream == CPU_STREAM_SAME) {
        t.operand = add_input(s, v->c, v->h, w, kind);
        t.o.c = s->op[t.operand].v.plane;
        t.o.h = s->op[t.operand].v.row;
    }
    for (int64_t i = 0; i < PLAIN; i++)
        t.plain[i] = number(s, kind);
    t.o.c = by_c ? t.o.c : 0;
    t.o.h = by_h ? t.o.h : 0;
    return t;
}

static double stream_at(const scene *s, const stream *t, int64_t l, int64_t c, int64_t y, int64_t x)
{
    bool by_x = t->o.stream == CPU_STREAM_VECTOR || t->o.stream == CPU_STREAM_EACH;
    int64_t i = c * t->o.c + y * t->o.h + (by_x ? x : 0);
    return (double)(t->operand < 0 ? t->plain[i] : s->op[t->operand].data[i * s->k->lanes + l]);
}

typedef struct program {
    cnn_expr expr;
    cpu_map_params params;
    cpu_map_code *code;
    float *constants;
} program;

static bool compiled(program *p, const writer *w, uint32_t n_in)
{
    p->expr = (cnn_expr){ (uint32_t)w->count, w->terms };
    p->params.n_in = n_in;
    bool ok = cpu_map_compile(&p->expr, n_in, &p->code, &p->params.n_code, &p->constants,
                              &p->params.n_constants);
    p->params.code = p->code;
    p->params.constants = p->constants;
    return CHECK(ok);
}

static void forget(program *p)
{
    free(p->code);
    free(p->constants);
}

/* ---- rows ---- */

/* An operand that has the extents of the result may be where the result goes. */
static int add_result(scene *s, const stream *t, uint32_t n_in, const cpu_view *v)
{
    for (uint32_t i = 0; i < n_in && one_in(s, 2); i++)
        if (t[i].o.stream == CPU_STREAM_VECTOR && (t[i].o.c != 0 || v->c == 1) &&
            (t[i].o.h != 0 || v->h == 1))
            return t[i].operand;
    return add_operand(s, v->c, v->h, v->w);
}

static void expect_ranges(scene *s, int out, const range *want)
{
    EACH_ELEMENT(&s->op[out].v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++, want++) {
        double got = (double)*at(s, out, l, c, y, x);
        bool ok = isnan(want->low) ? isnan(got) : got >= want->low && got <= want->high;
        if (want->unknown || ok)
            CHECK(true);
        else
            report(s, got, want->low == want->high ? want->low : (want->low + want->high) / 2);
    }
    expect_margins(s, out);
}

static void run_map(scene *s, program *p, const stream *t, int out)
{
    const cpu_view *v = &s->op[out].v;
    cpu_map_operand in[INPUTS];
    void *operands[INPUTS + 1];
    range *want = calloc((size_t)(v->c * v->h * v->w * s->tile.images), sizeof *want), *next = want;
    for (uint32_t i = 0; i < p->params.n_in; i++) {
        in[i] = t[i].o;
        operands[i] = t[i].operand < 0 ? (void *)(uintptr_t)t[i].plain : s->op[t[i].operand].data;
    }
    EACH_ELEMENT(v, c, y, x)
    for (int64_t l = 0; l < s->tile.images; l++) {
        double values[INPUTS];
        for (uint32_t i = 0; i < p->params.n_in; i++)
            values[i] = stream_at(s, &t[i], l, c, y, x);
        *next++ = bounds(&p->expr, values);
    }
    operands[p->params.n_in] = s->op[out].data;
    p->params.in = in;
    p->params.out = *v;
    s->k->map(&p->params, operands, &s->tile);
    expect_ranges(s, out, want);
    free(want);
}

static void play_map(scene *s)
{
    writer w = { .count = 0 };
    program p = { .params.n_in = 0 };
    stream t[INPUTS];
    const uint32_t n_in = (uint32_t)between(s, 0, INPUTS);
    const bool long_row = one_in(s, 4);
    const cpu_view v = { between(s, 1, 3), between(s, 1, 3), between(s, 1, long_row ? 150 : 12), 0,
                         0 };
    for (uint32_t i = 0; i < n_in; i++) {
        t[i] = add_stream(s, &v, s->round % 3 == 0 ? SPECIAL : NORMAL);
        term(&w, CNN_TERM_INPUT, (int32_t)i, -1, -1);
    }
    if (n_in == 0)
        constant(&w, (double)number(s, NORMAL));
    for (int64_t more = between(s, 0, one_in(s, 4) ? 12 : 3); more > 0; more--)
        write_more(s, &w);
    if (compiled(&p, &w, n_in))
        run_map(s, &p, t, add_result(s, t, n_in, &v));
    forget(&p);
}

static void expressions_lie_within_the_tolerances_of_their_terms(void)
{
    each_scene("map", 1500, play_map);
}

/* ---- one operation on chosen numbers ---- */

static const float specials[] = { 0,      -0.0f,   1,       -1,     0.5f,     -2,
                                  3e-41f, -3e-41f, 1e30f,   -1e30f, INFINITY, -INFINITY,
                                  NAN,    FLT_MAX, FLT_MIN, 88.9f };

enum { SPECIALS = sizeof specials / sizeof specials[0], NUMBERS = 1 << 16 };

static bool same_bits(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

/* Dense rows of count floats. */
static void run_rows(const cpu_kernels *k, program *p, float *a, float *b, float *y, int64_t count)
{
    const cpu_map_operand in[2] = { { 0, 0, CPU_STREAM_VECTOR }, { 0, 0, CPU_STREAM_VECTOR } };
    void *operands[3] = { a, b, y };
    const int64_t w = count / k->lanes;
    operands[p->params.n_in] = y;
    p->params.in = in;
    p->params.out = (cpu_view){ 1, 1, w, w, w };
    k->map(&p->params, operands, &(cpu_tile){ 0, k->lanes });
}

/* Correctly rounded and picking operations have one result. */
static void check_pairs(const cpu_kernels *k, const writer *w, float (*want)(float, float))
{
    float a[SPECIALS * SPECIALS], b[SPECIALS * SPECIALS], y[SPECIALS * SPECIALS];
    program p = { .params.n_in = 0 };
    for (int i = 0; i < SPECIALS * SPECIALS; i++) {
        a[i] = specials[i / SPECIALS];
        b[i] = specials[i % SPECIALS];
    }
    if (compiled(&p, w, 2))
        run_rows(k, &p, a, b, y, SPECIALS * SPECIALS);
    for (int i = 0; i < SPECIALS * SPECIALS && p.code != NULL; i++)
        if (!CHECK(same_bits(y[i], want(a[i], b[i]))))
            fprintf(stderr, "  %s, instruction %d of %g, %g: got %g, want %g\n", k->name,
                    p.code[p.params.n_code - 1].op, (double)a[i], (double)b[i], (double)y[i],
                    (double)want(a[i], b[i]));
    forget(&p);
}

static float relu_of(float a, float b)
{
    (void)b;
    return a <= 0 ? 0 : a;
}

static float gate_of(float a, float b)
{
    return a <= 0 ? 0 : b;
}

static float sum_relu_of(float a, float b)
{
    return relu_of(a + b, 0);
}

static float least_of(float a, float b)
{
    return a < b ? a : b;
}

static float greatest_of(float a, float b)
{
    return b < a ? a : b;
}

static float select_of(float a, float b)
{
    return a != 0 ? b : a;
}

static float quotient_of(float a, float b)
{
    return a / b;
}

static float not_above_of(float a, float b)
{
    return a <= b;
}

static writer two_inputs(void)
{
    writer w = { .count = 0 };
    term(&w, CNN_TERM_INPUT, 0, -1, -1);
    term(&w, CNN_TERM_INPUT, 1, -1, -1);
    return w;
}

static void check_specials(const cpu_kernels *k)
{
    static const struct {
        uint32_t op;
        float (*want)(float, float);
    } plain[] = { { CNN_TERM_MIN, least_of },
                  { CNN_TERM_MAX, greatest_of },
                  { CNN_TERM_DIV, quotient_of },
                  { CNN_TERM_LE, not_above_of } };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        writer w = two_inputs();
        term(&w, plain[i].op, 0, 1, -1);
        check_pairs(k, &w, plain[i].want);
    }
    writer relu = two_inputs(), gated = two_inputs(), sum = two_inputs(), select = two_inputs();
    gate(&relu, 0, 0);
    check_pairs(k, &relu, relu_of);
    gate(&gated, 0, 1);
    check_pairs(k, &gated, gate_of);
    gate(&sum, term(&sum, CNN_TERM_ADD, 0, 1, -1), 2);
    check_pairs(k, &sum, sum_relu_of);
    term(&select, CNN_TERM_SELECT, 0, 1, 0);
    check_pairs(k, &select, select_of);
}

static void each_variant(void (*check)(const cpu_kernels *))
{
    for (int v = 0; v < CPU_TEST_VARIANTS; v++)
        if (test_kernels[v] != NULL && cpu_test_runs(v))
            check(test_kernels[v]);
}

static void what_is_not_a_number_or_infinite_comes_out_as_defined(void)
{
    each_variant(check_specials);
}

/* All exponents, both signs; the first ones special. */
static void fill(float *x)
{
    for (uint32_t i = 0; i < NUMBERS; i++) {
        const uint32_t bits = i * 65521u;
        memcpy(&x[i], &bits, sizeof bits);
    }
    memcpy(x, specials, sizeof specials);
}

static void check_function(const cpu_kernels *k, uint32_t op, float *x, float *y)
{
    writer w = { .count = 0 };
    program p = { .params.n_in = 0 };
    double worst = 0, where = 0;
    term(&w, op, term(&w, CNN_TERM_INPUT, 0, -1, -1), -1, -1);
    if (compiled(&p, &w, 1))
        run_rows(k, &p, x, NULL, y, NUMBERS);
    for (int i = 0; i < NUMBERS && p.code != NULL; i++) {
        const double want = value_of(op, (double)x[i], 0), got = (double)y[i];
        const float rounded = (float)want;
        bool plain = isfinite(rounded) && isfinite(y[i]) && rounded != 0;
        const double off = plain ? fabs(got - want) / ulp(want) : 0;
        if (off > worst)
            worst = off, where = (double)x[i];
        bool near_limit = isinf(rounded) != isinf(y[i]) && fabs(want) > 0.999999 * (double)FLT_MAX;
        if (!CHECK(plain ? off <= tolerance[op] : near_limit || same_bits(y[i], rounded)))
            fprintf(stderr, "  %s, term %u of %a: got %a, want %a\n", k->name, op, (double)x[i],
                    got, want);
    }
    printf("%s, term %2u: %.2f units at %g\n", k->name, op, worst, where);
    forget(&p);
}

static void check_functions(const cpu_kernels *k)
{
    float *x = calloc(NUMBERS, sizeof *x), *y = calloc(NUMBERS, sizeof *y);
    fill(x);
    for (uint32_t op = CNN_TERM_NEG; op <= CNN_TERM_ERF; op++)
        check_function(k, op, x, y);
    free(x);
    free(y);
}

static void functions_are_good_to_a_few_units_for_all_floats(void)
{
    each_variant(check_functions);
}

int main(void)
{
    say_what_is_skipped();
    return RUN_TESTS(TEST(expressions_lie_within_the_tolerances_of_their_terms),
                     TEST(what_is_not_a_number_or_infinite_comes_out_as_defined),
                     TEST(functions_are_good_to_a_few_units_for_all_floats));
}
