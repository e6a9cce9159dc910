/* The memory plan: nothing that lives at the same time overlaps, and little is wasted. */
#include "toy.h"

enum { ALIGNMENT = 256 };

static const cnn_program *planned(toy *t, cnn_value out)
{
    CHECK(!t->graph->failed);
    return &toy_freeze(t, &out, 1)->program;
}

static cnn_value softmax(toy *t, cnn_value v)
{
    const cnn_softmax_attrs attrs = { .axis = 1 };
    return cnn_op1(t->b, "softmax", &attrs, &v, 1);
}

/* v twice beside itself: twice as many bytes. */
static cnn_value twice(toy *t, cnn_value v)
{
    const cnn_value both[2] = { v, v };
    return cnn_concat(t->b, both, 2, 1);
}

static uint64_t size_of(const cnn_program *p, int32_t v)
{
    uint64_t bytes = (uint64_t)cnn_bytes(&cnn_value_at(p, v)->type);
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static bool is_temp(const cnn_program *p, int32_t v)
{
    return cnn_value_at(p, v)->kind == CNN_VALUE_TEMP;
}

/* The temporary at the start of a chain of reshapes. */
static int32_t root_of(const cnn_program *p, int32_t v)
{
    const cnn_node *node = cnn_node_at(p, (uint32_t)cnn_value_at(p, v)->producer);
    bool shares = strcmp(node->op->c.name, "reshape") == 0 && is_temp(p, node->in[0]);
    return shares ? root_of(p, node->in[0]) : v;
}

/* The last node that needs the memory of a temporary, its reshapes' readers included. */
static int32_t end_of(const cnn_program *p, int32_t root)
{
    int32_t end = 0;
    for (uint32_t v = 0; v < p->n_values; v++)
        if (is_temp(p, (int32_t)v) && root_of(p, (int32_t)v) == root) {
            const cnn_value_info *value = cnn_value_at(p, (int32_t)v);
            end = value->last_use > end ? value->last_use : end;
            end = value->producer > end ? value->producer : end;
        }
    return end;
}

/* Checks the whole plan; returns the bytes that live at the busiest node: no plan has less. */
static uint64_t check_plan(const cnn_program *p)
{
    uint64_t busiest = 0;
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        uint64_t live = 0;
        for (uint32_t v = 0; v < p->n_values; v++) {
            const cnn_value_info *a = cnn_value_at(p, (int32_t)v);
            if (!is_temp(p, (int32_t)v) || root_of(p, (int32_t)v) != (int32_t)v ||
                a->producer > (int32_t)n || end_of(p, (int32_t)v) < (int32_t)n)
                continue;
            live += size_of(p, (int32_t)v);
            CHECK_INT(p->offsets[v] % ALIGNMENT, 0);
            CHECK(p->offsets[v] + size_of(p, (int32_t)v) <= p->arena_bytes);
            for (uint32_t w = 0; w < v; w++) {
                const cnn_value_info *b = cnn_value_at(p, (int32_t)w);
                bool other = is_temp(p, (int32_t)w) && root_of(p, (int32_t)w) == (int32_t)w;
                if (!other || b->producer > (int32_t)n || end_of(p, (int32_t)w) < (int32_t)n)
                    continue;
                CHECK(p->offsets[v] + size_of(p, (int32_t)v) <= p->offsets[w] ||
                      p->offsets[w] + size_of(p, (int32_t)w) <= p->offsets[v]);
            }
        }
        busiest = live > busiest ? live : busiest;
    }
    return busiest;
}

static void a_chain_needs_two_places(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value v = t.x;
    for (int i = 0; i < 10; i++)
        v = softmax(&t, v);
    const cnn_program *p = planned(&t, v);
    CHECK_INT(p->arena_bytes, check_plan(p));
    CHECK_INT(p->arena_bytes, 2 * ALIGNMENT); /* 4 x 6 floats are 96 bytes */
    toy_close(&t);
}

static void a_growing_chain_needs_its_two_largest(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value v = softmax(&t, t.x);
    for (int i = 0; i < 6; i++)
        v = twice(&t, v);
    const cnn_program *p = planned(&t, softmax(&t, v));
    CHECK_INT(p->arena_bytes, check_plan(p));
    CHECK_INT(p->arena_bytes, (32 + 64) * 96);
    toy_close(&t);
}

static void a_value_that_is_read_late_keeps_its_place(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    cnn_value first = softmax(&t, t.x), v = first;
    for (int i = 0; i < 5; i++)
        v = softmax(&t, v);
    const cnn_program *p = planned(&t, cnn_add(t.b, first, v));
    CHECK_INT(check_plan(p), 3 * ALIGNMENT);
    CHECK_INT(p->arena_bytes, 3 * ALIGNMENT);
    toy_close(&t);
}

