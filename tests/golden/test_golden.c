/* golden DIR FAMILY...: every op of a family, forward and backward on the reference backend,
 * against PyTorch's values of tests/golden (see tools/golden.py), and its gradient against finite
 * differences of its own forward pass. */
#include <math.h>
#include <stdlib.h>

#include "test.h"

#include "autodiff.h"
#include "doc.h"
#include "host_services.h"
#include "params.h"
#include "place.h"
#include "program.h"
#include "safetensors.h"
#include "session.h"

extern const cnn_plugin cnnrun_plugin; /* the reference backend */

enum { MAX_IN = 5, MAX_OUT = 3 };

/* PyTorch computed in float64 on the same float32 inputs; the reference rounds its results, and
 * those of a gradient's two or three ops, to float32 (6e-8 each). Relative to the largest
 * magnitude. */
static const double golden_tolerance = 1e-6;

/* Central differences of float32 results of size r: rounding gives about 6e-8 r sqrt(n) / h, the
 * third derivative about h * h. With h = 1/64 both stay below 2e-3 of the largest gradient. */
static const double difference_tolerance = 2e-3;
static const double h = 1.0 / 64;

typedef struct fixture {
    cnn_arena *arena;
    cnn_diags diags;
    cnn_registry registry;
    cnn_module builtin, reference;
    cnn_services *services;
    cnn_stack stack;
    cnn_session *session;
    cnn_safetensors file;
    cnn_doc *cases;
} fixture;

/* One case, built and compiled: results, loss = sum(out0 * dy), and the gradients. */
typedef struct built {
    const char *name;
    uint32_t n_in, n_out;
    cnn_value in[MAX_IN], out[MAX_OUT];
    const cnn_stored *start[MAX_IN];
    cnn_step *step;
    cnn_runner *runner;
    int32_t grads[MAX_IN]; /* index among the step's extras, or -1 */
} built;

static const cnn_stored *find(const fixture *f, const char *name, const char *what, uint32_t k)
{
    char key[128];
    (void)snprintf(key, sizeof key, "%s/%s%u", name, what, k);
    if (strcmp(what, "dy") == 0)
        (void)snprintf(key, sizeof key, "%s/dy", name);
    for (uint32_t i = 0; i < f->file.n_tensors; i++)
        if (strcmp(f->file.tensors[i].name, key) == 0)
            return &f->file.tensors[i];
    return NULL;
}

static bool open_backend(fixture *f)
{
    cnn_error err = { "", "" };
    f->services = cnn_services_create(2, f->arena);
    f->registry.arena = f->arena;
    f->registry.host = &f->services->host;
    f->builtin = (cnn_module){ .path = "", .plugin = &cnn_builtin_plugin };
    f->reference = (cnn_module){ .path = "", .plugin = &cnnrun_plugin };
    bool ok = cnn_registry_add(&f->registry, &f->builtin, &err) == CNN_OK &&
              cnn_registry_add(&f->registry, &f->reference, &err) == CNN_OK &&
              cnn_stack_open(&f->registry, "reference", false, &f->stack, &err) == CNN_OK;
    f->session = cnn_session_create(&f->stack);
    return CHECK(ok);
}

static bool open(fixture *f, const char *dir)
{
    cnn_error err = { "", "" };
    memset(f, 0, sizeof *f);
    f->arena = cnn_arena_create();
    f->diags.arena = f->arena;
    const char *path = cnn_arena_printf(f->arena, "%s/ops.safetensors", dir);
    cnn_status status = cnn_safetensors_read(path, f->arena, &f->file, &err);
    if (status != CNN_OK)
        fprintf(stderr, "%s\n", err.text);
    cnn_doc *doc =
        cnn_doc_read(cnn_arena_printf(f->arena, "%s/ops.yaml", dir), NULL, 0, f->arena, &f->diags);
    f->cases = cnn_doc_get(doc, "cases");
    return CHECK(status == CNN_OK && f->cases != NULL) && open_backend(f);
}

