/* The registry: lookup by kind and name, duplicates, init once, and what is said of what is not
 * there. */
#include "registry.h"

#include "base/arena.h"
#include "test.h"

static const cnn_layer first_layers[] = {
    { .c = { .size = sizeof(cnn_layer), .name = "relu", .summary = "" } },
    { .c = { .size = sizeof(cnn_layer), .name = "conv2d", .summary = "" } },
};
static const cnn_optimizer first_optimizers[] = {
    { .c = { .size = sizeof(cnn_optimizer), .name = "relu", .summary = "" } },
    { .c = { .size = sizeof(cnn_optimizer), .name = "sgd", .summary = "" } },
};
static const cnn_layer second_layers[] = {
    { .c = { .size = sizeof(cnn_layer), .name = "swish", .summary = "" } },
};

static int started, stopped;

static cnn_status count_start(const cnn_host *host, cnn_error *err)
{
    (void)host, (void)err;
    started++;
    return CNN_OK;
}

static void count_stop(void)
{
    stopped = stopped * 10 + started;
    started--;
}

static cnn_status refuse_start(const cnn_host *host, cnn_error *err)
{
    (void)host;
    started++;
    return cnn_fail(err, CNN_MISSING, "no moon");
}

static const cnn_plugin first = {
    .name = "first",
    .version = "1",
    .init = count_start,
    .deinit = count_stop,
    .layers = CNN_TABLE(first_layers),
    .optimizers = CNN_TABLE(first_optimizers),
};
static const cnn_plugin second = {
    .name = "second",
    .version = "1",
    .init = count_start,
    .deinit = count_stop,
    .layers = CNN_TABLE(second_layers),
};
static const cnn_plugin moody = {
    .name = "moody",
    .version = "1",
    .init = refuse_start,
    .layers = CNN_TABLE(second_layers),
};

typedef struct fixture {
    cnn_registry registry;
    cnn_module first, second;
    cnn_error err;
} fixture;

static void set_up(fixture *f, const cnn_plugin *other)
{
    *f = (fixture){ .registry = { .arena = cnn_arena_create() },
                    .first = { .path = "/a/first.so", .plugin = &first },
                    .second = { .path = "/b/second.so", .plugin = other } };
    started = stopped = 0;
    CHECK_INT(cnn_registry_add(&f->registry, &f->first, &f->err), CNN_OK);
    if (other != NULL)
        CHECK_INT(cnn_registry_add(&f->registry, &f->second, &f->err), CNN_OK);
}

static void tear_down(fixture *f)
{
    cnn_registry_deinit(&f->registry);
    cnn_arena_destroy(f->registry.arena);
}

static void components_are_found_by_kind_and_name(void)
{
    fixture f;
    const cnn_component *c;
    set_up(&f, &second);
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "relu", &c, &f.err), CNN_OK);
    CHECK(c == &first_layers[0].c);
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_OPTIMIZER, "relu", &c, &f.err), CNN_OK);
    CHECK(c == &first_optimizers[0].c);
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "second/swish", &c, &f.err), CNN_OK);
    CHECK(c == &second_layers[0].c);
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "first/swish", &c, &f.err),
              CNN_MISSING);
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "firs/relu", &c, &f.err), CNN_MISSING);
    CHECK_INT(f.registry.n_missing, 2);
    tear_down(&f);
}

static void names_of_a_kind_are_sorted(void)
{
    fixture f;
    const char *const *names;
    set_up(&f, &second);
    CHECK_INT(cnn_registry_names(&f.registry, CNN_KIND_LAYER, &names), 3);
    CHECK_STR(names[0], "conv2d");
    CHECK_STR(names[1], "relu");
    CHECK_STR(names[2], "swish");
    CHECK_INT(cnn_registry_names(&f.registry, CNN_KIND_BACKEND, &names), 0);
    tear_down(&f);
}

