/* The gradient of weights: in which order taps and rows are walked, and with which register blocks.
 */
#include <string.h>

#include "conv_plan.h"

typedef struct weight_grad_spec {
    int64_t groups, channels, in_channels; /* per group: of dy and x */
    cpu_extent y, x;
    cpu_weight_grad_params params;
} weight_grad_spec;

/* Rows [y0, y1) of dy for which tap k of the kernel lies inside x. */
static void rows_inside(const cpu_extent *e, int64_t k, int32_t *y0, int32_t *y1)
{
    const int64_t offset = k * e->dilation - e->before;
    int64_t first = offset >= 0 ? 0 : cpu_divided_up(-offset, e->stride);
    int64_t end = offset >= e->in ? 0 : (e->in - 1 - offset) / e->stride + 1;
    *y0 = (int32_t)first;
    *y1 = (int32_t)(end < e->out ? end : e->out);
    *y1 = *y1 > *y0 ? *y1 : *y0;
}

/* One operand of a product is in registers while the other one goes by. `run`: taps that see the
 * same rows and may share a block. */
static void choose_block(const cpu_kernels *k, cpu_weight_grad_params *p, int64_t run)
{
    double least = 1e300;
    for (int32_t height = 1; height <= CPU_WEIGHT_GRAD_HEIGHT; height++)
        for (int32_t width = 1; width <= CPU_WEIGHT_GRAD_WIDTH; width++) {
            if (height * width + width + 1 > k->registers || (height > 6 && width > 2))
                continue;
            double blocks =
                (double)cpu_divided_up(p->channels, height) * (double)cpu_divided_up(run, width);
            double cost = blocks * cpu_block_cycles(height, width);
            if (cost < least) {
                least = cost;
                p->height = height;
                p->width = width;
            }
        }
}

/* Taps [first, end) that see the same rows: blocks of `width` that stay within a chunk. */
static int32_t add_blocks(cpu_weight_grad_params *p, cpu_weight_grad_block *blocks, int32_t n,
                          int32_t first, int32_t end, const int32_t rows[2])
{
    while (first < end) {
        int32_t room = CPU_WEIGHT_GRAD_CHUNK - first % CPU_WEIGHT_GRAD_CHUNK;
        int32_t width = end - first < p->width ? end - first : p->width;
        width = width < room ? width : room;
        blocks[n++] = (cpu_weight_grad_block){ first, width, rows[0], rows[1] };
        first += width;
    }
    return n;
}

/* In the order channel, ky, kx, so that a plane of x stays in the first cache for all its taps. */
static void list_blocks(weight_grad_spec *s, cpu_weight_grad_block *blocks)
{
    cpu_weight_grad_params *p = &s->params;
    int32_t first = 0, at = 0, open[2] = { -1, -1 };
    for (int64_t c = 0; c < s->in_channels; c++)
        for (int64_t ky = 0; ky < s->y.kernel; ky++) {
            int32_t rows[2];
            rows_inside(&s->y, ky, &rows[0], &rows[1]);
            if (memcmp(rows, open, sizeof rows) != 0) {
                p->n_blocks = add_blocks(p, blocks, p->n_blocks, first, at, open);
                first = at;
                memcpy(open, rows, sizeof open);
            }
            at += (int32_t)s->x.kernel;
        }
    p->n_blocks = add_blocks(p, blocks, p->n_blocks, first, at, open);
}

/* How many taps in a row see the same rows of dy. */
static int64_t longest_run(const weight_grad_spec *s)
{
    int32_t first[2], rows[2];
    rows_inside(&s->y, 0, &first[0], &first[1]);
    for (int64_t ky = 1; ky < s->y.kernel; ky++) {
        rows_inside(&s->y, ky, &rows[0], &rows[1]);
        if (memcmp(rows, first, sizeof rows) != 0)
            return s->x.kernel;
    }
    return s->in_channels * s->y.kernel * s->x.kernel;
}

