/* Composition: which maps move into their readers, and that it never changes a result. */
#include "toy.h"

static const cnn_program *frozen(toy *t, cnn_value out)
{
    CHECK(!t->graph->failed);
    return &toy_freeze(t, &out, 1)->program;
}

static const cnn_node *node_at(const cnn_program *p, uint32_t n)
{
    CHECK(n < p->n_nodes);
    return cnn_node_at(p, n < p->n_nodes ? n : 0);
}

static const cnn_map_attrs *map_at(const cnn_program *p, uint32_t n)
{
    CHECK_STR(node_at(p, n)->op->c.name, "map");
    return node_at(p, n)->attrs;
}

/* e^v - tanh(2 v): more terms than are computed again. */
static cnn_value expensive(toy *t, cnn_value v)
{
    return cnn_sub(t->b, cnn_exp(t->b, v), cnn_tanh(t->b, cnn_scale(t->b, v, 2)));
}

static void a_bias_and_its_activation_are_one_map(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value y = cnn_add(t.b, t.x, toy_weight(&t, "bias", cnn_type1(CNN_F32, 6)));
    cnn_value relu = cnn_select(t.b, cnn_le(t.b, y, cnn_number(t.b, 0)), cnn_number(t.b, 0), y);
    const cnn_program *p = frozen(&t, relu);
    CHECK_INT(p->n_nodes, 1);
    CHECK_INT(node_at(p, 0)->n_in, 2);
    toy_close(&t);
}

static void numbers_are_part_of_the_maps_that_use_them(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value half = cnn_number(t.b, 0.5);
    cnn_value sum = cnn_reduce(t.b, cnn_mul(t.b, t.x, half), CNN_REDUCE_SUM, 2, true);
    const cnn_program *p = frozen(&t, cnn_mul(t.b, cnn_add(t.b, t.x, sum), half));
    CHECK_INT(p->n_nodes, 3);
    CHECK_INT(node_at(p, 0)->n_in, 1);
    CHECK_INT(node_at(p, 2)->n_in, 2);
    toy_close(&t);
}

static void a_cheap_map_of_fewer_elements_is_computed_again_for_each(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value v = toy_weight(&t, "v", cnn_type1(CNN_F32, 6));
    const cnn_program *p = frozen(&t, cnn_mul(t.b, t.x, cnn_rsqrt(t.b, v)));
    CHECK_INT(p->n_nodes, 1);
    toy_close(&t);
}

static void an_expensive_map_of_fewer_elements_is_not(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value v = toy_weight(&t, "v", cnn_type1(CNN_F32, 6));
    const cnn_program *p = frozen(&t, cnn_mul(t.b, t.x, expensive(&t, v)));
    CHECK_INT(p->n_nodes, 2);
    CHECK_INT(cnn_value_at(p, node_at(p, 0)->out[0])->type.rank, 1);
    toy_close(&t);
}

static void the_composed_map_has_the_shape_of_the_reader(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value column = toy_weight(&t, "c", cnn_type2(CNN_F32, 4, 1));
    cnn_value row = toy_weight(&t, "r", cnn_type1(CNN_F32, 6));
    const cnn_program *p = frozen(&t, cnn_add(t.b, cnn_neg(t.b, row), cnn_neg(t.b, column)));
    CHECK_INT(p->n_nodes, 1);
    CHECK_INT(map_at(p, 0)->dims.count, 2);
    CHECK_INT(map_at(p, 0)->dims.v[0], 4);
    CHECK_INT(map_at(p, 0)->dims.v[1], 6);
    toy_close(&t);
}

static void maps_of_two_phases_stay_apart(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value y = cnn_exp(t.b, t.x);
    t.graph->phase = CNN_PHASE_BACKWARD;
    const cnn_program *p = frozen(&t, cnn_scale(t.b, y, 3));
    CHECK_INT(p->n_nodes, 2);
    toy_close(&t);
}

static void maps_of_two_backends_stay_apart(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    t.graph->backend = "cpu";
    cnn_value y = cnn_exp(t.b, t.x);
    t.graph->backend = NULL;
    const cnn_program *p = frozen(&t, cnn_scale(t.b, y, 3));
    CHECK_INT(p->n_nodes, 2);
    CHECK_STR(node_at(p, 0)->backend, "cpu");
    toy_close(&t);
}

static void a_value_that_is_asked_for_is_kept(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value y = cnn_exp(t.b, t.x);
    cnn_value both[2] = { cnn_scale(t.b, y, 3), y };
    const cnn_step *step = toy_freeze(&t, both, 2);
    CHECK_INT(step->program.n_nodes, 2);
    CHECK_INT(cnn_value_at(&step->program, step->extras[1])->kind, CNN_VALUE_OUTPUT);
    CHECK_INT(node_at(&step->program, 1)->in[0], step->extras[1]); /* not computed again */
    toy_close(&t);
}

