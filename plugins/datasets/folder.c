/* folder: PNG and JPEG files in a folder per class.
 *
 *     <path>/train/<class>/..., <path>/val/..., <path>/test/...    or only    <path>/<class>/...
 *
 * Opening lists the files and, unless a size is given, compares their sizes; pixels are read when a
 * sample is wanted. */
#include "image.h"
#include "image_files.h"

typedef struct folder_params {
    const char *path;
    int64_t channels;
    cnn_ints size;
} folder_params;

typedef struct entry {
    char *path;
    int32_t label;
} entry;

typedef struct part {
    entry *entries; /* by class, then by name */
    int64_t count;
} part;

struct cnn_dataset_state {
    part parts[CNN_SPLIT_COUNT];
    char **names; /* of the classes, sorted */
    int64_t classes;
    cnn_type input;
};

static const cnn_param params[] = {
    { CNN_FIELD(folder_params, path, PATH),
      .help = "folder with train/, val/ and test/, or with a folder per class" },
    { CNN_FIELD(folder_params, channels, INT), .def = "3", .min = 1, .max = 3,
      .help = "3: colour, 1: grey" },
    { CNN_FIELD(folder_params, size, INTS), .flags = CNN_PARAM_OPTIONAL, .min = 1,
      .max = DATASET_MAX_DIM, .min_count = 1, .max_count = 2, .unit = "pixels",
      .help = "scale every image to cover this (one number or [height, width]) and cut it evenly; "
              "without it all must be of one size" },
};

/* ---- listing */

static cnn_status add_entry(part *p, char *path, int64_t label, cnn_error *err)
{
    if (path == NULL)
        return dataset_no_memory(err, "the list of images");
    if ((p->count & (p->count - 1)) == 0) {
        size_t room = p->count == 0 ? 1 : (size_t)(2 * p->count);
        entry *entries = realloc(p->entries, room * sizeof *entries);
        if (entries == NULL) {
            free(path);
            return dataset_no_memory(err, "the list of images");
        }
        p->entries = entries;
    }
    p->entries[p->count++] = (entry){ path, (int32_t)label };
    return CNN_OK;
}

static cnn_status list_class(part *p, const char *dir, const char *name, int64_t label,
                             cnn_error *err)
{
    image_names files = { NULL, 0 };
    char *path = dataset_join(dir, name, "");
    if (path == NULL)
        return dataset_no_memory(err, dir);
    cnn_status status = image_list(path, false, &files, err);
    for (size_t i = 0; status == CNN_OK && i < files.count; i++)
        status = add_entry(p, dataset_join(path, files.items[i], ""), label, err);
    image_names_free(&files);
    free(path);
    return status;
}

/* A split's folder. The first one decides which classes there are. */
static cnn_status list_part(cnn_dataset_state *s, part *p, const char *dir, cnn_error *err)
{
    image_names found = { NULL, 0 };
    cnn_status status = image_list(dir, true, &found, err);
    if (status == CNN_OK && s->names == NULL) {
        s->names = found.items;
        s->classes = (int64_t)found.count;
        for (size_t i = 0; status == CNN_OK && i < found.count; i++)
            status = list_class(p, dir, s->names[i], (int64_t)i, err);
        return status;
    }
    for (size_t i = 0; status == CNN_OK && i < found.count; i++) {
        int64_t label = 0;
        while (label < s->classes && strcmp(s->names[label], found.items[i]) != 0)
            label++;
        if (label == s->classes)
            status = cnn_fail(err, CNN_INVALID,
                              "%s has a class %s, which the training images do not have", dir,
                              found.items[i]);
        else
            status = list_class(p, dir, found.items[i], label, err);
    }
    image_names_free(&found);
    return status;
}

static cnn_status list_all(cnn_dataset_state *s, const char *path, cnn_error *err)
{
    static const char *const splits[CNN_SPLIT_COUNT] = { "train", "val", "test" };
    cnn_status status = CNN_OK;
    bool split = false;
    for (int i = 0; status == CNN_OK && i < CNN_SPLIT_COUNT; i++) {
        char *dir = dataset_join(path, splits[i], "");
        if (dir == NULL)
            status = dataset_no_memory(err, path);
        else if (image_is_folder(dir) && (i == 0 || split)) {
            split = true;
            status = list_part(s, &s->parts[i], dir, err);
        }
        free(dir);
    }
    if (status == CNN_OK && !split)
        status = list_part(s, &s->parts[CNN_SPLIT_TRAIN], path, err);
    if (status == CNN_OK && s->parts[CNN_SPLIT_TRAIN].count == 0) {
        (void)cnn_fail(err, CNN_IO, "%s holds no images in folders of classes", path);
        cnn_hint(err, "expected are %s/train/<class>/*.png (or .jpg), or %s/<class>/*.png", path,
                 path);
        return CNN_IO;
    }
    return status;
}

