/* Plans by hand: every kind of hazard, separated by a barrier and not. */
#include "vulkan/plan.h"

#include <stdlib.h>
#include <time.h>

#include "test.h"

enum { VALUES = 8, SCRATCH = VALUES, ALL = VALUES + 2, STEPS = 8, MANY = 4000 };

/* A plan of one node, whose values lie at multiples of 1024 in the arena. */
typedef struct fixture {
    vk_plan plan;
    cnn_program program;
    cnn_value_info values[VALUES];
    cnn_node node;
    int32_t root[ALL];
    uint64_t bytes[ALL];
    vk_place places[ALL];
    vk_step steps[STEPS];
    cnn_error err;
} fixture;

static void start(fixture *f)
{
    static const char *const names[VALUES] = { "a", "b", "c", "d", "e", "f", "g", NULL };
    memset(f, 0, sizeof *f);
    f->node.layer = "3.conv2d";
    for (int i = 0; i < VALUES; i++)
        f->values[i].name = names[i];
    f->program = (cnn_program){ .size = sizeof f->program,
                                .n_values = VALUES,
                                .value_stride = sizeof f->values[0],
                                .n_nodes = 1,
                                .node_stride = sizeof f->node,
                                .values = f->values,
                                .nodes = &f->node };
    for (int i = 0; i < ALL; i++) {
        f->root[i] = i;
        f->bytes[i] = 1000;
        f->places[i] = (vk_place){ VK_ARENA, 0, (uint64_t)i * 1024 };
    }
    f->plan = (vk_plan){ .program = &f->program,
                         .steps = f->steps,
                         .n_values = ALL,
                         .root = f->root,
                         .bytes = f->bytes,
                         .places = f->places };
}

static vk_step *add(fixture *f, const char *shader)
{
    vk_step *step = &f->steps[f->plan.n_steps++];
    step->kernel.shader = shader;
    return step;
}

static void touch_part(vk_step *step, int32_t value, uint32_t access, uint64_t offset,
                       uint64_t bytes)
{
    step->operands[step->kernel.n_bindings++] = (vk_operand){ value, access, offset, bytes };
}

static void touch(vk_step *step, int32_t value, uint32_t access)
{
    touch_part(step, value, access, 0, 1000);
}

static bool fails(fixture *f, const char *kind)
{
    f->err = (cnn_error){ "", "" };
    return vk_check_hazards(&f->plan, &f->err) == CNN_INTERNAL && strstr(f->err.text, kind) != NULL;
}

static bool passes(fixture *f)
{
    return vk_check_hazards(&f->plan, &f->err) == CNN_OK;
}

/* Two steps that access value 1 so, alone and with a barrier between. */
static void check_pair(uint32_t first, uint32_t second, const char *kind)
{
    fixture f;
    start(&f);
    touch(add(&f, "one"), 1, first);
    touch(add(&f, "two"), 1, second);
    CHECK(fails(&f, kind));
    f.steps[0].barrier = true; /* before both */
    CHECK(fails(&f, kind));
    f.steps[1].barrier = true;
    CHECK(passes(&f));
}

static void a_read_after_a_write_needs_a_barrier(void)
{
    check_pair(VK_WRITE, VK_READ, "read after write");
    check_pair(VK_READ | VK_WRITE, VK_READ, "read after write");
}

static void a_write_after_a_read_needs_a_barrier(void)
{
    check_pair(VK_READ, VK_WRITE, "write after read");
    check_pair(VK_READ, VK_READ | VK_WRITE, "write after read");
}

static void a_write_after_a_write_needs_a_barrier(void)
{
    check_pair(VK_WRITE, VK_WRITE, "write after write");
    check_pair(VK_READ | VK_WRITE, VK_READ | VK_WRITE, "write after write");
}

static void reads_need_no_barrier(void)
{
    fixture f;
    start(&f);
    for (int i = 0; i < STEPS; i++) {
        vk_step *step = add(&f, "map");
        touch(step, 0, VK_READ);
        if (i > 0)
            touch(step, i, VK_WRITE);
    }
    CHECK(passes(&f));
}

