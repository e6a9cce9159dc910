/* Expressions as instructions: which ones, in which registers. */
#include "test.h"

#include <stdlib.h>

#include "cpu/map_code.h"

enum { TERMS = 1024 };

typedef struct program {
    cnn_term terms[TERMS];
    int32_t count;
    bool ok;
    cpu_map_code *code;
    float *constants;
    uint32_t n_code, n_constants;
} program;

static int32_t term(program *p, uint32_t op, int32_t a, int32_t b, int32_t c)
{
    p->terms[p->count] = (cnn_term){ op, a, b, c, 0 };
    return p->count++;
}

static int32_t input(program *p, int32_t number)
{
    return term(p, CNN_TERM_INPUT, number, -1, -1);
}

static int32_t constant(program *p, double k)
{
    int32_t t = term(p, CNN_TERM_CONST, -1, -1, -1);
    p->terms[t].k = k;
    return t;
}

/* select(a <= test, then, b) */
static int32_t choice(program *p, int32_t a, double test, double then, int32_t b)
{
    int32_t le = term(p, CNN_TERM_LE, a, constant(p, test), -1);
    return term(p, CNN_TERM_SELECT, le, constant(p, then), b);
}

static void compile(program *p, uint32_t n_in)
{
    const cnn_expr expr = { (uint32_t)p->count, p->terms };
    p->ok = cpu_map_compile(&expr, n_in, &p->code, &p->n_code, &p->constants, &p->n_constants);
}

static void forget(program *p)
{
    if (p->ok)
        free(p->code);
    if (p->ok)
        free(p->constants);
}

/* One instruction, and what it reads. */
static void check_single(program *p, uint32_t n_in, uint16_t op, uint16_t a, uint16_t b, uint16_t c)
{
    compile(p, n_in);
    if (CHECK(p->ok) && CHECK_INT(p->n_code, 1)) {
        CHECK_INT(p->code[0].op, op);
        CHECK_INT(p->code[0].a, a);
        CHECK_INT(p->code[0].b, b);
        CHECK_INT(p->code[0].c, c);
    }
    forget(p);
}

static void rectifiers_and_gates_are_one_instruction(void)
{
    program relu = { .count = 0 }, gate = { .count = 0 };
    choice(&relu, input(&relu, 0), 0, 0, 0);
    check_single(&relu, 1, CPU_MAP_RELU, 0, 0, 0);
    input(&gate, 0);
    choice(&gate, 0, 0, 0, input(&gate, 1));
    check_single(&gate, 2, CPU_MAP_GATE, 0, 1, 0);
}

static void check_is_select(program *p)
{
    compile(p, 1);
    if (CHECK(p->ok))
        CHECK_INT(p->code[p->n_code - 1].op, CNN_TERM_SELECT);
    forget(p);
}

static void what_only_looks_like_a_rectifier_is_none(void)
{
    program shifted = { .count = 0 }, negative = { .count = 0 }, strict = { .count = 0 };
    program other = { .count = 0 };
    choice(&shifted, input(&shifted, 0), 1, 0, 0);
    check_is_select(&shifted);
    choice(&negative, input(&negative, 0), 0, -0.0, 0); /* -1 becomes -0 */
    check_is_select(&negative);
    input(&strict, 0); /* 0 < NaN ? NaN : 0 is 0, the rectifier of NaN is NaN */
    constant(&strict, 0);
    term(&strict, CNN_TERM_SELECT, term(&strict, CNN_TERM_LT, 1, 0, -1), 0, 1);
    check_is_select(&strict);
    choice(&other, input(&other, 0), 0, 2, 0);
    check_is_select(&other);
}

static void products_and_sums_are_one_instruction(void)
{
    program add = { .count = 0 }, sub = { .count = 0 }, first = { .count = 0 };
    for (int32_t i = 0; i < 3; i++) {
        input(&add, i);
        input(&sub, i);
        input(&first, i);
    }
    term(&add, CNN_TERM_ADD, 2, term(&add, CNN_TERM_MUL, 0, 1, -1), -1);
    check_single(&add, 3, CPU_MAP_MULADD, 0, 1, 2);
    term(&sub, CNN_TERM_SUB, 2, term(&sub, CNN_TERM_MUL, 0, 1, -1), -1);
    check_single(&sub, 3, CPU_MAP_MULSUB, 0, 1, 2);
    term(&first, CNN_TERM_SUB, term(&first, CNN_TERM_MUL, 0, 1, -1), 2, -1);
    compile(&first, 3);
    CHECK_INT(first.n_code, 2);
    forget(&first);
}

