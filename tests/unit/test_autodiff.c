/* Gradients: against finite differences, where they stop, and what is said when there is none. */
#include "autodiff.h"

#include "toy.h"

/* ---- finite differences ---- */

static const cnn_type *shape(uint32_t i)
{
    static cnn_type shapes[6];
    shapes[0] = cnn_type1(CNN_F32, 6);
    shapes[1] = cnn_type2(CNN_F32, 4, 1);
    shapes[2] = cnn_type2(CNN_F32, 1, 6);
    shapes[3] = cnn_scalar_type(CNN_F32);
    shapes[4] = cnn_type2(CNN_F32, 1, 1);
    shapes[5] = cnn_type2(CNN_F32, 4, 6);
    return &shapes[i];
}

/* Each writes a loss from t->x and weights. */
static cnn_value broadcast(toy *t, uint32_t which)
{
    cnn_value w = toy_weight(t, "w", *shape(which));
    return toy_mean(t, cnn_tanh(t->b, cnn_mul(t->b, cnn_exp(t->b, w), t->x)));
}

static cnn_value vector_loss(toy *t)
{
    return broadcast(t, 0);
}

static cnn_value column_loss(toy *t)
{
    return broadcast(t, 1);
}

static cnn_value row_loss(toy *t)
{
    return broadcast(t, 2);
}

static cnn_value scalar_loss(toy *t)
{
    return broadcast(t, 3);
}

static cnn_value ones_loss(toy *t)
{
    return broadcast(t, 4);
}

static cnn_value full_loss(toy *t)
{
    return broadcast(t, 5);
}

static cnn_value used_twice_loss(toy *t)
{
    cnn_value w = toy_weight(t, "w", cnn_type1(CNN_F32, 6));
    cnn_value s = cnn_mul(t->b, w, t->x);
    cnn_value sum = cnn_reduce(t->b, s, CNN_REDUCE_SUM, 2, true);
    return toy_mean(t, cnn_mul(t->b, cnn_div(t->b, s, sum), cnn_sigmoid(t->b, s)));
}

static cnn_value network_loss(toy *t)
{
    cnn_builder *b = t->b;
    cnn_value w = toy_weight(t, "w", cnn_type2(CNN_F32, 6, 3));
    cnn_value bias = toy_weight(t, "bias", cnn_type1(CNN_F32, 3));
    cnn_value v = toy_weight(t, "v", cnn_type2(CNN_F32, 2, 3));
    cnn_value h = cnn_add(b, cnn_matmul(b, t->x, w, false, false), bias);
    h = cnn_mul(b, h, cnn_sigmoid(b, h)); /* swish */
    cnn_value y = cnn_matmul(b, h, v, false, true);
    return toy_mean(t, cnn_mul(b, y, y));
}

/* No element of the bound numbers is near a kink. */
static cnn_value pieces_loss(toy *t)
{
    cnn_builder *b = t->b;
    cnn_value w = toy_weight(t, "w", cnn_type1(CNN_F32, 6));
    cnn_value d = cnn_sub(b, t->x, w), size = cnn_abs(b, d);
    cnn_value huber =
        cnn_select(b, cnn_lt(b, size, cnn_number(b, 0.3)), cnn_mul(b, d, cnn_scale(b, d, 0.5)),
                   cnn_scale(b, cnn_offset(b, size, -0.15), 0.3));
    return toy_mean(t, cnn_max(b, huber, cnn_scale(b, w, 0.05)));
}

static cnn_value powers_loss(toy *t)
{
    cnn_builder *b = t->b;
    cnn_value w = toy_weight(t, "w", cnn_type1(CNN_F32, 6));
    cnn_value p = toy_weight(t, "p", cnn_scalar_type(CNN_F32));
    cnn_value y = cnn_pow(b, cnn_mul(b, w, t->x), p);
    return toy_mean(t, cnn_log1p(b, cnn_add(b, y, cnn_rsqrt(b, w))));
}

static cnn_value normal_loss(toy *t)
{
    cnn_builder *b = t->b;
    cnn_value g = toy_weight(t, "g", cnn_type1(CNN_F32, 6));
    cnn_value center = cnn_sub(b, t->x, cnn_reduce(b, t->x, CNN_REDUCE_MEAN, 1, true));
    cnn_value var = cnn_reduce(b, cnn_mul(b, center, center), CNN_REDUCE_MEAN, 1, true);
    cnn_value y = cnn_mul(b, cnn_mul(b, center, cnn_rsqrt(b, cnn_offset(b, var, 1e-3))), g);
    return toy_mean(t, cnn_mul(b, cnn_mul(b, y, y), y));
}

