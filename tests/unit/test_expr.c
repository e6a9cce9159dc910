/* Expressions: identities, derivatives against central differences, printing. */
#include "test.h"

#include "expr.h"

#include <stdlib.h>

/* Builds with a fresh arena; one expression per test case. */
static cnn_arena *arena;

static cnn_expr_builder fresh(void)
{
    return (cnn_expr_builder){ .arena = arena };
}

static int32_t term(cnn_expr_builder *e, uint32_t op, int32_t a, int32_t b, int32_t c)
{
    return cnn_expr_term(e, op, a, b, c);
}

static void check_text(const cnn_expr *expr, const char *want)
{
    cnn_text text = { 0 };
    cnn_expr_print(expr, NULL, &text);
    CHECK_STR(cnn_text_get(&text), want);
    cnn_text_free(&text);
}

static void check_result(cnn_expr_builder *e, int32_t result, const char *want)
{
    cnn_expr expr = cnn_expr_finish(e, result);
    check_text(&expr, want);
}

static double eval(const cnn_expr *expr, const double *inputs)
{
    double scratch[128];
    return expr->count <= 128 ? cnn_expr_eval(expr, inputs, scratch) : NAN;
}

/* One op of three inputs. */
static cnn_expr single(uint32_t op)
{
    cnn_expr_builder e = fresh();
    int32_t x = cnn_expr_input(&e, 0), y = cnn_expr_input(&e, 1), z = cnn_expr_input(&e, 2);
    int arity = cnn_term_arity(op);
    return cnn_expr_finish(&e, term(&e, op, x, arity > 1 ? y : -1, arity > 2 ? z : -1));
}

/* (f(x + h) - f(x - h)) / 2h, times the incoming gradient */
static double slope(const cnn_expr *expr, const double *at, uint32_t wrt, double incoming)
{
    const double h = 1e-6;
    double low[3], high[3];
    memcpy(low, at, sizeof low);
    memcpy(high, at, sizeof high);
    low[wrt] -= h;
    high[wrt] += h;
    return incoming * (eval(expr, high) - eval(expr, low)) / (2 * h);
}

static void check_derivatives(const cnn_expr *expr, const double at[3])
{
    const double inputs[5] = { at[0], at[1], at[2], 1.7, eval(expr, at) };
    for (uint32_t wrt = 0; wrt < 3; wrt++) {
        cnn_expr d = cnn_expr_derivative(arena, expr, 3, wrt);
        double want = slope(expr, at, wrt, 1.7);
        CHECK_NEAR(eval(&d, inputs), want, 1e-6 * (1.0 + fabs(want)));
    }
}

static void derivatives_of_every_op_agree_with_differences(void)
{
    static const double points[][3] = { { 0.3, 0.7, -0.2 }, { 1.9, 0.4, 2.5 }, { 0.8, 2.3, 1.1 } };
    for (uint32_t op = CNN_TERM_NEG; op < CNN_TERM_OP_COUNT; op++) {
        cnn_expr expr = single(op);
        int before = test_failures;
        for (size_t i = 0; i < 3; i++)
            check_derivatives(&expr, points[i]);
        if (test_failures != before)
            fprintf(stderr, "  op %u\n", op);
    }
}

static void derivatives_of_odd_functions_hold_for_negative_arguments(void)
{
    static const uint32_t ops[] = { CNN_TERM_ABS,  CNN_TERM_EXPM1,   CNN_TERM_SIN, CNN_TERM_COS,
                                    CNN_TERM_TANH, CNN_TERM_SIGMOID, CNN_TERM_ERF, CNN_TERM_DIV,
                                    CNN_TERM_MIN,  CNN_TERM_MAX };
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        cnn_expr expr = single(ops[i]);
        check_derivatives(&expr, (double[3]){ -1.3, -0.4, 0.5 });
    }
}

/* softplus(x*y) + tanh(x)/z, deep enough for shared terms and several paths */
static void derivatives_of_compositions_agree_with_differences(void)
{
    cnn_expr_builder e = fresh();
    int32_t x = cnn_expr_input(&e, 0), y = cnn_expr_input(&e, 1), z = cnn_expr_input(&e, 2);
    int32_t p = term(&e, CNN_TERM_MUL, x, y, -1);
    int32_t soft = term(&e, CNN_TERM_LOG1P, term(&e, CNN_TERM_EXP, p, -1, -1), -1, -1);
    int32_t q = term(&e, CNN_TERM_DIV, term(&e, CNN_TERM_TANH, x, -1, -1), z, -1);
    int32_t sum = term(&e, CNN_TERM_ADD, soft, q, -1);
    cnn_expr expr = cnn_expr_finish(&e, term(&e, CNN_TERM_SELECT, term(&e, CNN_TERM_LT, z, x, -1),
                                             term(&e, CNN_TERM_POW, y, sum, -1), sum));
    check_derivatives(&expr, (double[3]){ 0.3, 1.4, 0.9 });
    check_derivatives(&expr, (double[3]){ 1.3, 0.4, 0.9 });
}

