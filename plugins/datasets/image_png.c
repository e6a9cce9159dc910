/* PNG by libpng's simplified interface: every kind becomes 8-bit RGB, transparency lies on black.
 */
#include "image.h"

#include <png.h>

cnn_status image_png(const uint8_t *bytes, size_t size, const char *file, bool measure, image *out,
                     cnn_error *err)
{
    static const png_color black = { 0, 0, 0 };
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&png, bytes, size) == 0)
        return cnn_fail(err, CNN_INVALID, "cannot read %s: %s", file, png.message);
    out->width = png.width;
    out->height = png.height;
    cnn_status status = image_check_size(out->width, out->height, file, err);
    if (status != CNN_OK || measure) {
        png_image_free(&png);
        return status;
    }
    png.format = PNG_FORMAT_RGB;
    out->pixels = malloc(PNG_IMAGE_SIZE(png));
    if (out->pixels == NULL) {
        png_image_free(&png);
        return dataset_no_memory(err, file);
    }
    if (png_image_finish_read(&png, &black, out->pixels, 0, NULL) != 0)
        return CNN_OK;
    free(out->pixels);
    out->pixels = NULL;
    return cnn_fail(err, CNN_INVALID, "cannot read %s: %s", file, png.message);
}
