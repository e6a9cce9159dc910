/* Convolutions of few images by Winograd's F(4x4, 3x3): 36 products where there were 144. Patches
 * are transformed, each of the 36 points is a matrix product of its own, and tiles are transformed
 * back. */
#include "small.h"
#include "small_plan.h"
#include "small_steps.h"
#include "winograd.h"

typedef struct winograd_spec {
    cpu_channel_packing pack;
    const cnn_conv2d_attrs *a;
    int64_t in_vectors, out_vectors;
    int64_t tile_rows, tile_columns;
    int64_t at_once;     /* rows of tiles: what is between the transforms stays in the last cache */
    int64_t *taps;       /* vectors of channels of the transformed input */
    int32_t block_parts; /* tasks of a point */
} winograd_spec;

enum { TILE = CPU_WINOGRAD_TILE, POINTS = CPU_WINOGRAD_POINTS };

/* ---- which ---- */

/* In cycles of a thread: products take half a cycle for each vector, a transform of one vector
 * about a hundred, and a thread reads some four bytes of weights a cycle from beyond its caches.
 * The number of threads has no say, so that it does not change results. */
bool cpu_winograd_pays(const cpu_plan *plan, const cnn_conv2d_attrs *a, const cnn_type *x,
                       const cnn_type *w, const cnn_type *y)
{
    if (!cpu_is_winograd(a, w))
        return false;
    enum { TRANSFORM = 100, BYTES = 4, TAPS = CPU_WINOGRAD_TAPS };
    const double lanes = plan->kernels->lanes;
    const double in = (double)x->dim[1], out = (double)cpu_divided_up(y->dim[1], (int64_t)lanes);
    const double pixels = (double)(y->dim[0] * y->dim[2] * y->dim[3]);
    const double tiles =
        (double)(y->dim[0] * cpu_divided_up(y->dim[2], TILE) * cpu_divided_up(y->dim[3], TILE));
    const double weights = in * out * lanes * sizeof(float) / BYTES;
    double direct = TAPS * in * out * pixels / 2;
    double points = POINTS * in * out * tiles / 2;
    direct = direct > TAPS * weights ? direct : TAPS * weights;
    points = points > POINTS * weights ? points : POINTS * weights;
    return points + TRANSFORM * tiles * (in / lanes + out) < direct;
}

/* ---- lowering ---- */

static cnn_status run_winograd(const cpu_step *, void *const *, const cpu_plan *, cnn_error *);

/* Rows of tiles whose points stay in the last cache. */
static int64_t rows_at_once(const winograd_spec *s, int64_t lanes)
{
    enum { CACHED = 6 << 20 };
    const int64_t row = s->tile_columns * POINTS * (s->in_vectors + s->out_vectors) * lanes *
                        (int64_t)sizeof(float);
    const int64_t most = CACHED / row > 1 ? CACHED / row : 1;
    return cpu_divided_up(s->tile_rows, cpu_divided_up(s->tile_rows, most));
}

static winograd_spec *make_spec(cpu_plan *plan, const cnn_conv2d_attrs *a, const cnn_type *x,
                                const cnn_type *y)
{
    const int64_t lanes = plan->kernels->lanes, threads = plan->host->threads;
    winograd_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (winograd_spec){ .a = a,
                          .in_vectors = cpu_divided_up(x->dim[1], lanes),
                          .out_vectors = cpu_divided_up(y->dim[1], lanes),
                          .tile_rows = cpu_divided_up(y->dim[2], TILE),
                          .tile_columns = cpu_divided_up(y->dim[3], TILE) };
    s->at_once = rows_at_once(s, lanes);
    s->pack = (cpu_channel_packing){ .groups = 1,
                                     .in_channels = x->dim[1],
                                     .out_channels = y->dim[1],
                                     .kernel = 1,
                                     .winograd = true,
                                     .packed = s->out_vectors * lanes * x->dim[1] };
    s->pack.blocks = cpu_choose_channel_blocks(plan->kernels, s->out_vectors,
                                               s->at_once * s->tile_columns, x->dim[1]);
    const int64_t parts = cpu_divided_up(8 * threads, POINTS);
    s->block_parts = (int32_t)(parts < s->pack.blocks.count ? parts : s->pack.blocks.count);
    s->taps = cpu_plan_alloc(plan, (size_t)s->in_vectors, sizeof *s->taps);
    for (int64_t c = 0; s->taps != NULL && c < s->in_vectors; c++)
        s->taps[c] = c * s->at_once * s->tile_columns * lanes;
    return s;
}

void cpu_lower_winograd(cpu_plan *plan, uint32_t n)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_type *x = cpu_type_of(plan, node->in[0]);
    const cnn_type *y = cpu_type_of(plan, node->out[0]);
    winograd_spec *s = make_spec(plan, node->attrs, x, y);
    int32_t from = cpu_image_of(plan, n, node->in[0]), weights = cpu_plain_of(plan, node->in[1]);
    if (s == NULL)
        return;
    const int64_t tiles = s->at_once * s->tile_columns, lanes = plan->kernels->lanes;
    int32_t packed = cpu_add_channel_pack(plan, n, &s->pack, weights);
    const int32_t pack_step = (int32_t)plan->n_steps - 1;
    int32_t v = cpu_add_temp(plan, POINTS * cpu_winograd_point(s->in_vectors, tiles) * lanes);
    int32_t m = cpu_add_temp(plan, POINTS * cpu_winograd_point(s->out_vectors, tiles) * lanes);
    int32_t out = cpu_new_image(plan, node->out[0]);
    cpu_step *step = cpu_add_whole(plan, n, run_winograd, s);
    step->fused = (cpu_fused){ .possible = true, .pack = pack_step };
    cpu_step_in(plan, step, from);
    cpu_step_in(plan, step, packed);
    cpu_step_out(plan, step, out);
    cpu_step_out(plan, step, v);
    cpu_step_out(plan, step, m);
}

