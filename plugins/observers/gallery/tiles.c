/* Numbers as tiles of square dots in a grid. */
#include "gallery.h"

#include <math.h>

enum {
    GAP = 4,                    /* clear pixels between tiles */
    COLUMNS = 8,                /* of tiles that have no order in two directions */
    MOST_PIXELS = 32 * 1000000, /* of one picture */
};

/* Pixels that a tile's longer side has, about. */
static const int64_t comfortable[] = {
    [CNN_PICTURE_IMAGE] = 224,
    [CNN_PICTURE_FILTERS] = 40,
    [CNN_PICTURE_MAPS] = 96,
    [CNN_PICTURE_HEAT] = 224,
};

/* Tiles of h x w numbers, rows x columns of them. */
typedef struct grid {
    int64_t h, w, rows, columns, scale;
} grid;

/* ---- colours ---- */

static uint8_t byte_of(double x)
{
    return x <= 0 ? 0 : x >= 1 ? 255 : (uint8_t)(x * 255 + 0.5);
}

static double between(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* Where a number lies between the palette's ends, from 0 on. */
static double place_of(const drawing *d, double number)
{
    return d->high > d->low ? (number - d->low) / (d->high - d->low) : 0;
}

static void signed_colour(double t, uint8_t rgba[4])
{
    static const double blue[3] = { 33 / 255.0, 102 / 255.0, 172 / 255.0 },
                        red[3] = { 178 / 255.0, 24 / 255.0, 43 / 255.0 };
    const double *end = t < 0 ? blue : red;
    for (int c = 0; c < 3; c++)
        rgba[c] = byte_of(1 + (end[c] - 1) * between(fabs(t)));
}

void gallery_colour(const drawing *d, double number, uint8_t rgba[4])
{
    rgba[3] = 255;
    if (!isfinite(number)) {
        rgba[0] = rgba[2] = 255;
        rgba[1] = 0;
    } else if (d->palette == PALETTE_SIGNED) {
        signed_colour(d->high > 0 ? number / d->high : 0, rgba);
    } else {
        double t = between(place_of(d, number));
        for (int c = 0; c < 3; c++)
            rgba[c] = byte_of(d->palette != PALETTE_HEAT ? t : c < 2 ? 2 * t - c : 0);
    }
}

/* ---- ranges ---- */

static int by_size(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return a < b ? -1 : a > b;
}

/* Ends of the numbers, and their 1st and 99th percentile (of few numbers: the ends again). */
static cnn_status measure(const float *numbers, int64_t n, drawing *d, double percentile[2],
                          cnn_error *err)
{
    float *sorted = malloc((size_t)n * sizeof *sorted);
    int64_t finite = 0;
    if (sorted == NULL)
        return cnn_fail(err, CNN_MEMORY, "not enough memory for a picture");
    for (int64_t i = 0; i < n; i++)
        if (isfinite(numbers[i]))
            sorted[finite++] = numbers[i];
    d->odd = finite < n;
    qsort(sorted, (size_t)finite, sizeof *sorted, by_size);
    if (finite > 0) {
        d->least = (double)sorted[0];
        d->most = (double)sorted[finite - 1];
        percentile[0] = (double)sorted[(finite - 1) / 100];
        percentile[1] = (double)sorted[finite - 1 - (finite - 1) / 100];
    }
    free(sorted);
    return CNN_OK;
}

static void choose_palette(const cnn_picture *p, drawing *d, const double percentile[2])
{
    bool image = p->kind == CNN_PICTURE_IMAGE, heat = p->kind == CNN_PICTURE_HEAT;
    d->low = image ? percentile[0] : heat ? 0 : d->least;
    d->high = image ? percentile[1] : d->most;
    d->palette = heat ? PALETTE_HEAT : image && p->type.dim[0] == 3 ? PALETTE_COLOUR : PALETTE_GREY;
    if (!image && !heat && (p->kind == CNN_PICTURE_FILTERS || d->least < 0)) {
        d->palette = PALETTE_SIGNED;
        d->high = fmax(fabs(d->least), fabs(d->most));
        d->low = -d->high;
    }
}

/* ---- pixels ---- */

static cnn_status make_pixels(const cnn_picture *p, const grid *g, pixels *out, cnn_error *err)
{
    const int64_t high = g->h * g->scale + GAP, wide = g->w * g->scale + GAP;
    bool fits = g->scale <= MOST_PIXELS && g->h <= MOST_PIXELS && g->w <= MOST_PIXELS &&
                high <= MOST_PIXELS / g->rows && wide <= MOST_PIXELS / g->columns &&
                high * g->rows <= MOST_PIXELS / (wide * g->columns);
    if (!fits) {
        (void)cnn_fail(err, CNN_INVALID, "the picture %s would have more than %d million pixels",
                       p->name, MOST_PIXELS / 1000000);
        cnn_hint(err, "a smaller --scale or --max-maps");
        return CNN_INVALID;
    }
    out->width = wide * g->columns - GAP;
    out->height = high * g->rows - GAP;
    out->rgba = calloc((size_t)(out->width * out->height), 4);
    return out->rgba != NULL ? CNN_OK
                             : cnn_fail(err, CNN_MEMORY, "not enough memory for a picture");
}

static uint8_t *pixel_at(const drawing *d, const grid *g, int64_t row, int64_t column, int64_t y,
                         int64_t x)
{
    int64_t top = row * (g->h * g->scale + GAP) + y;
    int64_t left = column * (g->w * g->scale + GAP) + x;
    return d->pixels.rgba + 4 * (top * d->pixels.width + left);
}

/* A tile of `planes` (1 or 3) planes of h x w numbers. */
static void draw_tile(const drawing *d, const grid *g, int64_t row, int64_t column,
                      const float *numbers, int64_t planes)
{
    for (int64_t y = 0; y < g->h * g->scale; y++)
        for (int64_t x = 0; x < g->w * g->scale; x++) {
            int64_t at = y / g->scale * g->w + x / g->scale;
            uint8_t *to = pixel_at(d, g, row, column, y, x), one[4];
            gallery_colour(d, (double)numbers[at], to);
            for (int64_t c = 1; c < planes; c++) {
                gallery_colour(d, (double)numbers[c * g->h * g->w + at], one);
                to[c] = one[c];
            }
        }
}

static int64_t scale_for(const cnn_picture *p, int64_t h, int64_t w)
{
    int64_t side = h > w ? h : w;
    if (p->scale > 0)
        return p->scale;
    return side < comfortable[p->kind] ? comfortable[p->kind] / side : 1;
}

static int64_t at_most(int64_t n, int64_t most)
{
    return most > 0 && n > most ? most : n;
}

/* ---- the kinds ---- */

static cnn_status draw_image(const cnn_picture *p, drawing *d, cnn_error *err)
{
    const int64_t *dim = p->type.dim;
    grid g = { dim[1], dim[2], 1, 1, scale_for(p, dim[1], dim[2]) };
    cnn_status status = make_pixels(p, &g, &d->pixels, err);
    if (status == CNN_OK)
        draw_tile(d, &g, 0, 0, p->numbers, dim[0]);
    return status;
}

static cnn_status draw_maps(const cnn_picture *p, drawing *d, cnn_error *err)
{
    const int64_t *dim = p->type.dim;
    d->all = dim[0];
    d->shown = at_most(dim[0], p->most);
    grid g = { dim[1], dim[2], (d->shown + COLUMNS - 1) / COLUMNS, at_most(d->shown, COLUMNS),
               scale_for(p, dim[1], dim[2]) };
    cnn_status status = make_pixels(p, &g, &d->pixels, err);
    for (int64_t i = 0; i < d->shown && status == CNN_OK; i++)
        draw_tile(d, &g, i / COLUMNS, i % COLUMNS, p->numbers + i * g.h * g.w, 1);
    return status;
}

/* A row for each output and a column for each channel; with one channel there is no such order. */
static cnn_status draw_filters(const cnn_picture *p, drawing *d, cnn_error *err)
{
    const int64_t *dim = p->type.dim;
    if (dim[1] == 1) {
        cnn_picture maps = *p;
        maps.type = cnn_type3(CNN_F32, dim[0], dim[2], dim[3]);
        return draw_maps(&maps, d, err);
    }
    d->all = dim[0];
    d->shown = at_most(dim[0], p->most);
    d->all_channels = dim[1];
    d->shown_channels = at_most(dim[1], p->most);
    grid g = { dim[2], dim[3], d->shown, d->shown_channels, scale_for(p, dim[2], dim[3]) };
    cnn_status status = make_pixels(p, &g, &d->pixels, err);
    for (int64_t o = 0; o < d->shown && status == CNN_OK; o++)
        for (int64_t c = 0; c < d->shown_channels; c++)
            draw_tile(d, &g, o, c, p->numbers + (o * dim[1] + c) * g.h * g.w, 1);
    return status;
}

/* The map stretched to height x width, between its numbers; the ends reach to the border. */
static double stretched(const float *map, const int64_t dim[2], double y, double x)
{
    double top = fmin(fmax(y * (double)dim[0] - 0.5, 0), (double)(dim[0] - 1));
    double left = fmin(fmax(x * (double)dim[1] - 0.5, 0), (double)(dim[1] - 1));
    int64_t y0 = (int64_t)top, x0 = (int64_t)left;
    int64_t y1 = y0 + 1 < dim[0] ? y0 + 1 : y0, x1 = x0 + 1 < dim[1] ? x0 + 1 : x0;
    double v = top - (double)y0, u = left - (double)x0;
    const float *above = map + y0 * dim[1], *below = map + y1 * dim[1];
    return (1 - v) * ((1 - u) * (double)above[x0] + u * (double)above[x1]) +
           v * ((1 - u) * (double)below[x0] + u * (double)below[x1]);
}

/* The image, and over it the heat: the hotter, the less of the image is left. */
static void lay_over(const cnn_picture *p, const drawing *d, const grid *g)
{
    static const double strength = 0.6;
    double high = (double)(g->h * g->scale), wide = (double)(g->w * g->scale);
    for (int64_t y = 0; y < g->h * g->scale; y++)
        for (int64_t x = 0; x < g->w * g->scale; x++) {
            double heat = stretched(p->numbers, p->type.dim, ((double)y + 0.5) / high,
                                    ((double)x + 0.5) / wide);
            double share = strength * between(place_of(d, heat));
            uint8_t *to = pixel_at(d, g, 0, 1, y, x), hot[4];
            gallery_colour(d, heat, hot);
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)((1 - share) * to[c] + share * hot[c] + 0.5);
        }
}

