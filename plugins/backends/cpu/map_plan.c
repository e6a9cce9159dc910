/* Maps: on tiles, where what is the same for all images is computed once a step and not for each
 * image, and on plain memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "map_code.h"
#include "plan.h"
#include "small.h"
#include "small_steps.h"

/* An expression and what it reads: values of the program, or of the plan. */
typedef struct source {
    cnn_expr expr;
    uint32_t n_in;
    int32_t in[CPU_MAX_OPERANDS];    /* of the program, or -1 */
    int32_t value[CPU_MAX_OPERANDS]; /* of the plan */
    cnn_type type[CPU_MAX_OPERANDS];
    cnn_type out;
} source;

typedef struct map_spec {
    source source;
    cpu_map_operand in[CPU_MAX_OPERANDS];
    cpu_map_params params; /* whose `in` is the array above */
} map_spec;

/* ---- plain memory ---- */

/* An operand that is neither one number nor as large as the result is spread out first. */
typedef struct expand_spec {
    cnn_type in, out;
} expand_spec;

static cnn_status expand(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    const expand_spec *spec = step->params;
    const uint32_t lead = spec->out.rank - spec->in.rank;
    const float *from = p[0];
    float *to = p[1];
    (void)plan, (void)err;
    for (int64_t i = 0; i < cnn_count(&spec->out); i++) {
        int64_t rest = i, at = 0, stride = 1;
        for (uint32_t axis = spec->out.rank; axis > lead; axis--) {
            int64_t dim = spec->in.dim[axis - 1 - lead];
            at += dim == 1 ? 0 : rest % spec->out.dim[axis - 1] * stride;
            stride *= dim;
            rest /= spec->out.dim[axis - 1];
        }
        to[i] = from[at];
    }
    return CNN_OK;
}

static int32_t spread(cpu_plan *plan, uint32_t n, int32_t value, const cnn_type *in,
                      const cnn_type *out)
{
    expand_spec *spec = cpu_plan_alloc(plan, 1, sizeof *spec);
    if (spec == NULL)
        return value;
    *spec = (expand_spec){ *in, *out };
    int32_t to = cpu_add_temp(plan, cnn_count(out));
    cpu_step *step = cpu_add_whole(plan, n, expand, spec);
    cpu_step_in(plan, step, value);
    cpu_step_out(plan, step, to);
    return to;
}

enum { CHUNK = 4096 }; /* floats: a few of them fit the first cache */

typedef struct chunk_job {
    const cpu_plan *plan;
    const map_spec *spec;
    void *const *p;
    int64_t count;
} chunk_job;

/* Buffers are longer than their contents: the last vector may be computed whole. */
static void map_chunk(void *context, uint32_t i)
{
    const chunk_job *job = context;
    cpu_map_params params = job->spec->params;
    const int64_t first = (int64_t)i * CHUNK, lanes = job->plan->kernels->lanes;
    const int64_t floats = job->count - first < CHUNK ? job->count - first : CHUNK;
    const cpu_tile none = { 0, lanes };
    void *p[CPU_MAX_OPERANDS];
    params.out.w = params.out.row = params.out.plane = (floats + lanes - 1) / lanes;
    for (uint32_t k = 0; k <= params.n_in; k++) {
        bool moves = k == params.n_in || params.in[k].stream == CPU_STREAM_VECTOR;
        p[k] = (float *)job->p[k] + (moves ? first : 0);
    }
    job->plan->kernels->map(&params, p, &none);
}

static cnn_status run_plain_map(const cpu_step *step, void *const *p, const cpu_plan *plan,
                                cnn_error *err)
{
    chunk_job job = { plan, step->spec, p, 0 };
    job.count = cnn_count(&job.spec->source.out);
    const uint32_t chunks = (uint32_t)((job.count + CHUNK - 1) / CHUNK);
    (void)err;
    plan->host->parallel(plan->host, chunks, map_chunk, &job);
    return CNN_OK;
}

