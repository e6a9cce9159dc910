/* Maps on tiles: how they walk over their operands, and which form a map of the program gets. */
#include "map_plan.h"

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

static void operand_of(const cpu_plan *plan, const cpu_source *s, uint32_t i, cpu_map_operand *to,
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
void cpu_join_rows(cpu_map_params *p, cpu_map_operand *in, const int64_t *w)
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
    cpu_map_spec *spec = step->spec;
    cpu_map_params *p = &spec->params;
    cpu_map_operand *in = spec->in;
    int64_t w[CPU_MAX_OPERANDS];
    (void)err;
    p->out = plan->values[step->out[0]].view;
    for (uint32_t i = 0; i < p->n_in; i++)
        operand_of(plan, &spec->source, i, &in[i], &w[i]);
    mend_single_columns(p, in, w);
    cpu_join_rows(p, in, w);
    return CNN_OK;
}

static void add_tile_map(cpu_plan *plan, uint32_t n, cpu_map_spec *spec, int32_t result)
{
    if (!cpu_compile_map(plan, spec))
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
    const cnn_type *out = cpu_type_of(plan, result);
    cnn_type channels = *out;
    cpu_map_spec *spec = cpu_plan_alloc(plan, 1, sizeof *spec);
    cnn_term *terms = cpu_plan_alloc(plan, 4 * n_in + 1, sizeof *terms);
    if (spec == NULL || terms == NULL)
        return;
    for (uint32_t axis = 0; axis < channels.rank; axis++)
        channels.dim[axis] = axis == 1 ? out->dim[1] : 1;
    cpu_source *s = &spec->source;
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
    *s = (cpu_source){ .expr = { t, terms }, .n_in = 2 * n_in + 1, .out = *out };
    for (uint32_t i = 0; i < s->n_in; i++) {
        s->in[i] = -1;
        s->value[i] = i < n_in ? in[i] : i == n_in ? k[n_in] : k[i - n_in - 1];
        s->type[i] = i < n_in ? *out : channels;
    }
    add_tile_map(plan, n, spec, result);
}

void cpu_lower_map(cpu_plan *plan, uint32_t n)
{
    cpu_map_spec *spec = cpu_plan_alloc(plan, 1, sizeof *spec);
    cpu_source s = cpu_source_of(plan, n);
    if (spec == NULL)
        return;
    cpu_hoist(plan, n, &s);
    cpu_drop_unread(plan, &s);
    if (plan->out_of_memory || cpu_absorb_map(plan, n, &s))
        return;
    spec->source = s;
    if (plan->small && cpu_suits_images(plan, &s)) {
        cpu_add_image_map(plan, n, spec);
        return;
    }
    if (plan->small && s.out.rank < 4) {
        cpu_lower_plain_map(plan, n);
        return;
    }
    for (uint32_t i = 0; i < s.n_in; i++)
        if (s.in[i] >= 0)
            s.value[i] = cpu_is_tiled(plan, &s, i) ? cpu_tile_of(plan, n, s.in[i])
                                                   : cpu_plain_of(plan, s.in[i]);
    spec->source = s;
    add_tile_map(plan, n, spec, cnn_node_at(plan->program, n)->out[0]);
}