static double run_loss(const cnn_step *step, void *const *bindings)
{
    toy_execute(&step->program, bindings);
    return (double)*toy_bound(&step->program, bindings, step->loss);
}

/* Largest difference between the gradient of value v and central differences, in parts of the
 * gradient's largest element. Steps of 2^-8: the loss is rounded to 2^-25, so that differences are
 * good to 2^-17, and the gradients' elements are at least 2^-7. */
static double worst_error(const cnn_step *step, void *const *bindings, int32_t v, int32_t gradient)
{
    const cnn_program *p = &step->program;
    int64_t n = cnn_count(&cnn_value_at(p, v)->type);
    float *x = toy_bound(p, bindings, v);
    double worst = 0, largest = 1e-3, step_size = 1.0 / 256;
    (void)run_loss(step, bindings);
    double analytic[24];
    for (int64_t i = 0; i < n; i++)
        analytic[i] = (double)toy_bound(p, bindings, gradient)[i];
    for (int64_t i = 0; i < n; i++) {
        float old = x[i];
        x[i] = (float)((double)old + step_size);
        double up = run_loss(step, bindings);
        x[i] = (float)((double)old - step_size);
        double down = run_loss(step, bindings);
        x[i] = old;
        worst = fmax(worst, fabs((up - down) / (2 * step_size) - analytic[i]));
        largest = fmax(largest, fabs(analytic[i]));
    }
    return worst / largest;
}

/* Derivatives of composed maps stay within what backends are promised. */
static void check_sizes(const cnn_program *p)
{
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(p, n);
        if (strcmp(node->op->c.name, "map") != 0)
            continue;
        CHECK(node->n_in <= 16);
        CHECK(((const cnn_map_attrs *)node->attrs)->expr.count <= 128);
    }
}

/* The model's maps are composed before they are differentiated, as in a training step. */
static void compose_forward(toy *t)
{
    bool *keep = CNN_NEW_ARRAY(t->arena, bool, t->graph->n_values);
    keep[t->graph->loss] = true;
    cnn_compose(t->graph, keep);
}

/* Gradients of all weights and of the input. */
static void check_written(cnn_value (*write)(toy *), bool composed)
{
    toy t;
    cnn_value *grads, wanted[8];
    uint32_t n = 0;
    toy_open(&t, CNN_TRAIN, NULL);
    t.graph->loss = write(&t);
    if (composed)
        compose_forward(&t);
    CHECK(cnn_autodiff(t.graph, t.graph->loss, &t.x, 1, &grads));
    wanted[n++] = grads[t.x];
    for (uint32_t i = 0; i < t.graph->n_states; i++)
        wanted[n++] = grads[t.graph->states[i].value];
    for (uint32_t i = 0; i < n; i++)
        CHECK(wanted[i] != CNN_NONE);
    cnn_step *step = cnn_step_from(t.graph, wanted, n);
    check_sizes(&step->program);
    void **bindings = toy_bindings(&t, &step->program);
    CHECK_NEAR(worst_error(step, bindings, step->input, step->extras[0]), 0, 4e-3);
    for (uint32_t i = 0; i + 1 < n; i++) {
        int32_t state = step->map[t.graph->states[i].value];
        CHECK_NEAR(worst_error(step, bindings, state, step->extras[i + 1]), 0, 4e-3);
    }
    toy_close(&t);
}

static void check_differences(cnn_value (*write)(toy *))
{
    check_written(write, false);
    check_written(write, true);
}

static void gradients_agree_with_differences_where_inputs_are_broadcast(void)
{
    check_differences(vector_loss);
    check_differences(column_loss);
    check_differences(row_loss);
    check_differences(scalar_loss);
    check_differences(ones_loss);
    check_differences(full_loss);
}

static void gradients_agree_with_differences_in_small_networks(void)
{
    check_differences(used_twice_loss);
    check_differences(network_loss);
    check_differences(pieces_loss);
    check_differences(powers_loss);
    check_differences(normal_loss);
}

/* ---- what is written ---- */

static uint32_t nodes_named(const cnn_graph *g, uint32_t first, const char *op)
{
    uint32_t n = 0;
    for (uint32_t i = first; i < g->n_nodes; i++)
        n += strcmp(g->nodes[i].op->c.name, op) == 0;
    return n;
}

static void the_gradient_of_a_sum_is_handed_on(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, NULL);
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value v = toy_weight(&t, "v", cnn_type2(CNN_F32, 4, 6));
    cnn_value loss = toy_mean(&t, cnn_add(t.b, w, v));
    CHECK(cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    CHECK(grads[w] != CNN_NONE);
    CHECK_INT(grads[w], grads[v]);
    toy_close(&t);
}

