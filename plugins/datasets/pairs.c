/* pairs: two folders of PNG and JPEG files with the same names; a file of the one is the input,
 * that of the other the image that should come out.
 *
 *     <input>/train/..., <input>/val/..., <input>/test/...    or only    <input>/...
 *
 * and the same below <target>. Opening lists the files and compares their sizes; pixels are read
 * when a sample is wanted. */
#include "image.h"
#include "image_files.h"

typedef struct pairs_params {
    const char *input, *target;
    int64_t channels;
    cnn_ints size;
} pairs_params;

enum { INPUT, TARGET, SIDES };

typedef struct part {
    char *dir[SIDES];
    image_names names; /* of both, sorted */
} part;

struct cnn_dataset_state {
    part parts[CNN_SPLIT_COUNT];
    cnn_type type; /* of both */
    bool scaled;   /* `size` was given */
};

static const cnn_param params[] = {
    { CNN_FIELD(pairs_params, input, PATH),
      .help = "folder of the inputs, or with folders train, val and test of them" },
    { CNN_FIELD(pairs_params, target, PATH),
      .help = "folder of the targets, with files of the same names" },
    { CNN_FIELD(pairs_params, channels, INT), .def = "3", .min = 1, .max = 3,
      .help = "3: colour, 1: grey" },
    { CNN_FIELD(pairs_params, size, INTS), .flags = CNN_PARAM_OPTIONAL, .min = 1,
      .max = DATASET_MAX_DIM, .min_count = 1, .max_count = 2, .unit = "pixels",
      .help = "scale every image to cover this (one number or [height, width]) and cut it evenly; "
              "without it all must be of one size" },
};

/* ---- listing */

/* First name of `a` that `b` does not have, or NULL; both are sorted. */
static const char *missing(const image_names *a, const image_names *b)
{
    for (size_t i = 0, k = 0; i < a->count; i++) {
        while (k < b->count && strcmp(b->items[k], a->items[i]) < 0)
            k++;
        if (k == b->count || strcmp(b->items[k], a->items[i]) != 0)
            return a->items[i];
    }
    return NULL;
}

static cnn_status no_partner(const char *dir, const char *name, const char *other, cnn_error *err)
{
    (void)cnn_fail(err, CNN_INVALID, "%s/%s has no partner: there is no %s/%s", dir, name, other,
                   name);
    cnn_hint(err, "both folders must hold files of the same names, endings included");
    return CNN_INVALID;
}

/* Takes `input` and `target`, which may be NULL, and lists what they hold. */
static cnn_status list_part(part *p, char *input, char *target, cnn_error *err)
{
    image_names targets = { NULL, 0 };
    p->dir[INPUT] = input;
    p->dir[TARGET] = target;
    if (input == NULL || target == NULL)
        return dataset_no_memory(err, "pairs");
    cnn_status status = image_list(input, false, &p->names, err);
    if (status == CNN_OK)
        status = image_list(target, false, &targets, err);
    if (status == CNN_OK) {
        const char *lone = missing(&p->names, &targets), *other = missing(&targets, &p->names);
        if (lone != NULL)
            status = no_partner(input, lone, target, err);
        else if (other != NULL)
            status = no_partner(target, other, input, err);
    }
    image_names_free(&targets);
    return status;
}

/* Is there a folder `name` in `dir`? */
static bool has_folder(const char *dir, const char *name)
{
    char *path = dataset_join(dir, name, "");
    bool has = path != NULL && image_is_folder(path);
    free(path);
    return has;
}

static cnn_status list_all(cnn_dataset_state *s, const pairs_params *p, cnn_error *err)
{
    static const char *const splits[CNN_SPLIT_COUNT] = { "train", "val", "test" };
    cnn_status status = CNN_OK;
    bool split = has_folder(p->input, splits[0]);
    for (int i = 0; status == CNN_OK && split && i < CNN_SPLIT_COUNT; i++)
        if (has_folder(p->input, splits[i]))
            status = list_part(&s->parts[i], dataset_join(p->input, splits[i], ""),
                               dataset_join(p->target, splits[i], ""), err);
    if (status == CNN_OK && !split)
        status = list_part(&s->parts[CNN_SPLIT_TRAIN], dataset_copy(p->input),
                           dataset_copy(p->target), err);
    if (status == CNN_OK && s->parts[CNN_SPLIT_TRAIN].names.count == 0) {
        (void)cnn_fail(err, CNN_IO, "%s holds no PNG or JPEG files", p->input);
        cnn_hint(err, "expected are %s/train/*.png (or .jpg), or %s/*.png", p->input, p->input);
        return CNN_IO;
    }
    return status;
}

/* ---- sizes */

static char *path_of(const part *p, int side, int64_t index)
{
    return dataset_join(p->dir[side], p->names.items[index], "");
}

static cnn_status measure(const char *path, image_size *size, cnn_error *err)
{
    uint8_t *bytes = NULL;
    size_t count = 0;
    cnn_status status = image_read_file(path, &bytes, &count, err);
    if (status == CNN_OK)
        status = image_measure(bytes, count, path, size, err);
    free(bytes);
    return status;
}

static cnn_status wrong_size(const char *path, const image_size *size, const char *other, int64_t h,
                             int64_t w, const char *hint, cnn_error *err)
{
    (void)cnn_fail(err, CNN_INVALID,
                   "%s is %" PRId64 " x %" PRId64 " pixels (height x width), but %s is %" PRId64
                   " x %" PRId64,
                   path, size->height, size->width, other, h, w);
    cnn_hint(err, "%s", hint);
    return CNN_INVALID;
}

