/* Data movement: concat, slice, reshape, transpose, cast. Words are moved as bits, f32 and i32
 * alike; bytes lie four to a word. */
#include <cnnrun/ops.h>

#include "plan.h"

/* Both axes of a transposition are at least so long where tiles of 32 x 32 are worth it. */
enum { WORTH_A_TILE = 16, TILE = 32, TILE_GROUP = 128 };

/* The shaders know words. Places of values are multiples of 256 bytes, so the end of a tensor's
 * last word belongs to nobody else: it is bound (vk_reads, vk_writes), read and written. */
static uint64_t whole_words(const cnn_type *type)
{
    return ((uint64_t)cnn_bytes(type) + 3) & ~UINT64_C(3);
}

static uint64_t span(const cnn_type *type, uint32_t first, uint32_t last)
{
    return (uint64_t)cnn_span(type, first, last);
}

/* Invocations of a shader that makes elements of the type: one for each word. */
static uint64_t words_in(const cnn_type *type)
{
    return whole_words(type) / 4;
}

/* ---- rows: concat, slice ---- */

typedef struct rows {
    uint64_t count, width;
    uint64_t from_row, from_first; /* words from row to row, and before the first */
    uint64_t to_row, to_first;
} rows;

/* Four words at a time where every row begins and ends at a multiple of them. */
static uint64_t unit_of(const rows *r)
{
    const uint64_t any = r->width | r->from_row | r->from_first | r->to_row | r->to_first;
    return any % 4 == 0 ? 4 : 1;
}

static void move_rows(vk_plan *plan, uint32_t node, int32_t from, int32_t to, const rows *r)
{
    const uint64_t unit = unit_of(r), width = r->width / unit;
    vk_step *step = vk_begin(plan, node, "rows");
    vk_spec(step, unit == 4);
    vk_reads(plan, step, from);
    vk_writes(plan, step, to);
    vk_push(step, r->count * width);
    vk_push(step, width);
    vk_push_divisor(step, width);
    vk_push(step, r->from_row / unit);
    vk_push(step, r->from_first / unit);
    vk_push(step, r->to_row / unit);
    vk_push(step, r->to_first / unit);
    vk_cover(plan, step, r->count * width);
}

static void join_bytes(vk_plan *plan, uint32_t node, int32_t from, int32_t to, const rows *r)
{
    vk_step *step = vk_begin(plan, node, "concat_bytes");
    vk_reads(plan, step, from);
    vk_updates(plan, step, to);
    vk_push(step, r->count * r->to_row);
    vk_push(step, r->width);
    vk_push(step, r->to_first);
    vk_push(step, r->to_row);
    vk_push_divisor(step, r->to_row);
    vk_cover(plan, step, words_in(vk_type(plan, to)));
}

/* A step for each input: what it brings to a row of the result lies in one piece. */
static cnn_status lower_concat(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_type *out = vk_type(plan, node->out[0]);
    const uint32_t axis = (uint32_t)((const cnn_axis_attrs *)node->attrs)->axis;
    rows r = { .count = span(out, 0, axis), .to_row = span(out, axis, out->rank) };
    (void)err;
    for (uint32_t i = 0; i < node->n_in; i++) {
        r.width = r.from_row = span(vk_type(plan, node->in[i]), axis, out->rank);
        if (out->dtype == CNN_U8)
            join_bytes(plan, n, node->in[i], node->out[0], &r);
        else
            move_rows(plan, n, node->in[i], node->out[0], &r);
        r.to_first += r.width;
    }
    return CNN_OK;
}

/* ---- any order of axes ---- */

/* An axis of the result, and its strides in elements. */
typedef struct axis {
    uint64_t size, from, to;
} axis;

static void push_axis(vk_step *step, const axis *a)
{
    vk_push_divisor(step, a->size);
    vk_push(step, a->size);
    vk_push(step, a->from);
}

/* axes[0] is the innermost of the result; `first`: the source's element that comes first. */
static void gather(vk_plan *plan, uint32_t node, uint64_t first, const axis *axes, uint32_t n_axes)
{
    const axis none = { 1, 0, 0 };
    const cnn_node *the = cnn_node_at(plan->program, node);
    const cnn_type *out = vk_type(plan, the->out[0]);
    vk_step *step = vk_begin(plan, node, out->dtype == CNN_U8 ? "gather_bytes" : "gather");
    vk_reads(plan, step, the->in[0]);
    vk_writes(plan, step, the->out[0]);
    vk_push(step, (uint64_t)cnn_count(out));
    vk_push(step, first);
    vk_push(step, n_axes);
    vk_push(step, axes[n_axes - 1].from);
    for (uint32_t i = 0; i < CNN_MAX_RANK - 1; i++)
        push_axis(step, i + 1 < n_axes ? &axes[i] : &none);
    vk_cover(plan, step, words_in(out));
}

static cnn_status lower_slice(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_slice_attrs *attrs = node->attrs;
    const cnn_type *in = vk_type(plan, node->in[0]);
    const uint32_t at = (uint32_t)attrs->axis;
    const uint64_t inner = span(in, at + 1, in->rank);
    const rows r = { span(in, 0, at),
                     (uint64_t)attrs->length * inner,
                     span(in, at, in->rank),
                     (uint64_t)attrs->start * inner,
                     (uint64_t)attrs->length * inner,
                     0 };
    const axis axes[2] = { { r.width, 1, 1 }, { r.count, r.from_row, r.to_row } };
    (void)err;
    if (in->dtype == CNN_U8)
        gather(plan, n, r.from_first, axes, 2);
    else
        move_rows(plan, n, node->in[0], node->out[0], &r);
    return CNN_OK;
}

