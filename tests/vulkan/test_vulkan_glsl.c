/* The GLSL of expressions: what its text depends on, what is bound and pushed. */
#include <stdlib.h>

#include "test.h"

#include "vulkan/glsl.h"

static const cnn_term input0 = { CNN_TERM_INPUT, 0, -1, -1, 0 };
static const cnn_term input1 = { CNN_TERM_INPUT, 1, -1, -1, 0 };

static cnn_term number(double k)
{
    return (cnn_term){ CNN_TERM_CONST, -1, -1, -1, k };
}

static vk_expression expression(const cnn_term *terms, uint32_t count, cnn_type out)
{
    vk_expression e = { .expr = { count, terms }, .out = out, .result = -1, .written = -1 };
    return e;
}

static void add_input(vk_expression *e, int32_t who, cnn_type type)
{
    e->in[e->n_in] = who;
    e->types[e->n_in++] = type;
}

static cnn_type images(int64_t n, int64_t c, int64_t h, int64_t w)
{
    return cnn_type4(CNN_F32, n, c, h, w);
}

/* x + y, y of another shape. */
static vk_glsl glsl_of_sum(cnn_type x, cnn_type y)
{
    const cnn_term terms[] = { input0, input1, { CNN_TERM_ADD, 0, 1, -1, 0 } };
    vk_expression e = expression(terms, 3, x);
    vk_glsl g;
    cnn_error err;
    add_input(&e, 1, x);
    add_input(&e, 2, y);
    CHECK(vk_glsl_make(&e, 1, &g, &err) == CNN_OK);
    return g;
}

static bool same_text_of_sums(cnn_type x, cnn_type y, cnn_type other_x, cnn_type other_y)
{
    vk_glsl a = glsl_of_sum(x, y), b = glsl_of_sum(other_x, other_y);
    const bool same = strcmp(a.text, b.text) == 0;
    free(a.text);
    free(b.text);
    return same;
}

static void equal_shapes_need_no_words(void)
{
    vk_glsl g = glsl_of_sum(images(2, 3, 4, 5), images(2, 3, 4, 5));
    CHECK_STR(g.text, "#define EPILOGUE_PUSH\n"
                      "#define EPILOGUE_BEGIN\n"
                      "#define EPILOGUE(v, i) epilogue(v, i)\n"
                      "layout(set = 0, binding = 1) restrict readonly buffer operands0 {\n"
                      "    float operand0[];\n};\n"
                      "layout(set = 0, binding = 2) restrict readonly buffer operands1 {\n"
                      "    float operand1[];\n};\n"
                      "float epilogue(float v, uint i)\n"
                      "{\n"
                      "    float x0 = operand0[i];\n"
                      "    float x1 = operand1[i];\n"
                      "    precise float t2 = x0 + x1;\n"
                      "    return t2;\n"
                      "}\n");
    CHECK_INT(vk_glsl_words(&g), 0);
    CHECK(g.follows[0] && g.follows[1]);
    free(g.text);
}

static void scalars_need_no_words(void)
{
    vk_glsl g = glsl_of_sum(images(2, 3, 4, 5), cnn_scalar_type(CNN_F32));
    CHECK_HAS(g.text, "x1 = operand1[0];");
    CHECK_HAS(g.text, "#define EPILOGUE_BEGIN\n");
    CHECK_INT(vk_glsl_words(&g), 0);
    CHECK(g.follows[0] && !g.follows[1]);
    free(g.text);
    CHECK(same_text_of_sums(images(2, 3, 4, 5), cnn_scalar_type(CNN_F32), cnn_type1(CNN_F32, 7),
                            cnn_type1(CNN_F32, 1)));
}

