/* Maps on images whose lanes are channels. */
#include "map_plan.h"
#include "small.h"
#include "small_steps.h"

/* Operands of an image: images of the same size, and plain values per channel or single. */
bool cpu_suits_images(const cpu_plan *plan, const cpu_source *s)
{
    for (uint32_t i = 0; i < s->n_in; i++) {
        const cnn_type *t = &s->type[i];
        if (cpu_is_tiled(plan, s, i)
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
    const cpu_map_spec *spec = job->step->spec;
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
    cpu_join_rows(&params, in, w);
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

void cpu_add_image_map(cpu_plan *plan, uint32_t n, cpu_map_spec *spec)
{
    cpu_source *s = &spec->source;
    for (uint32_t i = 0; i < s->n_in; i++)
        if (s->in[i] >= 0)
            s->value[i] = cpu_is_tiled(plan, s, i) ? cpu_image_of(plan, n, s->in[i])
                                                   : cpu_plain_of(plan, s->in[i]);
    if (!cpu_compile_map(plan, spec))
        return;
    for (uint32_t i = 0; i < s->n_in; i++)
        spec->in[i].stream = cpu_is_tiled(plan, s, i)      ? CPU_STREAM_VECTOR
                             : cnn_count(&s->type[i]) == 1 ? CPU_STREAM_SPLAT
                                                           : CPU_STREAM_SAME;
    int32_t out = cpu_new_image(plan, cnn_node_at(plan->program, n)->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, run_image_map, spec);
    step->spec = spec;
    for (uint32_t i = 0; i < s->n_in; i++)
        cpu_step_in(plan, step, s->value[i]);
    cpu_step_out(plan, step, out);
}