static void inputs_that_a_derivative_does_not_use_are_dropped(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, NULL);
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value loss = toy_mean(&t, cnn_mul(t.b, w, t.x));
    CHECK(cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    const cnn_node *node = &t.graph->nodes[t.graph->values[grads[w]].producer];
    CHECK_INT(node->n_in, 2); /* the input and the incoming gradient, not the weight */
    CHECK(node->in[0] != w && node->in[1] != w);
    toy_close(&t);
}

static void gradients_of_a_value_that_is_used_twice_are_added_once(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, NULL);
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value both = cnn_add(t.b, cnn_reduce(t.b, w, CNN_REDUCE_SUM, 1, true),
                             cnn_reduce(t.b, w, CNN_REDUCE_SUM, 2, true));
    cnn_value loss = toy_mean(&t, both);
    uint32_t first = t.graph->n_nodes;
    CHECK(cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    const cnn_node *last = &t.graph->nodes[t.graph->n_nodes - 1];
    CHECK_STR(last->op->c.name, "map");
    CHECK_INT(last->out[0], grads[w]);
    CHECK_INT(last->n_in, 2);
    CHECK(nodes_named(t.graph, first, "map") > 1);
    toy_close(&t);
}

static void a_gradient_belongs_to_the_layer_whose_it_is(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, NULL);
    t.graph->path = "3.swish";
    t.graph->backend = "vulkan";
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value y = cnn_exp(t.b, w);
    t.graph->path = "loss.mse";
    t.graph->backend = NULL;
    t.graph->phase = CNN_PHASE_LOSS;
    cnn_value loss = toy_mean(&t, y);
    CHECK(cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    const cnn_node *mine = &t.graph->nodes[t.graph->values[grads[w]].producer];
    const cnn_node *of_loss = &t.graph->nodes[t.graph->values[grads[y]].producer];
    CHECK_STR(mine->layer, "3.swish");
    CHECK_STR(mine->backend, "vulkan");
    CHECK_INT(mine->phase, CNN_PHASE_BACKWARD);
    CHECK_STR(of_loss->layer, "loss.mse");
    CHECK(of_loss->backend == NULL);
    toy_close(&t);
}

/* ---- where gradients stop ---- */

static void only_what_leads_to_something_wanted_is_differentiated(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, NULL);
    cnn_value frozen = toy_weight(&t, "frozen", cnn_type2(CNN_F32, 6, 6));
    t.graph->states[0].frozen = true;
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 6, 6));
    cnn_value h = cnn_tanh(t.b, cnn_matmul(t.b, t.x, frozen, false, false));
    cnn_value loss = toy_mean(&t, cnn_matmul(t.b, h, w, false, false));
    uint32_t first = t.graph->n_nodes;
    CHECK(cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    CHECK(grads[w] != CNN_NONE);
    CHECK_INT(grads[frozen], CNN_NONE);
    CHECK_INT(grads[h], CNN_NONE);
    CHECK_INT(nodes_named(t.graph, first, "matmul"), 1);
    toy_close(&t);
}

static void without_anything_to_train_nothing_is_written(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, NULL);
    cnn_value loss = toy_mean(&t, t.x);
    uint32_t first = t.graph->n_nodes;
    CHECK(cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    CHECK_INT(t.graph->n_nodes, first);
    CHECK_INT(grads[loss], CNN_NONE);
    toy_close(&t);
}

static void integers_and_ops_without_a_slope_end_the_way(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, NULL);
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value best = cnn_argmax(t.b, w, 1);
    cnn_value number = cnn_cast(t.b, best, CNN_F32);
    cnn_value loss =
        toy_mean(&t, cnn_add(t.b, number, cnn_reduce(t.b, w, CNN_REDUCE_SUM, 2, false)));
    CHECK(cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    CHECK_INT(grads[best], CNN_NONE);
    CHECK_INT(grads[number], CNN_NONE);
    CHECK(grads[w] != CNN_NONE);
    toy_close(&t);
}

static void a_comparison_has_no_slope(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, NULL);
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value loss = toy_mean(&t, cnn_lt(t.b, t.x, w));
    CHECK(cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    CHECK_INT(grads[w], CNN_NONE);
    toy_close(&t);
}

/* ---- errors ---- */

static cnn_status same_infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                             cnn_error *err)
{
    (void)attrs, (void)n_in, (void)err;
    out[0] = in[0];
    return CNN_OK;
}

/* A gradient of the wrong shape. */
static void wrong_grad(cnn_builder *b, const cnn_call *call, const cnn_value *dy, cnn_value *dx)
{
    (void)call;
    dx[0] = cnn_reduce(b, dy[0], CNN_REDUCE_SUM, 1, true);
}

