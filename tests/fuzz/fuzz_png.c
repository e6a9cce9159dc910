/* PNG files, decoded completely. */
#include "fuzz.h"

#include "../../plugins/datasets/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    image picture = { 0, 0, NULL };
    image_size measured;
    cnn_error err;
    if (image_measure(data, size, "f", &measured, &err) != CNN_OK ||
        measured.width * measured.height > 1 << 20)
        return 0; /* larger ones only cost time */
    if (image_png(data, size, "f", false, &picture, &err) == CNN_OK) {
        uint8_t planes[3 * 8 * 8];
        image_to_planes(&picture, 3, 8, 8, planes);
    }
    free(picture.pixels);
    return 0;
}
