/* Options as text -> the struct of a parameter table: types, ranges, counts, defaults, printing. */
#include "test.h"

#include <stdlib.h>

#include "params.h"

typedef struct everything {
    int64_t whole;
    double number;
    bool flag;
    const char *text, *path;
    int32_t choice;
    cnn_ints ints;
    cnn_floats floats;
    cnn_array array;
    int64_t pair[2];
} everything;

static const cnn_param all_params[] = {
    { CNN_FIELD(everything, whole, INT), .def = "7", .min = 1, .max = 100, .unit = "pixels" },
    { CNN_FIELD(everything, number, FLOAT), .def = "0.5", .min = 0, .max = 1e30 },
    { CNN_FIELD(everything, flag, BOOL), .def = "true" },
    { CNN_FIELD(everything, text, TEXT), .def = "a word" },
    { CNN_FIELD(everything, path, PATH), .def = "there" },
    { CNN_FIELD(everything, choice, CHOICE), .def = "same", .choices = "valid|same|full" },
    { CNN_FIELD(everything, ints, INTS), .def = "[3, 5]", .choices = "none|some", .min_count = 1,
      .max_count = 2 },
    { CNN_FIELD(everything, floats, FLOATS), .flags = CNN_PARAM_OPTIONAL },
    { CNN_FIELD(everything, array, ARRAY), .flags = CNN_PARAM_OPTIONAL },
    { CNN_FIELD(everything, pair, INT), .def = "[1, 2]", .min_count = 2, .max_count = 2 },
};
static const cnn_table all = CNN_TABLE(all_params);

static cnn_arena *arena;
static cnn_diags diags;

static const everything *read_also(const char *yaml, const char *const *also)
{
    diags = (cnn_diags){ .arena = arena };
    const cnn_doc *doc = cnn_doc_parse("t.yaml", yaml, strlen(yaml), arena, &diags);
    CHECK(doc != NULL);
    return cnn_params_read("thing", &all, sizeof(everything), doc, doc->place, also, arena, &diags);
}

static const everything *read(const char *yaml)
{
    const everything *values = read_also(yaml, NULL);
    if (!CHECK(values != NULL)) {
        static const everything none = { .text = "", .path = "" };
        cnn_diags_print(&diags, stderr);
        return &none;
    }
    return values;
}

static void refused(const char *yaml, int column, const char *part)
{
    const everything *values = read_also(yaml, NULL);
    CHECK(values == NULL);
    if (!CHECK(diags.errors == 1))
        cnn_diags_print(&diags, stderr);
    if (diags.count == 0)
        return;
    CHECK_INT(diags.items[0].place.column, column);
    CHECK_HAS(diags.items[0].text, part);
}

static void hinted(const char *part)
{
    if (CHECK(diags.count > 0 && diags.items[0].hint != NULL))
        CHECK_HAS(diags.items[0].hint, part);
}

static void what_is_absent_takes_its_default(void)
{
    const everything *v = read("{}");
    CHECK_INT(v->whole, 7);
    CHECK_NEAR(v->number, 0.5, 0);
    CHECK(v->flag);
    CHECK_STR(v->text, "a word");
    CHECK_STR(v->path, "there");
    CHECK_INT(v->choice, 1);
    CHECK_INT(v->ints.count, 2);
    CHECK_INT(v->ints.v[1], 5);
    CHECK_INT(v->ints.choice, -1);
    CHECK_INT(v->floats.count, 0);
    CHECK(v->floats.v == NULL && v->array.v == NULL);
    CHECK_INT(v->pair[0], 1);
    CHECK_INT(v->pair[1], 2);
}

static void null_is_absent_except_for_text(void)
{
    const everything *v = read("{whole: ~, number: , text: null, choice: null}");
    CHECK_INT(v->whole, 7);
    CHECK_NEAR(v->number, 0.5, 0);
    CHECK_INT(v->choice, 1);
    CHECK_STR(v->text, "null");
}