static void scalars_are_read_first_where_a_shader_can(void)
{
    const cnn_term terms[] = { input0, input1, { CNN_TERM_ADD, 0, 1, -1, 0 } };
    vk_expression e = expression(terms, 3, cnn_type1(CNN_F32, 9));
    vk_glsl g;
    cnn_error err;
    add_input(&e, 1, cnn_type1(CNN_F32, 9));
    add_input(&e, 2, cnn_scalar_type(CNN_F32));
    e.begins = true;
    CHECK(vk_glsl_make(&e, 1, &g, &err) == CNN_OK);
    CHECK_HAS(g.text, "#define EPILOGUE_BEGIN float x1 = operand1[0];\n"
                      "#define EPILOGUE(v, i) epilogue(v, i, x1)\n");
    CHECK_HAS(g.text, "float epilogue(float v, uint i, float x1)\n"
                      "{\n"
                      "    float x0 = operand0[i];\n"
                      "    precise float t2 = x0 + x1;\n");
    free(g.text);
}

static void channels_are_found_by_two_divisions(void)
{
    vk_glsl g = glsl_of_sum(images(2, 3, 4, 5), images(1, 3, 1, 1));
    CHECK_HAS(g.text, "#define EPILOGUE_PUSH uint e_first; uint e_magic1; uint e_shifts1; "
                      "uint e_magic2; uint e_shifts2; uint e_factor0;\n");
    CHECK_HAS(g.text, "    uint q3 = e_first + i;\n"
                      "    uint q1 = divide(q3, divisor(e_magic1, e_shifts1));\n"
                      "    uint q2 = divide(q3, divisor(e_magic2, e_shifts2));\n"
                      "    uint at0 = q2 - q1 * e_factor0;\n");
    CHECK_HAS(g.text, "x1 = operand1[at0];");
    CHECK_INT(g.n_divisors, 2);
    CHECK_INT(g.divisors[0], 60);
    CHECK_INT(g.divisors[1], 20);
    CHECK_INT(g.n_factors, 1);
    CHECK_INT(g.factors[0], 3);
    CHECK_INT(vk_glsl_words(&g), 6);
    free(g.text);
}

/* The words, as what the text makes of them: sum of +- q_k factor. */
static uint64_t place_of(const vk_glsl *g, const uint32_t *boundary, const int *sign, int n,
                         uint32_t i)
{
    uint32_t at = 0, factor = 0;
    for (int k = 0; k < n; k++) {
        const uint32_t q = boundary[k] == 0 ? i : i / g->divisors[boundary[k] - 1];
        const uint32_t f = sign[k] == 2 ? 1 : g->factors[factor++];
        at += sign[k] < 0 ? 0u - q * f : q * f;
    }
    return at;
}

static void gaps_between_axes_are_stepped_over(void)
{
    vk_glsl g = glsl_of_sum(images(2, 3, 4, 5), images(2, 1, 4, 1));
    CHECK_HAS(g.text, "    uint at0 = q1 * e_factor0 + q3 - q2 * e_factor1;\n");
    const uint32_t boundary[] = { 1, 3, 2 };
    const int sign[] = { 1, 2, -1 };
    for (uint32_t i = 0; i < 120; i++)
        CHECK_INT(place_of(&g, boundary, sign, 3, i), i / 60 * 4 + i / 5 % 4);
    free(g.text);
}

static void texts_do_not_depend_on_sizes(void)
{
    const cnn_type x = images(2, 3, 4, 5), c = images(1, 3, 1, 1);
    CHECK(same_text_of_sums(x, x, cnn_type1(CNN_F32, 9), cnn_type1(CNN_F32, 9)));
    CHECK(same_text_of_sums(x, c, images(128, 64, 56, 56), images(1, 64, 1, 1)));
    CHECK(same_text_of_sums(x, c, images(7, 3, 1, 5), images(1, 3, 1, 1)));
    CHECK(same_text_of_sums(x, c, cnn_type3(CNN_F32, 9, 8, 7), cnn_type2(CNN_F32, 8, 1)));
    CHECK(same_text_of_sums(x, cnn_type1(CNN_F32, 5), images(9, 9, 9, 9), images(1, 1, 1, 9)));
    CHECK(!same_text_of_sums(x, c, x, images(2, 3, 1, 1)));
    CHECK(!same_text_of_sums(x, c, images(1, 3, 4, 5), c)); /* one axis less */
}

