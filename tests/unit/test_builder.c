/* The builder: what layers write, and what they are told when they write nonsense. */
#include "test.h"

#include "graph.h"

#include <stdlib.h>

typedef struct fixture {
    cnn_arena *arena;
    cnn_diags diags;
    cnn_registry registry;
    cnn_module builtin;
    cnn_graph *graph;
    cnn_builder *b;
    cnn_value x; /* the input: f32 [4, 3, 8, 8] */
} fixture;

static void open_mode(fixture *f, uint32_t mode)
{
    const cnn_data_shape data = { .input = cnn_type3(CNN_F32, 3, 8, 8),
                                  .target = cnn_scalar_type(CNN_I32),
                                  .classes = 10 };
    memset(f, 0, sizeof *f);
    f->arena = cnn_arena_create();
    f->diags.arena = f->arena;
    f->registry.arena = f->arena;
    f->builtin = (cnn_module){ .path = "", .plugin = &cnn_builtin_plugin };
    (void)cnn_registry_add(&f->registry, &f->builtin, NULL);
    f->graph = cnn_graph_create(&f->registry, &data, mode, 4, f->arena, &f->diags);
    f->b = &f->graph->builder;
    f->x = f->graph->input;
    f->graph->owner = "swish";
    f->graph->prefix = "2";
    f->graph->path = "2.swish";
    f->graph->layer_in = &f->x;
    f->graph->at = f->x;
    f->graph->n_layer_in = 1;
}

static void open(fixture *f)
{
    open_mode(f, CNN_TRAIN);
}

static void close(fixture *f)
{
    cnn_arena_destroy(f->arena);
}

static const cnn_diag *only_error(const fixture *f)
{
    static const cnn_diag none = { .text = "", .hint = "", .trail = "" };
    CHECK(f->graph->failed);
    CHECK_INT(f->diags.count, 1);
    return f->diags.count > 0 ? &f->diags.items[0] : &none;
}

static void check_type(const fixture *f, cnn_value v, const char *want)
{
    char text[160];
    cnn_type_text(cnn_type_of(f->b, v), true, text, sizeof text);
    CHECK_STR(text, want);
}

static const cnn_node *last_node(const fixture *f)
{
    return &f->graph->nodes[f->graph->n_nodes - 1];
}

static void check_node(const fixture *f, uint32_t i, const char *want)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cnn_node_print(&f->graph->nodes[i], f->graph->values, sizeof *f->graph->values, out);
    (void)fclose(out);
    CHECK_STR(text, want);
    free(text);
}

static cnn_value vector(fixture *f, const char *name, int64_t n)
{
    return cnn_weight(f->b, name, cnn_type1(CNN_F32, n), (cnn_init){ CNN_INIT_CONSTANT, 1, 0 });
}

static cnn_value conv(fixture *f, cnn_value x, cnn_value w)
{
    const cnn_conv2d_attrs a = { .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 };
    return cnn_conv2d(f->b, x, w, &a);
}

static cnn_value filters(fixture *f)
{
    return cnn_weight(f->b, "filters", cnn_type4(CNN_F32, 5, 3, 3, 3),
                      (cnn_init){ CNN_INIT_UNIFORM, -1, 1 });
}

static void weights_are_stored_below_the_layers_prefix(void)
{
    fixture f;
    open(&f);
    cnn_value w = vector(&f, "weight", 3);
    cnn_value s = cnn_state(f.b, "running_mean", cnn_type1(CNN_F32, 3), 0.5);
    CHECK_STR(f.graph->values[w].name, "2.weight");
    CHECK_STR(f.graph->values[s].name, "2.running_mean");
    CHECK(f.graph->values[w].trained);
    CHECK(!f.graph->values[s].trained);
    CHECK_INT(f.graph->n_states, 2);
    CHECK_NEAR(f.graph->states[1].init.a, 0.5, 0);
    close(&f);
}

