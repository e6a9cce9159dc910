/* Numbers of one format, so that they stand below each other. */
#ifndef CNNRUN_EXPLAIN_PAGE_NUMBER_H
#define CNNRUN_EXPLAIN_PAGE_NUMBER_H

#include "explain/page.h"

typedef struct cnn_number_format {
    int decimals; /* -1: with an exponent */
} cnn_number_format;

/* For numbers[0], numbers[stride], ...: n of them; `digits` of the largest. */
cnn_number_format cnn_number_format_of(const double *numbers, int64_t n, int64_t stride,
                                       int digits);
void cnn_number_write(cnn_number_format format, double value, char *out); /* CNN_NUMBER_SIZE */

#endif
