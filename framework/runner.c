/* Compiled programs: one buffer per external value and backend that uses it, everything that a run
 * needs prepared, so that a run allocates nothing. */
#include <stdlib.h>
#include <string.h>

#include "session_internal.h"

/* ---- buffers of values ---- */

/* The value in the whole program: an input of a part may be made by an earlier part. */
static const cnn_value_info *whole_value(const cnn_runner *r, int32_t v)
{
    return cnn_value_at(&r->placement->step->program, v);
}

static uint64_t bytes_of(const cnn_runner *r, int32_t v)
{
    return (uint64_t)cnn_bytes(&whole_value(r, v)->type);
}

static const cnn_holder *find_holder(const cnn_runner *r, int32_t value, uint32_t opened)
{
    for (uint32_t i = 0; i < r->n_holders; i++)
        if (r->holders[i].value == value && r->holders[i].opened == opened)
            return &r->holders[i];
    return NULL;
}

static cnn_status add_holder(cnn_runner *r, int32_t value, uint32_t opened, cnn_error *err)
{
    const uint32_t kind = whole_value(r, value)->kind;
    const uint32_t sets = kind == CNN_VALUE_INPUT || kind == CNN_VALUE_OUTPUT ? r->sets : 1;
    if (find_holder(r, value, opened) != NULL)
        return CNN_OK;
    cnn_holder *larger = realloc(r->holders, (r->n_holders + 1) * sizeof *larger);
    if (larger == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for a buffer's record");
    r->holders = larger;
    cnn_holder *h = &r->holders[r->n_holders++];
    *h = (cnn_holder){ .value = value, .opened = opened };
    cnn_status status = CNN_OK;
    for (uint32_t set = 0; set < sets && status == CNN_OK; set++)
        status = cnn_session_alloc(r->session, opened, bytes_of(r, value), &h->buffer[set], err);
    for (uint32_t set = sets; set < CNN_SETS; set++)
        h->buffer[set] = h->buffer[0];
    return status;
}

/* ---- parts ---- */

static cnn_status bind_external(cnn_runner *r, cnn_ready_part *p, uint32_t i, uint64_t seed,
                                cnn_error *err)
{
    int32_t whole = p->part->values[p->part->program.externals[i]];
    const cnn_value_info *value = whole_value(r, whole);
    const uint32_t at = p->part->opened;
    const cnn_graph *graph = r->placement->step->graph;
    bool is_state = value->kind == CNN_VALUE_STATE;
    p->states[i] = -1;
    cnn_status status =
        is_state ? cnn_session_use(r->session, value, at, graph, seed, &p->states[i], err)
                 : add_holder(r, whole, at, err);
    for (uint32_t set = 0; set < CNN_SETS && status == CNN_OK; set++)
        p->bindings[set][i] = is_state ? r->session->states[p->states[i]].buffer[at]
                                       : find_holder(r, whole, at)->buffer[set];
    return status;
}

static void list_assigned(cnn_ready_part *p)
{
    const cnn_program *program = &p->part->program;
    for (uint32_t n = 0; n < program->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(program, n);
        if (strcmp(node->op->c.name, "assign") == 0)
            p->assigned[p->n_assigned++] = p->states[cnn_value_at(program, node->in[0])->external];
    }
}

/* Has an earlier part on this backend fetched the value already? */
static bool is_fetched(const cnn_runner *r, const cnn_ready_part *p, int32_t value)
{
    for (const cnn_ready_part *q = r->parts; q < p; q++)
        for (uint32_t i = 0; i < q->n_fetches && q->part->opened == p->part->opened; i++)
            if (q->fetches[i].value == value)
                return true;
    return false;
}

/* Where a value that another backend made before is read, it is copied. */
static cnn_status list_fetches(cnn_runner *r, cnn_ready_part *p, cnn_error *err)
{
    const cnn_program *program = &p->part->program;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < program->n_externals && status == CNN_OK; i++) {
        int32_t whole = p->part->values[program->externals[i]];
        const cnn_value_info *value = whole_value(r, whole);
        if (value->producer < 0 || value->producer >= (int32_t)p->part->first_node)
            continue;
        uint32_t maker = r->placement->node_backend[value->producer];
        if (maker == p->part->opened || is_fetched(r, p, whole))
            continue;
        p->fetches[p->n_fetches++] = (cnn_fetch){ whole, maker };
        status = cnn_session_reserve(r->session, bytes_of(r, whole), err);
    }
    return status;
}

