/* Services of the host. Plugins get this table; they resolve no symbol of ours. */
#ifndef CNNRUN_HOST_H
#define CNNRUN_HOST_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cnn_level { CNN_DEBUG = 1, CNN_INFO, CNN_WARNING } cnn_level;

typedef struct cnn_host cnn_host;
struct cnn_host {
    uint32_t size;
    uint32_t threads; /* of the pool, the caller's included; at least 1 */

    /* One line for the user. Plugins never write to stdout or stderr themselves. Any thread. */
    void (*log)(const cnn_host *, uint32_t level, const char *text);

    /* Calls task(context, i) once for each i in [0, count), on the pool and on the calling thread,
     * and returns when all are done. Which thread runs which i is not defined: results must not
     * depend on it. Calls from inside a task run serially on the calling thread. Any thread. */
    void (*parallel)(const cnn_host *, uint32_t count, void (*task)(void *context, uint32_t i),
                     void *context);

    /* Directories where data sets lie, best first, NULL-terminated: $CNNRUN_DATA, ./data,
     * $XDG_DATA_HOME/cnnrun/data, <prefix>/share/cnnrun/data, /usr/share/datasets. */
    const char *const *data_dirs;
};

#ifdef __cplusplus
}
#endif
#endif
