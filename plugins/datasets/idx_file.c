/* IDX files, plain or gzipped: zlib reads both. */
#define _POSIX_C_SOURCE 200809L
#include "idx_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

/* Bytes of a file when unpacked. A gzip file ends with that number modulo 2^32; deflate packs no
 * more than 1032 to 1, which bounds what such a number may claim. */
static cnn_status unpacked_size(const char *path, uint64_t *total, cnn_error *err)
{
    uint8_t head[2] = { 0, 0 }, tail[4] = { 0, 0, 0, 0 };
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return cnn_fail(err, CNN_IO, "cannot open %s: %s", path, strerror(errno));
    bool ok = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode);
    *total = ok && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    bool packed = fread(head, 1, 2, f) == 2 && head[0] == 0x1f && head[1] == 0x8b;
    bool read = !packed || (fseek(f, -4, SEEK_END) == 0 && fread(tail, 1, 4, f) == 4);
    (void)fclose(f);
    if (!ok)
        return cnn_fail(err, CNN_IO, "%s is no plain file", path);
    if (!read)
        return cnn_fail(err, CNN_IO, "%s is too short for a gzip file", path);
    if (!packed)
        return CNN_OK;
    uint64_t size = dataset_u32le(tail);
    if (size / 1032 > *total)
        return cnn_fail(err, CNN_INVALID,
                        "%s is damaged: %" PRIu64 " packed bytes cannot hold %" PRIu64, path,
                        *total, size);
    *total = size;
    return CNN_OK;
}

/* Unpacks (or, for a plain file, reads) up to `size` bytes. */
static cnn_status unpack(gzFile f, const char *path, uint8_t *to, uint64_t size, uint64_t *got,
                         cnn_error *err)
{
    *got = 0;
    while (*got < size) {
        unsigned piece = size - *got < 1u << 24 ? (unsigned)(size - *got) : 1u << 24;
        int n = gzread(f, to + *got, piece);
        int code = Z_OK;
        const char *why = n < 0 ? gzerror(f, &code) : "";
        if (n < 0)
            return cnn_fail(err, CNN_IO, "cannot unpack %s: %s", path,
                            code == Z_ERRNO ? strerror(errno) : why);
        if (n == 0)
            break;
        *got += (uint64_t)n;
    }
    return CNN_OK;
}

cnn_status idx_read_header(const char *path, idx_header *h, cnn_error *err)
{
    uint8_t bytes[IDX_MAX_HEADER];
    uint64_t total = 0, got = 0;
    cnn_status status = unpacked_size(path, &total, err);
    if (status != CNN_OK)
        return status;
    gzFile f = gzopen(path, "rb");
    if (f == NULL)
        return cnn_fail(err, CNN_IO, "cannot open %s: %s", path, strerror(errno));
    status = unpack(f, path, bytes, sizeof bytes, &got, err);
    (void)gzclose(f);
    return status == CNN_OK ? idx_parse(bytes, (size_t)got, total, path, h, err) : status;
}

/* All elements into new memory. */
cnn_status idx_read_elements(const char *path, const idx_header *h, uint8_t **data, cnn_error *err)
{
    uint8_t skipped[IDX_MAX_HEADER], beyond;
    uint64_t got = 0, more = 0;
    uint8_t *to = h->bytes <= SIZE_MAX ? malloc((size_t)h->bytes) : NULL;
    if (to == NULL)
        return cnn_fail(err, CNN_MEMORY, "not enough memory for the %" PRIu64 " bytes of %s",
                        h->bytes, path);
    gzFile f = gzopen(path, "rb");
    cnn_status status = CNN_OK;
    if (f == NULL)
        status = cnn_fail(err, CNN_IO, "cannot open %s: %s", path, strerror(errno));
    else
        status = unpack(f, path, skipped, h->offset, &got, err);
    if (status == CNN_OK)
        status = unpack(f, path, to, h->bytes, &got, err);
    if (status == CNN_OK && got != h->bytes)
        status =
            cnn_fail(err, CNN_INVALID,
                     "%s is cut off: its header promises %" PRIu64 " elements, it has %" PRIu64,
                     path, h->bytes, got);
    if (status == CNN_OK)
        status = unpack(f, path, &beyond, 1, &more, err);
    if (status == CNN_OK && more != 0)
        status =
            cnn_fail(err, CNN_INVALID, "%s is too long: its header promises %" PRIu64 " elements",
                     path, h->bytes);
    if (f != NULL)
        (void)gzclose(f);
    if (status != CNN_OK)
        free(to);
    else
        *data = to;
    return status;
}

/* Of the size that the header gives to an unpacked file, and with its first bytes? */
static bool is_plain(int fd, uint64_t size)
{
    struct stat st;
    uint8_t head[2];
    return fstat(fd, &st) == 0 && st.st_size >= 0 && (uint64_t)st.st_size == size &&
           pread(fd, head, sizeof head, 0) == 2 && head[0] == 0 && head[1] == 0;
}

void idx_map(const char *path, const idx_header *h, mapped_file *map)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t size = h->offset + h->bytes;
    if (fd < 0)
        return;
    if (is_plain(fd, size))
        mapped_open(map, fd, size);
    if (map->bytes == NULL)
        (void)close(fd);
}

void idx_unmap(mapped_file *map)
{
    if (map->bytes != NULL)
        (void)close(map->fd);
    mapped_close(map);
}
