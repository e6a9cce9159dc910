/* place: which backend runs which node. Normally one backend, the whole program. */
#ifndef CNNRUN_PLACE_H
#define CNNRUN_PLACE_H

#include <cnnrun/backend.h>

#include "program.h"

/* An opened backend. */
typedef struct cnn_opened {
    const char *name; /* "cpu", "vulkan:1" */
    const cnn_backend *backend;
    cnn_device *device;
} cnn_opened;

enum { CNN_MAX_BACKENDS = 8 };

/* The chosen backend and those it stands on; [0] is the chosen one. */
typedef struct cnn_stack {
    cnn_opened items[CNN_MAX_BACKENDS];
    uint32_t count;
    bool forbid_fallback;
} cnn_stack;

/* A device that `backend: auto` may take. */
typedef struct cnn_automatic {
    const char *name; /* "cpu", "vulkan:1" */
    int32_t rank;
} cnn_automatic;

enum { CNN_MAX_AUTOMATIC = 8 };

/* Those of the highest ranks, these first, equal ones by name; returns how many. [main] */
uint32_t cnn_list_automatic(cnn_registry *registry, cnn_automatic list[CNN_MAX_AUTOMATIC]);

/* Opens `name` ("auto": the usable device of the highest rank) and what it stands on, and adds the
 * backends that model items ask for. CNN_MISSING with the reason if it cannot be used. [main] */
cnn_status cnn_stack_open(cnn_registry *registry, const char *name, bool forbid_fallback,
                          cnn_stack *stack, cnn_error *err);
cnn_status cnn_stack_add(cnn_registry *registry, const char *name, cnn_stack *stack,
                         cnn_error *err);
void cnn_stack_close(cnn_stack *stack);

/* A run of neighbouring nodes on one backend, as a program of its own. */
typedef struct cnn_part {
    cnn_program program;
    uint32_t opened;               /* index in the stack */
    uint32_t first_node, end_node; /* in the whole program */
    int32_t *values;               /* part value -> whole program's value */
} cnn_part;

typedef struct cnn_placement {
    const cnn_step *step;
    cnn_part *parts;
    uint32_t n_parts;
    uint32_t *node_backend; /* per node: index in the stack */
    const char **reasons;   /* per node that is not on the wanted backend: why; else NULL */
    uint32_t n_fallbacks;
    double fallback_share; /* of the program's multiply-adds */
} cnn_placement;

/* CNN_UNSUPPORTED if no backend of the stack can run a node, or fallback is forbidden: names layer,
 * op and reason. */
cnn_status cnn_placement_from(const cnn_step *step, const cnn_stack *stack, cnn_arena *arena,
                              cnn_placement **placement, cnn_error *err);

void cnn_placement_print(const cnn_placement *placement, const cnn_stack *stack, FILE *out);

/* The memory plan of each part: value, type, lifetime, offset, bytes; totals. */
void cnn_plan_print(const cnn_placement *placement, const cnn_stack *stack, FILE *out);

#endif
