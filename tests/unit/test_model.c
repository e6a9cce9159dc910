/* From a model's YAML to a graph: prefixes, blocks, branches, names, formulas, and their errors. */
#include "test.h"

#include "base/text.h"
#include "graph.h"
#include "model_layers.h"

#include <stdlib.h>

typedef struct fixture {
    cnn_arena *arena;
    cnn_diags diags;
    cnn_registry registry;
    cnn_module builtin, layers;
    cnn_graph *graph;
    bool built;
} fixture;

/* Builds a pipeline on images 1x12x12 with 10 classes, two at a time. */
static void build(fixture *f, uint32_t mode, bool labels, const char *yaml)
{
    const cnn_data_shape data = { .input = cnn_type3(CNN_F32, 1, 12, 12),
                                  .target = { .dtype = labels ? CNN_I32 : 0 },
                                  .classes = labels ? 10 : 0 };
    memset(f, 0, sizeof *f);
    f->arena = cnn_arena_create();
    f->diags.arena = f->arena;
    f->registry.arena = f->arena;
    f->builtin = (cnn_module){ .path = "", .plugin = &cnn_builtin_plugin };
    f->layers = (cnn_module){ .path = "test.so", .plugin = &test_plugin };
    (void)cnn_registry_add(&f->registry, &f->builtin, NULL);
    (void)cnn_registry_add(&f->registry, &f->layers, NULL);
    const char *whole = cnn_arena_printf(f->arena, "%sdata: blank\noutput: {report: []}\n", yaml);
    const cnn_doc *doc = cnn_doc_parse("m.yaml", whole, strlen(whole), f->arena, &f->diags);
    cnn_config *config =
        doc != NULL ? cnn_config_from(doc, "m.yaml", &f->registry, f->arena, &f->diags) : NULL;
    f->graph = cnn_graph_create(&f->registry, &data, mode, 2, f->arena, &f->diags);
    f->built = config != NULL && cnn_graph_build(f->graph, config);
}

static void close(fixture *f)
{
    cnn_arena_destroy(f->arena);
}

static void expect_built(fixture *f)
{
    if (!CHECK(f->built))
        cnn_diags_print(&f->diags, stderr);
    if (f->graph->n_layers == 0) /* so that tests may look at the first */
        f->graph->layers = CNN_NEW_ARRAY(f->arena, cnn_layer_record, 16);
}

static const cnn_diag *error(const fixture *f)
{
    static const cnn_diag none = { .text = "", .hint = "", .trail = "" };
    CHECK(!f->built);
    return f->diags.count > 0 ? &f->diags.items[0] : &none;
}

/* "0.weight 0.bias 2.weight": names of the states in their order. */
static void check_states(const fixture *f, const char *want)
{
    cnn_text text = { 0 };
    for (uint32_t i = 0; i < f->graph->n_states; i++)
        cnn_text_add(&text, "%s%s", i > 0 ? " " : "",
                     f->graph->values[f->graph->states[i].value].name);
    CHECK_STR(cnn_text_get(&text), want);
    cnn_text_free(&text);
}

static void check_paths(const fixture *f, const char *want)
{
    cnn_text text = { 0 };
    for (uint32_t i = 0; i < f->graph->n_layers; i++)
        cnn_text_add(&text, "%s%s", i > 0 ? " " : "", f->graph->layers[i].path);
    CHECK_STR(cnn_text_get(&text), want);
    cnn_text_free(&text);
}

static void check_output(const fixture *f, const char *want)
{
    char text[160] = "none";
    if (f->graph->output != CNN_NONE)
        cnn_type_text(&f->graph->values[f->graph->output].type, true, text, sizeof text);
    CHECK_STR(text, want);
}

static void layers_are_numbered_as_they_are_written(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "model:\n"
          "  - conv2d: {out_channels: 4, kernel_size: 3}\n"
          "  - relu\n"
          "  - [relu, conv2d: 6, flatten]\n"
          "  - linear: $classes\n");
    expect_built(&f);
    check_paths(&f, "0.conv2d 1.relu 2.relu 3.conv2d 4.flatten 5.linear");
    check_states(&f, "0.weight 0.bias 3.weight 3.bias 5.weight");
    check_output(&f, "f32 [2, 10]");
    const cnn_layer_record *r = &f.graph->layers[0];
    CHECK_INT(r->params, 40);
    CHECK_STR(r->prefix, "0");
    CHECK_STR(r->options, "out_channels: 4, kernel_size: 3");
    CHECK_INT(r->in, f.graph->input);
    CHECK_INT(r->out, f.graph->layers[1].in);
    CHECK_INT(r->end_node, f.graph->layers[1].first_node);
    CHECK_STR(f.graph->nodes[0].layer, "0.conv2d");
    close(&f);
}

