/* Explaining: does it see that a backend is wrong, and do its pages keep their promises? */
#include "explain/lesson.h"
#include "toy.h"

static char *page_text;
static size_t page_length;

static FILE *open_page(void)
{
    FILE *out = open_memstream(&page_text, &page_length);
    if (out == NULL)
        cnn_out_of_memory(0);
    return out;
}

/* Explains element `at` of the program's only output, whose numbers are multiplied by `factor`: 1
 * is right. */
static bool explained(toy *t, cnn_value y, const int64_t *at, float factor)
{
    const cnn_step *step = toy_freeze(t, &y, 1);
    const cnn_program *p = &step->program;
    void **bindings = toy_bindings(t, p);
    void **data = CNN_NEW_ARRAY(t->arena, void *, p->n_values);
    const cnn_explain_request request = { .batch = 4 };
    toy_execute(p, bindings);
    for (uint32_t i = 0; i < p->n_externals; i++)
        data[p->externals[i]] = bindings[i];
    float *numbers = data[step->extras[0]];
    for (int64_t i = 0; i < cnn_count(&cnn_value_at(p, step->extras[0])->type); i++)
        numbers[i] *= factor;
    cnn_lesson lesson = { .page = { open_page(), t->arena, false, false },
                          .request = &request,
                          .registry = &t->registry,
                          .program = p,
                          .data = data,
                          .layer = "0",
                          .what = "output",
                          .phase = CNN_PHASE_FORWARD,
                          .in = step->input,
                          .out = step->extras[0],
                          .d_in = -1,
                          .d_out = -1,
                          .target = step->extras[0] };
    cnn_spot spot = { .value = step->extras[0] };
    memcpy(spot.at, at, sizeof spot.at);
    cnn_lesson_walk(&lesson, &spot);
    (void)fclose(lesson.page.out);
    return lesson.agrees;
}

static void check_both(cnn_value (*build)(toy *), const int64_t *at)
{
    toy t;
    for (int wrong = 0; wrong < 2; wrong++) {
        toy_open(&t, CNN_PREDICT, NULL);
        bool agrees = explained(&t, build(&t), at, wrong != 0 ? 1.0001f : 1);
        CHECK(agrees == (wrong == 0));
        CHECK_HAS(page_text, wrong != 0 ? "✗" : "✓");
        if (wrong != 0)
            CHECK_HAS(page_text, "They differ by");
        free(page_text);
        toy_close(&t);
    }
}

static cnn_value formula(toy *t)
{
    return cnn_tanh(t->b, cnn_scale(t->b, t->x, 2));
}

static void a_wrong_formula_is_seen(void)
{
    check_both(formula, (const int64_t[CNN_MAX_RANK]){ 1, 3 });
}

static cnn_value product(toy *t)
{
    return cnn_matmul(t->b, t->x, toy_weight(t, "weight", cnn_type2(CNN_F32, 6, 5)), false, false);
}

static void a_wrong_sum_of_products_is_seen(void)
{
    check_both(product, (const int64_t[CNN_MAX_RANK]){ 2, 4 });
}

static cnn_value mean_of_rows(toy *t)
{
    return cnn_reduce(t->b, t->x, CNN_REDUCE_MEAN, 2, false);
}

static void a_wrong_mean_is_seen(void)
{
    check_both(mean_of_rows, (const int64_t[CNN_MAX_RANK]){ 3 });
}

/* ---- pages ---- */

static cnn_page new_page(cnn_arena *arena)
{
    return (cnn_page){ open_page(), arena, false, false };
}

static void long_sums_say_what_they_leave_out(void)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_page page = new_page(arena);
    double terms[100];
    for (int i = 0; i < 100; i++)
        terms[i] = i;
    cnn_page_sum(&page, "", terms, 100);
    page.all = true;
    cnn_page_sum(&page, "", terms, 3);
    (void)fclose(page.out);
    CHECK_HAS(page_text, "… (89 more: 4717)");
    CHECK_HAS(page_text, "= 4950");
    CHECK_HAS(page_text, "  0 + 1 + 2 = 3\n");
    free(page_text);
    cnn_arena_destroy(arena);
}

static void grids_that_are_too_wide_lose_their_middle(void)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_page page = new_page(arena);
    double numbers[400];
    for (int i = 0; i < 400; i++)
        numbers[i] = 0.12345 * i;
    const cnn_grid grids[2] = { { "a", "", 10, 40, numbers, NULL },
                                { "b", "×", 10, 40, numbers, NULL } };
    cnn_page_grids(&page, grids, 2);
    (void)fclose(page.out);
    CHECK_HAS(page_text, "…");
    size_t longest = 0;
    for (const char *line = page_text; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t n = 0;
        for (const char *c = line; *c != '\n'; c++)
            n += ((unsigned char)*c & 0xc0) != 0x80;
        longest = n > longest ? n : longest;
    }
    CHECK(longest <= CNN_PAGE_WIDTH);
    free(page_text);
    cnn_arena_destroy(arena);
}

static void numbers_of_a_grid_share_their_power_of_ten(void)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_page page = new_page(arena);
    const double numbers[2] = { 2e-5, -1.25e-5 };
    const cnn_grid grid = { "dy", "", 1, 2, numbers, NULL };
    cnn_page_grids(&page, &grid, 1);
    (void)fclose(page.out);
    CHECK_STR(page_text, "  dy, in 1e-5\n   2.000  -1.250\n");
    free(page_text);
    cnn_arena_destroy(arena);
}

static void label(const void *context, int64_t line, char *out, size_t size)
{
    (void)context;
    (void)snprintf(out, size, "line %lld", (long long)line);
}

static void chosen_lines_of_a_list_are_never_left_out(void)
{
    static const char *const titles[1] = { "n" };
    cnn_arena *arena = cnn_arena_create();
    cnn_page page = new_page(arena);
    double numbers[50];
    for (int i = 0; i < 50; i++)
        numbers[i] = i;
    cnn_page_list(&page, &(cnn_list){ titles, 1, 50, numbers, 20, true, label, NULL });
    (void)fclose(page.out);
    CHECK_HAS(page_text, "line 20   20  <-");
    CHECK_HAS(page_text, "… 13 more, together 169"); /* 7 to 19 */
    free(page_text);
    cnn_arena_destroy(arena);
}

int main(void)
{
    return RUN_TESTS(TEST(a_wrong_formula_is_seen), TEST(a_wrong_sum_of_products_is_seen),
                     TEST(a_wrong_mean_is_seen), TEST(long_sums_say_what_they_leave_out),
                     TEST(grids_that_are_too_wide_lose_their_middle),
                     TEST(numbers_of_a_grid_share_their_power_of_ten),
                     TEST(chosen_lines_of_a_list_are_never_left_out));
}
