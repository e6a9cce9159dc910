/* run: epochs and batches. Trains, tests, predicts; tells the observers; obeys Ctrl-C. */
#ifndef CNNRUN_RUN_H
#define CNNRUN_RUN_H

#include "config.h"
#include "feed.h"
#include "place.h"
#include "registry.h"
#include "session.h"

/* Everything of one run. Made by cnn_run_open, in this order: data, stack, session; programs are
 * built and compiled when a mode and batch size is first used. */
typedef struct cnn_run cnn_run;

/* Opens data and backend, and checks by building them that the programs of `modes` (bits 1 <<
 * cnn_mode) are right. Errors of the pipeline are in diags and give CNN_INVALID with an empty error
 * text. [main] */
cnn_status cnn_run_open(const cnn_config *config, cnn_registry *registry, uint32_t modes,
                        cnn_arena *arena, cnn_diags *diags, cnn_run **run, cnn_error *err);
void cnn_run_close(cnn_run *run); /* accepts NULL */

/* Tells the observers that it begins or ends; `status` is how it ended. */
cnn_status cnn_run_begin(cnn_run *run, cnn_error *err);
cnn_status cnn_run_end(cnn_run *run, cnn_status status, cnn_error *err);

/* Trains as the pipeline says, tests after each `test.every` epochs, writes checkpoints and, at the
 * end, model.safetensors. CNN_DIVERGED names layer and step; CNN_INTERRUPTED after the first Ctrl-C
 * (batch finished, checkpoint written). Goes on where a loaded checkpoint stopped. */
cnn_status cnn_run_train(cnn_run *run, cnn_error *err);

/* One pass over a split: loss and metrics, to the observers and for cnn_run_expect. */
cnn_status cnn_run_test(cnn_run *run, uint32_t split, cnn_error *err);

/* The split to test on: test, else val, else train. */
uint32_t cnn_run_test_split(const cnn_run *run);

/* Outputs of the model (PREDICT) for samples [first, first + count) of a split, one after the
 * other; *output (malloc'd, the caller frees) and *type of all of them together. `targets` gets the
 * targets, or is NULL. */
cnn_status cnn_run_predict(cnn_run *run, uint32_t split, int64_t first, int64_t count,
                           cnn_type *type, float **output, void *targets, cnn_error *err);

/* expect: of the pipeline, as far as it can be known from what was run. Differences go to `out`,
 * *met says whether there were none. */
cnn_status cnn_run_expect(cnn_run *run, FILE *out, bool *met, cnn_error *err);

/* The part of expect: that is known before anything is computed: shape, parameters, multiply-adds.
 * CNN_INVALID after errors in diags. (expect.c) */
cnn_status cnn_expect_model(const cnn_config *config, cnn_registry *registry,
                            const cnn_data_shape *data, cnn_arena *arena, cnn_diags *diags,
                            FILE *out, bool *met);

/* States from a safetensors file or a run's directory (model.safetensors, else the newest
 * checkpoint). A checkpoint brings optimizer states and its position in the training. Missing,
 * surplus or differently shaped tensors are errors that name them. */
cnn_status cnn_run_load(cnn_run *run, const char *path, cnn_error *err);

/* Everything (a checkpoint), or the model's states only. */
cnn_status cnn_run_save(cnn_run *run, const char *path, bool model_only, cnn_error *err);

/* What a file of weights (or the one in a run's directory) says about the samples that its model
 * was trained with. Lives in the arena. (weights_info.c) */
typedef struct cnn_weights_info {
    cnn_type input;                 /* before the transforms; dtype 0: it is not said */
    int64_t classes;                /* 0: none, or not said */
    const char *const *class_names; /* or NULL */
} cnn_weights_info;
cnn_status cnn_weights_info_read(const char *path, cnn_arena *arena, cnn_weights_info *info,
                                 cnn_error *err);

const cnn_source_data *cnn_run_data(const cnn_run *run);

#endif