/* Three tiles: the image, the heat over it, the heat alone as it was worked out. */
static cnn_status draw_heat(const cnn_picture *p, drawing *d, cnn_error *err)
{
    const int64_t *dim = p->under_type.dim;
    drawing image = { .palette = dim[0] == 3 ? PALETTE_COLOUR : PALETTE_GREY };
    double ends[2] = { 0, 0 };
    grid g = { dim[1], dim[2], 1, 3, scale_for(p, dim[1], dim[2]) };
    cnn_status status = measure(p->under, cnn_count(&p->under_type), &image, ends, err);
    if (status == CNN_OK)
        status = make_pixels(p, &g, &d->pixels, err);
    if (status != CNN_OK)
        return status;
    image.low = ends[0];
    image.high = ends[1];
    image.pixels = d->pixels;
    draw_tile(&image, &g, 0, 0, p->under, dim[0]);
    draw_tile(&image, &g, 0, 1, p->under, dim[0]);
    lay_over(p, d, &g);
    for (int64_t y = 0; y < g.h * g.scale; y++)
        for (int64_t x = 0; x < g.w * g.scale; x++) {
            int64_t row = y * p->type.dim[0] / (g.h * g.scale);
            int64_t column = x * p->type.dim[1] / (g.w * g.scale);
            gallery_colour(d, (double)p->numbers[row * p->type.dim[1] + column],
                           pixel_at(d, &g, 0, 2, y, x));
        }
    return CNN_OK;
}