/* Both images of a pair are of one size, and without `size:` all are. The first decides. */
static cnn_status check_pair(cnn_dataset_state *s, char *const paths[SIDES], cnn_error *err)
{
    image_size sizes[SIDES];
    for (int side = 0; side < SIDES; side++) {
        cnn_status status = measure(paths[side], &sizes[side], err);
        if (status != CNN_OK)
            return status;
    }
    if (sizes[INPUT].height != sizes[TARGET].height || sizes[INPUT].width != sizes[TARGET].width)
        return wrong_size(paths[TARGET], &sizes[TARGET], paths[INPUT], sizes[INPUT].height,
                          sizes[INPUT].width, "both images of a pair must show the same pixels",
                          err);
    if (s->type.dim[1] == 0) {
        s->type.dim[1] = sizes[INPUT].height;
        s->type.dim[2] = sizes[INPUT].width;
    }
    if (!s->scaled &&
        (sizes[INPUT].height != s->type.dim[1] || sizes[INPUT].width != s->type.dim[2]))
        return wrong_size(paths[INPUT], &sizes[INPUT], "the first image", s->type.dim[1],
                          s->type.dim[2], "`size: [height, width]` scales all images to one size",
                          err);
    return CNN_OK;
}

static cnn_status check_all(cnn_dataset_state *s, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (int i = 0; i < CNN_SPLIT_COUNT; i++)
        for (int64_t k = 0; status == CNN_OK && k < (int64_t)s->parts[i].names.count; k++) {
            char *paths[SIDES] = { path_of(&s->parts[i], INPUT, k),
                                   path_of(&s->parts[i], TARGET, k) };
            status = paths[INPUT] != NULL && paths[TARGET] != NULL
                         ? check_pair(s, paths, err)
                         : dataset_no_memory(err, "pairs");
            free(paths[INPUT]);
            free(paths[TARGET]);
        }
    return status;
}

/* ---- the data set */

static void pairs_close(cnn_dataset_state *s)
{
    for (int i = 0; i < CNN_SPLIT_COUNT; i++) {
        image_names_free(&s->parts[i].names);
        free(s->parts[i].dir[INPUT]);
        free(s->parts[i].dir[TARGET]);
    }
    free(s);
}

static cnn_status pairs_open(const cnn_host *host, const void *params_, cnn_dataset_state **out,
                             cnn_error *err)
{
    const pairs_params *p = params_;
    (void)host;
    if (p->channels == 2)
        return cnn_fail(err, CNN_INVALID, "pairs: `channels` is 2; 3 (colour) or 1 (grey)");
    cnn_dataset_state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return dataset_no_memory(err, "pairs");
    s->scaled = p->size.count > 0;
    s->type = cnn_type3(CNN_U8, p->channels, 0, 0);
    if (s->scaled) {
        s->type.dim[1] = p->size.v[0];
        s->type.dim[2] = p->size.v[p->size.count > 1 ? 1 : 0];
    }
    cnn_status status = list_all(s, p, err);
    if (status == CNN_OK)
        status = check_all(s, err);
    if (status == CNN_OK)
        *out = s;
    else
        pairs_close(s);
    return status;
}

static cnn_status pairs_describe(const cnn_dataset_state *s, cnn_dataset_info *info, cnn_error *err)
{
    (void)err;
    for (int i = 0; i < CNN_SPLIT_COUNT; i++)
        info->count[i] = (int64_t)s->parts[i].names.count;
    info->input = s->type;
    info->target = s->type;
    return CNN_OK;
}

static cnn_status read_image(const cnn_dataset_state *s, const char *path, uint8_t *to,
                             cnn_error *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    image picture = { 0, 0, NULL };
    cnn_status status = image_read_file(path, &bytes, &size, err);
    if (status == CNN_OK)
        status = image_decode(bytes, size, path, &picture, err);
    free(bytes);
    if (status != CNN_OK)
        return status;
    image_to_planes(&picture, s->type.dim[0], s->type.dim[1], s->type.dim[2], to);
    free(picture.pixels);
    return CNN_OK;
}

static cnn_status pairs_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                             const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    const cnn_tensor *const to[SIDES] = { input, target };
    cnn_status status = CNN_OK;
    if (split >= CNN_SPLIT_COUNT || index < 0 || index >= (int64_t)s->parts[split].names.count)
        return cnn_fail(err, CNN_INTERNAL, "pairs has no sample %" PRId64, index);
    for (int side = 0; side < SIDES && status == CNN_OK; side++) {
        if (to[side]->data == NULL)
            continue;
        char *path = path_of(&s->parts[split], side, index);
        status = path != NULL ? read_image(s, path, cnn_u8(to[side]), err)
                              : dataset_no_memory(err, "pairs");
        free(path);
    }
    return status;
}

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "pairs", sizeof(pairs_params), CNN_TABLE(params),
                         "Pairs of images: an input, and the image that should come out.",
                         "data: {source: pairs, input: photos/dark, target: photos/bright, size: "
                         "64}"),
      .open = pairs_open,
      .close = pairs_close,
      .describe = pairs_describe,
      .read = pairs_read },
};

CNN_PLUGIN(.name = "pairs", .version = DATASET_VERSION, .license = DATASET_LICENSE,
           .summary = "Pairs of image files", .datasets = CNN_TABLE(datasets));
