/* Norms of the weights' gradients, for observers that want them: one more sum a weight in the
 * program of a training step, and nothing where nobody asks. */
#include <math.h>

#include "graph_internal.h"
#include "readable.h"
#include "run_internal.h"
#include "update.h"

bool cnn_wants_gradients(const cnn_config *config)
{
    const cnn_uses *report = &config->output.report;
    for (uint32_t i = 0; i < report->count; i++) {
        const cnn_observer *o = (const cnn_observer *)(const void *)report->items[i].component;
        if (o != NULL && CNN_HAS(cnn_observer, o, wants) && (o->wants & CNN_WANT_GRADIENTS) != 0)
            return true;
    }
    return false;
}

void cnn_measure_gradients(cnn_graph *g, const cnn_value *grads, uint32_t n_grads)
{
    cnn_builder *b = &g->builder;
    g->path = "gradients";
    g->owner = NULL;
    g->backend = NULL;
    g->gradients = CNN_NEW_ARRAY(g->arena, cnn_named_value, g->n_states);
    for (uint32_t i = 0; i < g->n_states && !g->failed; i++) {
        const cnn_state_init *state = &g->states[i];
        if (!cnn_is_updated(g, state, grads, n_grads))
            continue;
        cnn_value d = cnn_scale(b, grads[state->value], CNN_GRADIENT_SCALE);
        cnn_named_value *item = &g->gradients[g->n_gradients++];
        item->name = g->values[state->value].name;
        item->value = cnn_reduce(b, cnn_mul(b, d, d), CNN_REDUCE_SUM, cnn_all_axes(b, d), false);
    }
}

/* What does not change from step to step. */
void cnn_run_name_gradients(cnn_run *run, cnn_compiled *program)
{
    const cnn_graph *g = program->step->graph;
    program->gradients = CNN_NEW_ARRAY(run->arena, cnn_gradient, g->n_gradients);
    for (uint32_t i = 0; i < g->n_gradients; i++) {
        cnn_gradient *item = &program->gradients[i];
        item->weight = g->gradients[i].name;
        item->layer = cnn_layer_of_state(g, item->weight);
        for (uint32_t k = 0; k < g->n_states; k++)
            if (g->values[g->states[k].value].name == item->weight)
                item->count = cnn_count(&g->values[g->states[k].value].type);
    }
}

cnn_status cnn_run_read_gradients(const cnn_compiled *program, uint32_t set, cnn_table *table,
                                  cnn_error *err)
{
    const cnn_step *step = program->step;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < step->graph->n_gradients && status == CNN_OK; i++) {
        float sum = 0;
        status = cnn_runner_output(program->runner, step->extras[i], set, &sum, sizeof sum, err);
        program->gradients[i].norm = sqrt((double)sum) / CNN_GRADIENT_SCALE;
    }
    *table = (cnn_table){ program->gradients, step->graph->n_gradients, sizeof(cnn_gradient) };
    return status;
}