/* ---- running ---- */

typedef struct winograd_run {
    cpu_channel_run r;
    const winograd_spec *s;
    float *v, *m;                    /* [point][vector of channels][tile][lane] */
    int64_t first_row, n_rows;       /* of tiles, this time */
    int64_t v_point, m_point, tiles; /* floats; tiles of a vector */
} winograd_run;

/* Task i: a row of tiles of a vector of channels. */
static void transform_input(void *context, uint32_t i)
{
    const winograd_run *j = context;
    const winograd_spec *s = j->s;
    const cpu_value *x = j->r.x;
    const int64_t c = i / j->n_rows, row = i % j->n_rows, lanes = j->r.plan->kernels->lanes;
    const cpu_winograd_in in = {
        .x = j->r.image + c * cpu_small_plane(j->r.plan, x),
        .row = x->view.row * lanes,
        .first_row = (j->first_row + row) * TILE - s->a->pad[0],
        .first_column = -s->a->pad[2],
        .y0 = -x->top,
        .y1 = x->view.h + x->bottom,
        .x0 = -x->left,
        .x1 = x->view.w + x->right,
        .tiles = (int32_t)s->tile_columns,
        .v = j->v + (c * j->tiles + row * s->tile_columns) * lanes,
        .point = j->v_point,
    };
    j->r.plan->kernels->winograd_in(&in);
}

/* Task i: a range of blocks of channels at one point, for all tiles. */
static void multiply(void *context, uint32_t i)
{
    const winograd_run *j = context;
    const winograd_spec *s = j->s;
    const cpu_kernels *k = j->r.plan->kernels;
    const int64_t point = i / (uint32_t)s->block_parts, lanes = k->lanes;
    const int32_t part = (int32_t)(i % (uint32_t)s->block_parts), n = s->pack.blocks.count;
    for (int32_t b = part * n / s->block_parts; b < (part + 1) * n / s->block_parts; b++) {
        const int64_t first = cpu_channel_first(&s->pack.blocks, b);
        cpu_channel_conv c = {
            .x = j->v + point * j->v_point,
            .w = j->r.w + point * s->pack.packed + first * s->pack.in_channels * lanes,
            .y = j->m + point * j->m_point + first * j->tiles * lanes,
            .taps = s->taps,
            .n_whole = (int32_t)(s->pack.in_channels / lanes),
            .n_rest = s->pack.in_channels % lanes != 0,
            .rest = (int32_t)(s->pack.in_channels % lanes),
            .x_step = lanes,
            .y_vector = j->tiles * lanes,
            .height = cpu_channel_height(&s->pack.blocks, b),
        };
        cpu_cut_columns(k, &c, j->n_rows * s->tile_columns);
        k->channels(&c);
    }
}

/* Task i: a row of tiles of a vector of channels. */
static void transform_output(void *context, uint32_t i)
{
    const winograd_run *j = context;
    const winograd_spec *s = j->s;
    const cpu_value *y = j->r.y;
    const int64_t c = i / j->n_rows, row = i % j->n_rows, lanes = j->r.plan->kernels->lanes;
    const int64_t first = (j->first_row + row) * TILE, left = y->view.h - first;
    cpu_channel_conv epilogue = { 0 };
    cpu_channel_epilogue(&j->r, &epilogue, c, first);
    const cpu_winograd_out out = {
        .m = j->m + (c * j->tiles + row * s->tile_columns) * lanes,
        .point = j->m_point,
        .tiles = (int32_t)s->tile_columns,
        .rows = left < TILE ? left : TILE,
        .columns = y->view.w,
        .y_row = y->view.row * lanes,
        .add_row = j->r.added != NULL ? j->r.added->view.row * lanes : 0,
        .epilogue = &epilogue,
    };
    j->r.plan->kernels->winograd_out(&out);
    cpu_small_clear(j->r.plan, y, j->r.out + c * cpu_small_plane(j->r.plan, y), first,
                    first + out.rows);
}

static void run_rows(winograd_run *j)
{
    const cnn_host *host = j->r.plan->host;
    const winograd_spec *s = j->s;
    host->parallel(host, (uint32_t)(s->in_vectors * j->n_rows), transform_input, j);
    host->parallel(host, (uint32_t)(POINTS * s->block_parts), multiply, j);
    host->parallel(host, (uint32_t)(s->out_vectors * j->n_rows), transform_output, j);
}

/* p: x, packed weights[, bias][, add], y, and the points before and after the products. */
static cnn_status run_winograd(const cpu_step *step, void *const *p, const cpu_plan *plan,
                               cnn_error *err)
{
    const winograd_spec *s = step->params;
    const int y = 2 + step->fused.bias + step->fused.add;
    winograd_run j = { .r = cpu_channel_operands(step, p, plan), .s = s, .v = p[y + 1] };
    (void)err;
    j.m = p[y + 2];
    j.tiles = s->at_once * s->tile_columns;
    j.v_point = cpu_winograd_point(s->in_vectors, j.tiles) * plan->kernels->lanes;
    j.m_point = cpu_winograd_point(s->out_vectors, j.tiles) * plan->kernels->lanes;
    for (int64_t n = 0; n < j.r.x->type.dim[0]; n++) {
        cpu_channel_image(&j.r, p, n);
        for (j.first_row = 0; j.first_row < s->tile_rows; j.first_row += s->at_once) {
            const int64_t left = s->tile_rows - j.first_row;
            j.n_rows = left < s->at_once ? left : s->at_once;
            run_rows(&j);
        }
    }
    return CNN_OK;
}
