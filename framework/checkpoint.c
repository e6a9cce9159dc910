/* Checkpoints: all states of a run and where it stood, as safetensors files. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_internal.h"

#define EPOCH_FORMAT "checkpoint-%04lld.safetensors"

/* Optimizers' states are named "<optimizer>.<weight>.<slot>". */
static bool is_optimizer_state(const cnn_run *run, const char *name)
{
    const cnn_component *optimizer = run->config->train.optimizer.component;
    size_t n = optimizer != NULL ? strlen(optimizer->name) : 0;
    return n > 0 && strncmp(name, optimizer->name, n) == 0 && name[n] == '.';
}

static cnn_status read_states(cnn_run *run, bool model_only, cnn_arena *arena, cnn_stored *stored,
                              uint32_t *count, cnn_error *err)
{
    *count = 0;
    for (uint32_t i = 0; i < cnn_session_states(run->session); i++) {
        const cnn_state_info *state = cnn_session_state(run->session, i);
        if (model_only && is_optimizer_state(run, state->name))
            continue;
        void *data = cnn_arena_alloc(arena, (size_t)cnn_bytes(&state->type));
        cnn_status status = cnn_session_read_state(run->session, i, data, err);
        if (status != CNN_OK)
            return status;
        stored[(*count)++] = (cnn_stored){ state->name, state->type, data };
    }
    return CNN_OK;
}

cnn_status cnn_run_save(cnn_run *run, const char *path, bool model_only, cnn_error *err)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_stored *stored = CNN_NEW_ARRAY(arena, cnn_stored, cnn_session_states(run->session) + 1);
    cnn_meta meta[7 + CNN_SAMPLE_META] = {
        { "format", "pt" },
        { "cnnrun", CNNRUN_VERSION },
        { "pipeline", run->config->name },
        { "epoch", cnn_arena_printf(arena, "%lld", (long long)run->epoch) },
        { "batch", cnn_arena_printf(arena, "%lld", (long long)run->batch) },
        { "step", cnn_arena_printf(arena, "%lld", (long long)run->step) },
        { "best", cnn_arena_printf(arena, "%.17g", run->best) },
    };
    uint32_t n_meta = 7 + cnn_sample_meta(run->data, arena, meta + 7);
    uint32_t count;
    cnn_status status = read_states(run, model_only, arena, stored, &count, err);
    if (status == CNN_OK)
        status = cnn_safetensors_write(path, stored, count, meta, n_meta, err);
    cnn_arena_destroy(arena);
    return status;
}

static cnn_status write_checkpoint(cnn_run *run, const char *name, cnn_error *err)
{
    cnn_event event = { 0 };
    char path[sizeof run->last_checkpoint];
    if (snprintf(path, sizeof path, "%s/%s", run->config->output.dir, name) >= (int)sizeof path)
        return cnn_fail(err, CNN_IO, "output.dir is too long");
    cnn_status status = cnn_run_save(run, path, false, err);
    if (status != CNN_OK)
        return status;
    (void)snprintf(run->last_checkpoint, sizeof run->last_checkpoint, "%s", path);
    event.epoch = run->epoch;
    event.path = run->last_checkpoint;
    return cnn_run_tell(run, &event, CNN_EVENT_CHECKPOINT, err);
}

cnn_status cnn_run_checkpoint_now(cnn_run *run, cnn_error *err)
{
    return write_checkpoint(run, "interrupted.safetensors", err);
}

static void remove_old(const cnn_run *run)
{
    const cnn_output_config *output = &run->config->output;
    char path[5000];
    int64_t old = run->epoch - output->keep * output->every;
    if (output->keep <= 0 || old <= 0)
        return;
    (void)snprintf(path, sizeof path, "%s/" EPOCH_FORMAT, output->dir, (long long)old);
    (void)unlink(path);
}

/* The metric that output.best names, "test.accuracy" or "test.loss"; NaN: none. */
static double best_value(const cnn_run *run, bool *smaller)
{
    const char *dot = strchr(run->config->output.best, '.');
    const char *name = dot != NULL ? dot + 1 : run->config->output.best;
    *smaller = strcmp(name, "loss") == 0;
    if (!run->result.present || name[0] == '\0')
        return NAN;
    if (*smaller)
        return run->result.loss;
    for (uint32_t i = 0; i < run->result.n_metrics; i++) {
        const cnn_metric_value *m = &run->result.metrics[i];
        if (strcmp(m->name, name) != 0 || m->type.rank != 0)
            continue;
        *smaller = m->kind == CNN_METRIC_ERROR;
        return m->values[0];
    }
    return NAN;
}

static cnn_status checkpoint_best(cnn_run *run, cnn_error *err)
{
    bool smaller;
    double value = best_value(run, &smaller);
    if (isnan(value) || (!isnan(run->best) && (smaller ? value >= run->best : value <= run->best)))
        return CNN_OK;
    run->best = value;
    return write_checkpoint(run, "best.safetensors", err);
}

cnn_status cnn_run_checkpoint(cnn_run *run, cnn_error *err)
{
    const cnn_output_config *output = &run->config->output;
    char name[64];
    if (output->dir[0] == '\0')
        return CNN_OK;
    cnn_status status = checkpoint_best(run, err);
    if (status != CNN_OK || output->every <= 0 || run->epoch % output->every != 0)
        return status;
    (void)snprintf(name, sizeof name, EPOCH_FORMAT, (long long)run->epoch);
    status = write_checkpoint(run, name, err);
    if (status == CNN_OK)
        remove_old(run);
    return status;
}

/* ---- loading ---- */

