/* graph: the model's layers write ops; shapes are inferred as they are written. The same growing
 * list then takes the loss, the gradients (autodiff.h) and the updates (update.h), until program.h
 * freezes it. */
#ifndef CNNRUN_GRAPH_H
#define CNNRUN_GRAPH_H

#include <cnnrun/plugin.h>

#include "base/diag.h"
#include "config.h"
#include "formula.h"
#include "registry.h"

/* Batches on their way at once: while two are computed, or waited for, the next is loaded. */
enum { CNN_SETS = 3 };

/* What the pipeline's data look like to the model, after the transforms. */
typedef struct cnn_data_shape {
    cnn_type input;  /* of one sample */
    cnn_type target; /* of one sample; dtype 0: none */
    int64_t classes;
} cnn_data_shape;

/* A layer as it was built: for trails, `summary`, timing and probes. */
typedef struct cnn_layer_record {
    const char *
        path; /* "2.conv2d", "incep1.b5x5.1.conv2d": position or name, then the type unless named */
    const char *prefix; /* of its weights: "2", "incep1.b5x5.1" */
    const char *type;
    cnn_place place;
    const char *options; /* on one line */
    const char *trail;   /* "in block inception (line 5) used at line 26", or "" */
    cnn_value in;        /* first input */
    cnn_value out;
    uint32_t first_node, end_node;
    int64_t params; /* trained numbers made by it */
} cnn_layer_record;

/* How a state starts: by an initialiser, or by numbers from the pipeline. */
typedef struct cnn_state_init {
    cnn_value value;
    cnn_init init;
    const float *data;
    bool frozen;
} cnn_state_init;

typedef struct cnn_assignment {
    cnn_value state;
    cnn_value value;
} cnn_assignment;

typedef struct cnn_named_value {
    const char *name;
    cnn_value value;
    const cnn_layer *layer; /* of a metric */
} cnn_named_value;

typedef struct cnn_graph cnn_graph;
struct cnn_graph {
    cnn_builder builder; /* first: a cnn_builder * is a cnn_graph * */
    cnn_builder_api api;
    cnn_arena *arena;
    cnn_registry *registry;
    cnn_diags *diags;
    uint32_t mode;
    int64_t batch;
    cnn_data_shape data;

    cnn_value_info *values; /* kinds INPUT, STATE, CONST, TEMP; the program makes OUTPUTs */
    uint32_t n_values;
    cnn_node *nodes;
    uint32_t n_nodes;
    cnn_layer_record *layers;
    uint32_t n_layers;
    cnn_state_init *states;
    uint32_t n_states;
    cnn_assignment *assigns;
    uint32_t n_assigns;

    cnn_value input, target; /* target CNN_NONE in CNN_PREDICT */
    cnn_value seed, step;    /* made when first used */
    cnn_value scalars[CNN_MAX_SCALARS];
    cnn_value output; /* of the model */
    cnn_value loss;   /* scalar */
    cnn_named_value *metrics;
    uint32_t n_metrics;
    cnn_named_value *gradients; /* of weights: see cnn_measure_gradients */
    uint32_t n_gradients;

    /* The layer that is being built. */
    const cnn_value *layer_in;
    const char *const *layer_in_names;
    uint32_t n_layer_in;
    cnn_value at;         /* the result so far where it stands, for trails; CNN_NONE: nowhere */
    const char *owner;    /* its type, for messages */
    const char *path;     /* for nodes */
    const char *prefix;   /* for weights */
    const char *backend;  /* wish of the layer, or NULL */
    const cnn_item *item; /* init:, freeze: */
    cnn_place place;
    const char *trail;    /* "in block ...", or "" */
    uint32_t first_state; /* the states before belong to other layers */
    uint32_t n_streams;   /* that it has drawn */
    uint32_t phase;       /* of new nodes */
    bool failed;          /* sticky */
};

/* An empty graph with the inputs of one batch of `batch` samples. [main], like all below. */
cnn_graph *cnn_graph_create(cnn_registry *registry, const cnn_data_shape *data, uint32_t mode,
                            int64_t batch, cnn_arena *arena, cnn_diags *diags);

/* Builds model, loss (TRAIN, EVAL) and metrics (EVAL). false after errors in diags. */
bool cnn_graph_build(cnn_graph *graph, const cnn_config *config);

/* Part of the former: expands a list of items from `in`; returns the last result. (model.c) */
cnn_value cnn_graph_items(cnn_graph *graph, const cnn_config *config, const cnn_items *items,
                          cnn_value in);

/* The api table of a graph's builder. (builder.c) */
cnn_builder_api cnn_graph_api(uint32_t mode);

/* Lower level, also for autodiff and update: a state by full name, made once per graph. (builder.c)
 */
cnn_value cnn_graph_state(cnn_graph *graph, const char *name, const cnn_type *type,
                          const cnn_init *init, bool trained);
cnn_value cnn_graph_input(cnn_graph *graph, const char *name, const cnn_type *type, bool batched);
cnn_value cnn_graph_seed(cnn_graph *graph); /* i32[2] */
cnn_value cnn_graph_step(cnn_graph *graph); /* i32[] */

/* "conv2d 10x24x24": the shape of a value without its batch axis, for messages. */
void cnn_shape_text(const cnn_type *type, bool batched, char *out, size_t size);
/* "[64, 10, 24, 24]", "f32 [64, 10]" */
void cnn_type_text(const cnn_type *type, bool dtype, char *out, size_t size);

/* Multiply-adds of one node; `values` as in a graph or a program. */
double cnn_node_macs(const cnn_node *node, const void *values, uint32_t value_stride);
/* Multiply-adds of the nodes [first_node, end_node), all samples of the batch together. */
double cnn_graph_macs(const cnn_graph *graph, uint32_t first_node, uint32_t end_node);
/* Trained numbers of all layers. */
int64_t cnn_graph_params(const cnn_graph *graph);

void cnn_graph_print(const cnn_graph *graph, FILE *out);
/* One node: "%12 = conv2d(%0, 0.weight) {stride: 1} : f32 [64,10,24,24]" */
void cnn_node_print(const cnn_node *node, const void *values, uint32_t value_stride, FILE *out);

#endif
