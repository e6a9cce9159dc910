/* images: PNG and JPEG files without labels, for predictions. All of them are test samples, in the
 * order of `path`. */
#include "image.h"
#include "image_files.h"

typedef struct images_params {
    const char *path;
    int64_t channels;
    cnn_ints size;
    int64_t classes;
} images_params;

struct cnn_dataset_state {
    image_names files;
    int64_t classes;
    cnn_type input;
};

static const cnn_param params[] = {
    { CNN_FIELD(images_params, path, PATH),
      .help = "an image, or a folder of images; several of them stand one a line" },
    { CNN_FIELD(images_params, channels, INT), .def = "3", .min = 1, .max = 3,
      .help = "3: colour, 1: grey" },
    { CNN_FIELD(images_params, size, INTS), .min = 1, .max = DATASET_MAX_DIM, .min_count = 1,
      .max_count = 2, .unit = "pixels",
      .help = "scale every image to cover this (one number or [height, width]) and cut it evenly" },
    { CNN_FIELD(images_params, classes, INT), .def = "0", .min = 0, .max = 1e9,
      .help = "how many classes the model tells apart" },
};

static cnn_status add_folder(image_names *files, const char *dir, cnn_error *err)
{
    image_names found = { NULL, 0 };
    cnn_status status = image_list(dir, false, &found, err);
    if (status == CNN_OK && found.count == 0)
        status = cnn_fail(err, CNN_IO, "%s holds no PNG or JPEG files", dir);
    for (size_t i = 0; status == CNN_OK && i < found.count; i++) {
        char *path = dataset_join(dir, found.items[i], "");
        if (path == NULL || !image_names_add(files, path))
            status = dataset_no_memory(err, dir);
        free(path);
    }
    image_names_free(&found);
    return status;
}

/* That a file is an image is seen now, not in the middle of the work. */
static cnn_status add_file(image_names *files, const char *path, cnn_error *err)
{
    uint8_t *bytes;
    size_t count;
    image_size size;
    cnn_status status = image_read_file(path, &bytes, &count, err);
    if (status == CNN_OK)
        status = image_measure(bytes, count, path, &size, err);
    free(bytes);
    if (status == CNN_OK && !image_names_add(files, path))
        status = dataset_no_memory(err, path);
    return status;
}

/* Cuts `lines`. */
static cnn_status add_lines(image_names *files, char *lines, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (char *line = lines, *end = lines; status == CNN_OK && end != NULL; line = end + 1) {
        end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        if (line[0] != '\0')
            status =
                image_is_folder(line) ? add_folder(files, line, err) : add_file(files, line, err);
        if (end == NULL)
            break;
    }
    if (status == CNN_OK && files->count == 0)
        status = cnn_fail(err, CNN_INVALID, "images: `path` names no file");
    return status;
}

static void images_close(cnn_dataset_state *s)
{
    image_names_free(&s->files);
    free(s);
}

static cnn_status images_open(const cnn_host *host, const void *params_, cnn_dataset_state **out,
                              cnn_error *err)
{
    const images_params *p = params_;
    (void)host;
    if (p->channels == 2)
        return cnn_fail(err, CNN_INVALID, "images: `channels` is 2; 3 (colour) or 1 (grey)");
    cnn_dataset_state *s = calloc(1, sizeof *s);
    char *lines = dataset_copy(p->path);
    cnn_status status = s != NULL && lines != NULL ? add_lines(&s->files, lines, err)
                                                   : dataset_no_memory(err, "images");
    free(lines);
    if (status != CNN_OK) {
        if (s != NULL)
            images_close(s);
        return status;
    }
    s->classes = p->classes;
    s->input = cnn_type3(CNN_U8, p->channels, p->size.v[0], p->size.v[p->size.count > 1 ? 1 : 0]);
    *out = s;
    return CNN_OK;
}

static cnn_status images_describe(const cnn_dataset_state *s, cnn_dataset_info *info,
                                  cnn_error *err)
{
    (void)err;
    info->count[CNN_SPLIT_TEST] = (int64_t)s->files.count;
    info->input = s->input;
    info->classes = s->classes;
    return CNN_OK;
}

static cnn_status images_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                              const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    uint8_t *bytes;
    size_t size;
    image picture = { 0, 0, NULL };
    (void)target;
    if (split != CNN_SPLIT_TEST || index < 0 || index >= (int64_t)s->files.count)
        return cnn_fail(err, CNN_INTERNAL, "images has no sample %" PRId64, index);
    const char *path = s->files.items[index];
    cnn_status status = image_read_file(path, &bytes, &size, err);
    if (status == CNN_OK)
        status = image_decode(bytes, size, path, &picture, err);
    free(bytes);
    if (status != CNN_OK)
        return status;
    image_to_planes(&picture, s->input.dim[0], s->input.dim[1], s->input.dim[2], cnn_u8(input));
    free(picture.pixels);
    return CNN_OK;
}

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "images", sizeof(images_params), CNN_TABLE(params),
                         "PNG and JPEG files without labels, to predict.",
                         "data: {source: images, path: photo.png, size: 64}"),
      .open = images_open,
      .close = images_close,
      .describe = images_describe,
      .read = images_read },
};

CNN_PLUGIN(.name = "images", .version = DATASET_VERSION, .license = DATASET_LICENSE,
           .summary = "Images to predict", .datasets = CNN_TABLE(datasets));
