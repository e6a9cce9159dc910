#include "test.h"

#include "formula.h"

static const char *const names[] = { "growth", "in.channels", "ratio", "bias", "mode", "zero" };
static const cnn_number_value values[] = {
    { CNN_NUMBER_INT, 12, 0, NULL },    { CNN_NUMBER_INT, 24, 0, NULL },
    { CNN_NUMBER_FLOAT, 0, 0.5, NULL }, { CNN_NUMBER_BOOL, 1, 0, NULL },
    { CNN_NUMBER_TEXT, 0, 0, "same" },  { CNN_NUMBER_INT, 0, 0, NULL },
};
static const char *const outer_names[] = { "classes", "growth" };
static const cnn_number_value outer_values[] = { { CNN_NUMBER_INT, 10, 0, NULL },
                                                 { CNN_NUMBER_INT, 99, 0, NULL } };
static const cnn_scope outer = { NULL, 2, outer_names, outer_values };
static const cnn_scope scope = { &outer, 6, names, values };

typedef struct result {
    cnn_arena *arena;
    cnn_diags diags;
    bool ok;
    cnn_number_value value;
} result;

static result eval(const char *formula)
{
    result r = { .arena = cnn_arena_create() };
    r.diags.arena = r.arena;
    const cnn_doc doc = { .kind = CNN_DOC_SCALAR, .place = { NULL, 3, 10 }, .text = formula };
    r.ok = cnn_formula_eval(&doc, &scope, &r.diags, &r.value);
    return r;
}

static void check_int(const char *formula, int64_t want)
{
    result r = eval(formula);
    if (!CHECK(r.ok && r.value.kind == CNN_NUMBER_INT && r.value.i == want))
        fprintf(stderr, "  %s\n", formula);
    cnn_arena_destroy(r.arena);
}

static void check_float(const char *formula, double want)
{
    result r = eval(formula);
    if (!CHECK(r.ok && r.value.kind == CNN_NUMBER_FLOAT && r.value.f == want))
        fprintf(stderr, "  %s\n", formula);
    cnn_arena_destroy(r.arena);
}

static void check_bool(const char *formula, bool want)
{
    result r = eval(formula);
    if (!CHECK(r.ok && r.value.kind == CNN_NUMBER_BOOL && r.value.i == want))
        fprintf(stderr, "  %s\n", formula);
    cnn_arena_destroy(r.arena);
}

/* The error stands `offset` characters behind the start of the formula. */
static void check_error(const char *formula, int offset, const char *text)
{
    result r = eval(formula);
    CHECK(!r.ok);
    CHECK_INT(r.diags.count, 1);
    if (r.diags.count > 0) {
        CHECK_HAS(r.diags.items[0].text, text);
        CHECK_INT(r.diags.items[0].place.column, 10 + offset);
        CHECK_INT(r.diags.items[0].place.line, 3);
    }
    cnn_arena_destroy(r.arena);
}

static void names_give_their_values(void)
{
    check_int("$growth", 12);
    check_int("$in.channels", 24);
    check_int("$(classes)", 10);
    check_float("$ratio", 0.5);
    check_bool("$bias", true);
    result r = eval("$mode");
    CHECK(r.ok && r.value.kind == CNN_NUMBER_TEXT);
    CHECK_STR(r.value.text, "same");
    cnn_arena_destroy(r.arena);
}

static void products_bind_closer_than_sums(void)
{
    check_int("$(4*growth)", 48);
    check_int("$(1 + 2 * 3)", 7);
    check_int("$((1 + 2) * 3)", 9);
    check_int("$(10 - 2 - 3)", 5);
    check_int("$(in.channels / 2 / 3)", 4);
    check_int("$(- 2 * -3)", 6);
    check_int("$(2--1)", 3);
    check_int("$(7 % 4)", 3);
    check_int("$(-7 % 4)", 1);
    check_float("$(1e-3 * 10)", 1e-3 * 10);
    check_float("$(growth * ratio)", 6.0);
    check_float("$(1 / 4.0)", 0.25);
    check_float("$(.5 + 1.)", 1.5);
    check_float("$(-5.5 % 2)", 0.5);
}