static double derivative_at(uint32_t op, uint32_t wrt, double a, double b)
{
    cnn_expr expr = single(op);
    cnn_expr d = cnn_expr_derivative(arena, &expr, 3, wrt);
    const double at[3] = { a, b, 0.0 };
    return eval(&d, (double[5]){ a, b, 0.0, 1.0, eval(&expr, at) });
}

static void gradient_of_a_tie_goes_to_the_second_operand(void)
{
    CHECK_NEAR(derivative_at(CNN_TERM_MIN, 0, 2, 2), 0, 0);
    CHECK_NEAR(derivative_at(CNN_TERM_MIN, 1, 2, 2), 1, 0);
    CHECK_NEAR(derivative_at(CNN_TERM_MAX, 0, 2, 2), 0, 0);
    CHECK_NEAR(derivative_at(CNN_TERM_MAX, 1, 2, 2), 1, 0);
}

static void derivatives_stay_finite_at_the_edges(void)
{
    CHECK_NEAR(derivative_at(CNN_TERM_POW, 1, 0, 2), 0, 0);
    CHECK_NEAR(derivative_at(CNN_TERM_POW, 0, 0, 0), 0, 0);
    CHECK_NEAR(derivative_at(CNN_TERM_SIGMOID, 0, -1000, 0), 0, 0);
    CHECK_NEAR(derivative_at(CNN_TERM_TANH, 0, 1000, 0), 0, 0);
    CHECK_NEAR(derivative_at(CNN_TERM_ABS, 0, 0, 0), 0, 0);
    CHECK_NEAR(derivative_at(CNN_TERM_EXPM1, 0, -1000, 0), 0, 0);
}

static void an_input_without_influence_has_derivative_zero(void)
{
    cnn_expr expr = single(CNN_TERM_LT);
    cnn_expr d = cnn_expr_derivative(arena, &expr, 3, 0);
    check_text(&d, "0");
    expr = single(CNN_TERM_EXP);
    d = cnn_expr_derivative(arena, &expr, 3, 1);
    check_text(&d, "0");
}

static void evaluation_is_stable_far_from_zero(void)
{
    cnn_expr sigmoid = single(CNN_TERM_SIGMOID);
    CHECK_NEAR(eval(&sigmoid, (double[3]){ -1000 }), 0, 0);
    CHECK_NEAR(eval(&sigmoid, (double[3]){ 1000 }), 1, 0);
    cnn_expr log1p_ = single(CNN_TERM_LOG1P);
    CHECK_NEAR(eval(&log1p_, (double[3]){ 1e-20 }), 1e-20, 1e-35);
    cnn_expr sign = single(CNN_TERM_SIGN);
    CHECK_NEAR(eval(&sign, (double[3]){ -3 }), -1, 0);
    CHECK_NEAR(eval(&sign, (double[3]){ 0 }), 0, 0);
}

