/* Sessions: states that programs and backends share, inputs, what crosses, and what is freed. */
#include "session.h"

#include "session_internal.h"
#include "toy_backends.h"

static cnn_error err;

/* What all graphs of a test share. */
typedef struct fixture {
    toy host; /* its registry and arena; its graph is not used */
    cnn_stack stack;
    cnn_session *session;
} fixture;

typedef struct program {
    toy t;
    cnn_step *step;
    cnn_placement *placement;
    cnn_runner *runner;
} program;

static void open(fixture *f, const char *backend)
{
    memset(f, 0, sizeof *f);
    toy_kinds_reset();
    err = (cnn_error){ "", "" };
    toy_open(&f->host, CNN_PREDICT, &toy_backends);
    CHECK_INT(cnn_stack_open(&f->host.registry, backend, false, &f->stack, &err), CNN_OK);
    f->session = cnn_session_create(&f->stack);
    CHECK(f->session != NULL);
}

/* Everything that was allocated must be gone. */
static void close(fixture *f)
{
    cnn_session_destroy(f->session);
    for (int i = 0; i < TOY_KINDS; i++) {
        CHECK_INT(toy_kinds[i].buffers, 0);
        CHECK_INT(toy_kinds[i].execs, 0);
    }
    cnn_stack_close(&f->stack);
    toy_close(&f->host);
}

static cnn_status compile(fixture *f, program *p, cnn_value *outs, uint32_t n)
{
    CHECK(!p->t.graph->failed);
    p->step = toy_freeze(&p->t, outs, n);
    CHECK_INT(cnn_placement_from(p->step, &f->stack, p->t.arena, &p->placement, &err), CNN_OK);
    return cnn_session_compile(f->session, p->placement, 42, CNN_SETS, &p->runner, &err);
}

static void set_input(const program *p, uint32_t set, float first)
{
    float *x = cnn_runner_input(p->runner, p->step->input, set);
    for (int i = 0; i < 24; i++)
        x[i] = first + (float)i;
}

static float first_of(const program *p, uint32_t extra, uint32_t set)
{
    float out[24] = { 0 };
    int32_t v = p->step->extras[extra];
    uint64_t bytes = (uint64_t)cnn_bytes(&cnn_value_at(&p->step->program, v)->type);
    CHECK_INT(cnn_runner_output(p->runner, v, set, out, bytes, &err), CNN_OK);
    return out[0];
}

static float state_of(const fixture *f, const char *name)
{
    float out[64] = { 0 };
    for (uint32_t i = 0; i < cnn_session_states(f->session); i++)
        if (strcmp(cnn_session_state(f->session, i)->name, name) == 0)
            CHECK_INT(cnn_session_read_state(f->session, i, out, &err), CNN_OK);
    return out[0];
}

/* total := total + sum(x); the sum is what "toy" leaves to "base". Results: 2 x + total, sum. */
static cnn_status compile_counting(fixture *f, program *p)
{
    memset(p, 0, sizeof *p);
    toy_open(&p->t, CNN_PREDICT, NULL);
    cnn_builder *b = p->t.b;
    cnn_value total = cnn_state(b, "total", cnn_type2(CNN_F32, 1, 1), 10);
    cnn_value sum = cnn_reduce(b, p->t.x, CNN_REDUCE_SUM, 3, true);
    cnn_assign(b, total, cnn_add(b, total, sum));
    cnn_value outs[2] = { cnn_add(b, cnn_scale(b, p->t.x, 2), total), sum };
    return compile(f, p, outs, 2);
}

static void check_counting(const char *backend)
{
    fixture f;
    program p;
    open(&f, backend);
    CHECK_INT(compile_counting(&f, &p), CNN_OK);
    CHECK_NEAR(state_of(&f, "0.total"), 10, 0);
    set_input(&p, 0, 1); /* 1 + 2 + ... + 24 = 300 */
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    CHECK_NEAR(first_of(&p, 0, 0), 2 + 10, 0); /* reads see the contents before the step */
    CHECK_NEAR(first_of(&p, 1, 0), 300, 0);
    CHECK_NEAR(state_of(&f, "0.total"), 310, 0);
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    CHECK_NEAR(first_of(&p, 0, 0), 2 + 310, 0);
    CHECK_NEAR(state_of(&f, "0.total"), 610, 0);
    close(&f);
    toy_close(&p.t);
}

static void a_state_lives_from_run_to_run(void)
{
    check_counting("base");
}

static void a_program_cut_between_backends_gives_the_same(void)
{
    check_counting("toy");
}

