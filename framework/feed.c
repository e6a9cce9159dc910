/* Loader threads: each fills its share of every batch, at most one batch ahead of those in use.
 * They live as long as the run and sleep between its passes. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"

#define MAX_THREADS 64

struct cnn_feed {
    cnn_source_data *data;
    cnn_pass pass;
    int64_t count; /* samples of the pass */
    int64_t batches;
    int64_t *order; /* room for the largest split */

    pthread_mutex_t mutex;
    pthread_cond_t work;       /* for loaders: a place is free, or a pass begins or ends */
    pthread_cond_t done;       /* for the other side: a batch is complete, or a loader rests */
    int64_t passes;            /* that have begun */
    uint32_t resting;          /* loaders that are through with the pass */
    int64_t released;          /* batches that are done with */
    int64_t taken;             /* batches that were handed out */
    uint32_t filled[CNN_SETS]; /* threads that have finished their share of a place */
    int64_t ready;             /* batches that are complete */
    bool ending, closing;
    cnn_status status; /* of the failed sample with the lowest number so far */
    int64_t failed_sample;
    cnn_error error;

    pthread_t threads[MAX_THREADS];
    uint32_t n_threads;
    struct loader {
        cnn_feed *feed;
        uint32_t number;
        void *scratch;
    } loaders[MAX_THREADS];
};

int64_t cnn_pass_batches(const cnn_source_data *data, const cnn_pass *pass)
{
    int64_t count = cnn_data_count(data, pass->split);
    return pass->drop_last ? count / pass->batch : (count + pass->batch - 1) / pass->batch;
}

static int64_t batch_samples(const cnn_feed *feed, int64_t batch)
{
    int64_t left = feed->count - batch * feed->pass.batch;
    return left < feed->pass.batch ? left : feed->pass.batch;
}

static void report(cnn_feed *feed, cnn_status status, int64_t sample, const cnn_error *err)
{
    (void)pthread_mutex_lock(&feed->mutex);
    if (feed->status == CNN_OK || sample < feed->failed_sample) {
        feed->status = status;
        feed->failed_sample = sample;
        (void)cnn_fail(&feed->error, status, "sample %lld: %s", (long long)sample, err->text);
        cnn_hint(&feed->error, "%s", err->hint);
    }
    (void)pthread_mutex_unlock(&feed->mutex);
}

/* This thread's samples of one batch: every n_threads-th. */
static void fill(struct loader *loader, int64_t batch)
{
    cnn_feed *feed = loader->feed;
    const cnn_pass *pass = &feed->pass;
    const cnn_data_shape *shape = cnn_data_shape_of(feed->data);
    int64_t samples = batch_samples(feed, batch), place = batch % CNN_SETS;
    int64_t in_bytes = cnn_bytes(&shape->input), target_bytes = cnn_bytes(&shape->target);
    for (int64_t i = loader->number; i < samples; i += feed->n_threads) {
        cnn_error err;
        int64_t index = feed->order[batch * pass->batch + i];
        char *target = pass->target[place];
        cnn_status status =
            cnn_data_sample(feed->data, pass->split, index, pass->augment, pass->seed, pass->epoch,
                            loader->scratch, (char *)pass->input[place] + i * in_bytes,
                            target != NULL ? target + i * target_bytes : NULL, &err);
        if (status != CNN_OK) {
            report(feed, status, index, &err);
            return;
        }
    }
}

/* Waits until the place of a batch is free; false when the pass is being ended. */
static bool await_place(cnn_feed *feed, int64_t batch)
{
    (void)pthread_mutex_lock(&feed->mutex);
    while (!feed->ending && batch >= feed->released + CNN_SETS)
        (void)pthread_cond_wait(&feed->work, &feed->mutex);
    bool go_on = !feed->ending;
    (void)pthread_mutex_unlock(&feed->mutex);
    return go_on;
}

/* Wakes are sent without the mutex: who wakes up must not find it taken. */
static void finish_share(cnn_feed *feed, int64_t batch)
{
    (void)pthread_mutex_lock(&feed->mutex);
    bool complete = ++feed->filled[batch % CNN_SETS] == feed->n_threads;
    if (complete) {
        feed->filled[batch % CNN_SETS] = 0;
        feed->ready = batch + 1;
    }
    (void)pthread_mutex_unlock(&feed->mutex);
    if (complete)
        (void)pthread_cond_signal(&feed->done);
}

/* Waits for a pass after number `seen`; false when there will be none. */
static bool await_pass(cnn_feed *feed, int64_t seen)
{
    (void)pthread_mutex_lock(&feed->mutex);
    feed->resting++;
    (void)pthread_cond_signal(&feed->done);
    while (!feed->closing && feed->passes == seen)
        (void)pthread_cond_wait(&feed->work, &feed->mutex);
    bool go_on = !feed->closing;
    (void)pthread_mutex_unlock(&feed->mutex);
    return go_on;
}

static void *load(void *context)
{
    struct loader *loader = context;
    cnn_feed *feed = loader->feed;
    for (int64_t seen = 0; await_pass(feed, seen); seen++)
        for (int64_t b = feed->pass.first; b < feed->batches && await_place(feed, b); b++) {
            fill(loader, b);
            finish_share(feed, b);
        }
    return NULL;
}

