/* Diagnostics: all errors of a pipeline, each with its place, printed together. */
#ifndef CNNRUN_BASE_DIAG_H
#define CNNRUN_BASE_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include <cnnrun/status.h>

#include "arena.h"

/* A text that places point into: a file, or an override from the command line. */
typedef struct cnn_source {
    const char *name; /* as the user typed the path, or "command line" */
    const char *text; /* whole contents, for the caret; may be NULL */
    size_t length;
} cnn_source;

typedef struct cnn_place {
    const cnn_source *source; /* NULL: nowhere in particular */
    int line;                 /* from 1 */
    int column;               /* from 1, in UTF-8 characters */
} cnn_place;

typedef struct cnn_diag {
    cnn_place place;
    bool warning;
    const char *text;
    const char *hint;  /* printed as "hint: ..." behind the source line, or NULL */
    const char *trail; /* further lines (arithmetic, blocks, the way of the shapes), or NULL */
} cnn_diag;

typedef struct cnn_diags {
    cnn_arena *arena;
    cnn_diag *items;
    size_t count;
    size_t errors; /* without the warnings */
} cnn_diags;

/* Adds one and returns it, so that hint and trail can be set. An error equal to an earlier one
 * (same place, same text) is not added twice. */
CNN_PRINTF(3, 4)
cnn_diag *cnn_diag_error(cnn_diags *diags, cnn_place place, const char *format, ...);
CNN_PRINTF(3, 4)
cnn_diag *cnn_diag_warning(cnn_diags *diags, cnn_place place, const char *format, ...);
CNN_PRINTF(3, 4)
void cnn_diag_hint(cnn_diags *diags, cnn_diag *diag, const char *format, ...);

/* file:line:col: error: text / source line / caret / hint / trail, in order of appearance. */
void cnn_diags_print(const cnn_diags *diags, FILE *out);

/* The entry of `words` nearest to `word` (Damerau-Levenshtein, at most a third of its length
 * wrong), or NULL. */
const char *cnn_did_you_mean(const char *word, const char *const *words, size_t count);

#endif