/* The code of an expression and how it walks over its operands. */
static bool compile(cpu_plan *plan, map_spec *spec)
{
    cpu_map_code *code = NULL;
    float *constants = NULL;
    cpu_map_params *p = &spec->params;
    if (!cpu_map_compile(&spec->source.expr, spec->source.n_in, &code, &p->n_code, &constants,
                         &p->n_constants)) {
        plan->out_of_memory = true; /* too long an expression was refused before */
        return false;
    }
    cpu_map_code *own = cpu_plan_alloc(plan, p->n_code, sizeof *own);
    float *numbers = cpu_plan_alloc(plan, p->n_constants, sizeof *numbers);
    if (own != NULL && numbers != NULL) {
        memcpy(own, code, p->n_code * sizeof *own);
        if (p->n_constants > 0)
            memcpy(numbers, constants, p->n_constants * sizeof *numbers);
    }
    free(code);
    free(constants);
    p->code = own;
    p->constants = numbers;
    p->n_in = spec->source.n_in;
    p->in = spec->in;
    return !plan->out_of_memory;
}

/* out = expr(in), all in plain memory. */
static void add_plain_map(cpu_plan *plan, uint32_t n, source *s, int32_t out)
{
    map_spec *spec = cpu_plan_alloc(plan, 1, sizeof *spec);
    for (uint32_t i = 0; i < s->n_in; i++)
        if (cnn_count(&s->type[i]) != 1 && !cnn_same_shape(&s->type[i], &s->out) &&
            cnn_count(&s->type[i]) != cnn_count(&s->out)) {
            s->value[i] = spread(plan, n, s->value[i], &s->type[i], &s->out);
            s->type[i] = s->out;
        }
    if (spec == NULL)
        return;
    spec->source = *s;
    if (!compile(plan, spec))
        return;
    cpu_map_operand *in = spec->in;
    for (uint32_t i = 0; i < s->n_in; i++)
        in[i].stream = cnn_count(&s->type[i]) == 1 && cnn_count(&s->out) != 1 ? CPU_STREAM_SPLAT
                                                                              : CPU_STREAM_VECTOR;
    spec->params.out = (cpu_view){ 1, 1, 1, 1, 1 };
    cpu_step *step = cpu_add_whole(plan, n, run_plain_map, spec);
    step->spec = spec;
    for (uint32_t i = 0; i < s->n_in; i++)
        cpu_step_in(plan, step, s->value[i]);
    cpu_step_out(plan, step, out);
}

static source source_of(const cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_map_attrs *attrs = node->attrs;
    source s = { .expr = attrs->expr,
                 .n_in = node->n_in,
                 .out = cnn_value_at(plan->program, node->out[0])->type };
    for (uint32_t i = 0; i < node->n_in; i++) {
        s.in[i] = node->in[i];
        s.type[i] = cnn_value_at(plan->program, node->in[i])->type;
    }
    return s;
}

void cpu_lower_plain_map(cpu_plan *plan, uint32_t n)
{
    source s = source_of(plan, n);
    for (uint32_t i = 0; i < s.n_in; i++)
        s.value[i] = cpu_plain_of(plan, s.in[i]);
    add_plain_map(plan, n, &s, cpu_new_plain(plan, cnn_node_at(plan->program, n)->out[0]));
}

/* ---- what does not depend on the image ---- */

/* An unbatched operand that spans the batch differs from image to image all the same. */
static bool is_tiled(const cpu_plan *plan, const source *s, uint32_t i)
{
    return s->in[i] >= 0 && (cpu_is_batched(plan->program, s->in[i]) ||
                             (s->type[i].rank == s->out.rank && s->type[i].dim[0] != 1));
}

/* Per term: 1 reads something of the images, 2 reads only what is the same for all, 0 a number. */
static void classify(const cpu_plan *plan, const source *s, uint8_t *kind)
{
    for (uint32_t t = 0; t < s->expr.count; t++) {
        const cnn_term *u = &s->expr.terms[t];
        const int32_t operands[3] = { u->a, u->b, u->c };
        kind[t] = 0;
        if (u->op == CNN_TERM_INPUT)
            kind[t] = is_tiled(plan, s, (uint32_t)u->a) ? 1 : 2;
        for (int k = 0; k < cnn_term_arity(u->op); k++)
            kind[t] = kind[operands[k]] == 1 || kind[t] == 1 ? 1
                      : kind[t] > kind[operands[k]]          ? kind[t]
                                                             : kind[operands[k]];
    }
}