/* ---- pixels */

static cnn_status measure(const char *path, image_size *size, cnn_error *err)
{
    uint8_t *bytes = NULL;
    size_t count = 0;
    cnn_status status = image_read_file(path, &bytes, &count, err);
    if (status != CNN_OK)
        return status;
    status = image_measure(bytes, count, path, size, err);
    free(bytes);
    return status;
}

static cnn_status other_size(const cnn_dataset_state *s, const char *path, int64_t h, int64_t w,
                             cnn_error *err)
{
    (void)cnn_fail(
        err, CNN_INVALID,
        "%s is %" PRId64 " x %" PRId64 " pixels (height x width), but %s is %" PRId64 " x %" PRId64,
        path, h, w, s->parts[CNN_SPLIT_TRAIN].entries[0].path, s->input.dim[1], s->input.dim[2]);
    cnn_hint(err, "`size: [height, width]` scales all images to one size");
    return CNN_INVALID;
}

/* Without `size:` the first image decides, and the others must agree. */
static cnn_status common_size(cnn_dataset_state *s, cnn_error *err)
{
    for (int i = 0; i < CNN_SPLIT_COUNT; i++) {
        for (int64_t k = 0; k < s->parts[i].count; k++) {
            image_size size;
            const char *path = s->parts[i].entries[k].path;
            cnn_status status = measure(path, &size, err);
            if (status != CNN_OK)
                return status;
            if (s->input.dim[1] == 0) {
                s->input.dim[1] = size.height;
                s->input.dim[2] = size.width;
            }
            if (size.height != s->input.dim[1] || size.width != s->input.dim[2])
                return other_size(s, path, size.height, size.width, err);
        }
    }
    return CNN_OK;
}

/* ---- the data set */

static void folder_close(cnn_dataset_state *s)
{
    image_names classes = { s->names, (size_t)s->classes };
    for (int i = 0; i < CNN_SPLIT_COUNT; i++) {
        for (int64_t k = 0; k < s->parts[i].count; k++)
            free(s->parts[i].entries[k].path);
        free(s->parts[i].entries);
    }
    image_names_free(&classes);
    free(s);
}

static cnn_status folder_open(const cnn_host *host, const void *params_, cnn_dataset_state **out,
                              cnn_error *err)
{
    const folder_params *p = params_;
    (void)host;
    if (p->channels == 2)
        return cnn_fail(err, CNN_INVALID, "folder: `channels` is 2; 3 (colour) or 1 (grey)");
    cnn_dataset_state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return dataset_no_memory(err, "folder");
    s->input = cnn_type3(CNN_U8, p->channels, 0, 0);
    cnn_status status = list_all(s, p->path, err);
    if (status == CNN_OK && p->size.count > 0) {
        s->input.dim[1] = p->size.v[0];
        s->input.dim[2] = p->size.v[p->size.count > 1 ? 1 : 0];
    } else if (status == CNN_OK) {
        status = common_size(s, err);
    }
    if (status == CNN_OK)
        *out = s;
    else
        folder_close(s);
    return status;
}

static cnn_status folder_describe(const cnn_dataset_state *s, cnn_dataset_info *info,
                                  cnn_error *err)
{
    (void)err;
    for (int i = 0; i < CNN_SPLIT_COUNT; i++)
        info->count[i] = s->parts[i].count;
    info->input = s->input;
    info->target = cnn_scalar_type(CNN_I32);
    info->classes = s->classes;
    info->class_names = (const char *const *)s->names;
    return CNN_OK;
}

static cnn_status folder_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                              const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    image picture = { 0, 0, NULL };
    if (split >= CNN_SPLIT_COUNT || index < 0 || index >= s->parts[split].count)
        return cnn_fail(err, CNN_INTERNAL, "folder has no sample %" PRId64, index);
    const entry *e = &s->parts[split].entries[index];
    cnn_status status = image_read_file(e->path, &bytes, &size, err);
    if (status != CNN_OK)
        return status;
    status = image_decode(bytes, size, e->path, &picture, err);
    free(bytes);
    if (status != CNN_OK)
        return status;
    image_to_planes(&picture, s->input.dim[0], s->input.dim[1], s->input.dim[2], cnn_u8(input));
    free(picture.pixels);
    if (target->data != NULL)
        *cnn_i32(target) = e->label;
    return CNN_OK;
}

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "folder", sizeof(folder_params), CNN_TABLE(params),
                         "PNG and JPEG files, in a folder per class.",
                         "data: {source: folder, path: photos, size: 64}"),
      .open = folder_open,
      .close = folder_close,
      .describe = folder_describe,
      .read = folder_read },
};

CNN_PLUGIN(.name = "folder", .version = DATASET_VERSION, .license = DATASET_LICENSE,
           .summary = "Image files in folders", .datasets = CNN_TABLE(datasets));
