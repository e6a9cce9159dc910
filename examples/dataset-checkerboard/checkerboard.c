/* checkerboard: boards whose fields are 2, 3, ... pixels wide; how wide is the class. A sample is a
 * function of its index alone, so any number of threads may ask for it, in any order. */
#include <stdlib.h>

#include <cnnrun/plugin.h>

typedef struct board_params {
    int64_t size, classes, train, test, seed;
} board_params;

struct cnn_dataset_state {
    board_params p;
};

static const cnn_param params[] = {
    { CNN_FIELD(board_params, size, INT), .def = "16", .min = 1, .max = 1024, .unit = "pixels",
      .help = "height and width of a board" },
    { CNN_FIELD(board_params, classes, INT), .def = "3", .min = 2, .max = 64,
      .help = "how many widths of fields, from 2 pixels on" },
    { CNN_FIELD(board_params, train, INT), .def = "512", .min = 1, .max = 1e9,
      .help = "training samples" },
    { CNN_FIELD(board_params, test, INT), .def = "128", .min = 0, .max = 1e9,
      .help = "test samples" },
    { CNN_FIELD(board_params, seed, INT), .def = "0", .min = 0, .max = 1e9,
      .help = "other seeds give other boards" },
};

/* The parameters belong to the pipeline; what is kept is copied. */
static cnn_status board_open(const cnn_host *host, const void *options, cnn_dataset_state **out,
                             cnn_error *err)
{
    (void)host;
    cnn_dataset_state *s = malloc(sizeof *s);
    if (s == NULL)
        return cnn_fail(err, CNN_MEMORY, "checkerboard: out of memory");
    s->p = *(const board_params *)options;
    *out = s;
    return CNN_OK;
}

static void board_close(cnn_dataset_state *s)
{
    free(s);
}

static cnn_status board_describe(const cnn_dataset_state *s, cnn_dataset_info *info, cnn_error *err)
{
    (void)err;
    info->count[CNN_SPLIT_TRAIN] = s->p.train;
    info->count[CNN_SPLIT_TEST] = s->p.test;
    info->input = cnn_type3(CNN_U8, 1, s->p.size, s->p.size);
    info->target = cnn_scalar_type(CNN_I32); /* one label */
    info->classes = s->p.classes;
    return CNN_OK;
}

static cnn_status board_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                             const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    (void)err;
    cnn_rng rng = cnn_rng_at((uint64_t)s->p.seed, CNN_RNG_DATA, split, (uint64_t)index * 4);
    uint32_t label = cnn_rng_below(&rng, (uint32_t)s->p.classes), width = label + 2;
    int64_t dy = cnn_rng_below(&rng, 2 * width), dx = cnn_rng_below(&rng, 2 * width);
    uint8_t *pixel = cnn_u8(input);
    for (int64_t y = 0; y < s->p.size; y++)
        for (int64_t x = 0; x < s->p.size; x++)
            *pixel++ = ((y + dy) / width + (x + dx) / width) % 2 == 0 ? 0 : 255;
    if (target->data != NULL) /* a prediction wants no targets */
        *cnn_i32(target) = (int32_t)label;
    return CNN_OK;
}

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "checkerboard", sizeof(board_params), CNN_TABLE(params),
                         "Checkerboards; the width of the fields is the class.",
                         "data: {source: checkerboard, size: 16}"),
      .open = board_open,
      .close = board_close,
      .describe = board_describe,
      .read = board_read },
};

CNN_PLUGIN(.name = "checkerboard", .version = "1.0.0", .license = "MIT",
           .summary = "Made-up checkerboards", .datasets = CNN_TABLE(datasets));