static void close(fixture *f)
{
    cnn_session_destroy(f->session);
    cnn_stack_close(&f->stack);
    cnn_services_destroy(f->services);
    cnn_arena_destroy(f->arena);
}

/* Float inputs are trained states, so that gradients reach them; others are constants. */
static void make_inputs(fixture *f, cnn_graph *g, built *c)
{
    for (; c->n_in < MAX_IN; c->n_in++) {
        const cnn_stored *in = find(f, c->name, "in", c->n_in);
        const cnn_init zero = { .kind = CNN_INIT_CONSTANT };
        if (in == NULL)
            break;
        c->start[c->n_in] = in;
        if (in->type.dtype != CNN_F32) {
            c->in[c->n_in] = cnn_constant(&g->builder, in->type, in->data);
            continue;
        }
        const char *name = cnn_arena_printf(f->arena, "%s.in%u", c->name, c->n_in);
        c->in[c->n_in] = cnn_graph_state(g, name, &in->type, &zero, true);
        g->states[g->n_states - 1].data = in->data;
    }
}

/* "map_tanh" and the like are single terms. */
static bool make_map(cnn_graph *g, const char *op, built *c)
{
    static const char *const terms[] = { "",      "",    "",      "neg",  "abs",     "sign",
                                         "floor", "exp", "expm1", "log",  "log1p",   "sqrt",
                                         "rsqrt", "sin", "cos",   "tanh", "sigmoid", "erf",
                                         "add",   "sub", "mul",   "div",  "pow",     "min",
                                         "max",   "lt",  "le",    "eq",   "select" };
    for (uint32_t t = CNN_TERM_NEG; t < CNN_TERM_OP_COUNT; t++)
        if (strcmp(op, terms[t]) == 0)
            c->out[0] = g->api.map(&g->builder, t, c->in[0], c->n_in > 1 ? c->in[1] : CNN_NONE,
                                   c->n_in > 2 ? c->in[2] : CNN_NONE);
    return CHECK(!g->failed && c->out[0] != CNN_NONE);
}

static bool make_op(fixture *f, cnn_graph *g, const cnn_doc *doc, built *c)
{
    const char *name = cnn_doc_get(doc, "op")->text;
    const cnn_component *op;
    if (strncmp(name, "map_", 4) == 0)
        return make_map(g, name + 4, c);
    if (!CHECK(cnn_registry_find(&f->registry, CNN_KIND_OP, name, &op, NULL) == CNN_OK))
        return false;
    const void *attrs =
        cnn_params_read(name, &op->params, op->params_size, cnn_doc_get(doc, "attrs"), doc->place,
                        NULL, f->arena, &f->diags);
    return CHECK(attrs != NULL || op->params_size == 0) &&
           CHECK(cnn_op_n(&g->builder, name, attrs, c->in, c->n_in, c->out, c->n_out) == CNN_OK);
}

static cnn_value contract(fixture *f, cnn_graph *g, const built *c)
{
    const cnn_stored *dy = find(f, c->name, "dy", 0);
    cnn_builder *b = &g->builder;
    if (dy == NULL)
        return CNN_NONE;
    cnn_value product = cnn_mul(b, c->out[0], cnn_constant(b, dy->type, dy->data));
    return cnn_reduce(b, product, CNN_REDUCE_SUM, cnn_all_axes(b, product), false);
}

static bool compile(fixture *f, built *c)
{
    cnn_error err = { "", "" };
    cnn_placement *placement;
    bool ok = cnn_placement_from(c->step, &f->stack, f->arena, &placement, &err) == CNN_OK &&
              cnn_session_compile(f->session, placement, 0, 1, &c->runner, &err) == CNN_OK;
    if (!ok)
        fprintf(stderr, "%s: %s\n", c->name, err.text);
    return CHECK(ok);
}

