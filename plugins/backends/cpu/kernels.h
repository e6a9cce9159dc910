/* What the planner asks of the kernels, whichever instruction set they are built for.
 *
 * Images lie side by side in the lanes of a vector: a *tile* is `lanes` images, and element
 * (c, y, x) of image l of a value [N,C,H,W] is
 *     p[((c * plane + y * row + x) * lanes) + l]
 * with strides counted in vectors. A row may have margins: columns left and right of it that hold
 * zeros and stand for a convolution's padding (`row` is w plus both margins). */
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include <cnnrun/ops.h>

/* Extent and strides (in vectors) of an operand. Values of other ranks: [N] is (1,1,1), [N,A] is
 * (A,1,1), [N,A,B] is (A,1,B); more than four axes fold into h. */
typedef struct cpu_view {
    int64_t c, h, w, row, plane;
} cpu_view;

enum { CPU_MAX_OPERANDS = 20 };

/* The part of the batch that a call works on. */
typedef struct cpu_tile {
    int64_t first;  /* number of its first image in the batch */
    int64_t images; /* in use, from lane 0; `lanes` but for the last tile. What the other lanes hold
                       is never seen by anybody; sums over images leave them out */
} cpu_tile;

/* p[i] is the first element of operand i: inputs, then outputs. [a thread of the pool] */
typedef void (*cpu_kernel)(const void *params, void *const *p, const cpu_tile *tile);

/* Parameters of all kernels but conv, weight_grad and map. */
typedef struct cpu_params {
    cpu_view view[CPU_MAX_OPERANDS]; /* of p[i] */
    const void *attrs;               /* the op's own */
    int32_t axis;                    /* 0 c, 1 h, 2 w: softmax, argmax */
    int32_t axes;                    /* bit mask of the same: reduce */
    int32_t perm[3];                 /* transpose: out axis i is in axis perm[i] */
    int32_t left, right;             /* zero_margins: columns */
    int32_t from, to;                /* cast: cnn_dtype */
} cpu_params;

/* ---- convolutions and matrix products: y[o](pos) = bias[o] + sum over taps w[tap][o] x(pos + tap)
 * Forward, the gradient with respect to the input and matmul are all this, with other tables. A
 * register block is `height` channels of y times `width` columns of one row. */
typedef struct cpu_conv_block { /* channels of y in one group */
    int32_t first, height;
    int32_t shape;   /* which of the spans go with this height */
    int64_t weights; /* its packed weights [taps of the group][height], in those of the group */
} cpu_conv_block;

/* A set of taps that some rows and columns share: those that lie inside the image there. */
typedef struct cpu_conv_taps {
    int32_t count;
    const int64_t *x; /* per tap: offset in x from (row, column) 0 of the window, floats */
    const int32_t *w; /* per tap: its number among all taps of the group */
} cpu_conv_taps;

/* `repeat` register blocks of `width` columns, one after the other. */
typedef struct cpu_conv_span {
    int32_t column, width, repeat;
    int32_t taps; /* of cpu_conv_params.taps */
} cpu_conv_span;

typedef struct cpu_conv_row {
    int64_t y, x; /* offsets of column 0: in a channel of y, in a group of x; floats */
    int32_t line; /* which spans it is made of */
} cpu_conv_row;

typedef struct cpu_conv_params {
    int32_t groups, n_blocks, n_rows, n_shapes;
    int64_t x_group, y_group, w_group; /* from group to group: floats, channels, floats */
    int64_t x_step, y_step;            /* from column to column of a row, floats */
    int64_t y_plane;                   /* from channel to channel of y, floats */
    const cpu_conv_block *blocks;      /* of one group */
    const cpu_conv_row *rows;
    const int32_t *lines; /* [line][shape][2]: first span and number of them */
    const cpu_conv_span *spans;
    const cpu_conv_taps *taps;
    int32_t channels, parts; /* of x per group; ranges of them, one after the other for a row */
    bool rows_outside;       /* all blocks for a row, or all rows for a block: then parts is 1 */
    bool has_bias, has_add;  /* p: x, packed weights[, bias][, add, which lies like y], y */
    bool clamps;             /* the result to [low, high]; NaN stays */
    float low, high;
} cpu_conv_params;

/* ---- few images (small.h): lanes are channels, and one image is shared out among the threads.
 * y[v](pos) = bias[v] + sum over taps and input channels; a register block is `height` vectors of
 * channels of y times up to `width` columns of a row. A tap is a vector of x: all of its lanes are
 * input channels, or the first few. Weights: [tap][lane of x][height][lane of y]. Offsets and steps
 * in floats. */
