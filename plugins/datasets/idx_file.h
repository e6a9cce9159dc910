/* IDX files on disk, plain or gzipped. */
#ifndef CNNRUN_PLUGINS_IDX_FILE_H
#define CNNRUN_PLUGINS_IDX_FILE_H

#include "idx_format.h"
#include "mapped.h"

/* Opens a file, plain or gzipped, and checks its header against its size. */
cnn_status idx_read_header(const char *path, idx_header *h, cnn_error *err);

/* All elements, into memory that the caller frees. */
cnn_status idx_read_elements(const char *path, const idx_header *h, uint8_t **data, cnn_error *err);

/* Maps a plain file, header included. A packed one, or one that cannot be mapped, leaves
 * map->bytes NULL. */
void idx_map(const char *path, const idx_header *h, mapped_file *map);
void idx_unmap(mapped_file *map);

#endif