static void a_bare_value_is_the_first_option(void)
{
    CHECK_INT(read("12")->whole, 12);
    refused("[1, 2]", 1, "'whole' is a list, but an integer is wanted");
}

static void integers_are_decimal(void)
{
    CHECK_INT(read("{whole: 08}")->whole, 8);
    CHECK_INT(read("{whole: +9}")->whole, 9);
    CHECK_INT(read("{whole: '10'}")->whole, 10);
    refused("{whole: 4.0}", 9, "'whole' is '4.0', but an integer is wanted");
    refused("{whole: 0x10}", 9, "an integer is wanted");
    refused("{whole: ' 4'}", 9, "an integer is wanted");
    refused("{whole: 4 px}", 9, "an integer is wanted");
    refused("{whole: true}", 9, "an integer is wanted");
    refused("{whole: {a: 1}}", 9, "'whole' is a map");
}

static void integers_stay_in_their_range(void)
{
    CHECK_INT(read("{whole: 1}")->whole, 1);
    CHECK_INT(read("{whole: 100}")->whole, 100);
    refused("{whole: 0}", 9, "'whole' is 0, but must be from 1 to 100 pixels");
    refused("{whole: 101}", 9, "must be from 1 to 100 pixels");
    refused("{whole: 99999999999999999999}", 9, "'whole' is 99999999999999999999, but must be");
    refused("{pair: 99999999999999999999}", 8, "is wanted");
}

static void numbers_take_any_decimal_form(void)
{
    CHECK_NEAR(read("{number: 1e-3}")->number, 1e-3, 0);
    CHECK_NEAR(read("{number: .25}")->number, 0.25, 0);
    CHECK_NEAR(read("{number: 3}")->number, 3, 0);
    CHECK_NEAR(read("{number: 1e-320}")->number, 1e-320, 0);
    refused("{number: fast}", 10, "'number' is 'fast', but a number is wanted");
    refused("{number: 0x1p3}", 10, "a number is wanted");
    refused("{number: nan}", 10, "a number is wanted");
    refused("{number: inf}", 10, "a number is wanted");
    refused("{number: 1e999}", 10, "a number is wanted");
    refused("{number: -1}", 10, "'number' is -1, but must be at least 0");
}

static void truth_has_a_few_words(void)
{
    static const char *const yes[] = { "true", "yes", "on", "1", "True" };
    static const char *const no[] = { "false", "no", "off", "0", "False" };
    char yaml[32];
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(yaml, sizeof yaml, "{flag: %s}", yes[i]);
        CHECK(read(yaml)->flag);
        (void)snprintf(yaml, sizeof yaml, "{flag: %s}", no[i]);
        CHECK(!read(yaml)->flag);
    }
    refused("{flag: maybe}", 8, "'flag' is 'maybe', but true or false is wanted");
    refused("{flag: [true]}", 8, "'flag' is a list, but true or false is wanted");
}

static void text_stays_text(void)
{
    CHECK_STR(read("{text: no}")->text, "no");
    CHECK_STR(read("{text: 08}")->text, "08");
    CHECK_STR(read("{text: ''}")->text, "");
    CHECK_STR(read("{text: '$x'}")->text, "$x");
    refused("{text: [a]}", 8, "'text' is a list, but text is wanted");
    refused("{text: $x}", 8, "'text' is a formula; formulas work inside models and blocks only");
}

static void a_path_may_begin_at_home(void)
{
    CHECK(setenv("HOME", "/home/me", 1) == 0);
    CHECK_STR(read("{path: ~/photos}")->path, "/home/me/photos");
    CHECK_STR(read("{path: a/~/b}")->path, "a/~/b");
    CHECK_STR(read("{text: ~/photos}")->text, "~/photos");
}

