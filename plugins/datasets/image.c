/* Which format, how large, and from RGB to planes. */
#include "image.h"

#include <math.h>

cnn_status image_check_size(int64_t width, int64_t height, const char *file, cnn_error *err)
{
    if (width >= 1 && height >= 1 && width <= DATASET_MAX_DIM && height <= DATASET_MAX_DIM &&
        width * height <= IMAGE_MAX_PIXELS)
        return CNN_OK;
    return cnn_fail(err, CNN_INVALID,
                    "%s says that it is %" PRId64 " x %" PRId64 " pixels; %" PRId64
                    " pixels are the most",
                    file, height, width, IMAGE_MAX_PIXELS);
}

static cnn_status any_format(const uint8_t *bytes, size_t size, const char *file, bool measure,
                             image *out, cnn_error *err)
{
    static const uint8_t png[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    memset(out, 0, sizeof *out);
    if (size >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return image_png(bytes, size, file, measure, out, err);
    if (size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff)
        return image_jpeg(bytes, size, file, measure, out, err);
    return cnn_fail(err, CNN_INVALID, "%s is neither PNG nor JPEG", file);
}

cnn_status image_measure(const uint8_t *bytes, size_t size, const char *file, image_size *out,
                         cnn_error *err)
{
    image found;
    cnn_status status = any_format(bytes, size, file, true, &found, err);
    out->width = found.width;
    out->height = found.height;
    return status;
}

cnn_status image_decode(const uint8_t *bytes, size_t size, const char *file, image *out,
                        cnn_error *err)
{
    return any_format(bytes, size, file, false, out, err);
}

/* 0.299 R + 0.587 G + 0.114 B in sixteenths of a thousandth, rounded. */
static uint8_t luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

static uint8_t sample(const image *from, int64_t channels, int64_t c, int64_t y, int64_t x)
{
    const uint8_t *rgb = from->pixels + (y * from->width + x) * 3;
    return channels == 1 ? luma(rgb) : rgb[c];
}

/* Old pixels around `centre`, weighted by a triangle of half width max(scale, 1): bilinear when
 * growing, an average over all that falls into the new pixel when shrinking. */
typedef struct taps {
    int64_t first, last; /* last is behind the end */
    double centre, width, sum;
} taps;

static double tap(const taps *t, int64_t i)
{
    double d = fabs(((double)i + 0.5 - t->centre) / t->width);
    return d < 1 ? 1 - d : 0;
}

static taps taps_at(double centre, double scale, int64_t size)
{
    taps t = { .centre = centre, .width = scale > 1 ? scale : 1, .sum = 0 };
    double low = centre - t.width + 0.5, high = centre + t.width + 0.5;
    t.first = low > 0 ? (int64_t)low : 0;
    t.last = high < (double)size ? (int64_t)high : size;
    for (int64_t k = t.first; k < t.last; k++)
        t.sum += tap(&t, k);
    return t;
}

static uint8_t mean(const image *from, int64_t channels, int64_t c, const taps *ty, const taps *tx)
{
    double sum = 0;
    for (int64_t i = ty->first; i < ty->last; i++)
        for (int64_t k = tx->first; k < tx->last; k++)
            sum += tap(ty, i) * tap(tx, k) * (double)sample(from, channels, c, i, k);
    return (uint8_t)(sum / (ty->sum * tx->sum) + 0.5);
}

void image_to_planes(const image *from, int64_t channels, int64_t h, int64_t w, uint8_t *to)
{
    double scale = fmin((double)from->height / (double)h, (double)from->width / (double)w);
    bool same = from->height == h && from->width == w;
    for (int64_t y = 0; y < h; y++) {
        double cy = (double)from->height / 2 + ((double)y + 0.5 - (double)h / 2) * scale;
        taps ty = taps_at(cy, scale, from->height);
        for (int64_t x = 0; x < w; x++) {
            double cx = (double)from->width / 2 + ((double)x + 0.5 - (double)w / 2) * scale;
            taps tx = taps_at(cx, scale, from->width);
            for (int64_t c = 0; c < channels; c++)
                to[(c * h + y) * w + x] =
                    same ? sample(from, channels, c, y, x) : mean(from, channels, c, &ty, &tx);
        }
    }
}
