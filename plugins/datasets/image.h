/* Images from PNG and JPEG bytes. */
#ifndef CNNRUN_PLUGINS_IMAGE_H
#define CNNRUN_PLUGINS_IMAGE_H

#include "datasets.h"

/* Largest picture that is unpacked, in pixels: 400 MB as RGB. */
#define IMAGE_MAX_PIXELS ((int64_t)1 << 27)

typedef struct image {
    int64_t width, height;
    uint8_t *pixels; /* RGB, [height][width][3]; malloc'd */
} image;

typedef struct image_size {
    int64_t width, height;
} image_size;

/* Both look at the bytes, not at the name; `file` is for messages. */
cnn_status image_measure(const uint8_t *bytes, size_t size, const char *file, image_size *out,
                         cnn_error *err);
cnn_status image_decode(const uint8_t *bytes, size_t size, const char *file, image *out,
                        cnn_error *err);

/* One for each format; `out` without pixels (pixels == NULL) after an error. measure: only width
 * and height. */
cnn_status image_png(const uint8_t *bytes, size_t size, const char *file, bool measure, image *out,
                     cnn_error *err);
cnn_status image_jpeg(const uint8_t *bytes, size_t size, const char *file, bool measure, image *out,
                      cnn_error *err);

/* Width and height that a file claims, before anything is allocated. */
cnn_status image_check_size(int64_t width, int64_t height, const char *file, cnn_error *err);

/* Writes the image as planes [channels][h][w]; 1 channel is the luma of ITU-R BT.601. An image of
 * another size is scaled to cover h x w and cut evenly. */
void image_to_planes(const image *from, int64_t channels, int64_t h, int64_t w, uint8_t *to);

#endif