static void a_choice_is_one_of_its_words(void)
{
    CHECK_INT(read("{choice: valid}")->choice, 0);
    CHECK_INT(read("{choice: full}")->choice, 2);
    refused("{choice: ful}", 10, "'choice' cannot be 'ful' (did you mean 'full'?)");
    hinted("choices: valid, same, full");
    refused("{choice: sa}", 10, "'choice' cannot be 'sa'");
    refused("{choice: same|full}", 10, "cannot be 'same|full'");
    refused("{choice: [same]}", 10, "one of valid, same, full is wanted");
}

static void lists_take_numbers_or_a_word(void)
{
    const everything *v = read("{ints: 4}");
    CHECK_INT(v->ints.count, 1);
    CHECK_INT(v->ints.v[0], 4);
    v = read("{ints: some}");
    CHECK_INT(v->ints.count, 0);
    CHECK_INT(v->ints.choice, 1);
    v = read("{floats: [1, 2.5, -3e2]}");
    CHECK_INT(v->floats.count, 3);
    CHECK_NEAR(v->floats.v[2], -300, 0);
    refused("{ints: sme}", 8, "'ints' cannot be 'sme' (did you mean 'some'?)");
    hinted("choices: none, some, or numbers");
    refused("{ints: [1, two]}", 12, "'ints' is 'two', but an integer or a list of up to 2, or one");
    refused("{floats: {a: 1}}", 10, "'floats' is a map, but a number or a list of them is wanted");
}

static void lists_have_a_length(void)
{
    refused("{ints: [1, 2, 3]}", 8, "'ints' has 3 numbers, but an integer or a list of up to 2");
    refused("{ints: []}", 8, "'ints' has 0 numbers");
    refused("{floats: []}", 10, "'floats' is empty");
}

static void places_take_one_number_or_all(void)
{
    const everything *v = read("{pair: 3}");
    CHECK_INT(v->pair[0], 3);
    CHECK_INT(v->pair[1], 3);
    v = read("{pair: [4, 5]}");
    CHECK_INT(v->pair[0], 4);
    CHECK_INT(v->pair[1], 5);
    refused("{pair: [4]}", 8, "'pair' has 1 number, but an integer or a list of 2 is wanted");
    refused("{pair: [4, x]}", 12, "'pair' is 'x'");
}

static void arrays_have_the_shape_of_their_lists(void)
{
    const everything *v = read("{array: [[[1, 2, 3]], [[4, 5, 6]]]}");
    CHECK_INT(v->array.type.rank, 3);
    CHECK_INT(v->array.type.dim[0], 2);
    CHECK_INT(v->array.type.dim[1], 1);
    CHECK_INT(v->array.type.dim[2], 3);
    CHECK_NEAR((double)v->array.v[5], 6, 0);
    CHECK_INT(read("{array: 5}")->array.type.rank, 0);
    refused("{array: [[1, 2], [3]]}", 18, "this list has the length 1, but the first one has 2");
    refused("{array: [[1], 2]}", 15, "this is a number, but the first element is a list of 1");
    refused("{array: [1, [2]]}", 13, "'array' is a list, but nested lists of numbers is wanted");
    refused("{array: [{a: 1}]}", 10, "'array' is a map");
    refused("{array: [[[[[[[1]]]]]]]}", 9, "nested more than 6 deep");
}

static void unknown_options_name_the_nearest(void)
{
    refused("{numbr: 1}", 2, "thing: unknown option 'numbr' (did you mean 'number'?)");
    hinted("options: whole, number, flag, text");
    refused("{zzz: 1}", 2, "thing: unknown option 'zzz'");
    static const char *const also[] = { "source", NULL };
    CHECK(read_also("{source: 1, whole: 3}", also) != NULL);
    CHECK(read_also("{suorce: 1}", also) == NULL);
    CHECK_HAS(diags.items[0].text, "did you mean 'source'?");
}

