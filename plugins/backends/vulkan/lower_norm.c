/* Batch normalisation in three steps: sums over parts of each channel; their total, and with it
 * what each channel's numbers are multiplied by and added to; and that, number by number. */
#include <cnnrun/ops.h>

#include "walk.h"

typedef struct norm {
    const cnn_node *node;
    const cnn_type *x;
    double eps;
    vk_walk channels, merge; /* a channel's numbers; its parts */
    vk_split parts, whole;   /* of these two */
    int32_t sums;            /* of the parts */
    int32_t factors;         /* four of each channel */
} norm;

/* `kept`: numbers for each part. */
static norm norm_of(vk_plan *plan, uint32_t n, uint32_t kept)
{
    norm s = { .node = cnn_node_at(plan->program, n) };
    s.x = vk_type(plan, s.node->in[0]);
    s.eps = ((const cnn_batch_norm_attrs *)s.node->attrs)->eps;
    s.channels = vk_walk_of(s.x, ~UINT64_C(2));
    s.parts = vk_split_of(plan, &s.channels, false);
    s.merge = vk_walk_of_parts(s.channels.results, s.parts.parts);
    s.whole = vk_split_of(plan, &s.merge, true);
    s.sums = vk_scratch(plan, 4 * kept * s.channels.results * s.parts.parts);
    s.factors = vk_scratch(plan, 16 * s.channels.results);
    return s;
}

/* Words of shaders/channel.glsl, four numbers at a time where a channel's image is a multiple. */
static void walk_numbers(const vk_plan *plan, vk_step *step, const norm *s, uint64_t unit)
{
    const uint64_t space = (uint64_t)cnn_span(s->x, 2, s->x->rank) / unit;
    const uint64_t count = (uint64_t)cnn_count(s->x) / unit;
    vk_push(step, count);
    vk_push_divisor(step, space);
    vk_push_divisor(step, s->channels.results);
    vk_push(step, s->channels.results);
    vk_cover(plan, step, count);
}

static uint64_t unit_of(const norm *s)
{
    return cnn_span(s->x, 2, s->x->rank) % 4 == 0 ? 4 : 1;
}

static void take_stats(vk_plan *plan, uint32_t n, const norm *s)
{
    vk_step *step = vk_begin(plan, n, "batch_norm_stats");
    vk_reads(plan, step, s->node->in[0]);
    vk_writes(plan, step, s->sums);
    vk_walks(plan, step, &s->channels, &s->parts);
}

static void merge_stats(vk_plan *plan, uint32_t n, const norm *s)
{
    vk_step *step = vk_begin(plan, n, "batch_norm_merge");
    vk_reads(plan, step, s->sums);
    vk_reads(plan, step, s->node->in[1]);
    vk_reads(plan, step, s->node->in[2]);
    vk_writes(plan, step, s->node->out[1]);
    vk_writes(plan, step, s->node->out[2]);
    vk_writes(plan, step, s->factors);
    vk_walks(plan, step, &s->merge, &s->whole);
    vk_push_float(step, s->eps);
    vk_push(step, s->channels.terms);
    vk_push(step, s->parts.span);
}

static cnn_status lower_norm(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const norm s = norm_of(plan, n, 3);
    (void)err;
    take_stats(plan, n, &s);
    merge_stats(plan, n, &s);
    vk_step *step = vk_begin(plan, n, unit_of(&s) == 4 ? "batch_norm4" : "batch_norm");
    vk_reads(plan, step, s.node->in[0]);
    vk_reads(plan, step, s.factors);
    vk_writes(plan, step, s.node->out[0]);
    walk_numbers(plan, step, &s, unit_of(&s));
    return CNN_OK;
}

/* ---- gradient; in: x, w, mean, variance, dy; out: dx, dw, db ---- */

static void take_sums(vk_plan *plan, uint32_t n, const norm *s)
{
    vk_step *step = vk_begin(plan, n, "batch_norm_grad_sums");
    vk_reads(plan, step, s->node->in[0]);
    vk_reads(plan, step, s->node->in[4]);
    vk_reads(plan, step, s->node->in[2]);
    vk_writes(plan, step, s->sums);
    vk_walks(plan, step, &s->channels, &s->parts);
}

static void merge_sums(vk_plan *plan, uint32_t n, const norm *s)
{
    vk_step *step = vk_begin(plan, n, "batch_norm_grad_merge");
    vk_reads(plan, step, s->sums);
    for (int i = 1; i < 4; i++)
        vk_reads(plan, step, s->node->in[i]);
    vk_writes(plan, step, s->node->out[1]);
    vk_writes(plan, step, s->node->out[2]);
    vk_writes(plan, step, s->factors);
    vk_walks(plan, step, &s->merge, &s->whole);
    vk_push_float(step, s->eps);
    vk_push_float(step, (double)s->channels.terms);
}

static cnn_status lower_norm_grad(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const norm s = norm_of(plan, n, 2);
    (void)err;
    take_sums(plan, n, &s);
    merge_sums(plan, n, &s);
    vk_step *step = vk_begin(plan, n, unit_of(&s) == 4 ? "batch_norm_grad4" : "batch_norm_grad");
    vk_reads(plan, step, s.node->in[0]);
    vk_reads(plan, step, s.node->in[4]);
    vk_reads(plan, step, s.factors);
    vk_writes(plan, step, s.node->out[0]);
    walk_numbers(plan, step, &s, unit_of(&s));
    return CNN_OK;
}

/* What the steps that merge bind: Vulkan asks for 4 only. */
static cnn_status covers(const cnn_device *device, const cnn_program *program, const cnn_node *node,
                         cnn_error *why)
{
    (void)program, (void)node;
    if (device->limits.storage_buffers >= 7)
        return CNN_OK;
    return cnn_fail(why, CNN_UNSUPPORTED, "it takes 7 buffers, and a kernel of this device %u",
                    device->limits.storage_buffers);
}

const vk_lowering vk_norm_lowerings[] = {
    { .op = "batch_norm", .lower = lower_norm, .covers = covers },
    { .op = "batch_norm_grad", .lower = lower_norm_grad, .covers = covers },
    { .op = NULL },
};