static void a_barrier_anywhere_between_is_enough(void)
{
    fixture f;
    start(&f);
    touch(add(&f, "one"), 0, VK_WRITE);
    touch(add(&f, "two"), 1, VK_WRITE);
    touch(add(&f, "three"), 2, VK_WRITE);
    touch(add(&f, "four"), 0, VK_READ);
    CHECK(fails(&f, "read after write"));
    for (uint32_t at = 1; at < 4; at++) {
        f.steps[at].barrier = true;
        CHECK(passes(&f));
        f.steps[at].barrier = false;
    }
}

static void the_error_names_steps_layers_and_values(void)
{
    fixture f;
    start(&f);
    touch(add(&f, "map"), 7, VK_WRITE);
    touch(add(&f, "gemm"), SCRATCH, VK_WRITE);
    f.places[SCRATCH] = f.places[7];
    CHECK(fails(&f, "write after write without a barrier"));
    CHECK_HAS(f.err.text, "step 0, map of layer '3.conv2d', writes unnamed (value 7)");
    CHECK_HAS(f.err.text, "step 1, gemm of layer '3.conv2d', writes scratch (value 8)");
}

static void parts_of_a_value_are_apart(void)
{
    fixture f;
    start(&f);
    touch_part(add(&f, "one"), 0, VK_WRITE, 0, 256);
    touch_part(add(&f, "two"), 0, VK_READ, 256, 256);
    CHECK(passes(&f));
    touch_part(add(&f, "three"), 0, VK_READ, 512, 4);
    f.steps[0].operands[0].bytes = 516;
    CHECK(fails(&f, "read after write"));
    f.steps[1].barrier = true;
    CHECK(passes(&f));
}

/* Values that were given overlapping places, because they were thought not to live together. */
static void values_overlap_in_part(void)
{
    fixture f;
    start(&f);
    touch(add(&f, "one"), 0, VK_WRITE);
    touch(add(&f, "two"), 1, VK_READ);
    f.places[1].offset = 768; /* 0 has 1000 bytes */
    CHECK(fails(&f, "read after write"));
    f.places[1].offset = 1000;
    CHECK(passes(&f));
    f.places[0].offset = 1999;
    CHECK(fails(&f, "read after write"));
    f.places[0].offset = 2000;
    CHECK(passes(&f));
}

static void a_long_access_meets_those_far_behind_its_begin(void)
{
    fixture f;
    start(&f);
    touch_part(add(&f, "long"), 0, VK_READ, 0, 8000);
    touch(add(&f, "short"), 2, VK_READ);
    touch(add(&f, "short"), 3, VK_READ);
    touch(add(&f, "write"), 5, VK_WRITE);
    CHECK(fails(&f, "write after read"));
    CHECK_HAS(f.err.text, "step 0, long");
    CHECK_HAS(f.err.text, "step 3, write");
    f.steps[3].barrier = true;
    CHECK(passes(&f));
}

static void spaces_are_apart(void)
{
    fixture f;
    start(&f);
    touch(add(&f, "one"), 0, VK_WRITE);
    touch(add(&f, "two"), 1, VK_WRITE);
    touch(add(&f, "three"), 2, VK_READ);
    f.places[0] = (vk_place){ VK_EXTERNAL, 0, 0 };
    f.places[1] = (vk_place){ VK_EXTERNAL, 1, 0 };
    f.places[2] = (vk_place){ VK_CONST, 0, 0 };
    f.places[3] = (vk_place){ VK_ARENA, 0, 0 };
    touch(add(&f, "four"), 3, VK_WRITE);
    CHECK(passes(&f));
    f.places[1].external = 0;
    CHECK(fails(&f, "write after write"));
}

/* The place is the root's. */
static void values_share_a_place(void)
{
    fixture f;
    start(&f);
    touch(add(&f, "one"), 0, VK_WRITE);
    touch(add(&f, "two"), 4, VK_READ);
    CHECK(passes(&f));
    f.root[4] = 0;
    f.places[4] = (vk_place){ VK_NOWHERE, 0, 0 };
    CHECK(fails(&f, "read after write"));
    f.steps[1].barrier = true;
    CHECK(passes(&f));
}