static void repeat_counts_below_its_item(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "model:\n"
          "  - {conv2d: {out_channels: $(in.channels * 2), bias: no}, repeat: 3}\n"
          "  - {conv2d: 1, repeat: 2, name: last}\n"
          "  - {relu: , repeat: 0}\n");
    expect_built(&f);
    check_states(&f, "0.0.weight 0.1.weight 0.2.weight last.0.weight last.0.bias last.1.weight "
                     "last.1.bias");
    check_paths(&f, "0.0.conv2d 0.1.conv2d 0.2.conv2d last.0 last.1");
    CHECK_INT(f.graph->values[f.graph->layers[2].out].type.dim[1], 8);
    close(&f);
}

static const char inception[] =
    "blocks:\n"
    "  stem:\n"
    "    params: {wide: 4, narrow: $(wide / 2)}\n"
    "    layers:\n"
    "      - add:\n"
    "          main: [conv2d: {out_channels: $narrow}, conv2d: {out_channels: $wide}]\n"
    "          skip: [{conv2d: {out_channels: $wide}, when: $(wide != in.channels)}]\n"
    "model:\n"
    "  - {stem: {}, name: first}\n"
    "  - stem\n"
    "  - stem: 6\n";

static void blocks_have_options_and_a_single_join_adds_no_level(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true, inception);
    expect_built(&f);
    check_states(&f, "first.main.0.weight first.main.0.bias first.main.1.weight first.main.1.bias "
                     "first.skip.0.weight first.skip.0.bias "
                     "1.main.0.weight 1.main.0.bias 1.main.1.weight 1.main.1.bias "
                     "2.main.0.weight 2.main.0.bias 2.main.1.weight 2.main.1.bias "
                     "2.skip.0.weight 2.skip.0.bias");
    check_output(&f, "f32 [2, 6, 12, 12]");
    CHECK_STR(f.graph->layers[3].path, "first.add");
    CHECK_STR(f.graph->layers[0].trail, "in block stem (line 2) used at line 9");
    close(&f);
}

static void blocks_of_several_items_number_them(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "blocks:\n"
          "  inner: {params: {n: }, layers: [conv2d: $n, relu]}\n"
          "  outer: {params: {n: 3}, layers: [relu, inner: {n: $(2 * n)}]}\n"
          "model: [outer, {outer: {n: 1}, name: top}]\n");
    expect_built(&f);
    check_states(&f, "0.1.0.weight 0.1.0.bias top.1.0.weight top.1.0.bias");
    CHECK_STR(f.graph->layers[1].trail,
              "in block inner (line 2) used at line 3, in block outer (line 3) used at line 4");
    CHECK_INT(f.graph->values[f.graph->layers[1].out].type.dim[1], 6);
    close(&f);
}

static void names_are_inputs_of_later_layers(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "model:\n"
          "  - {conv2d: 4, name: stem}\n"
          "  - conv2d: 4\n"
          "  - {add: {}, from: [stem, late]}\n");
    CHECK_HAS(error(&f)->text, "no layer before this one is named 'late'");
    close(&f);
    build(&f, CNN_PREDICT, true,
          "model:\n"
          "  - {conv2d: 4, name: stem}\n"
          "  - {conv2d: 4, name: late}\n"
          "  - {add: {}, from: [stem, late]}\n"
          "  - add: {main: [{relu: , from: stem}], skip: late}\n"
          "  - {relu: , from: stem}\n");
    expect_built(&f);
    CHECK_INT(f.graph->layers[5].in, f.graph->layers[0].out);
    CHECK_INT(f.graph->layers[3].in, f.graph->layers[0].out);
    close(&f);
}

static void conditions_keep_the_position(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "model:\n"
          "  - {conv2d: 4, when: $(in.channels == 2)}\n"
          "  - {conv2d: 4, when: yes}\n");
    expect_built(&f);
    check_states(&f, "1.weight 1.bias");
    close(&f);
    build(&f, CNN_PREDICT, true, "model: [{conv2d: 4, when: $(in.channels)}]\n");
    CHECK_HAS(error(&f)->text, "when: must be true or false");
    close(&f);
}

static void frozen_items_freeze_what_they_hold(void)
{
    fixture f;
    build(&f, CNN_TRAIN, true,
          "blocks:\n"
          "  pair: {layers: [conv2d: 2, conv2d: 2]}\n"
          "model: [{pair: {}, freeze: yes}, {conv2d: 2, freeze: true}, flatten, linear: 10]\n"
          "train: {loss: cross_entropy, optimizer: still}\n");
    expect_built(&f);
    CHECK_INT(f.graph->n_states, 7);
    for (uint32_t i = 0; i < f.graph->n_states; i++)
        CHECK(f.graph->states[i].frozen == (i < 6));
    close(&f);
}

