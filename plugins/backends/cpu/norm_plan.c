/* Batch normalisation (Ioffe and Szegedy, 2015) cut where it needs the whole batch: statistics of
 * each tile, their total, then a multiply-add per element, which fuses like any map. */
#include <math.h>

#include "plan.h"

typedef struct norm_spec {
    int64_t channels;
    double eps, count; /* numbers per channel */
} norm_spec;

static norm_spec *spec_of(cpu_plan *plan, const cnn_node *node)
{
    norm_spec *spec = cpu_plan_alloc(plan, 1, sizeof *spec);
    const cnn_type *x = cpu_type_of(plan, node->in[0]);
    const cnn_batch_norm_attrs *attrs = node->attrs;
    if (spec != NULL)
        *spec = (norm_spec){ x->dim[1], attrs->eps, (double)(cnn_count(x) / x->dim[1]) };
    return spec;
}

static uint64_t piece(const cpu_plan *plan, const cpu_step *step, uint32_t i)
{
    return plan->values[step->in[i]].bytes;
}

/* Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample
 * variances", 1979. */
static void merge(double to[3], const double from[3])
{
    double n = to[0] + from[0], d = from[1] - to[1];
    if (from[0] == 0)
        return;
    to[1] += d * from[0] / n;
    to[2] += from[2] + d * d * to[0] * from[0] / n;
    to[0] = n;
}

/* p: part, w, b -> mean, variance, scale, shift: y = x scale + shift. */
static cnn_status total_stats(const cpu_step *step, void *const *p, const cpu_plan *plan,
                              cnn_error *err)
{
    const norm_spec *s = step->params;
    const float *w = p[1], *b = p[2];
    float *mean = p[3], *variance = p[4], *scale = p[5], *shift = p[6];
    (void)err;
    for (int64_t c = 0; c < s->channels; c++) {
        double all[3] = { 0, 0, 0 };
        for (int64_t g = 0; g < plan->groups; g++)
            merge(all, (const double *)(const void *)((const char *)p[0] +
                                                      (uint64_t)g * piece(plan, step, 0)) +
                           3 * c);
        double var = all[2] / s->count, a = (double)w[c] / sqrt(var + s->eps);
        mean[c] = (float)all[1];
        variance[c] = (float)var;
        scale[c] = (float)a;
        shift[c] = (float)((double)b[c] - all[1] * a);
    }
    return CNN_OK;
}

/* p: part, w, mean, variance -> dw, db and dx = dy k0 + x k1 + k2, where
 * dx = w r (dy - mean(dy) - xh mean(dy xh)), xh = (x - mean) r, r = 1 / sqrt(variance + eps). */
static cnn_status total_grads(const cpu_step *step, void *const *p, const cpu_plan *plan,
                              cnn_error *err)
{
    const norm_spec *s = step->params;
    const float *w = p[1], *mean = p[2], *variance = p[3];
    float *dw = p[4], *db = p[5], *k0 = p[6], *k1 = p[7], *k2 = p[8];
    (void)err;
    for (int64_t c = 0; c < s->channels; c++) {
        double sum = 0, product = 0, r = 1 / sqrt((double)variance[c] + s->eps);
        for (int64_t g = 0; g < plan->groups; g++) {
            const double *part = (const double *)(const void *)((const char *)p[0] +
                                                                (uint64_t)g * piece(plan, step, 0));
            sum += part[2 * c];
            product += part[2 * c + 1];
        }
        double a = (double)w[c] * r, slope = a * r * r * product / s->count;
        dw[c] = (float)(product * r);
        db[c] = (float)sum;
        k0[c] = (float)a;
        k1[c] = (float)-slope;
        k2[c] = (float)(slope * (double)mean[c] - a * sum / s->count);
    }
    return CNN_OK;
}

void cpu_lower_norm(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    norm_spec *spec = spec_of(plan, node);
    if (spec == NULL)
        return;
    int32_t x = cpu_tile_of(plan, n, node->in[0]), w = cpu_plain_of(plan, node->in[1]);
    int32_t b = cpu_plain_of(plan, node->in[2]);
    int32_t part = cpu_add_partial(plan, 3 * spec->channels, sizeof(double));
    cpu_step *step = cpu_add_kernel(plan, n, plan->kernels->batch_norm_stats, NULL);
    cpu_step_in(plan, step, x);
    cpu_step_out(plan, step, part);
    step->sums = true;
    int32_t k[2] = { cpu_add_temp(plan, spec->channels), cpu_add_temp(plan, spec->channels) };
    step = cpu_add_whole(plan, n, total_stats, spec);
    cpu_step_in(plan, step, part);
    cpu_step_in(plan, step, w);
    cpu_step_in(plan, step, b);
    cpu_step_out(plan, step, cpu_new_plain(plan, node->out[1]));
    cpu_step_out(plan, step, cpu_new_plain(plan, node->out[2]));
    cpu_step_out(plan, step, k[0]);
    cpu_step_out(plan, step, k[1]);
    cpu_add_combination(plan, n, node->out[0], &x, 1, k);
}

void cpu_lower_norm_grad(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    norm_spec *spec = spec_of(plan, node);
    if (spec == NULL)
        return;
    int32_t x = cpu_tile_of(plan, n, node->in[0]), dy = cpu_tile_of(plan, n, node->in[4]);
    int32_t w = cpu_plain_of(plan, node->in[1]), mean = cpu_plain_of(plan, node->in[2]);
    int32_t variance = cpu_plain_of(plan, node->in[3]);
    int32_t part = cpu_add_partial(plan, 2 * spec->channels, sizeof(double)), k[3];
    cpu_step *step = cpu_add_kernel(plan, n, plan->kernels->batch_norm_grad_stats, NULL);
    cpu_step_in(plan, step, x);
    cpu_step_in(plan, step, dy);
    cpu_step_in(plan, step, mean);
    cpu_step_out(plan, step, part);
    step->sums = true;
    for (int i = 0; i < 3; i++)
        k[i] = cpu_add_temp(plan, spec->channels);
    step = cpu_add_whole(plan, n, total_grads, spec);
    cpu_step_in(plan, step, part);
    cpu_step_in(plan, step, w);
    cpu_step_in(plan, step, mean);
    cpu_step_in(plan, step, variance);
    cpu_step_out(plan, step, cpu_new_plain(plan, node->out[1]));
    cpu_step_out(plan, step, cpu_new_plain(plan, node->out[2]));
    for (int i = 0; i < 3; i++)
        cpu_step_out(plan, step, k[i]);
    cpu_add_combination(plan, n, node->out[0], (int32_t[2]){ dy, x }, 2, k);
}
