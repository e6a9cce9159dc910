/* The sections of a pipeline, each read with a parameter table like any plugin's options. */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "params.h"

#define FORMAT_VERSION 1

/* A section that is no map is refused here: as options it would be the value of the first one. */
static const cnn_doc *as_map(cnn_config_reader *r, const char *section, const cnn_doc *doc,
                             const char *example)
{
    if (doc == NULL || doc->kind == CNN_DOC_MAP || cnn_doc_is_null(doc))
        return doc;
    cnn_diag *diag = cnn_diag_error(r->diags, doc->place, "%s: a map is wanted, not %s", section,
                                    doc->kind == CNN_DOC_LIST ? "a list" : "one value");
    cnn_diag_hint(r->diags, diag, "e.g. %s: {%s}", section, example);
    return NULL;
}

/* ---- train ---- */

static const cnn_param train_params[] = {
    { CNN_FIELD(cnn_train_config, epochs, INT), .def = "1", .min = 0, .max = 1e6,
      .help = "passes over the training samples" },
    { CNN_FIELD(cnn_train_config, batch, INT), .def = "64", .min = 1, .max = 1e6, .unit = "samples",
      .help = "samples in a step" },
    { CNN_FIELD(cnn_train_config, seed, INT), .def = "0", .min = 0, .max = 9e15,
      .help = "of all random numbers" },
    { CNN_FIELD(cnn_train_config, log_every, INT), .def = "300", .min = 0, .max = 1e9,
      .unit = "batches", .help = "between lines with the loss; 0: none" },
    { CNN_FIELD(cnn_train_config, steps, INT), .def = "0", .min = 0, .max = 1e15,
      .help = "stop after so many steps; 0: no limit" },
    { CNN_FIELD(cnn_train_config, shuffle, BOOL), .def = "true",
      .help = "a new order of the samples in every epoch" },
    { CNN_FIELD(cnn_train_config, drop_last, BOOL), .def = "false",
      .help = "leave out a last, smaller batch" },
    { CNN_FIELD(cnn_train_config, clip_grad_norm, FLOAT), .def = "0", .min = 0, .max = 1e30,
      .help = "scale gradients down to this 2-norm; 0: off" },
};
static const cnn_table train_table = CNN_TABLE(train_params);

static void read_train(cnn_config_reader *r, const cnn_doc *doc)
{
    static const char *const also[] = { "loss", "optimizer", "schedule", NULL };
    cnn_train_config *train = &r->config->train;
    doc = as_map(r, "train", doc, "loss: cross_entropy, optimizer: {sgd: {lr: 0.01}}, epochs: 10");
    cnn_place place = doc != NULL ? doc->place : r->config->doc->place;
    const cnn_train_config *read =
        cnn_params_read("train", &train_table, sizeof *read, doc, place, also, r->arena, r->diags);
    if (read != NULL)
        *train = *read;
    train->place = place;
    const cnn_doc *loss = cnn_doc_get(doc, "loss"), *optimizer = cnn_doc_get(doc, "optimizer");
    if (loss != NULL && cnn_config_pick(r, CNN_KIND_LAYER, loss, &train->loss))
        (void)cnn_config_check_role(r, &train->loss, CNN_ROLE_LOSS, "train.loss");
    if (optimizer != NULL)
        (void)cnn_config_pick(r, CNN_KIND_OPTIMIZER, optimizer, &train->optimizer);
    cnn_config_pick_all(r, CNN_KIND_SCHEDULE, cnn_doc_get(doc, "schedule"), &train->schedule);
    if (doc != NULL && loss == NULL)
        cnn_diag_error(r->diags, place, "train: `loss` is missing, e.g. `loss: cross_entropy`");
    if (doc != NULL && optimizer == NULL)
        cnn_diag_error(r->diags, place,
                       "train: `optimizer` is missing, e.g. `optimizer: {sgd: {lr: 0.01}}`");
}

/* ---- test ---- */

static const cnn_param test_params[] = {
    { CNN_FIELD(cnn_test_config, batch, INT), .def = "0", .min = 0, .max = 1e6, .unit = "samples",
      .help = "samples in a step; 0: as in training" },
    { CNN_FIELD(cnn_test_config, every, INT), .def = "1", .min = 0, .max = 1e6, .unit = "epochs",
      .help = "between tests during training; 0: none" },
};
static const cnn_table test_table = CNN_TABLE(test_params);