static void identities_remove_terms(void)
{
    cnn_expr_builder e = fresh();
    int32_t x = cnn_expr_input(&e, 0), y = cnn_expr_input(&e, 1);
    int32_t zero = cnn_expr_const(&e, 0), one = cnn_expr_const(&e, 1);
    int32_t neg = term(&e, CNN_TERM_NEG, x, -1, -1);
    CHECK_INT(term(&e, CNN_TERM_ADD, x, zero, -1), x);
    CHECK_INT(term(&e, CNN_TERM_ADD, zero, x, -1), x);
    CHECK_INT(term(&e, CNN_TERM_SUB, x, zero, -1), x);
    CHECK_INT(term(&e, CNN_TERM_SUB, zero, x, -1), neg);
    CHECK_INT(term(&e, CNN_TERM_SUB, x, x, -1), zero);
    CHECK_INT(term(&e, CNN_TERM_MUL, x, one, -1), x);
    CHECK_INT(term(&e, CNN_TERM_MUL, one, x, -1), x);
    CHECK_INT(term(&e, CNN_TERM_MUL, x, zero, -1), zero);
    CHECK_INT(term(&e, CNN_TERM_DIV, x, one, -1), x);
    CHECK_INT(term(&e, CNN_TERM_DIV, zero, x, -1), zero);
    CHECK_INT(term(&e, CNN_TERM_POW, x, one, -1), x);
    CHECK_INT(term(&e, CNN_TERM_POW, x, zero, -1), one);
    CHECK_INT(term(&e, CNN_TERM_NEG, neg, -1, -1), x);
    CHECK_INT(term(&e, CNN_TERM_MAX, x, x, -1), x);
    CHECK_INT(term(&e, CNN_TERM_SELECT, zero, x, y), y);
    CHECK_INT(term(&e, CNN_TERM_SELECT, one, x, y), x);
    CHECK_INT(term(&e, CNN_TERM_SELECT, x, y, y), y);
    check_result(&e, term(&e, CNN_TERM_POW, x, cnn_expr_const(&e, 2), -1), "x0*x0");
    check_result(&e, term(&e, CNN_TERM_POW, x, cnn_expr_const(&e, 3), -1), "pow(x0, 3)");
    check_result(&e, term(&e, CNN_TERM_ADD, y, neg, -1), "x1 - x0");
    check_result(&e, term(&e, CNN_TERM_MUL, neg, cnn_expr_const(&e, 3), -1), "-3*x0");
    check_result(&e, term(&e, CNN_TERM_ADD, x, cnn_expr_const(&e, -3), -1), "x0 - 3");
}

static void equal_terms_are_shared(void)
{
    cnn_expr_builder e = fresh();
    int32_t x = cnn_expr_input(&e, 0), y = cnn_expr_input(&e, 1);
    CHECK_INT(cnn_expr_input(&e, 0), x);
    int32_t sum = term(&e, CNN_TERM_ADD, x, y, -1);
    CHECK_INT(term(&e, CNN_TERM_ADD, y, x, -1), sum);
    int32_t difference = term(&e, CNN_TERM_SUB, x, y, -1);
    CHECK(term(&e, CNN_TERM_SUB, y, x, -1) != difference);
    CHECK(cnn_expr_const(&e, 0.0) != cnn_expr_const(&e, -0.0));
}

static void constants_are_folded_unless_the_result_is_infinite(void)
{
    cnn_expr_builder e = fresh();
    int32_t two = cnn_expr_const(&e, 2), zero = cnn_expr_const(&e, 0);
    check_result(&e, term(&e, CNN_TERM_POW, two, cnn_expr_const(&e, 10), -1), "1024");
    check_result(&e, term(&e, CNN_TERM_SELECT, zero, two, cnn_expr_const(&e, 5)), "5");
    check_result(&e, term(&e, CNN_TERM_LOG, zero, -1, -1), "log(0)");
    check_result(&e, term(&e, CNN_TERM_DIV, two, zero, -1), "2/0");
}

static void unused_terms_are_dropped(void)
{
    cnn_expr_builder e = fresh();
    int32_t x = cnn_expr_input(&e, 0);
    int32_t used = term(&e, CNN_TERM_EXP, x, -1, -1);
    term(&e, CNN_TERM_TANH, x, -1, -1);
    cnn_expr_input(&e, 1);
    int32_t result = term(&e, CNN_TERM_SIN, used, -1, -1);
    cnn_expr expr = cnn_expr_finish(&e, result);
    CHECK_INT(expr.count, 3);
    CHECK_INT(expr.terms[2].op, CNN_TERM_SIN);
    CHECK_INT(expr.terms[2].a, 1);
}

static void inlining_replaces_inputs_by_terms(void)
{
    cnn_expr_builder inner = fresh(), e = fresh();
    int32_t x = cnn_expr_input(&inner, 0), y = cnn_expr_input(&inner, 1);
    cnn_expr swish = cnn_expr_finish(
        &inner,
        term(&inner, CNN_TERM_MUL, x,
             term(&inner, CNN_TERM_SIGMOID, term(&inner, CNN_TERM_MUL, x, y, -1), -1, -1), -1));
    int32_t inputs[2] = { cnn_expr_input(&e, 3), cnn_expr_const(&e, 1.5) };
    check_result(&e, cnn_expr_inline(&e, &swish, inputs), "x3*sigmoid(1.5*x3)");
}