/* The shape to which the inputs of a term are broadcast. */
static cnn_type shape_of(const source *s, int32_t term)
{
    bool *reads = (bool[CPU_MAX_OPERANDS]){ false };
    cnn_type shape = s->out;
    bool used[512] = { false };
    used[term] = true;
    for (int32_t t = term; t >= 0; t--) {
        const cnn_term *u = &s->expr.terms[t];
        const int32_t operands[3] = { u->a, u->b, u->c };
        if (used[t] && u->op == CNN_TERM_INPUT)
            reads[u->a] = true;
        for (int k = 0; used[t] && k < cnn_term_arity(u->op); k++)
            used[operands[k]] = true;
    }
    for (uint32_t axis = 0; axis < shape.rank; axis++)
        shape.dim[axis] = 1;
    for (uint32_t i = 0; i < s->n_in; i++)
        for (uint32_t axis = 0; reads[i] && axis < s->type[i].rank; axis++) {
            uint32_t to = shape.rank - s->type[i].rank + axis;
            if (s->type[i].dim[axis] != 1)
                shape.dim[to] = s->type[i].dim[axis];
        }
    return shape;
}

/* The term as a plain map of its own; returns the plan's value. */
static int32_t compute_once(cpu_plan *plan, uint32_t n, const source *s, int32_t term,
                            cnn_type *shape)
{
    source part = *s;
    part.expr.count = (uint32_t)term + 1;
    part.out = *shape = shape_of(s, term);
    uint32_t n_in = 0;
    int32_t number[CPU_MAX_OPERANDS];
    cnn_term *terms = cpu_plan_alloc(plan, part.expr.count, sizeof *terms);
    for (uint32_t i = 0; i < s->n_in; i++) {
        number[i] = -1;
        if (is_tiled(plan, s, i))
            continue;
        number[i] = (int32_t)n_in;
        part.value[n_in] = s->in[i] >= 0 ? cpu_plain_of(plan, s->in[i]) : s->value[i];
        part.type[n_in++] = s->type[i];
    }
    part.n_in = n_in;
    for (int32_t t = 0; terms != NULL && t <= term; t++) {
        terms[t] = s->expr.terms[t];
        if (terms[t].op == CNN_TERM_INPUT && number[terms[t].a] >= 0)
            terms[t].a = number[terms[t].a];
        else if (terms[t].op == CNN_TERM_INPUT) /* of the images: this term is not reached */
            terms[t] = (cnn_term){ CNN_TERM_CONST, -1, -1, -1, 0 };
    }
    part.expr.terms = terms;
    int32_t out = cpu_add_temp(plan, cnn_count(&part.out));
    if (terms != NULL)
        add_plain_map(plan, n, &part, out);
    return out;
}

/* Does a term of the images, or the result, read this one? */
static bool is_border(const source *s, const uint8_t *kind, uint32_t term)
{
    if (term + 1 == s->expr.count)
        return true;
    for (uint32_t t = term + 1; t < s->expr.count; t++) {
        const cnn_term *u = &s->expr.terms[t];
        const int32_t operands[3] = { u->a, u->b, u->c };
        for (int k = 0; k < cnn_term_arity(u->op); k++)
            if (kind[t] == 1 && operands[k] == (int32_t)term)
                return true;
    }
    return false;
}

/* Terms that are the same for all images become inputs, computed once for the whole batch: batch
 * norm's 1 / sqrt(var + eps), say. */
static void hoist(cpu_plan *plan, uint32_t n, source *s)
{
    uint8_t *kind = cpu_plan_alloc(plan, s->expr.count, sizeof *kind);
    cnn_term *terms = cpu_plan_alloc(plan, s->expr.count, sizeof *terms);
    if (kind == NULL || terms == NULL)
        return;
    classify(plan, s, kind);
    memcpy(terms, s->expr.terms, s->expr.count * sizeof *terms);
    const source before = *s;
    for (uint32_t t = 0; t < before.expr.count; t++) {
        if (kind[t] != 2 || terms[t].op == CNN_TERM_INPUT || !is_border(&before, kind, t) ||
            s->n_in + 2 > CPU_MAX_OPERANDS)
            continue;
        cnn_type shape;
        s->value[s->n_in] = compute_once(plan, n, &before, (int32_t)t, &shape);
        s->in[s->n_in] = -1;
        s->type[s->n_in] = shape;
        terms[t] = (cnn_term){ CNN_TERM_INPUT, (int32_t)s->n_in++, -1, -1, 0 };
    }
    s->expr.terms = terms;
}

