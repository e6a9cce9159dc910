/* The binary version of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html). */
#ifndef CNNRUN_PLUGINS_CIFAR10_FORMAT_H
#define CNNRUN_PLUGINS_CIFAR10_FORMAT_H

#include "datasets.h"

enum { CIFAR_CLASSES = 10, CIFAR_RECORD = 1 + 3 * 32 * 32 };

/* Records in a file of `size` bytes. */
static inline cnn_status cifar_records(uint64_t size, const char *file, int64_t *records,
                                       cnn_error *err)
{
    if (size == 0 || size % CIFAR_RECORD != 0)
        return cnn_fail(err, CNN_INVALID,
                        "%s has %" PRIu64 " bytes, no multiple of %d (a label and 3x32x32 pixels): "
                        "%" PRIu64 " are left over",
                        file, size, CIFAR_RECORD, size % CIFAR_RECORD);
    *records = (int64_t)(size / CIFAR_RECORD);
    return CNN_OK;
}

/* One name a line; cuts `text`, which has room for a 0 behind its `size` bytes. */
static inline cnn_status cifar_names(char *text, size_t size, const char *file,
                                     const char *names[CIFAR_CLASSES], cnn_error *err)
{
    size_t at = 0;
    text[size] = '\0';
    for (int i = 0; i < CIFAR_CLASSES; i++) {
        size_t length = strcspn(text + at, "\r\n");
        if (length == 0)
            return cnn_fail(err, CNN_INVALID, "%s has %d names of classes, not %d", file, i,
                            CIFAR_CLASSES);
        names[i] = text + at;
        at += length;
        size_t gap = strspn(text + at, "\r\n");
        text[at] = '\0';
        at += gap;
    }
    return CNN_OK;
}

#endif
