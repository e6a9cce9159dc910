/* cifar10: the binary version of CIFAR-10. Records of 1 + 3072 bytes: a label, then the red, green
 * and blue planes of 32 x 32. Samples are lent from the mapped files; files that cannot be mapped
 * are read when a sample is wanted. */
#define _POSIX_C_SOURCE 200809L
#include "cifar10_format.h"
#include "mapped.h"
#include "read_at.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct cifar_params {
    const char *path;
} cifar_params;

enum { TRAIN_FILES = 5, FILES = 6 };

typedef struct batch_file {
    char *path;
    int fd; /* -1: not open */
    int64_t records;
    mapped_file map;
} batch_file;

struct cnn_dataset_state {
    batch_file files[FILES]; /* the last one is the test set */
    char *meta;              /* contents of batches.meta.txt; names point into it */
    const char *names[CIFAR_CLASSES];
};

static const cnn_param params[] = {
    { CNN_FIELD(cifar_params, path, PATH), .flags = CNN_PARAM_OPTIONAL,
      .help = "folder with data_batch_1.bin ...; without it the usual folders are searched" },
};

static void cifar_close(cnn_dataset_state *s)
{
    for (int i = 0; i < FILES; i++) {
        mapped_close(&s->files[i].map);
        if (s->files[i].fd >= 0)
            (void)close(s->files[i].fd);
        free(s->files[i].path);
    }
    free(s->meta);
    free(s);
}

static cnn_status open_file(batch_file *f, const char *dir, const char *name, cnn_error *err)
{
    struct stat st;
    f->path = dataset_join(dir, name, "");
    if (f->path == NULL)
        return dataset_no_memory(err, name);
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return cnn_fail(err, CNN_IO, "cannot open %s: %s", f->path, strerror(errno));
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return cnn_fail(err, CNN_IO, "%s is no plain file", f->path);
    cnn_status status = cifar_records((uint64_t)st.st_size, f->path, &f->records, err);
    if (status == CNN_OK)
        mapped_open(&f->map, f->fd, (uint64_t)st.st_size);
    return status;
}

/* Names of the classes; without the file they are numbers. */
static cnn_status load_names(cnn_dataset_state *s, const char *dir, cnn_error *err)
{
    enum { LIMIT = 4096 };
    char *path = dataset_join(dir, "batches.meta.txt", "");
    FILE *f = path != NULL ? fopen(path, "rb") : NULL;
    cnn_status status = CNN_OK;
    s->meta = calloc(1, LIMIT + 1);
    if (path == NULL || s->meta == NULL)
        status = dataset_no_memory(err, "CIFAR-10");
    else if (f != NULL) {
        size_t size = fread(s->meta, 1, LIMIT, f);
        status = cifar_names(s->meta, size, path, s->names, err);
    }
    if (f != NULL)
        (void)fclose(f);
    free(path);
    return status;
}

static cnn_status load(cnn_dataset_state *s, const char *dir, cnn_error *err)
{
    for (int i = 0; i < FILES; i++) {
        char name[32] = "test_batch.bin";
        if (i < TRAIN_FILES)
            (void)snprintf(name, sizeof name, "data_batch_%d.bin", i + 1);
        cnn_status status = open_file(&s->files[i], dir, name, err);
        if (status != CNN_OK)
            return status;
    }
    return load_names(s, dir, err);
}

/* The first usual folder that has data_batch_1.bin, or NULL. */
static char *search(const cnn_host *host)
{
    static const char *const names[] = { "cifar10", "cifar-10-batches-bin",
                                         "cifar10/cifar-10-batches-bin" };
    for (size_t i = 0; host->data_dirs[i] != NULL; i++) {
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            char *dir = dataset_join(host->data_dirs[i], names[j], "");
            char *first = dir != NULL ? dataset_join(dir, "data_batch_1.bin", "") : NULL;
            bool there = first != NULL && access(first, F_OK) == 0;
            free(first);
            if (there)
                return dir;
            free(dir);
        }
    }
    return NULL;
}

static cnn_status cifar_open(const cnn_host *host, const void *params_, cnn_dataset_state **out,
                             cnn_error *err)
{
    const cifar_params *p = params_;
    cnn_dataset_state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return dataset_no_memory(err, "CIFAR-10");
    for (int i = 0; i < FILES; i++)
        s->files[i].fd = -1;
    char *dir = p->path != NULL ? dataset_copy(p->path) : search(host);
    cnn_status status =
        dir != NULL ? load(s, dir, err)
                    : cnn_fail(err, CNN_IO,
                               "CIFAR-10 was not found: no data_batch_1.bin in a folder cifar10 of "
                               "the data directories (the first is %s)",
                               host->data_dirs[0] != NULL ? host->data_dirs[0] : "not set");
    free(dir);
    if (status == CNN_OK) {
        *out = s;
        return CNN_OK;
    }
    cnn_hint(err, "get it with `./dev data cifar10`, or give its folder with `path:`");
    cifar_close(s);
    return status;
}