typedef struct cpu_channel_conv {
    const float *x, *w, *bias, *add; /* of the first column; bias and add may be NULL */
    float *y;
    const int64_t *taps;     /* offsets in x, those that read whole vectors first */
    int32_t n_whole, n_rest; /* taps that read all lanes, and `rest` of them */
    int32_t rest;
    int64_t x_step;               /* from column to column */
    int64_t y_vector, add_vector; /* from vector of channels to the next */
    int32_t height;               /* or CPU_DEPTHWISE: each lane for itself, weights [tap][lane] */
    int32_t width, n_wide, n_narrow; /* blocks of `width` columns, then of one column less */
    bool clamps;                     /* the result to [low, high]; NaN stays */
    float low, high;
} cpu_channel_conv;

enum { CPU_DEPTHWISE = 0, CPU_CHANNEL_HEIGHT = 4, CPU_CHANNEL_WIDTH = 16 };

/* Patches of 6 x 6 for tiles of 4 x 4 results, transformed: 36 numbers each. A row of tiles of one
 * vector of channels. */
enum { CPU_WINOGRAD_TILE = 4, CPU_WINOGRAD_POINTS = 36 };

/* The points are 0, +-a, +-b and infinity: with the roots of 1/2 and 2 the transforms' numbers are
 * all about as large, and errors are half of those with 1 and 2, or less. */
#define CPU_WINOGRAD_A 0.70710678118654752440f
#define CPU_WINOGRAD_B 1.41421356237309504880f

/* Vectors from point to point: not a power of two of them, or all points of a patch would want the
 * same few lines of the first cache. */
static inline int64_t cpu_winograd_point(int64_t channels, int64_t tiles)
{
    return channels * tiles + 3;
}

typedef struct cpu_winograd_in {
    const float *x;                  /* pixel (0, 0) */
    int64_t row;                     /* floats */
    int64_t first_row, first_column; /* of the first patch */
    int64_t y0, y1, x0, x1;          /* what may be read; all else is zero */
    int32_t tiles;
    float *v;      /* [point][tile][lane] */
    int64_t point; /* floats from point to point */
} cpu_winograd_in;

typedef struct cpu_winograd_out {
    const float *m; /* [point][tile][lane] */
    int64_t point;
    int32_t tiles;
    int64_t rows, columns;            /* of results that exist */
    int64_t y_row, add_row;           /* floats */
    const cpu_channel_conv *epilogue; /* bias, add, y, clamps */
} cpu_winograd_out;

/* The same for tiles of images: p: x, packed weights [point][block][channel of x][height][, bias]
 * [, add, which lies like y], y, and room for the points of x and of y. */
typedef struct cpu_winograd_params {
    cpu_view x, y;
    int32_t left, right;                      /* margins of x */
    int32_t pad[2];                           /* above, left */
    int32_t tile_rows, tile_columns, at_once; /* at_once: rows of tiles */
    int32_t n_blocks;
    const cpu_conv_block *blocks;
    int32_t width[2];   /* of register blocks, by shape */
    cpu_conv_taps taps; /* channels of x, as many tiles apart as are worked on at once */
    int64_t packed;     /* floats of a point's weights */
    bool has_bias, has_add, clamps;
    float low, high;
} cpu_winograd_params;

/* dw[o][tap] += sum over images and positions of dy[o](pos) x(pos + tap); p: x, dy, dw. dw is plain
 * memory, [O][taps of the group]. A register block is `height` channels of dy times up to `width`
 * taps that see the same rows; blocks do not cross a chunk of taps, whose sums are kept while
 * strips of rows go by. */
enum { CPU_WEIGHT_GRAD_HEIGHT = 8, CPU_WEIGHT_GRAD_WIDTH = 4, CPU_WEIGHT_GRAD_CHUNK = 48 };

typedef struct cpu_weight_grad_block {
    int32_t first, width; /* taps */
    int32_t y0, y1;       /* rows of dy that see them */
} cpu_weight_grad_block;

typedef struct cpu_weight_grad_params {
    int32_t groups, channels; /* of dy per group */
    int32_t n_taps, n_blocks;
    int64_t x_group, dy_plane; /* floats */
    int32_t rows, columns;     /* of dy */
    const int32_t (*at)[2];    /* per position of dy: its offset in a plane of dy, and in x */
    int32_t height, width;     /* of a register block: channels of dy, taps */
    int32_t strip;             /* rows of dy that are worked on before the next ones */
    const int64_t *x;          /* per tap: offset in x for dy (0, 0), floats */
    const cpu_weight_grad_block *blocks;
} cpu_weight_grad_params;

/* ---- map: an expression over rows of vectors */
typedef enum cpu_stream {
    CPU_STREAM_VECTOR, /* of vectors: the next one for each x */
    CPU_STREAM_SAME,   /* one vector for all x of a row */
    CPU_STREAM_SPLAT,  /* one float for all x and images of a row */
    CPU_STREAM_EACH,   /* the next float for each x, for all images */
} cpu_stream;