static void all_errors_are_told(void)
{
    CHECK(read_also("{whole: x, number: y, flag: z, nothing: 1}", NULL) == NULL);
    CHECK_INT(diags.errors, 4);
}

static void required_options_are_missed(void)
{
    static const cnn_param params[] = { { CNN_FIELD(everything, whole, INT), .help = "size" } };
    static const cnn_table table = CNN_TABLE(params);
    const cnn_place place = { .line = 3 };
    diags = (cnn_diags){ .arena = arena };
    CHECK(cnn_params_read("conv", &table, sizeof(everything), NULL, place, NULL, arena, &diags) ==
          NULL);
    CHECK_STR(diags.items[0].text, "conv: 'whole' is missing: size");
    CHECK_INT(diags.items[0].place.line, 3);
}

static void components_without_options_take_none(void)
{
    static const cnn_table none = { NULL, 0, sizeof(cnn_param) };
    const char *yaml[] = { "5", "{a: 1}" };
    for (int i = 0; i < 2; i++) {
        diags = (cnn_diags){ .arena = arena };
        const cnn_doc *doc = cnn_doc_parse("t.yaml", yaml[i], strlen(yaml[i]), arena, &diags);
        CHECK(!cnn_params_check("relu", &none, doc, doc->place, NULL, arena, &diags));
        CHECK_HAS(diags.items[0].text, i == 0 ? "relu: takes no options" : "unknown option 'a'");
    }
}

static bool check(const char *yaml)
{
    diags = (cnn_diags){ .arena = arena };
    const cnn_doc *doc = cnn_doc_parse("t.yaml", yaml, strlen(yaml), arena, &diags);
    return cnn_params_check("thing", &all, doc, doc->place, NULL, arena, &diags);
}

static void formulas_wait_in_a_check(void)
{
    CHECK(check("{whole: $(a + 1), ints: [1, $b], flag: $c}"));
    CHECK(!check("{whole: $(a + 1), number: x}"));
    CHECK(!check("{wole: $a}"));
    CHECK(!check("{ints: [1, 2, 3]}"));
}

static void check_print(const char *yaml, bool defaults, const char *want)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cnn_params_print(&all, read(yaml), defaults, out);
    (void)fclose(out);
    CHECK_STR(text, want);
    free(text);
}

static void values_print_as_they_are_written(void)
{
    check_print("{}", false, "");
    check_print("{whole: 7, number: 0.50, ints: [3, 5]}", false, "");
    check_print("{whole: 8, flag: no}", false, "whole: 8, flag: false");
    check_print("{}", true,
                "whole: 7, number: 0.5, flag: true, text: a word, path: there, choice: same, "
                "ints: [3, 5], pair: [1, 2]");
    check_print("{number: 0.1, ints: some, floats: [0.1, 1e-30], array: [[1, 2], [3, 0.1]]}", false,
                "number: 0.1, ints: some, floats: [0.1, 1e-30], array: [[1, 2], [3, 0.1]]");
    check_print("{text: 'a: \"b\"', path: ''}", false, "text: \"a: \\\"b\\\"\", path: \"\"");
}

/* What is printed reads back as the same. */
static void printed_values_read_back(void)
{
    static const char *const written[] = {
        "{text: \"tab\\there\"}",
        "{text: \"line\\nbreak\"}",
        "{text: '- a'}",
        "{text: ' a '}",
        "{text: \"bell\\a\"}",
        "{text: 数据集}",
        "{text: '~'}",
        "{text: '#'}",
        "{text: 'null'}",
        "{number: 0.30000000000000004, floats: [1e300, 2], pair: [-5, 6]}",
        "{array: [[[0.1], [16777216]]], ints: none, choice: full}",
    };
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        char *first = NULL, *second = NULL;
        size_t size;
        FILE *out = open_memstream(&first, &size);
        (void)fputc('{', out);
        cnn_params_print(&all, read(written[i]), true, out);
        (void)fputc('}', out);
        (void)fclose(out);
        const everything *a = read(written[i]), *b = read(first);
        CHECK_STR(b->text, a->text);
        out = open_memstream(&second, &size);
        (void)fputc('{', out);
        cnn_params_print(&all, b, true, out);
        (void)fputc('}', out);
        (void)fclose(out);
        CHECK_STR(second, first);
        free(first);
        free(second);
    }
}

