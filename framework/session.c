/* Buffers and runs. A runner has one buffer per external value and backend that uses it; states are
 * found by name, so that all programs of a run share them. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "init.h"

/* A value's memory on one backend. Inputs have CNN_INPUT_SETS of them, all others one. */
typedef struct holder {
    int32_t value;
    uint32_t opened;
    cnn_buffer *buffer[CNN_INPUT_SETS];
} holder;

/* A tensor that lives as long as the session. */
typedef struct state {
    cnn_state_info info;
    cnn_buffer *buffer[8]; /* per backend of the stack; NULL until it is used there */
    uint32_t fresh;        /* the backend that has the current contents */
} state;

/* A part that is ready to run. */
typedef struct ready_part {
    cnn_exec *exec;
    const cnn_part *part;
    cnn_buffer **bindings[CNN_INPUT_SETS];
    int32_t *states; /* per external: index in the session, or -1 */
} ready_part;

struct cnn_runner {
    cnn_session *session;
    const cnn_placement *placement;
    ready_part *parts;
    uint32_t n_parts;
    holder *holders;
    uint32_t n_holders;
    void **host[CNN_INPUT_SETS]; /* per value: where the host writes an input */
    bool *staged;                /* per value: `host` is memory of our own */
    cnn_runner *next;
};

struct cnn_session {
    const cnn_stack *stack;
    state *states;
    uint32_t n_states;
    cnn_runner *runners;
    void *crossing; /* host memory for copies between backends */
    uint64_t crossing_bytes;
    uint64_t bytes;
};

cnn_session *cnn_session_create(const cnn_stack *stack)
{
    cnn_session *session = calloc(1, sizeof *session);
    if (session != NULL)
        session->stack = stack;
    return session;
}

static const cnn_opened *opened_at(const cnn_session *s, uint32_t at)
{
    return &s->stack->items[at];
}

static cnn_status allocate(cnn_session *s, uint32_t at, uint64_t bytes, cnn_buffer **buffer,
                           cnn_error *err)
{
    const cnn_opened *o = opened_at(s, at);
    cnn_status status = o->backend->alloc(o->device, bytes, buffer, err);
    if (status == CNN_OK)
        s->bytes += bytes;
    return status;
}

/* Room for the largest value that may cross. */
static cnn_status reserve_crossing(cnn_session *s, uint64_t bytes, cnn_error *err)
{
    if (bytes <= s->crossing_bytes)
        return CNN_OK;
    void *larger = realloc(s->crossing, bytes);
    if (larger == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for %llu bytes between backends",
                        (unsigned long long)bytes);
    s->crossing = larger;
    s->crossing_bytes = bytes;
    return CNN_OK;
}

static cnn_status copy_between(cnn_session *s, uint32_t from, cnn_buffer *source, uint32_t to,
                               cnn_buffer *target, uint64_t bytes, cnn_error *err)
{
    const cnn_opened *a = opened_at(s, from), *b = opened_at(s, to);
    cnn_status status = reserve_crossing(s, bytes, err);
    if (status == CNN_OK)
        status = a->backend->read(a->device, source, s->crossing, bytes, err);
    if (status == CNN_OK)
        status = b->backend->write(b->device, target, s->crossing, bytes, err);
    return status;
}

/* ---- states ---- */

static int32_t find_state(const cnn_session *s, const char *name)
{
    for (uint32_t i = 0; i < s->n_states; i++)
        if (strcmp(s->states[i].info.name, name) == 0)
            return (int32_t)i;
    return -1;
}

static const cnn_state_init *init_of(const cnn_graph *graph, const char *name)
{
    for (uint32_t i = 0; i < graph->n_states; i++)
        if (strcmp(graph->values[graph->states[i].value].name, name) == 0)
            return &graph->states[i];
    return NULL;
}

