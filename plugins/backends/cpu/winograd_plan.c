/* F(4x4, 3x3) on tiles of images. */
#include "winograd.h"

enum { TILE = CPU_WINOGRAD_TILE, POINTS = CPU_WINOGRAD_POINTS, TAPS = CPU_WINOGRAD_TAPS };
enum { LANES = CPU_WINOGRAD_LANES };

/* ---- weights ---- */

/* G times three rows, for all lanes: 1 / (2 a^2 (a^2 - b^2)) is -2/3, the same of b 1/6. */
static void transform_axis(const float *x, const float *y, const float *z, float *const to[6],
                           int64_t lanes)
{
    const float a = CPU_WINOGRAD_A, b = CPU_WINOGRAD_B;
    for (int64_t l = 0; l < lanes; l++) {
        const float even = x[l] + 0.5f * z[l], even2 = x[l] + 2 * z[l];
        to[0][l] = x[l];
        to[1][l] = (even + a * y[l]) * (-2.0f / 3);
        to[2][l] = (even - a * y[l]) * (-2.0f / 3);
        to[3][l] = (even2 + b * y[l]) * (1.0f / 6);
        to[4][l] = (even2 - b * y[l]) * (1.0f / 6);
        to[5][l] = z[l];
    }
}

void cpu_winograd_kernels(const float g[TAPS][LANES], float u[POINTS][LANES], int64_t lanes)
{
    float half[18][LANES], *to[6];
    for (int j = 0; j < 3; j++) {
        for (int i = 0; i < 6; i++)
            to[i] = half[3 * i + j];
        transform_axis(g[j], g[3 + j], g[6 + j], to, lanes);
    }
    for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 6; j++)
            to[j] = u[6 * i + j];
        transform_axis(half[3 * i], half[3 * i + 1], half[3 * i + 2], to, lanes);
    }
}

bool cpu_is_winograd(const cnn_conv2d_attrs *a, const cnn_type *w)
{
    return w->dim[2] == 3 && w->dim[3] == 3 && a->groups == 1 && a->stride[0] == 1 &&
           a->stride[1] == 1 && a->dilation[0] == 1 && a->dilation[1] == 1;
}

typedef struct winograd_spec {
    cpu_winograd_conv conv;
    cpu_winograd_params params;
} winograd_spec;

typedef struct pack_job {
    const winograd_spec *s;
    const float *from, *scale; /* scale: per channel of y, or NULL */
    float *to;
} pack_job;

/* Channels [c, c + n) of x for channel o of y. */
static void pack_channels(const pack_job *job, const cpu_conv_block *b, int32_t o, int64_t c,
                          int64_t n)
{
    const cpu_packing *pack = &job->s->conv.pack;
    const float scale = job->scale != NULL ? job->scale[b->first + o] : 1;
    float g[TAPS][LANES], u[POINTS][LANES];
    for (int64_t l = 0; l < n; l++)
        for (int64_t t = 0; t < TAPS; t++)
            g[t][l] = scale * job->from[(b->first + o) * pack->w_out + (c + l) * pack->w_in +
                                        (job->s->conv.flipped ? TAPS - 1 - t : t)];
    cpu_winograd_kernels((const float(*)[LANES])g, u, n);
    for (int64_t p = 0; p < POINTS; p++) {
        float *to = job->to + p * pack->packed + b->weights + c * b->height + o;
        for (int64_t l = 0; l < n; l++)
            to[l * b->height] = u[p][l];
    }
}

static void pack_block(void *context, uint32_t i)
{
    const pack_job *job = context;
    const cpu_packing *pack = &job->s->conv.pack;
    const cpu_conv_block *b = &pack->blocks[i];
    for (int32_t o = 0; o < b->height; o++)
        for (int64_t c = 0; c < pack->in_channels; c += LANES)
            pack_channels(job, b, o, c,
                          pack->in_channels - c < LANES ? pack->in_channels - c : LANES);
}

/* p: weights[, scale], packed. */
static cnn_status pack(const cpu_step *step, void *const *p, const cpu_plan *plan, cnn_error *err)
{
    const winograd_spec *s = step->params;
    pack_job job = { s, p[0], step->n_in == 2 ? p[1] : NULL, p[step->n_in] };
    (void)err;
    plan->host->parallel(plan->host, (uint32_t)s->conv.pack.n_blocks, pack_block, &job);
    return CNN_OK;
}

/* ---- which ---- */

/* Rows of tiles that are worked on at once: enough tiles for register blocks, few enough for the
 * second cache if that can be. */
static int64_t rows_at_once(int64_t rows, int64_t columns)
{
    enum { LEAST = 6 };
    const int64_t wanted = cpu_divided_up(LEAST, columns);
    return wanted < rows ? cpu_divided_up(rows, cpu_divided_up(rows, wanted)) : rows;
}

/* In cycles of a thread: products as their register blocks take them, about a hundred for a
 * transform of one vector and fifty for one of a channel's weights, which all tiles share. Weights
 * larger than a part of the last cache would be read anew for every tile. */