static void the_same_layer_shares_a_weight_by_name(void)
{
    fixture f;
    open(&f);
    cnn_value w = vector(&f, "weight", 3);
    CHECK_INT(vector(&f, "weight", 3), w);
    CHECK_INT(f.graph->n_states, 1);
    CHECK_INT(vector(&f, "weight", 4), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "swish: asks for '2.weight' twice");
    close(&f);
}

static void two_layers_may_not_store_under_one_name(void)
{
    fixture f;
    open(&f);
    (void)vector(&f, "weight", 3);
    f.graph->first_state = f.graph->n_states; /* the next layer begins */
    CHECK_INT(vector(&f, "weight", 3), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "'2.weight' under the same name as an earlier layer");
    CHECK_HAS(only_error(&f)->hint, "name:");
    close(&f);
}

static void impossible_weights_are_refused(void)
{
    fixture f;
    open(&f);
    CHECK_INT(vector(&f, "weight", 0), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "without elements");
    close(&f);
    open(&f);
    cnn_type huge = cnn_type3(CNN_F32, INT32_MAX, INT32_MAX, INT32_MAX);
    CHECK_INT(cnn_weight(f.b, "weight", huge, (cnn_init){ CNN_INIT_EYE, 0, 0 }), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "too large");
    close(&f);
}

static void maps_broadcast_like_numpy(void)
{
    fixture f;
    open(&f);
    cnn_value v = cnn_reshape(f.b, vector(&f, "bias", 3), 3, (const int64_t[]){ 3, 1, 1 });
    cnn_value y = cnn_add(f.b, v, f.x);
    check_type(&f, y, "f32 [4, 3, 8, 8]");
    CHECK(f.graph->values[y].batched);
    CHECK_INT(last_node(&f)->batch_role, CNN_BATCH_PER_SAMPLE);
    cnn_value z = cnn_add(f.b, v, cnn_number(f.b, 2));
    check_type(&f, z, "f32 [3, 1, 1]");
    CHECK(!f.graph->values[z].batched);
    CHECK_INT(last_node(&f)->batch_role, CNN_BATCH_NONE);
    check_type(&f, cnn_mul(f.b, vector(&f, "row", 8), cnn_reshape(f.b, v, 2, (int64_t[]){ 3, 1 })),
               "f32 [3, 8]");
    CHECK(!f.graph->failed);
    close(&f);
}

static void shapes_that_do_not_fit_are_both_shown(void)
{
    fixture f;
    open(&f);
    CHECK_INT(cnn_add(f.b, f.x, vector(&f, "bias", 3)), CNN_NONE);
    CHECK_STR(only_error(&f)->text, "swish: the shapes [4, 3, 8, 8] and [3] do not fit together");
    CHECK_HAS(only_error(&f)->hint, "equal or 1");
    close(&f);
}

static void maps_want_floats_and_say_how_to_get_them(void)
{
    fixture f;
    open(&f);
    CHECK_INT(cnn_neg(f.b, cnn_target(f.b)), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "i32 numbers");
    CHECK_HAS(only_error(&f)->hint, "cnn_cast");
    close(&f);
}

static void a_value_used_twice_is_one_input(void)
{
    fixture f;
    open(&f);
    (void)cnn_mul(f.b, f.x, f.x);
    CHECK_INT(last_node(&f)->n_in, 1);
    check_node(&f, 0, "%2 = map input*input : f32 [4, 3, 8, 8]");
    close(&f);
}

static void expand_repeats_and_leaves_equal_shapes_alone(void)
{
    fixture f;
    open(&f);
    cnn_type type = cnn_type2(CNN_F32, 2, 3);
    cnn_value row = vector(&f, "row", 3);
    cnn_value wide = cnn_expand(f.b, row, type);
    check_type(&f, wide, "f32 [2, 3]");
    CHECK_INT(cnn_expand(f.b, wide, type), wide);
    CHECK_INT(cnn_expand(f.b, wide, cnn_type1(CNN_F32, 3)), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "[2, 3] cannot be expanded to [3]");
    close(&f);
}

