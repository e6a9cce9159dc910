/* Which backends are opened, who runs which node, and what the parts of a cut program are. */
#include "place.h"

#include "toy_backends.h"

static cnn_error err;

static void open_graph(toy *t)
{
    toy_kinds_reset();
    toy_open(t, CNN_PREDICT, &toy_backends);
    err = (cnn_error){ "", "" };
}

/* ---- opening ---- */

static void auto_takes_the_usable_device_of_the_highest_rank(void)
{
    toy t;
    cnn_stack stack;
    open_graph(&t);
    CHECK_INT(cnn_stack_open(&t.registry, "auto", false, &stack, &err), CNN_OK);
    CHECK_INT(stack.count, 2);
    CHECK_STR(stack.items[0].name, "toy");
    CHECK_STR(stack.items[1].name, "base");
    CHECK_INT(toy_kinds[TOY].opened + toy_kinds[BASE].opened, 2);
    cnn_stack_close(&stack);
    CHECK_INT(toy_kinds[TOY].opened + toy_kinds[BASE].opened, 0);
    toy_close(&t);
}

static void of_equal_ranks_auto_takes_the_first_name(void)
{
    toy t;
    cnn_stack stack;
    open_graph(&t);
    toy_kinds[BASE].rank = 50;
    CHECK_INT(cnn_stack_open(&t.registry, "auto", false, &stack, &err), CNN_OK);
    CHECK_STR(stack.items[0].name, "base");
    cnn_stack_close(&stack);
    toy_close(&t);
}

static void who_has_nothing_for_auto_is_not_asked(void)
{
    toy t;
    cnn_stack stack;
    open_graph(&t);
    toy_kinds[TOY].absent = true;
    CHECK_INT(cnn_stack_open(&t.registry, "auto", false, &stack, &err), CNN_OK);
    CHECK_STR(stack.items[0].name, "base");
    CHECK_INT(toy_kinds[TOY].asked, 0);
    CHECK_INT(toy_kinds[BASE].asked, 1);
    cnn_stack_close(&stack);
    toy_close(&t);
}

static void a_name_with_a_device_is_another_backend_of_the_stack(void)
{
    toy t;
    cnn_stack stack;
    open_graph(&t);
    CHECK_INT(cnn_stack_open(&t.registry, "toy:1", false, &stack, &err), CNN_OK);
    CHECK_STR(stack.items[0].name, "toy:1");
    CHECK_STR(stack.items[1].name, "base");
    CHECK_INT(cnn_stack_add(&t.registry, "toy", &stack, &err), CNN_OK);
    CHECK_INT(cnn_stack_add(&t.registry, "base", &stack, &err), CNN_OK);
    CHECK_INT(stack.count, 3);
    cnn_stack_close(&stack);
    toy_close(&t);
}

static void check_refusal(const char *name, cnn_status status, const char *text)
{
    toy t;
    cnn_stack stack;
    open_graph(&t);
    CHECK_INT(cnn_stack_open(&t.registry, name, false, &stack, &err), status);
    CHECK_HAS(err.text, text);
    CHECK_INT(stack.count, 0);
    for (int i = 0; i < TOY_KINDS; i++)
        CHECK_INT(toy_kinds[i].opened, 0);
    toy_close(&t);
}

static void what_cannot_be_opened_says_why(void)
{
    check_refusal("gone", CNN_MISSING, "no such thing here");
    check_refusal("tai", CNN_MISSING, "tai");
    check_refusal("orphan", CNN_MISSING, "nobody");
}

static void without_a_usable_device_auto_is_an_error(void)
{
    toy t;
    cnn_stack stack;
    open_graph(&t);
    toy_kinds[BASE].usable = false;
    toy_kinds[TOY].automatic = false;
    CHECK_INT(cnn_stack_open(&t.registry, "auto", false, &stack, &err), CNN_MISSING);
    CHECK_HAS(err.hint, "cnnrun devices");
    toy_close(&t);
}

/* ---- placing ---- */

