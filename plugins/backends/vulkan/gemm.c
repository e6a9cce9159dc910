/* Tiles, parts and steps of sums of products. */
#include "gemm.h"

#include <stdlib.h>
#include <string.h>

#include "fuse.h"

enum { BINDING_ALIGNMENT = 256 / 4 }; /* elements */
enum { LEFT = 1 };                    /* a binding of the shader, as a bit */

static int64_t rounded_up(int64_t a, int64_t b)
{
    return vk_divided_up(a, b) * b;
}

int64_t vk_span_limit(const cnn_device *device)
{
    const int64_t most = (int64_t)(device->limits.storage_range / 4);
    return (most < INT32_MAX ? most : INT32_MAX) - BINDING_ALIGNMENT;
}

int64_t vk_bind_span(vk_step *step, vk_span span, uint32_t access)
{
    const int64_t begin = span.first / BINDING_ALIGNMENT * BINDING_ALIGNMENT;
    vk_binds_part(step, span.value, access, (uint64_t)begin * 4,
                  (uint64_t)(span.first - begin + span.count) * 4);
    return span.first - begin;
}

void vk_push_pair(vk_step *step, int64_t y, int64_t x)
{
    vk_push(step, ((uint64_t)y & 0xffff) << 16 | ((uint64_t)x & 0xffff));
}

/* ---- tiles ---- */

enum { COLUMNS = 4, MOST_ROWS = 16 }; /* of the results of an invocation, as the shader has them */

/* What an invocation and a work group make at once. */
typedef struct tile {
    uint32_t rows;         /* of an invocation */
    uint32_t down, across; /* invocations */
} tile;

/* `shared` or `registers` in CNNRUN_VK_GEMM, for tests; else what suits the device. */
static bool uses_shared(const cnn_device *device)
{
    const char *wanted = getenv("CNNRUN_VK_GEMM");
    if (wanted != NULL && strcmp(wanted, "shared") == 0)
        return true;
    if (wanted != NULL && strcmp(wanted, "registers") == 0)
        return false;
    return !device->limits.is_processor;
}

/* A driver that runs on a processor fetches texels for all lanes at once, but reads numbers of a
 * storage buffer one by one. */
static bool uses_texels(const cnn_device *device)
{
    return !uses_shared(device) && device->limits.texels * 4 >= device->limits.storage_range;
}

vk_step *vk_begin_reading(vk_plan *plan, uint32_t node, const char *shader, const char *texels,
                          uint32_t n)
{
    const bool uses = uses_texels(plan->device);
    vk_step *step = vk_begin(plan, node, uses ? texels : shader);
    step->kernel.texels = uses ? (1u << n) - 1 : 0;
    return step;
}

/* Time of a tile per term on a processor, in units of a multiply-add of a vector: `reads` cost
 * more, and a loop has its own price. */
static double term_cost(const tile *t, uint32_t reads)
{
    enum { READ = 14, LOOP = 25 };
    return READ * reads + t->rows * COLUMNS + LOOP;
}

static tile register_tile(int64_t rows, int64_t columns, bool fours)
{
    static const tile shapes[] = { { MOST_ROWS, 8, 8 }, { 8, 8, 8 }, { 4, 8, 8 } };
    tile best = shapes[0];
    double least = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const tile *t = &shapes[i];
        const double cost = term_cost(t, COLUMNS + (fours ? t->rows / 4 : t->rows)) *
                            (double)vk_divided_up(rows, t->rows) *
                            (double)vk_divided_up(columns, COLUMNS * t->across);
        if (i == 0 || cost < least) {
            least = cost;
            best = *t;
        }
    }
    return best;
}

/* The largest tile of which there are enough, and most of which is used. */
static tile shared_tile(const vk_limits *limits, int64_t rows, int64_t columns, int64_t times)
{
    enum { ENOUGH = 64 };
    const tile large = { 4, 16, 16 }, small = { 4, 8, 8 }, flat = { 4, 4, 16 };
    const int64_t tiles = vk_divided_up(rows, 64) * vk_divided_up(columns, 64) * times;
    if (rows <= 16)
        return flat;
    if (limits->invocations < 256 || tiles < ENOUGH || rows <= 32 || columns <= 32)
        return small;
    return large;
}

/* ---- parts ---- */

enum { LONGEST = 8192, PART = 2048, SHORTEST = 256 };

int64_t vk_gemm_parts(const vk_plan *plan, int64_t groups, int64_t rows, int64_t columns,
                      int64_t terms)
{
    enum { WANTED = 64 };
    const int64_t tiles = groups * vk_divided_up(rows, 64) * vk_divided_up(columns, 64);
    int64_t length = terms > LONGEST ? PART : terms;
    if (tiles < WANTED && terms >= 4 * SHORTEST) {
        const int64_t even = rounded_up(vk_divided_up(terms * tiles, WANTED), 64);
        length = even < SHORTEST ? SHORTEST : even < length ? even : length;
    }
    const int64_t parts = length > 0 ? vk_divided_up(terms, length) : 1;
    const int64_t room = vk_span_limit(plan->device) / (groups * rows * columns);
    const int64_t most = plan->device->limits.groups[2] / groups;
    const int64_t fit = room < most ? room : most;
    return parts <= fit ? (parts > 1 ? parts : 1) : fit > 1 ? fit : 1;
}