static void check_table(const cnn_param *params, uint32_t count, const char *want)
{
    const cnn_table table = { params, count, sizeof *params };
    cnn_error err = { "", "" };
    cnn_status status = cnn_params_validate("bad", &table, sizeof(everything), &err);
    CHECK_INT(status, want[0] == '\0' ? CNN_OK : CNN_INVALID);
    CHECK_HAS(err.text, want);
}

static void tables_are_checked(void)
{
    const cnn_param good = { CNN_FIELD(everything, whole, INT), .def = "1", .min = 0, .max = 5 };
    cnn_param p[2] = { good, good };
    check_table(all_params, all.count, "");
    check_table(p, 2, "two parameters are called 'whole'");
    p[0].name = "";
    check_table(p, 1, "a parameter without a name");
    p[0] = good;
    p[0].type = 77;
    check_table(p, 1, "'whole' has the unknown type 77");
    p[0] = good;
    p[0].offset = sizeof(everything) - 7;
    check_table(p, 1, "'whole' lies outside the struct");
    p[0] = good;
    p[0].def = "6";
    check_table(p, 1, "the default '6' of parameter 'whole' is refused: ");
    p[0].def = "[";
    check_table(p, 1, "the default '[' of parameter 'whole' is refused: ");
    p[0] = good;
    p[0].type = CNN_PARAM_CHOICE;
    p[0].choices = "";
    check_table(p, 1, "'whole' has no choices");
}

static void types_have_names(void)
{
    static const char *const want[] = { "an integer",
                                        "a number",
                                        "true or false",
                                        "text",
                                        "a path",
                                        "one of valid, same, full",
                                        "an integer or a list of up to 2, or one of none, some",
                                        "a number or a list of them",
                                        "nested lists of numbers",
                                        "an integer or a list of 2" };
    char text[128];
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        cnn_param_type_text(&all_params[i], text, sizeof text);
        CHECK_STR(text, want[i]);
    }
    const cnn_param one = { .type = CNN_PARAM_INTS, .choices = "classes", .max_count = 1 };
    cnn_param_type_text(&one, text, sizeof text);
    CHECK_STR(text, "an integer, or the word classes");
    const cnn_param three = { .type = CNN_PARAM_FLOATS, .min_count = 3, .max_count = 3 };
    cnn_param_type_text(&three, text, sizeof text);
    CHECK_STR(text, "a list of 3 numbers");
}

int main(void)
{
    arena = cnn_arena_create();
    int failed =
        RUN_TESTS(TEST(what_is_absent_takes_its_default), TEST(null_is_absent_except_for_text),
                  TEST(a_bare_value_is_the_first_option), TEST(integers_are_decimal),
                  TEST(integers_stay_in_their_range), TEST(numbers_take_any_decimal_form),
                  TEST(truth_has_a_few_words), TEST(text_stays_text),
                  TEST(a_path_may_begin_at_home), TEST(a_choice_is_one_of_its_words),
                  TEST(lists_take_numbers_or_a_word), TEST(lists_have_a_length),
                  TEST(places_take_one_number_or_all), TEST(arrays_have_the_shape_of_their_lists),
                  TEST(unknown_options_name_the_nearest), TEST(all_errors_are_told),
                  TEST(required_options_are_missed), TEST(components_without_options_take_none),
                  TEST(formulas_wait_in_a_check), TEST(values_print_as_they_are_written),
                  TEST(printed_values_read_back), TEST(tables_are_checked), TEST(types_have_names));
    cnn_arena_destroy(arena);
    return failed;
}
