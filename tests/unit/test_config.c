/* Sections of a pipeline -> the typed configuration: defaults, shorthands, blocks, siblings. */
#include "test.h"

#include <stdlib.h>

#include "config.h"
#include "model_layers.h"

typedef struct set_params {
    cnn_array values;
    int64_t shape;
} set_params;

static const cnn_param set_table[] = {
    { CNN_FIELD(set_params, values, ARRAY), .help = "numbers" },
    { CNN_FIELD(set_params, shape, INT), .def = "0", .help = "numbers of a sample" },
};

typedef struct step_params {
    double lr;
} step_params;

static const cnn_param step_table[] = {
    { CNN_FIELD(step_params, lr, FLOAT), .def = "0.1", .help = "length of a step" },
};

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "numbers", sizeof(set_params), CNN_TABLE(set_table),
                         "Numbers.", "numbers: [1]") },
};
static const cnn_transform transforms[] = {
    { .c = CNN_COMPONENT(cnn_transform, "to_float", 0, CNN_NO_PARAMS, "A transform.", "to_float") },
    { .c = CNN_COMPONENT(cnn_transform, "flip", 0, CNN_NO_PARAMS, "A transform.", "flip") },
};
static const cnn_optimizer optimizers[] = {
    { .c = CNN_COMPONENT(cnn_optimizer, "step", sizeof(step_params), CNN_TABLE(step_table),
                         "Steps.", "step: 0.1") },
};
static const cnn_observer observers[] = {
    { .c = CNN_COMPONENT(cnn_observer, "terminal", 0, CNN_NO_PARAMS, "Lines.", "terminal") },
};
static const cnn_plugin parts_plugin = {
    .magic = CNN_MAGIC,
    .name = "parts",
    .version = "1.12",
    .license = "MIT",
    .summary = "components of the tests",
    .datasets = CNN_TABLE(datasets),
    .transforms = CNN_TABLE(transforms),
    .optimizers = CNN_TABLE(optimizers),
    .observers = CNN_TABLE(observers),
};

static cnn_arena *arena;
static cnn_diags diags;
static cnn_registry registry;

static const cnn_config *parse(const char *yaml)
{
    static cnn_module layers, parts;
    layers = (cnn_module){ .path = "layers.so", .plugin = &test_plugin };
    parts = (cnn_module){ .path = "parts.so", .plugin = &parts_plugin };
    diags = (cnn_diags){ .arena = arena };
    registry = (cnn_registry){ .arena = arena };
    (void)cnn_registry_add(&registry, &layers, NULL);
    (void)cnn_registry_add(&registry, &parts, NULL);
    const cnn_doc *doc = cnn_doc_parse("c.yaml", yaml, strlen(yaml), arena, &diags);
    if (!CHECK(doc != NULL))
        return NULL;
    return cnn_config_from(doc, "folder/some.pipeline.yaml", &registry, arena, &diags);
}

/* A pipeline of the text and what it lacks. */
static const cnn_config *read(const char *yaml)
{
    static const cnn_config none = { .name = "", .backend = "", .output = { .dir = "" } };
    const char *data = strstr(yaml, "data:") != NULL ? "" : "data: blank\n";
    const char *model = strstr(yaml, "model:") != NULL ? "" : "model: [relu]\n";
    const cnn_config *config = parse(cnn_arena_printf(arena, "%s\n%s%s", yaml, data, model));
    if (!CHECK(config != NULL))
        cnn_diags_print(&diags, stderr);
    return config != NULL ? config : &none;
}

static void refused(const char *yaml, int line, const char *part)
{
    const char *data = strstr(yaml, "data:") != NULL ? "" : "data: blank\n";
    const char *model = strstr(yaml, "model:") != NULL ? "" : "model: [relu]\n";
    const cnn_config *config = parse(cnn_arena_printf(arena, "%s\n%s%s", yaml, data, model));
    CHECK(config == NULL && diags.count > 0);
    if (diags.count == 0)
        return;
    CHECK_INT(diags.items[0].place.line, line);
    CHECK_HAS(diags.items[0].text, part);
}

