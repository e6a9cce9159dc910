/* resize, random_crop, hflip, shift, rotate: transforms that move pixels. They work on bytes and on
 * floats; what comes in from outside the image is 0. */
#include "transforms.h"

typedef struct resize_params {
    cnn_ints size;
    bool antialias;
} resize_params;

typedef struct crop_params {
    cnn_ints size;
    cnn_ints padding;
} crop_params;

typedef struct flip_params {
    double p;
} flip_params;

typedef struct shift_params {
    int64_t max;
} shift_params;

typedef struct rotate_params {
    double max;
} rotate_params;

enum { MAX_SIZE = 65536 };

static const cnn_param resize_table[] = {
    { CNN_FIELD(resize_params, size, INTS), .min = 1, .max = MAX_SIZE, .min_count = 1,
      .max_count = 2, .unit = "pixels",
      .help = "[height, width], or one number for the shorter side" },
    { CNN_FIELD(resize_params, antialias, BOOL), .def = "true",
      .help = "when shrinking, average over all pixels that fall into a new one" },
};

static const cnn_param crop_table[] = {
    { CNN_FIELD(crop_params, size, INTS), .flags = CNN_PARAM_OPTIONAL, .min = 1, .max = MAX_SIZE,
      .min_count = 1, .max_count = 2, .unit = "pixels",
      .help = "of the piece, one number or [height, width]; that of the image if not given" },
    { CNN_FIELD(crop_params, padding, INTS), .def = "4", .min = 0, .max = MAX_SIZE, .min_count = 1,
      .max_count = 2, .unit = "pixels",
      .help = "zeros around the image before the piece is cut, one number or [y, x]" },
};

static const cnn_param flip_table[] = {
    { CNN_FIELD(flip_params, p, FLOAT), .def = "0.5", .min = 0, .max = 1,
      .help = "probability of a flip" },
};

static const cnn_param shift_table[] = {
    { CNN_FIELD(shift_params, max, INT), .def = "2", .min = 0, .max = MAX_SIZE, .unit = "pixels",
      .help = "largest way, up, down, left and right" },
};

static const cnn_param rotate_table[] = {
    { CNN_FIELD(rotate_params, max, FLOAT), .def = "10", .min = 0, .max = 180, .unit = "degrees",
      .help = "largest angle, to either side" },
};

/* ---- pieces */

/* out[c][y][x] = in[c][y + dy][x + dx], 0 outside. */
static void window(const cnn_tensor *in, const cnn_tensor *out, int64_t dy, int64_t dx)
{
    size_t item = (size_t)cnn_dtype_size(in->type.dtype);
    int64_t h = in->type.dim[1], w = in->type.dim[2];
    int64_t oh = out->type.dim[1], ow = out->type.dim[2];
    int64_t first = dx < 0 ? -dx : 0, last = w - dx < ow ? w - dx : ow;
    memset(out->data, 0, (size_t)cnn_bytes(&out->type));
    if (first >= last)
        return;
    for (int64_t c = 0; c < in->type.dim[0]; c++) {
        for (int64_t y = 0; y < oh; y++) {
            if (y + dy < 0 || y + dy >= h)
                continue;
            const char *from = (const char *)in->data + (size_t)((c * h + y + dy) * w) * item;
            char *to = (char *)out->data + (size_t)((c * oh + y) * ow) * item;
            memcpy(to + (size_t)first * item, from + (size_t)(first + dx) * item,
                   (size_t)(last - first) * item);
        }
    }
}

static cnn_status same_size(const char *name, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    *out = *in;
    return transform_wants_image(name, in, err);
}

/* ---- random_crop */

static cnn_status infer_crop(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    const crop_params *p = params;
    cnn_status status = same_size("random_crop", in, out, err);
    for (uint32_t axis = 0; status == CNN_OK && axis < 2 && p->size.count > 0; axis++) {
        int64_t size = in->dim[1 + axis], want = p->size.v[p->size.count > 1 ? axis : 0];
        int64_t pad = p->padding.v[p->padding.count > 1 ? axis : 0];
        if (want > size + 2 * pad)
            return cnn_fail(err, CNN_INVALID,
                            "random_crop cannot cut a %s of %" PRId64 " from %" PRId64
                            " + 2*%" PRId64 " = %" PRId64,
                            axis == 0 ? "height" : "width", want, size, pad, size + 2 * pad);
        out->dim[1 + axis] = want;
    }
    return status;
}

static cnn_status apply_crop(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                             cnn_rng *rng, cnn_error *err)
{
    const crop_params *p = params;
    int64_t start[2];
    (void)err;
    for (uint32_t axis = 0; axis < 2; axis++) {
        int64_t pad = p->padding.v[p->padding.count > 1 ? axis : 0];
        int64_t room = in->type.dim[1 + axis] + 2 * pad - out->type.dim[1 + axis];
        start[axis] = (int64_t)cnn_rng_below(rng, (uint32_t)room + 1) - pad;
    }
    window(in, out, start[0], start[1]);
    return CNN_OK;
}

