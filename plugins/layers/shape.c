/* Layers that move nothing: flatten, reshape, identity. */
#include "layers.h"

typedef struct flatten_params {
    int64_t start_dim, end_dim;
} flatten_params;

typedef struct reshape_params {
    cnn_ints shape;
} reshape_params;

static const cnn_param flatten_table[] = {
    { CNN_FIELD(flatten_params, start_dim, INT), .def = "1", .min = -CNN_MAX_RANK,
      .max = CNN_MAX_RANK, .help = "first axis to join; axis 0 is the batch and stays" },
    { CNN_FIELD(flatten_params, end_dim, INT), .def = "-1", .min = -CNN_MAX_RANK,
      .max = CNN_MAX_RANK, .help = "last axis to join; -1 is the last one" },
};

static const cnn_param reshape_table[] = {
    { CNN_FIELD(reshape_params, shape, INTS), .min = -1, .max = LAYER_MAX_SIZE, .min_count = 1,
      .max_count = CNN_MAX_RANK - 1,
      .help = "new shape without the batch axis; one -1 takes what is left" },
};

static cnn_value build_flatten(cnn_builder *b, const void *params)
{
    const flatten_params *p = params;
    cnn_value x = cnn_input(b, 0);
    const cnn_type *t = cnn_type_of(b, x);
    int64_t rank = t->rank;
    int64_t first = p->start_dim < 0 ? p->start_dim + rank : p->start_dim;
    int64_t last = p->end_dim < 0 ? p->end_dim + rank : p->end_dim;
    if (x == CNN_NONE)
        return CNN_NONE;
    if (rank == 1 && p->start_dim == 1 && p->end_dim == -1) {
        int64_t column[2] = { t->dim[0], 1 };
        return cnn_reshape(b, x, 2, column);
    }
    if (first < 1 || last < first || last >= rank)
        return cnn_reject(b,
                          "cannot join axes %" PRId64 " to %" PRId64
                          ": the input has axes 0 (the batch, which stays) to %" PRId64,
                          p->start_dim, p->end_dim, rank - 1);
    int64_t dims[CNN_MAX_RANK];
    uint32_t n = 0;
    for (int64_t i = 0; i < first; i++)
        dims[n++] = t->dim[i];
    dims[n++] = cnn_span(t, (uint32_t)first, (uint32_t)last + 1);
    for (int64_t i = last + 1; i < rank; i++)
        dims[n++] = t->dim[i];
    return n == t->rank ? x : cnn_reshape(b, x, n, dims);
}

static cnn_value refuse_shape(cnn_builder *b, const cnn_type *t, int64_t known)
{
    char shape[128];
    return cnn_reject_hint(b, "one -1 in the shape takes what is left",
                           "cannot make the new shape from %s: it has %" PRId64
                           " numbers, the new shape counts %" PRId64,
                           layer_shape(t, shape, sizeof shape), cnn_span(t, 1, t->rank), known);
}

static cnn_value build_reshape(cnn_builder *b, const void *params)
{
    const reshape_params *p = params;
    cnn_value x = cnn_input(b, 0);
    const cnn_type *t = cnn_type_of(b, x);
    int64_t dims[CNN_MAX_RANK] = { t->dim[0] };
    int64_t all = cnn_span(t, 1, t->rank), known = 1;
    uint32_t open = 0;
    if (x == CNN_NONE)
        return CNN_NONE;
    for (uint32_t i = 0; i < p->shape.count; i++) {
        int64_t d = p->shape.v[i];
        dims[i + 1] = d;
        if (d == 0)
            return cnn_reject(b, "the new shape has a 0: every axis holds at least one number");
        if (d > 0 && d > INT64_MAX / known)
            return cnn_reject(b, "the new shape is too large");
        if (d > 0)
            known *= d;
        else
            open++;
    }
    if (open > 1)
        return cnn_reject(b, "the new shape has %" PRIu32 " times -1; one axis can be left open",
                          open);
    if (open == 0 ? known != all : all % known != 0)
        return refuse_shape(b, t, known);
    for (uint32_t i = 1; i <= p->shape.count; i++)
        if (dims[i] < 0)
            dims[i] = all / known;
    return cnn_reshape(b, x, p->shape.count + 1, dims);
}

static cnn_value build_identity(cnn_builder *b, const void *params)
{
    (void)params;
    return cnn_input(b, 0);
}

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "flatten", sizeof(flatten_params), CNN_TABLE(flatten_table),
                         "Writes an image as one list of features.", "flatten"),
      .build = build_flatten },
    { .c = CNN_COMPONENT(cnn_layer, "reshape", sizeof(reshape_params), CNN_TABLE(reshape_table),
                         "The same numbers in another shape.", "reshape: [16, 7, 7]"),
      .build = build_reshape },
    { .c = CNN_COMPONENT(cnn_layer, "identity", 0, CNN_NO_PARAMS, "Gives its input.", "identity"),
      .build = build_identity },
};

CNN_PLUGIN(.name = "shape", .version = LAYER_VERSION, .license = LAYER_LICENSE,
           .summary = "Layers that change shapes only", .layers = CNN_TABLE(layers));
