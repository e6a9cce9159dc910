/* What the expression of a map reads, and which of its parts are the same for all images: those are
 * computed once a step and not for each image. */
#include "map_source.h"

#include <string.h>

#include "map_plan.h"

cpu_source cpu_source_of(const cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_map_attrs *attrs = node->attrs;
    cpu_source s = { .expr = attrs->expr,
                     .n_in = node->n_in,
                     .out = cnn_value_at(plan->program, node->out[0])->type };
    for (uint32_t i = 0; i < node->n_in; i++) {
        s.in[i] = node->in[i];
        s.type[i] = cnn_value_at(plan->program, node->in[i])->type;
    }
    return s;
}

/* An unbatched operand that spans the batch differs from image to image all the same. */
bool cpu_is_tiled(const cpu_plan *plan, const cpu_source *s, uint32_t i)
{
    return s->in[i] >= 0 && (cpu_is_batched(plan->program, s->in[i]) ||
                             (s->type[i].rank == s->out.rank && s->type[i].dim[0] != 1));
}

void cpu_classify(const cpu_plan *plan, const cpu_source *s, uint8_t *kind)
{
    for (uint32_t t = 0; t < s->expr.count; t++) {
        const cnn_term *u = &s->expr.terms[t];
        const int32_t operands[3] = { u->a, u->b, u->c };
        kind[t] = CPU_TERM_NUMBER;
        if (u->op == CNN_TERM_INPUT)
            kind[t] = cpu_is_tiled(plan, s, (uint32_t)u->a) ? CPU_TERM_TILED : CPU_TERM_SHARED;
        for (int k = 0; k < cnn_term_arity(u->op); k++)
            kind[t] = kind[operands[k]] == CPU_TERM_TILED || kind[t] == CPU_TERM_TILED
                          ? CPU_TERM_TILED
                      : kind[t] > kind[operands[k]] ? kind[t]
                                                    : kind[operands[k]];
    }
}

/* Per term, false before: is it this one, or does it take part in it? */
static void mark_used(const cnn_term *terms, int32_t term, bool *used)
{
    used[term] = true;
    for (int32_t t = term; t >= 0; t--) {
        const cnn_term *u = &terms[t];
        const int32_t operands[3] = { u->a, u->b, u->c };
        for (int k = 0; used[t] && k < cnn_term_arity(u->op); k++)
            used[operands[k]] = true;
    }
}

cnn_type cpu_shape_of(const cpu_source *s, int32_t term)
{
    bool reads[CPU_MAX_OPERANDS] = { false };
    cnn_type shape = s->out;
    bool used[CPU_MOST_AFFINE_TERMS] = { false };
    mark_used(s->expr.terms, term, used);
    for (int32_t t = 0; t <= term; t++)
        if (used[t] && s->expr.terms[t].op == CNN_TERM_INPUT)
            reads[s->expr.terms[t].a] = true;
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

/* The inputs that are the same for all images, and per input of s its number among them, or -1. */
static void take_shared(cpu_plan *plan, const cpu_source *s, cpu_source *part, int32_t *number)
{
    part->n_in = 0;
    for (uint32_t i = 0; i < s->n_in; i++) {
        number[i] = -1;
        if (cpu_is_tiled(plan, s, i))
            continue;
        number[i] = (int32_t)part->n_in;
        part->value[part->n_in] = s->in[i] >= 0 ? cpu_plain_of(plan, s->in[i]) : s->value[i];
        part->type[part->n_in++] = s->type[i];
    }
}

int32_t cpu_compute_once(cpu_plan *plan, uint32_t n, const cpu_source *s, int32_t term,
                         cnn_type *shape)
{
    cpu_source part = *s;
    part.expr.count = (uint32_t)term + 1;
    part.out = *shape = cpu_shape_of(s, term);
    int32_t number[CPU_MAX_OPERANDS];
    cnn_term *terms = cpu_plan_alloc(plan, part.expr.count, sizeof *terms);
    take_shared(plan, s, &part, number);
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
        cpu_add_plain_map(plan, n, &part, out);
    return out;
}

/* Does a term of the images, or the result, read this one? */
static bool is_border(const cpu_source *s, const uint8_t *kind, uint32_t term)
{
    if (term + 1 == s->expr.count)
        return true;
    for (uint32_t t = term + 1; t < s->expr.count; t++) {
        const cnn_term *u = &s->expr.terms[t];
        const int32_t operands[3] = { u->a, u->b, u->c };
        for (int k = 0; k < cnn_term_arity(u->op); k++)
            if (kind[t] == CPU_TERM_TILED && operands[k] == (int32_t)term)
                return true;
    }
    return false;
}

/* Terms that are the same for all images become inputs, computed once for the whole batch: batch
 * norm's 1 / sqrt(var + eps), say. */
void cpu_hoist(cpu_plan *plan, uint32_t n, cpu_source *s)
{
    uint8_t *kind = cpu_plan_alloc(plan, s->expr.count, sizeof *kind);
    cnn_term *terms = cpu_plan_alloc(plan, s->expr.count, sizeof *terms);
    if (kind == NULL || terms == NULL)
        return;
    cpu_classify(plan, s, kind);
    memcpy(terms, s->expr.terms, s->expr.count * sizeof *terms);
    const cpu_source before = *s;
    for (uint32_t t = 0; t < before.expr.count; t++) {
        if (kind[t] != CPU_TERM_SHARED || terms[t].op == CNN_TERM_INPUT ||
            !is_border(&before, kind, t) || s->n_in + 2 > CPU_MAX_OPERANDS)
            continue;
        cnn_type shape;
        s->value[s->n_in] = cpu_compute_once(plan, n, &before, (int32_t)t, &shape);
        s->in[s->n_in] = -1;
        s->type[s->n_in] = shape;
        terms[t] = (cnn_term){ CNN_TERM_INPUT, (int32_t)s->n_in++, -1, -1, 0 };
    }
    s->expr.terms = terms;
}

void cpu_drop_unread(cpu_plan *plan, cpu_source *s)
{
    bool *used = cpu_plan_alloc(plan, s->expr.count, sizeof *used);
    cnn_term *terms = cpu_plan_alloc(plan, s->expr.count, sizeof *terms);
    int32_t number[CPU_MAX_OPERANDS];
    uint32_t n_in = 0;
    if (used == NULL || terms == NULL)
        return;
    memcpy(terms, s->expr.terms, s->expr.count * sizeof *terms);
    mark_used(terms, (int32_t)s->expr.count - 1, used);
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