static void a_small_pipeline_takes_defaults(void)
{
    const cnn_config *c = read("");
    CHECK_STR(c->name, "some.pipeline");
    CHECK_STR(c->backend, "auto");
    CHECK(!c->forbid_fallback);
    CHECK(c->train.loss.component == NULL && c->train.optimizer.component == NULL);
    CHECK_INT(c->train.batch, 64);
    CHECK_INT(c->data.threads, 1);
    CHECK_STR(c->output.dir, "");
    CHECK_INT(c->output.report.count, 1);
    CHECK_INT(c->steps[0], CNN_STEP_TEST);
    CHECK_INT(c->steps[1], 0);
    CHECK(!c->expect.present && isnan(c->expect.accuracy) && isnan(c->expect.loss));
    CHECK_INT(c->expect.params, -1);
    CHECK_INT(c->model.count, 1);
    CHECK_INT(diags.count, 0);
}

static void training_changes_the_defaults(void)
{
    const cnn_config *c = read("name: mine\ntrain: {loss: cross_entropy, optimizer: {step: 0.5}}");
    CHECK_STR(c->train.loss.component->name, "cross_entropy");
    CHECK_NEAR(((const step_params *)c->train.optimizer.params)->lr, 0.5, 0);
    CHECK_INT(c->steps[0], CNN_STEP_TRAIN);
    CHECK_INT(c->steps[1], CNN_STEP_TEST);
    CHECK_STR(c->output.dir, "runs/mine");
    CHECK_INT(c->output.keep, 3);
}

static void the_top_has_its_own_values(void)
{
    const cnn_config *c = read("cnnrun: 1\nname: n\nbackend: vulkan:1\nfallback: forbid");
    CHECK_STR(c->name, "n");
    CHECK_STR(c->backend, "vulkan:1");
    CHECK(c->forbid_fallback);
    refused("cnnrun: 2", 1, "the file's format is version 2, this program knows up to 1");
    refused("name: a/b", 1, "'a/b' is no name for a pipeline");
    refused("name: .hidden", 1, "is no name");
    refused("name: a$name", 1, "is no name");
    refused("trian: {}", 1, "unknown option 'trian' (did you mean 'train'?)");
    CHECK(parse("{}") == NULL);
    CHECK_STR(diags.items[0].text, "the pipeline is empty");
    CHECK(parse("[1]") == NULL);
    CHECK_HAS(diags.items[0].text, "a pipeline is a map");
}

static void sections_are_maps(void)
{
    refused("train: 5", 1, "train: a map is wanted, not one value");
    refused("test: [a]", 1, "test: a map is wanted, not a list");
    refused("output: x", 1, "output: a map is wanted");
    refused("expect: x", 1, "expect: a map is wanted");
    refused("output: {checkpoint: 5}", 1, "checkpoint: a map is wanted");
    refused("blocks: 3", 1, "blocks: a map from names to blocks is wanted");
    refused("model: relu", 1, "a list of layers is wanted here");
    refused("steps: train", 1, "steps: a list is wanted");
    refused("plugins: parts", 1, "plugins: a list is wanted");
}

static void data_may_be_a_name(void)
{
    const cnn_config *c = read("data: blank");
    CHECK_STR(c->data.source.component->name, "blank");
    CHECK_INT(c->data.threads, 1);
}

static void a_data_set_may_stand_as_the_key(void)
{
    const cnn_config *c = read("data: {numbers: [[1, 2], [3, 4]], transform: to_float}");
    const set_params *p = c->data.source.params;
    CHECK_STR(c->data.source.component->name, "numbers");
    CHECK_INT(p->values.type.rank, 2);
    CHECK_INT(p->shape, 0);
    CHECK_INT(c->data.transform.count, 1);
    p = read("data: {numbers: [[1, 2], [3, 4]], shape: 2}")->data.source.params;
    CHECK_INT(p->shape, 2);
    CHECK_INT(p->values.type.dim[0], 2);
    p = read("data: {numbers: {values: [1], shape: 1}}")->data.source.params;
    CHECK_INT(p->shape, 1);
    refused("data: {numbers: {values: [1]}, shape: 1}", 1, "'shape' belongs inside the braces");
    refused("data: {transform: to_float}", 1, "`source`, the name of a data set, is missing");
}

static void options_of_a_data_set_stand_beside_its_name(void)
{
    const cnn_config *c = read("data: {source: numbers, values: [1], shape: 3, limit: 9}");
    CHECK_INT(((const set_params *)c->data.source.params)->shape, 3);
    CHECK_INT(c->data.limit, 9);
    c = read("data: {source: {numbers: [1, 2]}, augment: [flip, flip]}");
    CHECK_INT(((const set_params *)c->data.source.params)->values.type.dim[0], 2);
    CHECK_INT(c->data.augment.count, 2);
    c = read("data: {source: blank, degrade: flip, target_transform: [flip, flip, flip]}");
    CHECK_INT(c->data.degrade.count, 1);
    CHECK_INT(c->data.target_transform.count, 3);
    CHECK_INT(c->data.transform.count + c->data.augment.count, 0);
    refused("data: {source: blank, degrade: [flop]}", 1, "flop");
    refused("data: {source: blank, tranform: []}", 1, "did you mean 'transform'?");
}

