#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "doc.h"

static char folder[] = "/tmp/cnnrun-test-doc-XXXXXX";

typedef struct fixture {
    cnn_arena *arena;
    cnn_diags diags;
    cnn_doc *doc;
} fixture;

static fixture start(void)
{
    fixture f = { .arena = cnn_arena_create() };
    f.diags.arena = f.arena;
    return f;
}

static fixture parse(const char *text)
{
    fixture f = start();
    f.doc = cnn_doc_parse("t.yaml", text, strlen(text), f.arena, &f.diags);
    return f;
}

static void end(fixture *f)
{
    cnn_arena_destroy(f->arena);
}

static const char *print_doc(fixture *f, const cnn_doc *doc, bool origins)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cnn_doc_print(doc, origins, out);
    (void)fclose(out);
    const char *copy = cnn_arena_string(f->arena, text);
    free(text);
    return copy;
}

static const char *print_diags(fixture *f)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cnn_diags_print(&f->diags, out);
    (void)fclose(out);
    const char *copy = cnn_arena_string(f->arena, text);
    free(text);
    return copy;
}

static void check_prints(const char *yaml, const char *want)
{
    fixture f = parse(yaml);
    CHECK(f.doc != NULL);
    if (f.doc != NULL)
        CHECK_STR(print_doc(&f, f.doc, false), want);
    end(&f);
}

static void check_error(const char *yaml, int line, int column, const char *part)
{
    fixture f = parse(yaml);
    CHECK(f.doc == NULL);
    CHECK_INT(f.diags.errors, 1);
    if (f.diags.count > 0) {
        const cnn_diag *d = &f.diags.items[f.diags.count - 1];
        CHECK_HAS(d->text, part);
        CHECK_INT(d->place.line, line);
        CHECK_INT(d->place.column, column);
    }
    end(&f);
}

