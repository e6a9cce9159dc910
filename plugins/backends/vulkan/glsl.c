/* Expressions as GLSL: which operands there are, where their elements lie, the terms. */
#define _POSIX_C_SOURCE 200809L

#include "glsl.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNREAD = -1, RESULT = -2, MOST_PARTS = 2 * CNN_MAX_RANK };

/* + or - q of a boundary, times a factor. Boundary 0 has q = 0, the last one is i itself. */
typedef struct part {
    uint32_t boundary;
    bool minus;
    int32_t factor; /* number of the push constant, -1: 1 */
} part;

/* Where an element lies in operands that vary along some axes. */
typedef struct place {
    uint32_t axes; /* bit k: axis k */
    uint32_t n_parts;
    part parts[MOST_PARTS];
} place;

typedef struct printer {
    const vk_expression *e;
    vk_glsl *out;
    bool *used;                      /* per term */
    int32_t operand[VK_MOST_INPUTS]; /* per input: its operand, UNREAD or RESULT */

    uint32_t n_axes;
    uint64_t size[CNN_MAX_RANK];
    uint32_t axes[VK_MOST_BINDINGS]; /* per operand: along which it varies, bit by bit */

    place places[VK_MOST_BINDINGS];
    uint32_t n_places;
    int32_t place[VK_MOST_BINDINGS]; /* per operand; -1: i itself, or 0 */
    bool divides[CNN_MAX_RANK + 1];  /* per boundary: is its q asked for? */
    FILE *to;
} printer;

/* ---- what is read ---- */

static void mark_used(printer *p)
{
    const cnn_expr *expr = &p->e->expr;
    p->used[expr->count - 1] = true;
    for (uint32_t t = expr->count; t > 0; t--) {
        const cnn_term *u = &expr->terms[t - 1];
        const int32_t operands[3] = { u->a, u->b, u->c };
        for (int k = 0; p->used[t - 1] && k < cnn_term_arity(u->op); k++)
            p->used[operands[k]] = true;
    }
}

static cnn_status add_operand(printer *p, uint32_t i, cnn_error *err)
{
    const vk_expression *e = p->e;
    vk_glsl *out = p->out;
    for (uint32_t o = 0; o < out->n_bindings; o++)
        if (e->in[out->input[o]] == e->in[i] &&
            cnn_same_shape(&e->types[out->input[o]], &e->types[i])) {
            p->operand[i] = (int32_t)o;
            return CNN_OK;
        }
    if (out->n_bindings == VK_MOST_BINDINGS)
        return cnn_fail(err, CNN_UNSUPPORTED, "an expression of more than %d operands",
                        VK_MOST_BINDINGS);
    p->operand[i] = (int32_t)out->n_bindings;
    out->input[out->n_bindings++] = i;
    return CNN_OK;
}

static cnn_status find_operands(printer *p, cnn_error *err)
{
    const vk_expression *e = p->e;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < VK_MOST_INPUTS; i++)
        p->operand[i] = UNREAD;
    for (uint32_t t = 0; t < e->expr.count && status == CNN_OK; t++) {
        if (!p->used[t] || e->expr.terms[t].op != CNN_TERM_INPUT)
            continue;
        const uint32_t i = (uint32_t)e->expr.terms[t].a;
        if (p->operand[i] != UNREAD)
            continue;
        if (e->result < 0 || e->in[i] != e->in[e->result])
            status = add_operand(p, i, err);
        else if (cnn_count(&e->types[i]) == cnn_count(&e->out))
            p->operand[i] = RESULT;
        else
            status = cnn_fail(err, CNN_UNSUPPORTED, "an expression that broadcasts the result");
    }
    return status;
}

/* ---- where it lies ---- */

/* Bit o: operand o varies along an axis of the result. */
static uint32_t varying_along(const printer *p, uint32_t axis)
{
    uint32_t bits = 0;
    for (uint32_t o = 0; o < p->out->n_bindings; o++) {
        const cnn_type *type = &p->e->types[p->out->input[o]];
        const uint32_t lead = p->e->out.rank - type->rank;
        if (axis >= lead && type->dim[axis - lead] != 1)
            bits |= 1u << o;
    }
    return bits;
}

