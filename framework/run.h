/* run: epochs and batches. Trains, tests, predicts; tells the observers; obeys Ctrl-C. */
#ifndef CNNRUN_RUN_H
#define CNNRUN_RUN_H

#include "config.h"
#include "feed.h"
#include "place.h"
#include "registry.h"
#include "session.h"

/* Everything of one run. Made by cnn_run_open, in this order: data, stack, session, runners. */
typedef struct cnn_run cnn_run;

/* Opens data and backend, builds and compiles the programs that `modes` (bits 1 << cnn_mode) ask
 * for. Errors of the pipeline are in diags and give CNN_INVALID with an empty error text. [main] */
cnn_status cnn_run_open(const cnn_config *config, cnn_registry *registry, uint32_t modes,
                        cnn_arena *arena, cnn_diags *diags, cnn_run **run, cnn_error *err);
void cnn_run_close(cnn_run *run);

/* Trains as the pipeline says, tests after each `test.every` epochs, writes checkpoints.
 * CNN_DIVERGED names layer and step; CNN_INTERRUPTED after the first Ctrl-C (batch finished,
 * checkpoint written). */
cnn_status cnn_run_train(cnn_run *run, cnn_error *err);

/* One pass over the test split (or val, if there is no test). */
cnn_status cnn_run_test(cnn_run *run, uint32_t split, cnn_error *err);

/* expect: of the pipeline. CNN_OK and *met, differences to `out`. */
cnn_status cnn_run_expect(cnn_run *run, FILE *out, bool *met, cnn_error *err);

/* Weights from a safetensors file or a run's directory (newest checkpoint). Missing, surplus or
 * differently shaped tensors are errors that name them. */
cnn_status cnn_run_load(cnn_run *run, const char *path, cnn_error *err);
cnn_status cnn_run_save(cnn_run *run, const char *path, cnn_error *err);

#endif