/* Inputs that no term reaches are dropped. */
static void drop_unread(cpu_plan *plan, source *s)
{
    bool *used = cpu_plan_alloc(plan, s->expr.count, sizeof *used);
    cnn_term *terms = cpu_plan_alloc(plan, s->expr.count, sizeof *terms);
    int32_t number[CPU_MAX_OPERANDS];
    uint32_t n_in = 0;
    if (used == NULL || terms == NULL)
        return;
    memcpy(terms, s->expr.terms, s->expr.count * sizeof *terms);
    used[s->expr.count - 1] = true;
    for (uint32_t t = s->expr.count; t > 0; t--) {
        const cnn_term *u = &terms[t - 1];
        const int32_t operands[3] = { u->a, u->b, u->c };
        for (int k = 0; used[t - 1] && k < cnn_term_arity(u->op); k++)
            used[operands[k]] = true;
    }
    for (uint32_t i = 0; i < s->n_in; i++) {
        bool read = false;
        for (uint32_t t = 0; t < s->expr.count; t++)
            read = read || (used[t] && terms[t].op == CNN_TERM_INPUT && terms[t].a == (int32_t)i);
        number[i] = (int32_t)n_in;
        s->in[n_in] = s->in[i];
        s->value[n_in] = s->value[i];
        s->type[n_in] = s->type[i];
        n_in += read;
    }
    for (uint32_t t = 0; t < s->expr.count; t++)
        if (terms[t].op == CNN_TERM_INPUT) {
            terms[t].a = used[t] ? number[terms[t].a] : -1;
            terms[t] = used[t] ? terms[t] : (cnn_term){ CNN_TERM_CONST, -1, -1, -1, 0 };
        }
    s->expr.terms = terms;
    s->n_in = n_in;
}

/* ---- on tiles ---- */

/* Strides of an operand along c, h, w of the result, in elements of the operand: 0 where it is
 * broadcast. */
static void strides_of(const cnn_type *in, const cnn_type *out, const int64_t own[3],
                       int64_t stride[3])
{
    stride[0] = stride[1] = stride[2] = 0;
    for (uint32_t axis = 1; axis < out->rank; axis++) {
        int64_t at = (int64_t)axis - (int64_t)(out->rank - in->rank);
        int to = axis == 1 ? 0 : axis + 1 == out->rank ? 2 : 1;
        if (at >= 0 && in->dim[at] != 1)
            stride[to] = own[to];
    }
}

static void operand_of(const cpu_plan *plan, const source *s, uint32_t i, cpu_map_operand *to,
                       int64_t *w)
{
    const cpu_value *v = &plan->values[s->value[i]];
    int64_t stride[3], own[3] = { v->view.plane, v->view.row, 1 };
    if (!v->tiled) {
        const cnn_type *t = &s->type[i];
        own[2] = 1;
        own[1] = t->rank > 0 ? t->dim[t->rank - 1] : 1;
        own[0] = s->out.rank == 2   ? 1
                 : s->out.rank == 3 ? own[1]
                                    : own[1] * (t->rank > 1 ? t->dim[t->rank - 2] : 1);
    }
    strides_of(&s->type[i], &s->out, own, stride);
    to->c = stride[0];
    to->h = stride[1];
    *w = stride[2];
    to->stream = v->tiled ? (*w != 0 ? CPU_STREAM_VECTOR : CPU_STREAM_SAME)
                          : (*w != 0 ? CPU_STREAM_EACH : CPU_STREAM_SPLAT);
}

/* Rows that follow each other without a gap in every operand are one long row. */
static void join_rows(cpu_map_params *p, cpu_map_operand *in, const int64_t *w)
{
    bool joins = p->out.row == p->out.w || p->out.h == 1;
    for (uint32_t i = 0; i < p->n_in; i++)
        joins = joins && (p->out.h == 1 || in[i].h == w[i] * p->out.w);
    if (!joins)
        return;
    p->out.w *= p->out.h;
    p->out.h = 1;
    joins = p->out.plane == p->out.w || p->out.c == 1;
    for (uint32_t i = 0; i < p->n_in; i++)
        joins = joins && (p->out.c == 1 || in[i].c == w[i] * p->out.w);
    if (!joins)
        return;
    p->out.w *= p->out.c;
    p->out.c = 1;
}

