/* One drawn program on the reference and on the backend that is tested: `cpu` with 1, 2 and 4
 * threads, others, whose threads are not ours, once. */
#include "opsuite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "loader.h"
#include "program.h"

enum { N_POOLS = 3, MAX_RESULTS = MAX_LEAVES + MAX_SHOWN + 1, RUNS = 2, DRAWS = 50 };

static const uint32_t pool_sizes[N_POOLS] = { 1, 2, 4 };
static const int64_t batches[] = { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33 };

struct suite {
    cnn_arena *arena;
    cnn_registry registry;
    cnn_services *services[N_POOLS];
    cnn_stack reference, tested[N_POOLS];
    int n_pools;
    bool is_cpu;
    uint32_t fallbacks;
};

/* What a run leaves: outputs, then states. */
typedef struct results {
    uint32_t count;
    const char *names[2 * MAX_RESULTS];
    cnn_type types[2 * MAX_RESULTS];
    bool batched[2 * MAX_RESULTS];
    void *data[2 * MAX_RESULTS];
} results;

/* ---- backends ---- */

static cnn_status open_all(suite *t, const char *plugins, const char *backend, cnn_error *err)
{
    const cnn_loader_options options = { &plugins, 1, false };
    for (int i = 0; i < N_POOLS; i++)
        t->services[i] = cnn_services_create(pool_sizes[i], t->arena);
    t->registry.arena = t->arena;
    t->registry.host = &t->services[1]->host;
    cnn_status status = cnn_load_plugins(&t->registry, &options, err);
    if (status == CNN_OK)
        status = cnn_stack_open(&t->registry, "reference", true, &t->reference, err);
    for (int i = 0; i < t->n_pools && status == CNN_OK; i++) {
        t->registry.host = &t->services[i]->host;
        status = cnn_stack_open(&t->registry, backend, true, &t->tested[i], err);
    }
    return status;
}

suite *suite_open(const char *plugins, const char *backend, bool *missing)
{
    cnn_error err = { "", "" };
    cnn_arena *arena = cnn_arena_create();
    suite *t = CNN_NEW(arena, suite);
    t->arena = arena;
    t->is_cpu = strcmp(backend, "cpu") == 0;
    t->n_pools = t->is_cpu ? N_POOLS : 1;
    cnn_status status = open_all(t, plugins, backend, &err);
    *missing = status == CNN_MISSING && (!t->is_cpu || strstr(err.text, "cannot run it") != NULL);
    if (status == CNN_OK)
        return t;
    printf("%s%s%s\n", err.text, err.hint[0] != '\0' ? "; " : "", err.hint);
    suite_close(t);
    return NULL;
}

void suite_close(suite *t)
{
    for (int i = 0; i < t->n_pools; i++)
        cnn_stack_close(&t->tested[i]);
    cnn_stack_close(&t->reference);
    cnn_registry_deinit(&t->registry);
    for (int i = 0; i < N_POOLS; i++)
        cnn_services_destroy(t->services[i]);
    cnn_arena_destroy(t->arena);
}

uint32_t suite_fallbacks(const suite *t)
{
    return t->fallbacks;
}

/* ---- drawing ---- */

static void start_scene(suite *t, scene *s, cnn_diags *diags, cnn_arena *arena, uint64_t seed,
                        uint32_t attempt)
{
    const cnn_data_shape data = { .input = cnn_type1(CNN_F32, 1) };
    *s =
        (scene){ .arena = arena, .rng = cnn_rng_at(seed, CNN_RNG_DATA, attempt, 0), .exact = true };
    *diags = (cnn_diags){ .arena = arena };
    s->batch = batches[between(s, 0, (int64_t)(sizeof batches / sizeof batches[0]) - 1)];
    s->no_gradient = one_in(s, 5);
    s->g = cnn_graph_create(&t->registry, &data, s->no_gradient ? CNN_EVAL : CNN_TRAIN, s->batch,
                            arena, diags);
    s->b = &s->g->builder;
    s->g->prefix = s->g->path = "op";
    s->g->trail = "";
}

/* Shapes that an op refuses are drawn anew. */
static bool draw(suite *t, scene *s, const family *f, cnn_arena *arena, uint64_t seed)
{
    cnn_diags diags;
    for (uint32_t attempt = 0; attempt < DRAWS; attempt++) {
        start_scene(t, s, &diags, arena, seed, attempt);
        f->draw(s);
        if (!s->g->failed)
            return true;
    }
    printf("  %s", s->log);
    cnn_diags_print(&diags, stdout);
    return false;
}