static bool make_lists(cnn_ready_part *p)
{
    size_t n = (size_t)p->part->program.n_externals + 1, nodes = p->part->program.n_nodes + 1;
    p->states = calloc(n, sizeof *p->states);
    p->assigned = calloc(nodes, sizeof *p->assigned);
    p->fetches = calloc(n, sizeof *p->fetches);
    bool complete = p->states != NULL && p->assigned != NULL && p->fetches != NULL;
    for (uint32_t set = 0; set < CNN_SETS; set++) {
        p->bindings[set] = calloc(n, sizeof(cnn_buffer *));
        complete = complete && p->bindings[set] != NULL;
    }
    return complete;
}

static cnn_status prepare_part(cnn_runner *r, cnn_ready_part *p, const cnn_part *part,
                               uint64_t seed, cnn_error *err)
{
    const cnn_opened *o = cnn_session_at(r->session, part->opened);
    cnn_status status = CNN_OK;
    p->part = part;
    if (!make_lists(p))
        return cnn_fail(err, CNN_MEMORY, "no memory for the bindings of a program");
    for (uint32_t i = 0; i < part->program.n_externals && status == CNN_OK; i++)
        status = bind_external(r, p, i, seed, err);
    if (status != CNN_OK)
        return status;
    list_assigned(p);
    status = list_fetches(r, p, err);
    return status == CNN_OK ? o->backend->compile(o->device, &part->program, &p->exec, err)
                            : status;
}

/* ---- inputs ---- */

/* The device's own memory, if the value is used on one backend only and the host may write there;
 * else memory of our own that is uploaded before each run. */
static cnn_status prepare_input(cnn_runner *r, int32_t v, cnn_error *err)
{
    const cnn_holder *first = NULL;
    uint32_t holders = 0;
    for (uint32_t i = r->n_holders; i > 0; i--)
        if (r->holders[i - 1].value == v) {
            first = &r->holders[i - 1];
            holders++;
        }
    r->staged[v] = holders != 1;
    for (uint32_t set = 0; set < r->sets && !r->staged[v]; set++) {
        const cnn_opened *o = cnn_session_at(r->session, first->opened);
        r->host[set][v] = o->backend->host_pointer(o->device, first->buffer[set]);
        r->staged[v] = r->host[set][v] == NULL;
    }
    for (uint32_t set = 0; set < r->sets && r->staged[v]; set++) {
        r->host[set][v] = calloc(1, (size_t)bytes_of(r, v));
        if (r->host[set][v] == NULL) {
            for (uint32_t later = set; later < r->sets; later++)
                r->host[later][v] = NULL; /* may be the device's */
            return cnn_fail(err, CNN_MEMORY, "no memory for a batch");
        }
    }
    return CNN_OK;
}

static cnn_status prepare_inputs(cnn_runner *r, cnn_error *err)
{
    uint32_t n_values = r->placement->step->program.n_values;
    cnn_status status = CNN_OK;
    for (uint32_t v = 0; v < n_values && status == CNN_OK; v++)
        if (whole_value(r, (int32_t)v)->kind == CNN_VALUE_INPUT)
            status = prepare_input(r, (int32_t)v, err);
    return status;
}

/* ---- the whole ---- */

/* States that no node uses are stored all the same. */
static cnn_status keep_states(cnn_runner *r, uint64_t seed, cnn_error *err)
{
    const cnn_program *program = &r->placement->step->program;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < program->n_externals && status == CNN_OK; i++) {
        const cnn_value_info *value = cnn_value_at(program, program->externals[i]);
        bool known = value->kind != CNN_VALUE_STATE;
        int32_t index;
        for (uint32_t s = 0; s < r->session->n_states && !known; s++)
            known = strcmp(r->session->states[s].info.name, value->name) == 0;
        if (!known)
            status =
                cnn_session_use(r->session, value, 0, r->placement->step->graph, seed, &index, err);
    }
    return status;
}

static cnn_status prepare(cnn_runner *r, uint64_t seed, cnn_error *err)
{
    const cnn_placement *placement = r->placement;
    size_t n_values = (size_t)placement->step->program.n_values + 1;
    r->parts = calloc((size_t)placement->n_parts + 1, sizeof *r->parts);
    r->staged = calloc(n_values, sizeof *r->staged);
    bool complete = r->parts != NULL && r->staged != NULL;
    for (uint32_t set = 0; set < r->sets; set++) {
        r->host[set] = calloc(n_values, sizeof(void *));
        complete = complete && r->host[set] != NULL;
    }
    if (!complete)
        return cnn_fail(err, CNN_MEMORY, "no memory for a program");
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < placement->n_parts && status == CNN_OK; i++)
        status = prepare_part(r, &r->parts[r->n_parts++], &placement->parts[i], seed, err);
    if (status == CNN_OK)
        status = keep_states(r, seed, err);
    return status == CNN_OK ? prepare_inputs(r, err) : status;
}