static void a_near_name_is_suggested(void)
{
    fixture f;
    const cnn_component *c;
    set_up(&f, &second);
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "conv2", &c, &f.err), CNN_MISSING);
    CHECK_HAS(f.err.text, "no layer 'conv2'");
    CHECK_STR(f.err.hint, "did you mean 'conv2d'?");
    CHECK(c == NULL);
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "sgd", &c, &f.err), CNN_MISSING);
    CHECK_HAS(f.err.text, "there is an optimizer of that name");
    tear_down(&f);
}

static void init_runs_once_and_deinit_in_reverse_order(void)
{
    fixture f;
    const cnn_component *c;
    set_up(&f, &second);
    CHECK_INT(started, 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "swish", &c, &f.err), CNN_OK);
        CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "relu", &c, &f.err), CNN_OK);
    }
    CHECK_INT(started, 2);
    CHECK(f.registry.started[0] == &f.second && f.registry.started[1] == &f.first);
    tear_down(&f);
    CHECK_INT(stopped, 21);
    CHECK_INT(started, 0);
}

static void a_failed_init_is_not_tried_again(void)
{
    fixture f;
    const cnn_component *c;
    set_up(&f, &moody);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "swish", &c, &f.err), CNN_MISSING);
        CHECK_STR(f.err.text, "the plugin 'moody' (/b/second.so) cannot be used: no moon");
    }
    CHECK_INT(started, 1);
    CHECK_INT(f.second.init_state, -1);
    CHECK_INT(f.registry.n_missing, 2);
    tear_down(&f);
}

static void a_duplicate_is_refused_as_a_whole(void)
{
    fixture f;
    cnn_module same = { .path = "/a/zweiter.so", .plugin = &first };
    cnn_module other = { .path = "/c/first.so", .plugin = &first };
    set_up(&f, NULL);
    CHECK_INT(cnn_registry_add(&f.registry, &same, &f.err), CNN_INVALID);
    CHECK_HAS(same.refusal,
              "the layer 'relu' of '/a/zweiter.so' is already given by '/a/first.so'");
    CHECK_HAS(same.hint, "one directory");
    CHECK_INT(cnn_registry_add(&f.registry, &other, NULL), CNN_INVALID);
    CHECK_HAS(other.hint, "searched first wins");
    CHECK_INT(f.registry.n_entries, 4);
    CHECK_INT(f.registry.n_modules, 3);
    tear_down(&f);
}

static void the_reason_of_a_refused_plugin_is_told(void)
{
    fixture f;
    const cnn_component *c;
    cnn_module refused = { .path = "/a/swish.so" };
    set_up(&f, NULL);
    cnn_registry_refuse(&f.registry, &refused, "built for cnnrun ABI 0.2", "rebuild it");
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "swish", &c, &f.err), CNN_MISSING);
    CHECK_HAS(f.err.text, "'/a/swish.so' might have it, but cannot be used: built for cnnrun ABI");
    CHECK_STR(f.err.hint, "rebuild it");
    CHECK_INT(cnn_registry_find(&f.registry, CNN_KIND_LAYER, "zzzzzzz", &c, &f.err), CNN_MISSING);
    CHECK_HAS(f.err.hint, "1 plugin cannot be used");
    tear_down(&f);
}

static void built_in_ops_are_there(void)
{
    cnn_registry registry = { .arena = cnn_arena_create() };
    cnn_module module = { .path = "", .plugin = &cnn_builtin_plugin };
    const cnn_component *c;
    cnn_error err;
    CHECK_INT(cnn_registry_add(&registry, &module, &err), CNN_OK);
    CHECK_INT(cnn_registry_find(&registry, CNN_KIND_OP, "conv2d", &c, &err), CNN_OK);
    CHECK_STR(cnn_kind_name(CNN_KIND_OP), "op");
    cnn_arena_destroy(registry.arena);
}

int main(void)
{
    return RUN_TESTS(
        TEST(components_are_found_by_kind_and_name), TEST(names_of_a_kind_are_sorted),
        TEST(a_near_name_is_suggested), TEST(init_runs_once_and_deinit_in_reverse_order),
        TEST(a_failed_init_is_not_tried_again), TEST(a_duplicate_is_refused_as_a_whole),
        TEST(the_reason_of_a_refused_plugin_is_told), TEST(built_in_ops_are_there));
}