static void results_are_batched_where_samples_stay_apart(void)
{
    fixture f;
    open(&f);
    cnn_value w = filters(&f);
    cnn_value y = conv(&f, f.x, w);
    check_type(&f, y, "f32 [4, 5, 6, 6]");
    CHECK(f.graph->values[y].batched);
    cnn_conv2d_attrs a = { { 1, 1 }, { 1, 1 }, { 0, 0, 0, 0 }, 1, { 3, 3 } };
    cnn_value dw = cnn_op1(f.b, "conv2d_weight_grad", &a, (cnn_value[]){ f.x, y }, 2);
    CHECK(dw != CNN_NONE && !f.graph->values[dw].batched);
    CHECK_INT(last_node(&f)->batch_role, CNN_BATCH_SUMS);
    cnn_value out[3], in[3] = { y, vector(&f, "w", 5), vector(&f, "b", 5) };
    CHECK_INT(cnn_op_n(f.b, "batch_norm", &(cnn_batch_norm_attrs){ 1e-5 }, in, 3, out, 3), CNN_OK);
    CHECK_INT(last_node(&f)->batch_role, CNN_BATCH_COUPLED);
    CHECK(f.graph->values[out[0]].batched);
    CHECK(!f.graph->values[out[1]].batched);
    /* as many channels as samples: the statistics of channels are no batch */
    cnn_value four = cnn_weight(f.b, "four", cnn_type4(CNN_F32, 4, 3, 1, 1),
                                (cnn_init){ CNN_INIT_UNIFORM, -1, 1 });
    in[0] = conv(&f, f.x, four);
    in[1] = vector(&f, "w4", 4);
    in[2] = vector(&f, "b4", 4);
    CHECK_INT(cnn_op_n(f.b, "batch_norm", &(cnn_batch_norm_attrs){ 1e-5 }, in, 3, out, 3), CNN_OK);
    CHECK(f.graph->values[out[0]].batched);
    CHECK(!f.graph->values[out[1]].batched);
    cnn_value mean = cnn_reduce(f.b, y, CNN_REDUCE_MEAN, cnn_all_axes(f.b, y), false);
    CHECK(!f.graph->values[mean].batched);
    check_type(&f, mean, "f32 []");
    close(&f);
}

static void attributes_outlive_the_call(void)
{
    fixture f;
    open(&f);
    int64_t dims[2] = { 4, 192 };
    (void)cnn_reshape(f.b, f.x, 2, dims);
    dims[1] = 7;
    CHECK_INT(((const cnn_dims_attrs *)last_node(&f)->attrs)->dims.v[1], 192);
    (void)cnn_exp(f.b, f.x);
    const cnn_map_attrs *a = last_node(&f)->attrs;
    CHECK_INT(a->expr.count, 2);
    CHECK_INT(a->expr.terms[1].op, CNN_TERM_EXP);
    CHECK_INT(a->dims.count, 4);
    close(&f);
}

static void the_first_error_is_kept_and_ends_everything(void)
{
    fixture f;
    open(&f);
    CHECK_INT(cnn_op1(f.b, "conv3d", NULL, &f.x, 1), CNN_NONE);
    uint32_t nodes = f.graph->n_nodes;
    CHECK_INT(cnn_exp(f.b, cnn_add(f.b, f.x, CNN_NONE)), CNN_NONE);
    CHECK_INT(vector(&f, "weight", 3), CNN_NONE);
    CHECK_INT(cnn_input(f.b, 0), CNN_NONE);
    CHECK_INT(cnn_number(f.b, 1), CNN_NONE);
    cnn_assign(f.b, 0, 0);
    CHECK_INT(cnn_reject(f.b, "second"), CNN_NONE);
    CHECK_INT(f.graph->n_nodes, nodes);
    CHECK_HAS(only_error(&f)->text, "no op 'conv3d'");
    check_type(&f, CNN_NONE, "f32 []");
    close(&f);
}