typedef struct fixture {
    toy t;
    cnn_stack stack;
    cnn_step *step;
    cnn_placement *placement;
    cnn_status status;
} fixture;

/* y = tanh(x w); out = y - mean(y): the mean is what "toy" leaves to "base". `wish` asks for a
 * backend for tanh(x w). */
static void open(fixture *f, const char *backend, bool forbid, const char *wish)
{
    memset(f, 0, sizeof *f);
    open_graph(&f->t);
    cnn_builder *b = f->t.b;
    f->t.graph->path = "0.linear";
    f->t.graph->backend = wish;
    cnn_value w = toy_weight(&f->t, "weight", cnn_type2(CNN_F32, 6, 6));
    cnn_value y = cnn_tanh(b, cnn_matmul(b, f->t.x, w, false, false));
    f->t.graph->path = "1.center";
    f->t.graph->backend = NULL;
    cnn_value mean = cnn_reduce(b, y, CNN_REDUCE_MEAN, 2, true);
    const cnn_value outs[2] = { cnn_sub(b, y, mean), mean };
    f->step = toy_freeze(&f->t, outs, 2);
    CHECK_INT(cnn_stack_open(&f->t.registry, backend, forbid, &f->stack, &err), CNN_OK);
    f->status = cnn_placement_from(f->step, &f->stack, f->t.arena, &f->placement, &err);
}

static void close(fixture *f)
{
    cnn_stack_close(&f->stack);
    toy_close(&f->t);
}

static void one_backend_for_all_is_one_part(void)
{
    fixture f;
    open(&f, "base", false, NULL);
    CHECK_INT(f.status, CNN_OK);
    CHECK_INT(f.placement->n_parts, 1);
    CHECK_INT(f.placement->n_fallbacks, 0);
    CHECK_INT(f.placement->parts[0].program.n_nodes, f.step->program.n_nodes);
    CHECK_INT(f.placement->parts[0].values[3], 3);
    close(&f);
}

static void a_node_that_is_not_supported_cuts_the_program(void)
{
    fixture f;
    open(&f, "toy", false, NULL);
    CHECK_INT(f.status, CNN_OK);
    CHECK_INT(f.step->program.n_nodes, 4); /* matmul, tanh, mean, subtraction */
    CHECK_INT(f.placement->n_parts, 3);
    CHECK_INT(f.placement->parts[0].end_node, 2);
    CHECK_INT(f.placement->parts[1].opened, 1);
    CHECK_INT(f.placement->parts[2].first_node, 3);
    CHECK_INT(f.placement->n_fallbacks, 1);
    CHECK_STR(f.placement->reasons[2], "there is no kernel for reduce");
    CHECK(f.placement->reasons[1] == NULL);
    close(&f);
}

/* The part's value for a value of the whole program. */
static const cnn_value_info *in_part(const cnn_part *part, int32_t whole)
{
    static const cnn_value_info none;
    for (uint32_t v = 0; v < part->program.n_values; v++)
        if (part->values[v] == whole)
            return cnn_value_at(&part->program, (int32_t)v);
    return &none;
}

static void values_cross_as_outputs_and_inputs(void)
{
    fixture f;
    open(&f, "toy", false, NULL);
    const cnn_part *parts = f.placement->parts;
    int32_t y = cnn_node_at(&f.step->program, 1)->out[0];
    int32_t mean = f.step->extras[1], weight = f.step->map[f.t.graph->states[0].value];
    CHECK_INT(cnn_value_at(&f.step->program, y)->kind, CNN_VALUE_TEMP);
    CHECK_INT(in_part(&parts[0], y)->kind, CNN_VALUE_OUTPUT);
    CHECK_INT(in_part(&parts[0], y)->producer, 1);
    CHECK_INT(in_part(&parts[1], y)->kind, CNN_VALUE_INPUT);
    CHECK_INT(in_part(&parts[1], y)->producer, -1);
    CHECK_INT(in_part(&parts[2], y)->kind, CNN_VALUE_INPUT);
    CHECK_INT(in_part(&parts[1], mean)->kind, CNN_VALUE_OUTPUT);
    CHECK_INT(in_part(&parts[2], mean)->kind, CNN_VALUE_INPUT);
    CHECK_INT(in_part(&parts[0], weight)->kind, CNN_VALUE_STATE);
    CHECK_INT(in_part(&parts[1], weight)->kind, 0); /* not there */
    close(&f);
}