/* ---- transpose ---- */

/* The result's axes, the innermost first: without those of length 1, and as one where they lie
 * together in the source too. */
static uint32_t collapse(const cnn_type *in, const cnn_type *out, const int64_t *order, axis *axes)
{
    uint32_t n = 0;
    uint64_t to = 1;
    for (uint32_t k = out->rank; k > 0; k--) {
        const uint64_t size = (uint64_t)out->dim[k - 1];
        const uint64_t from = span(in, (uint32_t)order[k - 1] + 1, in->rank);
        if (size == 1)
            continue;
        if (n > 0 && axes[n - 1].size * axes[n - 1].from == from)
            axes[n - 1].size *= size;
        else
            axes[n++] = (axis){ size, from, to };
        to *= size;
    }
    return n;
}

static void push_tiles(vk_step *step, const axis *i, const axis *j, uint64_t others)
{
    const uint64_t tiles_i = (i->size + TILE - 1) / TILE, tiles_j = (j->size + TILE - 1) / TILE;
    vk_push(step, tiles_i * tiles_j * others);
    vk_push(step, tiles_i);
    vk_push(step, tiles_j);
    vk_push_divisor(step, tiles_i);
    vk_push_divisor(step, tiles_j);
    vk_push(step, i->size);
    vk_push(step, j->size);
    vk_push(step, j->from);
    vk_push(step, i->to);
}

/* axes[0] is the result's innermost axis, axes[inner] the source's. */
static void transpose_tiles(vk_plan *plan, uint32_t node, const axis *axes, uint32_t n_axes,
                            uint32_t inner)
{
    axis others[CNN_MAX_RANK - 2];
    uint64_t n_others = 1;
    uint32_t n = 0;
    for (uint32_t k = 1; k < n_axes; k++)
        if (k != inner) {
            others[n++] = axes[k];
            n_others *= axes[k].size;
        }
    while (n < CNN_MAX_RANK - 2)
        others[n++] = (axis){ 1, 0, 0 };
    const cnn_node *the = cnn_node_at(plan->program, node);
    vk_step *step = vk_begin(plan, node, "transpose");
    step->kernel.specs[0] = TILE_GROUP;
    vk_reads(plan, step, the->in[0]);
    vk_writes(plan, step, the->out[0]);
    push_tiles(step, &axes[inner], &axes[0], n_others);
    for (uint32_t k = 0; k + 1 < n; k++) {
        push_axis(step, &others[k]);
        vk_push(step, others[k].to);
    }
    vk_push(step, others[n - 1].from);
    vk_push(step, others[n - 1].to);
    vk_cover(plan, step, step->push[0] * (uint64_t)TILE_GROUP);
}

static cnn_status lower_transpose(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_dims_attrs *attrs = node->attrs;
    const cnn_type *in = vk_type(plan, node->in[0]), *out = vk_type(plan, node->out[0]);
    axis axes[CNN_MAX_RANK];
    const uint32_t n_axes = collapse(in, out, attrs->dims.v, axes);
    uint32_t inner = 0;
    (void)err;
    while (inner + 1 < n_axes && axes[inner].from != 1)
        inner++;
    if (n_axes < 2)
        vk_copy(plan, n, node->in[0], node->out[0], whole_words(in));
    else if (inner > 0 && in->dtype != CNN_U8 && axes[0].size >= WORTH_A_TILE &&
             axes[inner].size >= WORTH_A_TILE)
        transpose_tiles(plan, n, axes, n_axes, inner);
    else
        gather(plan, n, 0, axes, n_axes);
    return CNN_OK;
}

/* ---- reshape, cast ---- */

static cnn_status lower_reshape(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const int32_t in = node->in[0], out = node->out[0];
    (void)err;
    if (plan->root[out] != plan->root[in])
        vk_copy(plan, n, in, out, whole_words(vk_type(plan, in)));
    return CNN_OK;
}

static cnn_status lower_cast(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_type *in = vk_type(plan, node->in[0]), *out = vk_type(plan, node->out[0]);
    (void)err;
    if (in->dtype == out->dtype) {
        vk_copy(plan, n, node->in[0], node->out[0], whole_words(in));
        return CNN_OK;
    }
    vk_step *step = vk_begin(plan, n, "cast");
    vk_spec(step, in->dtype);
    vk_spec(step, out->dtype);
    vk_reads(plan, step, node->in[0]);
    vk_writes(plan, step, node->out[0]);
    vk_push(step, (uint64_t)cnn_count(out));
    vk_cover(plan, step, words_in(out));
    return CNN_OK;
}

const vk_lowering vk_shape_lowerings[] = {
    { .op = "concat", .lower = lower_concat },
    { .op = "slice", .lower = lower_slice },
    { .op = "reshape", .lower = lower_reshape, .slices = true },
    { .op = "transpose", .lower = lower_transpose },
    { .op = "cast", .lower = lower_cast },
    { .op = NULL },
};
