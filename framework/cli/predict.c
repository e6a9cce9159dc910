/* predict: what a trained model makes of samples, or of image files. */
#include "cli/predict.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DEFAULT_COUNT 10
#define DEFAULT_IMAGE_TOP 3
#define MAX_IMAGES 100000

/* What one call is to do. */
typedef struct job {
    const char *weights; /* a file or a run's directory */
    const char **images; /* n_images of them; none: samples of a split */
    uint32_t n_images;
    cnn_weights_info info;
    uint32_t split;
    int64_t first, count;
    prediction_style style;
} job;

/* ---- the command line */

static cnn_status read_images(cnn_context *context, job *todo)
{
    static const char *const of_samples[] = { "split", "first", "count" };
    todo->images = context->command.arguments + 1;
    todo->n_images = context->command.n_arguments - 1;
    for (size_t i = 0; todo->n_images > 0 && i < sizeof of_samples / sizeof of_samples[0]; i++)
        if (cnn_command_option(&context->command, of_samples[i]) != NULL)
            return cnn_fail(&context->err, CNN_INVALID,
                            "--%s picks samples of the data set, but images are given",
                            of_samples[i]);
    for (uint32_t i = 0; i < todo->n_images; i++)
        if (cnn_is_dir(todo->images[i])) {
            (void)cnn_fail(&context->err, CNN_INVALID, "%s is a directory, not an image",
                           todo->images[i]);
            cnn_hint(&context->err, "name its files: %s/*.png", todo->images[i]);
            return CNN_INVALID;
        }
    return CNN_OK;
}

static cnn_status read_command(cnn_context *context, job *todo)
{
    cnn_status status = cnn_context_target(context, &todo->weights);
    if (status == CNN_OK)
        status = read_images(context, todo);
    todo->count = -1;
    todo->style.top = todo->n_images > 0 ? DEFAULT_IMAGE_TOP : 1;
    todo->style.json = cnn_command_option(&context->command, "json") != NULL;
    if (status == CNN_OK)
        status = cnn_context_split(context, &todo->split);
    if (status == CNN_OK)
        status = cnn_context_whole(context, "first", 0, &todo->first);
    if (status == CNN_OK)
        status = cnn_context_whole(context, "count", 1, &todo->count);
    return status == CNN_OK ? cnn_context_whole(context, "top", 1, &todo->style.top) : status;
}

/* ---- image files instead of the data set */

/* Weights that do not say what they are for: the pipeline's own data set knows. */
static cnn_status ask_data(cnn_context *context, job *todo)
{
    cnn_source_data *data;
    cnn_status status = cnn_context_config(context);
    if (status == CNN_OK)
        status = cnn_data_open(context->config, &context->registry, &data, &context->err);
    if (status != CNN_OK)
        return status;
    cnn_weights_info *info = &todo->info;
    const char *const *names = cnn_data_class_names(data);
    info->input = *cnn_data_raw_type(data);
    info->classes = cnn_data_shape_of(data)->classes;
    if (names != NULL) {
        const char **copies = CNN_NEW_ARRAY(context->arena, const char *, info->classes);
        for (int64_t i = 0; i < info->classes; i++)
            copies[i] = cnn_arena_string(context->arena, names[i]);
        info->class_names = copies;
    }
    cnn_data_close(data);
    return CNN_OK;
}

static void add_override(cnn_context *context, const char *text)
{
    cnn_command *command = &context->command;
    const char **all = CNN_NEW_ARRAY(context->arena, const char *, command->n_overrides + 1);
    for (uint32_t i = 0; i < command->n_overrides; i++)
        all[i] = command->overrides[i];
    all[command->n_overrides++] = text;
    command->overrides = all;
}

/* The data set `images`, with samples like those of the training. */
static const char *images_source(cnn_context *context, const job *todo)
{
    cnn_text paths = { 0 }, json = { 0 };
    for (uint32_t i = 0; i < todo->n_images; i++)
        cnn_text_add(&paths, "%s%s", i > 0 ? "\n" : "", todo->images[i]);
    cnn_text_add_json(&json, cnn_text_get(&paths));
    const int64_t *dim = todo->info.input.dim;
    const char *source =
        cnn_arena_printf(context->arena,
                         "{images: {path: %s, channels: %" PRId64 ", size: [%" PRId64 ", %" PRId64
                         "], classes: %" PRId64 "}}",
                         cnn_text_get(&json), dim[0], dim[1], dim[2], todo->info.classes);
    cnn_text_free(&paths);
    cnn_text_free(&json);
    return source;
}

