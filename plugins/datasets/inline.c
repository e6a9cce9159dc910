/* inline: samples written into the pipeline itself. They are training and test set at once. */
#include "datasets.h"

typedef struct inline_params {
    cnn_array values, targets;
    int64_t classes;
} inline_params;

struct cnn_dataset_state {
    const inline_params *params; /* lives as long as the pipeline */
    int64_t count;
    cnn_type input, target;
};

static const cnn_param params[] = {
    { CNN_FIELD(inline_params, values, ARRAY),
      .help = "nested numbers: a row of features, an image (rows), an image with channels, or "
              "several of those" },
    { CNN_FIELD(inline_params, targets, ARRAY), .flags = CNN_PARAM_OPTIONAL,
      .help = "one class, number or list of numbers per sample" },
    { CNN_FIELD(inline_params, classes, INT), .def = "0", .min = 0, .max = 1048576,
      .help = "targets are classes below this number; 0: they are numbers" },
};

/* [F], [H,W], [C,H,W] are one sample; [N,C,H,W] are several. */
static void shapes(cnn_dataset_state *s)
{
    const cnn_type *v = &s->params->values.type;
    s->input = cnn_scalar_type(CNN_F32);
    s->count = v->rank == 4 ? v->dim[0] : 1;
    if (v->rank == 2)
        s->input.dim[s->input.rank++] = 1;
    for (uint32_t i = v->rank == 4 ? 1 : 0; i < v->rank; i++)
        s->input.dim[s->input.rank++] = v->dim[i];
}

static cnn_status targets(cnn_dataset_state *s, cnn_error *err)
{
    const inline_params *p = s->params;
    const cnn_type *t = &p->targets.type;
    s->target = cnn_scalar_type(CNN_F32);
    s->target.dtype = p->targets.v == NULL ? 0 : p->classes > 0 ? CNN_I32 : CNN_F32;
    if (p->targets.v == NULL)
        return CNN_OK;
    if (t->rank < 1 || t->dim[0] != s->count || (p->classes > 0 && t->rank != 1))
        return cnn_fail(err, CNN_INVALID,
                        "inline: `targets` must be a list with one %s for each of the %" PRId64
                        " samples",
                        p->classes > 0 ? "class" : "entry", s->count);
    for (uint32_t i = 1; i < t->rank; i++)
        s->target.dim[s->target.rank++] = t->dim[i];
    for (int64_t i = 0; p->classes > 0 && i < s->count; i++) {
        float label = p->targets.v[i];
        if (!(label >= 0 && label < (float)p->classes) || label != (float)(int32_t)label)
            return cnn_fail(err, CNN_INVALID,
                            "inline: target %" PRId64 " is %g; classes are 0 to %" PRId64, i,
                            (double)label, p->classes - 1);
    }
    return CNN_OK;
}

static void inline_close(cnn_dataset_state *s)
{
    free(s);
}

static cnn_status inline_open(const cnn_host *host, const void *params_, cnn_dataset_state **out,
                              cnn_error *err)
{
    const inline_params *p = params_;
    (void)host;
    if (p->values.type.rank < 1 || p->values.type.rank > 4 || cnn_count(&p->values.type) < 1)
        return cnn_fail(err, CNN_INVALID,
                        "inline: `values` has %" PRIu32
                        " axes; 1 (features), 2 (rows of an image), 3 (channels) or 4 (samples) "
                        "are possible, none of them empty",
                        p->values.type.rank);
    cnn_dataset_state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return dataset_no_memory(err, "inline samples");
    s->params = p;
    shapes(s);
    cnn_status status = targets(s, err);
    if (status == CNN_OK)
        *out = s;
    else
        inline_close(s);
    return status;
}

static cnn_status inline_describe(const cnn_dataset_state *s, cnn_dataset_info *info,
                                  cnn_error *err)
{
    (void)err;
    info->count[CNN_SPLIT_TRAIN] = info->count[CNN_SPLIT_TEST] = s->count;
    info->input = s->input;
    info->target = s->target;
    info->classes = s->params->classes;
    return CNN_OK;
}

static cnn_status inline_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                              const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    if (split == CNN_SPLIT_VAL || index < 0 || index >= s->count)
        return cnn_fail(err, CNN_INTERNAL, "inline has no sample %" PRId64, index);
    int64_t each = cnn_count(&s->input), values = cnn_count(&s->target);
    memcpy(input->data, s->params->values.v + index * each, (size_t)each * sizeof(float));
    if (target->data == NULL || s->target.dtype == 0)
        return CNN_OK;
    const float *from = s->params->targets.v + index * values;
    if (s->target.dtype == CNN_I32)
        *cnn_i32(target) = (int32_t)*from;
    else
        memcpy(target->data, from, (size_t)values * sizeof(float));
    return CNN_OK;
}

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "inline", sizeof(inline_params), CNN_TABLE(params),
                         "Samples written into the pipeline.",
                         "data: {inline: [[3, 4, 6], [2, 4, 6], [1, 6, 7]]}"),
      .open = inline_open,
      .close = inline_close,
      .describe = inline_describe,
      .read = inline_read },
};

CNN_PLUGIN(.name = "inline", .version = DATASET_VERSION, .license = DATASET_LICENSE,
           .summary = "Samples in the pipeline", .datasets = CNN_TABLE(datasets));