static void calls_of_ops_are_checked(void)
{
    fixture f;
    open(&f);
    CHECK_INT(cnn_op1(f.b, "matmul", &(cnn_matmul_attrs){ false, false }, &f.x, 1), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "swish: matmul: was given 1 inputs, which are too few");
    close(&f);
    open(&f);
    CHECK_INT(cnn_op1(f.b, "softmax", NULL, &f.x, 1), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "needs its attributes");
    close(&f);
    open(&f);
    cnn_value missing = 77;
    CHECK_INT(cnn_op1(f.b, "concat", &(cnn_axis_attrs){ 1 }, &missing, 1), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "input number 1 does not exist");
    close(&f);
    open(&f);
    cnn_value out[2];
    CHECK_INT(cnn_op_n(f.b, "concat", &(cnn_axis_attrs){ 1 }, &f.x, 1, out, 2), CNN_INVALID);
    CHECK_HAS(only_error(&f)->text, "has 1 results, not 2");
    close(&f);
}

static void errors_of_ops_are_the_layers(void)
{
    fixture f;
    open(&f);
    cnn_value w =
        cnn_weight(f.b, "weight", cnn_type4(CNN_F32, 5, 2, 3, 3), (cnn_init){ CNN_INIT_EYE, 0, 0 });
    (void)conv(&f, f.x, w);
    CHECK_HAS(only_error(&f)->text, "swish: conv2d: the input has 3 channels");
    close(&f);
}

static void random_numbers_are_drawn_from_the_layers_own_stream(void)
{
    fixture f;
    open(&f);
    (void)cnn_random(f.b, cnn_type2(CNN_F32, 4, 3));
    (void)cnn_random(f.b, cnn_type2(CNN_F32, 4, 3));
    const cnn_node *first = &f.graph->nodes[0], *second = &f.graph->nodes[1];
    CHECK_INT(first->n_in, 2);
    CHECK_INT(first->in[0], f.graph->seed);
    CHECK_INT(first->in[1], f.graph->step);
    CHECK_INT(second->in[0], f.graph->seed);
    int64_t stream = ((const cnn_random_attrs *)first->attrs)->stream;
    CHECK(((const cnn_random_attrs *)second->attrs)->stream != stream);
    f.graph->n_layers++; /* the next layer begins */
    f.graph->n_streams = 0;
    uint32_t next = cnn_stream(f.b);
    CHECK(next > (uint32_t)stream + 1);
    fixture other;
    open_mode(&other, CNN_EVAL);
    other.graph->n_layers++;
    CHECK_INT(cnn_stream(other.b), next);
    close(&other);
    close(&f);
}

static void assignments_are_checked(void)
{
    fixture f;
    open(&f);
    cnn_value s = cnn_state(f.b, "mean", cnn_type1(CNN_F32, 3), 0);
    cnn_assign(f.b, s, cnn_scale(f.b, s, 0.5));
    CHECK_INT(f.graph->n_assigns, 1);
    cnn_assign(f.b, s, s);
    CHECK_HAS(only_error(&f)->text, "'2.mean' twice");
    close(&f);
    open(&f);
    cnn_assign(f.b, f.x, f.x);
    CHECK_HAS(only_error(&f)->text, "no weight or state");
    close(&f);
    open(&f);
    s = cnn_state(f.b, "mean", cnn_type1(CNN_F32, 3), 0);
    cnn_assign(f.b, s, f.x);
    CHECK_HAS(only_error(&f)->text, "assigns f32 [4, 3, 8, 8] to '2.mean', which is f32 [3]");
    close(&f);
}

static void constants_are_copied(void)
{
    fixture f;
    open(&f);
    float numbers[2] = { 1, 2 };
    cnn_value c = cnn_constant(f.b, cnn_type1(CNN_F32, 2), numbers);
    numbers[1] = 5;
    CHECK_NEAR(((const float *)f.graph->values[c].data)[1], 2, 0);
    CHECK_INT(f.graph->values[c].kind, CNN_VALUE_CONST);
    close(&f);
}

static void predictions_have_no_target(void)
{
    fixture f;
    open_mode(&f, CNN_PREDICT);
    CHECK_INT(cnn_target(f.b), CNN_NONE);
    CHECK_HAS(only_error(&f)->text, "wants the targets");
    close(&f);
}