static void read_test(cnn_config_reader *r, const cnn_doc *doc)
{
    static const char *const also[] = { "metrics", NULL };
    cnn_test_config *test = &r->config->test;
    doc = as_map(r, "test", doc, "metrics: [accuracy]");
    cnn_place place = doc != NULL ? doc->place : r->config->doc->place;
    const cnn_test_config *read =
        cnn_params_read("test", &test_table, sizeof *read, doc, place, also, r->arena, r->diags);
    if (read != NULL)
        *test = *read;
    cnn_config_pick_all(r, CNN_KIND_LAYER, cnn_doc_get(doc, "metrics"), &test->metrics);
    for (uint32_t i = 0; i < test->metrics.count; i++)
        (void)cnn_config_check_role(r, &test->metrics.items[i], CNN_ROLE_METRIC, "test.metrics");
}

/* ---- output ---- */

static const cnn_param output_params[] = {
    { CNN_FIELD(cnn_output_config, dir, PATH), .def = "runs/$name",
      .help = "where the run writes; empty: nowhere" },
};
static const cnn_table output_table = CNN_TABLE(output_params);

static const cnn_param checkpoint_params[] = {
    { CNN_FIELD(cnn_output_config, every, INT), .def = "1", .min = 0, .max = 1e6, .unit = "epochs",
      .help = "between checkpoints; 0: none" },
    { CNN_FIELD(cnn_output_config, keep, INT), .def = "3", .min = 0, .max = 1e6,
      .help = "newest checkpoints that are kept; 0: all" },
    { CNN_FIELD(cnn_output_config, best, TEXT), .def = "",
      .help = "also keep the best by this, e.g. test.accuracy; of losses and errors the smallest" },
};
static const cnn_table checkpoint_table = CNN_TABLE(checkpoint_params);

/* "$name" in a path is the pipeline's name. `$name` is no formula here. */
static const char *expand_name(const char *dir, const char *name, cnn_arena *arena)
{
    const char *mark = strstr(dir, "$name");
    if (mark == NULL)
        return dir;
    return cnn_arena_printf(arena, "%.*s%s%s", (int)(mark - dir), dir, name, mark + 5);
}

/* The path's `$name` is quoted so that it does not read as a formula. */
static cnn_doc *quote_dir(cnn_config_reader *r, const cnn_doc *doc)
{
    cnn_doc *copy = CNN_NEW(r->arena, cnn_doc);
    *copy = *doc;
    copy->items = cnn_arena_copy(r->arena, doc->items, doc->count * sizeof *doc->items);
    for (uint32_t i = 0; i < doc->count; i++)
        if (strcmp(doc->keys[i]->text, "dir") == 0 && doc->items[i]->kind == CNN_DOC_SCALAR) {
            copy->items[i] = cnn_arena_copy(r->arena, doc->items[i], sizeof *doc->items[i]);
            copy->items[i]->quoted = true;
        }
    return copy;
}

static void pick_report(cnn_config_reader *r, const cnn_doc *report)
{
    static const char *const usual[] = { "terminal", "jsonl", "csv" };
    cnn_uses *uses = &r->config->output.report;
    if (report != NULL) {
        cnn_config_pick_all(r, CNN_KIND_OBSERVER, report, uses);
        return;
    }
    uint32_t count = r->config->output.dir[0] != '\0' ? 3 : 1;
    uses->items = CNN_NEW_ARRAY(r->arena, cnn_use, count);
    const char *const *names;
    size_t known = cnn_registry_names(r->registry, CNN_KIND_OBSERVER, &names);
    for (uint32_t i = 0; i < count; i++)
        for (size_t k = 0; k < known; k++) {
            cnn_doc *name = CNN_NEW(r->arena, cnn_doc);
            *name = (cnn_doc){ .text = usual[i], .place = r->config->doc->place };
            if (strcmp(names[k], usual[i]) == 0 &&
                cnn_config_pick(r, CNN_KIND_OBSERVER, name, &uses->items[uses->count]))
                uses->count++;
        }
}