static void weights_start_as_the_pipeline_says(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "model:\n"
          "  - conv2d: {out_channels: 2}\n"
          "    init: {weight: [[[[3]]], [[[4]]]], bias: {normal: {mean: 5}}}\n");
    expect_built(&f);
    const cnn_state_init *s = f.graph->states;
    CHECK(s[0].data != NULL && s[0].data[1] == 4.0f);
    CHECK_INT(s[1].init.kind, CNN_INIT_NORMAL);
    CHECK_NEAR(s[1].init.a, 5, 0);
    close(&f);
    build(&f, CNN_PREDICT, true,
          "model:\n"
          "  - {conv2d: 2, init: {wieght: zeros}}\n");
    CHECK_STR(error(&f)->text, "conv2d: init: has no weight 'wieght'");
    CHECK_STR(error(&f)->hint, "did you mean 'weight'?");
    close(&f);
}

static void loss_and_metrics_follow_the_model(void)
{
    static const char yaml[] = "model: [flatten, linear: 10]\n"
                               "train: {loss: cross_entropy, optimizer: still}\n"
                               "test: {metrics: [sum]}\n";
    fixture f;
    build(&f, CNN_EVAL, true, yaml);
    expect_built(&f);
    CHECK(f.graph->loss != CNN_NONE);
    CHECK_INT(f.graph->n_metrics, 1);
    CHECK_STR(f.graph->metrics[0].name, "sum");
    CHECK_INT(f.graph->nodes[f.graph->n_nodes - 1].phase, CNN_PHASE_LOSS);
    CHECK_STR(f.graph->nodes[f.graph->n_nodes - 1].layer, "metrics.sum");
    CHECK_INT(f.graph->n_layers, 2);
    close(&f);
    build(&f, CNN_TRAIN, true, yaml);
    expect_built(&f);
    CHECK(f.graph->loss != CNN_NONE);
    CHECK_INT(f.graph->n_metrics, 0);
    close(&f);
    build(&f, CNN_PREDICT, true, yaml);
    expect_built(&f);
    CHECK_INT(f.graph->loss, CNN_NONE);
    CHECK_INT(f.graph->target, CNN_NONE);
    close(&f);
}

static void a_loss_needs_targets_and_gives_one_number(void)
{
    fixture f;
    build(&f, CNN_TRAIN, false,
          "model: [flatten, linear: 10]\n"
          "train: {loss: cross_entropy, optimizer: still}\n");
    CHECK_HAS(error(&f)->text, "cross_entropy: wants the targets");
    CHECK_HAS(error(&f)->text, "data set has none");
    close(&f);
    build(&f, CNN_TRAIN, true,
          "model: [flatten, linear: 10]\n"
          "train: {loss: each, optimizer: still}\n");
    CHECK_STR(error(&f)->text, "each: a loss must give f32 [], but this gives f32 [2]");
    CHECK_INT(error(&f)->place.line, 2);
    close(&f);
}

static void errors_name_layer_place_block_and_way(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "blocks:\n"
          "  big:\n"
          "    layers:\n"
          "      - relu\n"
          "      - conv2d: {out_channels: 2, kernel_size: 11}\n"
          "model:\n"
          "  - conv2d: {out_channels: 3, kernel_size: 3}\n"
          "  - big\n");
    CHECK_HAS(error(&f)->text, "conv2d: kernel 11x11 is larger than the input 10x10");
    CHECK_INT(error(&f)->place.line, 5);
    CHECK_STR(error(&f)->trail, "in block big (line 2) used at line 8;  "
                                "input 1x12x12 > conv2d 3x10x10 > relu > conv2d");
    CHECK_INT(f.diags.errors, 1);
    close(&f);
}

static void joins_show_the_way_to_where_they_stand(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "model:\n"
          "  - conv2d: {out_channels: 3, kernel_size: 3}\n"
          "  - add: {main: [conv2d: 2, relu], skip: []}\n");
    CHECK_STR(error(&f)->text, "add: branch skip differs");
    CHECK_STR(error(&f)->trail, "input 1x12x12 > conv2d 3x10x10 > add");
    close(&f);
}

static void formulas_in_blocks_show_the_way_too(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "blocks:\n"
          "  half: {layers: [conv2d: $(in.channels / 2)]}\n"
          "model: [conv2d: 3, half]\n");
    CHECK_HAS(error(&f)->text, "3 / 2 does not come out even");
    CHECK_STR(error(&f)->trail, "in block half (line 2) used at line 3;  "
                                "input 1x12x12 > conv2d 3x12x12 > conv2d");
    close(&f);
}

