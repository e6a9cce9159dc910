/* Updates: clipping as torch has it, the optimizer's names and numbers, and the guard. */
#include "update.h"

#include "autodiff.h"
#include "toy.h"

/* buffer := scalars[1] buffer + gradient; weight -= scalars[0] buffer */
static void toy_update(cnn_builder *b, const void *params, cnn_value weight, cnn_value gradient,
                       const cnn_value *scalars)
{
    (void)params;
    cnn_value buffer = cnn_state(b, "buffer", *cnn_type_of(b, weight), 0);
    cnn_value next = cnn_add(b, cnn_mul(b, buffer, scalars[1]), gradient);
    cnn_assign(b, buffer, next);
    cnn_assign(b, weight, cnn_sub(b, weight, cnn_mul(b, next, scalars[0])));
}

static const cnn_optimizer optimizer = {
    .c = CNN_COMPONENT(cnn_optimizer, "rest", 0, CNN_NO_PARAMS, "An optimizer.", "rest"),
    .n_scalars = 2,
    .update = toy_update,
};

typedef struct fixture {
    toy t;
    cnn_config config;
    cnn_value w, v, frozen, mean; /* v does not lead to the loss */
    cnn_value *grads;
    cnn_step *step;
    void **bindings;
} fixture;

/* loss = mean(x * w * frozen), so that d loss / d w is the column means of x * frozen; a running
 * mean of x is assigned in the forward pass. */
static void open(fixture *f, double clip)
{
    toy *t = &f->t;
    memset(f, 0, sizeof *f);
    toy_open(t, CNN_TRAIN, NULL);
    f->config.train.optimizer.component = &optimizer.c;
    f->config.train.clip_grad_norm = clip;
    f->w = toy_weight(t, "w", cnn_type1(CNN_F32, 6));
    f->v = toy_weight(t, "v", cnn_type1(CNN_F32, 6));
    f->frozen = toy_weight(t, "frozen", cnn_type1(CNN_F32, 6));
    t->graph->states[2].frozen = true;
    f->mean = cnn_state(t->b, "mean", cnn_type1(CNN_F32, 6), 0);
    cnn_value batch = cnn_reduce(t->b, t->x, CNN_REDUCE_MEAN, 1, false);
    cnn_assign(t->b, f->mean, cnn_scale(t->b, cnn_add(t->b, f->mean, batch), 0.5));
    cnn_value y = cnn_mul(t->b, cnn_mul(t->b, t->x, f->w), f->frozen);
    t->graph->phase = CNN_PHASE_LOSS;
    t->graph->loss = toy_mean(t, y);
    uint32_t n_grads = t->graph->n_values;
    CHECK(cnn_autodiff(t->graph, t->graph->loss, NULL, 0, &f->grads));
    CHECK(cnn_update(t->graph, &f->config, f->grads, n_grads));
    f->step = cnn_step_from(t->graph, NULL, 0);
    f->bindings = toy_bindings(t, &f->step->program);
}

static void close(fixture *f)
{
    toy_close(&f->t);
}

/* The bound numbers of a graph's value. */
static float *bound(fixture *f, cnn_value v)
{
    return toy_bound(&f->step->program, f->bindings, f->step->map[v]);
}

static cnn_value named(const fixture *f, const char *name)
{
    for (uint32_t v = 0; v < f->t.graph->n_values; v++)
        if (strcmp(f->t.graph->values[v].name, name) == 0)
            return (cnn_value)v;
    CHECK_STR("no value of that name", name);
    return 0;
}

static void run(fixture *f)
{
    toy_execute(&f->step->program, f->bindings);
}

/* d loss / d w by hand. */
static void gradient(fixture *f, double *out)
{
    const float *x = bound(f, f->t.x), *frozen = bound(f, f->frozen);
    for (int c = 0; c < 6; c++) {
        out[c] = 0;
        for (int n = 0; n < 4; n++)
            out[c] += (double)x[n * 6 + c] * (double)frozen[c] / 24;
    }
}

static void names_tell_whose_a_state_or_number_is(void)
{
    fixture f;
    open(&f, 0);
    const cnn_graph *g = f.t.graph;
    CHECK_STR(g->values[g->scalars[0]].name, "optimizer.lr");
    CHECK_STR(g->values[g->scalars[1]].name, "optimizer.1");
    CHECK_INT(g->values[g->scalars[1]].type.rank, 0);
    CHECK_INT(g->values[g->scalars[1]].kind, CNN_VALUE_INPUT);
    CHECK_INT(g->scalars[2], CNN_NONE);
    CHECK_INT(g->n_states, 5);
    CHECK_STR(g->values[g->states[4].value].name, "rest.0.w.buffer");
    CHECK(!g->values[g->states[4].value].trained);
    CHECK(f.step->scalars[0] >= 0 && f.step->scalars[1] >= 0);
    CHECK_INT(f.step->scalars[2], -1);
    close(&f);
}

static void only_trained_weights_that_lead_to_the_loss_are_updated(void)
{
    fixture f;
    open(&f, 0);
    CHECK_INT(toy_count(&f.step->program, "assign"), 3); /* w, its buffer, the running mean */
    for (uint32_t i = 0; i < f.t.graph->n_assigns; i++) {
        CHECK(f.t.graph->assigns[i].state != f.v);
        CHECK(f.t.graph->assigns[i].state != f.frozen);
    }
    close(&f);
}

