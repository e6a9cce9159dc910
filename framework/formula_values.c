/* Numbers, truth values and words: what + - * / % and comparisons make of them. */
#include "formula_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_numeric(cnn_number_value v)
{
    return v.kind == CNN_NUMBER_INT || v.kind == CNN_NUMBER_FLOAT;
}

static double as_double(cnn_number_value v)
{
    return v.kind == CNN_NUMBER_FLOAT ? v.f : (double)v.i;
}

const char *cnn_number_kind_text(cnn_number_kind kind)
{
    static const char *const names[] = { "a truth value", "an integer", "a number", "a text" };
    return names[kind];
}

/* a / b without a rest, a % b with the sign of b (as Python). */
static cnn_status divide(char op, int64_t a, int64_t b, int64_t *out, cnn_error *err)
{
    if (b == 0)
        return cnn_fail(err, CNN_INVALID, "division by zero: %lld %c 0", (long long)a, op);
    if (b == -1 && a == INT64_MIN && op == '/')
        return cnn_fail(err, CNN_INVALID, "the result is too large: %lld / -1", (long long)a);
    int64_t rest = b == -1 ? 0 : a % b;
    if (op == '%') {
        *out = rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
        return CNN_OK;
    }
    if (rest == 0) {
        *out = a / b;
        return CNN_OK;
    }
    cnn_status status = cnn_fail(err, CNN_INVALID, "%lld / %lld does not come out even",
                                 (long long)a, (long long)b);
    cnn_hint(err, "for a fraction write a decimal point, as in 1.0 * a / b");
    return status;
}

static cnn_status calculate_integers(char op, int64_t a, int64_t b, int64_t *out, cnn_error *err)
{
    bool overflow;
    if (op == '+')
        overflow = __builtin_add_overflow(a, b, out);
    else if (op == '-')
        overflow = __builtin_sub_overflow(a, b, out);
    else if (op == '*')
        overflow = __builtin_mul_overflow(a, b, out);
    else
        return divide(op, a, b, out, err);
    if (overflow)
        return cnn_fail(err, CNN_INVALID, "the result is too large: %lld %c %lld", (long long)a, op,
                        (long long)b);
    return CNN_OK;
}

static cnn_status calculate_floats(char op, double a, double b, double *out, cnn_error *err)
{
    if ((op == '/' || op == '%') && b == 0.0)
        return cnn_fail(err, CNN_INVALID, "division by zero: %g %c 0", a, op);
    if (op == '%')
        *out = a - b * floor(a / b);
    else
        *out = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
    if (!isfinite(*out))
        return cnn_fail(err, CNN_INVALID, "the result is too large: %g %c %g", a, op, b);
    return CNN_OK;
}

cnn_status cnn_number_calculate(char op, cnn_number_value a, cnn_number_value b,
                                cnn_number_value *out, cnn_error *err)
{
    *out = (cnn_number_value){ .kind = CNN_NUMBER_INT };
    if (!is_numeric(a) || !is_numeric(b))
        return cnn_fail(err, CNN_INVALID, "'%c' needs two numbers, not %s", op,
                        cnn_number_kind_text(is_numeric(a) ? b.kind : a.kind));
    if (a.kind == CNN_NUMBER_INT && b.kind == CNN_NUMBER_INT)
        return calculate_integers(op, a.i, b.i, &out->i, err);
    out->kind = CNN_NUMBER_FLOAT;
    return calculate_floats(op, as_double(a), as_double(b), &out->f, err);
}

/* -1, 0, 1 */
static int order(cnn_number_value a, cnn_number_value b)
{
    if (a.kind == CNN_NUMBER_TEXT)
        return strcmp(a.text, b.text);
    if (a.kind != CNN_NUMBER_FLOAT && b.kind != CNN_NUMBER_FLOAT)
        return (a.i > b.i) - (a.i < b.i);
    double x = as_double(a), y = as_double(b);
    return (x > y) - (x < y);
}

cnn_status cnn_number_compare(const char *op, cnn_number_value a, cnn_number_value b,
                              cnn_number_value *out, cnn_error *err)
{
    bool numbers = is_numeric(a) && is_numeric(b), equality = op[0] == '=' || op[0] == '!';
    *out = (cnn_number_value){ .kind = CNN_NUMBER_BOOL };
    if (!numbers && (a.kind != b.kind || !equality))
        return cnn_fail(err, CNN_INVALID, "'%s' cannot compare %s with %s", op,
                        cnn_number_kind_text(a.kind), cnn_number_kind_text(b.kind));
    int o = order(a, b);
    if (equality)
        out->i = (o == 0) == (op[0] == '=');
    else
        out->i = (op[1] == '=' && o == 0) || (op[0] == '<' ? o < 0 : o > 0);
    return CNN_OK;
}

const char *cnn_number_text(const cnn_number_value *value, cnn_arena *arena)
{
    if (value->kind == CNN_NUMBER_TEXT)
        return value->text;
    if (value->kind == CNN_NUMBER_BOOL)
        return value->i != 0 ? "true" : "false";
    if (value->kind == CNN_NUMBER_INT)
        return cnn_arena_printf(arena, "%lld", (long long)value->i);
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value->f);
        if (strtod(text, NULL) == value->f)
            break;
    }
    return cnn_arena_string(arena, text);
}