static void find_axes(printer *p)
{
    const cnn_type *out = &p->e->out;
    uint32_t before = 0;
    for (uint32_t axis = 0; axis < out->rank; axis++) {
        const uint32_t varying = varying_along(p, axis);
        if (out->dim[axis] == 1)
            continue;
        if (p->n_axes > 0 && varying == before) {
            p->size[p->n_axes - 1] *= (uint64_t)out->dim[axis];
            continue;
        }
        for (uint32_t o = 0; o < p->out->n_bindings; o++)
            p->axes[o] |= (varying >> o & 1u) << p->n_axes;
        p->size[p->n_axes++] = (uint64_t)out->dim[axis];
        before = varying;
    }
}

/* Elements along axes [first, last) of those in a mask. */
static uint64_t span(const printer *p, uint32_t axes, uint32_t first, uint32_t last)
{
    uint64_t n = 1;
    for (uint32_t k = first; k < last; k++)
        n *= (axes >> k & 1u) != 0 ? p->size[k] : 1;
    return n;
}

static int32_t add_factor(printer *p, uint64_t factor)
{
    if (p->out->n_factors < VK_MOST_PUSH)
        p->out->factors[p->out->n_factors] = (uint32_t)factor;
    return (int32_t)p->out->n_factors++;
}

static void add_part(printer *p, place *at, uint32_t boundary, bool minus, int32_t factor)
{
    at->parts[at->n_parts++] = (part){ boundary, minus, factor };
    p->divides[boundary] = true;
}

/* A run of axes [a, b) that the operand has gives q_b - q_a (elements of the run), times the
 * elements of the operand behind b. */
static void make_place(printer *p, uint32_t axes)
{
    place *at = &p->places[p->n_places++];
    *at = (place){ .axes = axes };
    for (uint32_t a = 0; a < p->n_axes; a++) {
        uint32_t b = a;
        while (b < p->n_axes && (axes >> b & 1u) != 0)
            b++;
        if (b == a)
            continue;
        const uint64_t behind = span(p, axes, b, p->n_axes);
        add_part(p, at, b, false, axes >> b != 0 ? add_factor(p, behind) : -1);
        if (a > 0)
            add_part(p, at, a, true, add_factor(p, behind * span(p, axes, a, b)));
        a = b;
    }
}

static int32_t place_along(printer *p, uint32_t axes)
{
    for (uint32_t n = 0; n < p->n_places; n++)
        if (p->places[n].axes == axes)
            return (int32_t)n;
    make_place(p, axes);
    return (int32_t)p->n_places - 1;
}

static cnn_status find_places(printer *p, cnn_error *err)
{
    vk_glsl *out = p->out;
    for (uint32_t o = 0; o < out->n_bindings; o++) {
        out->follows[o] = p->axes[o] == (1u << p->n_axes) - 1;
        p->place[o] = out->follows[o] || p->axes[o] == 0 ? -1 : place_along(p, p->axes[o]);
    }
    out->places = p->n_places > 0;
    for (uint32_t k = 1; k < p->n_axes; k++)
        if (p->divides[k])
            out->divisors[out->n_divisors++] = (uint32_t)span(p, ~0u, k, p->n_axes);
    if (vk_glsl_words(out) > VK_MOST_PUSH)
        return cnn_fail(err, CNN_UNSUPPORTED, "operands that are broadcast in too many ways");
    return CNN_OK;
}

uint32_t vk_glsl_words(const vk_glsl *g)
{
    return (g->places ? 1 : 0) + 2 * g->n_divisors + g->n_factors;
}

/* ---- text ---- */

/* What the push constants are called, each between two texts. */
static void print_words(const printer *p, const char *before, const char *after)
{
    if (p->out->places)
        fprintf(p->to, "%se_first%s", before, after);
    for (uint32_t k = 1; k < p->n_axes; k++)
        if (p->divides[k])
            fprintf(p->to, "%se_magic%u%s%se_shifts%u%s", before, k, after, before, k, after);
    for (uint32_t f = 0; f < p->out->n_factors; f++)
        fprintf(p->to, "%se_factor%u%s", before, f, after);
}

