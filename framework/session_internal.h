/* What the files of `session` share. */
#ifndef CNNRUN_SESSION_INTERNAL_H
#define CNNRUN_SESSION_INTERNAL_H

#include "session.h"

/* A tensor that lives as long as the session. Backends that use it have a buffer each; `current`
 * has a bit for each backend whose buffer holds the latest contents. */
typedef struct cnn_stored_state {
    cnn_state_info info;
    cnn_buffer *buffer[CNN_MAX_BACKENDS];
    uint32_t current;
} cnn_stored_state;

struct cnn_session {
    const cnn_stack *stack;
    cnn_stored_state *states;
    uint32_t n_states;
    cnn_runner *runners;
    void *crossing; /* host memory for copies between backends */
    uint64_t crossing_bytes;
    uint64_t bytes;
};

/* A value's memory on one backend. Inputs and outputs have one for each set, all others the same
 * for all. */
typedef struct cnn_holder {
    int32_t value;
    uint32_t opened;
    cnn_buffer *buffer[CNN_SETS];
} cnn_holder;

/* A copy from one backend to another. */
typedef struct cnn_transfer {
    uint32_t from, to; /* backends */
    cnn_buffer *source, *target;
    uint64_t bytes;
} cnn_transfer;

/* A value of an earlier part that is fetched from its maker's backend before a part runs. */
typedef struct cnn_fetch {
    int32_t value;
    uint32_t maker;
} cnn_fetch;

/* A part that is ready to run. */
typedef struct cnn_ready_part {
    cnn_exec *exec;
    const cnn_part *part;
    cnn_buffer **bindings[CNN_SETS];
    int32_t *states;   /* per external: index in the session, or -1 */
    int32_t *assigned; /* states that it changes */
    uint32_t n_assigned;
    cnn_fetch *fetches;
    uint32_t n_fetches;
} cnn_ready_part;

struct cnn_runner {
    cnn_session *session;
    const cnn_placement *placement;
    uint32_t sets;
    cnn_ready_part *parts;
    uint32_t n_parts;
    cnn_holder *holders;
    uint32_t n_holders;
    void **host[CNN_SETS]; /* per value: where the host writes an input */
    bool *staged;          /* per value: `host` is memory of our own */
    cnn_runner *next;
};

static inline const cnn_opened *cnn_session_at(const cnn_session *session, uint32_t at)
{
    return &session->stack->items[at];
}

/* A buffer on backend `at`, counted. */
cnn_status cnn_session_alloc(cnn_session *session, uint32_t at, uint64_t bytes, cnn_buffer **buffer,
                             cnn_error *err);

/* Makes room for a value that may cross from one backend to another, so that a run need not. */
cnn_status cnn_session_reserve(cnn_session *session, uint64_t bytes, cnn_error *err);
cnn_status cnn_session_copy(cnn_session *session, const cnn_transfer *transfer, cnn_error *err);

/* Index of the state of a value, made when it is new, with a buffer on backend `at`. */
cnn_status cnn_session_use(cnn_session *session, const cnn_value_info *value, uint32_t at,
                           const cnn_graph *graph, uint64_t seed, int32_t *index, cnn_error *err);

/* Brings the latest contents of a state to backend `at`. */
cnn_status cnn_session_refresh(cnn_session *session, int32_t index, uint32_t at, cnn_error *err);

/* Releases a runner and what it holds; complete or not. (runner.c) */
void cnn_runner_destroy(cnn_runner *runner);

#endif