/* Rows of dy that a block of channels reads again for each tap: half of the first cache. */
static int32_t strip_rows(const cpu_weight_grad_params *p, int64_t lanes)
{
    enum { CACHED = 14 << 10 };
    int64_t rows = CACHED / (p->height * p->columns * lanes * (int64_t)sizeof(float));
    return rows < 1 ? 1 : (int32_t)rows;
}

/* One list of positions, so that short rows cost nothing. */
static int32_t (*list_positions(cpu_plan *plan, const weight_grad_spec *s, const cpu_view *x,
                                const cpu_view *dy))[2]
{
    const int32_t lanes = plan->kernels->lanes;
    int32_t(*at)[2] = cpu_plan_alloc(plan, (size_t)(s->y.out * s->x.out), sizeof *at);
    for (int64_t y = 0; y < s->y.out && at != NULL; y++)
        for (int64_t i = 0; i < s->x.out; i++) {
            at[y * s->x.out + i][0] = (int32_t)(y * dy->row + i) * lanes;
            at[y * s->x.out + i][1] = (int32_t)(y * s->y.stride * x->row + i * s->x.stride) * lanes;
        }
    return at;
}

static cnn_status finish(cpu_plan *plan, cpu_step *step, cnn_error *err)
{
    weight_grad_spec *s = step->spec;
    cpu_weight_grad_params *p = &s->params;
    const cpu_view *x = &plan->values[step->in[0]].view, *dy = &plan->values[step->in[1]].view;
    const int64_t lanes = plan->kernels->lanes, n = s->in_channels * s->y.kernel * s->x.kernel;
    int64_t *at = cpu_plan_alloc(plan, (size_t)n, sizeof *at), i = 0;
    cpu_weight_grad_block *blocks = cpu_plan_alloc(plan, (size_t)n, sizeof *blocks);
    (void)err;
    if (plan->out_of_memory)
        return CNN_OK;
    for (int64_t c = 0; c < s->in_channels; c++)
        for (int64_t ky = 0; ky < s->y.kernel; ky++)
            for (int64_t kx = 0; kx < s->x.kernel; kx++)
                at[i++] = (c * x->plane + (ky * s->y.dilation - s->y.before) * x->row +
                           kx * s->x.dilation - s->x.before) *
                          lanes;
    *p = (cpu_weight_grad_params){ .groups = (int32_t)s->groups,
                                   .channels = (int32_t)s->channels,
                                   .n_taps = (int32_t)n,
                                   .x_group = s->in_channels * x->plane * lanes,
                                   .dy_plane = dy->plane * lanes,
                                   .rows = (int32_t)s->y.out,
                                   .columns = (int32_t)s->x.out,
                                   .x = at,
                                   .at = (const int32_t(*)[2])list_positions(plan, s, x, dy),
                                   .blocks = blocks };
    choose_block(plan->kernels, p, longest_run(s));
    p->strip = strip_rows(p, lanes);
    list_blocks(s, blocks);
    return CNN_OK;
}

void cpu_add_weight_grad(cpu_plan *plan, uint32_t n, int32_t x, int32_t dy, int64_t groups,
                         int64_t channels, int64_t in_channels, const cpu_extent side[2])
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    weight_grad_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    int64_t count = cnn_count(cpu_type_of(plan, node->out[0]));
    if (s == NULL)
        return;
    *s = (weight_grad_spec){ .groups = groups,
                             .channels = channels,
                             .in_channels = in_channels,
                             .y = side[0],
                             .x = side[1] };
    int32_t sum = cpu_add_partial(plan, count, sizeof(float));
    cpu_step *step = cpu_add_step(plan, n);
    step->kernel = plan->kernels->weight_grad;
    step->params = &s->params;
    step->spec = s;
    step->finish = finish;
    step->sums = step->masks = true;
    cpu_step_in(plan, step, x);
    cpu_step_in(plan, step, dy);
    cpu_step_out(plan, step, sum);
    cpu_add_total(plan, n, sum, cpu_new_plain(plan, node->out[0]), 1);
}
