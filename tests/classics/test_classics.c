/* classics FILE PIPELINE SHAPE CLASSES [PATH=VALUE ...]: a network with the weights of formula.h on
 * one batch, against what PyTorch gave with the same ones (see tools/classics.py).
 *
 * The output is that of the network as it is. For the gradients every relu is an elu and every
 * maximum a mean, here and in PyTorch: where an input is 0 but for rounding the slope of relu may
 * be 0 or 1, where two pixels are almost equal either may win, and no two programs round alike. Of
 * each gradient the norm and three projections are compared.
 *
 * With `-` as FILE it lists the weights: name, dimensions. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "cli/cli.h"
#include "loader.h"
#include "run_internal.h"
#include "safetensors.h"

#include "formula.h"

/* cnnrun rounds weights, activations and gradients to float32 (6e-8); some hundred layers in a row
 * and sums of up to 1e5 products leave about 1e-5 of the largest output, or of the gradient. */
static const double tolerance = 1e-4;

/* A bias before a batch norm has no gradient. PyTorch's is then a rounding of float64, less than
 * the first share of the network's largest gradient, and ours one of float32, less than the second.
 */
static const double nothing = 1e-9, rounding = 1e-6;

typedef struct net {
    cnn_context context;
    cnn_run *run;
    cnn_compiled *program; /* of the mode it was opened for */
    int64_t batch;
    uint32_t seed;
} net;

typedef struct job {
    const char *golden, *pipeline;
    int64_t dims[4]; /* batch, channels, height, width */
    int64_t classes;
    char **overrides;
    int n_overrides;
    const char *backend;
} job;

/* ---- opening ---- */

static const char *smooth(const char *layer)
{
    static const char *const pairs[][2] = { { "relu", "elu" },
                                            { "relu6", "elu" },
                                            { "max_pool2d", "avg_pool2d" } };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (strcmp(layer, pairs[i][0]) == 0)
            return pairs[i][1];
    return layer;
}

/* The weights are written anyway: to draw millions of normal numbers first takes most of the time.
 */
static void start_with_zeros(const cnn_doc *init)
{
    static cnn_doc zero = { .kind = CNN_DOC_SCALAR, .text = "0" };
    for (uint32_t i = 0; i < init->count; i++)
        init->items[i] = &zero;
}

static void edit(cnn_doc *doc, bool train)
{
    if (doc->kind == CNN_DOC_SCALAR && train)
        doc->text = smooth(doc->text);
    for (uint32_t i = 0; doc->kind != CNN_DOC_SCALAR && i < doc->count; i++) {
        if (doc->kind == CNN_DOC_MAP && strcmp(doc->keys[i]->text, "init") == 0)
            start_with_zeros(doc->items[i]);
        if (doc->kind == CNN_DOC_MAP)
            edit(doc->keys[i], train);
        edit(doc->items[i], train);
    }
}

static cnn_status open_pipeline(const job *todo, bool train, net *n)
{
    cnn_context *c = &n->context;
    char **argv = CNN_NEW_ARRAY(c->arena, char *, todo->n_overrides + 16);
    int argc = 0;
    argv[argc++] = "cnnrun";
    argv[argc++] = "train";
    argv[argc++] = (char *)(uintptr_t)todo->pipeline;
    argv[argc++] =
        cnn_arena_printf(c->arena,
                         "data.source={synthetic: {classes: %" PRId64 ", channels: %" PRId64
                         ", height: %" PRId64 ", width: %" PRId64 ", train: 16, test: 16}}",
                         todo->classes, todo->dims[1], todo->dims[2], todo->dims[3]);
    argv[argc++] = "train.optimizer={sgd: {lr: 0.1, momentum: 0.9}}";
    argv[argc++] = "data.augment=[]";
    argv[argc++] = "output.dir=";
    argv[argc++] = "fallback=forbid";
    argv[argc++] = cnn_arena_printf(c->arena, "backend=%s", todo->backend);
    for (int i = 0; i < todo->n_overrides; i++)
        argv[argc++] = todo->overrides[i];
    cnn_status status = cnn_command_parse(argc, argv, c->arena, &c->command, &c->err);
    if (status == CNN_OK)
        status = cnn_context_doc(c);
    if (status == CNN_OK)
        edit(c->doc, train);
    return status == CNN_OK ? cnn_context_config(c) : status;
}

