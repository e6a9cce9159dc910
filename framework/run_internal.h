/* What the files of `run` share. */
#ifndef CNNRUN_RUN_INTERNAL_H
#define CNNRUN_RUN_INTERNAL_H

#include "run.h"
#include "safetensors.h"

#define CNN_MAX_METRICS 16

/* A program for one mode and batch size. */
typedef struct cnn_compiled {
    uint32_t mode;
    int64_t batch;
    const cnn_step *step;
    cnn_placement *placement;
    cnn_runner *runner;
    cnn_gradient *gradients; /* step->graph->n_gradients, of the last step that was read */
} cnn_compiled;

/* A batch whose run was started. The next one is started before its results are read, so that a
 * device that computes beside the host never waits for the host. */
typedef struct cnn_flight {
    cnn_compiled *program; /* NULL: none */
    uint32_t set;
    int64_t samples;
    double lr; /* of a training step */
} cnn_flight;

typedef struct cnn_watcher {
    const cnn_observer *observer;
    cnn_observer_state *state;
} cnn_watcher;

/* Results of the last test. */
typedef struct cnn_test_result {
    bool present;
    const cnn_compiled *program;   /* whose metrics these are, NULL: none yet */
    double *sums[CNN_MAX_METRICS]; /* memory of metrics[i].values, for all tests by `program` */
    float *row;                    /* one metric's sum of one batch */
    uint32_t split;
    int64_t step; /* the weights it is about */
    double loss;
    cnn_metric_value metrics[CNN_MAX_METRICS];
    uint32_t n_metrics;
} cnn_test_result;

struct cnn_run {
    const cnn_config *config;
    cnn_registry *registry;
    cnn_arena *arena;
    cnn_diags *diags;
    cnn_source_data *data;
    cnn_feed *feed; /* opened by the first pass */
    cnn_stack stack;
    cnn_session *session;
    cnn_compiled **compiled;
    uint32_t n_compiled;
    cnn_watcher *watchers;
    uint32_t n_watchers;
    double began;  /* seconds */
    bool is_trial; /* what is compiled now is only to be timed */

    /* Position in the training. */
    int64_t epoch; /* finished epochs */
    int64_t batch; /* finished batches of the epoch that is under way */
    int64_t step;  /* finished steps */
    double best;   /* value of output.best so far, NaN: none */
    char last_checkpoint[4096];

    cnn_test_result result;
};

/* Opens a backend, those it stands on and those that layers ask for, and an empty session on them;
 * closes all that, with what was compiled. */
cnn_status cnn_run_open_stack(cnn_run *run, const char *backend, cnn_error *err);
void cnn_run_close_stack(cnn_run *run);

/* The device that `backend: auto` takes for a run in these modes (bits), "auto" if there is none:
 * the one of the highest rank; or if there is training or a test, and several have more than rank 0
 * (the reference's), the one whose steps take least, which is measured and said. The data is open,
 * the stack is not. (choose.c) */
const char *cnn_run_choose(cnn_run *run, uint32_t modes);

/* The compiled program for a mode and batch size, made when first asked for. */
cnn_status cnn_run_program(cnn_run *run, uint32_t mode, int64_t batch, cnn_compiled **program,
                           cnn_error *err);

/* What is done with each batch of a pass. */
typedef struct cnn_batch_work {
    void *context;
    /* What the host gives the run that is about to start; NULL: nothing. */
    void (*prepare)(void *context, cnn_flight *flight);
    /* The run has ended: its results are there. */
    cnn_status (*finish)(void *context, const cnn_flight *flight, cnn_error *err);
    /* No batch is started any more; NULL: all are. */
    bool (*stops)(void *context);
} cnn_batch_work;

/* Runs `full`, or for the last batch of a pass a smaller program, on the batches of a pass, and
 * waits for them all unless one fails. The pass's places are set here. (batches.c) */
cnn_status cnn_run_batches(cnn_run *run, cnn_compiled *full, cnn_pass *pass,
                           const cnn_batch_work *work, cnn_error *err);

/* The optimizer's rate in the step after `step` steps, changed by every schedule. (train.c) */
double cnn_run_learning_rate(const cnn_run *run, int64_t step, int64_t batches);

/* Numbers that the host gives that step: the optimizer's scalars, step, seed. (train.c) */
void cnn_run_write_scalars(const cnn_run *run, const cnn_compiled *program, uint32_t set,
                           int64_t step, double lr);

/* Reads samples [first, first + count) of a split to the places from `place` on in set 0 of a
 * program, without augmentation, and their targets one after the other to `targets`, or NULL.
 * (evaluate.c) */
cnn_status cnn_run_read_samples(cnn_run *run, const cnn_compiled *program, int64_t place,
                                uint32_t split, int64_t first, int64_t count, void *targets,
                                cnn_error *err);

/* Memory for the norms of a new program's gradients; their values after a step. (gradients.c) */
void cnn_run_name_gradients(cnn_run *run, cnn_compiled *program);
cnn_status cnn_run_read_gradients(const cnn_compiled *program, uint32_t set, cnn_table *table,
                                  cnn_error *err);

/* Writes the first samples of the mode's split, and a training step's numbers, into set 0 of a
 * program. (compare.c) */
cnn_status cnn_run_first_batch(cnn_run *run, const cnn_compiled *program, cnn_error *err);

/* Fills in what every event has and tells all observers. */
cnn_status cnn_run_tell(cnn_run *run, cnn_event *event, uint32_t kind, cnn_error *err);

/* The file of weights that `path` means: itself, or of a run's directory model.safetensors, else
 * the newest checkpoint. (checkpoint.c) */
cnn_status cnn_weights_find(const char *path, char *found, size_t size, cnn_error *err);

/* Entries about the samples, for the metadata of a file of weights. Returns how many of the at most
 * CNN_SAMPLE_META there are; texts live in the arena. (weights_info.c) */
#define CNN_SAMPLE_META 3
uint32_t cnn_sample_meta(const cnn_source_data *data, cnn_arena *arena, cnn_meta *meta);

/* output.dir/pipeline.yaml: what is trained, so that the directory alone is enough to go on. */
cnn_status cnn_run_write_pipeline(const cnn_run *run, cnn_error *err);

double cnn_seconds(void); /* monotonic */

/* Ctrl-C: the first sets a flag, the second ends the process with status 130. (interrupt.c) */
void cnn_interrupt_install(void);
void cnn_interrupt_restore(void);
bool cnn_interrupted(void);

/* After an epoch: checkpoints as output.checkpoint says. (checkpoint.c) */
cnn_status cnn_run_checkpoint(cnn_run *run, cnn_error *err);
/* A checkpoint now, "interrupted.safetensors". */
cnn_status cnn_run_checkpoint_now(cnn_run *run, cnn_error *err);

/* Fails with CNN_DIVERGED, naming the first layer with a non-finite result for the batch in `set`.
 * (diverged.c) */
cnn_status cnn_run_diverged(cnn_run *run, const cnn_compiled *program, uint32_t set, double loss,
                            cnn_error *err);

#endif
