/* Observers watch a run: terminal, logs, reports. They see facts, and never change the result. */
#ifndef CNNRUN_OBSERVER_H
#define CNNRUN_OBSERVER_H

#include "host.h"
#include "param.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cnn_event_kind {
    CNN_EVENT_RUN_BEGIN = 1, /* pipeline, backend, epochs, batches */
    CNN_EVENT_EPOCH_BEGIN,   /* epoch */
    CNN_EVENT_STEP,          /* after every training batch: batch, step, lr, loss of this batch */
    CNN_EVENT_LOG,           /* every log_every batches: loss is the mean since the last one */
    CNN_EVENT_EPOCH_END,     /* loss is the epoch's mean, seconds the epoch's time */
    CNN_EVENT_EVAL_BEGIN,    /* split, batches */
    CNN_EVENT_EVAL_STEP,     /* batch */
    CNN_EVENT_EVAL_END,      /* loss, metrics */
    CNN_EVENT_CHECKPOINT,    /* path */
    CNN_EVENT_RUN_END,       /* seconds; status */
} cnn_event_kind;

typedef struct cnn_metric_value {
    const char *name;
    uint32_t kind; /* cnn_metric_kind */
    uint32_t reserved;
    cnn_type type;        /* rank 0: values[0] is the result */
    const double *values; /* counts: row-major */
} cnn_metric_value;

/* The gradient of the loss by one weight, in one training step. */
typedef struct cnn_gradient {
    const char *weight; /* "2.weight"; lives as long as the run */
    const char *layer;  /* "2.conv2d"; so does it */
    int64_t count;      /* numbers in the weight */
    double norm;        /* the root of the sum of their gradients' squares, before any clipping */
} cnn_gradient;

typedef struct cnn_event {
    uint32_t size;
    uint32_t kind;        /* cnn_event_kind */
    const char *pipeline; /* its name */
    const char *backend;
    const char *split;      /* "train", "val", "test" */
    const char *path;       /* CHECKPOINT */
    int64_t epoch, epochs;  /* from 1 */
    int64_t batch, batches; /* from 1 within the epoch or evaluation */
    int64_t step;           /* from 1 over the whole run */
    int64_t samples;        /* done in this epoch or evaluation */
    double loss, lr;
    double seconds; /* since the epoch, evaluation or run began */
    uint32_t n_metrics;
    uint32_t status; /* RUN_END: cnn_status */
    const cnn_metric_value *metrics;
    const char *const *class_names; /* or NULL */
    int64_t classes;
    cnn_table gradients; /* STEP: of cnn_gradient, in the model's order; empty if nobody wants it */
} cnn_event;

/* Numbers to be looked at. `cnnrun look` shows them to an observer; how they are drawn is its own
 * business. */
typedef enum cnn_picture_kind {
    CNN_PICTURE_IMAGE = 1, /* channels x height x width: a sample as the model sees it */
    CNN_PICTURE_FILTERS,   /* outputs x channels x height x width: weights of both signs */
    CNN_PICTURE_MAPS,      /* maps x height x width */
    CNN_PICTURE_HEAT,      /* height x width, from 0 on: what mattered in the image `under` it */
} cnn_picture_kind;

typedef struct cnn_picture {
    uint32_t size;
    uint32_t kind;       /* cnn_picture_kind */
    const char *section; /* pictures with the same one stand together */
    const char *name;    /* for a file, without an ending */
    const char *title;   /* "2.conv2d" */
    const char *note;    /* a sentence about it, or "" */
    cnn_type type;       /* f32 */
    const float *numbers;
    cnn_type under_type; /* HEAT: of the image, as for IMAGE */
    const float *under;
    int64_t most;  /* maps, or outputs and channels of filters, to be drawn at most */
    int64_t scale; /* pixels for a number; 0: as it fits */
} cnn_picture;

/* What a run works out only if an observer asks for it. */
enum {
    CNN_WANT_GRADIENTS = 1u << 0, /* event.gradients: a sum for each weight in every step */
};

typedef struct cnn_observer_state cnn_observer_state;

typedef struct cnn_observer {
    cnn_component c;

    /* `dir` is the run's output directory, "" if the run writes nothing. [main] */
    cnn_status (*open)(const cnn_host *, const void *params, const char *dir, cnn_observer_state **,
                       cnn_error *);
    void (*close)(cnn_observer_state *);

    /* [loop]; the event lives during the call. An error is reported once and stops the run. */
    cnn_status (*on_event)(cnn_observer_state *, const cnn_event *, cnn_error *);

    /* Came later: may be missing. */
    uint32_t wants; /* CNN_WANT_... */
    uint32_t reserved;
    /* Between RUN_BEGIN (path: the weights' file, or NULL) and RUN_END; NULL: it draws nothing. The
     * picture lives during the call. [main] */
    cnn_status (*on_picture)(cnn_observer_state *, const cnn_picture *, cnn_error *);
} cnn_observer;

#ifdef __cplusplus
}
#endif
#endif
