/* A session: the states that all programs of a run share, found by name, and copies of them on the
 * backends that use them. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "session_internal.h"

cnn_session *cnn_session_create(const cnn_stack *stack)
{
    cnn_session *session = calloc(1, sizeof *session);
    if (session != NULL)
        session->stack = stack;
    return session;
}

void cnn_session_destroy(cnn_session *session)
{
    if (session == NULL)
        return;
    (void)cnn_session_wait(session, NULL);
    while (session->runners != NULL) {
        cnn_runner *r = session->runners;
        session->runners = r->next;
        cnn_runner_destroy(r);
    }
    for (uint32_t i = 0; i < session->n_states; i++)
        for (uint32_t at = 0; at < session->stack->count; at++) {
            const cnn_opened *o = cnn_session_at(session, at);
            if (session->states[i].buffer[at] != NULL)
                o->backend->free(o->device, session->states[i].buffer[at]);
        }
    free(session->states);
    free(session->crossing);
    free(session);
}

cnn_status cnn_session_wait(cnn_session *session, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < session->stack->count && status == CNN_OK; i++) {
        const cnn_opened *o = cnn_session_at(session, i);
        status = o->backend->wait(o->device, err);
    }
    return status;
}

uint64_t cnn_session_bytes(const cnn_session *session)
{
    return session->bytes;
}

/* ---- memory ---- */

cnn_status cnn_session_alloc(cnn_session *session, uint32_t at, uint64_t bytes, cnn_buffer **buffer,
                             cnn_error *err)
{
    const cnn_opened *o = cnn_session_at(session, at);
    cnn_status status = o->backend->alloc(o->device, bytes, buffer, err);
    if (status == CNN_OK)
        session->bytes += bytes;
    return status;
}

cnn_status cnn_session_reserve(cnn_session *session, uint64_t bytes, cnn_error *err)
{
    if (bytes <= session->crossing_bytes)
        return CNN_OK;
    void *larger = realloc(session->crossing, bytes);
    if (larger == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for %llu bytes between backends",
                        (unsigned long long)bytes);
    session->crossing = larger;
    session->crossing_bytes = bytes;
    return CNN_OK;
}

cnn_status cnn_session_copy(cnn_session *session, const cnn_transfer *t, cnn_error *err)
{
    const cnn_opened *a = cnn_session_at(session, t->from), *b = cnn_session_at(session, t->to);
    cnn_status status = a->backend->read(a->device, t->source, session->crossing, t->bytes, err);
    return status == CNN_OK
               ? b->backend->write(b->device, t->target, session->crossing, t->bytes, err)
               : status;
}

/* ---- states ---- */

static uint32_t bit(uint32_t at)
{
    return (uint32_t)1 << at;
}

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
static cnn_status fill_state(cnn_session *s, uint32_t index, const cnn_state_init *init,
                             uint64_t seed, cnn_error *err)
{
    const cnn_state_info *info = &s->states[index].info;
    if (init != NULL && init->data != NULL)
        return cnn_session_write_state(s, index, init->data, err);
    float *numbers = calloc(1, (size_t)cnn_bytes(&info->type));
    if (numbers == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for '%s'", info->name);
    if (init != NULL && info->type.dtype == CNN_F32)
        cnn_init_fill(&init->init, &info->type, info->name, seed, numbers);
    cnn_status status = cnn_session_write_state(s, index, numbers, err);
    free(numbers);
    return status;
}

static cnn_status add_state(cnn_session *s, const cnn_value_info *value, uint32_t at,
                            const cnn_graph *graph, uint64_t seed, cnn_error *err)
{
    cnn_stored_state *larger = realloc(s->states, (s->n_states + 1) * sizeof *larger);
    if (larger == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for '%s'", value->name);
    s->states = larger;
    cnn_stored_state *state = &s->states[s->n_states];
    memset(state, 0, sizeof *state);
    state->info = (cnn_state_info){ value->name, value->type, value->trained != 0 };
    state->current = bit(at);
    cnn_status status =
        cnn_session_alloc(s, at, (uint64_t)cnn_bytes(&value->type), &state->buffer[at], err);
    if (status != CNN_OK)
        return status;
    return fill_state(s, s->n_states++, init_of(graph, value->name), seed, err);
}

cnn_status cnn_session_use(cnn_session *s, const cnn_value_info *value, uint32_t at,
                           const cnn_graph *graph, uint64_t seed, int32_t *index, cnn_error *err)
{
    uint64_t bytes = (uint64_t)cnn_bytes(&value->type);
    *index = find_state(s, value->name);
    if (*index < 0) {
        *index = (int32_t)s->n_states;
        return add_state(s, value, at, graph, seed, err);
    }
    cnn_stored_state *state = &s->states[*index];
    if (!cnn_same_type(&state->info.type, &value->type))
        return cnn_fail(err, CNN_INTERNAL, "the state '%s' has two shapes", value->name);
    state->info.trained = state->info.trained || value->trained != 0;
    if (state->buffer[at] != NULL)
        return CNN_OK;
    cnn_status status = cnn_session_alloc(s, at, bytes, &state->buffer[at], err);
    return status == CNN_OK ? cnn_session_reserve(s, bytes, err) : status;
}

/* A backend that has the latest contents. */
static uint32_t current_at(const cnn_stored_state *state)
{
    uint32_t at = 0;
    while ((state->current & bit(at)) == 0)
        at++;
    return at;
}

cnn_status cnn_session_refresh(cnn_session *session, int32_t index, uint32_t at, cnn_error *err)
{
    cnn_stored_state *state = &session->states[index];
    if ((state->current & bit(at)) != 0)
        return CNN_OK;
    uint32_t from = current_at(state);
    const cnn_transfer transfer = { from, at, state->buffer[from], state->buffer[at],
                                    (uint64_t)cnn_bytes(&state->info.type) };
    cnn_status status = cnn_session_copy(session, &transfer, err);
    if (status == CNN_OK)
        state->current |= bit(at);
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
    const cnn_stored_state *state = &session->states[index];
    uint32_t at = current_at(state);
    const cnn_opened *o = cnn_session_at(session, at);
    return o->backend->read(o->device, state->buffer[at], to,
                            (uint64_t)cnn_bytes(&state->info.type), err);
}

cnn_status cnn_session_write_state(cnn_session *session, uint32_t index, const void *from,
                                   cnn_error *err)
{
    cnn_stored_state *state = &session->states[index];
    uint32_t at = current_at(state);
    const cnn_opened *o = cnn_session_at(session, at);
    state->current = bit(at); /* copies elsewhere are old now */
    return o->backend->write(o->device, state->buffer[at], from,
                             (uint64_t)cnn_bytes(&state->info.type), err);
}