/* An operand that was one column wide and shares all its rows with the others becomes a stream. */
static void mend_single_columns(cpu_map_params *p, cpu_map_operand *in, int64_t *w)
{
    if (p->out.w != 1)
        return;
    bool by_channel = p->out.h == 1 && p->out.plane == 1;
    for (uint32_t i = 0; i < p->n_in && by_channel; i++)
        by_channel = in[i].c == 0 || in[i].c == 1;
    if (!by_channel)
        return;
    p->out = (cpu_view){ 1, 1, p->out.c, p->out.c, p->out.c };
    for (uint32_t i = 0; i < p->n_in; i++) {
        bool tiled = in[i].stream == CPU_STREAM_VECTOR || in[i].stream == CPU_STREAM_SAME;
        w[i] = in[i].c;
        in[i].stream = tiled ? (w[i] != 0 ? CPU_STREAM_VECTOR : CPU_STREAM_SAME)
                             : (w[i] != 0 ? CPU_STREAM_EACH : CPU_STREAM_SPLAT);
        in[i].c = in[i].h = 0;
    }
}

static cnn_status finish_map(cpu_plan *plan, cpu_step *step, cnn_error *err)
{
    map_spec *spec = step->spec;
    cpu_map_params *p = &spec->params;
    cpu_map_operand *in = spec->in;
    int64_t w[CPU_MAX_OPERANDS];
    (void)err;
    p->out = plan->values[step->out[0]].view;
    for (uint32_t i = 0; i < p->n_in; i++)
        operand_of(plan, &spec->source, i, &in[i], &w[i]);
    mend_single_columns(p, in, w);
    join_rows(p, in, w);
    return CNN_OK;
}

/* ---- maps that are the end of a convolution ---- */

/* A term as scale[0] x0 + scale[1] x1 + shift, where x0, x1 are the operands that differ from image
 * to image; each factor is a term of its own that does not. */
typedef struct affine {
    bool is;
    int32_t scale[2], shift;
} affine;

enum { ZERO = -1, ONE = -2 };

typedef struct affine_builder {
    const source *s;
    const uint8_t *kind;
    cnn_term *terms;
    uint32_t count;
    int32_t slot[2]; /* inputs */
    affine *of;      /* per term of the expression */
} affine_builder;

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
    if (b->kind[t] != 1)
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
        return b->kind[u.a] != 1 ? scaled(b, y, u.a) : b->kind[u.b] != 1 ? scaled(b, x, u.b) : none;
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
static int32_t strip_clamp(const source *s, clamp *c)
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
    source s = *b->s;
    *value = -1;
    if (term == ZERO || term == ONE)
        return true;
    s.expr = (cnn_expr){ (uint32_t)term + 1, b->terms };
    cnn_type shape = shape_of(&s, term);
    for (uint32_t axis = 0; axis < shape.rank; axis++)
        if (shape.dim[axis] != (axis == 1 ? s.out.dim[1] : 1))
            return false;
    if (b->terms[term].op == CNN_TERM_INPUT) { /* as it is */
        const int32_t i = b->terms[term].a;
        *value = s.in[i] >= 0 ? cpu_plain_of(plan, s.in[i]) : s.value[i];
        return true;
    }
    *value = compute_once(plan, n, &s, term, &shape);
    return true;
}

/* In tiles or images; the result of a convolution that nobody else reads. */
static bool ends_convolution(const cpu_plan *plan, const source *s, int32_t i)
{
    const int32_t v = s->in[i];
    if (v < 0 || plan->uses[v] != 1 || cnn_value_at(plan->program, v)->kind == CNN_VALUE_OUTPUT)
        return false;
    const cpu_step *step = cpu_maker_of(plan, plan->small ? plan->image[v] : plan->tile[v]);
    return step != NULL && step->fused.possible && !step->fused.clamps && !step->fused.add &&
           !step->fused.bias && !step->fused.scale;
}

