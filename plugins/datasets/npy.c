/* npy: samples and targets in NumPy's files. Samples are read when they are wanted. */
#define _POSIX_C_SOURCE 200809L
#include "npy_format.h"
#include "read_at.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct npy_params {
    const char *x, *y, *test_x, *test_y;
} npy_params;

typedef struct array_file {
    const char *path; /* NULL: there is none; the parameters' own text */
    int fd;
    npy_header header;
} array_file;

typedef struct part {
    array_file x, y;
} part;

struct cnn_dataset_state {
    part parts[CNN_SPLIT_COUNT];
    cnn_type input, target;
    int64_t classes;
};

static const cnn_param params[] = {
    { CNN_FIELD(npy_params, x, PATH),
      .help = "training samples: [N,C,H,W], [N,H,W] or [N,features]; bytes or floats" },
    { CNN_FIELD(npy_params, y, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help = "their targets: [N] integers are classes, floats are values" },
    { CNN_FIELD(npy_params, test_x, PATH), .flags = CNN_PARAM_OPTIONAL, .help = "test samples" },
    { CNN_FIELD(npy_params, test_y, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help = "targets of the test samples" },
};

/* ---- files */

static cnn_status open_array(array_file *f, const char *path, cnn_error *err)
{
    struct stat st;
    if (path == NULL)
        return CNN_OK;
    f->path = path;
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return cnn_fail(err, CNN_IO, "cannot open %s: %s", path, strerror(errno));
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return cnn_fail(err, CNN_IO, "%s is no plain file", path);
    uint64_t total = (uint64_t)st.st_size;
    size_t size = total < NPY_MAX_HEADER + 12 ? (size_t)total : NPY_MAX_HEADER + 12;
    uint8_t *head = malloc(size + 1);
    if (head == NULL)
        return dataset_no_memory(err, path);
    cnn_status status = CNN_OK;
    if (!dataset_read_at(f->fd, head, size, 0))
        status = cnn_fail(err, CNN_IO, "cannot read %s", path);
    else
        status = npy_parse(head, size, total, path, &f->header, err);
    free(head);
    return status;
}

/* One element as the type of the destination. */
static void convert(uint32_t element, const uint8_t *from, uint32_t dtype, void *to, size_t i)
{
    union {
        float f32;
        double f64;
        int32_t i32;
        int64_t i64;
    } u = { 0 };
    size_t size = npy_size(element);
    memcpy(&u, from + i * size, size);
    if (dtype == CNN_U8)
        ((uint8_t *)to)[i] = from[i];
    else if (dtype == CNN_F32)
        ((float *)to)[i] = element == NPY_F64 ? (float)u.f64 : u.f32;
    else
        ((int32_t *)to)[i] = element == NPY_U8    ? from[i]
                             : element == NPY_I32 ? u.i32
                                                  : (int32_t)u.i64;
}

/* `count` elements from number `first` on. */
static cnn_status read_elements(const array_file *f, uint64_t first, uint64_t count, uint32_t dtype,
                                void *to, cnn_error *err)
{
    uint8_t piece[4096];
    size_t size = npy_size(f->header.element), each = sizeof piece / size;
    size_t step = (size_t)cnn_dtype_size(dtype);
    for (uint64_t done = 0; done < count;) {
        size_t n = count - done < each ? (size_t)(count - done) : each;
        if (!dataset_read_at(f->fd, piece, n * size, f->header.offset + (first + done) * size))
            return cnn_fail(err, CNN_IO, "cannot read %s: %s", f->path,
                            errno != 0 ? strerror(errno) : "the file has become shorter");
        for (size_t i = 0; i < n; i++)
            convert(f->header.element, piece, dtype, (char *)to + done * step, i);
        done += n;
    }
    return CNN_OK;
}

/* ---- types */

static bool is_float(uint32_t element)
{
    return element == NPY_F32 || element == NPY_F64;
}

/* Shape of one sample: the axes behind the first. */
static cnn_status sample_type(const array_file *f, cnn_type *type, cnn_error *err)
{
    const npy_header *h = &f->header;
    if (h->element != NPY_U8 && !is_float(h->element))
        return cnn_fail(err, CNN_INVALID, "%s holds integers; samples are bytes or floats",
                        f->path);
    if (h->rank < 2 || h->rank > 4)
        return cnn_fail(err, CNN_INVALID,
                        "%s has %" PRIu32 " axes; samples are [N,C,H,W], [N,H,W] or [N,features]",
                        f->path, h->rank);
    if (h->dim[0] < 1)
        return cnn_fail(err, CNN_INVALID, "%s has no samples: its first axis is 0", f->path);
    *type = cnn_scalar_type(h->element == NPY_U8 ? CNN_U8 : CNN_F32);
    if (h->rank == 3)
        type->dim[type->rank++] = 1;
    for (uint32_t i = 1; i < h->rank; i++) {
        type->dim[type->rank++] = h->dim[i];
        if (h->dim[i] < 1 || (h->rank > 2 && h->dim[i] > DATASET_MAX_DIM) || h->dim[i] > INT32_MAX)
            return cnn_fail(err, CNN_INVALID, "%s has an axis of %" PRId64, f->path, h->dim[i]);
    }
    return CNN_OK;
}

static cnn_status target_type(const array_file *f, cnn_type *type, cnn_error *err)
{
    const npy_header *h = &f->header;
    bool values = is_float(h->element);
    if (h->rank < 1 || (!values && h->rank != 1))
        return cnn_fail(err, CNN_INVALID, "%s has %" PRIu32 " axes; classes are [N]", f->path,
                        h->rank);
    *type = cnn_scalar_type(values ? CNN_F32 : CNN_I32);
    for (uint32_t i = 1; i < h->rank; i++) {
        type->dim[type->rank++] = h->dim[i];
        if (h->dim[i] < 1 || h->dim[i] > DATASET_MAX_DIM)
            return cnn_fail(err, CNN_INVALID, "%s has an axis of %" PRId64, f->path, h->dim[i]);
    }
    return CNN_OK;
}

/* All labels must be usable as indices: 0 or more, and small. */
static cnn_status count_classes(const array_file *f, int64_t *classes, cnn_error *err)
{
    enum { MAX_CLASSES = 1 << 20 };
    size_t size = npy_size(f->header.element);
    for (uint64_t i = 0; i < f->header.count; i++) {
        uint8_t bytes[8] = { 0 };
        int64_t wide = 0;
        int32_t narrow = 0;
        if (!dataset_read_at(f->fd, bytes, size, f->header.offset + i * size))
            return cnn_fail(err, CNN_IO, "cannot read %s", f->path);
        memcpy(&wide, bytes, sizeof wide);
        memcpy(&narrow, bytes, sizeof narrow);
        int64_t label = f->header.element == NPY_I32 ? narrow : wide;
        if (label < 0 || label >= MAX_CLASSES)
            return cnn_fail(err, CNN_INVALID,
                            "label %" PRIu64 " of %s is %" PRId64 "; classes are 0 to %d", i,
                            f->path, label, MAX_CLASSES - 1);
        *classes = label >= *classes ? label + 1 : *classes;
    }
    return CNN_OK;
}

/* ---- the data set */

static void npy_close(cnn_dataset_state *s)
{
    for (int i = 0; i < CNN_SPLIT_COUNT; i++) {
        if (s->parts[i].x.fd >= 0)
            (void)close(s->parts[i].x.fd);
        if (s->parts[i].y.fd >= 0)
            (void)close(s->parts[i].y.fd);
    }
    free(s);
}

static cnn_status load_part(cnn_dataset_state *s, part *p, const char *x, const char *y,
                            cnn_error *err)
{
    cnn_type input, target = cnn_scalar_type(CNN_F32);
    cnn_status status = open_array(&p->x, x, err);
    target.dtype = 0;
    if (status == CNN_OK)
        status = open_array(&p->y, y, err);
    if (status == CNN_OK)
        status = sample_type(&p->x, &input, err);
    if (status == CNN_OK && y != NULL)
        status = target_type(&p->y, &target, err);
    if (status == CNN_OK && target.dtype == CNN_I32)
        status = count_classes(&p->y, &s->classes, err);
    if (status != CNN_OK)
        return status;
    if (y != NULL && p->y.header.dim[0] != p->x.header.dim[0])
        return cnn_fail(err, CNN_INVALID,
                        "%s has %" PRId64 " samples, but %s has %" PRId64 " targets", x,
                        p->x.header.dim[0], y, p->y.header.dim[0]);
    if (s->input.dtype == 0) {
        s->input = input;
        s->target = target;
    }
    if (!cnn_same_type(&input, &s->input) || !cnn_same_type(&target, &s->target))
        return cnn_fail(err, CNN_INVALID,
                        "the test arrays (%s) differ in type or shape from the training arrays", x);
    return CNN_OK;
}

static cnn_status npy_open(const cnn_host *host, const void *params_, cnn_dataset_state **out,
                           cnn_error *err)
{
    const npy_params *p = params_;
    (void)host;
    if (p->test_x == NULL ? p->test_y != NULL : (p->test_y != NULL) != (p->y != NULL))
        return cnn_fail(err, CNN_INVALID, "npy: `%s` is missing",
                        p->test_x == NULL   ? "test_x"
                        : p->test_y == NULL ? "test_y"
                                            : "y");
    cnn_dataset_state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return dataset_no_memory(err, "npy");
    for (int i = 0; i < CNN_SPLIT_COUNT; i++)
        s->parts[i].x.fd = s->parts[i].y.fd = -1;
    cnn_status status = load_part(s, &s->parts[CNN_SPLIT_TRAIN], p->x, p->y, err);
    if (status == CNN_OK && p->test_x != NULL)
        status = load_part(s, &s->parts[CNN_SPLIT_TEST], p->test_x, p->test_y, err);
    if (status == CNN_OK)
        *out = s;
    else
        npy_close(s);
    return status;
}

static cnn_status npy_describe(const cnn_dataset_state *s, cnn_dataset_info *info, cnn_error *err)
{
    (void)err;
    for (int i = 0; i < CNN_SPLIT_COUNT; i++)
        info->count[i] = s->parts[i].x.path != NULL ? s->parts[i].x.header.dim[0] : 0;
    info->input = s->input;
    info->target = s->target;
    info->classes = s->classes;
    return CNN_OK;
}

static cnn_status npy_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                           const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    const part *p = &s->parts[split < CNN_SPLIT_COUNT ? split : 0];
    if (split >= CNN_SPLIT_COUNT || p->x.path == NULL || index < 0 || index >= p->x.header.dim[0])
        return cnn_fail(err, CNN_INTERNAL, "npy has no sample %" PRId64, index);
    uint64_t each = (uint64_t)cnn_count(&s->input), values = (uint64_t)cnn_count(&s->target);
    cnn_status status =
        read_elements(&p->x, (uint64_t)index * each, each, s->input.dtype, input->data, err);
    if (status == CNN_OK && target->data != NULL && p->y.path != NULL)
        status = read_elements(&p->y, (uint64_t)index * values, values, s->target.dtype,
                               target->data, err);
    return status;
}

static const cnn_dataset datasets[] = {
    { .c =
          CNN_COMPONENT(cnn_dataset, "npy", sizeof(npy_params), CNN_TABLE(params),
                        "Arrays in NumPy's .npy files.", "data: {source: npy, x: x.npy, y: y.npy}"),
      .open = npy_open,
      .close = npy_close,
      .describe = npy_describe,
      .read = npy_read },
};

CNN_PLUGIN(.name = "npy", .version = DATASET_VERSION, .license = DATASET_LICENSE,
           .summary = "Samples in NumPy's files", .datasets = CNN_TABLE(datasets));