static void sets_are_memory_of_their_own(void)
{
    static const char *const backends[] = { "base", "toy" };
    for (int i = 0; i < 2; i++) {
        fixture f;
        program p;
        open(&f, backends[i]);
        CHECK_INT(compile_counting(&f, &p), CNN_OK);
        set_input(&p, 0, 0);
        set_input(&p, 1, 100);
        set_input(&p, 2, 200);
        CHECK_INT(cnn_runner_run(p.runner, 1, &err), CNN_OK);
        CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
        CHECK_NEAR(first_of(&p, 1, 1), 276 + 2400, 0); /* after the run of another set */
        CHECK_INT(cnn_runner_run(p.runner, 2, &err), CNN_OK);
        CHECK_NEAR(first_of(&p, 1, 0), 276, 0);
        CHECK_NEAR(first_of(&p, 1, 2), 276 + 4800, 0);
        close(&f);
        toy_close(&p.t);
    }
}

static void the_host_writes_into_the_device_where_it_may(void)
{
    fixture f;
    program p;
    open(&f, "base");
    CHECK_INT(compile_counting(&f, &p), CNN_OK);
    int writes = toy_kinds[BASE].writes;
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    CHECK_INT(toy_kinds[BASE].writes, writes);
    close(&f);
    toy_close(&p.t);
}

static void a_run_allocates_nothing(void)
{
    fixture f;
    program p;
    open(&f, "toy");
    CHECK_INT(compile_counting(&f, &p), CNN_OK);
    int allocs = toy_kinds[BASE].allocs + toy_kinds[TOY].allocs;
    uint64_t crossing = f.session->crossing_bytes;
    CHECK(crossing > 0);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_INT(cnn_runner_run(p.runner, i % CNN_SETS, &err), CNN_OK);
    CHECK_INT(toy_kinds[BASE].allocs + toy_kinds[TOY].allocs, allocs);
    CHECK_INT(f.session->crossing_bytes, crossing);
    close(&f);
    toy_close(&p.t);
}

/* y is made on toy and read by two parts on base, with one on toy between them. */
static void a_value_crosses_once_however_many_parts_read_it(void)
{
    fixture f;
    program p;
    open(&f, "toy");
    memset(&p, 0, sizeof p);
    toy_open(&p.t, CNN_PREDICT, NULL);
    cnn_builder *b = p.t.b;
    cnn_value y = cnn_exp(b, p.t.x);
    cnn_value sum = cnn_reduce(b, y, CNN_REDUCE_SUM, 2, true);
    cnn_value share = cnn_div(b, y, sum);
    cnn_value outs[2] = { share, cnn_reduce(b, y, CNN_REDUCE_SUM, 1, true) };
    CHECK_INT(compile(&f, &p, outs, 2), CNN_OK);
    CHECK_INT(p.placement->n_parts, 4);
    set_input(&p, 0, 0);
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    CHECK_INT(toy_kinds[TOY].reads, 1);  /* y */
    CHECK_INT(toy_kinds[BASE].reads, 1); /* sum */
    CHECK_NEAR(first_of(&p, 1, 0), 1 + exp(6) + exp(12) + exp(18), 10);
    close(&f);
    toy_close(&p.t);
}

/* ---- states of several programs ---- */

/* out = x + weight; `train` also assigns weight := 3 weight. */
static cnn_status compile_weight(fixture *f, program *p, bool train, cnn_type type)
{
    memset(p, 0, sizeof *p);
    toy_open(&p->t, CNN_PREDICT, NULL);
    cnn_value w = toy_weight(&p->t, "w", type);
    if (train)
        cnn_assign(p->t.b, w, cnn_scale(p->t.b, w, 3));
    cnn_value out = cnn_add(p->t.b, p->t.x, w);
    return compile(f, p, &out, 1);
}

static void a_state_starts_as_its_initialiser_says(void)
{
    fixture f;
    program p;
    const cnn_type type = cnn_type1(CNN_F32, 6);
    const cnn_init init = { CNN_INIT_UNIFORM, 0.5, 1.5 };
    float want[6], got[6];
    open(&f, "base");
    CHECK_INT(compile_weight(&f, &p, false, type), CNN_OK);
    cnn_init_fill(&init, &type, "0.w", 42, want);
    CHECK_INT(cnn_session_read_state(f.session, 0, got, &err), CNN_OK);
    CHECK(memcmp(want, got, sizeof want) == 0);
    CHECK(cnn_session_state(f.session, 0)->trained);
    CHECK(cnn_same_type(&cnn_session_state(f.session, 0)->type, &type));
    close(&f);
    toy_close(&p.t);
}