static cnn_status cifar_describe(const cnn_dataset_state *s, cnn_dataset_info *info, cnn_error *err)
{
    (void)err;
    for (int i = 0; i < TRAIN_FILES; i++)
        info->count[CNN_SPLIT_TRAIN] += s->files[i].records;
    info->count[CNN_SPLIT_TEST] = s->files[TRAIN_FILES].records;
    info->input = cnn_type3(CNN_U8, 3, 32, 32);
    info->target = cnn_scalar_type(CNN_I32);
    info->classes = CIFAR_CLASSES;
    info->class_names = s->names[0] != NULL ? s->names : NULL;
    return CNN_OK;
}

/* The file of a sample; *index becomes that in the file. */
static cnn_status find(cnn_dataset_state *s, uint32_t split, int64_t *index, batch_file **found,
                       cnn_error *err)
{
    int file = split == CNN_SPLIT_TEST ? TRAIN_FILES : 0;
    int64_t at = *index;
    while (file < TRAIN_FILES && at >= s->files[file].records)
        at -= s->files[file++].records;
    if (split == CNN_SPLIT_VAL || at < 0 || at >= s->files[file].records ||
        (split == CNN_SPLIT_TRAIN && file == TRAIN_FILES))
        return cnn_fail(err, CNN_INTERNAL, "cifar10 has no sample %" PRId64, *index);
    *found = &s->files[file];
    *index = at;
    return CNN_OK;
}

static cnn_status unreadable(const batch_file *f, int64_t index, int why, cnn_error *err)
{
    return cnn_fail(err, CNN_IO, "cannot read image %" PRId64 " of %s: %s", index, f->path,
                    why != 0 ? strerror(why) : "the file has become shorter");
}

static cnn_status give_label(const batch_file *f, int64_t index, uint8_t label,
                             const cnn_tensor *target, cnn_error *err)
{
    if (label >= CIFAR_CLASSES)
        return cnn_fail(err, CNN_INVALID, "image %" PRId64 " of %s has the label %d, not 0 to 9",
                        index, f->path, label);
    if (target->data != NULL)
        *cnn_i32(target) = label;
    return CNN_OK;
}

static cnn_status cifar_read(cnn_dataset_state *s, uint32_t split, int64_t index,
                             const cnn_tensor *input, const cnn_tensor *target, cnn_error *err)
{
    uint8_t record[CIFAR_RECORD];
    batch_file *f;
    cnn_status status = find(s, split, &index, &f, err);
    if (status != CNN_OK)
        return status;
    if (!dataset_read_at(f->fd, record, sizeof record, (uint64_t)index * CIFAR_RECORD))
        return unreadable(f, index, errno, err);
    memcpy(input->data, record + 1, CIFAR_RECORD - 1);
    return give_label(f, index, record[0], target, err);
}

static cnn_status cifar_view(cnn_dataset_state *s, uint32_t split, int64_t index,
                             const void **input, const cnn_tensor *target, cnn_error *err)
{
    batch_file *f;
    cnn_status status = find(s, split, &index, &f, err);
    if (status != CNN_OK || f->map.bytes == NULL)
        return status;
    if (!mapped_is_whole(&f->map))
        return unreadable(f, index, 0, err);
    const uint8_t *record = f->map.bytes + (size_t)index * CIFAR_RECORD;
    *input = record + 1;
    /* Somebody may write to the file: what is checked must be what is used. */
    return give_label(f, index, *(const volatile uint8_t *)record, target, err);
}

static const cnn_dataset datasets[] = {
    { .c = CNN_COMPONENT(cnn_dataset, "cifar10", sizeof(cifar_params), CNN_TABLE(params),
                         "Colour photographs, 3x32x32: 50,000 to train, 10,000 to test.",
                         "data: {source: cifar10}"),
      .open = cifar_open,
      .close = cifar_close,
      .describe = cifar_describe,
      .read = cifar_read,
      .view = cifar_view },
};

CNN_PLUGIN(.name = "cifar10", .version = DATASET_VERSION, .license = DATASET_LICENSE,
           .summary = "CIFAR-10 in its binary version", .datasets = CNN_TABLE(datasets));
