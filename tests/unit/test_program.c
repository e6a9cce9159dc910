/* From graph to program: gradients, composition, order, lifetimes and places. */
#include "test.h"

#include <cnnrun/ops.h>

#include "autodiff.h"
#include "program.h"

typedef struct fixture {
    cnn_arena *arena;
    cnn_diags diags;
    cnn_registry registry;
    cnn_module builtin;
    cnn_graph *graph;
    cnn_builder *b;
} fixture;

/* A graph in training mode whose input is f32 [4, 6]. */
static void open(fixture *f)
{
    const cnn_data_shape data = { .input = cnn_type1(CNN_F32, 6) };
    memset(f, 0, sizeof *f);
    f->arena = cnn_arena_create();
    f->diags.arena = f->arena;
    f->registry.arena = f->arena;
    f->builtin = (cnn_module){ .path = "", .plugin = &cnn_builtin_plugin };
    (void)cnn_registry_add(&f->registry, &f->builtin, NULL);
    f->graph = cnn_graph_create(&f->registry, &data, CNN_TRAIN, 4, f->arena, &f->diags);
    f->graph->prefix = f->graph->path = "0";
    f->graph->trail = "";
    f->b = &f->graph->builder;
}

static void close(fixture *f)
{
    cnn_arena_destroy(f->arena);
}

static cnn_value weight(fixture *f, const char *name, cnn_type type)
{
    const cnn_init zero = { .kind = CNN_INIT_CONSTANT };
    return cnn_weight(f->b, name, type, zero);
}

static cnn_value mean(fixture *f, cnn_value v)
{
    return cnn_reduce(f->b, v, CNN_REDUCE_MEAN, cnn_all_axes(f->b, v), false);
}

static uint32_t count_ops(const cnn_program *p, const char *op)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_nodes; i++)
        n += strcmp(cnn_node_at(p, i)->op->c.name, op) == 0;
    return n;
}

/* loss = mean(relu(x w + bias)) */
static cnn_step *small_step(fixture *f, cnn_value **grads)
{
    cnn_value w = weight(f, "w", cnn_type2(CNN_F32, 6, 3));
    cnn_value bias = weight(f, "bias", cnn_type1(CNN_F32, 3));
    cnn_value y = cnn_add(f->b, cnn_matmul(f->b, f->graph->input, w, false, false), bias);
    f->graph->output = cnn_max(f->b, y, cnn_number(f->b, 0));
    f->graph->loss = mean(f, f->graph->output);
    CHECK(cnn_autodiff(f->graph, f->graph->loss, NULL, 0, grads));
    f->graph->phase = CNN_PHASE_UPDATE;
    cnn_assign(f->b, w, cnn_sub(f->b, w, (*grads)[w]));
    cnn_assign(f->b, bias, cnn_sub(f->b, bias, (*grads)[bias]));
    return cnn_step_from(f->graph, NULL, 0);
}

static void every_weight_gets_a_gradient_of_its_shape(void)
{
    fixture f;
    cnn_value *grads;
    open(&f);
    cnn_step *step = small_step(&f, &grads);
    CHECK(!f.graph->failed);
    for (uint32_t i = 0; i < f.graph->n_states; i++) {
        cnn_value v = f.graph->states[i].value;
        CHECK(grads[v] != CNN_NONE);
        CHECK(cnn_same_type(cnn_type_of(f.b, v), cnn_type_of(f.b, grads[v])));
    }
    CHECK(step->loss >= 0);
    close(&f);
}

static void a_frozen_weight_gets_none(void)
{
    fixture f;
    cnn_value *grads;
    open(&f);
    cnn_value w = weight(&f, "w", cnn_type1(CNN_F32, 6));
    f.graph->states[0].frozen = true;
    cnn_value loss = mean(&f, cnn_mul(f.b, f.graph->input, w));
    CHECK(cnn_autodiff(f.graph, loss, NULL, 0, &grads));
    CHECK_INT(grads[w], CNN_NONE);
    close(&f);
}

