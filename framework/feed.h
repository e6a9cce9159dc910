/* feed: data set -> transforms -> batches, ahead of the training step, in threads of its own. */
#ifndef CNNRUN_FEED_H
#define CNNRUN_FEED_H

#include "config.h"
#include "graph.h"

typedef struct cnn_source_data
    cnn_source_data;              /* the opened data set with its transforms and splits */
typedef struct cnn_feed cnn_feed; /* one pass over a split */

/* Opens the data set and works out shapes. `config->data` may be absent: then CNN_INVALID. [main]
 */
cnn_status cnn_data_open(const cnn_config *config, cnn_registry *registry, cnn_source_data **data,
                         cnn_error *err);
void cnn_data_close(cnn_source_data *data);
const cnn_data_shape *cnn_data_shape_of(const cnn_source_data *data);
int64_t cnn_data_count(const cnn_source_data *data, uint32_t split);
const char *const *cnn_data_class_names(const cnn_source_data *data); /* or NULL */

/* Reads and transforms one sample; deterministic in (seed, epoch, index). Thread-safe. */
cnn_status cnn_data_sample(cnn_source_data *data, uint32_t split, int64_t index, bool augment,
                           uint64_t seed, int64_t epoch, void *input, void *target, cnn_error *err);

/* Order of a split: the identity, or Fisher-Yates with Philox numbers of (seed, SHUFFLE, epoch). */
void cnn_shuffled(int64_t count, uint64_t seed, int64_t epoch, int64_t *order);

/* Where batch number b of a pass goes. Called on the loader's thread. */
typedef struct cnn_batch_place {
    void *input;  /* samples one after the other */
    void *target; /* NULL: not wanted */
} cnn_batch_place;

/* Starts one pass. place(context, batch, samples) gives the memory of each batch (double buffered
 * by the caller: batch b and b+1 are filled at the same time as b-1 is in use). */
cnn_status cnn_feed_start(cnn_source_data *data, uint32_t split, bool shuffle, bool augment,
                          uint64_t seed, int64_t epoch, int64_t batch, bool drop_last,
                          cnn_batch_place (*place)(void *context, int64_t batch, int64_t samples),
                          void *context, cnn_feed **feed, cnn_error *err);

/* Waits for the next batch: *samples is its size, 0 at the end. Also tells the loader that the
 * batch before it is done with, so that its memory may be filled again. Errors of the data set come
 * out here, with the sample's number. */
cnn_status cnn_feed_next(cnn_feed *feed, int64_t *samples, cnn_error *err);
void cnn_feed_stop(cnn_feed *feed); /* joins the thread; accepts NULL */

#endif
