/* feed: data set -> transforms -> batches, ahead of the training step, in threads of its own. */
#ifndef CNNRUN_FEED_H
#define CNNRUN_FEED_H

#include "config.h"
#include "graph.h"

typedef struct cnn_source_data
    cnn_source_data;              /* the opened data set with its transforms and splits */
typedef struct cnn_feed cnn_feed; /* threads that make batches */

/* Opens the data set and works out shapes. `config->data` may be absent: then CNN_INVALID. [main]
 */
cnn_status cnn_data_open(const cnn_config *config, cnn_registry *registry, cnn_source_data **data,
                         cnn_error *err);
void cnn_data_close(cnn_source_data *data);
const cnn_data_shape *cnn_data_shape_of(const cnn_source_data *data);
/* A sample as the data set gives it, before the transforms. */
const cnn_type *cnn_data_raw_type(const cnn_source_data *data);
int64_t cnn_data_count(const cnn_source_data *data, uint32_t split);
const char *const *cnn_data_class_names(const cnn_source_data *data); /* or NULL */

/* Bytes of one half of the scratch memory that reading a sample needs. */
int64_t cnn_data_scratch(const cnn_source_data *data);

/* Reads and transforms one sample; deterministic in (seed, epoch, index). `scratch` has two halves
 * of cnn_data_scratch bytes; target may be NULL. Thread-safe with scratch of its own. */
cnn_status cnn_data_sample(cnn_source_data *data, uint32_t split, int64_t index, bool augment,
                           uint64_t seed, int64_t epoch, void *scratch, void *input, void *target,
                           cnn_error *err);

/* Order of a split: the identity, or Fisher-Yates with Philox numbers of (seed, SHUFFLE, epoch). */
void cnn_shuffled(int64_t count, uint64_t seed, int64_t epoch, int64_t *order);

/* One pass over a split. */
typedef struct cnn_pass {
    uint32_t split;
    bool shuffle, augment, drop_last;
    uint64_t seed;
    int64_t epoch;
    int64_t batch;
    int64_t first; /* batches to leave out at the start: a resumed epoch */

    /* Places for batches, filled in turn: samples one after the other. Targets may be NULL. */
    void *input[CNN_SETS], *target[CNN_SETS];
} cnn_pass;

/* Batches of a pass, the last, smaller one included unless drop_last. */
int64_t cnn_pass_batches(const cnn_source_data *data, const cnn_pass *pass);

/* Starts the threads, at least one, for any number of passes one after the other. What they need is
 * allocated here: passes take no memory. */
cnn_status cnn_feed_open(cnn_source_data *data, uint32_t threads, cnn_feed **feed, cnn_error *err);
void cnn_feed_close(cnn_feed *feed); /* joins the threads; accepts NULL */

/* Starts filling batch b into place b % CNN_SETS, from `first` on. */
void cnn_feed_begin(cnn_feed *feed, const cnn_pass *pass);

/* Waits for the next batch: *samples is its size, 0 at the end. Also says that the batch before the
 * last one is done with, so that its place is filled again: the last one may still be in use.
 * Errors of the data set come out here, with the sample's number. */
cnn_status cnn_feed_next(cnn_feed *feed, int64_t *samples, cnn_error *err);

/* Ends the pass, complete or not; afterwards nobody writes to its places. */
void cnn_feed_end(cnn_feed *feed);

#endif