/* As the program does it before it differentiates. */
static void compose(scene *s)
{
    bool *keep = CNN_NEW_ARRAY(s->arena, bool, s->g->n_values);
    if (s->g->loss != CNN_NONE)
        keep[s->g->loss] = true;
    for (uint32_t i = 0; i < s->n_shown; i++)
        keep[s->shown[i]] = true;
    for (uint32_t i = 0; i < s->g->n_assigns; i++)
        keep[s->g->assigns[i].value] = true;
    cnn_compose(s->g, keep);
}

static cnn_step *finish(scene *s)
{
    cnn_value extras[MAX_LEAVES + MAX_SHOWN], wanted[MAX_LEAVES], *grads = NULL;
    uint32_t n = 0, n_wanted = 0;
    if (one_in(s, 2))
        compose(s);
    for (uint32_t i = 0; i < s->n_leaves; i++)
        if (!s->leaves[i].state && s->leaves[i].wants_gradient)
            wanted[n_wanted++] = s->leaves[i].v;
    if (!s->no_gradient && s->g->loss != CNN_NONE &&
        !cnn_autodiff(s->g, s->g->loss, wanted, n_wanted, &grads))
        return NULL;
    for (uint32_t i = 0; i < s->n_shown; i++)
        extras[n++] = s->shown[i];
    for (uint32_t i = 0; i < s->n_leaves && grads != NULL; i++)
        if (grads[s->leaves[i].v] != CNN_NONE && s->leaves[i].wants_gradient)
            extras[n++] = grads[s->leaves[i].v];
    cnn_step *step = cnn_step_from(s->g, extras, n);
    return s->g->failed ? NULL : step;
}

/* ---- running ---- */

static void put(cnn_runner *runner, int32_t value, const cnn_program *p, const void *data)
{
    for (uint32_t set = 0; set < CNN_SETS && value >= 0; set++) {
        void *to = cnn_runner_input(runner, value, set);
        if (to != NULL)
            memcpy(to, data, (size_t)cnn_bytes(&cnn_value_at(p, value)->type));
    }
}

static void put_inputs(const scene *s, const cnn_step *step, cnn_runner *runner)
{
    const cnn_program *p = &step->program;
    const int32_t seed[2] = { 7, 11 }, now = 3;
    for (uint32_t i = 0; i < s->n_leaves; i++)
        if (!s->leaves[i].state)
            put(runner, step->map[s->leaves[i].v], p, s->leaves[i].data);
    put(runner, step->seed, p, seed);
    put(runner, step->step, p, &now);
}

static void *take(scene *s, results *r, const char *name, const cnn_type *type)
{
    void *data = cnn_arena_alloc(s->arena, (size_t)cnn_bytes(type));
    r->names[r->count] = name;
    r->types[r->count] = *type;
    r->data[r->count++] = data;
    return data;
}

/* Sessions list states in order of first use, which is another where a program is cut. */
static uint32_t find_state(const cnn_session *session, const char *name)
{
    uint32_t i = 0;
    while (i + 1 < cnn_session_states(session) &&
           strcmp(cnn_session_state(session, i)->name, name) != 0)
        i++;
    return i;
}

static cnn_status take_results(scene *s, const cnn_step *step, cnn_session *session,
                               cnn_runner *runner, uint32_t set, results *r, cnn_error *err)
{
    const cnn_program *p = &step->program;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < p->n_externals && status == CNN_OK; i++) {
        const cnn_value_info *v = cnn_value_at(p, p->externals[i]);
        if (v->kind != CNN_VALUE_OUTPUT)
            continue;
        const char *name = cnn_arena_printf(s->arena, "value %d", p->externals[i]);
        r->batched[r->count] = v->batched != 0;
        void *to = take(s, r, name, &v->type);
        status =
            cnn_runner_output(runner, p->externals[i], set, to, (uint64_t)cnn_bytes(&v->type), err);
    }
    for (uint32_t i = 0; s->assigns && i < s->g->n_states && status == CNN_OK; i++) {
        const cnn_value_info *v = &s->g->values[s->g->states[i].value];
        status = cnn_session_read_state(session, find_state(session, v->name),
                                        take(s, r, v->name, &v->type), err);
    }
    return status;
}