static void a_number_stays_one_when_it_is_reshaped(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    const int64_t dims[2] = { 1, 1 };
    cnn_value two = cnn_reshape(t.b, cnn_number(t.b, 2), 2, dims);
    const cnn_program *p = frozen(&t, cnn_mul(t.b, t.x, two));
    CHECK_INT(p->n_nodes, 1);
    CHECK_INT(node_at(p, 0)->n_in, 1);
    toy_close(&t);
}

/* k * (a - b), or what `swap` and `rows` make of it. */
static cnn_value scaled_difference(toy *t, cnn_value a, cnn_value b, double k, bool swap,
                                   int64_t rows)
{
    const cnn_term terms[] = { { CNN_TERM_INPUT, 0, -1, -1, 0 },
                               { CNN_TERM_INPUT, 1, -1, -1, 0 },
                               { CNN_TERM_SUB, swap ? 1 : 0, swap ? 0 : 1, -1, 0 },
                               { CNN_TERM_CONST, -1, -1, -1, k },
                               { CNN_TERM_MUL, 3, 2, -1, 0 } };
    const int64_t dims[2] = { rows, 6 };
    const cnn_map_attrs attrs = { { 5, terms }, { 2, -1, dims } };
    const cnn_value in[2] = { a, b };
    return cnn_op1(t->b, "map", &attrs, in, 2);
}

static void only_maps_that_are_equal_in_everything_are_merged(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value a = toy_weight(&t, "a", cnn_type1(CNN_F32, 6));
    cnn_value b = toy_weight(&t, "b", cnn_type1(CNN_F32, 6));
    cnn_value all[6] = { scaled_difference(&t, a, b, 2, false, 1),
                         scaled_difference(&t, a, b, 2, false, 1), /* the only double */
                         scaled_difference(&t, a, b, 3, false, 1),
                         scaled_difference(&t, a, b, 2, true, 1),
                         scaled_difference(&t, b, a, 2, false, 1),
                         scaled_difference(&t, a, b, 2, false, 4) };
    const cnn_program *p = frozen(&t, cnn_concat(t.b, all, 6, 0));
    CHECK_INT(toy_count(p, "map"), 5);
    const cnn_node *concat = node_at(p, p->n_nodes - 1);
    CHECK_INT(concat->in[0], concat->in[1]);
    toy_close(&t);
}

/* Sums of many weights: every map stays within `inputs` and `terms`. */
static void check_limits(uint32_t mode, uint32_t inputs, uint32_t terms)
{
    toy t;
    toy_open(&t, mode, NULL);
    cnn_value y = t.x;
    for (int i = 0; i < 40; i++)
        y = cnn_add(t.b, cnn_tanh(t.b, y),
                    toy_weight(&t, cnn_arena_printf(t.arena, "w%d", i), cnn_type1(CNN_F32, 6)));
    for (int i = 0; i < 200; i++)
        y = cnn_sin(t.b, y);
    bool *keep = CNN_NEW_ARRAY(t.arena, bool, t.graph->n_values);
    keep[y] = true;
    cnn_compose(t.graph, keep);
    uint32_t most_inputs = 0, most_terms = 0;
    for (uint32_t n = 0; n < t.graph->n_nodes; n++) {
        const cnn_node *node = &t.graph->nodes[n];
        uint32_t count = node->n_in > 0 ? ((const cnn_map_attrs *)node->attrs)->expr.count : 0;
        most_inputs = node->n_in > most_inputs ? node->n_in : most_inputs;
        most_terms = count > most_terms ? count : most_terms;
    }
    CHECK(most_inputs <= inputs);
    CHECK(most_inputs >= inputs / 2 - 1);
    CHECK(most_terms <= terms);
    CHECK(most_terms >= terms / 2);
    toy_close(&t);
}

static void maps_do_not_grow_without_limit(void)
{
    check_limits(CNN_PREDICT, 16, 128);
}

static void what_will_be_differentiated_stays_smaller(void)
{
    check_limits(CNN_TRAIN, 16, 24);
}

/* One number a sample, spread over the columns: each row of the grid has all samples, and so does a
 * map into which it moves. */
static void a_composed_map_knows_how_it_treats_samples(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    const int64_t flat[1] = { 4 };
    cnn_value each = cnn_reduce(t.b, t.x, CNN_REDUCE_SUM, 2, true); /* [4, 1], a sample each */
    cnn_value row = cnn_reshape(t.b, each, 1, flat);                /* [4]: still samples */
    cnn_value grid = cnn_expand(t.b, row, cnn_type2(CNN_F32, 4, 4));
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 4));
    const cnn_program *p = frozen(&t, cnn_mul(t.b, grid, w));
    const cnn_node *map = node_at(p, p->n_nodes - 1);
    CHECK_STR(map->op->c.name, "map");
    CHECK_INT(map->n_in, 2);
    CHECK_INT(map->batch_role, CNN_BATCH_COUPLED);
    toy_close(&t);
}

/* ---- random graphs ---- */

enum { RANDOM_VALUES = 40, RANDOM_GRAPHS = 150 };

static uint32_t draw(cnn_rng *r, uint32_t n)
{
    return cnn_rng_below(r, n);
}

