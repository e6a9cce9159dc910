/* Convolutions whose lanes are channels: register blocks and packed weights. */
#include "small_plan.h"

#include "winograd.h"

/* ---- register blocks ---- */

static int64_t widest(const cpu_kernels *k, int64_t height)
{
    int64_t width = CPU_CHANNEL_WIDTH;
    while (width > 1 && !k->has_channels(height, width))
        width--;
    return width;
}

void cpu_cut_columns(const cpu_kernels *k, cpu_channel_conv *c, int64_t columns)
{
    const int64_t most = widest(k, c->height), blocks = cpu_divided_up(columns, most);
    const int64_t width = cpu_divided_up(columns, blocks);
    c->width = (int32_t)width;
    c->n_narrow = (int32_t)(blocks * width - columns);
    c->n_wide = (int32_t)blocks - c->n_narrow;
}

/* Cycles of a row. */
static double row_cycles(const cpu_kernels *k, int64_t height, int64_t columns, int64_t products)
{
    cpu_channel_conv c = { .height = (int32_t)height };
    cpu_cut_columns(k, &c, columns);
    const double start = 12;
    return c.n_wide * ((double)products * cpu_block_cycles(height, c.width) + start) +
           c.n_narrow * ((double)products * cpu_block_cycles(height, c.width - 1) + start);
}

cpu_channel_blocks cpu_choose_channel_blocks(const cpu_kernels *k, int64_t vectors, int64_t columns,
                                             int64_t products)
{
    cpu_channel_blocks best = { (int32_t)vectors, 1, 0 };
    double least = 1e300;
    for (int64_t n = cpu_divided_up(vectors, CPU_CHANNEL_HEIGHT); n <= vectors; n++) {
        const int64_t low = vectors / n, n_high = vectors % n;
        double cost = (double)(n - n_high) * row_cycles(k, low, columns, products);
        if (n_high > 0)
            cost += (double)n_high * row_cycles(k, low + 1, columns, products);
        if (cost >= least)
            continue;
        least = cost;
        best = (cpu_channel_blocks){ (int32_t)n, (int32_t)low, (int32_t)n_high };
    }
    return best;
}

int64_t cpu_channel_first(const cpu_channel_blocks *b, int32_t block)
{
    return (int64_t)block * b->low + (block < b->n_high ? block : b->n_high);
}

int32_t cpu_channel_height(const cpu_channel_blocks *b, int32_t block)
{
    return b->low + (block < b->n_high);
}

/* ---- packed weights ---- */

enum { MOST_LANES = CPU_WINOGRAD_LANES, TAPS = CPU_WINOGRAD_TAPS, POINTS = CPU_WINOGRAD_POINTS };

typedef struct pack_job {
    const cpu_channel_packing *s;
    int64_t lanes;
    const float *from, *scale; /* scale: per channel of y, or NULL */
    float *to;
} pack_job;

static float factor_of(const pack_job *job, int64_t channel)
{
    return job->scale != NULL ? job->scale[channel] : 1;
}

/* Channels [first, first + lanes) of a group that exist. */
static int64_t lanes_of(const pack_job *job, int64_t first)
{
    const int64_t rest = job->s->out_channels - first;
    return rest < job->lanes ? rest : job->lanes;
}

/* Where (vector, tap, channel of x) of a group lies, in the order in which a block reads it. */
static float *place_of(const pack_job *job, int32_t block, int64_t vector, int64_t tap, int64_t c)
{
    const cpu_channel_packing *s = job->s;
    const int64_t lanes = job->lanes, height = cpu_channel_height(&s->blocks, block);
    const int64_t first = cpu_channel_first(&s->blocks, block);
    const int64_t before = c / lanes * lanes, rest = s->in_channels - before;
    const int64_t own = rest < lanes ? rest : lanes;
    const int64_t n = before * s->kernel + tap * own + c % lanes;
    return job->to + (first * s->in_channels * s->kernel + n * height + vector) * lanes;
}

static void pack_direct(const pack_job *job, int32_t block, int64_t vector, int64_t group)
{
    const cpu_channel_packing *s = job->s;
    const int64_t first = (cpu_channel_first(&s->blocks, block) + vector) * job->lanes;
    const int64_t own = lanes_of(job, first), channel = group * s->out_channels + first;
    const int64_t each = s->in_channels * s->kernel;
    for (int64_t c = 0; c < s->in_channels; c++)
        for (int64_t t = 0; t < s->kernel; t++) {
            float *to = place_of(job, block, vector, t, c) + group * s->packed;
            const float *from = job->from + channel * each + c * s->kernel + t;
            for (int64_t l = 0; l < own; l++)
                to[l] = from[l * each] * factor_of(job, channel + l);
            for (int64_t l = own; l < job->lanes; l++)
                to[l] = 0;
        }
}

static void pack_winograd(const pack_job *job, int32_t block, int64_t vector)
{
    const cpu_channel_packing *s = job->s;
    const int64_t first = (cpu_channel_first(&s->blocks, block) + vector) * job->lanes;
    const int64_t own = lanes_of(job, first), each = s->in_channels * TAPS;
    for (int64_t c = 0; c < s->in_channels; c++) {
        float g[TAPS][MOST_LANES] = { { 0 } }, u[POINTS][MOST_LANES];
        for (int64_t l = 0; l < own; l++)
            for (int64_t t = 0; t < TAPS; t++)
                g[t][l] = job->from[(first + l) * each + c * TAPS + t] * factor_of(job, first + l);
        cpu_winograd_kernels((const float(*)[MOST_LANES])g, u, job->lanes);
        float *to = place_of(job, block, vector, 0, c);
        for (int64_t p = 0; p < POINTS; p++)
            for (int64_t l = 0; l < job->lanes; l++)
                to[p * s->packed + l] = u[p][l];
    }
}

static void pack_block(void *context, uint32_t i)
{
    const pack_job *job = context;
    const cpu_channel_packing *s = job->s;
    const int32_t block = (int32_t)(i % (uint32_t)s->blocks.count);
    for (int32_t v = 0; v < cpu_channel_height(&s->blocks, block); v++)
        if (s->winograd)
            pack_winograd(job, block, v);
        else
            pack_direct(job, block, v, i / (uint32_t)s->blocks.count);
}

/* p: weights[, scale], packed. */
static cnn_status pack(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    const cpu_channel_packing *s = step->params;
    pack_job job = { s, plan->kernels->lanes, p[0], step->n_in == 2 ? p[1] : NULL, p[step->n_in] };
    (void)err;
    plan->host->parallel(plan->host, (uint32_t)(s->groups * s->blocks.count), pack_block, &job);
    return CNN_OK;
}

int32_t cpu_add_channel_pack(cpu_plan *plan, uint32_t n, const cpu_channel_packing *s,
                             int32_t weights)
{
    int32_t packed = cpu_add_temp(plan, s->packed * (s->winograd ? POINTS : s->groups));
    cpu_step *step = cpu_add_whole(plan, n, pack, s);
    cpu_step_in(plan, step, weights);
    cpu_step_out(plan, step, packed);
    return packed;
}
