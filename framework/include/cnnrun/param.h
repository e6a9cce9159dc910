/* Parameters as data: a table row says everything about one option, and the host reads, checks,
 * documents and completes it. Plugin code never parses text. */
#ifndef CNNRUN_PARAM_H
#define CNNRUN_PARAM_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the text of an option becomes a field of the plugin's parameter struct. */
typedef enum cnn_param_type {
    CNN_PARAM_BOOL = 1, /* bool: true|false|yes|no|on|off */
    CNN_PARAM_INT,      /* int64_t; attributes of ops: with max_count n > 1, int64_t[n] in place */
    CNN_PARAM_FLOAT,    /* double */
    CNN_PARAM_TEXT,     /* const char *, never NULL unless optional and absent */
    CNN_PARAM_PATH,     /* const char *; relative to the working directory; a leading ~/ is the home
                           directory */
    CNN_PARAM_CHOICE,   /* int32_t: index into `choices` */
    CNN_PARAM_INTS,     /* cnn_ints: one integer, a list of them, or one of `choices` */
    CNN_PARAM_FLOATS,   /* cnn_floats: one number, a list of them, or one of `choices` */
    CNN_PARAM_ARRAY,    /* cnn_array: nested lists of numbers of equal lengths */
} cnn_param_type;

enum {
    CNN_PARAM_OPTIONAL = 1u << 0, /* may be absent without a default: the field stays all zero */
};

/* `choice` is the index of the word that was written instead of numbers, or -1. v lives as long as
 * the struct. */
typedef struct cnn_ints {
    uint32_t count;
    int32_t choice;
    const int64_t *v;
} cnn_ints;

typedef struct cnn_floats {
    uint32_t count;
    int32_t choice;
    const double *v;
} cnn_floats;

typedef struct cnn_array {
    cnn_type type; /* CNN_F32 */
    const float *v;
} cnn_array;

typedef struct cnn_param {
    uint32_t size; /* sizeof(cnn_param), stamped by CNN_FIELD */
    uint32_t type; /* cnn_param_type */
    uint32_t offset;
    uint32_t flags;
    const char *name;
    const char *
        def; /* default as one would write it in YAML; NULL: the option is required (or OPTIONAL) */
    const char *choices; /* words separated by '|', or NULL */
    const char *unit;    /* "epochs", "pixels", ... or NULL */
    const char *help;    /* one line */
    double min, max;     /* inclusive range of each number; both 0: unbounded */
    uint32_t min_count;  /* of INTS and FLOATS; both 0: 1 to any; of INT: see there */
    uint32_t max_count;
} cnn_param;

/* { CNN_FIELD(swish_params, beta, FLOAT), .def = "1", .help = "slope of the sigmoid" } */
#define CNN_FIELD(struct_type, field, param_type)              \
    .size = sizeof(cnn_param), .type = CNN_PARAM_##param_type, \
    .offset = offsetof(struct_type, field), .name = #field

/* An array of structs that may grow: walk it by `stride`, never by sizeof. */
typedef struct cnn_table {
    const void *items;
    uint32_t count;
    uint32_t stride;
} cnn_table;

#define CNN_TABLE(array)                                                                      \
    {                                                                                         \
        (array), (uint32_t)(sizeof(array) / sizeof((array)[0])), (uint32_t)sizeof((array)[0]) \
    }

static inline const void *cnn_table_at(const cnn_table *t, uint32_t i)
{
    return (const char *)t->items + (size_t)i * t->stride;
}

/* What every kind of component has in common; always the first member. The first parameter of the
 * table is the main one, which a pipeline may give bare: `max_pool2d: 2`. */
typedef struct cnn_component {
    uint32_t size;        /* of the whole component struct */
    uint32_t params_size; /* sizeof the parameter struct, 0 without parameters */
    const char *name;     /* snake case, PyTorch's where PyTorch has it */
    const char *summary;  /* one line */
    const char *example;  /* as in a pipeline, e.g. "conv2d: {out_channels: 10, kernel_size: 5}" */
    cnn_table params;     /* of cnn_param */
} cnn_component;

#ifdef __cplusplus
}
#endif
#endif
