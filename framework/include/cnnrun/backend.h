/* Backends say how to compute. open(device) -> buffers -> supports(node)? -> compile(program) ->
 * run, many times. */
#ifndef CNNRUN_BACKEND_H
#define CNNRUN_BACKEND_H

#include "program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cnn_device cnn_device; /* the plugin's own */
typedef struct cnn_buffer cnn_buffer;
typedef struct cnn_exec cnn_exec;

typedef struct cnn_device_info {
    uint32_t size;
    uint32_t usable; /* 0: `reason` says why not */
    char name[128];  /* "AMD Radeon ..." */
    char driver[128];
    char reason[256];
    uint64_t memory; /* bytes, 0: unknown */
    uint32_t
        automatic; /* 1: `backend: auto` may pick it (software drivers and test benches say 0) */
    int32_t rank;  /* unmeasured, auto takes the highest; those above 0 it measures: 0 reference, 90
                      a GPU  that shares the processor's memory, 100 cpu, 200 a GPU with its own */
} cnn_device_info;

/* All functions: [loop] or [main], one thread at a time for one device. */
typedef struct cnn_backend {
    cnn_component c;
    const char *stands_on; /* who runs what this one does not support; NULL: nobody */

    /* Lists up to `cap` devices without opening them for work; never prints, never aborts without
     * hardware. */
    cnn_status (*devices)(const cnn_host *, cnn_device_info *out, uint32_t cap, uint32_t *count,
                          cnn_error *);

    /* `which` is what follows the colon in `backend: vulkan:1`, "" without. */
    cnn_status (*open)(const cnn_host *, const char *which, cnn_device **, cnn_error *);
    void (*close)(cnn_device *);

    /* CNN_OK, or CNN_UNSUPPORTED and why. Asked for each node before compile. */
    cnn_status (*supports)(cnn_device *, const cnn_program *, uint32_t node, cnn_error *why);

    /* Makes a program executable. The program lives longer than the exec. */
    cnn_status (*compile)(cnn_device *, const cnn_program *, cnn_exec **, cnn_error *);
    void (*release)(cnn_exec *);

    /* Device memory, 256-byte aligned, zeroed. */
    cnn_status (*alloc)(cnn_device *, uint64_t bytes, cnn_buffer **, cnn_error *);
    void (*free)(cnn_device *, cnn_buffer *);

    /* The buffer's memory if the host may use it directly between runs, else NULL. Loader threads
     * write batches there.
     */
    void *(*host_pointer)(cnn_device *, cnn_buffer *);

    /* Ordered with runs: a write is seen by later runs only, a read waits for earlier runs. Bytes
     * from the start. */
    cnn_status (*write)(cnn_device *, cnn_buffer *, const void *from, uint64_t bytes, cnn_error *);
    cnn_status (*read)(cnn_device *, cnn_buffer *, void *to, uint64_t bytes, cnn_error *);

    /* Starts one run with bindings[i] for externals[i]; may return before it is done. Bindings of
     * states are always the same, those of inputs and outputs come in a few fixed sets, used in
     * turn, so that a run can start before the results of the last are read: a recorded run per set
     * can be replayed. Allocates nothing after the first run with a set. */
    cnn_status (*run)(cnn_exec *, cnn_buffer *const *bindings, cnn_error *);

    /* Until everything that was started is done. */
    cnn_status (*wait)(cnn_device *, cnn_error *);

    /* Optional, for `cnnrun time`: as run(), waits for the end, and adds to seconds[n] what node n
     * of the program took. Nodes that run as one are counted at the one that gives the work its
     * name (a convolution, say), the others get 0. NULL: only whole runs can be timed. */
    cnn_status (*profile)(cnn_exec *, cnn_buffer *const *bindings, double *seconds, cnn_error *);

    /* Optional, for `backend: auto`: may there be a device that is automatic? Cheap: loads and
     * opens nothing; only then `devices` is asked. NULL: yes. */
    bool (*may_be_automatic)(const cnn_host *);
} cnn_backend;

#ifdef __cplusplus
}
#endif
#endif