cnn_status cnn_session_compile(cnn_session *session, const cnn_placement *placement, uint64_t seed,
                               uint32_t sets, cnn_runner **out, cnn_error *err)
{
    cnn_runner *r = session != NULL ? calloc(1, sizeof *r) : NULL;
    *out = NULL;
    if (r == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for a program");
    r->session = session;
    r->placement = placement;
    r->sets = sets;
    cnn_status status = prepare(r, seed, err);
    if (status != CNN_OK) {
        cnn_runner_destroy(r);
        return status;
    }
    r->next = session->runners;
    session->runners = r;
    *out = r;
    return CNN_OK;
}

static void release_part(cnn_runner *r, cnn_ready_part *p)
{
    if (p->exec != NULL)
        cnn_session_at(r->session, p->part->opened)->backend->release(p->exec);
    free(p->states);
    free(p->assigned);
    free(p->fetches);
    for (uint32_t set = 0; set < CNN_SETS; set++)
        free(p->bindings[set]);
}

static void release_holder(cnn_runner *r, const cnn_holder *h)
{
    const cnn_opened *o = cnn_session_at(r->session, h->opened);
    for (uint32_t set = 0; set < CNN_SETS; set++) {
        if (h->buffer[set] == NULL || (set > 0 && h->buffer[set] == h->buffer[0]))
            continue;
        o->backend->free(o->device, h->buffer[set]);
        r->session->bytes -= bytes_of(r, h->value);
    }
}

void cnn_runner_destroy(cnn_runner *r)
{
    uint32_t n_values = r->placement->step->program.n_values;
    for (uint32_t i = 0; i < r->n_parts; i++)
        release_part(r, &r->parts[i]);
    for (uint32_t set = 0; set < r->sets; set++) {
        for (uint32_t v = 0; v < n_values && r->host[set] != NULL && r->staged != NULL; v++)
            if (r->staged[v])
                free(r->host[set][v]);
        free(r->host[set]);
    }
    for (uint32_t i = 0; i < r->n_holders; i++)
        release_holder(r, &r->holders[i]);
    free(r->holders);
    free(r->staged);
    free(r->parts);
    free(r);
}

/* ---- running ---- */

void *cnn_runner_input(cnn_runner *runner, int32_t value, uint32_t set)
{
    return runner->host[set][value];
}

static cnn_status upload(cnn_runner *r, uint32_t set, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < r->n_holders && status == CNN_OK; i++) {
        const cnn_holder *h = &r->holders[i];
        const cnn_opened *o = cnn_session_at(r->session, h->opened);
        if (r->staged[h->value])
            status = o->backend->write(o->device, h->buffer[set], r->host[set][h->value],
                                       bytes_of(r, h->value), err);
    }
    return status;
}

static cnn_status fetch(cnn_runner *r, const cnn_fetch *f, uint32_t to, uint32_t set,
                        cnn_error *err)
{
    const cnn_transfer transfer = { f->maker, to, find_holder(r, f->value, f->maker)->buffer[set],
                                    find_holder(r, f->value, to)->buffer[set],
                                    bytes_of(r, f->value) };
    return cnn_session_copy(r->session, &transfer, err);
}

static cnn_status run_part(cnn_runner *r, const cnn_ready_part *p, uint32_t set, cnn_error *err)
{
    const uint32_t at = p->part->opened;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < p->n_fetches && status == CNN_OK; i++)
        status = fetch(r, &p->fetches[i], at, set, err);
    for (uint32_t i = 0; i < p->part->program.n_externals && status == CNN_OK; i++)
        if (p->states[i] >= 0)
            status = cnn_session_refresh(r->session, p->states[i], at, err);
    if (status != CNN_OK)
        return status;
    status = cnn_session_at(r->session, at)->backend->run(p->exec, p->bindings[set], err);
    for (uint32_t i = 0; i < p->n_assigned; i++)
        r->session->states[p->assigned[i]].current = (uint32_t)1 << at;
    return status;
}

cnn_status cnn_runner_run(cnn_runner *runner, uint32_t set, cnn_error *err)
{
    cnn_status status = upload(runner, set, err);
    for (uint32_t i = 0; i < runner->n_parts && status == CNN_OK; i++)
        status = run_part(runner, &runner->parts[i], set, err);
    return status;
}

cnn_status cnn_runner_output(cnn_runner *runner, int32_t value, uint32_t set, void *to,
                             uint64_t bytes, cnn_error *err)
{
    const cnn_program *program = &runner->placement->step->program;
    if (value < 0 || (uint32_t)value >= program->n_values ||
        whole_value(runner, value)->kind != CNN_VALUE_OUTPUT)
        return cnn_fail(err, CNN_INTERNAL, "value %d is no output", value);
    uint32_t at = runner->placement->node_backend[whole_value(runner, value)->producer];
    const cnn_opened *o = cnn_session_at(runner->session, at);
    return o->backend->read(o->device, find_holder(runner, value, at)->buffer[set], to, bytes, err);
}