static void read_output(cnn_config_reader *r, const cnn_doc *doc, bool trains)
{
    static const char *const also[] = { "checkpoint", "report", NULL };
    cnn_output_config *output = &r->config->output;
    doc = as_map(r, "output", doc, "dir: runs/mine");
    cnn_place place = doc != NULL ? doc->place : r->config->doc->place;
    const cnn_doc *dir = cnn_doc_get(doc, "dir"),
                  *checkpoint =
                      as_map(r, "checkpoint", cnn_doc_get(doc, "checkpoint"), "every: 1, keep: 3");
    if (doc != NULL && doc->kind == CNN_DOC_MAP)
        doc = quote_dir(r, doc);
    const cnn_output_config *a =
        cnn_params_read("output", &output_table, sizeof *a, doc, place, also, r->arena, r->diags);
    const cnn_output_config *b = cnn_params_read("output.checkpoint", &checkpoint_table, sizeof *b,
                                                 checkpoint, place, NULL, r->arena, r->diags);
    output->dir = "";
    if (b != NULL)
        *output = *b;
    output->dir = "";
    if (a != NULL && (trains || dir != NULL) && !(dir != NULL && cnn_doc_is_null(dir)))
        output->dir = expand_name(a->dir, r->config->name, r->arena);
    pick_report(r, cnn_doc_get(doc, "report"));
}

/* ---- expect ---- */

static const cnn_param expect_params[] = {
    { CNN_FIELD(cnn_expect_config, shape, INTS), .flags = CNN_PARAM_OPTIONAL, .min_count = 1,
      .max_count = CNN_MAX_RANK, .help = "of the output, with or without the batch" },
    { CNN_FIELD(cnn_expect_config, tolerance, FLOAT), .def = "0", .min = 0, .max = 1e30,
      .help = "largest accepted difference of an output value" },
    { CNN_FIELD(cnn_expect_config, params, INT), .def = "-1", .help = "trained numbers" },
    { CNN_FIELD(cnn_expect_config, macs, INT), .def = "-1",
      .help = "multiply-adds for one sample" },
    { CNN_FIELD(cnn_expect_config, accuracy, FLOAT), .def = "-1", .min = -1, .max = 100,
      .unit = "percent", .help = "at least, in the last test" },
    { CNN_FIELD(cnn_expect_config, loss, FLOAT), .def = "-1", .min = -1, .max = 1e30,
      .help = "at most, in the last test" },
};
static const cnn_table expect_table = CNN_TABLE(expect_params);

static void read_expect(cnn_config_reader *r, const cnn_doc *doc)
{
    static const char *const also[] = { "output", NULL };
    cnn_expect_config *expect = &r->config->expect;
    doc = as_map(r, "expect", doc, "shape: [10]");
    cnn_place place = doc != NULL ? doc->place : r->config->doc->place;
    const cnn_expect_config *read = cnn_params_read("expect", &expect_table, sizeof *read, doc,
                                                    place, also, r->arena, r->diags);
    if (read != NULL)
        *expect = *read;
    expect->place = place;
    expect->present = doc != NULL;
    expect->output = cnn_doc_get(doc, "output");
    if (expect->accuracy < 0)
        expect->accuracy = NAN;
    if (expect->loss < 0)
        expect->loss = NAN;
}

/* ---- the top ---- */

static const cnn_param top_params[] = {
    { CNN_FIELD(cnn_config_top, cnnrun, INT), .def = "1", .min = 1, .max = 1e6,
      .help = "version of the file's format" },
    { CNN_FIELD(cnn_config_top, name, TEXT), .flags = CNN_PARAM_OPTIONAL,
      .help = "of the pipeline" },
    { CNN_FIELD(cnn_config_top, backend, TEXT), .def = "auto",
      .help = "auto, or a backend and maybe a device: cpu, vulkan:1" },
    { CNN_FIELD(cnn_config_top, fallback, CHOICE), .def = "allow", .choices = "allow|forbid",
      .help = "may nodes run on the backend that the chosen one stands on?" },
};
static const cnn_table top_table = CNN_TABLE(top_params);