/* Prediction first: its states come in the order of the layers. */
static cnn_status compile(net *n, uint32_t mode)
{
    cnn_context *c = &n->context;
    cnn_compiled *predict;
    uint32_t modes = 1u << CNN_PREDICT | 1u << mode;
    cnn_status status =
        cnn_run_open(c->config, &c->registry, modes, c->arena, &c->diags, &n->run, &c->err);
    if (status == CNN_OK)
        status = cnn_run_program(n->run, CNN_PREDICT, n->batch, &predict, &c->err);
    return status == CNN_OK ? cnn_run_program(n->run, mode, n->batch, &n->program, &c->err)
                            : status;
}

static bool open_net(const job *todo, uint32_t mode, uint32_t seed, net *n)
{
    *n = (net){ .batch = todo->dims[0], .seed = seed };
    n->context.arena = cnn_arena_create();
    n->context.diags.arena = n->context.arena;
    n->context.registry.arena = n->context.arena;
    cnn_status status = open_pipeline(todo, mode == CNN_TRAIN, n);
    if (status == CNN_OK)
        status = compile(n, mode);
    if (status != CNN_OK) {
        cnn_diags_print(&n->context.diags, stderr);
        (void)fprintf(stderr, "%s: %s\n", todo->pipeline, n->context.err.text);
    }
    return CHECK(status == CNN_OK);
}

static void close_net(net *n)
{
    cnn_run_close(n->run);
    cnn_context_close(&n->context);
}

/* ---- weights ---- */

