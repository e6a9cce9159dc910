/* Files: whole reads with a limit, and writes that are there completely or not at all. */
#ifndef CNNRUN_BASE_FILE_H
#define CNNRUN_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <cnnrun/status.h>

#include "arena.h"

/* Reads a whole file of at most `limit` bytes into the arena, with a 0 behind it. Errors name the
 * path. */
cnn_status cnn_file_read(const char *path, size_t limit, cnn_arena *arena, char **data,
                         size_t *size, cnn_error *err);

/* Writes `path` by way of `path`.tmp.<pid>, fsync and rename; on failure the old file is untouched,
 * nothing is left. */
cnn_status cnn_file_write(const char *path, const void *data, size_t size, cnn_error *err);

/* The same in pieces. */
typedef struct cnn_writer cnn_writer;
cnn_status cnn_writer_open(const char *path, cnn_writer **writer, cnn_error *err);
cnn_status cnn_writer_add(cnn_writer *writer, const void *data, size_t size, cnn_error *err);
cnn_status cnn_writer_commit(cnn_writer *writer,
                             cnn_error *err); /* frees the writer, whatever happens */
void cnn_writer_abort(cnn_writer *writer);    /* removes the temporary file; accepts NULL */

/* mkdir -p. */
cnn_status cnn_make_dirs(const char *path, cnn_error *err);

#endif