static void comparisons_and_logic_give_truth_values(void)
{
    check_bool("$(1 < 2)", true);
    check_bool("$(2 <= 2)", true);
    check_bool("$(2 >= 3)", false);
    check_bool("$(2 > 3)", false);
    check_bool("$(2 == 2.0)", true);
    check_bool("$(2 != 2)", false);
    check_bool("$(mode == mode)", true);
    check_bool("$(bias == true)", true);
    check_bool("$(not bias)", false);
    check_bool("$(not 1 == 2)", true);
    check_bool("$(true or false and false)", true);
    check_bool("$(1 + 1 == 2 and not false)", true);
    check_bool("$(in.channels != growth or growth > 100)", true);
}

static void the_side_that_does_not_matter_is_not_judged(void)
{
    check_bool("$(zero != 0 and 8 % zero == 0)", false);
    check_bool("$(zero == 0 or 8 / zero == 1)", true);
    check_error("$(zero == 0 and 8 / zero == 1)", 18, "division by zero: 8 / 0");
    check_error("$(zero != 0 and nothing)", 16, "unknown name 'nothing'");
}

static void division_of_integers_comes_out_even(void)
{
    check_int("$(growth / 4)", 3);
    check_int("$(-8 / 2)", -4);
    check_error("$(growth / 5)", 9, "12 / 5 does not come out even");
    check_error("$(1 / 0)", 4, "division by zero");
    check_error("$(1 % 0)", 4, "division by zero");
    check_error("$(1 / 0.0)", 4, "division by zero");
}

static void results_that_do_not_fit_are_errors(void)
{
    check_int("$(9223372036854775807)", INT64_MAX);
    check_error("$(9223372036854775808)", 2, "too large");
    check_error("$(9223372036854775807 + 1)", 22, "too large");
    check_error("$(-9223372036854775807 - 2)", 23, "too large");
    check_error("$(4611686018427387904 * 2)", 22, "too large");
    check_int("$((-9223372036854775807 - 1) % -1)", 0);
    check_error("$((-9223372036854775807 - 1) / -1)", 29, "too large");
    check_error("$(1e308 * 10)", 8, "too large");
    check_error("$(1e999)", 2, "too large");
}

static void kinds_must_fit(void)
{
    check_error("$(bias + 1)", 7, "'+' needs two numbers, not a truth value");
    check_error("$(1 + mode)", 4, "'+' needs two numbers, not a text");
    check_error("$(mode == 1)", 7, "cannot compare a text with an integer");
    check_error("$(mode < mode)", 7, "cannot compare a text with a text");
    check_error("$(1 and true)", 4, "'and' needs a truth value, not an integer");
    check_error("$(not 1.5)", 2, "'not' needs a truth value, not a number");
    check_error("$(-bias)", 2, "needs two numbers");
}

static void syntax_errors_point_at_their_spot(void)
{
    check_error("$", 1, "a name or '(' was expected");
    check_error("$5", 1, "a name or '(' was expected");
    check_error("$growth * 4", 8, "nothing may follow it");
    check_error("$(4 * growth", 12, "')' was expected here");
    check_error("$(4 * )", 6, "a number or a name was expected");
    check_error("$(4 4)", 4, "')' was expected here");
    check_error("$(4) 4", 5, "nothing may follow it");
    check_error("$(2x)", 2, "this is no number");
    check_error("$(1.2.3)", 2, "this is no number");
    check_error("$(and)", 2, "a number or a name was expected");
    check_error("$(grwoth)", 2, "unknown name 'grwoth'");
    check_error("$(\xe6\x95\xb0 + 1)", 2, "unknown name '\xe6\x95\xb0'");
    check_error("$(1 + nope)", 6, "unknown name 'nope'");
}

static void unknown_names_get_a_hint(void)
{
    result r = eval("$grwoth");
    CHECK_STR(r.diags.items[0].hint, "did you mean 'growth'?");
    cnn_arena_destroy(r.arena);
    r = eval("$q");
    CHECK_HAS(r.diags.items[0].hint, "names here: growth, in.channels, ratio");
    cnn_arena_destroy(r.arena);
}

