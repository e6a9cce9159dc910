/* Random programs around one op, run on the reference backend and on another. */
#ifndef OPSUITE_H
#define OPSUITE_H

#include "autodiff.h"
#include "host_services.h"
#include "place.h"
#include "session.h"

#include "graph_internal.h"

enum { MAX_LEAVES = 64, MAX_SHOWN = 16, LOG_SIZE = 8192 };

/* What the numbers of a leaf are like. */
typedef enum filling {
    DYADIC,  /* k/8 in [-2, 2]: sums of products are exact, equal numbers are common */
    SMALL,   /* k/32 in [-1/2, 1/2]: weights that keep results of size 1 */
    SMOOTH,  /* any floats in [-1, 1) */
    NEAR_1,  /* any floats in [0.5, 1.5) */
    SPECIAL, /* infinities and NaN among them */
    LABELS,  /* i32 in [0, classes), some of them `ignore` */
} filling;

typedef struct leaf {
    cnn_value v;
    void *data;
    bool state; /* else an input of the program */
    bool wants_gradient;
} leaf;

/* A program that is being drawn. */
typedef struct scene {
    cnn_arena *arena;
    cnn_graph *g;
    cnn_builder *b;
    cnn_rng rng;
    int64_t batch;
    int64_t classes, ignore; /* of LABELS */
    leaf leaves[MAX_LEAVES];
    uint32_t n_leaves;
    cnn_value shown[MAX_SHOWN]; /* results to be compared, besides loss and gradients */
    uint32_t n_shown;
    bool exact; /* so far all arithmetic was: a comparison has the same outcome everywhere */
    bool may_fall_back; /* the case asks for what `cpu` leaves to the reference */
    bool assigns;       /* a second run starts from other states */
    bool no_gradient;
    char log[LOG_SIZE];
    size_t logged;
} scene;

typedef struct family {
    const char *name;
    void (*draw)(scene *);
} family;

/* End with a NULL name. */
extern const family image_families[], tensor_families[], map_families[], move_families[];

/* ---- scene.c: drawing */
int64_t between(scene *, int64_t low, int64_t high);
bool one_in(scene *, int64_t n);
void note(scene *, const char *format, ...) __attribute__((format(printf, 2, 3)));

cnn_value add_input(scene *, cnn_type, filling);  /* batched */
cnn_value add_weight(scene *, cnn_type, filling); /* a trained state */
cnn_type batch_type(const scene *, uint32_t rank, int64_t a, int64_t b, int64_t c);

/* An input [N,C,H,W]: C up to `channels`, sides from 1 up to `side`. */
cnn_value draw_image(scene *, int64_t channels, int64_t side);

/* A convolution that keeps the size: padded 3x3, or 1x1. */
cnn_value small_conv(scene *, cnn_value x, int64_t channels);

/* Winograd's sums have thirds in them: after a convolution that may be done so, nothing is exact.
 */
void note_conv(scene *, const cnn_conv2d_attrs *, int64_t h, int64_t w);

/* Or a clamp from both sides; tanh where a gradient would see on which side of the kink a number
 * that is not exact falls. */
cnn_value relu(scene *, cnn_value x);

/* Nothing, or ops before and after the one that is tested: what it may be fused with. */
cnn_value before(scene *, cnn_value image);
cnn_value after(scene *, cnn_value y);

/* loss += sum(y * random numbers); y may be shown. */
void add_loss(scene *, cnn_value y);
void show(scene *, cnn_value y);

/* ---- run.c */
typedef struct suite suite;

/* NULL after a message; *missing: the backend, its device, or what the device needs is not there.
 */
suite *suite_open(const char *plugins, const char *backend, bool *missing);
void suite_close(suite *);

/* True if all agrees; else says what does not. */
bool suite_case(suite *, const family *, uint64_t seed, bool verbose);

/* Programs so far that used the reference where they may. */
uint32_t suite_fallbacks(const suite *);

/* ---- compare.c */
/* Largest magnitude of a result, without what is infinite. */
double largest_of(const cnn_type *, const void *data);

/* Both are results of the type, in a program whose results are up to `largest`; says how many
 * differ, and the largest difference. */
bool compare_value(const char *name, const cnn_type *, const void *got, const void *want,
                   bool batched, double largest);

#endif
