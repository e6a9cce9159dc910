/* The pool: threads that kernels share. Sleeps on a futex-backed condition after a short spin. */
#ifndef CNNRUN_POOL_H
#define CNNRUN_POOL_H

#include <stdint.h>

typedef struct cnn_pool cnn_pool;

/* threads >= 1, the caller's included; 0: as many as sched_getaffinity allows (at most 64), or
 * $CNNRUN_THREADS. The threads start with the first parallel call. */
cnn_pool *cnn_pool_create(uint32_t threads);
void cnn_pool_destroy(cnn_pool *pool);
uint32_t cnn_pool_threads(const cnn_pool *pool);

/* See cnn_host.parallel. */
void cnn_pool_run(cnn_pool *pool, uint32_t count, void (*task)(void *context, uint32_t i),
                  void *context);

#endif