static bool same(const cnn_doc *a, const cnn_doc *b)
{
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == CNN_DOC_SCALAR)
        return strcmp(a->text, b->text) == 0 && a->quoted == b->quoted;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->kind == CNN_DOC_MAP && strcmp(a->keys[i]->text, b->keys[i]->text) != 0)
            return false;
        if (!same(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

static void every_node_knows_its_place(void)
{
    fixture f =
        parse("name: x\nmodel:\n  - conv2d: {out_channels: 10,\n      kernel_size: [5, 3]}\n");
    const cnn_doc *model = cnn_doc_get(f.doc, "model");
    CHECK(model != NULL && model->kind == CNN_DOC_LIST && model->count == 1);
    CHECK_INT(model->place.line, 3);
    CHECK_INT(model->place.column, 3);
    const cnn_doc *kernel = cnn_doc_get(cnn_doc_get(model->items[0], "conv2d"), "kernel_size");
    CHECK(kernel != NULL && kernel->count == 2);
    CHECK_INT(kernel->items[1]->place.line, 4);
    CHECK_INT(kernel->items[1]->place.column, 24);
    CHECK_STR(kernel->items[1]->text, "3");
    CHECK_STR(kernel->place.source->name, "t.yaml");
    end(&f);
}

static void columns_count_characters(void)
{
    fixture f = parse("{\xe6\x95\xb0\xe6\x8d\xae: a, b: c}");
    CHECK_INT(cnn_doc_get(f.doc, "b")->place.column, 12);
    end(&f);
}

static void values_are_text_and_null_is_told_from_quotes(void)
{
    fixture f = parse("{a: , b: ~, c: null, d: '', e: '~', f: \"null\", g: no, h: 1e-3}");
    CHECK(cnn_doc_is_null(cnn_doc_get(f.doc, "a")) && cnn_doc_is_null(cnn_doc_get(f.doc, "b")));
    CHECK(cnn_doc_is_null(cnn_doc_get(f.doc, "c")) && cnn_doc_is_null(cnn_doc_get(f.doc, "z")));
    CHECK(!cnn_doc_is_null(cnn_doc_get(f.doc, "d")) && !cnn_doc_is_null(cnn_doc_get(f.doc, "e")));
    CHECK(!cnn_doc_is_null(cnn_doc_get(f.doc, "f")) && !cnn_doc_is_null(f.doc));
    CHECK_STR(cnn_doc_get(f.doc, "g")->text, "no");
    CHECK_STR(cnn_doc_get(f.doc, "h")->text, "1e-3");
    CHECK(cnn_doc_get(NULL, "a") == NULL && cnn_doc_get(cnn_doc_get(f.doc, "g"), "a") == NULL);
    end(&f);
}

static void json_is_yaml(void)
{
    check_prints("{\"a\":{\"b\":[1,2.5,\"x\\u00e9\"]},\"c\":true}",
                 "\"a\":\n  \"b\":\n    - 1\n    - 2.5\n    - \"x\xc3\xa9\"\n\"c\": true\n");
}

static void an_empty_text_is_null(void)
{
    fixture f = parse("# only a comment\n");
    CHECK(f.doc != NULL && cnn_doc_is_null(f.doc));
    end(&f);
}

static void aliases_become_copies(void)
{
    check_prints("a: &x {p: 1}\nb: *x\n", "a:\n  p: 1\nb:\n  p: 1\n");
    fixture f = parse("a: &x {p: 1}\nb: *x\n");
    CHECK(cnn_doc_get(f.doc, "a") != cnn_doc_get(f.doc, "b"));
    CHECK_INT(f.diags.count, 0);
    end(&f);
}

static void merge_keys_are_written_out(void)
{
    check_prints("b: &b {x: 1, y: 2}\nc: &c {y: 3, z: 4}\nd: {w: 0, <<: [*b, *c], x: 9}\n",
                 "b:\n  x: 1\n  y: 2\nc:\n  y: 3\n  z: 4\nd:\n  w: 0\n  y: 2\n  z: 4\n  x: 9\n");
    check_prints("{'<<': 1}", "\"<<\": 1\n");
    check_error("a: {<<: 1}", 1, 9, "'<<' needs a map");
}

static void an_unused_anchor_is_a_warning(void)
{
    fixture f = parse("a: &x 1\n");
    CHECK(f.doc != NULL);
    CHECK_INT(f.diags.errors, 0);
    CHECK_HAS(print_diags(&f), "t.yaml:1:4: warning: the anchor '&x' is never used");
    end(&f);
}

static void mistakes_are_explained_where_they_are(void)
{
    check_error("a: 1\n\tb: 2\n", 2, 1, "a tab cannot be used for indentation");
    check_error("a:\n\tb: 2\n", 2, 1, "a tab cannot be used for indentation");
    check_error("a: b: c\n", 1, 5, "a key with a value cannot stand here");
    check_error("x: [1, 2\n", 1, 4, "this '[' is never closed");
    check_error("x: {a: 1\n", 1, 4, "this '{' is never closed");
    check_error("x: \"abc\n\n", 1, 4, "these quotes are never closed");
    check_error("x: {\n", 1, 5, "a value was expected here");
    check_error("m:\n  - a\n - b\n", 3, 2, "a key was expected here");
    check_error("a: 1\nb\nc: 2\n", 2, 1, "this key has no ':' behind it");
    check_error("a: - b\n", 1, 4, "a list item cannot start here");
    check_error("a: %x\n", 1, 4, "a value cannot start with this character");
    check_error("a: \"\\q\"\n", 1, 5, "unknown escape");
    check_error("a: 1\nb: \xff\n", 2, 4, "not valid UTF-8");
    check_error("a: *y\n", 1, 4, "unknown anchor 'y'");
    check_error("a: &y [*y]\n", 1, 8, "used inside itself");
    check_error("a: !include x\n", 1, 4, "the tag '!include' means nothing here");
    check_error("[a]: 1\n", 1, 1, "a key must be a text, not a list");
    check_error("a: 1\n---\nb: 2\n", 2, 1, "a second document starts here");
    check_error("a: \"x\\0\"\n", 1, 4, "cannot contain the character \\0");
}

static void a_duplicate_key_names_the_first_place(void)
{
    check_error("a: 1\nb: 2\n'a': 3\n", 3, 1,
                "the key 'a' stands here a second time (first: line 1, column 1)");
    fixture f = parse("{a: 1, a: 2, b: 3, a: 4, b: 5}");
    CHECK(f.doc == NULL);
    CHECK_INT(f.diags.errors, 3); /* all of them in one go */
    end(&f);
}

static void standard_tags_are_accepted(void)
{
    fixture f = parse("a: !!str ~\nb: !!int 3\nc: ! x\n");
    CHECK(f.doc != NULL && !cnn_doc_is_null(cnn_doc_get(f.doc, "a")));
    end(&f);
}

static void nesting_has_a_limit(void)
{
    char text[1001];
    memset(text, '[', 1000);
    text[1000] = '\0';
    check_error(text, 1, 101, "nested more than 100 levels deep");
    memset(text + 100, ']', 100);
    text[200] = '\0';
    fixture f = parse(text);
    CHECK(f.doc != NULL);
    end(&f);
}

static void an_alias_bomb_is_stopped(void)
{
    check_error("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
                5, 29, "more than 100000 values");
}

static void aliases_cannot_nest_without_end(void)
{
    char text[4096] = "- &a0 []\n";
    for (int i = 1; i < 120; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "- &a%d [*a%d]\n", i,
                       i - 1);
    fixture f = parse(text);
    CHECK(f.doc == NULL);
    CHECK_HAS(print_diags(&f), "nested more than 100 levels deep");
    end(&f);
}

static void check_round_trip(const char *yaml)
{
    fixture f = parse(yaml);
    CHECK(f.doc != NULL);
    if (f.doc != NULL) {
        const char *text = print_doc(&f, f.doc, false);
        const cnn_doc *again = cnn_doc_parse("again", text, strlen(text), f.arena, &f.diags);
        if (!CHECK(again != NULL && same(f.doc, again)))
            fprintf(stderr, "  printed: %s\n", text);
    }
    end(&f);
}

static void what_is_printed_parses_back(void)
{
    char key[1200] = "? '";
    memset(key + 3, 'k', 1100);
    strcpy(key + 1103, "'\n: {a: [b, {c: d}]}\n");
    check_round_trip(key);
    check_round_trip("a: {}\nb: []\nc: [[], [[x, {}]], [{a: {b: [c]}}], '', ~, ]\n");
    check_round_trip("a: |\n  two\n  lines\nb: >\n  folded\n  text\nc: one\n  two\n\n  three\n");
    check_round_trip(
        "['- a', '#x', 'a #b', 'a: b', 'a:', ' a', 'a ', '*a', '&a', '!a', '%a', '@']");
    check_round_trip(
        "[-1, ?x, ':x', a#b, a:b, 'a\\b', \"a\\\\\\\"b\", $x, '$x', $(a * b), '---', '...']");
    check_round_trip(
        "\"\\x07\\t\\n\\e\\_\\N\\L\\P\\uFEFF\\U0001F600\\x7f\": \"\\uFFFF\\x85\xc2\xa0\"");
    check_round_trip("'': ''\n'~': ~\n'---': 1\n' ': 2\n'#': 3\n");
    check_round_trip("just text");
    check_round_trip("''");
    check_round_trip("[]");
    check_round_trip("");
    check_round_trip("- - - a\n    - b\n  - c: d\n    e:\n      - f\n- {? x : y}");
}

/* Texts that no parser marked as quoted, such as a formula's value. */
static void texts_made_by_others_get_the_quotes_they_need(void)
{
    static const char *const texts[] = {
        "a #b", "a: b", "a:", "- a", "a ", " a", "#", "<<", "---"
    };
    fixture f = start();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cnn_doc scalar = { .kind = CNN_DOC_SCALAR, .text = texts[i] }, *item = &scalar;
        const cnn_doc map = { .kind = CNN_DOC_MAP, .count = 1, .items = &item, .keys = &item };
        const char *text = print_doc(&f, &map, false);
        const cnn_doc *again = cnn_doc_parse("again", text, strlen(text), f.arena, &f.diags);
        if (CHECK(again != NULL && again->kind == CNN_DOC_MAP && again->count == 1)) {
            CHECK_STR(again->keys[0]->text, texts[i]);
            CHECK_STR(again->items[0]->text, texts[i]);
        }
    }
    end(&f);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    cnn_error err;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(cnn_file_write(path, text, strlen(text), &err) == CNN_OK);
}

static fixture read_file(const char *name, const char *const *overrides, size_t n)
{
    fixture f = start();
    f.doc = cnn_doc_read(cnn_arena_printf(f.arena, "%s/%s", folder, name), overrides, n, f.arena,
                         &f.diags);
    return f;
}

#define PIPELINE                                       \
    "data: {source: mnist}\n"                          \
    "model:\n"                                         \
    "  - conv2d: {out_channels: 10, kernel_size: 5}\n" \
    "    name: stem\n"                                 \
    "  - relu\n"                                       \
    "  - max_pool2d: 2\n"                              \
    "train:\n"                                         \
    "  optimizer: {sgd: {lr: 0.01, momentum: 0.5}}\n"  \
    "  epochs: 10\n"                                   \
    "  schedule: constant\n"                           \
    "test:\n"

/* The tree of PIPELINE below one section, after overrides. */
static void check_override(const char *override, const char *section, const char *want)
{
    fixture f = read_file("p.yaml", &override, 1);
    CHECK(f.doc != NULL);
    if (f.doc != NULL)
        CHECK_STR(print_doc(&f, cnn_doc_get(f.doc, section), false), want);
    else
        fputs(print_diags(&f), stderr);
    end(&f);
}

static void check_bad_override(const char *override, int column, const char *part)
{
    fixture f = read_file("p.yaml", &override, 1);
    CHECK(f.doc == NULL);
    CHECK_INT(f.diags.errors, 1);
    if (f.diags.count > 0) {
        CHECK_HAS(print_diags(&f), part);
        CHECK_STR(f.diags.items[0].place.source->name, "command line");
        CHECK_INT(f.diags.items[0].place.column, column);
    }
    end(&f);
}

static void overrides_replace_and_make_what_is_missing(void)
{
    write_file("p.yaml", PIPELINE);
    check_override("train.epochs=2", "train",
                   "optimizer:\n  sgd:\n    lr: 0.01\n    momentum: 0.5\nepochs: 2\n"
                   "schedule: constant\n");
    check_override("train.optimizer={adamw: {lr: 1e-3}}", "train",
                   "optimizer:\n  adamw:\n    lr: 1e-3\nepochs: 10\nschedule: constant\n");
    check_override("train.schedule.constant.factor=0.5", "train",
                   "optimizer:\n  sgd:\n    lr: 0.01\n    momentum: 0.5\nepochs: 10\n"
                   "schedule:\n  constant:\n    factor: 0.5\n");
    check_override("a.b.c=[1, x]", "a", "b:\n  c:\n    - 1\n    - x\n");
    check_override("test.metrics=[accuracy]", "test", "metrics:\n  - accuracy\n");
    check_override("backend=", "backend", "\n");
    check_override("backend=vulkan:1", "backend", "vulkan:1\n");
}

static void overrides_find_model_items_by_number_and_name(void)
{
    const char *rest = "  name: stem\n- relu\n- max_pool2d: 2\n", *want;
    char text[200];
    want = "- conv2d:\n    out_channels: 16\n    kernel_size: 5\n";
    (void)snprintf(text, sizeof text, "%s%s", want, rest);
    check_override("model.0.conv2d.out_channels=16", "model", text);
    check_override("model.stem.conv2d.out_channels=16", "model", text);
    const char *head = "- conv2d:\n    out_channels: 10\n    kernel_size: 5\n  name: stem\n";
    (void)snprintf(text, sizeof text, "%s- relu:\n    inplace: yes\n- max_pool2d: 2\n", head);
    check_override("model.1.relu.inplace=yes", "model", text);
    (void)snprintf(text, sizeof text, "%s- gelu\n- max_pool2d: 2\n", head);
    check_override("model.1=gelu", "model", text);
}

static void wrong_overrides_are_errors_in_the_command_line(void)
{
    write_file("p.yaml", PIPELINE);
    check_bad_override("model.3.relu=1", 7, "'model' has no item 3");
    check_bad_override("model.99999999999999999999=1", 7, "its 3 items are 0 to 2");
    check_bad_override("model.stam.relu=1", 7, "did you mean 'stem'?");
    check_bad_override("model.xyz.relu=1", 7, "an item is found by its number");
    check_bad_override("model.2.max_pool2d.stride=1", 20, "'stride' cannot be set");
    check_bad_override("train.epochs.x=1", 14, "'train.epochs' is '10', not a map");
    check_bad_override("epochs", 1, "'epochs' is no override");
    check_bad_override("=1", 1, "is no override");
    check_bad_override("a..b=1", 2, "a name is missing in the path");
    check_bad_override(".a=1", 1, "a name is missing in the path");
    check_bad_override("a.=1", 2, "a name is missing in the path");
    check_bad_override("\xe6\x95\xb0.x={a: 1, a: 2}", 12, "the key 'a' stands here a second time");
    check_bad_override("x=[1", 3, "this '[' is never closed");
    check_bad_override("@none.yaml", 2, "cannot open 'none.yaml'");
}

static void all_wrong_overrides_are_reported(void)
{
    const char *const overrides[] = { "model.7=1", "x=[", "train.epochs=3" };
    fixture f = read_file("p.yaml", overrides, 3);
    CHECK(f.doc == NULL);
    CHECK_INT(f.diags.errors, 2);
    end(&f);
}

static void a_file_can_be_laid_over(void)
{
    write_file("fast.yaml", "train: {epochs: 1, batch: 512}\n");
    fixture f = start();
    const char *overrides[] = { cnn_arena_printf(f.arena, "@%s/fast.yaml", folder) };
    fixture g = read_file("p.yaml", overrides, 1);
    CHECK(g.doc != NULL);
    CHECK_STR(cnn_doc_get(cnn_doc_get(g.doc, "train"), "epochs")->text, "1");
    CHECK_STR(cnn_doc_get(cnn_doc_get(g.doc, "train"), "batch")->text, "512");
    CHECK(cnn_doc_get(cnn_doc_get(g.doc, "train"), "optimizer") != NULL);
    end(&g);
    end(&f);
}

static void includes_merge_deeply_and_later_wins(void)
{
    write_file("base.yaml", "a: {x: 1, y: [1, 2]}\nb: 1\noptimizer: {sgd: {lr: 1, m: 2}}\n");
    write_file("more.yaml", "include: base.yaml\na: {x: 2, z: 3}\nc: base\n");
    write_file("\xe6\x95\xb0.yaml", "c: other\n");
    write_file("top.yaml", "include: [more.yaml, \xe6\x95\xb0.yaml]\na: {y: [9]}\nb: {k: 1}\n"
                           "optimizer: {sgd: {lr: 5}}\n");
    fixture f = read_file("top.yaml", NULL, 0);
    CHECK(f.doc != NULL);
    CHECK_STR(print_doc(&f, f.doc, false), "a:\n  x: 2\n  y:\n    - 9\n  z: 3\nb:\n  k: 1\n"
                                           "optimizer:\n  sgd:\n    lr: 5\n    m: 2\nc: other\n");
    end(&f);
}

static void another_optimizer_replaces_the_included_one(void)
{
    write_file("base.yaml", "train: {optimizer: {sgd: {lr: 1}}, epochs: 3}\n");
    write_file("top.yaml", "include: base.yaml\ntrain: {optimizer: {adam: {lr: 2}}}\n");
    fixture f = read_file("top.yaml", NULL, 0);
    CHECK_STR(print_doc(&f, f.doc, false),
              "train:\n  optimizer:\n    adam:\n      lr: 2\n  epochs: 3\n");
    end(&f);
}

static void origins_name_file_and_line(void)
{
    write_file("base.yaml", "train:\n  epochs: 3\n");
    write_file("top.yaml", "include: base.yaml\nname: x\n");
    const char *const overrides[] = { "train.seed=1" };
    fixture f = read_file("top.yaml", overrides, 1);
    const char *text = print_doc(&f, f.doc, true);
    CHECK_HAS(text, "/base.yaml:1\n  epochs: 3   ");
    CHECK_HAS(text, "/base.yaml:2\n  seed: 1   ");
    CHECK_HAS(text, "# command line\n");
    CHECK_HAS(text, "/top.yaml:2\n");
    const cnn_doc *again = cnn_doc_parse("again", text, strlen(text), f.arena, &f.diags);
    CHECK(again != NULL && same(f.doc, again));
    end(&f);
}

static void includes_that_go_wrong_point_at_their_place(void)
{
    write_file("base.yaml", "include: top.yaml\n");
    write_file("top.yaml", "name: x\ninclude: [base.yaml, none.yaml]\n");
    fixture f = read_file("top.yaml", NULL, 0);
    CHECK(f.doc == NULL);
    CHECK_INT(f.diags.errors, 2);
    CHECK_HAS(print_diags(&f), "base.yaml:1:10: error: ");
    CHECK_HAS(print_diags(&f), "top.yaml' includes itself");
    CHECK_HAS(print_diags(&f), "top.yaml:2:22: error: cannot open");
    end(&f);
    write_file("top.yaml", "include: {a: b}\n");
    f = read_file("top.yaml", NULL, 0);
    CHECK_HAS(print_diags(&f), "top.yaml:1:10: error: include: needs the path of a file");
    end(&f);
    write_file("base.yaml", "- a\n");
    write_file("top.yaml", "include: base.yaml\n");
    f = read_file("top.yaml", NULL, 0);
    CHECK_HAS(print_diags(&f), "base.yaml:1:1: error: a pipeline is a map of sections");
    end(&f);
    f = read_file("missing.yaml", NULL, 0);
    CHECK_HAS(print_diags(&f), "cnnrun: error: cannot open");
    end(&f);
}

static void an_empty_file_is_an_empty_map(void)
{
    write_file("top.yaml", "");
    const char *const overrides[] = { "a=1" };
    fixture f = read_file("top.yaml", overrides, 1);
    CHECK(f.doc != NULL);
    CHECK_STR(print_doc(&f, f.doc, false), "a: 1\n");
    end(&f);
}

static void remove_files(void)
{
    static const char *const names[] = { "p.yaml",    "fast.yaml", "base.yaml",
                                         "more.yaml", "top.yaml",  "\xe6\x95\xb0.yaml" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    int status = RUN_TESTS(
        TEST(every_node_knows_its_place), TEST(columns_count_characters),
        TEST(values_are_text_and_null_is_told_from_quotes), TEST(json_is_yaml),
        TEST(an_empty_text_is_null), TEST(aliases_become_copies), TEST(merge_keys_are_written_out),
        TEST(an_unused_anchor_is_a_warning), TEST(mistakes_are_explained_where_they_are),
        TEST(a_duplicate_key_names_the_first_place), TEST(standard_tags_are_accepted),
        TEST(nesting_has_a_limit), TEST(an_alias_bomb_is_stopped),
        TEST(aliases_cannot_nest_without_end), TEST(what_is_printed_parses_back),
        TEST(texts_made_by_others_get_the_quotes_they_need),
        TEST(overrides_replace_and_make_what_is_missing),
        TEST(overrides_find_model_items_by_number_and_name),
        TEST(wrong_overrides_are_errors_in_the_command_line),
        TEST(all_wrong_overrides_are_reported), TEST(a_file_can_be_laid_over),
        TEST(includes_merge_deeply_and_later_wins),
        TEST(another_optimizer_replaces_the_included_one), TEST(origins_name_file_and_line),
        TEST(includes_that_go_wrong_point_at_their_place), TEST(an_empty_file_is_an_empty_map));
    remove_files();
    return status;
}