static cnn_status run_on(scene *s, const cnn_step *step, const cnn_stack *stack, results r[RUNS],
                         uint32_t *fallbacks, cnn_error *err)
{
    cnn_placement *placement;
    cnn_runner *runner;
    cnn_session *session = cnn_session_create(stack);
    cnn_status status = cnn_placement_from(step, stack, s->arena, &placement, err);
    if (status == CNN_OK)
        status = cnn_session_compile(session, placement, 0, CNN_SETS, &runner, err);
    if (status == CNN_OK) {
        *fallbacks = placement->n_fallbacks;
        put_inputs(s, step, runner);
    }
    for (uint32_t run = 0; run < RUNS && status == CNN_OK; run++) {
        const uint32_t set = run % CNN_SETS;
        status = cnn_runner_run(runner, set, err);
        if (status == CNN_OK)
            status = take_results(s, step, session, runner, set, &r[run], err);
    }
    cnn_session_destroy(session);
    return status;
}

/* ---- judging ---- */

static bool same_bits(const results *a, const results *b, const char *what)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const int64_t size = cnn_dtype_size(a->types[i].dtype), count = cnn_count(&a->types[i]);
        const char *x = a->data[i], *y = b->data[i];
        int64_t at = 0;
        while (at < count && memcmp(x + at * size, y + at * size, (size_t)size) == 0)
            at++;
        if (at == count)
            continue;
        printf("  %s, element %lld, has other bits %s\n", a->names[i], (long long)at, what);
        if (a->types[i].dtype == CNN_F32)
            printf("  %.9g, else %.9g\n", (double)((const float *)b->data[i])[at],
                   (double)((const float *)a->data[i])[at]);
        return false;
    }
    return true;
}

static bool agree(const results *got, const results *want)
{
    bool ok = true;
    double largest = 0;
    for (uint32_t i = 0; i < want->count; i++)
        largest = fmax(largest, largest_of(&want->types[i], want->data[i]));
    for (uint32_t i = 0; i < want->count; i++)
        ok = compare_value(want->names[i], &want->types[i], got->data[i], want->data[i],
                           want->batched[i], largest) &&
             ok;
    return ok;
}

static bool judge(suite *t, scene *s, const cnn_step *step)
{
    static const char *const texts[N_POOLS] = { "", "with 2 threads than with 1",
                                                "with 4 threads than with 1" };
    results *all = CNN_NEW_ARRAY(s->arena, results, (N_POOLS + 1) * RUNS);
    results *want = all + N_POOLS * RUNS;
    cnn_error err = { "", "" };
    uint32_t fallbacks = 0;
    cnn_status status = run_on(s, step, &t->reference, want, &fallbacks, &err);
    for (int i = 0; i < t->n_pools && status == CNN_OK; i++) {
        /* With a batch of 1 a gradient summed over it keeps it, and loses it by a reshape. */
        t->tested[i].forbid_fallback = !t->is_cpu || !s->may_fall_back;
        status = run_on(s, step, &t->tested[i], all + i * RUNS, &fallbacks, &err);
    }
    if (status != CNN_OK) {
        printf("  %s %s\n", err.text, err.hint);
        return false;
    }
    t->fallbacks += fallbacks > 0;
    bool ok = true;
    for (int run = 0; run < RUNS && ok; run++)
        ok = agree(&all[run], &want[run]);
    for (int i = 1; i < t->n_pools; i++)
        for (int run = 0; run < RUNS; run++)
            ok = same_bits(&all[run], &all[i * RUNS + run], texts[i]) && ok;
    return (s->assigns || same_bits(&all[0], &all[1], "in the second run")) && ok;
}

bool suite_case(suite *t, const family *f, uint64_t seed, bool verbose)
{
    cnn_arena *arena = cnn_arena_create();
    scene *s = CNN_NEW(arena, scene);
    cnn_step *step = draw(t, s, f, arena, seed) ? finish(s) : NULL;
    if (step == NULL && s->g->failed)
        cnn_diags_print(s->g->diags, stdout);
    bool ok = step != NULL && judge(t, s, step);
    if (!ok || verbose) {
        printf("%s %s --seed %llu, batch %lld\n%s", ok ? "ok" : "FAILED", f->name,
               (unsigned long long)seed, (long long)s->batch, s->log);
        if (step != NULL)
            cnn_program_print(step, stdout);
    }
    cnn_arena_destroy(arena);
    return ok;
}