/* model.safetensors of a run's directory, else its newest checkpoint by name. */
static cnn_status find_in_dir(const char *dir, char *path, size_t size, cnn_error *err)
{
    char newest[256] = "";
    struct stat info;
    (void)snprintf(path, size, "%s/model.safetensors", dir);
    if (stat(path, &info) == 0)
        return CNN_OK;
    DIR *list = opendir(dir);
    if (list == NULL)
        return cnn_fail(err, CNN_IO, "%s: %s", dir, strerror(errno));
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        size_t n = strlen(entry->d_name);
        bool fits = n > 12 && n < sizeof newest && strncmp(entry->d_name, "checkpoint-", 11) == 0 &&
                    strcmp(entry->d_name + n - 12, ".safetensors") == 0;
        if (fits && strcmp(entry->d_name, newest) > 0)
            memcpy(newest, entry->d_name, n + 1);
    }
    (void)closedir(list);
    if (newest[0] == '\0')
        return cnn_fail(err, CNN_IO,
                        "%s has neither model.safetensors nor a checkpoint-*.safetensors", dir);
    (void)snprintf(path, size, "%s/%s", dir, newest);
    return CNN_OK;
}

cnn_status cnn_weights_find(const char *path, char *found, size_t size, cnn_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return find_in_dir(path, found, size, err);
    (void)snprintf(found, size, "%s", path);
    return CNN_OK;
}

static const cnn_stored *find_stored(const cnn_safetensors *file, const char *name)
{
    for (uint32_t i = 0; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

static cnn_status load_state(cnn_run *run, uint32_t index, const cnn_safetensors *file,
                             const char *path, cnn_error *err)
{
    char want[96], got[96];
    const cnn_state_info *state = cnn_session_state(run->session, index);
    const cnn_stored *stored = find_stored(file, state->name);
    if (stored == NULL && is_optimizer_state(run, state->name))
        return CNN_OK; /* a model's file: the optimizer starts anew */
    if (stored == NULL) {
        (void)cnn_fail(err, CNN_INVALID, "%s: no tensor '%s', which the model needs", path,
                       state->name);
        cnn_hint(err, "is it a checkpoint of another pipeline? Its first tensor is '%s'",
                 file->n_tensors > 0 ? file->tensors[0].name : "");
        return CNN_INVALID;
    }
    if (!cnn_same_type(&stored->type, &state->type)) {
        cnn_type_text(&stored->type, true, got, sizeof got);
        cnn_type_text(&state->type, true, want, sizeof want);
        return cnn_fail(err, CNN_INVALID, "%s: tensor '%s' is %s, the model needs %s", path,
                        state->name, got, want);
    }
    return cnn_session_write_state(run->session, index, stored->data, err);
}

static cnn_status check_surplus(const cnn_run *run, const cnn_safetensors *file, const char *path,
                                cnn_error *err)
{
    uint32_t states = cnn_session_states(run->session);
    for (uint32_t i = 0; i < file->n_tensors; i++) {
        bool known = is_optimizer_state(run, file->tensors[i].name);
        for (uint32_t s = 0; s < states && !known; s++)
            known = strcmp(cnn_session_state(run->session, s)->name, file->tensors[i].name) == 0;
        if (!known)
            return cnn_fail(err, CNN_INVALID, "%s: tensor '%s' belongs to no layer of the model",
                            path, file->tensors[i].name);
    }
    return CNN_OK;
}

static void load_position(cnn_run *run, const cnn_safetensors *file)
{
    for (uint32_t i = 0; i < file->n_meta; i++) {
        const char *key = file->meta[i].key, *value = file->meta[i].value;
        if (strcmp(key, "epoch") == 0)
            run->epoch = strtoll(value, NULL, 10);
        else if (strcmp(key, "batch") == 0)
            run->batch = strtoll(value, NULL, 10);
        else if (strcmp(key, "step") == 0)
            run->step = strtoll(value, NULL, 10);
        else if (strcmp(key, "best") == 0)
            run->best = strtod(value, NULL);
    }
    if (run->epoch < 0 || run->batch < 0 || run->step < 0)
        run->epoch = run->batch = run->step = 0;
}

static cnn_status load_file(cnn_run *run, const char *path, cnn_arena *arena, cnn_error *err)
{
    cnn_safetensors file;
    cnn_status status = cnn_safetensors_read(path, arena, &file, err);
    if (status == CNN_OK)
        status = check_surplus(run, &file, path, err);
    for (uint32_t i = 0; i < cnn_session_states(run->session) && status == CNN_OK; i++)
        status = load_state(run, i, &file, path, err);
    if (status == CNN_OK)
        load_position(run, &file);
    return status;
}

/* States are known once their programs are compiled: prediction's are enough for a model, a
 * checkpoint also has those of training. */
static cnn_status compile_for_states(cnn_run *run, cnn_error *err)
{
    cnn_compiled *program;
    const cnn_train_config *train = &run->config->train;
    int64_t count = cnn_data_count(run->data, CNN_SPLIT_TRAIN);
    int64_t batch = count > 0 && count < train->batch ? count : train->batch;
    bool trains = train->loss.component != NULL && train->optimizer.component != NULL && count > 0;
    return cnn_run_program(run, trains ? CNN_TRAIN : CNN_PREDICT, trains ? batch : 1, &program,
                           err);
}

cnn_status cnn_run_load(cnn_run *run, const char *path, cnn_error *err)
{
    char found[4600];
    cnn_status status = cnn_weights_find(path, found, sizeof found, err);
    if (status == CNN_OK)
        status = compile_for_states(run, err);
    if (status != CNN_OK)
        return status;
    cnn_arena *arena = cnn_arena_create();
    status = load_file(run, found, arena, err);
    cnn_arena_destroy(arena);
    run->result.present = false; /* it was about other weights */
    return status;
}
