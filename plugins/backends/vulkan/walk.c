/* How the work of sums is laid out. */
#include "walk.h"

/* Invocations that keep a GPU busy; the fewest and the most terms that one of them sums, where this
 * can be chosen; results side by side that fill a cache line, or the part of it that is fetched. */
enum { BUSY = 65536, FEWEST = 8, MOST = 256, CACHE_LINE = 32, SECTOR = 8, LANES = 64 };

/* A processor has few lanes, and shared memory costs it more than a second step: an invocation sums
 * up to so many terms, in parts of at least so many. */
enum { PROCESSOR_WHOLE = 1024, PROCESSOR_FEWEST = 64, PROCESSOR_MOST = 512, PROCESSOR_BUSY = 2048 };

static uint64_t at_least_1(uint64_t n)
{
    return n > 0 ? n : 1;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t between(uint64_t low, uint64_t n, uint64_t high)
{
    return n < low ? low : smaller(n, high);
}

static uint64_t divided_up(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

/* ---- which elements ---- */

/* An axis outside of those that are there. */
static void add_axis(vk_axes *axes, bool merge, uint64_t size, uint64_t stride)
{
    if (merge) {
        axes->size[axes->n - 1] *= size;
        return;
    }
    axes->size[axes->n] = size;
    axes->stride[axes->n++] = stride;
}

static void complete(vk_axes *axes)
{
    axes->n = axes->n > 0 ? axes->n : 1;
    for (uint32_t i = 0; i < 3; i++)
        axes->size[i] = at_least_1(axes->size[i]);
}

vk_walk vk_walk_of(const cnn_type *type, uint64_t gone)
{
    vk_walk w = { .results = 1, .terms = 1 };
    uint64_t stride = 1;
    const vk_axes *last = NULL;
    for (uint32_t i = type->rank; i > 0; i--) {
        const uint64_t size = (uint64_t)type->dim[i - 1];
        const bool goes = (gone >> (i - 1) & 1) != 0;
        vk_axes *axes = goes ? &w.gone : &w.kept;
        if (size == 1)
            continue;
        add_axis(axes, last == axes, size, stride);
        last = axes;
        stride *= size;
        *(goes ? &w.terms : &w.results) *= size;
    }
    complete(&w.kept);
    complete(&w.gone);
    return w;
}

vk_walk vk_walk_of_parts(uint64_t results, uint64_t parts)
{
    vk_walk w = { .results = results, .terms = parts };
    add_axis(&w.kept, false, results, 1);
    add_axis(&w.gone, false, parts, results);
    complete(&w.kept);
    complete(&w.gone);
    return w;
}

/* ---- who sees to them ---- */

static uint32_t power_of_2(uint64_t most)
{
    uint32_t n = 1;
    while (2 * (uint64_t)n <= most)
        n *= 2;
    return n;
}

static void cut(vk_split *s, uint64_t terms, uint64_t span)
{
    s->parts = divided_up(terms, span);
    s->span = span;
}

static vk_split split_for_processor(const vk_walk *w, bool whole)
{
    vk_split s = { .lanes = 1 };
    const uint64_t each =
        between(PROCESSOR_FEWEST, w->results * w->terms / PROCESSOR_BUSY, PROCESSOR_MOST);
    cut(&s, w->terms, whole || w->terms <= PROCESSOR_WHOLE ? w->terms : each);
    return s;
}

/* Where terms lie side by side all lanes run along them. Else some results are taken side by side:
 * more of them where there is much to fetch, fewer where it is little and takes a while only
 * because an invocation has one term after the other. */
static vk_split split_for_gpu(const vk_walk *w, bool whole)
{
    vk_split s = { .across = w->gone.stride[0] != 1 };
    const uint64_t each = between(FEWEST, w->results * w->terms / BUSY, MOST);
    const uint64_t most_beside = each > FEWEST ? CACHE_LINE : SECTOR;
    const uint64_t beside = s.across ? power_of_2(smaller(w->results, most_beside)) : 1;
    s.lanes = power_of_2(smaller(at_least_1(w->terms / FEWEST), LANES / beside));
    const uint64_t most = 2 * each > 64 ? 2 * each : 64; /* a second step costs as much */
    cut(&s, w->terms, whole || w->terms <= most * s.lanes ? w->terms : each * s.lanes);
    return s;
}

vk_split vk_split_of(const vk_plan *plan, const vk_walk *w, bool whole)
{
    return plan->device->limits.is_processor ? split_for_processor(w, whole)
                                             : split_for_gpu(w, whole);
}

/* ---- for shaders/walk.glsl ---- */

static void push_axes(vk_step *step, const vk_axes *axes)
{
    for (uint32_t i = 0; i < 2; i++) {
        vk_push_divisor(step, axes->size[i]);
        vk_push(step, axes->size[i]);
        vk_push(step, axes->stride[i]);
    }
    vk_push(step, axes->stride[2]);
}

void vk_walks(const vk_plan *plan, vk_step *step, const vk_walk *w, const vk_split *s)
{
    const uint64_t items = w->results * s->parts;
    step->kernel.specs[0] = LANES;
    vk_spec(step, s->lanes);
    vk_spec(step, s->across);
    vk_spec(step, w->kept.n);
    vk_spec(step, w->gone.n);
    vk_push(step, w->results);
    vk_push(step, items);
    vk_push(step, w->terms);
    vk_push(step, s->span);
    vk_push_divisor(step, w->results);
    push_axes(step, &w->kept);
    push_axes(step, &w->gone);
    vk_cover(plan, step, items * s->lanes);
}