static void phases_never_decrease_and_assigns_come_last(void)
{
    fixture f;
    cnn_value *grads;
    open(&f);
    const cnn_program *p = &small_step(&f, &grads)->program;
    for (uint32_t n = 1; n < p->n_nodes; n++)
        CHECK(cnn_node_at(p, n)->phase >= cnn_node_at(p, n - 1)->phase);
    CHECK_STR(cnn_node_at(p, p->n_nodes - 1)->op->c.name, "assign");
    CHECK_STR(cnn_node_at(p, p->n_nodes - 2)->op->c.name, "assign");
    CHECK_INT(cnn_node_at(p, p->update_begin)->phase, CNN_PHASE_UPDATE);
    CHECK_INT(cnn_node_at(p, p->update_begin - 1)->phase, CNN_PHASE_BACKWARD);
    close(&f);
}

static void producers_come_before_their_readers(void)
{
    fixture f;
    cnn_value *grads;
    open(&f);
    const cnn_program *p = &small_step(&f, &grads)->program;
    for (uint32_t n = 0; n < p->n_nodes; n++)
        for (uint32_t i = 0; i < cnn_node_at(p, n)->n_in; i++)
            CHECK(cnn_value_at(p, cnn_node_at(p, n)->in[i])->producer < (int32_t)n);
    close(&f);
}

static void a_chain_of_maps_becomes_one(void)
{
    fixture f;
    open(&f);
    cnn_value x = f.graph->input;
    f.graph->mode = CNN_PREDICT;
    f.graph->output = cnn_tanh(f.b, cnn_scale(f.b, cnn_offset(f.b, cnn_exp(f.b, x), 1), 2));
    const cnn_program *p = &cnn_step_from(f.graph, NULL, 0)->program;
    CHECK_INT(p->n_nodes, 1);
    CHECK_INT(cnn_node_at(p, 0)->n_in, 1);
    close(&f);
}

static void a_value_with_two_readers_is_computed_once(void)
{
    fixture f;
    open(&f);
    f.graph->mode = CNN_PREDICT;
    cnn_value e = cnn_exp(f.b, f.graph->input);
    cnn_value sum = cnn_reduce(f.b, e, CNN_REDUCE_SUM, 2, true);
    f.graph->output = cnn_div(f.b, e, sum);
    const cnn_program *p = &cnn_step_from(f.graph, NULL, 0)->program;
    CHECK_INT(count_ops(p, "map"), 2);
    close(&f);
}

static void equal_maps_are_merged(void)
{
    fixture f;
    open(&f);
    f.graph->mode = CNN_PREDICT;
    cnn_value a = cnn_exp(f.b, f.graph->input), c = cnn_exp(f.b, f.graph->input);
    cnn_value both[2] = { a, c };
    f.graph->output = cnn_concat(f.b, both, 2, 1);
    const cnn_program *p = &cnn_step_from(f.graph, NULL, 0)->program;
    CHECK_INT(count_ops(p, "map"), 1);
    close(&f);
}

static void what_nobody_reads_is_dropped(void)
{
    fixture f;
    open(&f);
    f.graph->mode = CNN_PREDICT;
    (void)cnn_reduce(f.b, f.graph->input, CNN_REDUCE_SUM, 3, false);
    f.graph->output = cnn_neg(f.b, f.graph->input);
    const cnn_program *p = &cnn_step_from(f.graph, NULL, 0)->program;
    CHECK_INT(count_ops(p, "reduce"), 0);
    close(&f);
}

static void an_output_that_is_an_input_is_copied(void)
{
    fixture f;
    open(&f);
    f.graph->mode = CNN_PREDICT;
    f.graph->output = f.graph->input;
    const cnn_step *step = cnn_step_from(f.graph, NULL, 0);
    CHECK(step->output != step->input);
    CHECK_INT(cnn_value_at(&step->program, step->output)->kind, CNN_VALUE_OUTPUT);
    close(&f);
}

static bool live_together(const cnn_value_info *a, const cnn_value_info *b)
{
    return a->producer <= b->last_use && b->producer <= a->last_use;
}