static void parts_are_programs_of_their_own(void)
{
    fixture f;
    open(&f, "toy", false, NULL);
    for (uint32_t i = 0; i < f.placement->n_parts; i++) {
        const cnn_program *p = &f.placement->parts[i].program;
        uint32_t externals = 0;
        for (uint32_t v = 0; v < p->n_values; v++) {
            const cnn_value_info *value = cnn_value_at(p, (int32_t)v);
            externals += value->external >= 0;
            if (value->external >= 0)
                CHECK_INT(p->externals[value->external], v);
            if (value->kind == CNN_VALUE_TEMP)
                CHECK(p->offsets[v] + (uint64_t)cnn_bytes(&value->type) <= p->arena_bytes);
        }
        CHECK_INT(externals, p->n_externals);
        for (uint32_t n = 0; n < p->n_nodes; n++)
            for (uint32_t k = 0; k < cnn_node_at(p, n)->n_in; k++)
                CHECK(cnn_value_at(p, cnn_node_at(p, n)->in[k])->producer < (int32_t)n);
    }
    CHECK(f.placement->parts[0].program.arena_bytes > 0); /* the product */
    CHECK_INT(f.placement->parts[2].program.arena_bytes, 0);
    close(&f);
}

static void the_share_is_that_of_the_multiply_adds(void)
{
    fixture f;
    open(&f, "toy", false, NULL);
    CHECK_NEAR(f.placement->fallback_share, 0, 1e-12); /* the product is not among them */
    close(&f);
    open(&f, "toy", false, NULL);
    toy_kinds[TOY].refuses = "matmul";
    CHECK_INT(cnn_placement_from(f.step, &f.stack, f.t.arena, &f.placement, &err), CNN_OK);
    CHECK(f.placement->fallback_share > 0.5);
    close(&f);
}

static void a_forbidden_fallback_names_layer_op_and_reason(void)
{
    fixture f;
    open(&f, "toy", true, NULL);
    CHECK_INT(f.status, CNN_UNSUPPORTED);
    CHECK_STR(err.text, "layer '1.center': backend toy cannot run op 'reduce': there is no kernel "
                        "for reduce");
    CHECK_HAS(err.hint, "fallback: allow");
    close(&f);
}

static void a_node_that_nobody_can_run_is_an_error(void)
{
    fixture f;
    open(&f, "base", false, NULL);
    toy_kinds[BASE].refuses = "map";
    CHECK_INT(cnn_placement_from(f.step, &f.stack, f.t.arena, &f.placement, &err), CNN_UNSUPPORTED);
    CHECK_HAS(err.text, "layer '0.linear': backend base cannot run op 'map'");
    close(&f);
}

static void backends_that_stand_on_each_other_end(void)
{
    fixture f;
    open(&f, "round", false, NULL);
    CHECK_INT(f.stack.count, 2);
    CHECK_INT(f.status, CNN_UNSUPPORTED);
    close(&f);
}

static void a_layer_runs_on_the_backend_it_asks_for(void)
{
    fixture f;
    open(&f, "toy", true, "base");
    CHECK_INT(f.status, CNN_UNSUPPORTED); /* the mean, later */
    CHECK_INT(f.placement == NULL, 1);
    close(&f);
    open(&f, "toy", false, "base");
    CHECK_INT(f.status, CNN_OK);
    CHECK_INT(f.placement->node_backend[0], 1);
    CHECK_INT(f.placement->node_backend[1], 1);
    CHECK_INT(f.placement->node_backend[3], 0);
    CHECK(f.placement->reasons[0] == NULL); /* a wish is no fallback */
    CHECK_INT(f.placement->n_parts, 2);
    close(&f);
}