/* Reads the pipeline again, with the images as its data. */
static cnn_status use_images(cnn_context *context, job *todo)
{
    const cnn_type *input = &todo->info.input;
    const cnn_doc *data = cnn_doc_get(context->doc, "data");
    char text[160];
    if (input->dtype != CNN_U8 || input->rank != 3 || (input->dim[0] != 1 && input->dim[0] != 3)) {
        cnn_type_text(input, true, text, sizeof text);
        return cnn_fail(&context->err, CNN_UNSUPPORTED,
                        "samples of this model are %s, not images of 1 or 3 channels", text);
    }
    const char *source = images_source(context, todo);
    if (data != NULL && data->kind == CNN_DOC_MAP) {
        add_override(context, cnn_arena_printf(context->arena, "data.source=%s", source));
        add_override(context, "data.split=[0, 0, 0]"); /* all images are test samples */
        add_override(context, "data.limit=0");
        add_override(context, "data.degrade=[]"); /* the user's image is as it is to be seen */
        add_override(context, "data.target_transform=[]");
    } else {
        add_override(context, cnn_arena_printf(context->arena, "data={source: %s}", source));
    }
    context->doc = NULL;
    context->config = NULL;
    todo->split = CNN_SPLIT_TEST;
    todo->count = todo->n_images;
    return CNN_OK;
}

/* Without weights: only a pipeline that is not trained can do, its numbers are written in it. */
static cnn_status check_untrained(cnn_context *context)
{
    cnn_status status = cnn_context_config(context);
    if (status != CNN_OK || context->config->train.loss.component == NULL)
        return status;
    const char *path = context->command.arguments[0], *dir = context->config->output.dir;
    (void)cnn_fail(&context->err, CNN_INVALID, "%s: which weights?", path);
    if (dir[0] != '\0')
        cnn_hint(&context->err,
                 "after `cnnrun train %s` the run's directory has them: cnnrun predict %s; or add "
                 "--weights FILE",
                 path, dir);
    else
        cnn_hint(&context->err, "add --weights FILE");
    return CNN_INVALID;
}

/* The pipeline as it is needed: with its own data, or with the images. */
static cnn_status open_pipeline(cnn_context *context, job *todo)
{
    cnn_status status = cnn_context_doc(context);
    if (status == CNN_OK && todo->weights == NULL)
        status = check_untrained(context);
    else if (status == CNN_OK)
        status = cnn_weights_info_read(todo->weights, context->arena, &todo->info, &context->err);
    if (status == CNN_OK && todo->n_images > 0 && todo->info.input.dtype == 0)
        status = ask_data(context, todo);
    if (status == CNN_OK && todo->n_images > 0)
        status = use_images(context, todo);
    return status == CNN_OK ? cnn_context_config(context) : status;
}

/* ---- predictions */

static int digits(int64_t n)
{
    char text[32];
    return snprintf(text, sizeof text, "%" PRId64, n);
}

static void set_widths(job *todo)
{
    prediction_style *style = &todo->style;
    style->label_title = todo->n_images > 0 ? "image" : "sample";
    style->label_width = (int)strlen(style->label_title);
    if (digits(todo->first + todo->count) > style->label_width)
        style->label_width = digits(todo->first + todo->count);
    for (uint32_t i = 0; i < todo->n_images; i++)
        if ((int)strlen(todo->images[i]) > style->label_width)
            style->label_width = (int)strlen(todo->images[i]);
    if (todo->n_images > 0)
        style->label_width = -style->label_width;
    style->name_width = style->classes > 0 ? 5 : 0; /* "class" */
    for (int64_t i = 0; i < style->classes; i++) {
        int width = style->names != NULL ? (int)strlen(style->names[i]) : digits(i);
        style->name_width = width > style->name_width ? width : style->name_width;
    }
}

static void set_style(cnn_context *context, const cnn_run *run, const cnn_type *type, job *todo)
{
    prediction_style *style = &todo->style;
    const cnn_component *loss = context->config->train.loss.component;
    const cnn_data_shape *shape = cnn_data_shape_of(cnn_run_data(run));
    style->classes = prediction_is_classes(type, shape->classes) ? shape->classes : 0;
    style->logits = loss != NULL && strcmp(loss->name, "cross_entropy") == 0;
    style->names = cnn_data_class_names(cnn_run_data(run));
    if (style->names == NULL && todo->info.classes == style->classes)
        style->names = todo->info.class_names;
    style->targets = shape->target.dtype != 0;
    if (style->top > style->classes && style->classes > 0)
        style->top = style->classes;
    set_widths(todo);
}

