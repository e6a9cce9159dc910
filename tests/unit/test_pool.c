/* The pool: every index once, whatever the threads do; nested and concurrent calls. */
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "test.h"

enum { COUNT = 1000 };

typedef struct tally {
    _Atomic int visits[COUNT];
} tally;

static void count_visit(void *context, uint32_t i)
{
    ((tally *)context)->visits[i]++;
}

static bool all_are(const tally *t, size_t count, int want)
{
    for (size_t i = 0; i < count; i++)
        if (t->visits[i] != want)
            return false;
    return true;
}

static void every_index_is_done_once(void)
{
    static const uint32_t threads[] = { 1, 2, 3, 8 };
    for (size_t k = 0; k < 4; k++) {
        static tally t;
        cnn_pool *pool = cnn_pool_create(threads[k]);
        for (size_t i = 0; i < COUNT; i++)
            t.visits[i] = 0;
        CHECK_INT(cnn_pool_threads(pool), threads[k]);
        for (int round = 0; round < 5; round++)
            cnn_pool_run(pool, COUNT, count_visit, &t);
        CHECK(all_are(&t, COUNT, 5));
        cnn_pool_destroy(pool);
    }
}

static void fewer_indices_than_threads_are_fine(void)
{
    tally t = { 0 };
    cnn_pool *pool = cnn_pool_create(8);
    cnn_pool_run(pool, 0, count_visit, &t);
    CHECK(all_are(&t, 4, 0));
    cnn_pool_run(pool, 1, count_visit, &t);
    cnn_pool_run(pool, 3, count_visit, &t);
    CHECK_INT(t.visits[0], 2);
    CHECK_INT(t.visits[2], 1);
    CHECK_INT(t.visits[3], 0);
    cnn_pool_destroy(pool);
}

static void many_small_jobs_follow_each_other(void)
{
    tally t = { 0 };
    cnn_pool *pool = cnn_pool_create(4);
    for (int i = 0; i < 20000; i++)
        cnn_pool_run(pool, 3, count_visit, &t);
    CHECK(all_are(&t, 3, 20000));
    cnn_pool_destroy(pool);
}

typedef struct nest {
    cnn_pool *pool;
    _Atomic int inner;
    _Atomic int strangers; /* inner tasks on another thread than their caller's */
    pthread_t caller[16];
} nest;

typedef struct nested_call {
    nest *nest;
    uint32_t outer;
} nested_call;

static void inner_task(void *context, uint32_t i)
{
    const nested_call *call = context;
    (void)i;
    call->nest->inner++;
    if (!pthread_equal(call->nest->caller[call->outer], pthread_self()))
        call->nest->strangers++;
}

static void outer_task(void *context, uint32_t i)
{
    nest *n = context;
    nested_call call = { n, i };
    n->caller[i] = pthread_self();
    cnn_pool_run(n->pool, 10, inner_task, &call);
}

static void calls_from_a_task_run_on_its_own_thread(void)
{
    nest n = { .pool = cnn_pool_create(4) };
    cnn_pool_run(n.pool, 16, outer_task, &n);
    CHECK_INT(n.inner, 160);
    CHECK_INT(n.strangers, 0);
    cnn_pool_destroy(n.pool);
}

typedef struct caller {
    cnn_pool *pool;
    tally tally;
} caller;

static void *call_often(void *argument)
{
    caller *c = argument;
    for (int i = 0; i < 500; i++)
        cnn_pool_run(c->pool, 64, count_visit, &c->tally);
    return NULL;
}

static void several_threads_may_call_at_once(void)
{
    static caller callers[3];
    pthread_t threads[3];
    cnn_pool *pool = cnn_pool_create(3);
    for (size_t i = 0; i < 3; i++) {
        callers[i].pool = pool;
        CHECK_INT(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK(all_are(&callers[i].tally, 64, 500));
    }
    cnn_pool_destroy(pool);
}

/* Plain memory: what the tasks wrote is seen by the caller, which the thread sanitizer checks. */
static void write_plain(void *context, uint32_t i)
{
    ((uint32_t *)context)[i] = i * i;
}

static void results_are_there_when_the_call_returns(void)
{
    static uint32_t squares[COUNT];
    cnn_pool *pool = cnn_pool_create(4);
    bool right = true;
    for (int round = 0; round < 50; round++) {
        memset(squares, 0, sizeof squares);
        cnn_pool_run(pool, COUNT, write_plain, squares);
        for (uint32_t i = 0; i < COUNT; i++)
            right = right && squares[i] == i * i;
    }
    CHECK(right);
    cnn_pool_destroy(pool);
}

static void the_environment_gives_the_number_of_threads(void)
{
    (void)setenv("CNNRUN_THREADS", "3", 1);
    cnn_pool *pool = cnn_pool_create(0);
    CHECK_INT(cnn_pool_threads(pool), 3);
    cnn_pool_destroy(pool);
    (void)setenv("CNNRUN_THREADS", "many", 1);
    pool = cnn_pool_create(0);
    CHECK(cnn_pool_threads(pool) >= 1 && cnn_pool_threads(pool) <= 64);
    cnn_pool_destroy(pool);
    cnn_pool_destroy(NULL);
}

int main(void)
{
    return RUN_TESTS(
        TEST(every_index_is_done_once), TEST(fewer_indices_than_threads_are_fine),
        TEST(many_small_jobs_follow_each_other), TEST(calls_from_a_task_run_on_its_own_thread),
        TEST(several_threads_may_call_at_once), TEST(results_are_there_when_the_call_returns),
        TEST(the_environment_gives_the_number_of_threads));
}
