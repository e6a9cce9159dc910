/* A scene: operands of random extents and margins around one call of a kernel. Lanes without an
 * image, margins and what lies around an operand hold NaN: a kernel that mixes them in, or writes
 * there, is found out. */
#ifndef TEST_CPU_TEST_H
#define TEST_CPU_TEST_H

#include <stdlib.h>

#include "test.h"
#include "variants.h"

enum { GUARD = 8, ROUNDS = 600 };

static const uint32_t canary = 0x7fc0abcdu; /* a quiet NaN */

typedef struct operand {
    cpu_view v;
    size_t floats;
    float *block; /* guards, data with margins, guards */
    float *data;
} operand;

typedef struct scene {
    const cpu_kernels *k;
    const char *what;
    uint64_t state;
    int round;
    bool reported;
    int n;
    cpu_tile tile;
    cpu_params params;
    operand op[CPU_MAX_OPERANDS];
} scene;

/* splitmix64 */
static inline uint64_t any(scene *s)
{
    uint64_t z = s->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline int64_t between(scene *s, int64_t low, int64_t high)
{
    return low + (int64_t)(any(s) % (uint64_t)(high - low + 1));
}

static inline bool one_in(scene *s, int n)
{
    return between(s, 1, n) == 1;
}

static inline scene scene_begin(const cpu_kernels *k, const char *what, int round)
{
    scene s = { .k = k, .what = what, .state = (uint64_t)round * 977 + 1, .round = round };
    s.tile.images = one_in(&s, 2) ? k->lanes : between(&s, 1, k->lanes);
    return s;
}

static inline void scene_end(scene *s)
{
    for (int i = 0; i < s->n; i++)
        free(s->op[i].block);
}

/* Where element (c, y, x) of image l lies. */
static inline float *at(const scene *s, int i, int64_t l, int64_t c, int64_t y, int64_t x)
{
    const cpu_view *v = &s->op[i].v;
    return s->op[i].data + (c * v->plane + y * v->row + x) * s->k->lanes + l;
}

static inline int32_t *int_at(const scene *s, int i, int64_t l, int64_t c, int64_t y, int64_t x)
{
    return (int32_t *)(void *)at(s, i, l, c, y, x);
}

/* Fills with canaries; a quarter of the operands have no margins at all. */
static inline int add_operand(scene *s, int64_t c, int64_t h, int64_t w)
{
    operand *o = &s->op[s->n];
    bool dense = one_in(s, 4);
    int64_t left = dense ? 0 : between(s, 0, 2), right = dense ? 0 : between(s, 0, 2);
    o->v = (cpu_view){ c, h, w, left + w + right, 0 };
    o->v.plane = h * o->v.row + (dense || one_in(s, 2) ? 0 : between(s, 1, 5));
    o->floats = (size_t)((c * o->v.plane + left + right + 2 * GUARD) * s->k->lanes);
    size_t bytes = (o->floats * sizeof(float) + 63) / 64 * 64;
    o->block = aligned_alloc(64, bytes);
    for (size_t i = 0; i < o->floats; i++)
        memcpy(&o->block[i], &canary, sizeof canary);
    o->data = o->block + (GUARD + left) * s->k->lanes;
    s->params.view[s->n] = o->v;
    return s->n++;
}

typedef enum numbers { NORMAL, TIES, SPECIAL, TAME } numbers;

/* Numbers around 0; few different ones; NaN and infinities among them; without large ones. */
static inline float number(scene *s, numbers kind)
{
    float v = (float)between(s, -4000, 4000) / 1000;
    if (kind == TIES || (kind == SPECIAL && one_in(s, 2)))
        return (float)between(s, -1, 1);
    if (kind == SPECIAL && one_in(s, 8))
        return one_in(s, 2) ? NAN : one_in(s, 2) ? INFINITY : -INFINITY;
    return v;
}

#define EACH_ELEMENT(view, z, y, x)                  \
    for (int64_t z = 0, y = 0, x = 0; z < (view)->c; \
         x + 1 < (view)->w ? x++ : (x = 0, y + 1 < (view)->h ? y++ : (y = 0, z++)))

/* An input: numbers in the lanes of images. */
static inline int add_input(scene *s, int64_t c, int64_t h, int64_t w, numbers kind)
{
    int i = add_operand(s, c, h, w);
    EACH_ELEMENT(&s->op[i].v, z, y, x)
    for (int64_t l = 0; l < s->tile.images; l++)
        *at(s, i, l, z, y, x) = number(s, kind);
    return i;
}

static inline void run_kernel(scene *s, cpu_kernel kernel)
{
    void *p[CPU_MAX_OPERANDS];
    for (int i = 0; i < s->n; i++)
        p[i] = s->op[i].data;
    kernel(&s->params, p, &s->tile);
}

static inline void report(scene *s, double got, double want)
{
    test_check(false, __FILE__, __LINE__, "the kernel's result");
    if (s->reported)
        return;
    s->reported = true;
    fprintf(stderr, "  %s, %s, round %d, %lld images: got %.9g, want %.9g\n", s->what, s->k->name,
            s->round, (long long)s->tile.images, got, want);
    for (int i = 0; i < s->n; i++)
        fprintf(stderr, "    operand %d: %lld x %lld x %lld, row %lld, plane %lld\n", i,
                (long long)s->op[i].v.c, (long long)s->op[i].v.h, (long long)s->op[i].v.w,
                (long long)s->op[i].v.row, (long long)s->op[i].v.plane);
}

static inline void expect(scene *s, double got, double want, double tolerance)
{
    if (isnan(want) ? isnan(got) : got == want || fabs(got - want) <= tolerance)
        CHECK(true);
    else
        report(s, got, want);
}

/* Margins, guards and gaps of an operand are as they were. */
static inline void expect_margins(scene *s, int i)
{
    operand *o = &s->op[i];
    EACH_ELEMENT(&o->v, c, y, x)
    for (int64_t l = 0; l < s->k->lanes; l++)
        memcpy(at(s, i, l, c, y, x), &canary, sizeof canary);
    for (size_t k = 0; k < o->floats; k++)
        if (memcmp(&o->block[k], &canary, sizeof canary) != 0) {
            report(s, (double)o->block[k], (double)NAN);
            return;
        }
    CHECK(true);
}

static const cpu_kernels *const test_kernels[CPU_TEST_VARIANTS] = {
    &cpu_test_kernels_lanes4,
#if defined(__x86_64__)
    &cpu_test_kernels_lanes8,
    &cpu_test_kernels_lanes16,
    &cpu_test_kernels_lanes16_split,
#endif
};

/* One scene per variant that runs here and round. */
static inline void each_scene(const char *what, int rounds, void (*play)(scene *))
{
    for (int v = 0; v < CPU_TEST_VARIANTS; v++)
        for (int round = 0; round < rounds && test_kernels[v] != NULL && cpu_test_runs(v);
             round++) {
            scene s = scene_begin(test_kernels[v], what, round);
            play(&s);
            scene_end(&s);
        }
}

static inline void say_what_is_skipped(void)
{
    for (int v = 0; v < CPU_TEST_VARIANTS; v++)
        if (test_kernels[v] != NULL && !cpu_test_runs(v))
            printf("skipped: %s, which this machine cannot run\n", test_kernels[v]->name);
}

#endif