static cnn_status start_threads(cnn_feed *feed, uint32_t threads, cnn_error *err)
{
    for (; feed->n_threads < threads; feed->n_threads++) {
        struct loader *loader = &feed->loaders[feed->n_threads];
        loader->feed = feed;
        loader->number = feed->n_threads;
        loader->scratch = malloc(2 * (size_t)cnn_data_scratch(feed->data));
        if (loader->scratch == NULL ||
            pthread_create(&feed->threads[feed->n_threads], NULL, load, loader) != 0) {
            free(loader->scratch);
            return cnn_fail(err, CNN_MEMORY, "cannot start a loader thread");
        }
    }
    return CNN_OK;
}

cnn_status cnn_feed_open(cnn_source_data *data, uint32_t threads, cnn_feed **out, cnn_error *err)
{
    int64_t most = 1;
    *out = NULL;
    for (uint32_t split = 0; split < CNN_SPLIT_COUNT; split++)
        if (cnn_data_count(data, split) > most)
            most = cnn_data_count(data, split);
    cnn_feed *feed = calloc(1, sizeof *feed);
    int64_t *order = calloc((size_t)most, sizeof *order);
    if (feed == NULL || order == NULL) {
        free(feed);
        free(order);
        return cnn_fail(err, CNN_MEMORY, "no memory for the order of %lld samples",
                        (long long)most);
    }
    feed->data = data;
    feed->order = order;
    (void)pthread_mutex_init(&feed->mutex, NULL);
    (void)pthread_cond_init(&feed->work, NULL);
    (void)pthread_cond_init(&feed->done, NULL);
    cnn_status status = start_threads(feed,
                                      threads < 1             ? 1
                                      : threads > MAX_THREADS ? MAX_THREADS
                                                              : threads,
                                      err);
    if (status != CNN_OK)
        cnn_feed_close(feed);
    else
        *out = feed;
    return status;
}

void cnn_feed_close(cnn_feed *feed)
{
    if (feed == NULL)
        return;
    (void)pthread_mutex_lock(&feed->mutex);
    feed->ending = feed->closing = true;
    (void)pthread_cond_broadcast(&feed->work);
    (void)pthread_mutex_unlock(&feed->mutex);
    for (uint32_t i = 0; i < feed->n_threads; i++) {
        (void)pthread_join(feed->threads[i], NULL);
        free(feed->loaders[i].scratch);
    }
    (void)pthread_cond_destroy(&feed->work);
    (void)pthread_cond_destroy(&feed->done);
    (void)pthread_mutex_destroy(&feed->mutex);
    free(feed->order);
    free(feed);
}

/* With the mutex. */
static void await_rest(cnn_feed *feed)
{
    while (feed->resting < feed->n_threads)
        (void)pthread_cond_wait(&feed->done, &feed->mutex);
}

void cnn_feed_begin(cnn_feed *feed, const cnn_pass *pass)
{
    (void)pthread_mutex_lock(&feed->mutex);
    await_rest(feed); /* threads may still be on their way to the first one */
    feed->pass = *pass;
    feed->count = cnn_data_count(feed->data, pass->split);
    feed->batches = cnn_pass_batches(feed->data, pass);
    feed->released = feed->taken = feed->ready = pass->first;
    memset(feed->filled, 0, sizeof feed->filled);
    feed->status = CNN_OK;
    feed->ending = false;
    if (pass->shuffle)
        cnn_shuffled(feed->count, pass->seed, pass->epoch, feed->order);
    else
        for (int64_t i = 0; i < feed->count; i++)
            feed->order[i] = i;
    feed->resting = 0;
    feed->passes++;
    (void)pthread_cond_broadcast(&feed->work);
    (void)pthread_mutex_unlock(&feed->mutex);
}

cnn_status cnn_feed_next(cnn_feed *feed, int64_t *samples, cnn_error *err)
{
    *samples = 0;
    if (feed->taken >= feed->batches)
        return CNN_OK;
    (void)pthread_mutex_lock(&feed->mutex);
    if (feed->taken > feed->pass.first)
        feed->released = feed->taken - 1;
    (void)pthread_mutex_unlock(&feed->mutex);
    (void)pthread_cond_broadcast(&feed->work);
    (void)pthread_mutex_lock(&feed->mutex);
    while (feed->ready <= feed->taken && feed->status == CNN_OK)
        (void)pthread_cond_wait(&feed->done, &feed->mutex);
    cnn_status status = feed->status;
    if (status != CNN_OK && err != NULL)
        *err = feed->error;
    (void)pthread_mutex_unlock(&feed->mutex);
    if (status != CNN_OK)
        return status;
    *samples = batch_samples(feed, feed->taken++);
    return CNN_OK;
}

void cnn_feed_end(cnn_feed *feed)
{
    (void)pthread_mutex_lock(&feed->mutex);
    feed->ending = true;
    (void)pthread_cond_broadcast(&feed->work);
    await_rest(feed);
    (void)pthread_mutex_unlock(&feed->mutex);
}
