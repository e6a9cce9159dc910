/* predict: what its files share. predict.c decides what is to be predicted, predict_print.c shows
 * it. */
#ifndef CNNRUN_CLI_PREDICT_H
#define CNNRUN_CLI_PREDICT_H

#include "cli/cli.h"
#include "run.h"

/* One prediction, and how it is shown. */
typedef struct prediction {
    const char *label; /* the image's file; NULL: a sample of a split */
    const char *split;
    int64_t sample;
    const float *output; /* of type `type`, without the batch axis */
    cnn_type type;
    const void *target; /* NULL: none */
    cnn_type target_type;
} prediction;

typedef struct prediction_style {
    bool json;
    int64_t classes;          /* the output is one number per class; 0: it is not */
    bool logits;              /* the loss was on logits: softmax gives probabilities */
    const char *const *names; /* of the classes, or NULL */
    int64_t top;              /* how many classes to show */
    bool targets;             /* there is a column of them */
    const char *label_title;
    int label_width; /* negative: to the left, as printf has it */
    int name_width;
} prediction_style;

/* Whether outputs of this type, without the batch axis, are one number per class. */
bool prediction_is_classes(const cnn_type *type, int64_t classes);

/* The heading of the table; nothing as JSON. */
void prediction_print_heading(const prediction_style *style);
/* Returns whether the target was met. */
bool prediction_print(const prediction_style *style, const prediction *p, cnn_arena *arena);

#endif