static void a_split_is_a_map_or_three_numbers(void)
{
    const cnn_floats *s =
        &read("data: {source: blank, split: {test: 0.1, train: 0.9}}")->data.split;
    CHECK_INT(s->count, 3);
    CHECK_NEAR(s->v[0], 0.9, 0);
    CHECK_NEAR(s->v[1], 0, 0);
    CHECK_NEAR(s->v[2], 0.1, 0);
    s = &read("data: {source: blank, split: [50, 10, 20]}")->data.split;
    CHECK_NEAR(s->v[2], 20, 0);
    CHECK_INT(read("data: blank")->data.split.count, 0);
    refused("data: {source: blank, split: {train: 1, valid: 2}}", 1, "'valid' is none of train");
    refused("data: {source: blank, split: [1, 2]}", 1, "a list of 3 numbers is wanted");
    refused("data: {source: blank, split: {train: -1}}", 1, "must be from 0");
}

static void an_item_has_its_siblings_beside_it(void)
{
    const cnn_config *c = read("model:\n"
                               "  - relu\n"
                               "  - {relu: , name: stem}\n"
                               "  - conv2d: {out_channels: 4}\n"
                               "    name: late\n"
                               "    from: [stem]\n"
                               "    repeat: 3\n"
                               "    when: $(in.channels > 1)\n"
                               "    freeze: yes\n"
                               "    backend: cpu\n"
                               "    init: {weight: zeros, bias: [1, 2]}\n");
    const cnn_item *item = c->model.count == 3 ? &c->model.items[2] : NULL;
    if (!CHECK(item != NULL))
        return;
    CHECK_STR(item->type, "conv2d");
    CHECK_STR(item->layer->c.name, "conv2d");
    CHECK_STR(item->name, "late");
    CHECK_INT(item->n_from, 1);
    CHECK_STR(item->from[0]->text, "stem");
    CHECK_STR(item->repeat->text, "3");
    CHECK_STR(item->when->text, "$(in.channels > 1)");
    CHECK(item->freeze);
    CHECK_STR(item->backend, "cpu");
    CHECK_INT(item->n_init, 2);
    CHECK_STR(item->init[1].weight, "bias");
    CHECK_INT(item->place.line, 4);
    CHECK(!c->model.items[1].freeze && c->model.items[1].options == NULL);
}

static void names_are_known_to_what_follows(void)
{
    CHECK_INT(read("model: [[relu, {relu: , name: a}], {add: , from: [a, a]}]")->model.count, 2);
    CHECK_INT(read("model: [{relu: , name: a}, add: {x: [{relu: , name: a}], y: a}]")->model.count,
              2);
    refused("model: [{relu: , from: a}, {relu: , name: a}]", 1, "no layer before this one");
    refused("model: [add: {x: [{relu: , name: a}]}, {relu: , from: a}]", 1, "no layer before");
    refused("model: [{relu: , name: a}, {relu: , name: a}]", 1, "the name 'a' is taken: line 1");
    refused("model: [[{relu: , name: a}], {relu: , name: a}]", 1, "the name 'a' is taken");
    refused("model: [{relu: , name: a.b}]", 1, "'a.b' is no name for a layer");
    refused("model: [{relu: , name: 12}]", 1, "'12' is no name for a layer");
}

static void joins_have_branches(void)
{
    const cnn_config *c = read("model:\n"
                               "  - {relu: , name: a}\n"
                               "  - add: {x: [relu, relu], y: [], z: a, w: , v: {conv2d: 3}}\n");
    const cnn_item *item = c->model.count == 2 ? &c->model.items[1] : NULL;
    if (!CHECK(item != NULL) || !CHECK_INT(item->n_branches, 5))
        return;
    static const uint32_t counts[] = { 2, 0, 0, 0, 1 };
    for (uint32_t i = 0; i < 5; i++)
        CHECK_INT(item->branches[i].body.count, counts[i]);
    CHECK_STR(item->branches[0].name, "x");
    CHECK_STR(item->branches[2].from, "a");
    CHECK(item->branches[1].from == NULL);
    CHECK_STR(item->branches[4].body.items[0].type, "conv2d");
}

