/* peak: what this machine's processors can do at most, measured, to hold layers against. */
#ifndef CNNRUN_PEAK_H
#define CNNRUN_PEAK_H

#include <cnnrun/host.h>

typedef struct cnn_peak {
    double flops; /* of float multiply-adds in registers, two each, a second, all threads */
    double bytes; /* read and written a second by copying what no cache holds */
} cnn_peak;

/* Takes about a tenth of a second. `bytes` is 0 without memory for it. [main] */
cnn_peak cnn_peak_measure(const cnn_host *host);

#endif