static bool build(fixture *f, const cnn_doc *doc, built *c)
{
    const cnn_data_shape data = { .input = cnn_type1(CNN_F32, 1) };
    cnn_graph *g = cnn_graph_create(&f->registry, &data, CNN_TRAIN, 1, f->arena, &f->diags);
    cnn_value *grads = NULL, extras[MAX_IN + MAX_OUT];
    uint32_t n = 0;
    *c = (built){ .name = cnn_doc_get(doc, "case")->text };
    c->n_out = (uint32_t)atoi(cnn_doc_get(doc, "outputs")->text);
    g->prefix = g->path = c->name;
    g->trail = "";
    make_inputs(f, g, c);
    if (!make_op(f, g, doc, c))
        return false;
    g->loss = contract(f, g, c);
    if (g->loss != CNN_NONE && !CHECK(cnn_autodiff(g, g->loss, NULL, 0, &grads)))
        return false;
    for (uint32_t k = 0; k < c->n_out; k++)
        extras[n++] = c->out[k];
    for (uint32_t k = 0; k < c->n_in; k++) {
        c->grads[k] = -1;
        if (grads == NULL || grads[c->in[k]] == CNN_NONE)
            continue;
        c->grads[k] = (int32_t)n;
        extras[n++] = grads[c->in[k]];
    }
    c->step = cnn_step_from(g, extras, n);
    return compile(f, c);
}

static double number_at(const void *data, uint32_t dtype, int64_t i)
{
    return dtype == CNN_F32 ? (double)((const float *)data)[i] : (double)((const int32_t *)data)[i];
}

/* Largest difference over the largest magnitude. */
static double compare(fixture *f, const built *c, uint32_t extra, const cnn_stored *want)
{
    int32_t value = c->step->extras[extra];
    const cnn_type *type = &cnn_value_at(&c->step->program, value)->type;
    void *got = cnn_arena_alloc(f->arena, (size_t)cnn_bytes(type));
    double error = 0, largest = 1e-30;
    if (!cnn_same_type(type, &want->type) ||
        cnn_runner_output(c->runner, value, 0, got, (uint64_t)cnn_bytes(type), NULL) != CNN_OK)
        return INFINITY;
    for (int64_t i = 0; i < cnn_count(type); i++) {
        double w = number_at(want->data, type->dtype, i), g = number_at(got, type->dtype, i);
        largest = fabs(w) > largest ? fabs(w) : largest;
        error = fabs(w - g) > error || isnan(g) != isnan(w) ? fabs(w - g) : error;
    }
    return error / largest;
}

static void report(const char *name, const char *what, uint32_t k, double error, double tolerance)
{
    bool ok = error <= tolerance;
    printf("%s %-26s %s%u %.1e\n", ok ? "ok    " : "FAILED", name, what, k, error);
    CHECK(ok);
}

static bool is_zero(const cnn_stored *t)
{
    for (int64_t i = 0; i < cnn_count(&t->type); i++)
        if (((const float *)t->data)[i] != 0)
            return false;
    return true;
}

static void check_golden(fixture *f, const built *c)
{
    for (uint32_t k = 0; k < c->n_out; k++)
        report(c->name, "out", k, compare(f, c, k, find(f, c->name, "out", k)), golden_tolerance);
    for (uint32_t k = 0; k < c->n_in; k++) {
        const cnn_stored *want = find(f, c->name, "din", k);
        if (want == NULL)
            continue;
        double none = is_zero(want) ? 0 : INFINITY; /* no gradient is a zero one */
        report(c->name, "din", k,
               c->grads[k] >= 0 ? compare(f, c, (uint32_t)c->grads[k], want) : none,
               golden_tolerance);
    }
}