/* Two operands at most, each as large as the result. */
static bool list_operands(const cpu_plan *plan, const source *s, int32_t slot[2])
{
    int n = 0;
    slot[0] = slot[1] = -1;
    for (uint32_t i = 0; i < s->n_in; i++) {
        if (!is_tiled(plan, s, i))
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
    const source *s = b->s;
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
static bool absorbed(cpu_plan *plan, uint32_t n, const source *s)
{
    affine_builder b = { .s = s };
    const uint32_t room = 16 * s->expr.count + 16;
    clamp range;
    if (s->out.rank < 2 || !list_operands(plan, s, b.slot))
        return false;
    uint8_t *kind = cpu_plan_alloc(plan, s->expr.count, sizeof *kind);
    b.terms = cpu_plan_alloc(plan, room, sizeof *b.terms);
    b.of = cpu_plan_alloc(plan, s->expr.count, sizeof *b.of);
    if (plan->out_of_memory)
        return false;
    classify(plan, s, kind);
    b.kind = kind;
    b.count = s->expr.count;
    memcpy(b.terms, s->expr.terms, s->expr.count * sizeof *b.terms);
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

static void add_tile_map(cpu_plan *plan, uint32_t n, map_spec *spec, int32_t result)
{
    if (!compile(plan, spec))
        return;
    int32_t out = cpu_new_tile(plan, result);
    cpu_step *step = cpu_add_step(plan, n);
    step->kernel = plan->kernels->map;
    step->params = &spec->params;
    step->spec = spec;
    step->finish = finish_map;
    step->in_place = true;
    for (uint32_t i = 0; i < spec->source.n_in; i++)
        cpu_step_in(plan, step, spec->source.value[i]);
    cpu_step_out(plan, step, out);
}

void cpu_add_combination(cpu_plan *plan, uint32_t n, int32_t result, const int32_t *in,
                         uint32_t n_in, const int32_t *k)
{
    const cnn_type *out = &cnn_value_at(plan->program, result)->type;
    cnn_type channels = *out;
    map_spec *spec = cpu_plan_alloc(plan, 1, sizeof *spec);
    cnn_term *terms = cpu_plan_alloc(plan, 4 * n_in + 1, sizeof *terms);
    if (spec == NULL || terms == NULL)
        return;
    for (uint32_t axis = 0; axis < channels.rank; axis++)
        channels.dim[axis] = axis == 1 ? out->dim[1] : 1;
    source *s = &spec->source;
    int32_t sum = 0;
    uint32_t t = 0;
    terms[t++] = (cnn_term){ CNN_TERM_INPUT, (int32_t)n_in, -1, -1, 0 };
    for (uint32_t i = 0; i < n_in; i++) {
        terms[t] = (cnn_term){ CNN_TERM_INPUT, (int32_t)i, -1, -1, 0 };
        terms[t + 1] = (cnn_term){ CNN_TERM_INPUT, (int32_t)(n_in + 1 + i), -1, -1, 0 };
        terms[t + 2] = (cnn_term){ CNN_TERM_MUL, (int32_t)t, (int32_t)t + 1, -1, 0 };
        terms[t + 3] = (cnn_term){ CNN_TERM_ADD, (int32_t)t + 2, sum, -1, 0 };
        sum = (int32_t)t + 3;
        t += 4;
    }
    *s = (source){ .expr = { t, terms }, .n_in = 2 * n_in + 1, .out = *out };
    for (uint32_t i = 0; i < s->n_in; i++) {
        s->in[i] = -1;
        s->value[i] = i < n_in ? in[i] : i == n_in ? k[n_in] : k[i - n_in - 1];
        s->type[i] = i < n_in ? *out : channels;
    }
    add_tile_map(plan, n, spec, result);
}

/* ---- on images ---- */

/* Operands of an image: images of the same size, and plain values per channel or single. */
static bool suits_images(const cpu_plan *plan, const source *s)
{
    for (uint32_t i = 0; i < s->n_in; i++) {
        const cnn_type *t = &s->type[i];
        if (is_tiled(plan, s, i)
                ? !cnn_same_shape(t, &s->out)
                : cnn_count(t) != 1 && !(cnn_count(t) == s->out.dim[1] && t->rank >= 3 &&
                                         t->dim[t->rank - 3] == s->out.dim[1]))
            return false;
    }
    return s->out.rank == 4;
}

typedef struct image_job {
    const cpu_plan *plan;
    const cpu_step *step;
    void *const *p;
} image_job;

/* Task i: a vector of channels of an image. */
static void map_plane(void *context, uint32_t i)
{
    const image_job *job = context;
    const cpu_plan *plan = job->plan;
    const map_spec *spec = job->step->spec;
    const cpu_value *out = &plan->values[job->step->out[0]];
    const int64_t lanes = plan->kernels->lanes, vector = i % out->view.c;
    cpu_map_params params = spec->params;
    cpu_map_operand in[CPU_MAX_OPERANDS];
    int64_t w[CPU_MAX_OPERANDS];
    void *p[CPU_MAX_OPERANDS];
    for (uint32_t k = 0; k < params.n_in; k++) {
        const cpu_value *v = &plan->values[job->step->in[k]];
        const bool single = cnn_count(&v->type) == 1 && !v->image;
        in[k] = (cpu_map_operand){ 0, v->image ? v->view.row : 0, spec->in[k].stream };
        w[k] = v->image;
        p[k] = (float *)job->p[k] + (v->image ? i * cpu_small_plane(plan, v)
                                     : single ? 0
                                              : vector * lanes);
    }
    float *y = (float *)job->p[params.n_in] + i * cpu_small_plane(plan, out);
    const cpu_tile none = { 0, lanes };
    p[params.n_in] = y;
    params.in = in;
    params.out = out->view;
    params.out.c = 1;
    join_rows(&params, in, w);
    plan->kernels->map(&params, p, &none);
    cpu_small_clear(plan, out, y, 0, out->view.h);
}

static cnn_status run_image_map(const cpu_step *step, void *const *p, const cpu_plan *plan,
                                cnn_error *err)
{
    image_job job = { plan, step, p };
    const cpu_value *out = &plan->values[step->out[0]];
    (void)err;
    plan->host->parallel(plan->host, (uint32_t)(out->type.dim[0] * out->view.c), map_plane, &job);
    return CNN_OK;
}

static void add_image_map(cpu_plan *plan, uint32_t n, map_spec *spec)
{
    source *s = &spec->source;
    for (uint32_t i = 0; i < s->n_in; i++)
        if (s->in[i] >= 0)
            s->value[i] = is_tiled(plan, s, i) ? cpu_image_of(plan, n, s->in[i])
                                               : cpu_plain_of(plan, s->in[i]);
    if (!compile(plan, spec))
        return;
    for (uint32_t i = 0; i < s->n_in; i++)
        spec->in[i].stream = is_tiled(plan, s, i)          ? CPU_STREAM_VECTOR
                             : cnn_count(&s->type[i]) == 1 ? CPU_STREAM_SPLAT
                                                           : CPU_STREAM_SAME;
    int32_t out = cpu_new_image(plan, cnn_node_at(plan->program, n)->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, run_image_map, spec);
    step->spec = spec;
    for (uint32_t i = 0; i < s->n_in; i++)
        cpu_step_in(plan, step, s->value[i]);
    cpu_step_out(plan, step, out);
}

void cpu_lower_map(cpu_plan *plan, uint32_t n)
{
    map_spec *spec = cpu_plan_alloc(plan, 1, sizeof *spec);
    source s = source_of(plan, n);
    if (spec == NULL)
        return;
    hoist(plan, n, &s);
    drop_unread(plan, &s);
    if (plan->out_of_memory || absorbed(plan, n, &s))
        return;
    spec->source = s;
    if (plan->small && suits_images(plan, &s)) {
        add_image_map(plan, n, spec);
        return;
    }
    if (plan->small && s.out.rank < 4) {
        cpu_lower_plain_map(plan, n);
        return;
    }
    for (uint32_t i = 0; i < s.n_in; i++)
        if (s.in[i] >= 0)
            s.value[i] =
                is_tiled(plan, &s, i) ? cpu_tile_of(plan, n, s.in[i]) : cpu_plain_of(plan, s.in[i]);
    spec->source = s;
    add_tile_map(plan, n, spec, cnn_node_at(plan->program, n)->out[0]);
}