static void numbers_of_the_pipeline_win_over_the_initialiser(void)
{
    static const float numbers[6] = { 6, 5, 4, 3, 2, 1 };
    fixture f;
    program p;
    float got[6];
    open(&f, "base");
    memset(&p, 0, sizeof p);
    toy_open(&p.t, CNN_PREDICT, NULL);
    cnn_value out = cnn_add(p.t.b, p.t.x, toy_weight(&p.t, "w", cnn_type1(CNN_F32, 6)));
    p.t.graph->states[0].data = numbers;
    CHECK_INT(compile(&f, &p, &out, 1), CNN_OK);
    CHECK_INT(cnn_session_read_state(f.session, 0, got, &err), CNN_OK);
    CHECK(memcmp(numbers, got, sizeof numbers) == 0);
    close(&f);
    toy_close(&p.t);
}

static void programs_share_states_by_name(void)
{
    fixture f;
    program train, test;
    open(&f, "base");
    CHECK_INT(compile_weight(&f, &train, true, cnn_type1(CNN_F32, 6)), CNN_OK);
    float w = state_of(&f, "0.w");
    CHECK_INT(cnn_runner_run(train.runner, 0, &err), CNN_OK);
    CHECK_INT(compile_weight(&f, &test, false, cnn_type1(CNN_F32, 6)), CNN_OK);
    CHECK_INT(cnn_session_states(f.session), 1);
    set_input(&test, 0, 0);
    CHECK_INT(cnn_runner_run(test.runner, 0, &err), CNN_OK);
    CHECK_NEAR(first_of(&test, 0, 0), 3 * w, 0);
    close(&f);
    toy_close(&train.t);
    toy_close(&test.t);
}

static void one_name_with_two_shapes_is_refused(void)
{
    fixture f;
    program a, b;
    open(&f, "base");
    CHECK_INT(compile_weight(&f, &a, false, cnn_type1(CNN_F32, 6)), CNN_OK);
    uint64_t bytes = cnn_session_bytes(f.session);
    CHECK_INT(compile_weight(&f, &b, false, cnn_type2(CNN_F32, 1, 6)), CNN_INTERNAL);
    CHECK_HAS(err.text, "0.w");
    CHECK_INT(cnn_session_bytes(f.session), bytes);
    close(&f);
    toy_close(&a.t);
    toy_close(&b.t);
}

static void a_state_that_no_node_uses_is_stored_too(void)
{
    fixture f;
    program p;
    open(&f, "toy");
    memset(&p, 0, sizeof p);
    toy_open(&p.t, CNN_PREDICT, NULL);
    (void)toy_weight(&p.t, "unused", cnn_type1(CNN_F32, 3));
    cnn_value out = toy_mean(&p.t, cnn_exp(p.t.b, p.t.x));
    CHECK_INT(compile(&f, &p, &out, 1), CNN_OK);
    CHECK_INT(p.placement->n_parts, 2);
    CHECK_INT(cnn_session_states(f.session), 1);
    CHECK(state_of(&f, "0.unused") >= 0.5f);
    close(&f);
    toy_close(&p.t);
}

