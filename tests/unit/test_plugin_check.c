/* Checks of a plugin's tables: each fault alone, in an otherwise good plugin. */
#include "plugin_check.h"

#include "test.h"

#include <stddef.h>

typedef struct knobs {
    double lr;
    int64_t size;
} knobs;

/* Tables that a test may spoil; `plugin` points into the others, so it stays where it is. */
typedef struct sample {
    cnn_param params[2];
    cnn_layer layers[2];
    cnn_op op;
    cnn_kernel kernel;
    cnn_optimizer optimizer;
    cnn_plugin plugin;
    cnn_error err;
} sample;

static cnn_value build(cnn_builder *b, const void *params)
{
    (void)params;
    return cnn_input(b, 0);
}

static void update(cnn_builder *b, const void *params, cnn_value weight, cnn_value gradient,
                   const cnn_value *scalars)
{
    (void)b, (void)params, (void)weight, (void)gradient, (void)scalars;
}

static cnn_status infer(const void *attrs, const cnn_type *in, uint32_t n_in, cnn_type *out,
                        cnn_error *err)
{
    (void)attrs, (void)n_in, (void)err;
    *out = in[0];
    return CNN_OK;
}

static cnn_status run_kernel(const cnn_kernel_args *args, cnn_error *err)
{
    (void)args, (void)err;
    return CNN_OK;
}

static void fill(sample *s)
{
    const cnn_param params[] = {
        { CNN_FIELD(knobs, lr, FLOAT), .def = "0.1", .min = 0, .max = 1, .help = "rate" },
        { CNN_FIELD(knobs, size, INT), .def = "3", .min = 1, .max = 9, .help = "size" },
    };
    memcpy(s->params, params, sizeof params);
    const cnn_table table = CNN_TABLE(s->params);
    s->layers[0] = (cnn_layer){
        .c = { .size = sizeof(cnn_layer),
               .params_size = sizeof(knobs),
               .name = "one",
               .summary = "",
               .example = "one",
               .params = table },
        .build = build,
    };
    s->layers[1] = s->layers[0];
    s->layers[1].c.name = "two_2";
    s->kernel = (cnn_kernel){ .size = sizeof s->kernel, .target = "host", .run = run_kernel };
    s->op = (cnn_op){
        .c = { .size = sizeof(cnn_op), .name = "op", .summary = "", .example = "op(x)" },
        .min_in = 1,
        .max_in = 1,
        .n_out = 1,
        .infer = infer,
        .kernels = { &s->kernel, 1, sizeof s->kernel },
    };
    s->optimizer = (cnn_optimizer){
        .c = { .size = sizeof(cnn_optimizer),
               .params_size = sizeof(knobs),
               .name = "step",
               .summary = "",
               .example = "step",
               .params = table },
        .n_scalars = 1,
        .update = update,
    };
    s->plugin = (cnn_plugin){
        .magic = CNN_MAGIC,
        .name = "good",
        .version = "1",
        .license = "MIT-0",
        .summary = "",
        .layers = CNN_TABLE(s->layers),
        .ops = { &s->op, 1, sizeof s->op },
        .optimizers = { &s->optimizer, 1, sizeof s->optimizer },
    };
}

static bool is_good(sample *s)
{
    return cnn_plugin_check(&s->plugin, &s->err) == CNN_OK;
}

/* The check must fail with this text; then everything is mended for the next fault. */
#define CHECK_REFUSED(s, part)          \
    do {                                \
        CHECK(!is_good(s));             \
        CHECK_HAS((s)->err.text, part); \
        fill(s);                        \
        CHECK(is_good(s));              \
    } while (0)

static void magic_is_compared_field_by_field(void)
{
    sample s;
    fill(&s);
    s.plugin.magic.magic[7] = '!';
    CHECK_REFUSED(&s, "magic word");
    s.plugin.magic.major = 7;
    CHECK_REFUSED(&s, "built for cnnrun ABI 7.1, this is 0.1");
    s.plugin.magic.minor = 2;
    CHECK_REFUSED(&s, "built for cnnrun ABI 0.2, this is 0.1");
    s.plugin.magic.pointer_bits = 32;
    CHECK_REFUSED(&s, "built for pointers of 32 bits");
    s.plugin.magic.plugin_size--;
    CHECK_REFUSED(&s, "cut off");
    s.plugin.magic.plugin_size += 64;
    CHECK(is_good(&s));
}

static void names_are_small_letters_digits_and_underscores(void)
{
    CHECK(cnn_is_component_name("a"));
    CHECK(cnn_is_component_name("conv2d_x"));
    static const char *const bad[] = { "", "2d", "_a", "Conv", "a-b", "a b", "a/b", "\xc3\xa4" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!cnn_is_component_name(bad[i]));
    CHECK(!cnn_is_component_name(NULL));
    CHECK(
        !cnn_is_component_name("a123456789b123456789c123456789d123456789e123456789f123456789g123"));
    sample s;
    fill(&s);
    s.plugin.name = "My plugin";
    CHECK_REFUSED(&s, "the plugin has the name 'My plugin'");
    s.layers[1].c.name = NULL;
    CHECK_REFUSED(&s, "a component of kind layer has the name '(none)'");
}

