/* lesson: what the files of explain share. A lesson is a step that was run, all of whose values
 * around one layer can be read, and the page on which they are explained. */
#ifndef CNNRUN_EXPLAIN_LESSON_H
#define CNNRUN_EXPLAIN_LESSON_H

#include <cnnrun/ops.h>

#include "explain/explain.h"
#include "explain/page.h"
#include "program.h"

enum { CNN_MAX_LESSON_STEPS = 32, CNN_SPOT_SIZE = 160 };

/* One element of a value of the program. */
typedef struct cnn_spot {
    int32_t value;
    int64_t at[CNN_MAX_RANK];
} cnn_spot;

/* A number that was worked out, and the sum of the sizes of what it was made of: its rounding. */
typedef struct cnn_worked {
    double value, scale;
} cnn_worked;

typedef struct cnn_lesson {
    cnn_page page;
    const cnn_explain_request *request;
    const cnn_registry *registry;
    const cnn_program *program;
    void **data;         /* per value: its numbers; NULL: not read */
    const char *layer;   /* path */
    const char *what;    /* that is explained: "output", "dL/d input", "dL/d 0.weight" */
    uint32_t phase;      /* of the explained nodes: CNN_PHASE_BACKWARD, or any before it */
    int32_t in, out;     /* of the layer, or -1 */
    int32_t d_in, d_out; /* their gradients, or -1 */
    int32_t target;      /* the value that is explained */
    cnn_spot steps[CNN_MAX_LESSON_STEPS];  /* in the order of working out */
    bool is_example[CNN_MAX_LESSON_STEPS]; /* one of many numbers that a later step reads */
    uint32_t n_steps;
    bool agrees;
} cnn_lesson;

/* Works out one element of what a node makes, on the page. */
typedef cnn_worked (*cnn_work)(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot);

/* ---- reading (lesson.c) ---- */

const cnn_type *cnn_lesson_type(const cnn_lesson *lesson, int32_t value);
int64_t cnn_lesson_offset(const cnn_lesson *lesson, const cnn_spot *spot);
double cnn_lesson_number(const cnn_lesson *lesson, int32_t value, int64_t offset);
double cnn_lesson_read(const cnn_lesson *lesson, const cnn_spot *spot);
double cnn_lesson_read4(const cnn_lesson *lesson, int32_t value, int64_t n, int64_t c, int64_t y,
                        int64_t x);
cnn_spot cnn_lesson_spot4(int32_t value, int64_t n, int64_t c, int64_t y, int64_t x);

/* The node that makes a value as part of what is explained, or NULL. */
const cnn_node *cnn_lesson_producer(const cnn_lesson *lesson, int32_t value);
bool cnn_node_is(const cnn_node *node, const char *op);

/* Where the element comes from, by way of the layer's nodes that only move numbers. (move.c) */
cnn_spot cnn_lesson_source(const cnn_lesson *lesson, cnn_spot spot);
/* The element of the shape `dims` broadcast to the spot's. */
cnn_spot cnn_lesson_broadcast(const cnn_lesson *lesson, int32_t value, const cnn_spot *spot);

/* "input[0, 1, 2]", "0.bias[3]", "step 1", "dL/d output[0, 1, 2]" */
const char *cnn_spot_name(const cnn_lesson *lesson, const cnn_spot *spot, char *out);
/* The same for all of a value: "input", "0.weight". */
const char *cnn_value_name(const cnn_lesson *lesson, int32_t value, char *out);
/* "[0, 1, 2]": without the axis of the batch, if that has one sample. */
const char *cnn_spot_place(const cnn_lesson *lesson, const cnn_spot *spot, char *out);

/* Explains lesson->target at the spot, all steps. (walk.c) */
void cnn_lesson_walk(cnn_lesson *lesson, const cnn_spot *spot);
/* Does a layer compute something, or only move numbers? */
bool cnn_op_computes(const char *op);

/* ---- images with their padding (image.c) ---- */

typedef struct cnn_image {
    int32_t value;
    int64_t h, w, pad[4];
    int32_t mode; /* cnn_pad_mode, or -1: zeros by the op itself, or nothing for poolings */
    double fill;
} cnn_image;

/* The value as an op with this padding sees it. Padding by a node of the layer is looked through.
 */
cnn_image cnn_image_of(const cnn_lesson *lesson, int32_t value, const int64_t pad[4]);
bool cnn_image_has(const cnn_image *image, int64_t y, int64_t x);
/* Element (y, x) of the image itself, or of the padding around it. */
double cnn_image_at(const cnn_lesson *lesson, const cnn_image *image, int64_t n, int64_t c,
                    int64_t y, int64_t x);
/* Row or column of the image that stands at `at`, which may lie outside; -1: none. */
int64_t cnn_pad_source(int64_t at, int64_t size, int32_t mode);
/* Says where padded numbers of rows[0..n_rows) and columns come from, if there are any. */
void cnn_image_tell(const cnn_lesson *lesson, const cnn_image *image, const int64_t *rows,
                    int64_t n_rows, const int64_t *cols, int64_t n_cols);
/* The whole image with its padding, and the window of the rows and columns in brackets. false: it
 * is too large to be drawn. */
bool cnn_image_draw(const cnn_lesson *lesson, const cnn_image *image, int64_t n, int64_t c,
                    const int64_t *rows, int64_t n_rows, const int64_t *cols, int64_t n_cols,
                    cnn_grid *grid);
/* "rows 1 to 3", "row 1" */
const char *cnn_range_text(const char *one, const int64_t *items, int64_t n, char *out);

/* Where the window of an output lies, and with a stride, why. */
void cnn_window_tell(const cnn_lesson *lesson, const cnn_spot *out, const int64_t stride[2],
                     const int64_t pad[4], const char *rows, const char *cols);

/* ---- sums of products (products.c) ---- */

/* Blocks of equal matrices a and b: the products of their elements are summed. */
typedef struct cnn_products {
    const char *one, *many; /* "channel", "channels" */
    const char *a, *b;      /* titles */
    int64_t blocks, rows, cols;
    int64_t first; /* number of the first block */
    void (*fill)(const cnn_lesson *lesson, const void *context, int64_t block, double *a, double *b,
                 unsigned char *marks);
    bool (*draw)(const cnn_lesson *lesson, const void *context, int64_t block, cnn_grid *grid);
    const void *context;
} cnn_products;

cnn_worked cnn_lesson_products(cnn_lesson *lesson, const cnn_products *products);

/* ---- ops ---- */

cnn_worked cnn_work_conv2d(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_conv2d_input_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_conv2d_weight_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_max_pool2d(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_max_pool2d_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_avg_pool2d(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_avg_pool2d_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_pad2d(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_pad2d_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_resize2d(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_resize2d_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_matmul(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_reduce(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_softmax(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_softmax_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_cross_entropy(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_cross_entropy_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_argmax(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_batch_norm(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_batch_norm_grad(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_map(cnn_lesson *, const cnn_node *, const cnn_spot *);
cnn_worked cnn_work_move(cnn_lesson *, const cnn_node *, const cnn_spot *);

#endif
