/* idx, mnist, fashion_mnist: images and labels in IDX files, plain or gzipped.
 *
 * Opening reads the headers, compares them with the files' sizes, and reads the labels. Plain files
 * of images are mapped and lend their samples; packed ones are unpacked when the first sample of a
 * split is wanted. */
#define _POSIX_C_SOURCE 200809L
#include "idx_file.h"

#include <pthread.h>

typedef struct idx_params {
    const char *path, *train_images, *train_labels, *test_images, *test_labels;
} idx_params;

typedef struct preset_params {
    const char *path;
} preset_params;

/* One of the two parts of the set; CNN_SPLIT_VAL stays empty. */
typedef struct part {
    char *images, *labels; /* paths; NULL: there is no such part */
    idx_header header;     /* of the images */
    uint8_t *label;        /* [dim[0]] */
    uint8_t *pixels;       /* [dim[0], ...], NULL until wanted */
    mapped_file map;       /* of a plain file of images */
} part;

struct cnn_dataset_state {
    part parts[CNN_SPLIT_COUNT];
    int64_t classes;
    const char *const *class_names;
    cnn_type input;
    pthread_mutex_t lock; /* of pixels */
};

static const char *const fashion_names[10] = { "t-shirt", "trouser",   "pullover", "dress",
                                               "coat",    "sandal",    "shirt",    "sneaker",
                                               "bag",     "ankle boot" };
static const char *const digit_names[10] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };

static const cnn_param idx_table[] = {
    { CNN_FIELD(idx_params, path, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help = "folder with the four files under MNIST's names, plain or .gz" },
    { CNN_FIELD(idx_params, train_images, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help = "file of the training images, instead of path" },
    { CNN_FIELD(idx_params, train_labels, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help = "file of the training labels" },
    { CNN_FIELD(idx_params, test_images, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help = "file of the test images" },
    { CNN_FIELD(idx_params, test_labels, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help = "file of the test labels" },
};

static const cnn_param preset_table[] = {
    { CNN_FIELD(preset_params, path, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help =
          "folder with the four files, plain or .gz; without it the usual folders are searched" },
};

/* ---- files */

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* "<dir>/<name>-ubyte", also with .gz, also with a dot before idx as some mirrors have it. NULL:
 * none is there. */
static char *find(const char *dir, const char *first, const char *last)
{
    static const char *const joints[2] = { "-", "." };
    static const char *const suffixes[2] = { "", ".gz" };
    for (int i = 0; i < 4; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s%s", first, joints[i / 2], last);
        char *path = dataset_join(dir, name, suffixes[i % 2]);
        if (path != NULL && exists(path))
            return path;
        free(path);
    }
    return NULL;
}

/* ---- one part */

static cnn_status load_labels(part *p, int64_t *classes, cnn_error *err)
{
    idx_header h;
    cnn_status status = idx_read_header(p->labels, &h, err);
    if (status != CNN_OK)
        return status;
    if (h.rank != 1)
        return cnn_fail(err, CNN_INVALID, "%s holds no labels: it has %" PRIu32 " axes, not 1",
                        p->labels, h.rank);
    if (h.dim[0] != p->header.dim[0])
        return cnn_fail(err, CNN_INVALID,
                        "%s has %" PRIu32 " images, but %s has %" PRIu32 " labels", p->images,
                        p->header.dim[0], p->labels, h.dim[0]);
    status = idx_read_elements(p->labels, &h, &p->label, err);
    for (uint32_t i = 0; status == CNN_OK && i < h.dim[0]; i++)
        if (p->label[i] >= *classes)
            *classes = p->label[i] + 1;
    return status;
}

static cnn_status load_part(part *p, int64_t *classes, cnn_error *err)
{
    cnn_status status = idx_read_header(p->images, &p->header, err);
    if (status != CNN_OK)
        return status;
    if (p->header.rank < 3)
        return cnn_fail(err, CNN_INVALID, "%s holds no images: it has %" PRIu32 " axes, not 3 or 4",
                        p->images, p->header.rank);
    idx_map(p->images, &p->header, &p->map);
    return load_labels(p, classes, err);
}

/* [N,H,W] or [N,C,H,W] */
static cnn_type sample_type(const idx_header *h)
{
    uint32_t channels = h->rank == 4 ? h->dim[1] : 1;
    return cnn_type3(CNN_U8, channels, h->dim[h->rank - 2], h->dim[h->rank - 1]);
}

static cnn_status load(cnn_dataset_state *s, cnn_error *err)
{
    static const uint32_t splits[2] = { CNN_SPLIT_TRAIN, CNN_SPLIT_TEST };
    for (int i = 0; i < 2; i++) {
        part *p = &s->parts[splits[i]];
        if (p->images == NULL)
            continue;
        cnn_status status = load_part(p, &s->classes, err);
        if (status != CNN_OK)
            return status;
        cnn_type type = sample_type(&p->header);
        if (s->input.rank == 0)
            s->input = type;
        if (!cnn_same_type(&type, &s->input))
            return cnn_fail(err, CNN_INVALID,
                            "images of %s are %" PRId64 "x%" PRId64 "x%" PRId64
                            ", those of the training set %" PRId64 "x%" PRId64 "x%" PRId64,
                            p->images, type.dim[0], type.dim[1], type.dim[2], s->input.dim[0],
                            s->input.dim[1], s->input.dim[2]);
    }
    return CNN_OK;
}

/* ---- the data set */

static void idx_close(cnn_dataset_state *s)
{
    for (int i = 0; i < CNN_SPLIT_COUNT; i++) {
        idx_unmap(&s->parts[i].map);
        free(s->parts[i].images);
        free(s->parts[i].labels);
        free(s->parts[i].label);
        free(s->parts[i].pixels);
    }
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static cnn_dataset_state *create(void)
{
    cnn_dataset_state *s = calloc(1, sizeof *s);
    if (s != NULL && pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s);
        return NULL;
    }
    return s;
}

/* Gives the state to the caller if all is well. */
static cnn_status finish(cnn_dataset_state *s, cnn_status status, cnn_dataset_state **out,
                         cnn_error *err)
{
    if (status == CNN_OK) {
        status = load(s, err);
        if (status == CNN_INVALID || status == CNN_IO)
            cnn_hint(err, "copy or download the file again");
    }
    if (status == CNN_OK)
        *out = s;
    else
        idx_close(s);
    return status;
}

/* The four files of one folder; *found says whether any is there. */
static void find_in(cnn_dataset_state *s, const char *dir)
{
    part *train = &s->parts[CNN_SPLIT_TRAIN], *test = &s->parts[CNN_SPLIT_TEST];
    train->images = find(dir, "train-images", "idx3-ubyte");
    train->labels = find(dir, "train-labels", "idx1-ubyte");
    test->images = find(dir, "t10k-images", "idx3-ubyte");
    test->labels = find(dir, "t10k-labels", "idx1-ubyte");
}

static bool any_found(const cnn_dataset_state *s)
{
    const part *train = &s->parts[CNN_SPLIT_TRAIN], *test = &s->parts[CNN_SPLIT_TEST];
    return train->images != NULL || train->labels != NULL || test->images != NULL ||
           test->labels != NULL;
}

static cnn_status all_found(const cnn_dataset_state *s, const char *dir, cnn_error *err)
{
    const part *train = &s->parts[CNN_SPLIT_TRAIN], *test = &s->parts[CNN_SPLIT_TEST];
    const char *missing = train->images == NULL   ? "train-images-idx3-ubyte"
                          : train->labels == NULL ? "train-labels-idx1-ubyte"
                          : test->images == NULL  ? "t10k-images-idx3-ubyte"
                          : test->labels == NULL  ? "t10k-labels-idx1-ubyte"
                                                  : NULL;
    if (missing == NULL)
        return CNN_OK;
    return cnn_fail(err, CNN_IO, "%s has no file %s, neither plain nor with .gz", dir, missing);
}

static cnn_status nowhere(const cnn_host *host, const char *title, const char *name, cnn_error *err)
{
    char dirs[768] = "";
    for (size_t i = 0, used = 0; host->data_dirs[i] != NULL && used < sizeof dirs; i++) {
        int n = snprintf(dirs + used, sizeof dirs - used, "%s%s/%s", i > 0 ? ", " : "",
                         host->data_dirs[i], name);
        used += n > 0 ? (size_t)n : 0;
    }
    return cnn_fail(err, CNN_IO, "%s was not found; searched: %s", title, dirs);
}

/* A set with a usual place: `path`, or one of the folders `names` of the data directories. */
static cnn_status open_preset(const cnn_host *host, const preset_params *p, const char *title,
                              const char *const *names, const char *const *class_names,
                              cnn_dataset_state **out, cnn_error *err)
{
    cnn_dataset_state *s = create();
    if (s == NULL)
        return dataset_no_memory(err, title);
    s->classes = 10;
    s->class_names = class_names;
    char *dir = p->path != NULL ? dataset_copy(p->path) : NULL;
    if (dir != NULL)
        find_in(s, dir);
    for (size_t i = 0; p->path == NULL && host->data_dirs[i] != NULL; i++) {
        for (size_t j = 0; names[j] != NULL && !any_found(s); j++) {
            free(dir);
            dir = dataset_join(host->data_dirs[i], names[j], "");
            if (dir != NULL)
                find_in(s, dir);
        }
    }
    cnn_status status = CNN_OK;
    if (any_found(s) || p->path != NULL)
        status = all_found(s, dir != NULL ? dir : title, err);
    else
        status = nowhere(host, title, names[0], err);
    free(dir);
    status = finish(s, status, out, err);
    if (status == CNN_OK && (*out)->classes > 10) {
        status = cnn_fail(err, CNN_INVALID, "a label of %s is %" PRId64 "; it has 10 classes",
                          title, (*out)->classes - 1);
        idx_close(*out);
    }
    if (status != CNN_OK)
        cnn_hint(err, "get it with `./dev data %s`, or give its folder with `path:`", names[0]);
    return status;
}

static cnn_status open_mnist(const cnn_host *host, const void *params, cnn_dataset_state **out,
                             cnn_error *err)
{
    static const char *const names[] = { "mnist", "MNIST", NULL };
    return open_preset(host, params, "MNIST", names, digit_names, out, err);
}

static cnn_status open_fashion(const cnn_host *host, const void *params, cnn_dataset_state **out,
                               cnn_error *err)
{
    static const char *const names[] = { "fashion-mnist", "fashion_mnist", NULL };
    return open_preset(host, params, "Fashion-MNIST", names, fashion_names, out, err);
}

static cnn_status open_idx(const cnn_host *host, const void *params, cnn_dataset_state **out,
                           cnn_error *err)
{
    (void)host;
    const idx_params *p = params;
    bool train = p->train_images != NULL, test = p->test_images != NULL;
    if (train != (p->train_labels != NULL) || test != (p->test_labels != NULL))
        return cnn_fail(err, CNN_INVALID,
                        "images and labels come in pairs of files: `%s` is missing",
                        p->train_images == NULL && p->train_labels != NULL   ? "train_images"
                        : p->train_labels == NULL && p->train_images != NULL ? "train_labels"
                        : p->test_images == NULL                             ? "test_images"
                                                                             : "test_labels");
    if ((p->path != NULL) == (train || test))
        return cnn_fail(err, CNN_INVALID, "idx takes either `path` or the names of the files");
    cnn_dataset_state *s = create();
    if (s == NULL)
        return dataset_no_memory(err, "idx");
    cnn_status status = CNN_OK;
    if (p->path != NULL) {
        find_in(s, p->path);
        status = all_found(s, p->path, err);
    }
    for (int i = 0; i < 2; i++) {
        part *to = &s->parts[i == 0 ? CNN_SPLIT_TRAIN : CNN_SPLIT_TEST];
        const char *images = i == 0 ? p->train_images : p->test_images;
        const char *labels = i == 0 ? p->train_labels : p->test_labels;
        if (images == NULL)
            continue;
        to->images = dataset_copy(images);
        to->labels = dataset_copy(labels);
        if (to->images == NULL || to->labels == NULL)
            status = dataset_no_memory(err, "idx");
    }
    return finish(s, status, out, err);
}

static cnn_status idx_describe(const cnn_dataset_state *s, cnn_dataset_info *info, cnn_error *err)
{
    (void)err;
    for (int i = 0; i < CNN_SPLIT_COUNT; i++)
        info->count[i] = s->parts[i].images != NULL ? s->parts[i].header.dim[0] : 0;
    info->input = s->input;
    info->target = cnn_scalar_type(CNN_I32);
    info->classes = s->classes;
    info->class_names = s->class_names;
    return CNN_OK;
}

static cnn_status need_pixels(cnn_dataset_state *s, part *p, const uint8_t **pixels, cnn_error *err)
{
    cnn_status status = CNN_OK;
    (void)pthread_mutex_lock(&s->lock);
    if (p->pixels == NULL)
        status = idx_read_elements(p->images, &p->header, &p->pixels, err);
    *pixels = p->pixels;
    (void)pthread_mutex_unlock(&s->lock);
    return status;
}

static cnn_status idx_view(cnn_dataset_state *s, uint32_t split, int64_t index, const void **input,
                           const cnn_tensor *target, cnn_error *err)
{
    part *p = &s->parts[split < CNN_SPLIT_COUNT ? split : 0];
    if (split >= CNN_SPLIT_COUNT || p->images == NULL || index < 0 ||
        index >= (int64_t)p->header.dim[0])
        return cnn_fail(err, CNN_INTERNAL, "idx has no sample %" PRId64, index);
    const uint8_t *pixels = NULL;
    cnn_status status = CNN_OK;
    if (p->map.bytes == NULL)
        status = need_pixels(s, p, &pixels, err);
    else if (mapped_is_whole(&p->map))
        pixels = p->map.bytes + p->header.offset;
    else
        status = cnn_fail(err, CNN_IO,
                          "cannot read image %" PRId64 " of %s: the file has become shorter", index,
                          p->images);
    if (status != CNN_OK)
        return status;
    *input = pixels + (size_t)index * (size_t)cnn_bytes(&s->input);
    if (target->data != NULL)
        *cnn_i32(target) = p->label[index];
    return CNN_OK;
}

static cnn_status idx_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                           const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    const void *pixels = NULL;
    cnn_status status = idx_view(s, split, index, &pixels, target, err);
    if (status == CNN_OK)
        memcpy(input->data, pixels, (size_t)cnn_bytes(&s->input));
    return status;
}

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "mnist", sizeof(preset_params), CNN_TABLE(preset_table),
                         "Handwritten digits, 28x28: 60,000 to train, 10,000 to test.",
                         "data: {source: mnist}"),
      .open = open_mnist,
      .close = idx_close,
      .describe = idx_describe,
      .read = idx_read,
      .view = idx_view },
    { .c = CNN_COMPONENT(cnn_dataset, "fashion_mnist", sizeof(preset_params),
                         CNN_TABLE(preset_table),
                         "Pieces of clothing, 28x28: 60,000 to train, 10,000 to test.",
                         "data: {source: fashion_mnist}"),
      .open = open_fashion,
      .close = idx_close,
      .describe = idx_describe,
      .read = idx_read,
      .view = idx_view },
    { .c = CNN_COMPONENT(cnn_dataset, "idx", sizeof(idx_params), CNN_TABLE(idx_table),
                         "Images and labels in IDX files, plain or gzipped.",
                         "data: {source: idx, path: ./digits}"),
      .open = open_idx,
      .close = idx_close,
      .describe = idx_describe,
      .read = idx_read,
      .view = idx_view },
};

CNN_PLUGIN(.name = "idx", .version = DATASET_VERSION, .license = DATASET_LICENSE,
           .summary = "MNIST, Fashion-MNIST and other IDX files", .datasets = CNN_TABLE(datasets));