static void a_wish_for_what_is_not_open_is_an_error(void)
{
    fixture f;
    open(&f, "base", false, "toy");
    CHECK_INT(f.status, CNN_INTERNAL);
    CHECK_STR(err.text, "layer '0.linear': backend 'toy' is not open");
    close(&f);
}

/* ---- texts ---- */

static void check_text(void (*print)(const cnn_placement *, const cnn_stack *, FILE *),
                       const fixture *f, const char *want)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(f->placement, &f->stack, out);
    (void)fclose(out);
    CHECK_STR(text, want);
    free(text);
}

static void the_placement_reads_well(void)
{
    fixture f;
    open(&f, "toy", false, NULL);
    check_text(cnn_placement_print, &f,
               "part 0 on toy: nodes 0 to 1\n"
               "part 1 on base: node 2\n"
               "    takes %3 : f32 [4, 6] from toy\n"
               "part 2 on toy: node 3\n"
               "    takes %4 : f32 [4, 1] from base\n"
               "node 2, layer 1.center, op reduce runs on base: there is no kernel for reduce\n"
               "1 fallback, 0.0% of the multiply-adds\n");
    close(&f);
    open(&f, "base", false, NULL);
    check_text(cnn_placement_print, &f,
               "part 0 on base: nodes 0 to 3\n"
               "0 fallbacks, 0.0% of the multiply-adds\n");
    close(&f);
}

static void the_plan_reads_well(void)
{
    fixture f;
    open(&f, "toy", false, NULL);
    check_text(cnn_plan_print, &f,
               "part 0 on toy: nodes 0 to 1\n"
               "    offset      bytes      nodes    value\n"
               "         0         96     0 - 1     %2 : f32 [4, 6]  0.linear\n"
               "    1 input of 96 bytes, 1 state of 144 bytes, 1 output of 96 bytes, "
               "1 temporary tensor of 96 bytes in an arena of 256\n"
               "part 1 on base: node 2\n"
               "    1 input of 96 bytes, 1 output of 16 bytes\n"
               "part 2 on toy: node 3\n"
               "    2 inputs of 112 bytes, 1 output of 96 bytes\n");
    close(&f);
    open(&f, "toy", false, NULL);
    toy_kinds[TOY].refuses = "matmul";
    CHECK_INT(cnn_placement_from(f.step, &f.stack, f.t.arena, &f.placement, &err), CNN_OK);
    check_text(cnn_plan_print, &f,
               "part 0 on base: node 0\n"
               "    1 input of 96 bytes, 1 state of 144 bytes, 1 output of 96 bytes\n"
               "part 1 on toy: nodes 1 to 3\n"
               "    offset      bytes      nodes    value\n"
               "         0         96     1 - 3     %3 : f32 [4, 6]  0.linear\n"
               "    1 input of 96 bytes, 2 outputs of 112 bytes, "
               "1 temporary tensor of 96 bytes in an arena of 256\n");
    close(&f);
}

int main(void)
{
    return RUN_TESTS(
        TEST(auto_takes_the_usable_device_of_the_highest_rank),
        TEST(of_equal_ranks_auto_takes_the_first_name), TEST(who_has_nothing_for_auto_is_not_asked),
        TEST(a_name_with_a_device_is_another_backend_of_the_stack),
        TEST(what_cannot_be_opened_says_why), TEST(without_a_usable_device_auto_is_an_error),
        TEST(one_backend_for_all_is_one_part), TEST(a_node_that_is_not_supported_cuts_the_program),
        TEST(values_cross_as_outputs_and_inputs), TEST(parts_are_programs_of_their_own),
        TEST(the_share_is_that_of_the_multiply_adds),
        TEST(a_forbidden_fallback_names_layer_op_and_reason),
        TEST(a_node_that_nobody_can_run_is_an_error), TEST(backends_that_stand_on_each_other_end),
        TEST(a_layer_runs_on_the_backend_it_asks_for),
        TEST(a_wish_for_what_is_not_open_is_an_error), TEST(the_placement_reads_well),
        TEST(the_plan_reads_well));
}