bool cpu_tile_winograd_pays(const cpu_plan *plan, const cpu_winograd_conv *c)
{
    enum { TRANSFORM = 100, WEIGHTS = 50, MOST_BYTES = 12 << 20 };
    const cpu_kernels *k = plan->kernels;
    const int64_t in = c->pack.in_channels, out = c->pack.out_channels;
    const int64_t rows = cpu_divided_up(c->rows, TILE), columns = cpu_divided_up(c->columns, TILE);
    const int64_t at_once = rows_at_once(rows, columns);
    const double direct = (double)c->rows * cpu_product_cycles(k, out, c->columns, TAPS * in);
    const double products = POINTS * (double)cpu_divided_up(rows, at_once) *
                            cpu_product_cycles(k, out, at_once * columns, in);
    const double transforms = TRANSFORM * (double)(rows * columns * (in + out));
    const double weights = WEIGHTS * (double)(in * out) / (double)plan->tiles;
    return products + transforms + weights < 0.9 * direct &&
           POINTS * in * out * (int64_t)sizeof(float) <= MOST_BYTES;
}

/* ---- lowering ---- */

static cnn_status finish_winograd(cpu_plan *plan, cpu_step *step, cnn_error *err)
{
    winograd_spec *s = step->spec;
    cpu_winograd_params *p = &s->params;
    const cpu_value *x = &plan->values[step->in[0]];
    (void)err;
    p->x = x->view;
    p->y = plan->values[step->out[0]].view;
    p->left = x->left;
    p->right = x->right;
    p->has_bias = step->fused.bias;
    p->has_add = step->fused.add;
    p->clamps = step->fused.clamps;
    p->low = step->fused.low;
    p->high = step->fused.high;
    return CNN_OK;
}

static void fill_params(cpu_plan *plan, winograd_spec *s)
{
    cpu_winograd_params *p = &s->params;
    cpu_packing *pack = &s->conv.pack;
    p->tile_rows = (int32_t)cpu_divided_up(s->conv.rows, TILE);
    p->tile_columns = (int32_t)cpu_divided_up(s->conv.columns, TILE);
    p->at_once = (int32_t)rows_at_once(p->tile_rows, p->tile_columns);
    p->pad[0] = s->conv.pad[0];
    p->pad[1] = s->conv.pad[1];
    const int64_t tiles = p->at_once * p->tile_columns, n = pack->in_channels;
    pack->kernel = 1;
    cpu_plan_blocks(plan, pack, tiles);
    int64_t *x = cpu_plan_alloc(plan, (size_t)n, sizeof *x);
    int32_t *w = cpu_plan_alloc(plan, (size_t)n, sizeof *w);
    if (plan->out_of_memory)
        return;
    for (int32_t c = 0; c < n; c++) {
        x[c] = c * tiles * plan->kernels->lanes;
        w[c] = c;
    }
    p->taps = (cpu_conv_taps){ (int32_t)n, x, w };
    p->packed = pack->packed;
    p->blocks = pack->blocks;
    p->n_blocks = pack->n_blocks;
    for (int32_t b = 0; b < p->n_blocks; b++)
        p->width[p->blocks[b].shape] =
            (int32_t)cpu_block_width(plan->kernels, p->blocks[b].height, tiles, n);
}

/* A tile's points of so many channels. */
static int32_t add_points(cpu_plan *plan, const winograd_spec *s, int64_t channels)
{
    const int64_t tiles = s->params.at_once * s->params.tile_columns;
    const cnn_type type = {
        CNN_F32, 4, { plan->program->batch, POINTS, 1, cpu_winograd_point(channels, tiles) }
    };
    int32_t v = cpu_add_value(plan, &type);
    plan->values[v].tiled = true;
    return v;
}

void cpu_add_tile_winograd(cpu_plan *plan, uint32_t n, const cpu_winograd_conv *conv, int32_t x,
                           int32_t w, int32_t y)
{
    winograd_spec *s = cpu_plan_alloc(plan, 1, sizeof *s);
    if (s == NULL)
        return;
    s->conv = *conv;
    fill_params(plan, s);
    if (plan->out_of_memory)
        return;
    int32_t packed = cpu_add_temp(plan, POINTS * s->conv.pack.packed);
    cpu_step *pack_step = cpu_add_whole(plan, n, pack, s);
    cpu_step_in(plan, pack_step, w);
    cpu_step_out(plan, pack_step, packed);
    const int32_t pack_number = (int32_t)plan->n_steps - 1;
    int32_t v = add_points(plan, s, conv->pack.in_channels);
    int32_t m = add_points(plan, s, conv->pack.out_channels);
    cpu_step *step = cpu_add_step(plan, n);
    step->fused = (cpu_fused){ .possible = true, .pack = pack_number };
    step->kernel = plan->kernels->winograd;
    step->params = &s->params;
    step->spec = s;
    step->finish = finish_winograd;
    cpu_step_in(plan, step, x);
    cpu_step_in(plan, step, packed);
    cpu_step_out(plan, step, y);
    cpu_step_out(plan, step, v);
    cpu_step_out(plan, step, m);
}