typedef struct cpu_map_operand {
    int64_t c, h;   /* strides, in vectors or floats according to the stream */
    int32_t stream; /* cpu_stream */
} cpu_map_operand;

/* One instruction: register dst = op(a, b, c); operands that op does not take repeat a. Registers
 * [0, n_in) are the inputs, then the constants, then results. The last instruction writes the
 * output. */
typedef struct cpu_map_code {
    uint16_t op; /* cnn_term_op, or one of cpu_map_op */
    uint16_t dst, a, b, c;
} cpu_map_code;

/* What pays to do in one pass; t is a sum. */
typedef enum cpu_map_op {
    CPU_MAP_RELU = 64,   /* a <= 0 ? 0 : a */
    CPU_MAP_GATE,        /* a <= 0 ? 0 : b */
    CPU_MAP_MULADD,      /* a * b + c */
    CPU_MAP_MULSUB,      /* c - a * b */
    CPU_MAP_ADD_RELU,    /* t = a + b; t <= 0 ? 0 : t */
    CPU_MAP_MULADD_RELU, /* t = a * b + c; t <= 0 ? 0 : t */
    CPU_MAP_COPY,
} cpu_map_op;

enum { CPU_MAP_REGISTERS = 96 };

typedef struct cpu_map_params {
    cpu_view
        out; /* c, h and w are what is walked over; rows that touch are joined by the planner */
    uint32_t n_in, n_constants, n_code;
    const cpu_map_operand *in;
    const float *constants;
    const cpu_map_code *code;
} cpu_map_params; /* p: the inputs, the output (which may be one of them), none of them aligned to
                     more than a float: rows of images begin anywhere */

typedef struct cpu_kernels {
    const char *name; /* "avx512", "avx2", "baseline" */
    int32_t lanes;
    int32_t registers; /* vector registers: what the register blocks have to fit in */
    bool (*has_block)(int64_t height, int64_t width); /* of conv: is there such a one? */
    cpu_kernel conv, winograd, weight_grad, map;
    bool (*has_channels)(int64_t height, int64_t width); /* of channels */
    void (*channels)(const cpu_channel_conv *);
    void (*winograd_in)(const cpu_winograd_in *);
    void (*winograd_out)(const cpu_winograd_out *);
    /* y[i] = x . w[i], rows of k floats. */
    void (*dots)(const float *x, const float *w, float *y, int64_t k, int64_t rows);

    /* plain memory [N,...] <-> tiles, floats or int32; p: from, to. view[1] / view[0] is the
     * tile's; the plain side is dense. gather writes 0 in lanes without an image. */
    cpu_kernel gather, scatter;
    cpu_kernel copy;         /* p: x, y; the same extents, other strides */
    cpu_kernel zero_margins; /* p: x; params left, right */
    cpu_kernel mask;         /* p: x; zeros in lanes without an image */
    cpu_kernel transpose;    /* p: x, y */
    cpu_kernel cast;         /* p: x, y; f32 and i32, the reference's rules */

    cpu_kernel max_pool, max_pool_grad; /* p: x, y / x, dy, dx */
    cpu_kernel avg_pool, avg_pool_grad; /* p: x, y / dy, dx */
    cpu_kernel pad, pad_grad;           /* p: x, y / dy, dx */
    cpu_kernel resize, resize_grad;     /* p: x, y / dy, dx */

    cpu_kernel softmax, softmax_grad; /* p: x, y / y, dy, dx; along params.axis */
    cpu_kernel cross_entropy;         /* p: x, target i32 (view: c = 1, h and w of x), loss */
    cpu_kernel cross_entropy_grad;    /* p: x, target, dloss, dx */
    cpu_kernel argmax;                /* p: x, y i32 */

    /* p: x, y. Over params.axes for each image (sum, mean, max) ... */
    cpu_kernel reduce;
    /* ... and over the images too: y is plain float [what is kept of c, h, w], to which the tile's
     * sum is added (kind sum and mean alike: who adds the tiles divides) */
    cpu_kernel reduce_batch;

    /* p: x, part. part is double [C][3]: count, mean, M2 so far, into which the tile is merged
     * (Chan, Golub, LeVeque 1979) */
    cpu_kernel batch_norm_stats;
    /* p: x, dy, mean float [C], part double [C][2]: sum dy, sum dy (x - mean), added to */
    cpu_kernel batch_norm_grad_stats;
} cpu_kernels;

extern const cpu_kernels cpu_kernels_baseline;
#if defined(__x86_64__)
extern const cpu_kernels cpu_kernels_avx2;
extern const cpu_kernels cpu_kernels_avx512;
#endif

#endif