/* ---- hflip */

static cnn_status infer_flip(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    (void)params;
    return same_size("hflip", in, out, err);
}

static uint64_t turn_eight(uint64_t v)
{
    v = (v & 0x00ff00ff00ff00ffu) << 8 | (v >> 8 & 0x00ff00ff00ff00ffu);
    v = (v & 0x0000ffff0000ffffu) << 16 | (v >> 16 & 0x0000ffff0000ffffu);
    return v << 32 | v >> 32;
}

/* to[x] = from[n - 1 - x], eight bytes at a time. */
static void turn_bytes(const uint8_t *from, int64_t n, uint8_t *to)
{
    int64_t x = 0;
    for (; x + 8 <= n; x += 8) {
        uint64_t eight;
        memcpy(&eight, from + n - 8 - x, sizeof eight);
        eight = turn_eight(eight);
        memcpy(to + x, &eight, sizeof eight);
    }
    for (; x < n; x++)
        to[x] = from[n - 1 - x];
}

static void turn_numbers(const float *from, int64_t n, float *to)
{
    for (int64_t x = 0; x < n; x++)
        to[x] = from[n - 1 - x];
}

static cnn_status apply_flip(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                             cnn_rng *rng, cnn_error *err)
{
    const flip_params *p = params;
    (void)err;
    if ((double)cnn_rng_uniform(rng) >= p->p) {
        memcpy(out->data, in->data, (size_t)cnn_bytes(&in->type));
        return CNN_OK;
    }
    int64_t rows = in->type.dim[0] * in->type.dim[1], w = in->type.dim[2];
    for (int64_t i = 0; i < rows; i++) {
        if (in->type.dtype == CNN_U8)
            turn_bytes(cnn_u8(in) + i * w, w, cnn_u8(out) + i * w);
        else
            turn_numbers(cnn_f32(in) + i * w, w, cnn_f32(out) + i * w);
    }
    return CNN_OK;
}

/* ---- shift */

static cnn_status infer_shift(const void *params, const cnn_type *in, cnn_type *out, cnn_error *err)
{
    (void)params;
    return same_size("shift", in, out, err);
}

static cnn_status apply_shift(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                              cnn_rng *rng, cnn_error *err)
{
    const shift_params *p = params;
    (void)err;
    uint32_t ways = (uint32_t)(2 * p->max + 1);
    int64_t dy = (int64_t)cnn_rng_below(rng, ways) - p->max;
    int64_t dx = (int64_t)cnn_rng_below(rng, ways) - p->max;
    window(in, out, dy, dx);
    return CNN_OK;
}

/* ---- rotate */

static cnn_status infer_rotate(const void *params, const cnn_type *in, cnn_type *out,
                               cnn_error *err)
{
    (void)params;
    return same_size("rotate", in, out, err);
}

static float pixel(const cnn_tensor *in, int64_t c, int64_t y, int64_t x)
{
    int64_t h = in->type.dim[1], w = in->type.dim[2];
    if (y < 0 || y >= h || x < 0 || x >= w)
        return 0;
    return transform_get(in, (c * h + y) * w + x);
}

static float bilinear(const cnn_tensor *in, int64_t c, double y, double x)
{
    int64_t y0 = (int64_t)floor(y), x0 = (int64_t)floor(x);
    float fy = (float)(y - (double)y0), fx = (float)(x - (double)x0);
    float top = pixel(in, c, y0, x0) * (1 - fx) + pixel(in, c, y0, x0 + 1) * fx;
    float bottom = pixel(in, c, y0 + 1, x0) * (1 - fx) + pixel(in, c, y0 + 1, x0 + 1) * fx;
    return top * (1 - fy) + bottom * fy;
}

/* Counter-clockwise about the centre by an angle from U(-max, max): each new pixel looks where it
 * comes from. */
static cnn_status apply_rotate(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                               cnn_rng *rng, cnn_error *err)
{
    const rotate_params *p = params;
    (void)err;
    double angle =
        (2.0 * (double)cnn_rng_uniform(rng) - 1.0) * p->max * (3.14159265358979323846 / 180);
    double s = sin(angle), k = cos(angle);
    int64_t h = in->type.dim[1], w = in->type.dim[2];
    double cy = (double)(h - 1) / 2, cx = (double)(w - 1) / 2;
    for (int64_t c = 0; c < in->type.dim[0]; c++) {
        for (int64_t y = 0; y < h; y++) {
            for (int64_t x = 0; x < w; x++) {
                double v = (double)y - cy, u = (double)x - cx;
                float value = bilinear(in, c, cy + s * u + k * v, cx + k * u - s * v);
                transform_set(out, (c * h + y) * w + x, value);
            }
        }
    }
    return CNN_OK;
}