static void blocks_are_used_like_layers(void)
{
    const cnn_config *c = read("blocks:\n"
                               "  outer: {layers: [inner: 5, relu]}\n"
                               "  inner:\n"
                               "    doc: A convolution.\n"
                               "    params: {width: , size: 3}\n"
                               "    layers: [conv2d: {out_channels: $width, kernel_size: $size}]\n"
                               "model: [outer, inner: {width: 2}]\n");
    if (!CHECK_INT(c->n_blocks, 2) || !CHECK_INT(c->model.count, 2))
        return;
    CHECK(c->model.items[0].block == &c->blocks[0] && c->model.items[0].layer == NULL);
    CHECK(c->blocks[0].body.items[0].block == &c->blocks[1]);
    CHECK_STR(c->blocks[1].doc, "A convolution.");
    CHECK_INT(c->blocks[1].n_params, 2);
    CHECK(c->blocks[1].params[0].def == NULL);
    CHECK_STR(c->blocks[1].params[1].def->text, "3");
    CHECK_INT(diags.count, 0);
}

static void broken_blocks_are_refused(void)
{
    refused("blocks: {a: {layers: [a]}}\nmodel: [a]", 1, "block a contains itself");
    refused("blocks: {a: {layers: [[add: {x: [a]}]]}}\nmodel: [a]", 1, "block a contains itself");
    refused("blocks: {relu: {layers: []}}", 1, "a block cannot be called 'relu'");
    refused("blocks: {a: {layer: []}}\nmodel: [a]", 1, "unknown key 'layer'");
    refused("blocks: {a: {}}\nmodel: [a]", 1, "`layers` is missing");
    refused("blocks: {a: {layers: [relu]}}\nmodel: [a: {w: 1}]", 2, "has no parameter 'w'");
    refused("blocks: {a: {layers: [relu]}}\nmodel: [a: 1]", 2, "block a has no parameters");
    CHECK(parse("blocks: {a: {layers: [relu]}}\nmodel: [relu]\ndata: blank") != NULL);
    CHECK_STR(diags.items[0].text, "block a is not used");
    CHECK(diags.items[0].warning);
}

static void layers_have_roles(void)
{
    refused("model: [cross_entropy]", 1, "'cross_entropy' is a loss: it belongs under train.loss");
    refused("model: [sum]", 1, "'sum' is a metric: it belongs under test.metrics");
    refused("train: {loss: sum, optimizer: step}", 1, "'sum' is a metric, not a loss");
    refused("test: {metrics: relu}", 1, "'relu' is a layer of the model, not a metric");
    CHECK_INT(read("test: {metrics: [sum, sum: {}]}")->test.metrics.count, 2);
}

static void formulas_wait_for_the_shapes(void)
{
    CHECK(read("model: [conv2d: {out_channels: $(in.channels * 2)}]")->model.count == 1);
    refused("model: [conv2d: {out_channels: $x, kernel_size: no}]", 1, "'kernel_size' is 'no'");
    refused("train: {loss: cross_entropy, optimizer: {step: $x}}", 1, "is a formula");
}

static void a_line_is_one_layer(void)
{
    refused("model: [{relu: , flatten: }]", 1, "this has 'relu' and 'flatten'");
    refused("model: [{name: a}]", 1, "no layer in this line");
    refused("model: ['']", 1, "the name of a layer is wanted here");
}

static void steps_run_in_their_order(void)
{
    const cnn_config *c = read("steps: [test, train, test]");
    CHECK_INT(c->steps[0], CNN_STEP_TEST);
    CHECK_INT(c->steps[1], CNN_STEP_TRAIN);
    CHECK_INT(c->steps[2], CNN_STEP_TEST);
    CHECK_INT(c->steps[3], 0);
    refused("steps: [tset]", 1, "unknown step 'tset'");
    refused("steps: [test, test, test, test, test, test, test, test]", 1, "steps: more than 7");
}