static const char *const sections[] = { "plugins", "data",   "blocks", "model",  "train",
                                        "test",    "output", "steps",  "expect", NULL };

/* The file's name without folder and ending. */
static const char *default_name(const char *path, cnn_arena *arena)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    int n = dot != NULL && dot != base ? (int)(dot - base) : (int)strlen(base);
    return cnn_arena_printf(arena, "%.*s", n, base);
}

static void read_top(cnn_config_reader *r, const cnn_doc *doc)
{
    cnn_config *config = r->config;
    const cnn_config_top *top = cnn_params_read("pipeline", &top_table, sizeof *top, doc,
                                                doc->place, sections, r->arena, r->diags);
    config->name = default_name(config->path, r->arena);
    config->backend = "auto";
    if (top == NULL)
        return;
    if (top->name != NULL && top->name[0] != '\0')
        config->name = top->name;
    if (strpbrk(config->name, "/$\n") != NULL || config->name[0] == '.')
        cnn_diag_error(r->diags,
                       cnn_doc_get(doc, "name") ? cnn_doc_get(doc, "name")->place : doc->place,
                       "'%s' is no name for a pipeline: it becomes a folder's name", config->name);
    config->backend = top->backend;
    config->forbid_fallback = top->fallback == 1;
    if (top->cnnrun > FORMAT_VERSION)
        cnn_diag_hint(r->diags,
                      cnn_diag_error(r->diags, cnn_doc_get(doc, "cnnrun")->place,
                                     "the file's format is version %lld, this program knows up "
                                     "to %d",
                                     (long long)top->cnnrun, FORMAT_VERSION),
                      "a newer cnnrun reads it");
}

/* Is version a at least b? Numbers between dots are compared in turn. */
static bool version_reaches(const char *a, const char *b)
{
    while (*b != '\0') {
        char *ea, *eb;
        long na = strtol(a, &ea, 10), nb = strtol(b, &eb, 10);
        if (na != nb)
            return na > nb;
        a = *ea == '.' ? ea + 1 : ea;
        b = *eb == '.' ? eb + 1 : eb;
        if (eb == b)
            break;
    }
    return true;
}

/* "acme" or "acme >= 1.2". */
static void require_plugin(cnn_config_reader *r, const cnn_doc *doc)
{
    char name[128];
    size_t n = doc->kind == CNN_DOC_SCALAR ? strcspn(doc->text, " >") : 0;
    const char *rest = doc->kind == CNN_DOC_SCALAR ? doc->text + n : "";
    rest += strspn(rest, " ");
    if (n == 0 || n >= sizeof name || (*rest != '\0' && strncmp(rest, ">=", 2) != 0)) {
        cnn_diag_error(r->diags, doc->place, "plugins: `name` or `name >= 1.2` is wanted");
        return;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)n, doc->text);
    const char *version = *rest != '\0' ? rest + 2 + strspn(rest + 2, " ") : "0";
    for (size_t i = 0; i < r->registry->n_modules; i++) {
        const cnn_module *module = r->registry->modules[i];
        if (module->plugin == NULL || module->refusal != NULL ||
            strcmp(module->plugin->name, name) != 0)
            continue;
        if (version_reaches(module->plugin->version, version))
            return;
        r->registry->n_missing++;
        cnn_diag_hint(r->diags,
                      cnn_diag_error(r->diags, doc->place,
                                     "plugin %s is version %s, but %s is wanted", name,
                                     module->plugin->version, version),
                      "a newer %s is to be found on the plugin path, or the number lowered", name);
        return;
    }
    r->registry->n_missing++;
    cnn_diag *diag = cnn_diag_error(r->diags, doc->place, "plugin %s was not found", name);
    cnn_diag_hint(r->diags, diag, "cnnrun plugins lists what is there and what was refused");
}