/* ---- resize */

static cnn_status infer_resize(const void *params, const cnn_type *in, cnn_type *out,
                               cnn_error *err)
{
    const resize_params *p = params;
    cnn_status status = same_size("resize", in, out, err);
    if (status != CNN_OK)
        return status;
    int64_t h = in->dim[1], w = in->dim[2], a = p->size.v[0];
    if (p->size.count > 1) {
        out->dim[1] = a;
        out->dim[2] = p->size.v[1];
    } else {
        out->dim[1] = h <= w ? a : a * h / w;
        out->dim[2] = h <= w ? a * w / h : a;
    }
    if (out->dim[1] > MAX_SIZE || out->dim[2] > MAX_SIZE)
        return cnn_fail(err, CNN_INVALID,
                        "resize of %" PRId64 "x%" PRId64 " would give %" PRId64 "x%" PRId64, h, w,
                        out->dim[1], out->dim[2]);
    return CNN_OK;
}

/* Which old pixels make a new one along an axis, as PyTorch counts: a triangle of half width
 * max(scale, 1) around the new pixel's centre, cut at the border and normalised. */
typedef struct taps {
    int64_t first, last; /* last is behind the end */
    double centre, width, sum;
} taps;

static double tap(const taps *t, int64_t i)
{
    double d = fabs(((double)i + 0.5 - t->centre) / t->width);
    return d < 1 ? 1 - d : 0;
}

static taps taps_at(int64_t i, int64_t from, int64_t to, bool antialias)
{
    double scale = (double)from / (double)to;
    taps t = { .centre = ((double)i + 0.5) * scale,
               .width = antialias && scale > 1 ? scale : 1,
               .sum = 0 };
    double low = t.centre - t.width + 0.5, high = t.centre + t.width + 0.5;
    t.first = low > 0 ? (int64_t)low : 0;
    t.last = high < (double)from ? (int64_t)high : from;
    for (int64_t k = t.first; k < t.last; k++)
        t.sum += tap(&t, k);
    return t;
}

static cnn_status apply_resize(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                               cnn_rng *rng, cnn_error *err)
{
    const resize_params *p = params;
    (void)rng;
    (void)err;
    int64_t h = in->type.dim[1], w = in->type.dim[2];
    int64_t oh = out->type.dim[1], ow = out->type.dim[2];
    for (int64_t y = 0; y < oh; y++) {
        taps ty = taps_at(y, h, oh, p->antialias);
        for (int64_t x = 0; x < ow; x++) {
            taps tx = taps_at(x, w, ow, p->antialias);
            for (int64_t c = 0; c < in->type.dim[0]; c++) {
                double sum = 0;
                for (int64_t i = ty.first; i < ty.last; i++)
                    for (int64_t k = tx.first; k < tx.last; k++)
                        sum += tap(&ty, i) * tap(&tx, k) *
                               (double)transform_get(in, (c * h + i) * w + k);
                transform_set(out, (c * oh + y) * ow + x, (float)(sum / (ty.sum * tx.sum)));
            }
        }
    }
    return CNN_OK;
}

// clang-format off
static const cnn_transform transforms[] = {
    { .c = CNN_COMPONENT(cnn_transform, "resize", sizeof(resize_params), CNN_TABLE(resize_table),
                         "Another size, bilinear.", "transform: [resize: [32, 32]]"),
      .infer = infer_resize, .apply = apply_resize },
    { .c = CNN_COMPONENT(cnn_transform, "random_crop", sizeof(crop_params), CNN_TABLE(crop_table),
                         "A random piece of the padded image.",
                         "augment: [random_crop: {padding: 4}]"),
      .infer = infer_crop, .apply = apply_crop },
    { .c = CNN_COMPONENT(cnn_transform, "hflip", sizeof(flip_params), CNN_TABLE(flip_table),
                         "Left and right change places, at random.", "augment: [hflip]"),
      .infer = infer_flip, .apply = apply_flip },
    { .c = CNN_COMPONENT(cnn_transform, "shift", sizeof(shift_params), CNN_TABLE(shift_table),
                         "Moves the image by a random number of pixels.", "augment: [shift: 2]"),
      .infer = infer_shift, .apply = apply_shift },
    { .c = CNN_COMPONENT(cnn_transform, "rotate", sizeof(rotate_params), CNN_TABLE(rotate_table),
                         "Turns the image by a random angle, bilinear.", "augment: [rotate: 15]"),
      .infer = infer_rotate, .apply = apply_rotate },
};
// clang-format on

CNN_PLUGIN(.name = "geometry", .version = TRANSFORM_VERSION, .license = TRANSFORM_LICENSE,
           .summary = "Transforms that move pixels", .transforms = CNN_TABLE(transforms));