/* States of the model; those of the optimizer have its name in front. */
static bool is_model(const cnn_state_info *state)
{
    return state->type.dtype == CNN_F32 && strncmp(state->name, "sgd.", 4) != 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Filters even up to sqrt(6 / fan_in), which keeps the size of what goes through them and a relu;
 * factors and variances around 1, biases and means around 0. */
static void number_range(const cnn_state_info *state, double *middle, double *radius)
{
    const cnn_type *t = &state->type;
    bool factor = ends_with(state->name, ".weight") || ends_with(state->name, ".running_var");
    *middle = t->rank == 1 && factor ? 1 : 0;
    *radius = t->rank > 1 ? sqrt(6 / (double)cnn_span(t, 1, t->rank)) : 0.25;
}

static bool write_weights(net *n)
{
    cnn_session *session = n->run->session;
    uint32_t k = 0;
    cnn_status status = CNN_OK;
    for (uint32_t s = 0; s < cnn_session_states(session) && status == CNN_OK; s++) {
        const cnn_state_info *state = cnn_session_state(session, s);
        uint32_t count = (uint32_t)cnn_count(&state->type);
        double middle, radius;
        if (!is_model(state))
            continue;
        float *v = malloc(count * sizeof *v);
        if (v == NULL)
            return CHECK(v != NULL);
        uint32_t stream = formula_stream(n->seed, 4 * k++);
        number_range(state, &middle, &radius);
        for (uint32_t i = 0; i < count; i++)
            v[i] = (float)(middle + radius * formula_unit(stream, i));
        status = cnn_session_write_state(session, s, v, &n->context.err);
        free(v);
    }
    return CHECK(status == CNN_OK);
}

static void write_batch(net *n, int64_t classes)
{
    const cnn_step *step = n->program->step;
    float *x = cnn_runner_input(n->program->runner, step->input, 0);
    uint32_t count = (uint32_t)cnn_count(&cnn_value_at(&step->program, step->input)->type);
    uint32_t stream = formula_stream(n->seed, FORMULA_IMAGES);
    for (uint32_t i = 0; i < count; i++)
        x[i] = (float)(2 * formula_unit(stream, i));
    if (step->target < 0)
        return;
    int32_t *target = cnn_runner_input(n->program->runner, step->target, 0);
    for (int64_t i = 0; i < n->batch; i++)
        target[i] = (int32_t)((7 * i + 3) % classes);
}

static bool run_batch(net *n, int64_t classes)
{
    cnn_error *err = &n->context.err;
    if (!write_weights(n))
        return false;
    write_batch(n, classes);
    if (n->program->mode == CNN_TRAIN)
        cnn_run_write_scalars(n->run, n->program, 0, 0, 0.1);
    return CHECK(cnn_runner_run(n->program->runner, 0, err) == CNN_OK) &&
           CHECK(cnn_session_wait(n->run->session, err) == CNN_OK);
}

/* ---- comparing ---- */

static const cnn_stored *find(const cnn_safetensors *file, const char *name)
{
    for (uint32_t i = 0; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

static void report(const char *what, double error)
{
    bool ok = error <= tolerance;
    if (!ok || strchr(what, '.') == NULL) /* of the weights only those that are wrong */
        printf("%s %-40s %.1e\n", ok ? "ok    " : "FAILED", what, error);
    test_failures += ok ? 0 : 1;
    test_checks++;
}

/* A value of the program against a stored tensor: the largest difference over the largest number.
 */
static void compare_value(net *n, int32_t value, const cnn_stored *want, const char *what)
{
    const cnn_type *type = &cnn_value_at(&n->program->step->program, value)->type;
    uint64_t bytes = (uint64_t)cnn_bytes(type);
    float *got = cnn_arena_alloc(n->context.arena, (size_t)bytes);
    double error = 0, largest = 0;
    if (!CHECK(cnn_count(type) == cnn_count(&want->type)) ||
        !CHECK(cnn_runner_output(n->program->runner, value, 0, got, bytes, NULL) == CNN_OK))
        return;
    for (int64_t i = 0; i < cnn_count(type); i++) {
        double w = (double)((const float *)want->data)[i], d = fabs(w - (double)got[i]);
        largest = fmax(largest, fabs(w));
        error = isnan(d) || d > error ? d : error;
    }
    report(what, error / largest);
}

static float *gradient_of(net *n, const cnn_state_info *weight)
{
    cnn_session *session = n->run->session;
    char name[512]; /* the first momentum is the gradient */
    (void)snprintf(name, sizeof name, "sgd.%s.momentum_buffer", weight->name);
    float *v = malloc((size_t)cnn_bytes(&weight->type));
    for (uint32_t s = 0; v != NULL && s < cnn_session_states(session); s++)
        if (strcmp(cnn_session_state(session, s)->name, name) == 0 &&
            cnn_session_read_state(session, s, v, NULL) == CNN_OK)
            return v;
    free(v);
    return NULL;
}

/* Norm and projections onto directions of +1 and -1. */
static void measure(const float *v, uint32_t count, uint32_t seed, uint32_t k,
                    double out[1 + FORMULA_DIRECTIONS])
{
    double squares = 0;
    for (uint32_t i = 0; i < count; i++)
        squares += (double)v[i] * (double)v[i];
    out[0] = sqrt(squares);
    for (uint32_t d = 1; d <= FORMULA_DIRECTIONS; d++) {
        uint32_t stream = formula_stream(seed, 4 * k + d);
        out[d] = 0;
        for (uint32_t i = 0; i < count; i++)
            out[d] += formula_sign(stream, i) * (double)v[i];
    }
}

static double largest_norm(const cnn_stored *want)
{
    double largest = 0;
    for (int64_t i = 0; i < want->type.dim[0]; i++)
        largest = fmax(largest, (double)((const float *)want->data)[i * want->type.dim[1]]);
    return largest;
}

static void compare_gradients(net *n, const cnn_stored *want)
{
    cnn_session *session = n->run->session;
    const float *row = want->data;
    double largest = largest_norm(want);
    double worst = 0;
    uint32_t k = 0, compared = 0;
    for (uint32_t s = 0; s < cnn_session_states(session); s++) {
        const cnn_state_info *state = cnn_session_state(session, s);
        double got[1 + FORMULA_DIRECTIONS], error = 0;
        if (!is_model(state))
            continue;
        uint32_t at = k++;
        if (!state->trained)
            continue;
        float *v = gradient_of(n, state);
        if (!CHECK(v != NULL) || !CHECK(compared++ < (uint32_t)want->type.dim[0]))
            return;
        measure(v, (uint32_t)cnn_count(&state->type), n->seed, at, got);
        free(v);
        for (int i = 0; i <= FORMULA_DIRECTIONS; i++) {
            double d = fabs(got[i] - (double)row[i]);
            error = isnan(d) || d > error ? d : error;
        }
        bool none = (double)row[0] <= nothing * largest;
        error /= none ? largest * rounding / tolerance : (double)row[0];
        worst = fmax(worst, error);
        report(state->name, error);
        row += 1 + FORMULA_DIRECTIONS;
    }
    CHECK(compared == (uint32_t)want->type.dim[0]);
    report("gradients", worst);
}

/* ---- the program ---- */

static void list_weights(const job *todo)
{
    net n;
    if (open_net(todo, CNN_PREDICT, 0, &n))
        for (uint32_t s = 0; s < cnn_session_states(n.run->session); s++) {
            const cnn_state_info *state = cnn_session_state(n.run->session, s);
            printf("%s", state->name);
            for (uint32_t i = 0; i < state->type.rank; i++)
                printf(" %" PRId64, state->type.dim[i]);
            printf("\n");
        }
    close_net(&n);
}

static void check(const job *todo)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_safetensors golden;
    cnn_error err;
    net n;
    if (CHECK(cnn_safetensors_read(todo->golden, arena, &golden, &err) == CNN_OK) &&
        CHECK(golden.n_meta > 0)) {
        const cnn_stored *output = find(&golden, "output"), *loss = find(&golden, "loss");
        const cnn_stored *gradients = find(&golden, "gradients");
        uint32_t seed = 0;
        for (uint32_t i = 0; i < golden.n_meta; i++)
            if (strcmp(golden.meta[i].key, "seed") == 0)
                seed = (uint32_t)strtoul(golden.meta[i].value, NULL, 10);
        if (open_net(todo, CNN_PREDICT, seed, &n) && run_batch(&n, todo->classes))
            compare_value(&n, n.program->step->output, output, "output");
        close_net(&n);
        if (open_net(todo, CNN_TRAIN, seed, &n) && run_batch(&n, todo->classes)) {
            compare_value(&n, n.program->step->loss, loss, "loss");
            compare_gradients(&n, gradients);
        }
        close_net(&n);
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    cnn_arena_destroy(arena);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--examine") == 0)
        return cnn_examine_main(argv[2], atoi(argv[3]));
    const char *backend = getenv("CNN_TEST_BACKEND");
    job todo = { .backend = backend != NULL ? backend : "cpu" };
    if (argc < 5 || sscanf(argv[3], "%" SCNd64 "x%" SCNd64 "x%" SCNd64 "x%" SCNd64, &todo.dims[0],
                           &todo.dims[1], &todo.dims[2], &todo.dims[3]) != 4)
        return 2;
    todo.golden = argv[1];
    todo.pipeline = argv[2];
    todo.classes = strtoll(argv[4], NULL, 10);
    todo.overrides = argv + 5;
    todo.n_overrides = argc - 5;
    if (strcmp(todo.golden, "-") == 0)
        list_weights(&todo);
    else
        check(&todo);
    if (test_failures > 0 || todo.golden[0] != '-')
        printf("%d checks, %d failures\n", test_checks, test_failures);
    return test_failures == 0 ? 0 : 1;
}
