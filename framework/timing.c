/* Times steps on one batch that stays in memory. */
#include "timing.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "run_internal.h"
#include "session_internal.h"

#define WARM_UP 2

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static cnn_status one_step(cnn_run *run, const cnn_compiled *program, double *seconds,
                           cnn_error *err)
{
    double began = cnn_seconds();
    cnn_status status = cnn_runner_run(program->runner, 0, err);
    if (status == CNN_OK)
        status = cnn_session_wait(run->session, err);
    *seconds = cnn_seconds() - began;
    return status;
}

static cnn_status time_whole(cnn_run *run, const cnn_compiled *program, uint32_t steps,
                             cnn_timing *timing, cnn_error *err)
{
    double *seconds = CNN_NEW_ARRAY(run->arena, double, steps + WARM_UP);
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < WARM_UP && status == CNN_OK; i++)
        status = one_step(run, program, &seconds[0], err);
    for (uint32_t i = 0; i < steps && status == CNN_OK; i++)
        status = one_step(run, program, &seconds[i], err);
    qsort(seconds, steps, sizeof *seconds, by_size);
    timing->least = seconds[0];
    timing->most = seconds[steps - 1];
    timing->median = (seconds[(steps - 1) / 2] + seconds[steps / 2]) / 2;
    return status;
}

/* Nodes can be timed if one backend runs them all and has the callback. */
static const cnn_backend *profiler(const cnn_runner *r)
{
    const cnn_backend *backend = cnn_session_at(r->session, r->parts[0].part->opened)->backend;
    bool has = backend->c.size >= offsetof(cnn_backend, profile) + sizeof backend->profile &&
               backend->profile != NULL;
    return r->n_parts == 1 && has ? backend : NULL;
}

static cnn_layer_time *find_layer(cnn_run *run, cnn_timing *timing, const char *path)
{
    for (uint32_t i = 0; i < timing->n_layers; i++)
        if (strcmp(timing->layers[i].layer, path) == 0)
            return &timing->layers[i];
    timing->layers =
        cnn_arena_grow(run->arena, timing->layers, timing->n_layers, sizeof *timing->layers);
    cnn_layer_time *layer = &timing->layers[timing->n_layers++];
    *layer = (cnn_layer_time){ .layer = path };
    return layer;
}

static double node_bytes(const cnn_program *p, const cnn_node *node)
{
    double bytes = 0;
    for (uint32_t i = 0; i < node->n_in; i++)
        bytes += (double)cnn_bytes(&cnn_value_at(p, node->in[i])->type);
    for (uint32_t i = 0; i < node->n_out; i++)
        bytes += (double)cnn_bytes(&cnn_value_at(p, node->out[i])->type);
    return bytes;
}

static void add_nodes(cnn_run *run, const cnn_program *p, const double *seconds, uint32_t steps,
                      cnn_timing *timing)
{
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(p, n);
        cnn_layer_time *layer = find_layer(run, timing, node->layer != NULL ? node->layer : "");
        int phase = node->phase == CNN_PHASE_UPDATE ? 2 : node->phase == CNN_PHASE_BACKWARD;
        layer->seconds[phase] += seconds[n] / steps;
        layer->macs += cnn_node_macs(node, p->values, p->value_stride);
        layer->bytes += node_bytes(p, node);
    }
}

static cnn_status time_mode(cnn_run *run, uint32_t mode, int64_t batch, uint32_t steps,
                            cnn_compiled **program, cnn_timing *timing, cnn_error *err)
{
    *timing = (cnn_timing){ 0 };
    cnn_status status = cnn_run_program(run, mode, batch, program, err);
    if (status == CNN_OK)
        status = cnn_run_first_batch(run, *program, err);
    return status == CNN_OK ? time_whole(run, *program, steps, timing, err) : status;
}

cnn_status cnn_time_steps(cnn_run *run, uint32_t mode, int64_t batch, uint32_t steps,
                          cnn_timing *timing, cnn_error *err)
{
    cnn_compiled *program;
    return time_mode(run, mode, batch, steps, &program, timing, err);
}

cnn_status cnn_time(cnn_run *run, uint32_t mode, int64_t batch, uint32_t steps, cnn_timing *timing,
                    cnn_error *err)
{
    cnn_compiled *program;
    cnn_status status = time_mode(run, mode, batch, steps, &program, timing, err);
    const cnn_backend *backend = status == CNN_OK ? profiler(program->runner) : NULL;
    if (backend == NULL)
        return status;
    const cnn_ready_part *part = &program->runner->parts[0];
    double *seconds = CNN_NEW_ARRAY(run->arena, double, part->part->program.n_nodes);
    for (uint32_t i = 0; i < steps && status == CNN_OK; i++)
        status = backend->profile(part->exec, part->bindings[0], seconds, err);
    if (status == CNN_OK)
        add_nodes(run, &part->part->program, seconds, steps, timing);
    return status;
}
