/* Samples of ops, run on a device and on the reference. */
#include "selftest.h"

#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "samples.h"

enum { SEED = 1 };

/* What a sample gave: outputs, then states, each value's numbers one after the other. */
typedef struct results {
    float *numbers;
    int64_t count;
} results;

static void fill_inputs(const cnn_step *step, cnn_runner *runner)
{
    const cnn_init uniform = { .kind = CNN_INIT_UNIFORM, .a = -1, .b = 1 };
    for (uint32_t i = 0; i < step->program.n_externals; i++) {
        const int32_t v = step->program.externals[i];
        const cnn_value_info *value = cnn_value_at(&step->program, v);
        if (value->kind != CNN_VALUE_INPUT)
            continue;
        void *input = cnn_runner_input(runner, v, 0);
        if (value->type.dtype == CNN_F32) {
            cnn_init_fill(&uniform, &value->type, value->name, SEED, input);
            continue;
        }
        for (int64_t n = 0; n < cnn_bytes(&value->type) / (int64_t)sizeof(int32_t); n++)
            ((int32_t *)input)[n] = (int32_t)(n % CNN_SAMPLE_CLASSES);
    }
}

/* What backends give alike: integers are inputs. */
static bool is_result(const cnn_value_info *value)
{
    return value->type.dtype == CNN_F32 &&
           (value->kind == CNN_VALUE_OUTPUT || value->kind == CNN_VALUE_STATE);
}

static int64_t count_results(const cnn_program *p)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < p->n_externals; i++) {
        const cnn_value_info *value = cnn_value_at(p, p->externals[i]);
        count += is_result(value) ? cnn_count(&value->type) : 0;
    }
    return count;
}

static cnn_status read_state(cnn_session *session, const char *name, float *to, cnn_error *err)
{
    uint32_t i = 0;
    while (strcmp(cnn_session_state(session, i)->name, name) != 0)
        i++;
    return cnn_session_read_state(session, i, to, err);
}

static cnn_status read_results(cnn_session *session, cnn_runner *runner, const cnn_program *p,
                               results *r, cnn_error *err)
{
    cnn_status status = CNN_OK;
    float *to = r->numbers;
    for (uint32_t i = 0; i < p->n_externals && status == CNN_OK; i++) {
        const int32_t v = p->externals[i];
        const cnn_value_info *value = cnn_value_at(p, v);
        if (!is_result(value))
            continue;
        status = value->kind == CNN_VALUE_STATE
                     ? read_state(session, value->name, to, err)
                     : cnn_runner_output(runner, v, 0, to, (uint64_t)cnn_bytes(&value->type), err);
        to += cnn_count(&value->type);
    }
    return status;
}

/* r->numbers is malloc'd. */
static cnn_status run_sample(const cnn_stack *stack, const cnn_step *step, cnn_arena *arena,
                             results *r, cnn_error *err)
{
    cnn_placement *placement;
    cnn_runner *runner;
    cnn_session *session = cnn_session_create(stack);
    r->count = count_results(&step->program);
    r->numbers = malloc((size_t)r->count * sizeof *r->numbers);
    cnn_status status = session != NULL && r->numbers != NULL
                            ? cnn_placement_from(step, stack, arena, &placement, err)
                            : cnn_fail(err, CNN_MEMORY, "no memory for a sample");
    if (status == CNN_OK)
        status = cnn_session_compile(session, placement, SEED, 1, &runner, err);
    if (status == CNN_OK) {
        fill_inputs(step, runner);
        status = cnn_runner_run(runner, 0, err);
    }
    if (status == CNN_OK)
        status = read_results(session, runner, &step->program, r, err);
    cnn_session_destroy(session);
    return status;
}

/* The value that is furthest off. */
static cnn_distance largest_distance(const cnn_program *p, const results *a, const results *b)
{
    cnn_distance most = { 0, 0 };
    int64_t at = 0;
    for (uint32_t i = 0; i < p->n_externals; i++) {
        const cnn_value_info *value = cnn_value_at(p, p->externals[i]);
        if (!is_result(value))
            continue;
        const int64_t count = cnn_count(&value->type);
        const cnn_distance d = cnn_distance_of(a->numbers + at, b->numbers + at, count);
        if (!cnn_is_near(d, most.relative))
            most = d;
        at += count;
    }
    return most;
}

static cnn_checked check(const cnn_stack *reference, const cnn_stack *tested,
                         const cnn_sample *sample, cnn_arena *arena)
{
    cnn_checked c = { .sample = sample->name };
    results a = { NULL, 0 }, b = { NULL, 0 };
    cnn_status status = run_sample(reference, sample->step, arena, &a, &c.reason);
    if (status == CNN_OK)
        status = run_sample(tested, sample->step, arena, &b, &c.reason);
    c.verdict = status == CNN_UNSUPPORTED ? CNN_VERDICT_REFUSED : CNN_VERDICT_FAILED;
    if (status == CNN_OK) {
        c.distance = largest_distance(&sample->step->program, &a, &b);
        c.verdict =
            cnn_is_near(c.distance, CNN_SELFTEST_TOLERANCE) ? CNN_VERDICT_RIGHT : CNN_VERDICT_WRONG;
    }
    free(a.numbers);
    free(b.numbers);
    return c;
}

cnn_status cnn_selftest(cnn_registry *registry, const char *backend, cnn_checked_fn *each,
                        void *context, cnn_error *err)
{
    cnn_sample samples[CNN_MOST_SAMPLES];
    cnn_stack reference, tested;
    cnn_status status = cnn_stack_open(registry, "reference", true, &reference, err);
    if (status != CNN_OK)
        return status;
    status = cnn_stack_open(registry, backend, true, &tested, err);
    if (status == CNN_OK) {
        const uint32_t n = cnn_samples_build(registry, samples);
        for (uint32_t i = 0; i < n; i++) {
            const cnn_checked c = check(&reference, &tested, &samples[i], registry->arena);
            each(context, &c);
        }
        cnn_stack_close(&tested);
    }
    cnn_stack_close(&reference);
    return status;
}