static void nesting_has_a_limit(void)
{
    char text[4096] = "$";
    memset(text + 1, '(', 4000);
    result r = eval(text);
    CHECK(!r.ok);
    CHECK_HAS(r.diags.items[0].text, "nested too deeply");
    cnn_arena_destroy(r.arena);
    (void)strcpy(text, "$(");
    for (int i = 0; i < 900; i++)
        (void)strcpy(text + 2 + 4 * i, "not ");
    r = eval(text);
    CHECK_HAS(r.diags.items[0].text, "nested too deeply");
    cnn_arena_destroy(r.arena);
}

static void without_a_scope_formulas_are_refused(void)
{
    cnn_diags diags = { .arena = cnn_arena_create() };
    cnn_number_value value;
    const cnn_doc doc = { .kind = CNN_DOC_SCALAR, .text = "$x" };
    CHECK(!cnn_formula_eval(&doc, NULL, &diags, &value));
    CHECK_HAS(diags.items[0].text, "a formula cannot stand here");
    cnn_arena_destroy(diags.arena);
}

static void only_unquoted_scalars_are_formulas(void)
{
    cnn_doc doc = { .kind = CNN_DOC_SCALAR, .text = "$x" };
    CHECK(cnn_is_formula(&doc));
    doc.quoted = true;
    CHECK(!cnn_is_formula(&doc));
    doc = (cnn_doc){ .kind = CNN_DOC_SCALAR, .text = "x$" };
    CHECK(!cnn_is_formula(&doc));
    doc = (cnn_doc){ .kind = CNN_DOC_LIST, .text = "$" };
    CHECK(!cnn_is_formula(&doc) && !cnn_is_formula(NULL));
}

static cnn_doc *parse(const char *text, cnn_diags *diags)
{
    return cnn_doc_parse("t.yaml", text, strlen(text), diags->arena, diags);
}

static void substitution_makes_a_new_tree(void)
{
    cnn_diags diags = { .arena = cnn_arena_create() };
    const cnn_doc *doc = parse("{a: $growth, b: [$(growth * ratio), '$x', $bias], c: $mode, "
                               "d: {e: $(1.0 / 3)}}",
                               &diags);
    const cnn_doc *out = cnn_formula_substitute(doc, &scope, diags.arena, &diags);
    CHECK(out != NULL && out != doc);
    CHECK_STR(cnn_doc_get(out, "a")->text, "12");
    CHECK_STR(cnn_doc_get(out, "b")->items[0]->text, "6");
    CHECK_STR(cnn_doc_get(out, "b")->items[1]->text, "$x");
    CHECK_STR(cnn_doc_get(out, "b")->items[2]->text, "true");
    CHECK_STR(cnn_doc_get(out, "c")->text, "same");
    CHECK_STR(cnn_doc_get(cnn_doc_get(out, "d"), "e")->text, "0.3333333333333333");
    CHECK_INT(cnn_doc_get(out, "c")->place.column, 54);
    CHECK_STR(cnn_doc_get(doc, "a")->text, "$growth");
    cnn_arena_destroy(diags.arena);
}

static void substitution_reports_every_error_at_its_place(void)
{
    cnn_diags diags = { .arena = cnn_arena_create() };
    const cnn_doc *doc = parse("{a: $x1, b: $(2 * x2), c: 3}", &diags);
    CHECK(cnn_formula_substitute(doc, &scope, diags.arena, &diags) == NULL);
    CHECK_INT(diags.errors, 2);
    CHECK_INT(diags.items[0].place.column, 6);
    CHECK_INT(diags.items[1].place.column, 19);
    cnn_arena_destroy(diags.arena);
}

int main(void)
{
    return RUN_TESTS(TEST(names_give_their_values), TEST(products_bind_closer_than_sums),
                     TEST(comparisons_and_logic_give_truth_values),
                     TEST(the_side_that_does_not_matter_is_not_judged),
                     TEST(division_of_integers_comes_out_even),
                     TEST(results_that_do_not_fit_are_errors), TEST(kinds_must_fit),
                     TEST(syntax_errors_point_at_their_spot), TEST(unknown_names_get_a_hint),
                     TEST(nesting_has_a_limit), TEST(without_a_scope_formulas_are_refused),
                     TEST(only_unquoted_scalars_are_formulas), TEST(substitution_makes_a_new_tree),
                     TEST(substitution_reports_every_error_at_its_place));
}
