/* PNG by libpng's simplified interface. */
#include "gallery.h"

#include <png.h>

cnn_status gallery_png(const pixels *of, const char *file, uint8_t **bytes, size_t *size,
                       cnn_error *err)
{
    png_image png;
    png_alloc_size_t room = 0;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    png.width = (png_uint_32)of->width;
    png.height = (png_uint_32)of->height;
    png.format = PNG_FORMAT_RGBA;
    *bytes = NULL;
    if (png_image_write_to_memory(&png, NULL, &room, 0, of->rgba, 0, NULL) == 0)
        return cnn_fail(err, CNN_INTERNAL, "cannot make %s: %s", file, png.message);
    *bytes = malloc(room);
    if (*bytes == NULL)
        return cnn_fail(err, CNN_MEMORY, "not enough memory for %s", file);
    if (png_image_write_to_memory(&png, *bytes, &room, 0, of->rgba, 0, NULL) != 0) {
        *size = room;
        return CNN_OK;
    }
    free(*bytes);
    *bytes = NULL;
    return cnn_fail(err, CNN_INTERNAL, "cannot make %s: %s", file, png.message);
}
