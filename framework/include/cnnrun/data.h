/* Data sets give samples by index; transforms change them on their way into the batch. */
#ifndef CNNRUN_DATA_H
#define CNNRUN_DATA_H

#include "host.h"
#include "param.h"
#include "rng.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cnn_split {
    CNN_SPLIT_TRAIN,
    CNN_SPLIT_VAL,
    CNN_SPLIT_TEST,
    CNN_SPLIT_COUNT
} cnn_split;

typedef struct cnn_dataset_info {
    uint32_t size;
    uint32_t reserved;
    int64_t count[CNN_SPLIT_COUNT]; /* samples per split, 0: the set has no such split */
    cnn_type input;                 /* of one sample, without the batch axis: u8 or f32 [C,H,W] */
    cnn_type target; /* i32 [] for labels, f32 [...] for values, u8 [C,H,W] for an image, which goes
                        through the transforms beside the input; dtype 0: no targets */
    int64_t classes; /* labels are in [0, classes); 0: no labels */
    const char *const *class_names; /* classes of them, or NULL; lives until close */
} cnn_dataset_info;

typedef struct cnn_dataset_state cnn_dataset_state; /* the plugin's own */

typedef struct cnn_dataset {
    cnn_component c;

    /* Finds and checks the files: sizes, magic numbers, counts; does not read all pixels. [main] */
    cnn_status (*open)(const cnn_host *, const void *params, cnn_dataset_state **, cnn_error *);
    void (*close)(cnn_dataset_state *);
    cnn_status (*describe)(const cnn_dataset_state *, cnn_dataset_info *, cnn_error *);

    /* Reads sample `index` of a split into memory of the described types; target.data is NULL if
     * not wanted. [loader], several threads at once. */
    cnn_status (*read)(cnn_dataset_state *, uint32_t split, int64_t index, const cnn_tensor *input,
                       const cnn_tensor *target, cnn_error *);

    /* Optional, and not in the structs of older plugins (c.size). Lends sample `index` instead of
     * copying it: *input points to memory of the described type that stays as it is until close;
     * the target is written as by read(). *input may also be left NULL: then read() is called.
     * [loader], several threads at once. */
    cnn_status (*view)(cnn_dataset_state *, uint32_t split, int64_t index, const void **input,
                       const cnn_tensor *target, cnn_error *);
} cnn_dataset;

typedef enum cnn_transform_flag {
    /* What comes out at a pixel depends only on what goes in there and on the channel (the first
     * axis), and no random number is drawn. Such transforms at the end of a chain are not called
     * for each sample: the host has them fill a table, by calling them on an image of another
     * height and width, and looks bytes up. */
    CNN_TRANSFORM_POINTWISE = 1,
} cnn_transform_flag;

typedef struct cnn_transform {
    cnn_component c;

    /* Type of the result of one sample, or an error with the arithmetic. [main] */
    cnn_status (*infer)(const void *params, const cnn_type *in, cnn_type *out, cnn_error *);

    /* in -> out, which do not overlap; `in` is only read. Random ones draw from rng, which is
     * placed for this sample and epoch: the same numbers in every run. [loader], several threads at
     * once. */
    cnn_status (*apply)(const void *params, const cnn_tensor *in, const cnn_tensor *out,
                        cnn_rng *rng, cnn_error *);

    uint32_t flags; /* of cnn_transform_flag; not in the structs of older plugins (c.size) */
    uint32_t reserved;
} cnn_transform;

#ifdef __cplusplus
}
#endif
#endif