/* ---- `left` in texels of four rows ---- */

static bool is_four(int64_t n)
{
    return n % 4 == 0;
}

/* It lies so already. */
static bool has_fours(const vk_gemm *g)
{
    return g->left.row == 1 && is_four(g->left.span.first) && is_four(g->left.span.count) &&
           is_four(g->left.first) && is_four(g->left.c) &&
           (g->groups == 1 || is_four(g->left.group)) && (g->r == 1 || is_four(g->left.r)) &&
           (g->s == 1 || is_four(g->left.s));
}

int64_t vk_gemm_room(const vk_plan *plan, int64_t groups, int64_t rows, int64_t columns,
                     int64_t terms)
{
    enum { WORTH = 32, FEW = 2 };
    const int64_t room = groups * terms * rounded_up(rows, MOST_ROWS);
    const bool packs = uses_texels(plan->device) && columns >= WORTH && rows > FEW &&
                       room <= vk_span_limit(plan->device);
    return packs ? room : 0;
}

static void push_divisor(vk_step *step, int64_t d)
{
    vk_push_signed(step, d);
    vk_push_divisor(step, (uint64_t)d);
}

/* Packs `left` in blocks of so many rows; returns it as it is now, in texels. */
static vk_gemm packed(vk_plan *plan, const vk_gemm *g, int64_t rows)
{
    const int64_t fours = rows / 4, blocks = vk_divided_up(g->rows, rows);
    const int64_t terms = g->c * g->r * g->s, count = g->groups * blocks * terms * fours;
    vk_step *step = vk_begin(plan, g->node, "gemm_pack");
    step->kernel.texels = 1;
    const int64_t left = vk_bind_span(step, g->left.span, VK_READ);
    (void)vk_bind_span(step, (vk_span){ g->packed, 0, 4 * count }, VK_WRITE);
    vk_push_signed(step, count);
    vk_push_signed(step, g->rows);
    push_divisor(step, fours);
    push_divisor(step, terms);
    push_divisor(step, blocks);
    push_divisor(step, g->s);
    push_divisor(step, g->r);
    const int64_t places[] = {
        left + g->left.first, g->left.group, g->left.row, g->left.c, g->left.r, g->left.s
    };
    for (size_t n = 0; n < sizeof places / sizeof places[0]; n++)
        vk_push_signed(step, places[n]);
    vk_cover(plan, step, (uint64_t)count);
    vk_gemm result = *g;
    result.left.span = (vk_span){ g->packed, 0, 4 * count };
    result.left.first = 0;
    result.left.group = blocks * terms * fours;
    result.left.row = terms * fours;
    result.left.c = g->r * g->s * fours;
    result.left.r = g->s * fours;
    result.left.s = fours;
    return result;
}

static vk_gemm in_texels(const vk_gemm *g, int64_t rows)
{
    vk_gemm result = *g;
    result.left.row = rows / 4;
    result.left.first /= 4;
    result.left.group /= 4;
    result.left.c /= 4;
    result.left.r /= 4;
    result.left.s /= 4;
    return result;
}

/* ---- steps ---- */

/* Which terms there are, as FORM of the shader names it. */
static uint32_t form_of(const vk_gemm *g)
{
    const int64_t y_most = (g->i - 1) * g->y.stride + g->y.offset;
    const int64_t x_most = (g->j - 1) * g->x.stride + g->x.offset;
    const int64_t y_steps = (g->r - 1) * g->y.step, x_steps = (g->s - 1) * g->x.step;
    const bool inside = g->y.offset + (y_steps < 0 ? y_steps : 0) >= 0 &&
                        g->x.offset + (x_steps < 0 ? x_steps : 0) >= 0 &&
                        y_most + (y_steps > 0 ? y_steps : 0) < g->right.height &&
                        x_most + (x_steps > 0 ? x_steps : 0) < g->right.width;
    return !inside ? 2 : g->r * g->s == 1 ? 0 : 1;
}

/* Terms of a part; several parts have an even number. */
static int64_t part_terms(const vk_gemm *g)
{
    const int64_t part = vk_divided_up(g->c * g->r * g->s, g->parts);
    return g->parts > 1 ? (part + 1) / 2 * 2 : part;
}

/* Then a pair of terms is never cut: half of the kernel is not needed. */
static bool has_pairs(const vk_gemm *g)
{
    return g->c * g->r * g->s % 2 == 0 && part_terms(g) % 2 == 0;
}