static void read_steps(cnn_config_reader *r, const cnn_doc *doc, bool trains)
{
    uint32_t *steps = r->config->steps;
    uint32_t capacity = (uint32_t)(sizeof r->config->steps / sizeof r->config->steps[0]) - 1;
    uint32_t count = 0;
    if (doc == NULL) {
        steps[0] = trains ? CNN_STEP_TRAIN : CNN_STEP_TEST;
        steps[1] = trains ? CNN_STEP_TEST : 0;
    }
    for (uint32_t i = 0; doc != NULL && doc->kind == CNN_DOC_LIST && i < doc->count; i++) {
        const cnn_doc *one = doc->items[i];
        bool train = one->kind == CNN_DOC_SCALAR && strcmp(one->text, "train") == 0;
        bool test = one->kind == CNN_DOC_SCALAR && strcmp(one->text, "test") == 0;
        if (!train && !test)
            cnn_diag_hint(r->diags,
                          cnn_diag_error(r->diags, one->place, "steps: unknown step '%s'",
                                         one->kind == CNN_DOC_SCALAR ? one->text : "..."),
                          "steps: train, test");
        else if (count == capacity)
            cnn_diag_error(r->diags, one->place, "steps: more than %u", capacity);
        else
            steps[count++] = train ? CNN_STEP_TRAIN : CNN_STEP_TEST;
    }
    if (doc != NULL && doc->kind != CNN_DOC_LIST)
        cnn_diag_error(r->diags, doc->place, "steps: a list is wanted, e.g. [train, test]");
}

static void read_sections(cnn_config_reader *r, const cnn_doc *doc)
{
    const cnn_doc *plugins = cnn_doc_get(doc, "plugins"), *data = cnn_doc_get(doc, "data");
    const cnn_doc *model = cnn_doc_get(doc, "model");
    bool trains = cnn_doc_get(doc, "train") != NULL;
    if (plugins != NULL && plugins->kind == CNN_DOC_LIST)
        for (uint32_t i = 0; i < plugins->count; i++)
            require_plugin(r, plugins->items[i]);
    else if (plugins != NULL)
        cnn_diag_error(r->diags, plugins->place, "plugins: a list is wanted");
    if (data != NULL)
        cnn_config_read_data(r, data);
    else
        cnn_diag_error(r->diags, doc->place, "`data:` is missing: where do the samples come from?");
    cnn_config_read_blocks(r, cnn_doc_get(doc, "blocks"));
    if (model != NULL)
        cnn_config_read_items(r, model, &r->config->model);
    else
        cnn_diag_error(r->diags, doc->place, "`model:` is missing: a list of layers");
    cnn_config_check_blocks(r);
    read_train(r, cnn_doc_get(doc, "train"));
    read_test(r, cnn_doc_get(doc, "test"));
    read_steps(r, cnn_doc_get(doc, "steps"), trains);
    read_output(r, cnn_doc_get(doc, "output"), trains);
    read_expect(r, cnn_doc_get(doc, "expect"));
}

cnn_config *cnn_config_from(const cnn_doc *doc, const char *path, cnn_registry *registry,
                            cnn_arena *arena, cnn_diags *diags)
{
    size_t errors = diags->errors;
    cnn_config *config = CNN_NEW(arena, cnn_config);
    cnn_config_reader reader = {
        .config = config,
        .registry = registry,
        .arena = arena,
        .diags = diags,
        .file = doc->place.source,
    };
    config->path = path;
    config->doc = doc;
    if (doc->kind == CNN_DOC_MAP && doc->count == 0) {
        cnn_diag *diag = cnn_diag_error(diags, doc->place, "the pipeline is empty");
        cnn_diag_hint(diags, diag, "it wants at least `data:` and `model:`");
        return NULL;
    }
    if (doc->kind != CNN_DOC_MAP) {
        cnn_diag_error(diags, doc->place, "a pipeline is a map: data, model, train, ...");
        return NULL;
    }
    read_top(&reader, doc);
    read_sections(&reader, doc);
    return diags->errors == errors ? config : NULL;
}

/* ---- tables for the printer ---- */

const cnn_table *cnn_config_table(const char *section)
{
    static const struct {
        const char *name;
        const cnn_table *table;
    } tables[] = { { "top", &top_table },
                   { "train", &train_table },
                   { "test", &test_table },
                   { "output", &output_table },
                   { "checkpoint", &checkpoint_table },
                   { "expect", &expect_table } };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(tables[i].name, section) == 0)
            return tables[i].table;
    return NULL;
}