static void errors_show_the_way_of_the_shapes(void)
{
    fixture f;
    open(&f);
    cnn_value y = conv(&f, f.x, filters(&f));
    cnn_layer_record records[2] = { { .type = "conv2d", .in = f.x, .out = y },
                                    { .type = "relu", .in = y, .out = cnn_exp(f.b, y) } };
    f.graph->layers = records;
    f.graph->n_layers = 2;
    f.graph->at = records[1].out;
    f.graph->trail = "in block stem (line 5) used at line 26";
    cnn_reject(f.b, "no");
    CHECK_STR(only_error(&f)->text, "swish: no");
    CHECK_STR(only_error(&f)->trail, "in block stem (line 5) used at line 26;  "
                                     "input 3x8x8 > conv2d 5x6x6 > relu > swish");
    close(&f);
}

static void graphs_print_one_line_per_node(void)
{
    fixture f;
    open(&f);
    cnn_value zero = cnn_number(f.b, 0);
    cnn_value y = cnn_max(f.b, conv(&f, f.x, filters(&f)), zero);
    cnn_layer_record record = { .path = "0.conv2d",
                                .type = "conv2d",
                                .options = "out_channels: 5",
                                .in = f.x,
                                .out = y,
                                .first_node = 0,
                                .end_node = 3 };
    f.graph->layers = &record;
    f.graph->n_layers = 1;
    f.graph->output = y;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cnn_graph_print(f.graph, out);
    (void)fclose(out);
    CHECK_STR(text, "input input : f32 [4, 3, 8, 8]\n"
                    "input target : i32 [4]\n"
                    "weight 2.filters : f32 [5, 3, 3, 3]\n"
                    "# 0.conv2d  conv2d out_channels: 5\n"
                    "%2 = map 0 : f32 []\n"
                    "%4 = conv2d(input, 2.filters) : f32 [4, 5, 6, 6]\n"
                    "%5 = map max(%4, %2) : f32 [4, 5, 6, 6]\n"
                    "output %5\n");
    free(text);
    close(&f);
}

static void types_have_texts(void)
{
    char text[160];
    cnn_type type = cnn_type3(CNN_U8, 64, 3, 32);
    cnn_shape_text(&type, true, text, sizeof text);
    CHECK_STR(text, "3x32");
    cnn_shape_text(&type, false, text, sizeof text);
    CHECK_STR(text, "64x3x32");
    cnn_type_text(&type, true, text, sizeof text);
    CHECK_STR(text, "u8 [64, 3, 32]");
    cnn_type_text(&type, true, text, 8);
    CHECK_STR(text, "u8 [64,");
    type = cnn_type1(CNN_I32, 64);
    cnn_shape_text(&type, true, text, sizeof text);
    CHECK_STR(text, "scalar");
}

int main(void)
{
    return RUN_TESTS(
        TEST(weights_are_stored_below_the_layers_prefix),
        TEST(the_same_layer_shares_a_weight_by_name), TEST(two_layers_may_not_store_under_one_name),
        TEST(impossible_weights_are_refused), TEST(maps_broadcast_like_numpy),
        TEST(shapes_that_do_not_fit_are_both_shown), TEST(maps_want_floats_and_say_how_to_get_them),
        TEST(a_value_used_twice_is_one_input), TEST(expand_repeats_and_leaves_equal_shapes_alone),
        TEST(results_are_batched_where_samples_stay_apart), TEST(attributes_outlive_the_call),
        TEST(the_first_error_is_kept_and_ends_everything), TEST(calls_of_ops_are_checked),
        TEST(errors_of_ops_are_the_layers),
        TEST(random_numbers_are_drawn_from_the_layers_own_stream), TEST(assignments_are_checked),
        TEST(constants_are_copied), TEST(predictions_have_no_target),
        TEST(errors_show_the_way_of_the_shapes), TEST(graphs_print_one_line_per_node),
        TEST(types_have_texts));
}
