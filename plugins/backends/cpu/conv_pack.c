/* Weights in the order in which register blocks read them. */
#include "conv_plan.h"

typedef struct pack_job {
    const cpu_packing *packing;
    const float *from, *scale; /* scale: per out channel, or NULL */
    float *to;
} pack_job;

/* Taps in the order (channel, ky, kx). */
static void pack_block(void *context, uint32_t i)
{
    const pack_job *job = context;
    const cpu_packing *s = job->packing;
    const int64_t group = i / (uint32_t)s->n_blocks;
    const cpu_conv_block *b = &s->blocks[i % (uint32_t)s->n_blocks];
    const int64_t first = group * s->out_channels + b->first;
    float *to = job->to + group * s->packed + b->weights;
    for (int64_t c = 0; c < s->in_channels; c++)
        for (int64_t k = 0; k < s->kernel; k++)
            for (int32_t o = 0; o < b->height; o++)
                *to++ =
                    job->from[group * s->w_group + (b->first + o) * s->w_out + c * s->w_in + k] *
                    (job->scale != NULL ? job->scale[first + o] : 1);
}

/* p: weights[, scale], packed. */
static cnn_status pack(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    enum { WORTH_SHARING = 1 << 16 }; /* floats */
    const cpu_packing *s = step->params;
    pack_job job = { s, p[0], step->n_in == 2 ? p[1] : NULL, p[step->n_in] };
    const uint32_t count = (uint32_t)(s->groups * s->n_blocks);
    (void)err;
    if (s->packed * s->groups < WORTH_SHARING)
        for (uint32_t i = 0; i < count; i++)
            pack_block(&job, i);
    else
        plan->host->parallel(plan->host, count, pack_block, &job);
    return CNN_OK;
}

int32_t cpu_add_pack(cpu_plan *plan, uint32_t n, const cpu_packing *packing, int32_t weights)
{
    int32_t packed = cpu_add_temp(plan, packing->packed * packing->groups);
    cpu_step *step = cpu_add_whole(plan, n, pack, packing);
    cpu_step_in(plan, step, weights);
    cpu_step_out(plan, step, packed);
    return packed;
}
