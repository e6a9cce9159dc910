/* Maps that are the end of a convolution or product: which are of the form
 * clamp(scale x + bias + add), and what their factors are. */
#include <math.h>
#include <string.h>

#include "map_plan.h"

/* A term as scale[0] x0 + scale[1] x1 + shift, where x0, x1 are the operands that differ from image
 * to image; each factor is a term of its own that does not. */
typedef struct affine {
    bool is;
    int32_t scale[2], shift;
} affine;

enum { ZERO = -1, ONE = -2 };

typedef struct affine_builder {
    const cpu_source *s;
    const uint8_t *kind;
    cnn_term *terms;
    uint32_t count;
    int32_t slot[2]; /* inputs */
    affine *of;      /* per term of the expression */
} affine_builder;

/* Whose slots are known. False without memory. */
static bool begin_affine(cpu_plan *plan, affine_builder *b)
{
    const cnn_expr *expr = &b->s->expr;
    const uint32_t room = CPU_AFFINE_TERMS * (expr->count + 1);
    uint8_t *kind = cpu_plan_alloc(plan, expr->count, sizeof *kind);
    b->terms = cpu_plan_alloc(plan, room, sizeof *b->terms);
    b->of = cpu_plan_alloc(plan, expr->count, sizeof *b->of);
    if (plan->out_of_memory)
        return false;
    cpu_classify(plan, b->s, kind);
    b->kind = kind;
    b->count = expr->count;
    memcpy(b->terms, expr->terms, expr->count * sizeof *b->terms);
    return true;
}

static int32_t emit(affine_builder *b, uint32_t op, int32_t x, int32_t y)
{
    b->terms[b->count] = (cnn_term){ op, x, y, -1, 0 };
    return (int32_t)b->count++;
}

static int32_t times(affine_builder *b, int32_t x, int32_t y)
{
    if (x == ZERO || y == ZERO)
        return ZERO;
    return x == ONE ? y : y == ONE ? x : emit(b, CNN_TERM_MUL, x, y);
}

static int32_t plus(affine_builder *b, int32_t x, int32_t y)
{
    return x == ZERO ? y : y == ZERO ? x : emit(b, CNN_TERM_ADD, x, y);
}

static affine sum_of(affine_builder *b, const affine *x, const affine *y)
{
    affine r = { x->is && y->is, { 0, 0 }, ZERO };
    for (int i = 0; i < 2 && r.is; i++) {
        r.is = x->scale[i] == ZERO || y->scale[i] == ZERO;
        r.scale[i] = x->scale[i] == ZERO ? y->scale[i] : x->scale[i];
    }
    if (r.is)
        r.shift = plus(b, x->shift, y->shift);
    return r;
}

static affine scaled(affine_builder *b, const affine *x, int32_t factor)
{
    return (affine){ x->is,
                     { times(b, x->scale[0], factor), times(b, x->scale[1], factor) },
                     times(b, x->shift, factor) };
}

static int32_t minus_one(affine_builder *b)
{
    b->terms[b->count] = (cnn_term){ CNN_TERM_CONST, -1, -1, -1, -1.0 };
    return (int32_t)b->count++;
}

static affine affine_of(affine_builder *b, int32_t t)
{
    const cnn_term u = b->terms[t];
    const affine none = { false, { ZERO, ZERO }, ZERO };
    if (b->kind[t] != CPU_TERM_TILED)
        return (affine){ true, { ZERO, ZERO }, t };
    const affine *x = u.a >= 0 && u.op != CNN_TERM_INPUT ? &b->of[u.a] : &none;
    const affine *y = u.b >= 0 ? &b->of[u.b] : &none;
    switch (u.op) {
    case CNN_TERM_INPUT:
        return (affine){ true,
                         { u.a == b->slot[0] ? ONE : ZERO, u.a == b->slot[1] ? ONE : ZERO },
                         ZERO };
    case CNN_TERM_NEG:
        return scaled(b, x, minus_one(b));
    case CNN_TERM_ADD:
        return sum_of(b, x, y);
    case CNN_TERM_SUB: {
        const affine minus_y = scaled(b, y, minus_one(b));
        return sum_of(b, x, &minus_y);
    }
    case CNN_TERM_MUL:
        return b->kind[u.a] != CPU_TERM_TILED   ? scaled(b, y, u.a)
               : b->kind[u.b] != CPU_TERM_TILED ? scaled(b, x, u.b)
                                                : none;
    default:
        return none;
    }
}

typedef struct clamp {
    bool is;
    float low, high;
} clamp;

/* terms[t] is k */
static bool is_number(const cnn_term *terms, int32_t t, double *k)
{
    *k = terms[t].k;
    return terms[t].op == CNN_TERM_CONST;
}

/* x <= low ? low : high <= x ? high : x, or without the second: the term x, and the clamp; else the
 * last term. */
static int32_t strip_clamp(const cpu_source *s, clamp *c)
{
    const cnn_term *terms = s->expr.terms, *last = &terms[s->expr.count - 1];
    double low, bound, high = INFINITY;
    *c = (clamp){ false, -INFINITY, INFINITY };
    if (last->op != CNN_TERM_SELECT || terms[last->a].op != CNN_TERM_LE)
        return (int32_t)s->expr.count - 1;
    const cnn_term *le = &terms[last->a], *rest = &terms[last->c];
    bool is = is_number(terms, last->b, &low) && is_number(terms, le->b, &bound) && low == bound;
    if (is && last->c != le->a) {
        const cnn_term *ge = &terms[rest->op == CNN_TERM_SELECT ? rest->a : last->a];
        is = rest->op == CNN_TERM_SELECT && ge->op == CNN_TERM_LE && rest->c == le->a &&
             ge->b == le->a && is_number(terms, rest->b, &high) &&
             is_number(terms, ge->a, &bound) && high == bound && low < high;
    }
    if (!is)
        return (int32_t)s->expr.count - 1;
    *c = (clamp){ true, (float)low, (float)high };
    return le->a;
}