static bool is_image(const cnn_type *type)
{
    return type->rank == 3 && (type->dim[0] == 1 || type->dim[0] == 3);
}

cnn_status gallery_draw(const cnn_picture *p, drawing *out, cnn_error *err)
{
    static const struct {
        uint32_t rank;
        cnn_status (*draw)(const cnn_picture *, drawing *, cnn_error *);
    } kinds[] = {
        [CNN_PICTURE_IMAGE] = { 3, draw_image },
        [CNN_PICTURE_FILTERS] = { 4, draw_filters },
        [CNN_PICTURE_MAPS] = { 3, draw_maps },
        [CNN_PICTURE_HEAT] = { 2, draw_heat },
    };
    double percentile[2] = { 0, 0 };
    memset(out, 0, sizeof *out);
    if (p->kind == 0 || p->kind >= sizeof kinds / sizeof kinds[0] ||
        p->type.rank != kinds[p->kind].rank || cnn_count(&p->type) < 1 ||
        (p->kind == CNN_PICTURE_IMAGE && !is_image(&p->type)) ||
        (p->kind == CNN_PICTURE_HEAT && !is_image(&p->under_type)))
        return cnn_fail(err, CNN_INVALID, "the picture %s is of no known kind", p->name);
    cnn_status status = measure(p->numbers, cnn_count(&p->type), out, percentile, err);
    if (status != CNN_OK)
        return status;
    choose_palette(p, out, percentile);
    return kinds[p->kind].draw(p, out, err);
}