static void a_step_is_what_the_formulas_say(void)
{
    fixture f;
    double g[6], w[6], buffer[6];
    open(&f, 0);
    cnn_value rest = named(&f, "rest.0.w.buffer");
    *bound(&f, f.t.graph->scalars[0]) = 0.5f;
    *bound(&f, f.t.graph->scalars[1]) = 0.25f;
    gradient(&f, g);
    for (int c = 0; c < 6; c++) {
        buffer[c] = 0.25 * (double)bound(&f, rest)[c] + g[c];
        w[c] = (double)bound(&f, f.w)[c] - 0.5 * buffer[c];
    }
    run(&f);
    for (int c = 0; c < 6; c++) {
        CHECK_NEAR((double)bound(&f, rest)[c], buffer[c], 1e-6);
        CHECK_NEAR((double)bound(&f, f.w)[c], w[c], 1e-6);
    }
    close(&f);
}

/* The gradient that reached the optimizer: buffer of a step from a buffer of zeros. */
static double clipped_norm(double clip, double *before)
{
    fixture f;
    double g[6], square = 0, norm = 0;
    open(&f, clip);
    float *rest = bound(&f, named(&f, "rest.0.w.buffer"));
    gradient(&f, g);
    for (int c = 0; c < 6; c++) {
        rest[c] = 0;
        norm += g[c] * g[c];
    }
    run(&f);
    for (int c = 0; c < 6; c++)
        square += (double)rest[c] * (double)rest[c];
    *before = sqrt(norm);
    close(&f);
    return sqrt(square);
}

static void long_gradients_are_clipped_as_torch_clips(void)
{
    double before, after = clipped_norm(0.05, &before);
    CHECK(before > 0.06);
    CHECK_NEAR(after, before * 0.05 / (before + 1e-6), 1e-7);
}

static void short_gradients_are_left_alone(void)
{
    double before, after = clipped_norm(100, &before);
    CHECK_NEAR(after, before, 1e-7);
}

/* Runs a step whose loss is `x` times infinity or so, and compares all states. */
static void check_unchanged(float poison)
{
    fixture f;
    float old[5][6];
    open(&f, 0);
    const cnn_graph *g = f.t.graph;
    bound(&f, f.t.x)[3] = poison;
    for (uint32_t i = 0; i < 5; i++)
        memcpy(old[i], bound(&f, g->states[i].value), sizeof old[i]);
    run(&f);
    CHECK(!isfinite(*toy_bound(&f.step->program, f.bindings, f.step->loss)));
    for (uint32_t i = 0; i < 5; i++)
        CHECK(memcmp(old[i], bound(&f, g->states[i].value), sizeof old[i]) == 0);
    close(&f);
}

static void a_step_whose_loss_is_not_finite_changes_nothing(void)
{
    check_unchanged(INFINITY);
    check_unchanged(-INFINITY);
    check_unchanged(NAN);
}

static void running_statistics_move_with_a_good_step(void)
{
    fixture f;
    double want[6];
    open(&f, 0);
    for (int c = 0; c < 6; c++) {
        want[c] = (double)bound(&f, f.mean)[c];
        for (int n = 0; n < 4; n++)
            want[c] += (double)bound(&f, f.t.x)[n * 6 + c] / 4;
    }
    run(&f);
    for (int c = 0; c < 6; c++)
        CHECK_NEAR((double)bound(&f, f.mean)[c], want[c] / 2, 1e-6);
    close(&f);
}

static void every_assignment_is_in_the_update_phase(void)
{
    fixture f;
    open(&f, 0);
    const cnn_program *p = &f.step->program;
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        bool assign = strcmp(cnn_node_at(p, n)->op->c.name, "assign") == 0;
        CHECK(!assign || cnn_node_at(p, n)->phase == CNN_PHASE_UPDATE);
        CHECK((cnn_node_at(p, n)->phase == CNN_PHASE_UPDATE) == (n >= p->update_begin));
        bool theirs = strncmp(cnn_node_at(p, n)->layer, "rest.", 5) == 0 ||
                      strcmp(cnn_node_at(p, n)->layer, "guard") == 0;
        CHECK(!theirs || n >= p->update_begin);
    }
    close(&f);
}

/* A state that is asked for is copied, by a node that was written in whatever phase. */
static void phases_never_decrease_whatever_is_asked_for(void)
{
    fixture f;
    open(&f, 1);
    f.t.graph->phase = CNN_PHASE_LOSS;
    const cnn_program *p = &cnn_step_from(f.t.graph, &f.w, 1)->program;
    for (uint32_t n = 1; n < p->n_nodes; n++)
        CHECK(cnn_node_at(p, n)->phase >= cnn_node_at(p, n - 1)->phase);
    close(&f);
}

int main(void)
{
    return RUN_TESTS(
        TEST(names_tell_whose_a_state_or_number_is),
        TEST(only_trained_weights_that_lead_to_the_loss_are_updated),
        TEST(a_step_is_what_the_formulas_say), TEST(long_gradients_are_clipped_as_torch_clips),
        TEST(short_gradients_are_left_alone), TEST(a_step_whose_loss_is_not_finite_changes_nothing),
        TEST(running_statistics_move_with_a_good_step),
        TEST(every_assignment_is_in_the_update_phase),
        TEST(phases_never_decrease_whatever_is_asked_for));
}