/* A factor or shift as a plain value with one float per channel; false if it is another shape. */
static bool per_channel(cpu_plan *plan, uint32_t n, const affine_builder *b, int32_t term,
                        int32_t *value)
{
    cpu_source s = *b->s;
    *value = -1;
    if (term == ZERO || term == ONE)
        return true;
    s.expr = (cnn_expr){ (uint32_t)term + 1, b->terms };
    cnn_type shape = cpu_shape_of(&s, term);
    for (uint32_t axis = 0; axis < shape.rank; axis++)
        if (shape.dim[axis] != (axis == 1 ? s.out.dim[1] : 1))
            return false;
    if (b->terms[term].op == CNN_TERM_INPUT) { /* as it is */
        const int32_t i = b->terms[term].a;
        *value = s.in[i] >= 0 ? cpu_plain_of(plan, s.in[i]) : s.value[i];
        return true;
    }
    *value = cpu_compute_once(plan, n, &s, term, &shape);
    return true;
}

/* In tiles or images; the result of a convolution that nobody else reads. */
static bool ends_convolution(const cpu_plan *plan, const cpu_source *s, int32_t i)
{
    const int32_t v = s->in[i];
    if (v < 0 || plan->uses[v] != 1 || cnn_value_at(plan->program, v)->kind == CNN_VALUE_OUTPUT)
        return false;
    const cpu_step *step = cpu_maker_of(plan, plan->small ? plan->image[v] : plan->tile[v]);
    return step != NULL && step->fused.possible && !step->fused.clamps && !step->fused.add &&
           !step->fused.bias && !step->fused.scale;
}

/* Two operands at most, each as large as the result. */
static bool list_operands(const cpu_plan *plan, const cpu_source *s, int32_t slot[2])
{
    int n = 0;
    slot[0] = slot[1] = -1;
    for (uint32_t i = 0; i < s->n_in; i++) {
        if (!cpu_is_tiled(plan, s, i))
            continue;
        if (n == 2 || !cnn_same_shape(&s->type[i], &s->out))
            return false;
        slot[n++] = (int32_t)i;
    }
    if (n == 2 && !ends_convolution(plan, s, slot[0])) {
        const int32_t first = slot[0];
        slot[0] = slot[1];
        slot[1] = first;
    }
    return n > 0 && ends_convolution(plan, s, slot[0]);
}

static int32_t form_of(const cpu_plan *plan, int32_t v)
{
    return plan->small ? plan->image[v] : plan->tile[v];
}

/* The second operand is added as it is, or it is a convolution that takes its factor first. */
static bool take_residual(cpu_plan *plan, uint32_t n, const affine_builder *b, int32_t factor,
                          int32_t *add)
{
    const cpu_source *s = b->s;
    const int32_t i = b->slot[1], v = s->in[i], result = cnn_node_at(plan->program, n)->out[0];
    int32_t scale;
    if (v < 0 || form_of(plan, v) < 0 ||
        (!plan->small && (plan->margins[v][0] != plan->margins[result][0] ||
                          plan->margins[v][1] != plan->margins[result][1])))
        return false;
    if (factor != ONE) {
        if (!ends_convolution(plan, s, i) || !per_channel(plan, n, b, factor, &scale) || scale < 0)
            return false;
        const cpu_epilogue e = {
            .x = form_of(plan, v), .scale = scale, .bias = -1, .add = -1, .result = -1
        };
        if (!cpu_absorb(plan, &e))
            return false;
    }
    *add = form_of(plan, v);
    return true;
}

/* clamp(scale x + bias + add), and parts of that, where x is the result of a convolution that
 * nobody else reads: bias, batch norm with running statistics, a residual sum, the rectifier. */
bool cpu_absorb_map(cpu_plan *plan, uint32_t n, const cpu_source *s)
{
    affine_builder b = { .s = s };
    clamp range;
    if (s->out.rank < 2 || !list_operands(plan, s, b.slot) || !begin_affine(plan, &b))
        return false;
    const int32_t top = strip_clamp(s, &range);
    for (int32_t t = 0; t <= top; t++)
        b.of[t] = affine_of(&b, t);
    const affine a = b.of[top];
    cpu_epilogue e = { .x = form_of(plan, s->in[b.slot[0]]),
                       .scale = -1,
                       .bias = -1,
                       .add = -1,
                       .result = cnn_node_at(plan->program, n)->out[0],
                       .clamps = range.is,
                       .low = range.low,
                       .high = range.high };
    if (!a.is || a.scale[0] == ZERO || (b.slot[1] >= 0 && a.scale[1] == ZERO) ||
        !per_channel(plan, n, &b, a.scale[0], &e.scale) ||
        !per_channel(plan, n, &b, a.shift, &e.bias))
        return false;
    if (b.slot[1] >= 0 && !take_residual(plan, n, &b, a.scale[1], &e.add))
        return false;
    return cpu_absorb(plan, &e);
}