/* Prints `count` outputs that lie one after the other; returns how many met their targets. */
static int64_t print_all(const job *todo, int64_t first, int64_t count, const cnn_type *type,
                         const float *output, const char *targets, const cnn_run *run,
                         cnn_arena *arena)
{
    prediction p = { .type = *type, .split = cnn_split_names[todo->split] };
    int64_t met = 0;
    p.target_type = cnn_data_shape_of(cnn_run_data(run))->target;
    for (int64_t i = 0; i < count; i++) {
        p.label = todo->n_images > 0 ? todo->images[first + i] : NULL;
        p.sample = first + i;
        p.output = output + i * cnn_count(type);
        p.target = targets != NULL ? targets + i * cnn_bytes(&p.target_type) : NULL;
        met += prediction_print(&todo->style, &p, arena);
    }
    return met;
}

/* Predicts and prints samples [first, first + count); the heading comes with the first one. */
static cnn_status predict_some(cnn_context *context, cnn_run *run, job *todo, int64_t first,
                               int64_t count, int64_t *met)
{
    const cnn_type target = cnn_data_shape_of(cnn_run_data(run))->target;
    cnn_type type;
    float *output = NULL;
    char *targets = NULL;
    if (target.dtype != 0) {
        targets = calloc((size_t)count, (size_t)cnn_bytes(&target));
        if (targets == NULL)
            return cnn_fail(&context->err, CNN_MEMORY, "no memory for %" PRId64 " targets", count);
    }
    cnn_status status =
        cnn_run_predict(run, todo->split, first, count, &type, &output, targets, &context->err);
    if (status == CNN_OK) {
        for (uint32_t i = 1; i < type.rank; i++)
            type.dim[i - 1] = type.dim[i];
        type.dim[--type.rank] = 0;
        if (first == todo->first) {
            set_style(context, run, &type, todo);
            prediction_print_heading(&todo->style);
        }
        *met += print_all(todo, first, count, &type, output, targets, run, context->arena);
    }
    free(output);
    free(targets);
    return status;
}

/* In batches, so that results come early; images one by one. */
static cnn_status predict_all(cnn_context *context, cnn_run *run, job *todo)
{
    int64_t batch = todo->n_images > 0 ? 1 : context->config->train.batch, met = 0;
    if (todo->split == CNN_SPLIT_COUNT)
        todo->split = cnn_run_test_split(run);
    int64_t there = cnn_data_count(cnn_run_data(run), todo->split);
    if (todo->count < 0 && todo->first < there)
        todo->count = there - todo->first < DEFAULT_COUNT ? there - todo->first : DEFAULT_COUNT;
    if (todo->count < 0 || todo->first + todo->count > there)
        return cnn_fail(&context->err, CNN_INVALID,
                        "the %s split has %" PRId64 " samples: there is no sample %" PRId64,
                        cnn_split_names[todo->split], there,
                        todo->first > there ? todo->first : there);
    cnn_status status = CNN_OK;
    for (int64_t done = 0, n; done < todo->count && status == CNN_OK; done += n) {
        n = todo->count - done < batch ? todo->count - done : batch;
        status = predict_some(context, run, todo, todo->first + done, n, &met);
    }
    if (status == CNN_OK && todo->style.targets && todo->style.classes > 0 && !todo->style.json)
        (void)printf("%" PRId64 " of %" PRId64 " are right\n", met, todo->count);
    return status;
}

static cnn_status predict(cnn_context *context)
{
    cnn_run *run = NULL;
    job todo = { .weights = NULL };
    cnn_status status = read_command(context, &todo);
    if (status == CNN_OK)
        status = open_pipeline(context, &todo);
    if (status == CNN_OK)
        status = cnn_run_open(context->config, &context->registry, 1u << CNN_PREDICT,
                              context->arena, &context->diags, &run, &context->err);
    cnn_context_print_diags(context);
    if (status == CNN_OK && todo.weights != NULL)
        status = cnn_run_load(run, todo.weights, &context->err);
    if (status == CNN_OK)
        status = predict_all(context, run, &todo);
    cnn_run_close(run);
    return status;
}

static const cnn_option options[] = {
    { "weights", "FILE", "these weights (safetensors file, or a run's directory)" },
    { "split", "SPLIT", "samples of train, val or test (default: as for a test)" },
    { "first", "N", "the first sample (default: 0)" },
    { "count", "N", "how many samples (default: 10)" },
    { "top", "K", "show the K most probable classes (default: 1, of images 3)" },
    { "json", NULL, "one JSON object a line" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_predict = {
    .name = "predict",
    .arguments = "PIPELINE|DIR [IMAGE ...] [PATH=VALUE ...]",
    .summary = "what a trained model makes of samples, or of image files",
    .details =
        "DIR is the directory of a run: its pipeline and weights are used. Without IMAGE, samples\n"
        "of the pipeline's data set are predicted. PNG and JPEG images are scaled and cut to the\n"
        "size that the model wants; they must look like those it was trained with: MNIST's\n"
        "digits, for example, are white on black and fill most of the image.",
    .options = options,
    .min_arguments = 1,
    .max_arguments = MAX_IMAGES,
    .run = predict,
};
