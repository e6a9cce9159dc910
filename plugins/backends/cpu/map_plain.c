/* Maps on plain memory, in chunks that the threads share, and what spreads an operand out. */
#include <stdlib.h>
#include <string.h>

#include "map_code.h"
#include "map_plan.h"

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
    const cpu_map_spec *spec;
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
    params.out.w = params.out.row = params.out.plane = cpu_divided_up(floats, lanes);
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
    const uint32_t chunks = (uint32_t)cpu_divided_up(job.count, CHUNK);
    (void)err;
    plan->host->parallel(plan->host, chunks, map_chunk, &job);
    return CNN_OK;
}

/* The code of an expression and how it walks over its operands. */
bool cpu_compile_map(cpu_plan *plan, cpu_map_spec *spec)
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
void cpu_add_plain_map(cpu_plan *plan, uint32_t n, cpu_source *s, int32_t out)
{
    cpu_map_spec *spec = cpu_plan_alloc(plan, 1, sizeof *spec);
    for (uint32_t i = 0; i < s->n_in; i++)
        if (cnn_count(&s->type[i]) != 1 && !cnn_same_shape(&s->type[i], &s->out) &&
            cnn_count(&s->type[i]) != cnn_count(&s->out)) {
            s->value[i] = spread(plan, n, s->value[i], &s->type[i], &s->out);
            s->type[i] = s->out;
        }
    if (spec == NULL)
        return;
    spec->source = *s;
    if (!cpu_compile_map(plan, spec))
        return;
    cpu_map_operand *in = spec->in;
    for (uint32_t i = 0; i < s->n_in; i++)
        in[i].stream = cnn_count(&s->type[i]) == 1 && cnn_count(&s->out) != 1 ? CPU_STREAM_SPLAT
                                                                              : CPU_STREAM_VECTOR;
    spec->params.out = (cpu_view){ 1, 1, 1, 1, 1 };
    cpu_step *step = cpu_add_whole(plan, n, run_plain_map, spec);
    step->spec = spec;
    step->in_place = true;
    for (uint32_t i = 0; i < s->n_in; i++)
        cpu_step_in(plan, step, s->value[i]);
    cpu_step_out(plan, step, out);
}

void cpu_lower_plain_map(cpu_plan *plan, uint32_t n)
{
    cpu_source s = cpu_source_of(plan, n);
    for (uint32_t i = 0; i < s.n_in; i++)
        s.value[i] = cpu_plain_of(plan, s.in[i]);
    cpu_add_plain_map(plan, n, &s, cpu_new_plain(plan, cnn_node_at(plan->program, n)->out[0]));
}