#define OP(name) .c = CNN_COMPONENT(cnn_op, name, 0, CNN_NO_PARAMS, "An op.", "")
static const cnn_op test_ops[] = {
    { OP("opaque"), .min_in = 1, .max_in = 1, .n_out = 1, .differentiable = 1,
      .infer = same_infer },
    { OP("wrong"), .min_in = 1, .max_in = 1, .n_out = 1, .differentiable = 1, .infer = same_infer,
      .grad = wrong_grad },
};

static const cnn_plugin test_plugin = {
    .magic = CNN_MAGIC, .name = "test", .version = "1", .license = "MIT", .ops = CNN_TABLE(test_ops)
};

/* A layer "2.odd" at line 7 that is one op on a weight. */
static cnn_value odd_layer(toy *t, const char *op, cnn_value in)
{
    static const cnn_source source = { .name = "net.yaml" };
    cnn_graph *g = t->graph;
    uint32_t first = g->n_nodes;
    g->path = "2.odd";
    cnn_value out = cnn_op1(t->b, op, NULL, &in, 1);
    g->layers = cnn_arena_grow(t->arena, g->layers, g->n_layers, sizeof *g->layers);
    g->layers[g->n_layers++] = (cnn_layer_record){ .path = "2.odd",
                                                   .type = "odd",
                                                   .place = { &source, 7, 5 },
                                                   .trail = "in block unit (line 2)",
                                                   .first_node = first,
                                                   .end_node = g->n_nodes };
    g->path = "loss";
    return out;
}

static void an_op_without_gradient_is_an_error_at_its_layer(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, &test_plugin);
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value loss = toy_mean(&t, cnn_exp(t.b, odd_layer(&t, "opaque", w)));
    CHECK(!cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    CHECK_INT(t.diags.errors, 1);
    CHECK_STR(t.diags.items[0].text, "odd: layer '2.odd' cannot be trained through: the op "
                                     "'opaque' has no gradient, its plugin brings none");
    CHECK_HAS(t.diags.items[0].hint, "freeze");
    CHECK_INT(t.diags.items[0].place.line, 7);
    CHECK_STR(t.diags.items[0].trail, "in block unit (line 2)");
    toy_close(&t);
}

static void it_is_none_where_nothing_before_it_is_trained(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, &test_plugin);
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value y = cnn_mul(t.b, w, odd_layer(&t, "opaque", t.x));
    CHECK(cnn_autodiff(t.graph, toy_mean(&t, y), NULL, 0, &grads));
    CHECK(grads[w] != CNN_NONE);
    CHECK_INT(t.diags.errors, 0);
    toy_close(&t);
}

static void nor_is_it_one_where_only_its_result_is_wanted(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, &test_plugin);
    cnn_value y = odd_layer(&t, "opaque", t.x);
    CHECK(cnn_autodiff(t.graph, toy_mean(&t, cnn_exp(t.b, y)), &y, 1, &grads));
    CHECK(grads[y] != CNN_NONE);
    CHECK_INT(t.diags.errors, 0);
    toy_close(&t);
}

static void a_gradient_of_another_shape_is_an_error(void)
{
    toy t;
    cnn_value *grads;
    toy_open(&t, CNN_TRAIN, &test_plugin);
    cnn_value w = toy_weight(&t, "w", cnn_type2(CNN_F32, 4, 6));
    cnn_value loss = toy_mean(&t, odd_layer(&t, "wrong", w));
    CHECK(!cnn_autodiff(t.graph, loss, NULL, 0, &grads));
    CHECK_HAS(t.diags.items[0].text, "'wrong' for input 1 has another shape");
    CHECK_INT(t.diags.items[0].place.line, 7);
    toy_close(&t);
}

int main(void)
{
    return RUN_TESTS(TEST(gradients_agree_with_differences_where_inputs_are_broadcast),
                     TEST(gradients_agree_with_differences_in_small_networks),
                     TEST(the_gradient_of_a_sum_is_handed_on),
                     TEST(inputs_that_a_derivative_does_not_use_are_dropped),
                     TEST(gradients_of_a_value_that_is_used_twice_are_added_once),
                     TEST(a_gradient_belongs_to_the_layer_whose_it_is),
                     TEST(only_what_leads_to_something_wanted_is_differentiated),
                     TEST(without_anything_to_train_nothing_is_written),
                     TEST(integers_and_ops_without_a_slope_end_the_way),
                     TEST(a_comparison_has_no_slope),
                     TEST(an_op_without_gradient_is_an_error_at_its_layer),
                     TEST(it_is_none_where_nothing_before_it_is_trained),
                     TEST(nor_is_it_one_where_only_its_result_is_wanted),
                     TEST(a_gradient_of_another_shape_is_an_error));
}
