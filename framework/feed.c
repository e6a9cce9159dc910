/* Loader threads: each fills its share of every batch, at most one batch ahead of the one in use.
 */
#include <pthread.h>
#include <stdlib.h>

#include "feed.h"

#define MAX_THREADS 64

struct cnn_feed {
    cnn_source_data *data;
    cnn_pass pass;
    int64_t count; /* samples of the pass */
    int64_t batches;
    int64_t *order;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int64_t released;   /* batches that are done with */
    int64_t taken;      /* batches that were handed out */
    uint32_t filled[2]; /* threads that have finished their share of a place */
    int64_t ready;      /* batches that are complete */
    bool stopping;
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
    int64_t samples = batch_samples(feed, batch), place = batch % 2;
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

/* Waits until the place of a batch is free; false when the pass is being stopped. */
static bool await_place(cnn_feed *feed, int64_t batch)
{
    (void)pthread_mutex_lock(&feed->mutex);
    while (!feed->stopping && batch >= feed->released + 2)
        (void)pthread_cond_wait(&feed->changed, &feed->mutex);
    bool go_on = !feed->stopping;
    (void)pthread_mutex_unlock(&feed->mutex);
    return go_on;
}

static void finish_share(cnn_feed *feed, int64_t batch)
{
    (void)pthread_mutex_lock(&feed->mutex);
    if (++feed->filled[batch % 2] == feed->n_threads) {
        feed->filled[batch % 2] = 0;
        feed->ready = batch + 1;
        (void)pthread_cond_broadcast(&feed->changed);
    }
    (void)pthread_mutex_unlock(&feed->mutex);
}

static void *load(void *context)
{
    struct loader *loader = context;
    for (int64_t b = loader->feed->pass.first;
         b < loader->feed->batches && await_place(loader->feed, b); b++) {
        fill(loader, b);
        finish_share(loader->feed, b);
    }
    return NULL;
}

static cnn_status start_threads(cnn_feed *feed, cnn_error *err)
{
    uint32_t wanted = feed->pass.threads;
    wanted = wanted < 1 ? 1 : wanted > MAX_THREADS ? MAX_THREADS : wanted;
    feed->n_threads = wanted; /* shares are fixed before the first thread runs */
    for (uint32_t i = 0; i < wanted; i++) {
        struct loader *loader = &feed->loaders[i];
        loader->feed = feed;
        loader->number = i;
        loader->scratch = malloc(2 * (size_t)cnn_data_scratch(feed->data));
        if (loader->scratch == NULL || pthread_create(&feed->threads[i], NULL, load, loader) != 0) {
            free(loader->scratch);
            (void)pthread_mutex_lock(&feed->mutex);
            feed->stopping = true;
            (void)pthread_cond_broadcast(&feed->changed);
            (void)pthread_mutex_unlock(&feed->mutex);
            for (uint32_t k = 0; k < i; k++) {
                (void)pthread_join(feed->threads[k], NULL);
                free(feed->loaders[k].scratch);
            }
            feed->n_threads = 0;
            return cnn_fail(err, CNN_MEMORY, "cannot start a loader thread");
        }
    }
    return CNN_OK;
}

cnn_status cnn_feed_start(cnn_source_data *data, const cnn_pass *pass, cnn_feed **out,
                          cnn_error *err)
{
    *out = NULL;
    int64_t count = cnn_data_count(data, pass->split);
    cnn_feed *feed = calloc(1, sizeof *feed);
    int64_t *order = calloc((size_t)(count > 0 ? count : 1), sizeof *order);
    if (feed == NULL || order == NULL) {
        free(feed);
        free(order);
        return cnn_fail(err, CNN_MEMORY, "no memory for the order of %lld samples",
                        (long long)count);
    }
    feed->data = data;
    feed->pass = *pass;
    feed->count = count;
    feed->batches = cnn_pass_batches(data, pass);
    feed->order = order;
    feed->released = feed->taken = feed->ready = pass->first;
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    if (pass->shuffle)
        cnn_shuffled(count, pass->seed, pass->epoch, order);
    (void)pthread_mutex_init(&feed->mutex, NULL);
    (void)pthread_cond_init(&feed->changed, NULL);
    cnn_status status = start_threads(feed, err);
    if (status != CNN_OK)
        cnn_feed_stop(feed);
    else
        *out = feed;
    return status;
}

cnn_status cnn_feed_next(cnn_feed *feed, int64_t *samples, cnn_error *err)
{
    *samples = 0;
    if (feed->taken >= feed->batches)
        return CNN_OK;
    (void)pthread_mutex_lock(&feed->mutex);
    feed->released = feed->taken;
    (void)pthread_cond_broadcast(&feed->changed);
    while (feed->ready <= feed->taken && feed->status == CNN_OK)
        (void)pthread_cond_wait(&feed->changed, &feed->mutex);
    cnn_status status = feed->status;
    if (status != CNN_OK && err != NULL)
        *err = feed->error;
    (void)pthread_mutex_unlock(&feed->mutex);
    if (status != CNN_OK)
        return status;
    *samples = batch_samples(feed, feed->taken++);
    return CNN_OK;
}

void cnn_feed_stop(cnn_feed *feed)
{
    if (feed == NULL)
        return;
    (void)pthread_mutex_lock(&feed->mutex);
    feed->stopping = true;
    (void)pthread_cond_broadcast(&feed->changed);
    (void)pthread_mutex_unlock(&feed->mutex);
    for (uint32_t i = 0; i < feed->n_threads; i++) {
        (void)pthread_join(feed->threads[i], NULL);
        free(feed->loaders[i].scratch);
    }
    (void)pthread_cond_destroy(&feed->changed);
    (void)pthread_mutex_destroy(&feed->mutex);
    free(feed->order);
    free(feed);
}
