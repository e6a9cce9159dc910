/* The host's services as a table for plugins, and what stands behind it. */
#ifndef CNNRUN_HOST_SERVICES_H
#define CNNRUN_HOST_SERVICES_H

#include <stdbool.h>

#include <cnnrun/host.h>

#include "base/arena.h"
#include "pool.h"

typedef struct cnn_services {
    cnn_host host; /* first: a const cnn_host * is a const cnn_services * */
    cnn_pool *pool;
    bool verbose; /* CNN_DEBUG lines are shown */
    bool quiet;   /* CNN_INFO lines are not */
} cnn_services;

/* threads as in cnn_pool_create. Log lines go to stderr: "cnnrun: warning: ...". */
cnn_services *cnn_services_create(uint32_t threads, cnn_arena *arena);
void cnn_services_destroy(cnn_services *services);

/* Directory of the running program ("/usr/bin"); from /proc/self/exe. Arena memory, NULL if
 * unknown. */
const char *cnn_program_dir(cnn_arena *arena);

/* The user's own directory of a kind: "$XDG_CACHE_HOME/cnnrun", else "$HOME/.cache/cnnrun" for
 * ("XDG_CACHE_HOME", ".cache"). Arena memory, NULL without a home. */
const char *cnn_user_dir(const char *variable, const char *below_home, cnn_arena *arena);

#endif
