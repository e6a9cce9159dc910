/* What the files of `gallery` share: numbers become pixels (tiles.c), pixels a PNG (png.c), PNGs a
 * page (page.c), and all of it a folder (gallery.c). */
#ifndef CNNRUN_PLUGINS_GALLERY_H
#define CNNRUN_PLUGINS_GALLERY_H

#include <cnnrun/plugin.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* 8-bit RGBA, rows from the top. Between tiles it is clear. */
typedef struct pixels {
    int64_t width, height;
    uint8_t *rgba; /* malloc'd */
} pixels;

typedef enum palette {
    PALETTE_GREY,   /* low black, high white */
    PALETTE_SIGNED, /* -high blue, 0 white, high red */
    PALETTE_HEAT,   /* 0 black, red, high yellow */
    PALETTE_COLOUR, /* three channels */
} palette;

/* What a caption has to say. */
typedef struct drawing {
    pixels pixels;
    palette palette;
    double low, high;                     /* that the palette's ends stand for */
    double least, most;                   /* finite numbers of the picture, drawn or not */
    bool odd;                             /* some numbers are not finite: drawn magenta */
    int64_t shown, all;                   /* maps, or outputs of filters */
    int64_t shown_channels, all_channels; /* of filters */
} drawing;

/* Draws a picture; CNN_INVALID if it would be too large or is nothing of that kind. */
cnn_status gallery_draw(const cnn_picture *picture, drawing *out, cnn_error *err);

/* A palette's colour for a number; rgba[3] is 255. */
void gallery_colour(const drawing *d, double number, uint8_t rgba[4]);

/* *bytes is malloc'd. */
cnn_status gallery_png(const pixels *of, const char *file, uint8_t **bytes, size_t *size,
                       cnn_error *err);

/* The page, piece by piece. */
void gallery_page_begin(FILE *f, const char *pipeline, const char *backend, const char *weights);
void gallery_page_section(FILE *f, const char *title, bool first);
void gallery_page_picture(FILE *f, const cnn_picture *picture, const drawing *d, const uint8_t *png,
                          size_t size);
void gallery_page_end(FILE *f, bool any);

#endif