/* First contents: from the pipeline, or by the initialiser. */
static cnn_status fill_state(cnn_session *s, state *st, const cnn_state_init *init, uint64_t seed,
                             cnn_error *err)
{
    const cnn_type *type = &st->info.type;
    if (init != NULL && init->data != NULL)
        return cnn_session_write_state(s, (uint32_t)(st - s->states), init->data, err);
    float *numbers = calloc(1, (size_t)cnn_bytes(type) + 1);
    if (numbers == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for '%s'", st->info.name);
    if (init != NULL && type->dtype == CNN_F32)
        cnn_init_fill(&init->init, type, st->info.name, seed, numbers);
    cnn_status status = cnn_session_write_state(s, (uint32_t)(st - s->states), numbers, err);
    free(numbers);
    return status;
}

static cnn_status add_state(cnn_session *s, const cnn_value_info *value, uint32_t at,
                            const cnn_graph *graph, uint64_t seed, cnn_error *err)
{
    state *larger = realloc(s->states, (s->n_states + 1) * sizeof *larger);
    if (larger == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for '%s'", value->name);
    s->states = larger;
    state *st = &s->states[s->n_states];
    memset(st, 0, sizeof *st);
    st->info = (cnn_state_info){ value->name, value->type, value->trained != 0 };
    st->fresh = at;
    cnn_status status = allocate(s, at, (uint64_t)cnn_bytes(&value->type), &st->buffer[at], err);
    if (status != CNN_OK)
        return status;
    s->n_states++;
    return fill_state(s, st, init_of(graph, value->name), seed, err);
}

/* Index of the state of a value, with a buffer on backend `at`. */
static cnn_status use_state(cnn_session *s, const cnn_value_info *value, uint32_t at,
                            const cnn_graph *graph, uint64_t seed, int32_t *index, cnn_error *err)
{
    cnn_status status = CNN_OK;
    *index = find_state(s, value->name);
    if (*index < 0) {
        *index = (int32_t)s->n_states;
        return add_state(s, value, at, graph, seed, err);
    }
    state *st = &s->states[*index];
    if (!cnn_same_type(&st->info.type, &value->type))
        return cnn_fail(err, CNN_INTERNAL, "the state '%s' has two shapes", value->name);
    st->info.trained = st->info.trained || value->trained != 0;
    if (st->buffer[at] == NULL)
        status = allocate(s, at, (uint64_t)cnn_bytes(&value->type), &st->buffer[at], err);
    return status;
}

uint32_t cnn_session_states(const cnn_session *session)
{
    return session->n_states;
}

const cnn_state_info *cnn_session_state(const cnn_session *session, uint32_t index)
{
    return &session->states[index].info;
}

cnn_status cnn_session_read_state(cnn_session *session, uint32_t index, void *to, cnn_error *err)
{
    const state *st = &session->states[index];
    const cnn_opened *o = opened_at(session, st->fresh);
    return o->backend->read(o->device, st->buffer[st->fresh], to,
                            (uint64_t)cnn_bytes(&st->info.type), err);
}

cnn_status cnn_session_write_state(cnn_session *session, uint32_t index, const void *from,
                                   cnn_error *err)
{
    const state *st = &session->states[index];
    const cnn_opened *o = opened_at(session, st->fresh);
    return o->backend->write(o->device, st->buffer[st->fresh], from,
                             (uint64_t)cnn_bytes(&st->info.type), err);
}

/* ---- compiling ---- */

static holder *find_holder(const cnn_runner *r, int32_t value, uint32_t opened)
{
    for (uint32_t i = 0; i < r->n_holders; i++)
        if (r->holders[i].value == value && r->holders[i].opened == opened)
            return &r->holders[i];
    return NULL;
}

static cnn_status add_holder(cnn_runner *r, int32_t value, uint32_t opened, uint32_t sets,
                             uint64_t bytes, cnn_error *err)
{
    if (find_holder(r, value, opened) != NULL)
        return CNN_OK;
    holder *larger = realloc(r->holders, (r->n_holders + 1) * sizeof *larger);
    if (larger == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for a buffer's record");
    r->holders = larger;
    holder *h = &r->holders[r->n_holders++];
    *h = (holder){ .value = value, .opened = opened };
    cnn_status status = CNN_OK;
    for (uint32_t set = 0; set < sets && status == CNN_OK; set++)
        status = allocate(r->session, opened, bytes, &h->buffer[set], err);
    return status;
}

/* The whole program's kind of a part's external: inputs of a part may be made by an earlier one. */
static const cnn_value_info *whole_value(const cnn_runner *r, int32_t v)
{
    return cnn_value_at(&r->placement->step->program, v);
}

static cnn_status bind_external(cnn_runner *r, ready_part *p, uint32_t i, uint64_t seed,
                                cnn_error *err)
{
    const cnn_program *program = &p->part->program;
    int32_t whole = p->part->values[program->externals[i]];
    const cnn_value_info *value = whole_value(r, whole);
    uint32_t at = p->part->opened;
    uint64_t bytes = (uint64_t)cnn_bytes(&value->type);
    p->states[i] = -1;
    if (value->kind == CNN_VALUE_STATE) {
        cnn_status status =
            use_state(r->session, value, at, r->placement->step->graph, seed, &p->states[i], err);
        for (uint32_t set = 0; set < CNN_INPUT_SETS && status == CNN_OK; set++)
            p->bindings[set][i] = r->session->states[p->states[i]].buffer[at];
        return status;
    }
    uint32_t sets = value->kind == CNN_VALUE_INPUT ? CNN_INPUT_SETS : 1;
    cnn_status status = add_holder(r, whole, at, sets, bytes, err);
    const holder *h = find_holder(r, whole, at);
    for (uint32_t set = 0; set < CNN_INPUT_SETS && status == CNN_OK; set++)
        p->bindings[set][i] = h->buffer[set < sets ? set : 0];
    return status;
}

static cnn_status prepare_part(cnn_runner *r, ready_part *p, const cnn_part *part, uint64_t seed,
                               cnn_error *err)
{
    const cnn_opened *o = opened_at(r->session, part->opened);
    uint32_t n = part->program.n_externals;
    p->part = part;
    p->states = calloc(n + 1, sizeof *p->states);
    bool complete = p->states != NULL;
    for (uint32_t set = 0; set < CNN_INPUT_SETS; set++) {
        p->bindings[set] = calloc(n + 1, sizeof(cnn_buffer *));
        complete = complete && p->bindings[set] != NULL;
    }
    if (!complete)
        return cnn_fail(err, CNN_MEMORY, "no memory for the bindings of a program");
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < n && status == CNN_OK; i++)
        status = bind_external(r, p, i, seed, err);
    return status == CNN_OK ? o->backend->compile(o->device, &part->program, &p->exec, err)
                            : status;
}

/* Where the host writes input v: the first backend's memory, if it is the only one and lets us. */
static cnn_status prepare_input(cnn_runner *r, int32_t v, cnn_error *err)
{
    const holder *first = NULL;
    uint32_t holders = 0;
    for (uint32_t i = 0; i < r->n_holders; i++)
        if (r->holders[i].value == v) {
            first = first == NULL ? &r->holders[i] : first;
            holders++;
        }
    for (uint32_t set = 0; set < CNN_INPUT_SETS; set++) {
        void *memory = NULL;
        if (holders == 1) {
            const cnn_opened *o = opened_at(r->session, first->opened);
            memory = o->backend->host_pointer(o->device, first->buffer[set]);
        }
        r->staged[v] = memory == NULL;
        if (memory == NULL)
            memory = calloc(1, (size_t)cnn_bytes(&whole_value(r, v)->type) + 1);
        if (memory == NULL)
            return cnn_fail(err, CNN_MEMORY, "no memory for a batch");
        r->host[set][v] = memory;
    }
    return CNN_OK;
}

static cnn_status prepare_inputs(cnn_runner *r, cnn_error *err)
{
    const cnn_program *program = &r->placement->step->program;
    cnn_status status = CNN_OK;
    for (uint32_t v = 0; v < program->n_values && status == CNN_OK; v++)
        if (whole_value(r, (int32_t)v)->kind == CNN_VALUE_INPUT)
            status = prepare_input(r, (int32_t)v, err);
    return status;
}

static cnn_status prepare(cnn_runner *r, uint64_t seed, cnn_error *err)
{
    const cnn_placement *placement = r->placement;
    uint32_t n_values = placement->step->program.n_values;
    r->parts = calloc(placement->n_parts + 1, sizeof *r->parts);
    r->staged = calloc(n_values + 1, sizeof *r->staged);
    bool complete = r->parts != NULL && r->staged != NULL;
    for (uint32_t set = 0; set < CNN_INPUT_SETS; set++) {
        r->host[set] = calloc(n_values + 1, sizeof(void *));
        complete = complete && r->host[set] != NULL;
    }
    if (!complete)
        return cnn_fail(err, CNN_MEMORY, "no memory for a program");
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < placement->n_parts && status == CNN_OK; i++)
        status = prepare_part(r, &r->parts[r->n_parts++], &placement->parts[i], seed, err);
    return status == CNN_OK ? prepare_inputs(r, err) : status;
}

static void destroy_runner(cnn_runner *r)
{
    cnn_session *s = r->session;
    for (uint32_t i = 0; i < r->n_parts; i++) {
        ready_part *p = &r->parts[i];
        if (p->exec != NULL)
            opened_at(s, p->part->opened)->backend->release(p->exec);
        free(p->states);
        for (uint32_t set = 0; set < CNN_INPUT_SETS; set++)
            free(p->bindings[set]);
    }
    uint32_t n_values = r->placement->step->program.n_values;
    for (uint32_t set = 0; set < CNN_INPUT_SETS; set++) {
        for (uint32_t v = 0; v < n_values && r->host[set] != NULL && r->staged != NULL; v++)
            if (r->staged[v])
                free(r->host[set][v]);
        free(r->host[set]);
    }
    for (uint32_t i = 0; i < r->n_holders; i++)
        for (uint32_t set = 0; set < CNN_INPUT_SETS; set++) {
            const cnn_opened *o = opened_at(s, r->holders[i].opened);
            if (r->holders[i].buffer[set] != NULL)
                o->backend->free(o->device, r->holders[i].buffer[set]);
        }
    free(r->holders);
    free(r->staged);
    free(r->parts);
    free(r);
}

cnn_status cnn_session_compile(cnn_session *session, const cnn_placement *placement, uint64_t seed,
                               cnn_runner **out, cnn_error *err)
{
    cnn_runner *r = session != NULL ? calloc(1, sizeof *r) : NULL;
    *out = NULL;
    if (r == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for a program");
    r->session = session;
    r->placement = placement;
    cnn_status status = prepare(r, seed, err);
    if (status != CNN_OK) {
        destroy_runner(r);
        return status;
    }
    r->next = session->runners;
    session->runners = r;
    *out = r;
    return CNN_OK;
}

void cnn_session_destroy(cnn_session *session)
{
    if (session == NULL)
        return;
    (void)cnn_session_wait(session, NULL);
    while (session->runners != NULL) {
        cnn_runner *r = session->runners;
        session->runners = r->next;
        destroy_runner(r);
    }
    for (uint32_t i = 0; i < session->n_states; i++)
        for (uint32_t at = 0; at < session->stack->count; at++)
            if (session->states[i].buffer[at] != NULL)
                opened_at(session, at)
                    ->backend->free(opened_at(session, at)->device, session->states[i].buffer[at]);
    free(session->states);
    free(session->crossing);
    free(session);
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
        const holder *h = &r->holders[i];
        const cnn_opened *o = opened_at(r->session, h->opened);
        if (!r->staged[h->value])
            continue;
        status = o->backend->write(o->device, h->buffer[set], r->host[set][h->value],
                                   (uint64_t)cnn_bytes(&whole_value(r, h->value)->type), err);
    }
    return status;
}

/* Where a value that one part made is needed by another backend, it is copied there. */
static cnn_status fetch_external(cnn_runner *r, const ready_part *p, uint32_t i, cnn_error *err)
{
    const cnn_program *program = &p->part->program;
    uint32_t at = p->part->opened;
    int32_t whole = p->part->values[program->externals[i]];
    const cnn_value_info *value = whole_value(r, whole);
    uint64_t bytes = (uint64_t)cnn_bytes(&value->type);
    if (p->states[i] >= 0) {
        state *st = &r->session->states[p->states[i]];
        if (st->fresh == at)
            return CNN_OK;
        return copy_between(r->session, st->fresh, st->buffer[st->fresh], at, st->buffer[at], bytes,
                            err);
    }
    bool made_before = value->producer >= 0 && value->producer < (int32_t)p->part->first_node;
    uint32_t maker = made_before ? r->placement->node_backend[value->producer] : at;
    if (maker == at)
        return CNN_OK;
    return copy_between(r->session, maker, find_holder(r, whole, maker)->buffer[0], at,
                        find_holder(r, whole, at)->buffer[0], bytes, err);
}

/* States that the part assigns are current on its backend. */
static void mark_fresh(cnn_runner *r, const ready_part *p)
{
    const cnn_program *program = &p->part->program;
    for (uint32_t n = 0; n < program->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(program, n);
        if (strcmp(node->op->c.name, "assign") != 0)
            continue;
        int32_t external = cnn_value_at(program, node->in[0])->external;
        r->session->states[p->states[external]].fresh = p->part->opened;
    }
}

cnn_status cnn_runner_run(cnn_runner *runner, uint32_t set, cnn_error *err)
{
    cnn_status status = upload(runner, set, err);
    bool single = runner->session->stack->count == 1;
    for (uint32_t i = 0; i < runner->n_parts && status == CNN_OK; i++) {
        const ready_part *p = &runner->parts[i];
        for (uint32_t k = 0; !single && k < p->part->program.n_externals && status == CNN_OK; k++)
            status = fetch_external(runner, p, k, err);
        if (status == CNN_OK)
            status = opened_at(runner->session, p->part->opened)
                         ->backend->run(p->exec, p->bindings[set], err);
        if (!single)
            mark_fresh(runner, p);
    }
    return status;
}

cnn_status cnn_runner_output(cnn_runner *runner, int32_t value, void *to, uint64_t bytes,
                             cnn_error *err)
{
    const cnn_value_info *info = whole_value(runner, value);
    uint32_t at = runner->placement->node_backend[info->producer];
    const cnn_opened *o = opened_at(runner->session, at);
    const holder *h = find_holder(runner, value, at);
    if (h == NULL)
        return cnn_fail(err, CNN_INTERNAL, "value %d is no output", value);
    return o->backend->read(o->device, h->buffer[0], to, bytes, err);
}

cnn_status cnn_session_wait(cnn_session *session, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < session->stack->count && status == CNN_OK; i++)
        status = opened_at(session, i)->backend->wait(opened_at(session, i)->device, err);
    return status;
}

uint64_t cnn_session_bytes(const cnn_session *session)
{
    return session->bytes;
}