static void plugins_may_be_required(void)
{
    CHECK_STR(read("plugins: [parts, parts >= 1.9, test>=1]")->name, "some.pipeline");
    refused("plugins: [parts >= 1.13]", 1, "plugin parts is version 1.12, but 1.13 is wanted");
    CHECK_INT(registry.n_missing, 1);
    refused("plugins: [parts >= 2]", 1, "but 2 is wanted");
    refused("plugins: [parts >= 1.12.1]", 1, "but 1.12.1 is wanted");
    refused("plugins: [acme]", 1, "plugin acme was not found");
    refused("plugins: [parts < 2]", 1, "`name` or `name >= 1.2` is wanted");
    refused("plugins: [[a]]", 1, "`name` or `name >= 1.2` is wanted");
}

static void output_goes_where_it_is_told(void)
{
    const char *train = "train: {loss: cross_entropy, optimizer: step}\nname: n\n";
    CHECK_STR(read(cnn_arena_printf(arena, "%soutput: {dir: a/$name-b}", train))->output.dir,
              "a/n-b");
    CHECK_STR(read(cnn_arena_printf(arena, "%soutput: {dir: ''}", train))->output.dir, "");
    CHECK_STR(read(cnn_arena_printf(arena, "%soutput: {dir: }", train))->output.dir, "");
    CHECK_STR(read("output: {dir: here}")->output.dir, "here");
    CHECK_INT(read("output: {report: []}")->output.report.count, 0);
    CHECK_INT(read("output: {checkpoint: {keep: 9}}")->output.keep, 9);
}

static void expectations_are_read(void)
{
    const cnn_config *c = read("expect: {shape: [1, 2], output: [[1, 2]], tolerance: 1e-3, "
                               "params: 0, accuracy: 90, loss: 0}");
    CHECK(c->expect.present);
    CHECK_INT(c->expect.shape.count, 2);
    CHECK_INT(c->expect.output->count, 1);
    CHECK_NEAR(c->expect.tolerance, 1e-3, 0);
    CHECK_INT(c->expect.params, 0);
    CHECK_NEAR(c->expect.accuracy, 90, 0);
    CHECK_NEAR(c->expect.loss, 0, 0);
}

static char *print(const cnn_config *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cnn_config_print(config, out);
    (void)fclose(out);
    return text;
}

/* What is printed means the same, and prints the same. */
static void printed_pipelines_read_back(void)
{
    static const char *const written[] = {
        "",
        "name: 'a: #b'\nbackend: '- c'\ntrain: {loss: cross_entropy, optimizer: {step: 0.3}, "
        "epochs: 5}",
        "data: {numbers: [[0.1, 2]], transform: to_float, split: [0.5, 0.25, 0.25]}",
        "blocks: {b: {params: {w: 3}, layers: [conv2d: $w]}}\nmodel: [b, {b: 4, repeat: 2}]",
        "expect: {shape: [2], output: [[1, 2], [3, 4]], loss: 0.5}\nsteps: [test]",
        "test: {metrics: [sum], batch: 7}\noutput: {dir: x, report: [], checkpoint: {best: sum}}",
    };
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        char *first = print(read(written[i])), *second = NULL;
        const cnn_config *again = parse(first);
        if (CHECK(again != NULL)) {
            second = print(again);
            CHECK_STR(second, first);
        } else {
            cnn_diags_print(&diags, stderr);
        }
        free(first);
        free(second);
    }
}

static void all_errors_are_told(void)
{
    CHECK(parse("data: nothing\nmodel: [cnv2d, relu: 3]\ntrain: {epoch: 1}\nsteps: x") == NULL);
    CHECK_INT(diags.errors, 7);
}

int main(void)
{
    arena = cnn_arena_create();
    int failed = RUN_TESTS(
        TEST(a_small_pipeline_takes_defaults), TEST(training_changes_the_defaults),
        TEST(the_top_has_its_own_values), TEST(sections_are_maps), TEST(data_may_be_a_name),
        TEST(a_data_set_may_stand_as_the_key), TEST(options_of_a_data_set_stand_beside_its_name),
        TEST(a_split_is_a_map_or_three_numbers), TEST(an_item_has_its_siblings_beside_it),
        TEST(names_are_known_to_what_follows), TEST(joins_have_branches),
        TEST(blocks_are_used_like_layers), TEST(broken_blocks_are_refused), TEST(layers_have_roles),
        TEST(formulas_wait_for_the_shapes), TEST(a_line_is_one_layer),
        TEST(steps_run_in_their_order), TEST(plugins_may_be_required),
        TEST(output_goes_where_it_is_told), TEST(expectations_are_read),
        TEST(printed_pipelines_read_back), TEST(all_errors_are_told));
    cnn_arena_destroy(arena);
    return failed;
}