/* Only what nobody writes may be read ahead, and once for several elements. */
static void print_binding(const printer *p, uint32_t o, uint32_t binding)
{
    const bool is_written = p->e->in[p->out->input[o]] == p->e->written;
    fprintf(p->to, "layout(set = 0, binding = %u) %sreadonly buffer operands%u {\n", binding,
            is_written ? "" : "restrict ", o);
    fprintf(p->to, "    float operand%u[];\n};\n", o);
}

/* One number for all elements, read beforehand. */
static bool is_read_first(const printer *p, uint32_t o)
{
    return p->e->begins && !p->out->follows[o] && p->axes[o] == 0;
}

static void print_numbers(const printer *p, const char *before)
{
    for (uint32_t o = 0; o < p->out->n_bindings; o++)
        if (is_read_first(p, o))
            fprintf(p->to, "%sx%u", before, o);
}

/* The words come as arguments, since the block that has them stands behind this text. */
static void print_head(const printer *p, uint32_t first_binding)
{
    fprintf(p->to, "#define EPILOGUE_PUSH");
    print_words(p, " uint ", ";");
    fprintf(p->to, "\n#define EPILOGUE_BEGIN");
    for (uint32_t o = 0; o < p->out->n_bindings; o++)
        if (is_read_first(p, o))
            fprintf(p->to, " float x%u = operand%u[0];", o, o);
    fprintf(p->to, "\n#define EPILOGUE(v, i) epilogue(v, i");
    print_numbers(p, ", ");
    print_words(p, ", ", "");
    fprintf(p->to, ")\n");
    for (uint32_t o = 0; o < p->out->n_bindings; o++)
        print_binding(p, o, first_binding + o);
    fprintf(p->to, "float epilogue(float v, uint i");
    print_numbers(p, ", float ");
    print_words(p, ", uint ", "");
    fprintf(p->to, ")\n{\n");
}

static void print_place(const printer *p, uint32_t n)
{
    const place *at = &p->places[n];
    fprintf(p->to, "    uint at%u =", n);
    for (uint32_t k = 0; k < at->n_parts; k++) {
        fprintf(p->to, at->parts[k].minus ? " - " : k > 0 ? " + " : " ");
        fprintf(p->to, "q%u", at->parts[k].boundary);
        if (at->parts[k].factor >= 0)
            fprintf(p->to, " * e_factor%d", at->parts[k].factor);
    }
    fprintf(p->to, ";\n");
}

static void print_places(const printer *p)
{
    if (p->out->places)
        fprintf(p->to, "    uint q%u = e_first + i;\n", p->n_axes);
    for (uint32_t k = 1; k < p->n_axes; k++)
        if (p->divides[k])
            fprintf(p->to, "    uint q%u = divide(q%u, divisor(e_magic%u, e_shifts%u));\n", k,
                    p->n_axes, k, k);
    for (uint32_t n = 0; n < p->n_places; n++)
        print_place(p, n);
    for (uint32_t o = 0; o < p->out->n_bindings; o++) {
        if (is_read_first(p, o))
            continue;
        fprintf(p->to, "    float x%u = operand%u[", o, o);
        if (p->place[o] >= 0)
            fprintf(p->to, "at%d];\n", p->place[o]);
        else
            fprintf(p->to, p->out->follows[o] ? "i];\n" : "0];\n");
    }
}

/* Short decimals, and bits of what is none. */
static void print_number(FILE *to, double k)
{
    const float x = (float)k;
    char text[32];
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    (void)snprintf(text, sizeof text, "%.6g", (double)x);
    const bool is_decimal = strspn(text, "0123456789.+-e") == strlen(text);
    if (!is_decimal || strtof(text, NULL) != x || (x == 0 ? bits != 0 : fabsf(x) < FLT_MIN))
        fprintf(to, "uintBitsToFloat(0x%08xu)", bits);
    else
        fprintf(to, x < 0 ? "(%s%s)" : "%s%s", text, strpbrk(text, ".e") != NULL ? "" : ".0");
}

static void print_operand(const printer *p, int32_t t)
{
    const cnn_term *u = &p->e->expr.terms[t];
    if (u->op == CNN_TERM_CONST)
        print_number(p->to, u->k);
    else if (u->op != CNN_TERM_INPUT)
        fprintf(p->to, "t%d", t);
    else if (p->operand[u->a] == RESULT)
        fprintf(p->to, "v");
    else
        fprintf(p->to, "x%d", p->operand[u->a]);
}

