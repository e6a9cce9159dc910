/* probe: from a pipeline to a step that was run on the reference backend, with the values around
 * one layer kept. */
#ifndef CNNRUN_EXPLAIN_PROBE_H
#define CNNRUN_EXPLAIN_PROBE_H

#include "explain/lesson.h"
#include "run_internal.h"

/* A layer that can be explained: one of the model, or the loss. */
typedef struct cnn_subject {
    const char *path, *prefix, *options;
    cnn_value in, out;
    bool computes; /* not only moves numbers */
} cnn_subject;

typedef struct cnn_probe {
    cnn_config *config;
    cnn_registry *registry;
    const cnn_explain_request *request;
    cnn_arena *arena;
    cnn_diags *diags;
    cnn_error *err;

    /* cnn_probe_build */
    uint32_t mode;
    cnn_graph *graph;
    cnn_subject *subjects;
    uint32_t n_subjects;
    /* cnn_probe_choose */
    const cnn_subject *subject;
    const char *what; /* "output", "dL/d input", ... */
    cnn_value target; /* what is explained */
    cnn_grads grads;  /* with a gradient */
    bool sum_as_loss; /* the pipeline has none */
    /* cnn_probe_run */
    const cnn_step *step;
    cnn_run *run;
    uint32_t split;
    void **data; /* per value of the program: its numbers (malloc'd), or NULL */
} cnn_probe;

/* Each stage, in this order. Errors as of cnn_explain. */
cnn_status cnn_probe_build(cnn_probe *probe, const cnn_data_shape *shape);
cnn_status cnn_probe_choose(cnn_probe *probe);
cnn_status cnn_probe_run(cnn_probe *probe);
void cnn_probe_close(cnn_probe *probe);

/* The element that is asked for, of lesson->target. (element.c) */
cnn_status cnn_element_read(const cnn_lesson *lesson, const cnn_explain_request *request,
                            cnn_spot *spot, cnn_error *err);

#endif
