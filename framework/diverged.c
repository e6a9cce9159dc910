/* A loss that is not finite: which layer did it come from? The update of such a step leaves all
 * states as they were, so the forward pass can be repeated with every layer's result kept. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run_internal.h"

/* The forward pass in training mode, all layers' results as outputs. */
static cnn_status build_probe(cnn_run *run, int64_t batch, cnn_compiled *probe, cnn_error *err)
{
    cnn_graph *graph = cnn_graph_create(run->registry, cnn_data_shape_of(run->data), CNN_TRAIN,
                                        batch, run->arena, run->diags);
    if (!cnn_graph_build(graph, run->config))
        return cnn_fail(err, CNN_INTERNAL, "%s", "");
    graph->n_assigns = 0;
    cnn_value *outs = CNN_NEW_ARRAY(run->arena, cnn_value, graph->n_layers);
    for (uint32_t i = 0; i < graph->n_layers; i++)
        outs[i] = graph->layers[i].out;
    probe->mode = CNN_TRAIN;
    probe->batch = batch;
    probe->step = cnn_step_from(graph, outs, graph->n_layers);
    cnn_status status =
        cnn_placement_from(probe->step, &run->stack, run->arena, &probe->placement, err);
    if (status == CNN_OK)
        status = cnn_session_compile(run->session, probe->placement,
                                     (uint64_t)run->config->train.seed, 1, &probe->runner, err);
    return status;
}

static void copy_input(const cnn_compiled *from, int32_t from_value, const cnn_compiled *to,
                       int32_t to_value, uint32_t set)
{
    if (from_value < 0 || to_value < 0)
        return;
    size_t bytes = (size_t)cnn_bytes(&cnn_value_at(&to->step->program, to_value)->type);
    memcpy(cnn_runner_input(to->runner, to_value, 0),
           cnn_runner_input(from->runner, from_value, set), bytes);
}

static bool is_finite(const cnn_run *run, const cnn_compiled *probe, int32_t value)
{
    const cnn_type *type = &cnn_value_at(&probe->step->program, value)->type;
    float *numbers = malloc((size_t)cnn_bytes(type));
    cnn_error ignored;
    bool finite = true;
    (void)run;
    if (numbers != NULL && type->dtype == CNN_F32 &&
        cnn_runner_output(probe->runner, value, 0, numbers, (uint64_t)cnn_bytes(type), &ignored) ==
            CNN_OK)
        for (int64_t i = 0; i < cnn_count(type) && finite; i++)
            finite = isfinite(numbers[i]);
    free(numbers);
    return finite;
}

/* Path of the first layer whose result is not finite, or NULL. */
static const char *first_layer(cnn_run *run, const cnn_compiled *program, uint32_t set)
{
    cnn_error ignored;
    cnn_compiled probe = { 0 };
    if (build_probe(run, program->batch, &probe, &ignored) != CNN_OK)
        return NULL;
    copy_input(program, program->step->input, &probe, probe.step->input, set);
    copy_input(program, program->step->target, &probe, probe.step->target, set);
    copy_input(program, program->step->step, &probe, probe.step->step, set);
    copy_input(program, program->step->seed, &probe, probe.step->seed, set);
    if (cnn_runner_run(probe.runner, 0, &ignored) != CNN_OK)
        return NULL;
    for (uint32_t i = 0; i < probe.step->n_extras; i++)
        if (!is_finite(run, &probe, probe.step->extras[i]))
            return probe.step->graph->layers[i].path;
    return NULL;
}

cnn_status cnn_run_diverged(cnn_run *run, const cnn_compiled *program, uint32_t set, double loss,
                            cnn_error *err)
{
    const char *layer = first_layer(run, program, set);
    char where[512];
    if (layer != NULL)
        (void)snprintf(where, sizeof where, "layer '%s' is the first whose result is not finite",
                       layer);
    else
        (void)snprintf(where, sizeof where, "all layers' results are finite, the loss is not");
    (void)cnn_fail(err, CNN_DIVERGED, "the loss is %s in epoch %lld, batch %lld (step %lld): %s",
                   isnan(loss) ? "not a number" : "infinite", (long long)run->epoch + 1,
                   (long long)run->batch, (long long)run->step, where);
    if (run->last_checkpoint[0] != '\0')
        cnn_hint(err,
                 "a smaller lr or train.clip_grad_norm=1 often helps; the last good "
                 "checkpoint is %s",
                 run->last_checkpoint);
    else
        cnn_hint(err, "a smaller lr or train.clip_grad_norm=1 often helps; look at the data, too");
    return CNN_DIVERGED;
}
