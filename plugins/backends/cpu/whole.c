/* Whole steps of unbatched ops: parameters, scalars and what is drawn for the whole batch. */
#include <math.h>
#include <string.h>

#include <cnnrun/rng.h>

#include "plan.h"

static const cnn_node *node_of(const cpu_plan *plan, const cpu_step *step)
{
    return cnn_node_at(plan->program, (uint32_t)step->node);
}

static cnn_status copy(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    (void)err;
    memcpy(p[1], p[0], (size_t)cnn_bytes(cpu_type_of(plan, node_of(plan, step)->in[0])));
    return CNN_OK;
}

/* p: state, its new contents, which the layout may have had written there. */
static cnn_status assign(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    (void)err;
    if (p[0] == p[1])
        return CNN_OK;
    memcpy(p[0], p[1], (size_t)cnn_bytes(cpu_type_of(plan, node_of(plan, step)->in[0])));
    return CNN_OK;
}

/* ---- sums ---- */

typedef struct reduce_job {
    const cnn_type *in;
    const cnn_reduce_attrs *attrs;
    const float *x;
    float *y;
} reduce_job;

static double larger(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

/* Output i: walks the inputs whose kept coordinates are those of i. */
static void reduce_one(void *context, uint32_t i)
{
    const reduce_job *job = context;
    const cnn_type *in = job->in;
    int64_t rest = i, base = 0, count = 1, stride = 1;
    for (uint32_t axis = in->rank; axis > 0; stride *= in->dim[--axis])
        if ((job->attrs->axes >> (axis - 1) & 1) == 0) {
            base += rest % in->dim[axis - 1] * stride;
            rest /= in->dim[axis - 1];
        } else {
            count *= in->dim[axis - 1];
        }
    double sum = 0, most = -INFINITY;
    for (int64_t k = 0; k < count; k++) {
        int64_t left = k, at = base;
        stride = 1;
        for (uint32_t axis = in->rank; axis > 0; stride *= in->dim[--axis])
            if ((job->attrs->axes >> (axis - 1) & 1) != 0) {
                at += left % in->dim[axis - 1] * stride;
                left /= in->dim[axis - 1];
            }
        sum += (double)job->x[at];
        most = larger(most, (double)job->x[at]);
    }
    job->y[i] = (float)(job->attrs->kind == CNN_REDUCE_MAX    ? most
                        : job->attrs->kind == CNN_REDUCE_MEAN ? sum / (double)count
                                                              : sum);
}

static cnn_status reduce(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    const cnn_node *node = node_of(plan, step);
    reduce_job job = { cpu_type_of(plan, node->in[0]), node->attrs, p[0], p[1] };
    (void)err;
    plan->host->parallel(plan->host, (uint32_t)cnn_count(cpu_type_of(plan, node->out[0])),
                         reduce_one, &job);
    return CNN_OK;
}

typedef struct total_job {
    const char *from;
    float *to;
    uint64_t piece;
    int64_t groups, count;
    float scale;
} total_job;

enum { TOTAL_CHUNK = 4096 };

static void total_chunk(void *context, uint32_t i)
{
    const total_job *job = context;
    const int64_t first = (int64_t)i * TOTAL_CHUNK;
    const int64_t end = first + TOTAL_CHUNK < job->count ? first + TOTAL_CHUNK : job->count;
    memcpy(job->to + first, (const float *)(const void *)job->from + first,
           (size_t)(end - first) * sizeof(float));
    for (int64_t g = 1; g < job->groups; g++) {
        const float *from = (const float *)(const void *)(job->from + (uint64_t)g * job->piece);
        for (int64_t k = first; k < end; k++)
            job->to[k] += from[k];
    }
    for (int64_t k = first; k < end && job->scale != 1; k++)
        job->to[k] *= job->scale;
}

static cnn_status total(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    const cpu_value *partial = &plan->values[step->in[0]];
    total_job job = { p[0],
                      p[1],
                      partial->bytes,
                      plan->groups,
                      cnn_count(&plan->values[step->out[0]].type),
                      (float)*(const double *)step->params };
    (void)err;
    plan->host->parallel(plan->host, (uint32_t)cpu_divided_up(job.count, TOTAL_CHUNK), total_chunk,
                         &job);
    return CNN_OK;
}

void cpu_add_total(cpu_plan *plan, uint32_t node, int32_t partial, int32_t plain, double scale)
{
    double *factor = cpu_plan_alloc(plan, 1, sizeof *factor);
    if (factor != NULL)
        *factor = scale;
    cpu_step *step = cpu_add_whole(plan, node, total, factor);
    cpu_step_in(plan, step, partial);
    cpu_step_out(plan, step, plain);
}

/* ---- random numbers: p: seed, step, result ---- */

typedef struct random_job {
    uint32_t key[2], step, purpose;
    int64_t count;
    float *out;
} random_job;

enum { RANDOM_CHUNK = 4096 };

static void random_chunk(void *context, uint32_t i)
{
    const random_job *job = context;
    const int64_t first = (int64_t)i * RANDOM_CHUNK;
    const int64_t end = first + RANDOM_CHUNK < job->count ? first + RANDOM_CHUNK : job->count;
    for (int64_t k = first; k < end; k += 4) {
        const uint64_t block = (uint64_t)k / 4;
        const uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), job->step,
                                      job->purpose };
        uint32_t bits[4];
        cnn_philox(job->key, counter, bits);
        for (int64_t j = 0; j < 4 && k + j < end; j++)
            job->out[k + j] = cnn_unit_float(bits[j]);
    }
}

static cnn_status draw(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    const cnn_node *node = node_of(plan, step);
    const cnn_random_attrs *attrs = node->attrs;
    const int32_t *seed = p[0], *now = p[1];
    random_job job = { { (uint32_t)seed[0], (uint32_t)seed[1] },
                       (uint32_t)now[0],
                       (uint32_t)CNN_RNG_OP + (uint32_t)attrs->stream,
                       cnn_count(cpu_type_of(plan, node->out[0])),
                       p[2] };
    (void)err;
    plan->host->parallel(plan->host, (uint32_t)cpu_divided_up(job.count, RANDOM_CHUNK),
                         random_chunk, &job);
    return CNN_OK;
}

cpu_whole cpu_whole_of(const char *op)
{
    static const struct {
        const char *op;
        cpu_whole whole;
    } all[] = {
        { "reshape", copy }, { "assign", assign }, { "reduce", reduce }, { "random", draw }
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].op, op) == 0)
            return all[i].whole;
    return NULL;
}
