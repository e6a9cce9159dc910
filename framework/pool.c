/* One job at a time: a range of indices that the caller and the workers take from, one by one.
 *
 * A worker takes part by passing the gate, which counts who is inside. The caller closes it when
 * the indices have run out and then waits for those inside, so nobody ever looks at a job that is
 * over and a worker that sleeps holds nobody up. A second caller, which includes a task that calls
 * again, finds the pool busy and does its range alone: that is what makes nested calls serial. */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/arena.h"

#define MAX_AUTOMATIC 64u
#define MAX_THREADS 1024u
/* About 20 us of pauses: kernels of one step follow each other within that time. */
#define SPINS 400u
#define CLOSED 0x80000000u

struct cnn_pool {
    uint32_t threads;
    uint32_t n_workers; /* that run; written by the first caller, who holds `busy` */
    bool started;
    uint32_t spins; /* 0 where there are more threads than processors */
    pthread_t *workers;

    atomic_flag busy;
    _Atomic uint32_t gate; /* CLOSED, or the number of workers inside; both while it closes */
    _Atomic uint32_t generation;
    _Atomic uint32_t sleepers;
    _Atomic bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* a new generation, or stop */
    pthread_cond_t left; /* the last worker went out of the closed gate */

    /* The job; written while the gate is closed and nobody is inside. */
    void (*task)(void *context, uint32_t i);
    void *context;
    uint32_t count;
    _Atomic uint64_t next;
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint32_t processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : (uint32_t)n;
}

static uint32_t default_threads(void)
{
    const char *text = getenv("CNNRUN_THREADS");
    char *end;
    unsigned long n = text != NULL ? strtoul(text, &end, 10) : 0;
    if (n >= 1 && n <= MAX_THREADS && *end == '\0')
        return (uint32_t)n;
    uint32_t cpus = processors();
    return cpus < MAX_AUTOMATIC ? cpus : MAX_AUTOMATIC;
}

cnn_pool *cnn_pool_create(uint32_t threads)
{
    cnn_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        cnn_out_of_memory(sizeof *pool);
    if (threads == 0)
        threads = default_threads();
    pool->threads = threads < MAX_THREADS ? threads : MAX_THREADS;
    pool->spins = pool->threads <= processors() ? SPINS : 0;
    pool->workers = calloc(pool->threads, sizeof *pool->workers);
    if (pool->workers == NULL)
        cnn_out_of_memory(pool->threads * sizeof *pool->workers);
    atomic_init(&pool->gate, CLOSED);
    atomic_flag_clear(&pool->busy);
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    (void)pthread_cond_init(&pool->left, NULL);
    return pool;
}

uint32_t cnn_pool_threads(const cnn_pool *pool)
{
    return pool->threads;
}

static void take_indices(cnn_pool *pool)
{
    uint64_t i;
    while ((i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < pool->count)
        pool->task(pool->context, (uint32_t)i);
}

static bool enter(cnn_pool *pool)
{
    uint32_t gate = atomic_load(&pool->gate);
    while ((gate & CLOSED) == 0)
        if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1))
            return true;
    return false;
}

static void leave(cnn_pool *pool)
{
    if (atomic_fetch_sub(&pool->gate, 1) - 1 != CLOSED)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    (void)pthread_cond_signal(&pool->left);
    (void)pthread_mutex_unlock(&pool->lock);
}

/* Until the generation is not `seen` any more or the pool stops. The caller raises the generation
 * before it looks for sleepers and a sleeper counts itself before it looks at the generation: one
 * of the two sees the other. */
static uint32_t wait_for_work(cnn_pool *pool, uint32_t seen)
{
    for (uint32_t i = 0; i < pool->spins; i++) {
        if (atomic_load(&pool->generation) != seen || atomic_load(&pool->stop))
            return atomic_load(&pool->generation);
        pause_briefly();
    }
    (void)pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&pool->generation) == seen && !atomic_load(&pool->stop))
        (void)pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    (void)pthread_mutex_unlock(&pool->lock);
    return atomic_load(&pool->generation);
}

static void *work(void *argument)
{
    cnn_pool *pool = argument;
    uint32_t seen = 0;
    while (!atomic_load(&pool->stop)) {
        seen = wait_for_work(pool, seen);
        if (enter(pool)) {
            take_indices(pool);
            leave(pool);
        }
    }
    return NULL;
}

/* Workers take no signals: Ctrl-C is the main thread's. Fewer threads than wished for are slower,
 * not wrong. */
static void start_workers(cnn_pool *pool)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->n_workers + 1 < pool->threads &&
           pthread_create(&pool->workers[pool->n_workers], NULL, work, pool) == 0)
        pool->n_workers++;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool->started = true;
}

static void wake_workers(cnn_pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void close_gate(cnn_pool *pool)
{
    atomic_fetch_or(&pool->gate, CLOSED);
    for (uint32_t i = 0; i < pool->spins; i++) {
        if (atomic_load(&pool->gate) == CLOSED)
            return;
        pause_briefly();
    }
    (void)pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->gate) != CLOSED)
        (void)pthread_cond_wait(&pool->left, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void run_serially(uint32_t count, void (*task)(void *, uint32_t), void *context)
{
    for (uint32_t i = 0; i < count; i++)
        task(context, i);
}

void cnn_pool_run(cnn_pool *pool, uint32_t count, void (*task)(void *context, uint32_t i),
                  void *context)
{
    if (count <= 1 || pool->threads == 1 || atomic_flag_test_and_set(&pool->busy)) {
        run_serially(count, task, context);
        return;
    }
    if (!pool->started)
        start_workers(pool);
    pool->task = task;
    pool->context = context;
    pool->count = count;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->gate, 0);
    atomic_fetch_add(&pool->generation, 1);
    wake_workers(pool);
    take_indices(pool);
    close_gate(pool);
    atomic_flag_clear(&pool->busy);
}

void cnn_pool_destroy(cnn_pool *pool)
{
    if (pool == NULL)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->n_workers; i++)
        (void)pthread_join(pool->workers[i], NULL);
    (void)pthread_mutex_destroy(&pool->lock);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_cond_destroy(&pool->left);
    free(pool->workers);
    free(pool);
}