static void printing_uses_no_more_parentheses_than_needed(void)
{
    cnn_expr_builder e = fresh();
    int32_t x = cnn_expr_input(&e, 0), y = cnn_expr_input(&e, 1), z = cnn_expr_input(&e, 2);
    int32_t sum = term(&e, CNN_TERM_ADD, x, y, -1);
    int32_t product = term(&e, CNN_TERM_MUL, x, y, -1);
    check_result(&e, term(&e, CNN_TERM_MAX, x, cnn_expr_const(&e, 0), -1), "max(x0, 0)");
    check_result(&e, term(&e, CNN_TERM_MUL, sum, z, -1), "(x0 + x1)*x2");
    check_result(&e, term(&e, CNN_TERM_ADD, product, z, -1), "x0*x1 + x2");
    check_result(&e, term(&e, CNN_TERM_SUB, z, sum, -1), "x2 - (x0 + x1)");
    check_result(&e, term(&e, CNN_TERM_SUB, sum, z, -1), "x0 + x1 - x2");
    check_result(&e, term(&e, CNN_TERM_DIV, z, product, -1), "x2/(x0*x1)");
    check_result(&e, term(&e, CNN_TERM_NEG, sum, -1, -1), "-(x0 + x1)");
    check_result(&e, term(&e, CNN_TERM_NEG, product, -1, -1), "-(x0*x1)");
    check_result(
        &e, term(&e, CNN_TERM_SELECT, term(&e, CNN_TERM_LE, x, y, -1), x, cnn_expr_const(&e, 0.1)),
        "select(x0 <= x1, x0, 0.1)");
    check_result(&e, term(&e, CNN_TERM_MUL, term(&e, CNN_TERM_LT, x, y, -1), z, -1),
                 "(x0 < x1)*x2");
}

static void printing_names_shared_terms_once(void)
{
    cnn_expr_builder e = fresh();
    int32_t t = term(&e, CNN_TERM_TANH, cnn_expr_input(&e, 0), -1, -1);
    int32_t y = term(&e, CNN_TERM_MUL, t, cnn_expr_input(&e, 1), -1);
    cnn_expr expr = cnn_expr_finish(&e, y);
    cnn_expr d = cnn_expr_derivative(arena, &expr, 2, 0);
    check_text(&d, "t0 = tanh(x0); x2*x1*(1 - t0*t0)");
    const char *const names[] = { "x", "k", "dy" };
    cnn_text text = { 0 };
    cnn_expr_print(&d, names, &text);
    CHECK_STR(cnn_text_get(&text), "t0 = tanh(x); dy*k*(1 - t0*t0)");
    cnn_text_free(&text);
}

static void the_derivative_reads_the_value_that_is_there(void)
{
    cnn_expr expr = single(CNN_TERM_SIGMOID);
    cnn_expr d = cnn_expr_derivative(arena, &expr, 1, 0);
    check_text(&d, "x1*(x2*(1 - x2))");
    cnn_expr_builder e = fresh();
    int32_t sum = term(&e, CNN_TERM_ADD, cnn_expr_input(&e, 0), cnn_expr_input(&e, 1), -1);
    int32_t zero = cnn_expr_const(&e, 0);
    int32_t below = term(&e, CNN_TERM_LE, sum, zero, -1);
    expr = cnn_expr_finish(&e, term(&e, CNN_TERM_SELECT, below, zero, sum));
    d = cnn_expr_derivative(arena, &expr, 2, 0);
    check_text(&d, "select(x3 <= 0, 0, x2)");
}

static void relu_has_the_derivative_of_the_book(void)
{
    cnn_expr_builder e = fresh();
    int32_t relu = term(&e, CNN_TERM_MAX, cnn_expr_input(&e, 0), cnn_expr_const(&e, 0), -1);
    cnn_expr expr = cnn_expr_finish(&e, relu);
    cnn_expr d = cnn_expr_derivative(arena, &expr, 1, 0);
    check_text(&d, "select(0 < x0, x1, 0)");
}

int main(void)
{
    arena = cnn_arena_create();
    int status = RUN_TESTS(
        TEST(derivatives_of_every_op_agree_with_differences),
        TEST(derivatives_of_odd_functions_hold_for_negative_arguments),
        TEST(derivatives_of_compositions_agree_with_differences),
        TEST(gradient_of_a_tie_goes_to_the_second_operand),
        TEST(derivatives_stay_finite_at_the_edges),
        TEST(an_input_without_influence_has_derivative_zero),
        TEST(evaluation_is_stable_far_from_zero), TEST(identities_remove_terms),
        TEST(equal_terms_are_shared), TEST(constants_are_folded_unless_the_result_is_infinite),
        TEST(unused_terms_are_dropped), TEST(inlining_replaces_inputs_by_terms),
        TEST(printing_uses_no_more_parentheses_than_needed), TEST(printing_names_shared_terms_once),
        TEST(the_derivative_reads_the_value_that_is_there),
        TEST(relu_has_the_derivative_of_the_book));
    cnn_arena_destroy(arena);
    return status;
}
