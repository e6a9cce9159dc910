/* Files of images in folders. */
#ifndef CNNRUN_PLUGINS_IMAGE_FILES_H
#define CNNRUN_PLUGINS_IMAGE_FILES_H

#include "datasets.h"

typedef struct image_names {
    char **items;
    size_t count;
} image_names;

bool image_is_folder(const char *path);

bool image_names_add(image_names *n, const char *name); /* false: no memory */
void image_names_free(image_names *n);

/* Sorted names of the folders, or of the images, in a folder; those with a dot in front are hidden.
 */
cnn_status image_list(const char *dir, bool folders, image_names *n, cnn_error *err);

/* A whole file; the caller frees *bytes, which is NULL after an error. */
cnn_status image_read_file(const char *path, uint8_t **bytes, size_t *size, cnn_error *err);

#endif