static cnn_value random_leaf(toy *t, cnn_rng *r, int i)
{
    const cnn_type shapes[] = { cnn_type2(CNN_F32, 4, 6), cnn_type1(CNN_F32, 6),
                                cnn_type2(CNN_F32, 1, 6), cnn_type2(CNN_F32, 4, 1),
                                cnn_scalar_type(CNN_F32), cnn_type1(CNN_F32, 1) };
    return toy_weight(t, cnn_arena_printf(t->arena, "w%d", i), shapes[draw(r, 6)]);
}

/* Bounded, so that rounding does not grow. */
static cnn_value random_node(toy *t, cnn_rng *r, const cnn_value *v, uint32_t n)
{
    cnn_builder *b = t->b;
    cnn_value x = v[draw(r, n)], y = v[draw(r, n)], z = v[draw(r, n)];
    const cnn_type *type = cnn_type_of(b, x);
    switch (draw(r, 10)) {
    case 0:
        return cnn_tanh(b, x);
    case 1:
        return cnn_offset(b, cnn_scale(b, x, 0.5), 0.25);
    case 2:
        return cnn_tanh(b, cnn_mul(b, x, y));
    case 3:
        return cnn_select(b, cnn_lt(b, x, cnn_number(b, 0.3)), y, z);
    case 4:
        return type->rank == 2 ? cnn_reduce(b, x, CNN_REDUCE_MEAN, 1 + draw(r, 2), true)
                               : cnn_neg(b, x);
    case 5:
        return cnn_reshape(b, x, type->rank, type->dim);
    case 6:
        return cnn_max(b, x, y);
    case 7:
        return cnn_scale(b, cnn_sub(b, x, y), 0.5);
    default:
        return cnn_scale(b, cnn_add(b, x, y), 0.5);
    }
}

/* The last value of a random graph; with `all`, every value is an output, so that nothing can be
 * composed and nothing shares memory. */
static void run_random(uint64_t seed, bool all, float *out, uint32_t *n_nodes)
{
    toy t;
    cnn_value v[RANDOM_VALUES];
    cnn_rng r = cnn_rng_at(seed, CNN_RNG_DATA, 0, 0);
    toy_open(&t, CNN_PREDICT, NULL);
    v[0] = t.x;
    for (int i = 1; i < 6; i++)
        v[i] = random_leaf(&t, &r, i);
    for (uint32_t i = 6; i < RANDOM_VALUES; i++)
        v[i] = random_node(&t, &r, v, i);
    cnn_value sum = cnn_add(t.b, t.x, v[RANDOM_VALUES - 1]);
    for (uint32_t i = RANDOM_VALUES - 6; i < RANDOM_VALUES - 1; i++)
        sum = cnn_add(t.b, sum, v[i]);
    cnn_value *values = CNN_NEW_ARRAY(t.arena, cnn_value, t.graph->n_values + 1);
    uint32_t n = 0;
    values[n++] = sum;
    for (uint32_t i = 0; all && i < t.graph->n_values; i++)
        if (t.graph->values[i].kind == CNN_VALUE_TEMP && (cnn_value)i != sum)
            values[n++] = (cnn_value)i;
    CHECK(!t.graph->failed);
    cnn_step *step = toy_freeze(&t, values, n);
    void **bindings = toy_bindings(&t, &step->program);
    toy_execute(&step->program, bindings);
    memcpy(out, toy_bound(&step->program, bindings, step->extras[0]), 24 * sizeof *out);
    *n_nodes = step->program.n_nodes;
    toy_close(&t);
}

static void random_graphs_give_the_same_composed_or_not(void)
{
    uint32_t fewer = 0;
    for (uint64_t seed = 0; seed < RANDOM_GRAPHS; seed++) {
        float composed[24], plain[24];
        uint32_t n_composed, n_plain;
        double worst = 0;
        run_random(seed, false, composed, &n_composed);
        run_random(seed, true, plain, &n_plain);
        for (int i = 0; i < 24; i++)
            worst = fmax(worst, fabs((double)composed[i] - (double)plain[i]));
        CHECK_NEAR(worst, 0, 1e-5);
        fewer += n_composed < n_plain / 2;
    }
    CHECK(fewer > RANDOM_GRAPHS / 2);
}

int main(void)
{
    return RUN_TESTS(
        TEST(a_bias_and_its_activation_are_one_map),
        TEST(numbers_are_part_of_the_maps_that_use_them),
        TEST(a_cheap_map_of_fewer_elements_is_computed_again_for_each),
        TEST(an_expensive_map_of_fewer_elements_is_not),
        TEST(the_composed_map_has_the_shape_of_the_reader), TEST(maps_of_two_phases_stay_apart),
        TEST(maps_of_two_backends_stay_apart), TEST(a_value_that_is_asked_for_is_kept),
        TEST(a_number_stays_one_when_it_is_reshaped),
        TEST(only_maps_that_are_equal_in_everything_are_merged),
        TEST(maps_do_not_grow_without_limit), TEST(what_will_be_differentiated_stays_smaller),
        TEST(a_composed_map_knows_how_it_treats_samples),
        TEST(random_graphs_give_the_same_composed_or_not));
}
