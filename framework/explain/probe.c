/* Runs a step on the reference backend and reads the values around the chosen layer. */
#include "explain/probe.h"

#include <stdlib.h>
#include <string.h>

/* ---- the program ---- */

/* What the target is made of. */
static bool *live_values(const cnn_probe *p)
{
    const cnn_graph *g = p->graph;
    bool *live = CNN_NEW_ARRAY(p->arena, bool, g->n_values);
    live[p->target] = true;
    for (uint32_t n = g->n_nodes; n > 0; n--) {
        const cnn_node *node = &g->nodes[n - 1];
        bool any = false;
        for (uint32_t i = 0; i < node->n_out; i++)
            any = any || live[node->out[i]];
        for (uint32_t i = 0; i < node->n_in && any; i++)
            live[node->in[i]] = true;
    }
    return live;
}

static bool is_around(const cnn_node *node, const char *layer, int32_t n, int32_t top)
{
    return strcmp(node->layer, layer) == 0 || n == top;
}

/* Values of nodes of the layer that are made on the way to the target. */
static cnn_value *extras_of(const cnn_probe *p, uint32_t *count)
{
    const cnn_graph *g = p->graph;
    const bool *live = live_values(p);
    bool *wanted = CNN_NEW_ARRAY(p->arena, bool, g->n_values);
    cnn_value *extras = CNN_NEW_ARRAY(p->arena, cnn_value, g->n_values);
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const cnn_node *node = &g->nodes[n];
        bool any = false;
        for (uint32_t i = 0; i < node->n_out; i++)
            any = any || live[node->out[i]];
        if (!any || !is_around(node, p->subject->path, (int32_t)n, g->values[p->target].producer))
            continue;
        for (uint32_t i = 0; i < node->n_in; i++)
            wanted[node->in[i]] = true;
        for (uint32_t i = 0; i < node->n_out; i++)
            wanted[node->out[i]] = true;
    }
    wanted[p->target] = true;
    *count = 0;
    for (uint32_t v = 0; v < g->n_values; v++)
        if (wanted[v] && g->values[v].kind == CNN_VALUE_TEMP)
            extras[(*count)++] = (cnn_value)v;
    return extras;
}

/* Only what the target needs is run, on one backend; nothing is assigned. */
static void freeze(cnn_probe *p)
{
    cnn_graph *g = p->graph;
    uint32_t count;
    const cnn_value *extras = extras_of(p, &count);
    g->n_assigns = 0;
    g->n_metrics = 0;
    g->loss = CNN_NONE;
    g->output = p->target;
    for (uint32_t n = 0; n < g->n_nodes; n++)
        g->nodes[n].backend = NULL;
    p->step = cnn_step_from(g, extras, count);
}

/* ---- the run ---- */

static void forget_backends(const cnn_items *items)
{
    for (uint32_t i = 0; i < items->count; i++) {
        cnn_item *item = &items->items[i];
        item->backend = NULL;
        if (item->list != NULL)
            forget_backends(item->list);
        if (item->block != NULL)
            forget_backends(&item->block->body);
        for (uint32_t b = 0; b < item->n_branches; b++)
            forget_backends(&item->branches[b].body);
    }
}

static cnn_status check_samples(cnn_probe *p)
{
    static const char *const names[] = { "train", "val", "test" };
    const cnn_explain_request *r = p->request;
    p->split = r->split < CNN_SPLIT_COUNT ? r->split : cnn_run_test_split(p->run);
    int64_t there = cnn_data_count(p->run->data, p->split);
    if (r->sample < there && r->batch <= there - r->sample)
        return CNN_OK;
    if (there == 0)
        return cnn_fail(p->err, CNN_INVALID, "the %s split has no samples", names[p->split]);
    return cnn_fail(p->err, CNN_INVALID,
                    "the %s split has %lld sample%s, 0 to %lld: there is no sample %lld",
                    names[p->split], (long long)there, there == 1 ? "" : "s",
                    (long long)(there - 1), (long long)(r->sample + r->batch - 1));
}