static void equal_operands_are_bound_once(void)
{
    const cnn_term terms[] = { input0, input1, { CNN_TERM_MUL, 0, 1, -1, 0 } };
    const cnn_type x = images(2, 3, 4, 5), c = images(1, 3, 1, 1);
    vk_expression e = expression(terms, 3, x);
    vk_glsl g;
    cnn_error err;
    add_input(&e, 4, c);
    add_input(&e, 4, c);
    CHECK(vk_glsl_make(&e, 1, &g, &err) == CNN_OK);
    CHECK_INT(g.n_bindings, 1);
    CHECK_HAS(g.text, "t2 = x0 * x0;");
    CHECK(strstr(g.text, "operand1") == NULL);
    free(g.text);
}

static void what_is_not_read_is_not_bound(void)
{
    const cnn_term terms[] = { input0, input1, number(2), { CNN_TERM_ADD, 1, 2, -1, 0 } };
    const cnn_type x = images(2, 3, 4, 5), c = images(1, 3, 1, 1);
    vk_expression e = expression(terms, 4, x);
    vk_glsl g;
    cnn_error err;
    add_input(&e, 1, c);
    add_input(&e, 2, x);
    CHECK(vk_glsl_make(&e, 1, &g, &err) == CNN_OK);
    CHECK_INT(g.n_bindings, 1);
    CHECK_INT(g.input[0], 1);
    CHECK_INT(vk_glsl_words(&g), 0);
    CHECK_HAS(g.text, "t3 = x0 + 2.0;");
    free(g.text);
}

static void what_is_overwritten_is_not_restricted(void)
{
    const cnn_term terms[] = { input0, input1, { CNN_TERM_SUB, 0, 1, -1, 0 } };
    vk_expression e = expression(terms, 3, cnn_type1(CNN_F32, 9));
    vk_glsl g;
    cnn_error err;
    add_input(&e, 5, cnn_type1(CNN_F32, 9));
    add_input(&e, 6, cnn_type1(CNN_F32, 9));
    e.written = 5;
    CHECK(vk_glsl_make(&e, 1, &g, &err) == CNN_OK);
    CHECK_HAS(g.text, "binding = 1) readonly buffer");
    CHECK_HAS(g.text, "binding = 2) restrict readonly buffer");
    free(g.text);
}

static void check_number(double k, const char *text)
{
    const cnn_term terms[] = { number(k) };
    char line[80];
    vk_expression e = expression(terms, 1, cnn_type1(CNN_F32, 3));
    vk_glsl g;
    cnn_error err;
    CHECK(vk_glsl_make(&e, 1, &g, &err) == CNN_OK);
    (void)snprintf(line, sizeof line, "return %s;\n", text);
    CHECK_HAS(g.text, line);
    free(g.text);
}

static void numbers_come_back_bit_by_bit(void)
{
    check_number(0, "0.0");
    check_number(1, "1.0");
    check_number(-0.5, "(-0.5)");
    check_number(0.1, "0.1");
    check_number(1e6, "1e+06");
    check_number(1e-5, "1e-05");
    check_number(-0.0, "uintBitsToFloat(0x80000000u)");
    check_number(1.0 / 3, "uintBitsToFloat(0x3eaaaaabu)");
    check_number(16777215, "uintBitsToFloat(0x4b7fffffu)");
    check_number(1e-40, "uintBitsToFloat(0x000116c2u)");
    check_number(1e300, "uintBitsToFloat(0x7f800000u)");
    check_number((double)-INFINITY, "uintBitsToFloat(0xff800000u)");
    check_number((double)NAN, "uintBitsToFloat(0x7fc00000u)");
}