static void reshapes_of_reshapes_share_one_place(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    const int64_t flat[1] = { 24 }, wide[2] = { 2, 12 };
    cnn_value a = softmax(&t, t.x);
    cnn_value r = cnn_reshape(t.b, a, 1, flat), s = cnn_reshape(t.b, r, 2, wide);
    cnn_value late = softmax(&t, a); /* while s lives */
    cnn_value out = cnn_reduce(t.b, s, CNN_REDUCE_SUM, 2, false);
    const cnn_value outs[2] = { out, softmax(&t, late) };
    const cnn_step *step = toy_freeze(&t, outs, 2);
    const cnn_program *p = &step->program;
    CHECK_INT(p->offsets[step->map[r]], p->offsets[step->map[a]]);
    CHECK_INT(p->offsets[step->map[s]], p->offsets[step->map[a]]);
    CHECK_INT(p->arena_bytes, 2 * ALIGNMENT);
    CHECK_INT(check_plan(p), 2 * ALIGNMENT);
    toy_close(&t);
}

static void a_reshape_of_what_is_no_temporary_has_a_place_of_its_own(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    const int64_t flat[1] = { 24 };
    cnn_value r = cnn_reshape(t.b, t.x, 1, flat);
    const cnn_program *p = planned(&t, cnn_reduce(t.b, r, CNN_REDUCE_SUM, 1, false));
    CHECK_INT(p->arena_bytes, ALIGNMENT);
    toy_close(&t);
}

static void an_output_has_no_place_in_the_arena(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    const int64_t flat[1] = { 24 };
    cnn_value a = softmax(&t, t.x), r = cnn_reshape(t.b, a, 1, flat);
    const cnn_step *step = toy_freeze(&t, &r, 1);
    CHECK_INT(cnn_value_at(&step->program, step->map[r])->kind, CNN_VALUE_OUTPUT);
    CHECK_INT(step->program.arena_bytes, ALIGNMENT);
    toy_close(&t);
}

/* batch_norm writes mean and variance whether anybody reads them or not. */
static void results_that_nobody_reads_have_a_place(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    const cnn_batch_norm_attrs attrs = { 1e-5 };
    cnn_value scale = toy_weight(&t, "scale", cnn_type1(CNN_F32, 6));
    cnn_value in[3] = { t.x, scale, scale }, out[3];
    (void)cnn_op_n(t.b, "batch_norm", &attrs, in, 3, out, 3);
    const cnn_program *p = planned(&t, softmax(&t, out[0]));
    CHECK_INT(check_plan(p), 3 * ALIGNMENT);
    CHECK_INT(p->arena_bytes, 3 * ALIGNMENT);
    toy_close(&t);
}

static void programs_without_temporaries_need_no_arena(void)
{
    toy t;
    toy_open(&t, CNN_PREDICT, NULL);
    CHECK_INT(planned(&t, softmax(&t, t.x))->arena_bytes, 0);
    toy_close(&t);
}

static void random_plans_are_right_and_near_the_least(void)
{
    uint64_t sum = 0, least = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        enum { VALUES = 30 };
        toy t;
        cnn_value v[VALUES];
        cnn_rng r = cnn_rng_at(seed, CNN_RNG_DATA, 0, 0);
        toy_open(&t, CNN_PREDICT, NULL);
        v[0] = t.x;
        for (uint32_t i = 1; i < VALUES; i++) {
            cnn_value from = v[i - 1 - cnn_rng_below(&r, i < 6 ? i : 6)];
            const cnn_type type = *cnn_type_of(t.b, from);
            uint32_t kind = cnn_rng_below(&r, 5);
            if (kind == 0 && type.dim[1] < 1000)
                v[i] = twice(&t, from);
            else if (kind == 1 && type.dim[1] > 2)
                v[i] = cnn_slice(t.b, from, 1, 0, type.dim[1] / 2);
            else if (kind == 2)
                v[i] = cnn_reshape(t.b, from, type.rank, type.dim);
            else
                v[i] = softmax(&t, from);
        }
        const cnn_program *p = &toy_freeze(&t, &v[VALUES - 4], 4)->program;
        least += check_plan(p);
        sum += p->arena_bytes;
        toy_close(&t);
    }
    CHECK(sum >= least);
    CHECK(sum < least + least / 10);
}

int main(void)
{
    return RUN_TESTS(
        TEST(a_chain_needs_two_places), TEST(a_growing_chain_needs_its_two_largest),
        TEST(a_value_that_is_read_late_keeps_its_place), TEST(reshapes_of_reshapes_share_one_place),
        TEST(a_reshape_of_what_is_no_temporary_has_a_place_of_its_own),
        TEST(an_output_has_no_place_in_the_arena), TEST(results_that_nobody_reads_have_a_place),
        TEST(programs_without_temporaries_need_no_arena),
        TEST(random_plans_are_right_and_near_the_least));
}