static void long_ways_are_cut(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "model: [{conv2d: $(in.channels + 1), repeat: 8}, conv2d: {out_channels: 1, "
          "kernel_size: 13}]\n");
    CHECK_STR(error(&f)->trail,
              "... > conv2d 4x12x12 > conv2d 5x12x12 > conv2d 6x12x12 > conv2d 7x12x12 > "
              "conv2d 8x12x12 > conv2d 9x12x12 > conv2d");
    close(&f);
}

static void wrong_uses_of_blocks_and_joins_are_explained(void)
{
    fixture f;
    build(&f, CNN_PREDICT, true,
          "blocks:\n"
          "  n: {params: {width: }, layers: [conv2d: $width]}\n"
          "model: [n]\n");
    CHECK_HAS(error(&f)->text, "option 'width' is missing");
    close(&f);
    build(&f, CNN_PREDICT, true, "model: [add]\n");
    CHECK_HAS(error(&f)->text, "add: wants two inputs");
    close(&f);
    build(&f, CNN_PREDICT, true,
          "model: [{relu: , name: a}, {relu: , name: b}, {relu: , from: [a, b]}]\n");
    CHECK_HAS(error(&f)->text, "takes one input, but `from:` names 2");
    close(&f);
    build(&f, CNN_PREDICT, true, "model: [{relu: , repeat: -1}]\n");
    CHECK_HAS(error(&f)->text, "repeat: must be a whole number from 0");
    close(&f);
    build(&f, CNN_PREDICT, true, "model: [nothing]\n");
    CHECK_STR(error(&f)->text, "nothing: gave no result");
    close(&f);
    build(&f, CNN_PREDICT, true, "model: [{conv2d: 2, name: a}, {conv2d: 2, name: a}]\n");
    CHECK(!f.built);
    close(&f);
}

static int64_t only_stream(const cnn_graph *g)
{
    int64_t stream = -1;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (strcmp(g->nodes[i].op->c.name, "random") == 0)
            stream = ((const cnn_random_attrs *)g->nodes[i].attrs)->stream;
    return stream;
}

static void streams_belong_to_layers(void)
{
    fixture f, g;
    build(&f, CNN_TRAIN, true,
          "model: [relu, noise, flatten, linear: 10]\n"
          "train: {loss: cross_entropy, optimizer: still}\n");
    expect_built(&f);
    build(&g, CNN_TRAIN, true,
          "model: [conv2d: 1, noise, flatten, linear: 10]\n"
          "train: {loss: cross_entropy, optimizer: still}\n");
    expect_built(&g);
    CHECK(only_stream(f.graph) >= 0);
    CHECK_INT(only_stream(g.graph), only_stream(f.graph));
    close(&f);
    close(&g);
}

static void two_builds_give_the_same_graph(void)
{
    char *texts[2] = { NULL, NULL };
    size_t size;
    for (int i = 0; i < 2; i++) {
        fixture f;
        build(&f, CNN_TRAIN, true,
              "model: [noise, conv2d: 2, flatten, linear: 10]\n"
              "train: {loss: cross_entropy, optimizer: still}\n");
        expect_built(&f);
        FILE *out = open_memstream(&texts[i], &size);
        cnn_graph_print(f.graph, out);
        (void)fclose(out);
        close(&f);
    }
    CHECK_STR(texts[0], texts[1]);
    CHECK_HAS(texts[0], "# 1.conv2d  conv2d out_channels: 2\n");
    CHECK_HAS(texts[0], "# loss.cross_entropy\n");
    free(texts[0]);
    free(texts[1]);
}

int main(void)
{
    return RUN_TESTS(
        TEST(layers_are_numbered_as_they_are_written), TEST(repeat_counts_below_its_item),
        TEST(blocks_have_options_and_a_single_join_adds_no_level),
        TEST(blocks_of_several_items_number_them), TEST(names_are_inputs_of_later_layers),
        TEST(conditions_keep_the_position), TEST(frozen_items_freeze_what_they_hold),
        TEST(weights_start_as_the_pipeline_says), TEST(loss_and_metrics_follow_the_model),
        TEST(a_loss_needs_targets_and_gives_one_number),
        TEST(errors_name_layer_place_block_and_way), TEST(joins_show_the_way_to_where_they_stand),
        TEST(formulas_in_blocks_show_the_way_too), TEST(long_ways_are_cut),
        TEST(wrong_uses_of_blocks_and_joins_are_explained), TEST(streams_belong_to_layers),
        TEST(two_builds_give_the_same_graph));
}