static void sizes_and_strides_may_be_larger_but_not_smaller(void)
{
    sample s;
    fill(&s);
    s.layers[0].c.size--;
    CHECK_REFUSED(&s, "layer 'one': its struct is cut off");
    s.layers[0].c.size++; /* more than the stride */
    CHECK_REFUSED(&s, "layer 'one': its struct is cut off");
    s.plugin.layers.stride--;
    CHECK_REFUSED(&s, "its table of layers is cut off");
    s.plugin.layers.items = NULL;
    CHECK_REFUSED(&s, "its table of layers is broken");
    s.plugin.layers.count = UINT32_MAX;
    CHECK_REFUSED(&s, "its table of layers is broken");
}

static cnn_status infer_sample(const void *params, const cnn_type *in, cnn_type *out,
                               cnn_error *err)
{
    (void)params, (void)err;
    *out = *in;
    return CNN_OK;
}

static cnn_status apply_sample(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                               cnn_rng *rng, cnn_error *err)
{
    (void)params, (void)in, (void)out, (void)rng, (void)err;
    return CNN_OK;
}

/* Their tables, too, have the older size as stride. */
static void structs_may_end_before_members_that_came_later(void)
{
    sample s;
    cnn_transform transform = {
        .c = { .size = offsetof(cnn_transform, flags), .name = "older", .summary = "" },
        .infer = infer_sample,
        .apply = apply_sample,
    };
    fill(&s);
    s.plugin.transforms = (cnn_table){ &transform, 1, offsetof(cnn_transform, flags) };
    CHECK(is_good(&s));
    transform.c.size--;
    CHECK(!is_good(&s));
    CHECK_HAS(s.err.text, "transform 'older': its struct is cut off");
    transform.c.size = offsetof(cnn_transform, flags);
    s.plugin.transforms.stride--;
    CHECK(!is_good(&s));
    CHECK_HAS(s.err.text, "its table of transforms is cut off");
}

static void required_texts_and_functions_are_missed(void)
{
    sample s;
    fill(&s);
    s.plugin.version = NULL;
    CHECK_REFUSED(&s, "must state its version");
    s.layers[0].c.summary = NULL;
    CHECK_REFUSED(&s, "layer 'one': no summary");
    s.layers[0].build = NULL;
    CHECK_REFUSED(&s, "layer 'one': no function 'build'");
    s.op.infer = NULL;
    CHECK_REFUSED(&s, "op 'op': no function 'infer'");
    s.optimizer.update = NULL;
    CHECK_REFUSED(&s, "optimizer 'step': no function 'update'");
    s.optimizer.n_scalars = 2;
    CHECK_REFUSED(&s, "2 scalars, but no function 'scalars'");
    s.optimizer.n_scalars = 0;
    CHECK_REFUSED(&s, "n_scalars is 0");
    s.plugin.layers.count = s.plugin.ops.count = s.plugin.optimizers.count = 0;
    CHECK_REFUSED(&s, "has no components");
}

static void kinds_have_rules_of_their_own(void)
{
    sample s;
    fill(&s);
    s.layers[0].role = 17;
    CHECK_REFUSED(&s, "unknown role 17");
    s.layers[0].metric = 17;
    CHECK_REFUSED(&s, "unknown kind of metric 17");
    s.op.min_in = 2;
    CHECK_REFUSED(&s, "takes at least 2 inputs but at most 1");
    s.kernel.target = "metal";
    CHECK_REFUSED(&s, "no kernel for the target \"host\"");
    s.kernel.target = "metal";
    s.kernel.run = NULL;
    CHECK_REFUSED(&s, "kernel 0 for \"metal\" has no function");
    s.kernel.target = "spirv";
    CHECK_REFUSED(&s, "kernel 0 for \"spirv\" needs code of whole words and dispatch");
    s.kernel.target = NULL;
    CHECK_REFUSED(&s, "kernel 0 has no size or target");
    s.op.kernels.count = 0;
    CHECK_REFUSED(&s, "no kernel for the target \"host\"");
    s.optimizer.c.params.count = 0;
    CHECK_REFUSED(&s, "no parameter 'lr'");
}

static void parameter_tables_are_checked(void)
{
    sample s;
    fill(&s);
    s.params[1].size = 8;
    CHECK_REFUSED(&s, "parameter 1 has size 8");
    s.layers[0].c.params.stride = 8;
    CHECK_REFUSED(&s, "its parameter table is broken");
    s.layers[0].c.params.items = NULL;
    CHECK_REFUSED(&s, "its parameter table is broken");
    s.params[1].def = "10";
    CHECK_REFUSED(&s, "size");
    s.layers[0].c.params_size = 4;
    CHECK_REFUSED(&s, "one");
}

static void duplicates_inside_a_plugin_are_refused(void)
{
    sample s;
    fill(&s);
    s.layers[1].c.name = "one";
    CHECK_REFUSED(&s, "the layer 'one' stands in its table twice");
}

int main(void)
{
    return RUN_TESTS(TEST(magic_is_compared_field_by_field),
                     TEST(names_are_small_letters_digits_and_underscores),
                     TEST(sizes_and_strides_may_be_larger_but_not_smaller),
                     TEST(structs_may_end_before_members_that_came_later),
                     TEST(required_texts_and_functions_are_missed),
                     TEST(kinds_have_rules_of_their_own), TEST(parameter_tables_are_checked),
                     TEST(duplicates_inside_a_plugin_are_refused));
}