static void values_that_live_together_do_not_overlap(void)
{
    fixture f;
    cnn_value *grads;
    open(&f);
    const cnn_program *p = &small_step(&f, &grads)->program;
    uint32_t pairs = 0;
    for (uint32_t v = 0; v < p->n_values; v++)
        for (uint32_t w = v + 1; w < p->n_values; w++) {
            const cnn_value_info *a = cnn_value_at(p, (int32_t)v), *b = cnn_value_at(p, (int32_t)w);
            bool temps = a->kind == CNN_VALUE_TEMP && b->kind == CNN_VALUE_TEMP;
            bool reshape =
                b->producer >= 0 &&
                strcmp(cnn_node_at(p, (uint32_t)b->producer)->op->c.name, "reshape") == 0;
            if (!temps || reshape || !live_together(a, b))
                continue;
            uint64_t a_end = p->offsets[v] + (uint64_t)cnn_bytes(&a->type);
            uint64_t b_end = p->offsets[w] + (uint64_t)cnn_bytes(&b->type);
            CHECK(a_end <= p->offsets[w] || b_end <= p->offsets[v]);
            CHECK(a_end <= p->arena_bytes);
            pairs++;
        }
    CHECK(pairs > 0);
    close(&f);
}

static void a_long_chain_needs_two_places(void)
{
    fixture f;
    open(&f);
    f.graph->mode = CNN_PREDICT;
    cnn_value v = f.graph->input;
    const cnn_softmax_attrs attrs = { .axis = 1 };
    for (int i = 0; i < 10; i++)
        v = cnn_op1(f.b, "softmax", &attrs, &v, 1);
    f.graph->output = v;
    const cnn_program *p = &cnn_step_from(f.graph, NULL, 0)->program;
    CHECK_INT(p->arena_bytes, 512); /* 4 x 6 floats are 96 bytes, in steps of 256 */
    close(&f);
}

static void a_reshape_shares_its_inputs_place(void)
{
    fixture f;
    open(&f);
    const int64_t dims[2] = { 4, 6 };
    f.graph->mode = CNN_PREDICT;
    cnn_value a = cnn_exp(f.b, f.graph->input);
    cnn_value r = cnn_reshape(f.b, a, 2, dims);
    f.graph->output = cnn_reduce(f.b, r, CNN_REDUCE_SUM, 2, false);
    const cnn_step *step = cnn_step_from(f.graph, NULL, 0);
    CHECK_INT(step->program.offsets[step->map[r]], step->program.offsets[step->map[a]]);
    CHECK_INT(step->program.arena_bytes, 256);
    close(&f);
}

static const cnn_op op_without_gradient = {
    .c = { .size = sizeof(cnn_op), .name = "opaque" },
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .differentiable = 1,
};

static void an_op_without_gradient_is_an_error_that_names_it(void)
{
    fixture f;
    cnn_value *grads;
    open(&f);
    cnn_value y = cnn_exp(f.b, weight(&f, "w", cnn_type1(CNN_F32, 6)));
    cnn_value loss = mean(&f, y);
    f.graph->nodes[0].op = &op_without_gradient;
    CHECK(!cnn_autodiff(f.graph, loss, NULL, 0, &grads));
    CHECK(f.diags.count == 1);
    CHECK_HAS(f.diags.items[0].text, "'opaque' has no gradient");
    close(&f);
}

int main(void)
{
    return RUN_TESTS(TEST(every_weight_gets_a_gradient_of_its_shape),
                     TEST(a_frozen_weight_gets_none),
                     TEST(phases_never_decrease_and_assigns_come_last),
                     TEST(producers_come_before_their_readers), TEST(a_chain_of_maps_becomes_one),
                     TEST(a_value_with_two_readers_is_computed_once), TEST(equal_maps_are_merged),
                     TEST(what_nobody_reads_is_dropped), TEST(an_output_that_is_an_input_is_copied),
                     TEST(values_that_live_together_do_not_overlap),
                     TEST(a_long_chain_needs_two_places), TEST(a_reshape_shares_its_inputs_place),
                     TEST(an_op_without_gradient_is_an_error_that_names_it));
}