/* relu(v * scale + shift) + v */
static void the_result_of_a_kernel_is_no_operand(void)
{
    const cnn_term terms[] = {
        input0,
        input1,
        { CNN_TERM_MUL, 0, 1, -1, 0 },
        { CNN_TERM_INPUT, 2, -1, -1, 0 },
        { CNN_TERM_ADD, 2, 3, -1, 0 },
        number(0),
        { CNN_TERM_LE, 4, 5, -1, 0 },
        { CNN_TERM_SELECT, 6, 5, 4, 0 },
        { CNN_TERM_ADD, 7, 0, -1, 0 },
    };
    const cnn_type x = images(2, 3, 4, 5), c = images(1, 3, 1, 1);
    vk_expression e = expression(terms, 9, x);
    vk_glsl g;
    cnn_error err;
    add_input(&e, 9, x);
    add_input(&e, 7, c);
    add_input(&e, 8, c);
    e.result = 0;
    CHECK(vk_glsl_make(&e, 3, &g, &err) == CNN_OK);
    CHECK_INT(g.n_bindings, 2);
    CHECK_INT(g.input[0], 1);
    CHECK_INT(g.input[1], 2);
    CHECK_HAS(g.text, "binding = 3) restrict readonly buffer operands0");
    CHECK_HAS(g.text, "binding = 4) restrict readonly buffer operands1");
    CHECK_HAS(g.text, "    float x0 = operand0[at0];\n"
                      "    float x1 = operand1[at0];\n"
                      "    precise float t2 = v * x0;\n"
                      "    precise float t4 = t2 + x1;\n"
                      "    precise float t6 = t4 <= 0.0 ? 1.0 : 0.0;\n"
                      "    precise float t7 = t6 == 0.0 ? t4 : 0.0;\n"
                      "    precise float t8 = t7 + v;\n"
                      "    return t8;\n");
    free(g.text);
    e.types[0] = c;
    CHECK(vk_glsl_make(&e, 3, &g, &err) == CNN_UNSUPPORTED);
}

/* Each operand has other axes of the result: more words than a shader may have. */
static void too_many_words_are_refused(void)
{
    static const uint32_t axes[] = { 0x15, 0x2a, 0x25, 0x29, 0x0a, 0x14, 0x05, 0x12, 0x21, 0x11 };
    enum { INPUTS = sizeof axes / sizeof *axes, TERMS = 2 * INPUTS - 1 };
    cnn_term terms[TERMS];
    const cnn_type x = { CNN_F32, 6, { 2, 3, 4, 5, 6, 7 } };
    vk_expression e = expression(terms, TERMS, x);
    vk_glsl g;
    cnn_error err;
    for (int32_t i = 0; i < INPUTS; i++) {
        cnn_type part = x;
        for (uint32_t axis = 0; axis < 6; axis++)
            part.dim[axis] = (axes[i] >> axis & 1) != 0 ? x.dim[axis] : 1;
        terms[i] = (cnn_term){ CNN_TERM_INPUT, i, -1, -1, 0 };
        add_input(&e, i, part);
    }
    for (int32_t t = INPUTS; t < TERMS; t++)
        terms[t] = (cnn_term){ CNN_TERM_ADD, t - 1, t - INPUTS, -1, 0 };
    CHECK(vk_glsl_make(&e, 1, &g, &err) == CNN_UNSUPPORTED);
    CHECK_HAS(err.text, "broadcast in too many ways");
}

int main(void)
{
    return RUN_TESTS(
        TEST(equal_shapes_need_no_words), TEST(scalars_need_no_words),
        TEST(scalars_are_read_first_where_a_shader_can), TEST(channels_are_found_by_two_divisions),
        TEST(gaps_between_axes_are_stepped_over), TEST(texts_do_not_depend_on_sizes),
        TEST(equal_operands_are_bound_once), TEST(what_is_not_read_is_not_bound),
        TEST(what_is_overwritten_is_not_restricted), TEST(numbers_come_back_bit_by_bit),
        TEST(the_result_of_a_kernel_is_no_operand), TEST(too_many_words_are_refused));
}
