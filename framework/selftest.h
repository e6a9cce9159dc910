/* selftest: does a device compute what the reference computes? */
#ifndef CNNRUN_SELFTEST_H
#define CNNRUN_SELFTEST_H

#include "compare.h"

typedef enum cnn_verdict {
    CNN_VERDICT_RIGHT,
    CNN_VERDICT_WRONG,   /* further from the reference than CNN_SELFTEST_TOLERANCE */
    CNN_VERDICT_FAILED,  /* `reason` */
    CNN_VERDICT_REFUSED, /* it leaves the op to another backend: `reason` */
} cnn_verdict;

/* Relative to a value's largest number: sums of up to 576 products, where the reference adds in
 * double and others in float, in any order, stay below 1e-6; a wrong result does not. */
#define CNN_SELFTEST_TOLERANCE 1e-4

typedef struct cnn_checked {
    const char *sample;
    cnn_verdict verdict;
    cnn_distance distance; /* of the value that is furthest off */
    cnn_error reason;
} cnn_checked;

typedef void cnn_checked_fn(void *context, const cnn_checked *);

/* Runs each sample of samples.h once on the reference and on `backend` ("vulkan:1"), fallback
 * forbidden, and tells `each` how they compare. Fails where there is nothing to compare: a backend
 * that cannot be opened, no memory. [main] */
cnn_status cnn_selftest(cnn_registry *registry, const char *backend, cnn_checked_fn *each,
                        void *context, cnn_error *err);

#endif