static void rectified_sums_are_one_instruction(void)
{
    program sum = { .count = 0 }, scaled = { .count = 0 };
    for (int32_t i = 0; i < 3; i++) {
        input(&sum, i);
        input(&scaled, i);
    }
    choice(&sum, term(&sum, CNN_TERM_ADD, 0, 1, -1), 0, 0, 3);
    check_single(&sum, 3, CPU_MAP_ADD_RELU, 0, 1, 0);
    int32_t affine = term(&scaled, CNN_TERM_ADD, term(&scaled, CNN_TERM_MUL, 0, 1, -1), 2, -1);
    choice(&scaled, affine, 0, 0, affine);
    check_single(&scaled, 3, CPU_MAP_MULADD_RELU, 0, 1, 2);
}

static void what_others_read_stays(void)
{
    program p = { .count = 0 };
    input(&p, 0);
    int32_t product = term(&p, CNN_TERM_MUL, 0, input(&p, 1), -1);
    int32_t sum = term(&p, CNN_TERM_ADD, product, 0, -1);
    int32_t relu = choice(&p, sum, 0, 0, sum);
    term(&p, CNN_TERM_MAX, term(&p, CNN_TERM_MIN, product, sum, -1), relu, -1);
    compile(&p, 2);
    if (CHECK(p.ok) && CHECK_INT(p.n_code, 5)) {
        CHECK_INT(p.code[0].op, CNN_TERM_MUL);
        CHECK_INT(p.code[1].op, CNN_TERM_ADD);
        CHECK_INT(p.code[2].op, CPU_MAP_RELU);
    }
    forget(&p);
}

static void equal_terms_and_unread_ones_are_not_computed_again(void)
{
    program p = { .count = 0 };
    input(&p, 0);
    input(&p, 1);
    int32_t a = term(&p, CNN_TERM_MAX, 0, constant(&p, 2), -1);
    int32_t b = term(&p, CNN_TERM_MAX, input(&p, 0), constant(&p, 2), -1);
    term(&p, CNN_TERM_EXP, a, -1, -1);
    int32_t c = term(&p, CNN_TERM_ADD, a, 1, -1), d = term(&p, CNN_TERM_ADD, 1, b, -1);
    term(&p, CNN_TERM_DIV, c, d, -1);
    compile(&p, 2);
    if (CHECK(p.ok) && CHECK_INT(p.n_code, 3)) {
        CHECK_INT(p.n_constants, 1);
        CHECK_INT(p.code[2].op, CNN_TERM_DIV);
        CHECK_INT(p.code[2].a, p.code[2].b);
    }
    forget(&p);
}

static void the_two_zeros_are_different_constants(void)
{
    program p = { .count = 0 };
    constant(&p, 0.0);
    constant(&p, -0.0);
    term(&p, CNN_TERM_DIV, term(&p, CNN_TERM_EXP, 0, -1, -1), 1, -1);
    term(&p, CNN_TERM_SELECT, input(&p, 0), 3, 0);
    compile(&p, 1);
    CHECK_INT(p.n_constants, 2);
    forget(&p);
}

static void an_input_or_a_constant_is_copied(void)
{
    program in = { .count = 0 }, number = { .count = 0 };
    input(&in, 0);
    input(&in, 1);
    check_single(&in, 2, CPU_MAP_COPY, 1, 1, 1);
    constant(&number, 7);
    check_single(&number, 2, CPU_MAP_COPY, 2, 2, 2);
}

/* x + sin(x + sin(x + ...)): one or two values at a time. */
static void long_expressions_use_registers_again(void)
{
    program p = { .count = 0 };
    int32_t t = input(&p, 0);
    for (int i = 0; i < 200; i++)
        t = term(&p, CNN_TERM_ADD, 0, term(&p, CNN_TERM_SIN, t, -1, -1), -1);
    compile(&p, 1);
    CHECK(p.ok);
    for (uint32_t i = 0; i < p.n_code && p.ok; i++)
        CHECK(p.code[i].dst < 3);
    forget(&p);
}

/* All sines are needed when the products begin. */
static void too_many_values_at_a_time_are_refused(void)
{
    for (int32_t n = 90; n <= 100; n += 10) {
        program p = { .count = 0 };
        int32_t sines[100], t = input(&p, 0);
        for (int32_t i = 0; i < n; i++)
            sines[i] = t = term(&p, CNN_TERM_SIN, t, -1, -1);
        for (int32_t i = 0; i < n; i++)
            t = term(&p, CNN_TERM_MUL, t, sines[i], -1);
        compile(&p, 1);
        CHECK(p.ok == (n == 90));
        forget(&p);
    }
}

int main(void)
{
    return RUN_TESTS(
        TEST(rectifiers_and_gates_are_one_instruction),
        TEST(what_only_looks_like_a_rectifier_is_none), TEST(products_and_sums_are_one_instruction),
        TEST(rectified_sums_are_one_instruction), TEST(what_others_read_stays),
        TEST(equal_terms_and_unread_ones_are_not_computed_again),
        TEST(the_two_zeros_are_different_constants), TEST(an_input_or_a_constant_is_copied),
        TEST(long_expressions_use_registers_again), TEST(too_many_values_at_a_time_are_refused));
}