static void a_step_may_work_in_place(void)
{
    fixture f;
    start(&f);
    vk_step *step = add(&f, "update");
    touch(step, 0, VK_READ);
    touch(step, 1, VK_WRITE);
    f.root[1] = 0;
    CHECK(passes(&f));
    f.root[1] = 1; /* the same bytes, but nobody meant them to be */
    f.places[1].offset = 512;
    CHECK(fails(&f, "whose bytes overlap"));
    CHECK_HAS(f.err.text, "a (value 0)");
    CHECK_HAS(f.err.text, "b (value 1)");
}

static void a_value_without_a_place_is_an_error(void)
{
    fixture f;
    start(&f);
    touch(add(&f, "one"), 2, VK_READ);
    f.places[2].space = VK_NOWHERE;
    CHECK(fails(&f, "c (value 2), which has no place"));
}

static void no_steps_have_no_hazards(void)
{
    fixture f;
    start(&f);
    CHECK(passes(&f));
}

/* Random accesses: the answer is that of all pairs. */
static bool pair_clashes(const fixture *f, uint32_t i, uint32_t j)
{
    for (uint32_t k = i + 1; k <= j; k++)
        if (f->steps[k].barrier)
            return false;
    const vk_operand *a = &f->steps[i].operands[0], *b = &f->steps[j].operands[0];
    const uint64_t x = f->places[a->value].offset, y = f->places[b->value].offset;
    return ((a->access | b->access) & VK_WRITE) != 0 && x < y + b->bytes && y < x + a->bytes;
}

static void random_plans(void)
{
    uint32_t state = 1, clashes = 0;
    for (int round = 0; round < 3000; round++) {
        fixture f;
        bool expected = false;
        start(&f);
        for (uint32_t i = 0; i < STEPS; i++) {
            state = state * 1664525u + 1013904223u;
            vk_step *step = add(&f, "any");
            f.places[i].offset = (state >> 8) % 40;
            touch_part(step, (int32_t)i, state >> 30 == 0 ? VK_WRITE : VK_READ, 0,
                       1 + (state >> 16) % 8);
            step->barrier = (state >> 20) % 4 == 0;
        }
        for (uint32_t i = 0; i < STEPS; i++)
            for (uint32_t j = i + 1; j < STEPS; j++)
                expected = expected || pair_clashes(&f, i, j);
        clashes += expected;
        if (!CHECK(passes(&f) == !expected))
            return;
    }
    CHECK(clashes > 300 && clashes < 2700);
}

/* One value that all read and no barriers at all. */
static void many_steps_take_little_time(void)
{
    fixture f;
    start(&f);
    vk_step *steps = calloc(MANY, sizeof *steps);
    if (!CHECK(steps != NULL))
        return;
    for (uint32_t i = 0; i < MANY; i++) {
        touch(&steps[i], 0, VK_READ);
        touch_part(&steps[i], 1, VK_WRITE, (uint64_t)i * 256, 256);
    }
    f.plan.steps = steps;
    f.plan.n_steps = MANY;
    const clock_t before = clock();
    CHECK(passes(&f));
    CHECK((double)(clock() - before) / CLOCKS_PER_SEC < 0.3);
    touch_part(&steps[MANY - 1], 1, VK_READ, 0, 256);
    CHECK(fails(&f, "read after write"));
    free(steps);
}

int main(void)
{
    return RUN_TESTS(
        TEST(a_read_after_a_write_needs_a_barrier), TEST(a_write_after_a_read_needs_a_barrier),
        TEST(a_write_after_a_write_needs_a_barrier), TEST(reads_need_no_barrier),
        TEST(a_barrier_anywhere_between_is_enough), TEST(the_error_names_steps_layers_and_values),
        TEST(parts_of_a_value_are_apart), TEST(values_overlap_in_part),
        TEST(a_long_access_meets_those_far_behind_its_begin), TEST(spaces_are_apart),
        TEST(values_share_a_place), TEST(a_step_may_work_in_place),
        TEST(a_value_without_a_place_is_an_error), TEST(no_steps_have_no_hazards),
        TEST(random_plans), TEST(many_steps_take_little_time));
}