/* toy reads w, base (which is asked for by the layer) reads and assigns it. */
static cnn_status compile_shared(fixture *f, program *p, bool assign)
{
    memset(p, 0, sizeof *p);
    toy_open(&p->t, CNN_PREDICT, NULL);
    cnn_builder *b = p->t.b;
    cnn_value w = toy_weight(&p->t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value here = cnn_add(b, p->t.x, w);
    p->t.graph->backend = "base";
    cnn_value there = cnn_reduce(b, w, CNN_REDUCE_SUM, 3, true);
    cnn_value outs[2] = { here, there };
    if (assign)
        cnn_assign(b, w, cnn_reshape(b, cnn_scale(b, w, 2), 2, cnn_type_of(b, w)->dim));
    return compile(f, p, outs, 2);
}

static void a_state_on_two_backends_is_copied_only_when_it_changed(void)
{
    fixture f;
    program p;
    open(&f, "toy");
    CHECK_INT(compile_shared(&f, &p, false), CNN_OK);
    CHECK_INT(p.placement->n_parts, 2);
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    int reads = toy_kinds[TOY].reads + toy_kinds[BASE].reads;
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    CHECK_INT(toy_kinds[TOY].reads + toy_kinds[BASE].reads, reads);
    close(&f);
    toy_close(&p.t);
}

static void an_assignment_is_seen_on_every_backend(void)
{
    fixture f;
    program p;
    open(&f, "toy");
    CHECK_INT(compile_shared(&f, &p, true), CNN_OK);
    CHECK(p.placement->n_parts >= 2);
    set_input(&p, 0, 0);
    float w = state_of(&f, "0.w");
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    float here = first_of(&p, 0, 0), there = first_of(&p, 1, 0);
    CHECK_NEAR(here, w, 0);
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    CHECK_NEAR(first_of(&p, 0, 0), 2 * here, 1e-6);
    CHECK_NEAR(first_of(&p, 1, 0), 2 * there, 1e-4);
    CHECK_NEAR(state_of(&f, "0.w"), 4 * w, 1e-6);
    close(&f);
    toy_close(&p.t);
}

static void what_is_written_to_a_state_reaches_every_backend(void)
{
    fixture f;
    program p;
    float numbers[24];
    open(&f, "toy");
    CHECK_INT(compile_shared(&f, &p, false), CNN_OK);
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    for (int i = 0; i < 24; i++)
        numbers[i] = 7;
    CHECK_INT(cnn_session_write_state(f.session, 0, numbers, &err), CNN_OK);
    set_input(&p, 0, 0);
    CHECK_INT(cnn_runner_run(p.runner, 0, &err), CNN_OK);
    CHECK_NEAR(first_of(&p, 0, 0), 7, 0);
    CHECK_NEAR(first_of(&p, 1, 0), 7 * 24, 0);
    close(&f);
    toy_close(&p.t);
}

/* ---- failures ---- */

static void without_memory_compiling_fails_and_gives_back_what_it_took(void)
{
    for (int n = 1;; n++) {
        fixture f;
        program p;
        open(&f, "toy");
        toy_kinds[n % 2 == 0 ? BASE : TOY].fail_alloc = (n + 1) / 2;
        cnn_status status = compile_counting(&f, &p);
        bool failed = status == CNN_MEMORY;
        CHECK(failed || status == CNN_OK);
        CHECK((p.runner == NULL) == failed);
        CHECK(failed == (strcmp(err.text, "no memory left") == 0));
        close(&f);
        toy_close(&p.t);
        if (n > 4 && !failed)
            return;
    }
}

static void only_outputs_can_be_read(void)
{
    fixture f;
    program p;
    float number;
    open(&f, "base");
    CHECK_INT(compile_counting(&f, &p), CNN_OK);
    CHECK_INT(cnn_runner_output(p.runner, p.step->input, 0, &number, 4, &err), CNN_INTERNAL);
    CHECK_INT(cnn_runner_output(p.runner, -1, 0, &number, 4, &err), CNN_INTERNAL);
    CHECK_INT(cnn_runner_output(p.runner, 1000, 0, &number, 4, &err), CNN_INTERNAL);
    close(&f);
    toy_close(&p.t);
}

static void bytes_are_those_of_all_buffers(void)
{
    fixture f;
    program p;
    open(&f, "base");
    CHECK_INT(cnn_session_bytes(f.session), 0);
    CHECK_INT(compile_counting(&f, &p), CNN_OK);
    /* the input and the two outputs of each set, the state */
    CHECK_INT(cnn_session_bytes(f.session), CNN_SETS * (96 + 96 + 4) + 4);
    close(&f);
    toy_close(&p.t);
}

static void destroying_nothing_is_allowed(void)
{
    cnn_session_destroy(NULL);
    CHECK(true);
}

int main(void)
{
    return RUN_TESTS(
        TEST(a_state_lives_from_run_to_run), TEST(a_program_cut_between_backends_gives_the_same),
        TEST(sets_are_memory_of_their_own), TEST(the_host_writes_into_the_device_where_it_may),
        TEST(a_run_allocates_nothing), TEST(a_value_crosses_once_however_many_parts_read_it),
        TEST(a_state_starts_as_its_initialiser_says),
        TEST(numbers_of_the_pipeline_win_over_the_initialiser), TEST(programs_share_states_by_name),
        TEST(one_name_with_two_shapes_is_refused), TEST(a_state_that_no_node_uses_is_stored_too),
        TEST(a_state_on_two_backends_is_copied_only_when_it_changed),
        TEST(an_assignment_is_seen_on_every_backend),
        TEST(what_is_written_to_a_state_reaches_every_backend),
        TEST(without_memory_compiling_fails_and_gives_back_what_it_took),
        TEST(only_outputs_can_be_read), TEST(bytes_are_those_of_all_buffers),
        TEST(destroying_nothing_is_allowed));
}