/* A, B, C: the operands. Comparisons are false where NaN is, so SELECT takes NaN for true. */
static const char *const forms[CNN_TERM_OP_COUNT] = {
    [CNN_TERM_NEG] = "-A",
    [CNN_TERM_ABS] = "abs(A)",
    [CNN_TERM_SIGN] = "cnn_sign(A)",
    [CNN_TERM_FLOOR] = "cnn_floor(A)",
    [CNN_TERM_EXP] = "cnn_exp(A)",
    [CNN_TERM_EXPM1] = "cnn_expm1(A)",
    [CNN_TERM_LOG] = "cnn_log(A)",
    [CNN_TERM_LOG1P] = "cnn_log1p(A)",
    [CNN_TERM_SQRT] = "cnn_sqrt(A)",
    [CNN_TERM_RSQRT] = "cnn_rsqrt(A)",
    [CNN_TERM_SIN] = "cnn_sin(A)",
    [CNN_TERM_COS] = "cnn_cos(A)",
    [CNN_TERM_TANH] = "cnn_tanh(A)",
    [CNN_TERM_SIGMOID] = "cnn_sigmoid(A)",
    [CNN_TERM_ERF] = "cnn_erf(A)",
    [CNN_TERM_ADD] = "A + B",
    [CNN_TERM_SUB] = "A - B",
    [CNN_TERM_MUL] = "A * B",
    [CNN_TERM_DIV] = "A / B",
    [CNN_TERM_POW] = "cnn_pow(A, B)",
    [CNN_TERM_MIN] = "A < B ? A : B",
    [CNN_TERM_MAX] = "B < A ? A : B",
    [CNN_TERM_LT] = "A < B ? 1.0 : 0.0",
    [CNN_TERM_LE] = "A <= B ? 1.0 : 0.0",
    [CNN_TERM_EQ] = "A == B ? 1.0 : 0.0",
    [CNN_TERM_SELECT] = "A == 0.0 ? C : B",
};

/* precise: x - x and x * 0 are not 0 where x is NaN or infinite. */
static void print_term(const printer *p, uint32_t t)
{
    const cnn_term *u = &p->e->expr.terms[t];
    fprintf(p->to, "    precise float t%u = ", t);
    for (const char *c = forms[u->op]; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'C')
            print_operand(p, *c == 'A' ? u->a : *c == 'B' ? u->b : u->c);
        else
            fputc(*c, p->to);
    }
    fprintf(p->to, ";\n");
}

static void print_terms(const printer *p)
{
    const cnn_expr *expr = &p->e->expr;
    for (uint32_t t = 0; t < expr->count; t++)
        if (p->used[t] && expr->terms[t].op != CNN_TERM_INPUT &&
            expr->terms[t].op != CNN_TERM_CONST)
            print_term(p, t);
    fprintf(p->to, "    return ");
    print_operand(p, (int32_t)expr->count - 1);
    fprintf(p->to, ";\n}\n");
}

static cnn_status print(printer *p, uint32_t first_binding, cnn_error *err)
{
    size_t size;
    p->to = open_memstream(&p->out->text, &size);
    if (p->to == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for a shader's text");
    print_head(p, first_binding);
    print_places(p);
    print_terms(p);
    const bool failed = ferror(p->to) != 0;
    if (fclose(p->to) == 0 && !failed)
        return CNN_OK;
    free(p->out->text);
    p->out->text = NULL;
    return cnn_fail(err, CNN_MEMORY, "no memory for a shader's text");
}

cnn_status vk_glsl_make(const vk_expression *e, uint32_t first_binding, vk_glsl *out,
                        cnn_error *err)
{
    *out = (vk_glsl){ 0 };
    printer p = { .e = e, .out = out, .used = calloc(e->expr.count, sizeof *p.used) };
    if (p.used == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for a shader's text");
    mark_used(&p);
    cnn_status status = find_operands(&p, err);
    if (status == CNN_OK) {
        find_axes(&p);
        status = find_places(&p, err);
    }
    if (status == CNN_OK)
        status = print(&p, first_binding, err);
    free(p.used);
    return status;
}
