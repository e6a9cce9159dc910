/* A string that grows. Used by printers and messages; `data` is always terminated. */
#ifndef CNNRUN_BASE_TEXT_H
#define CNNRUN_BASE_TEXT_H

#include <stddef.h>

#include <cnnrun/status.h>

typedef struct cnn_text {
    char *data; /* malloc'd; NULL while empty: use cnn_text_get */
    size_t length;
    size_t capacity;
} cnn_text;

CNN_PRINTF(2, 3)
void cnn_text_add(cnn_text *text, const char *format, ...);
void cnn_text_add_bytes(cnn_text *text, const char *bytes, size_t count);
/* Appends s as a JSON string with quotes and escapes. */
void cnn_text_add_json(cnn_text *text, const char *s);
const char *cnn_text_get(const cnn_text *text); /* "" while empty */
void cnn_text_free(cnn_text *text);

#endif
