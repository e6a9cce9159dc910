/* Results and errors. Every fallible call returns a cnn_status and fills the caller's cnn_error. */
#ifndef CNNRUN_STATUS_H
#define CNNRUN_STATUS_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CNN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CNN_PRINTF(text, first)
#endif

typedef enum cnn_status {
    CNN_OK = 0,
    CNN_INVALID,     /* the pipeline, its options or its data are wrong */
    CNN_MISSING,     /* a plugin, device or driver is not there */
    CNN_UNSUPPORTED, /* right, but this part cannot do it */
    CNN_IO,          /* a file is not there, or reading or writing it failed */
    CNN_MEMORY,      /* not enough memory */
    CNN_DIVERGED,    /* a number stopped being finite */
    CNN_INTERRUPTED, /* the user asked to stop */
    CNN_INTERNAL,    /* a bug: an invariant of ours is broken */
} cnn_status;

/* Owned by the caller, usually on its stack; no allocation, no deleter. Text is UTF-8, one
 * sentence, no newline at the end; `hint` is what the user can do about it, or empty. */
typedef struct cnn_error {
    char text[1024];
    char hint[512];
} cnn_error;

/* Fills *err (which may be NULL) and returns `status`, so that `return cnn_fail(err, ...)` reads
 * well. Any thread. */
CNN_PRINTF(3, 4)
static inline cnn_status cnn_fail(cnn_error *err, cnn_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        err->hint[0] = '\0';
    }
    return status;
}

/* Adds the remedy to an error that is already filled. Any thread. */
CNN_PRINTF(2, 3)
static inline void cnn_hint(cnn_error *err, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->hint, sizeof err->hint, format, args);
        va_end(args);
    }
}

#ifdef __cplusplus
}
#endif
#endif