/* Step 0 of the run's seed: of random numbers, as in dropout. */
static void write_seed(const cnn_probe *p, cnn_runner *runner)
{
    uint64_t seed = (uint64_t)p->config->train.seed;
    const uint32_t halves[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    if (p->step->step >= 0)
        *(int32_t *)cnn_runner_input(runner, p->step->step, 0) = 0;
    if (p->step->seed >= 0)
        memcpy(cnn_runner_input(runner, p->step->seed, 0), halves, sizeof halves);
}

/* ---- what is read ---- */

static cnn_status read_state(cnn_probe *p, const char *name, void *to)
{
    cnn_session *session = p->run->session;
    for (uint32_t i = 0; i < cnn_session_states(session); i++)
        if (strcmp(cnn_session_state(session, i)->name, name) == 0)
            return cnn_session_read_state(session, i, to, p->err);
    return cnn_fail(p->err, CNN_INTERNAL, "there is no state '%s'", name);
}

static cnn_status read_value(cnn_probe *p, cnn_runner *runner, int32_t v)
{
    const cnn_value_info *info = cnn_value_at(&p->step->program, v);
    size_t bytes = (size_t)cnn_bytes(&info->type);
    if (p->data[v] != NULL)
        return CNN_OK;
    p->data[v] = malloc(bytes + 1);
    if (p->data[v] == NULL)
        return cnn_fail(p->err, CNN_MEMORY, "no memory for %zu bytes of numbers", bytes);
    switch (info->kind) {
    case CNN_VALUE_OUTPUT:
        return cnn_runner_output(runner, v, 0, p->data[v], bytes, p->err);
    case CNN_VALUE_STATE:
        return read_state(p, info->name, p->data[v]);
    case CNN_VALUE_INPUT:
        memcpy(p->data[v], cnn_runner_input(runner, v, 0), bytes);
        return CNN_OK;
    case CNN_VALUE_CONST:
        memcpy(p->data[v], info->data, bytes);
        return CNN_OK;
    default:
        return cnn_fail(p->err, CNN_INTERNAL, "value %d was not kept", v);
    }
}

static cnn_status read_values(cnn_probe *p, cnn_runner *runner)
{
    const cnn_program *program = &p->step->program;
    int32_t target = p->step->map[p->target];
    int32_t top = cnn_value_at(program, target)->producer;
    cnn_status status = read_value(p, runner, target);
    for (uint32_t n = 0; n < program->n_nodes && status == CNN_OK; n++) {
        const cnn_node *node = cnn_node_at(program, n);
        if (!is_around(node, p->subject->path, (int32_t)n, top))
            continue;
        for (uint32_t i = 0; i < node->n_in && status == CNN_OK; i++)
            status = read_value(p, runner, node->in[i]);
        for (uint32_t i = 0; i < node->n_out && status == CNN_OK; i++)
            if (cnn_value_at(program, node->out[i])->kind == CNN_VALUE_OUTPUT)
                status = read_value(p, runner, node->out[i]);
    }
    return status;
}

static cnn_status run_step(cnn_probe *p, cnn_runner **runner)
{
    cnn_placement *placement;
    cnn_status status = cnn_placement_from(p->step, &p->run->stack, p->arena, &placement, p->err);
    if (status == CNN_OK)
        status = cnn_session_compile(p->run->session, placement, (uint64_t)p->config->train.seed, 1,
                                     runner, p->err);
    if (status == CNN_OK)
        status = cnn_run_read_samples(
            p->run, &(cnn_compiled){ .step = p->step, .runner = *runner }, 0, p->split,
            p->request->sample, p->request->batch,
            p->step->target >= 0 ? cnn_runner_input(*runner, p->step->target, 0) : NULL, p->err);
    if (status != CNN_OK)
        return status;
    write_seed(p, *runner);
    status = cnn_runner_run(*runner, 0, p->err);
    return status == CNN_OK ? cnn_session_wait(p->run->session, p->err) : status;
}

cnn_status cnn_probe_run(cnn_probe *p)
{
    cnn_runner *runner = NULL;
    p->config->backend = "reference";
    p->config->forbid_fallback = false;
    forget_backends(&p->config->model);
    freeze(p);
    cnn_status status =
        cnn_run_open(p->config, p->registry, 0, p->arena, p->diags, &p->run, p->err);
    if (status == CNN_OK)
        status = check_samples(p);
    if (status == CNN_OK && p->request->weights != NULL)
        status = cnn_run_load(p->run, p->request->weights, p->err);
    if (status == CNN_OK)
        status = run_step(p, &runner);
    if (status != CNN_OK)
        return status;
    p->data = calloc(p->step->program.n_values + 1, sizeof *p->data);
    return p->data != NULL ? read_values(p, runner)
                           : cnn_fail(p->err, CNN_MEMORY, "no memory for a list of values");
}

void cnn_probe_close(cnn_probe *p)
{
    for (uint32_t v = 0; p->data != NULL && v < p->step->program.n_values; v++)
        free(p->data[v]);
    free(p->data);
    cnn_run_close(p->run);
}