static double loss_of(fixture *f, const built *c)
{
    float loss = NAN;
    (void)f;
    if (cnn_runner_run(c->runner, 0, NULL) == CNN_OK)
        (void)cnn_runner_output(c->runner, c->step->loss, 0, &loss, sizeof loss, NULL);
    return (double)loss;
}

static uint32_t state_of(const fixture *f, const built *c, uint32_t k)
{
    char name[128];
    uint32_t i = 0;
    (void)snprintf(name, sizeof name, "%s.in%u", c->name, k);
    while (i < cnn_session_states(f->session) &&
           strcmp(cnn_session_state(f->session, i)->name, name) != 0)
        i++;
    return i;
}

/* d loss / d in[k][i] by central differences, for up to 24 elements of each input. */
static void check_differences(fixture *f, const built *c, uint32_t k)
{
    const cnn_type *type = &c->start[k]->type;
    int64_t count = cnn_count(type), stride = (count + 23) / 24;
    float *x = cnn_arena_copy(f->arena, c->start[k]->data, (size_t)cnn_bytes(type));
    float *grad = cnn_arena_alloc(f->arena, (size_t)cnn_bytes(type));
    uint32_t state = state_of(f, c, k);
    double error = 0, largest = 1;
    (void)loss_of(f, c); /* at the start again */
    (void)cnn_runner_output(c->runner, c->step->extras[c->grads[k]], 0, grad,
                            (uint64_t)cnn_bytes(type), NULL);
    for (int64_t i = 0; i < count; i++)
        largest = fabs((double)grad[i]) > largest ? fabs((double)grad[i]) : largest;
    for (int64_t i = 0; i < count; i += stride) {
        float middle = x[i];
        x[i] = (float)((double)middle + h);
        (void)cnn_session_write_state(f->session, state, x, NULL);
        double above = loss_of(f, c);
        x[i] = (float)((double)middle - h);
        (void)cnn_session_write_state(f->session, state, x, NULL);
        double below = loss_of(f, c), slope = (above - below) / (2 * h);
        x[i] = middle;
        error = fabs(slope - (double)grad[i]) > error ? fabs(slope - (double)grad[i]) : error;
    }
    (void)cnn_session_write_state(f->session, state, x, NULL);
    report(c->name, "difference", k, error / largest, difference_tolerance);
}

/* Kinks (a window's winner, |x|, ties, clamps, floor) have no slope to measure. */
static bool is_smooth(const char *name)
{
    static const char *const kinks[] = { "max_pool2d", "reduce.max", "map.abs",
                                         "map.min",    "map.max",    "map.select" };
    for (size_t i = 0; i < sizeof kinks / sizeof kinks[0]; i++)
        if (strncmp(name, kinks[i], strlen(kinks[i])) == 0)
            return false;
    return true;
}

static void check_case(fixture *f, const cnn_doc *doc)
{
    built c;
    if (!build(f, doc, &c) || !CHECK(cnn_runner_run(c.runner, 0, NULL) == CNN_OK))
        return;
    check_golden(f, &c);
    for (uint32_t k = 0; k < c.n_in && is_smooth(c.name); k++)
        if (c.grads[k] >= 0 && c.start[k]->type.dtype == CNN_F32)
            check_differences(f, &c, k);
}

int main(int argc, char **argv)
{
    fixture f;
    uint32_t cases = 0;
    if (argc < 3 || !open(&f, argv[1]))
        return 1;
    for (uint32_t i = 0; i < f.cases->count; i++) {
        const char *name = cnn_doc_get(f.cases->items[i], "case")->text;
        size_t n = strlen(argv[2]);
        if (strncmp(name, argv[2], n) != 0 || name[n] != '.')
            continue;
        check_case(&f, f.cases->items[i]);
        cases++;
    }
    cnn_diags_print(&f.diags, stderr);
    close(&f);
    CHECK(cases > 0);
    printf("%u cases, %d checks, %d failures\n", cases, test_checks, test_failures);
    return test_failures == 0 ? 0 : 1;
}
