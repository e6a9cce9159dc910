#include "test.h"

#include <stdlib.h>

#include "base/diag.h"

static char *printed(const cnn_diags *diags)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cnn_diags_print(diags, out);
    (void)fclose(out);
    char *copy = strdup(text); /* gcc takes `text` itself for a pointer into this function */
    free(text);
    return copy;
}

static cnn_source source_of(const char *text)
{
    return (cnn_source){ "hw1.yaml", text, strlen(text) };
}

/* One error at a place of a text, as it is printed. */
static void check_print(const char *text, int line, int column, const char *want)
{
    cnn_diags d = { .arena = cnn_arena_create() };
    cnn_source s = source_of(text);
    cnn_diag_error(&d, (cnn_place){ &s, line, column }, "wrong");
    char *got = printed(&d);
    CHECK_STR(got, want);
    free(got);
    cnn_arena_destroy(d.arena);
}

static void the_caret_stands_under_the_place(void)
{
    check_print("a: 1\nb: 2\n", 2, 4, "hw1.yaml:2:4: error: wrong\n    2 | b: 2\n      |    ^\n");
    check_print("a: 1\r\nb: 2", 1, 1, "hw1.yaml:1:1: error: wrong\n    1 | a: 1\n      | ^\n");
}

static void columns_count_characters_and_wide_ones_take_two_blanks(void)
{
    check_print("\xe6\x95\xb0\xc3\xa9: x", 1, 5,
                "hw1.yaml:1:5: error: wrong\n    1 | \xe6\x95\xb0\xc3\xa9: x\n      |      ^\n");
}

static void tabs_are_repeated_before_the_caret(void)
{
    check_print("\ta:\tb", 1, 5, "hw1.yaml:1:5: error: wrong\n    1 | \ta:\tb\n      | \t  \t^\n");
}

static void a_place_behind_the_line_is_its_end(void)
{
    check_print("ab", 1, 50, "hw1.yaml:1:50: error: wrong\n    1 | ab\n      |   ^\n");
    check_print("ab", 7, 1, "hw1.yaml:7:1: error: wrong\n");
    check_print("", 1, 1, "hw1.yaml:1:1: error: wrong\n    1 | \n      | ^\n");
}

static void control_characters_do_not_reach_the_terminal(void)
{
    check_print("a\x1b[31m\x7f", 1, 1, "hw1.yaml:1:1: error: wrong\n    1 | a?[31m?\n      | ^\n");
}

static void a_long_line_is_cut_around_the_place(void)
{
    char text[401];
    memset(text, 'x', 400);
    text[400] = '\0';
    text[299] = '!';
    cnn_diags d = { .arena = cnn_arena_create() };
    cnn_source s = source_of(text);
    cnn_diag_error(&d, (cnn_place){ &s, 1, 300 }, "wrong");
    char *got = printed(&d);
    const char *shown = strchr(got, '|'), *caret = strrchr(got, '|');
    CHECK(strlen(got) < 300);
    CHECK(shown != NULL && caret != NULL &&
          strchr(shown, '!') - shown == strchr(caret, '^') - caret);
    CHECK_HAS(got, "| ...x");
    CHECK_HAS(got, "x...\n");
    free(got);
    cnn_arena_destroy(d.arena);
}

static void hint_and_trail_follow(void)
{
    cnn_diags d = { .arena = cnn_arena_create() };
    cnn_source s = source_of("sgd: {momentun: 1}");
    cnn_diag *e = cnn_diag_error(&d, (cnn_place){ &s, 1, 7 }, "unknown option '%s'", "momentun");
    cnn_diag_hint(&d, e, "did you mean '%s'?", "momentum");
    e->trail = "in train\nin the file";
    cnn_diag_warning(&d, (cnn_place){ NULL, 0, 0 }, "no place");
    char *got = printed(&d);
    CHECK_STR(got, "hw1.yaml:1:7: error: unknown option 'momentun'\n"
                   "    1 | sgd: {momentun: 1}\n"
                   "      |       ^\n"
                   "   hint: did you mean 'momentum'?\n"
                   "   in train\n"
                   "   in the file\n"
                   "cnnrun: warning: no place\n");
    free(got);
    cnn_arena_destroy(d.arena);
}

static void errors_are_counted_and_equal_ones_merged(void)
{
    cnn_diags d = { .arena = cnn_arena_create() };
    cnn_source s = source_of("x");
    cnn_place here = { &s, 1, 1 }, there = { &s, 1, 2 };
    cnn_diag *first = cnn_diag_error(&d, here, "a");
    CHECK(cnn_diag_error(&d, here, "a") == first);
    cnn_diag_error(&d, here, "b");
    cnn_diag_error(&d, there, "a");
    cnn_diag_warning(&d, here, "a");
    CHECK_INT(d.count, 4);
    CHECK_INT(d.errors, 3);
    cnn_arena_destroy(d.arena);
}

static void near_words_are_found(void)
{
    static const char *const words[] = { "relu", "conv2d", "max_pool2d", "momentum", "lr" };
    CHECK_STR(cnn_did_you_mean("momentun", words, 5), "momentum");
    CHECK_STR(cnn_did_you_mean("ommentum", words, 5), "momentum"); /* swapped letters: one fault */
    CHECK_STR(cnn_did_you_mean("ReLU", words, 5), "relu");
    CHECK_STR(cnn_did_you_mean("Conv2d", words, 5), "conv2d");
    CHECK_STR(cnn_did_you_mean("MaxPool2d", words, 5), "max_pool2d");
    CHECK_STR(cnn_did_you_mean("conv", words, 5), "conv2d"); /* two of six letters */
    CHECK(cnn_did_you_mean("flatten", words, 5) == NULL);
    CHECK(cnn_did_you_mean("xx", words, 5) == NULL);
    CHECK(cnn_did_you_mean("", words, 5) == NULL);
    char endless[300];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    CHECK(cnn_did_you_mean(endless, words, 5) == NULL);
}

int main(void)
{
    return RUN_TESTS(TEST(the_caret_stands_under_the_place),
                     TEST(columns_count_characters_and_wide_ones_take_two_blanks),
                     TEST(tabs_are_repeated_before_the_caret),
                     TEST(a_place_behind_the_line_is_its_end),
                     TEST(control_characters_do_not_reach_the_terminal),
                     TEST(a_long_line_is_cut_around_the_place), TEST(hint_and_trail_follow),
                     TEST(errors_are_counted_and_equal_ones_merged), TEST(near_words_are_found));
}