static void push_arguments(vk_step *step, const vk_gemm *g, int64_t left, int64_t right,
                           int64_t out)
{
    const int64_t terms = g->c * g->r * g->s, part = part_terms(g);
    const int64_t shape[] = { g->groups, g->rows, g->u * g->i * g->j, g->i * g->j,
                              g->j,      terms,   part > 0 ? part : 1 };
    const int64_t places[] = { left + g->left.first,
                               g->left.group,
                               g->left.row,
                               g->left.c,
                               g->left.r,
                               g->left.s,
                               right + g->right.first,
                               g->right.group,
                               g->right.u,
                               g->right.c,
                               g->right.height,
                               g->right.width };
    const int64_t results[] = { out + g->out.first, g->out.part, g->out.row,
                                g->out.u,           g->out.i,    g->out.j };
    for (size_t n = 0; n < sizeof shape / sizeof shape[0]; n++)
        vk_push_signed(step, shape[n]);
    vk_push_pair(step, g->r > 0 ? g->r : 1, g->s > 0 ? g->s : 1);
    for (size_t n = 0; n < sizeof places / sizeof places[0]; n++)
        vk_push_signed(step, places[n]);
    vk_push_pair(step, g->y.stride, g->x.stride);
    vk_push_pair(step, g->y.step, g->x.step);
    vk_push_signed(step, g->y.offset);
    vk_push_signed(step, g->x.offset);
    for (size_t n = 0; n < sizeof results / sizeof results[0]; n++)
        vk_push_signed(step, results[n]);
}

static void lay_out(const vk_plan *plan, vk_step *step, const vk_gemm *g, const tile *t)
{
    const int64_t most = plan->device->limits.groups[0];
    const int64_t columns = g->u * g->i * g->j;
    const int64_t across = vk_divided_up(columns, COLUMNS * t->across);
    const int64_t down = vk_divided_up(g->rows, t->rows * t->down);
    const int64_t folds = vk_divided_up(across, most);
    vk_groups(step, (uint64_t)vk_divided_up(across, folds), (uint64_t)(down * folds),
              (uint64_t)(g->groups * g->parts));
    step->macs = (double)(g->groups * g->rows) * (double)columns * (double)(g->c * g->r * g->s);
}

static int32_t result_of(const vk_plan *plan, uint32_t node)
{
    return cnn_node_at(plan->program, node)->out[0];
}

static void add_step(vk_plan *plan, const vk_gemm *g, const tile *t, bool fours)
{
    const bool shared = uses_shared(plan->device);
    vk_step *step = vk_begin_reading(plan, g->node, "gemm", "gemm_texels", 2);
    step->kernel.specs[0] = t->down * t->across;
    step->kernel.fours = fours ? LEFT : 0;
    const uint32_t specs[] = { t->rows,
                               t->down,
                               t->across,
                               form_of(g),
                               !shared && has_pairs(g),
                               fours,
                               shared,
                               shared && g->along_terms };
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        vk_spec(step, specs[i]);
    const int64_t left = vk_bind_span(step, g->left.span, VK_READ);
    const int64_t right = vk_bind_span(step, g->right.span, VK_READ);
    const int64_t out = vk_bind_span(step, g->out.span, VK_WRITE);
    push_arguments(step, g, fours ? left / 4 : left, right, out);
    if (g->out.span.value == result_of(plan, g->node))
        vk_end_step(plan, step, (uint64_t)(g->out.span.first - out),
                    (uint64_t)(g->out.span.count + out));
    lay_out(plan, step, g, t);
}

void vk_gemm_add(vk_plan *plan, const vk_gemm *g)
{
    const int64_t columns = g->u * g->i * g->j;
    const bool fours = uses_texels(plan->device) && has_fours(g);
    const bool packs = !fours && g->packed > 0 && g->c * g->r * g->s > 0;
    const tile t = uses_shared(plan->device)
                       ? shared_tile(&plan->device->limits, g->rows, columns, g->groups * g->parts)
                       : register_tile(g->rows, columns, fours || packs);
    const vk_gemm it = packs ? packed(plan, g, t.rows) : fours ? in_texels(g, t.rows) : *g;
    add_step(plan, &it, &t, packs || fours);
}

void vk_gemm_sum(vk_plan *plan, uint32_t node, int32_t parts, int64_t n, vk_span out)
{
    vk_step *step = vk_begin_reading(plan, node, "sum_parts", "sum_parts_texels", 1);
    vk_bind_span(step, (vk_span){ parts, 0, n * out.count }, VK_READ);
    const int64_t first = vk_bind_span(step, out, VK_WRITE);
    vk_push_signed(step, out.count);
    vk_push_signed(step, n);
    vk_push_signed(step, first);
    vk_cover(plan, step, (uint64_t)out.count);
    vk_end_step(plan, step, (uint64_t)(out.first - first), (uint64_t)(out.count + first));
}
