/* session: compiled programs and the states they share. This is the only part that owns device
 * buffers. */
#ifndef CNNRUN_SESSION_H
#define CNNRUN_SESSION_H

#include "place.h"

typedef struct cnn_session cnn_session;
typedef struct cnn_runner cnn_runner; /* one compiled program */

cnn_session *cnn_session_create(const cnn_stack *stack);
void cnn_session_destroy(cnn_session *session); /* waits, frees runners and buffers; accepts NULL */

/* Compiles a placed program. States are shared by name with the programs before; new ones start as
 * their initialiser says (init.h) from `seed`. Same name with another shape is CNN_INTERNAL. With
 * `sets` sets of inputs and outputs, 1 to CNN_SETS, so many runs can be on their way. */
cnn_status cnn_session_compile(cnn_session *session, const cnn_placement *placement, uint64_t seed,
                               uint32_t sets, cnn_runner **runner, cnn_error *err);

/* Memory into which an INPUT value of a set is to be written before a run: the device's own if the
 * host may use it, else a staging copy. Valid until the session ends. Loader threads may write to
 * the sets that are not running. */
void *cnn_runner_input(cnn_runner *runner, int32_t value, uint32_t set);

/* Uploads staged inputs of the set and starts the run; it may not be done yet on return. Its
 * inputs stay as they are, and its outputs are read, before the set runs again. */
cnn_status cnn_runner_run(cnn_runner *runner, uint32_t set, cnn_error *err);

/* Waits for the last run of the set, not for runs after it, and copies an OUTPUT value. */
cnn_status cnn_runner_output(cnn_runner *runner, int32_t value, uint32_t set, void *to,
                             uint64_t bytes, cnn_error *err);

cnn_status cnn_session_wait(cnn_session *session, cnn_error *err);

/* States: all that were compiled so far, in order of first use. */
typedef struct cnn_state_info {
    const char *name;
    cnn_type type;
    bool trained;
} cnn_state_info;

uint32_t cnn_session_states(const cnn_session *session);
const cnn_state_info *cnn_session_state(const cnn_session *session, uint32_t index);
cnn_status cnn_session_read_state(cnn_session *session, uint32_t index, void *to, cnn_error *err);
cnn_status cnn_session_write_state(cnn_session *session, uint32_t index, const void *from,
                                   cnn_error *err);

uint64_t cnn_session_bytes(const cnn_session *session); /* device memory in use */

#endif
