/* Files that save work: SPIR-V by its text, the driver's pipeline cache by its device.
 *
 * An entry is a header and its bytes. Whatever does not match its header in every field, the file's
 * size and the checksum included, is as if it were not there, and replaced by the next write. */
#define _POSIX_C_SOURCE 200809L /* mkstemp, fsync */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT = 1 };

typedef struct hash128 {
    uint64_t low, high;
} hash128;

typedef struct header {
    char magic[8];
    uint64_t format;
    hash128 key, checksum;
    uint64_t bytes; /* that follow */
} header;

static const char magic[8] = { 'c', 'n', 'n', 'r', 'u', 'n', 'V', 'k' };

/* ---- hash: Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012; SipHash-2-4
 * with the 128-bit result of its authors' implementation ---- */

static uint64_t rotated(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void mix(uint64_t v[4], int rounds)
{
    for (int i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[1] = rotated(v[1], 13) ^ v[0];
        v[0] = rotated(v[0], 32);
        v[2] += v[3];
        v[3] = rotated(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotated(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotated(v[1], 17) ^ v[2];
        v[2] = rotated(v[2], 32);
    }
}

/* Little-endian on every machine. */
static uint64_t word_of(const unsigned char *bytes, size_t n)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    mix(v, 2);
    v[0] ^= word;
}

static uint64_t squeeze(uint64_t v[4])
{
    mix(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static hash128 hash_of(hash128 key, const void *data, size_t n)
{
    const unsigned char *bytes = data;
    uint64_t v[4] = { key.low ^ 0x736f6d6570736575u, key.high ^ 0x646f72616e646f6du ^ 0xee,
                      key.low ^ 0x6c7967656e657261u, key.high ^ 0x7465646279746573u };
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        absorb(v, word_of(bytes + i, 8));
    absorb(v, word_of(bytes + i, n - i) | (uint64_t)n << 56);
    hash128 out;
    v[2] ^= 0xee;
    out.low = squeeze(v);
    v[1] ^= 0xdd;
    out.high = squeeze(v);
    return out;
}

/* What a text means to the compiler of this version, or a device to its driver's cache. */
static hash128 key_of(const char *kind, const char *text)
{
    const hash128 none = { 0, 0 };
    return hash_of(hash_of(none, kind, strlen(kind)), text, strlen(text));
}

static bool is_same(hash128 a, hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

/* ---- the folder ---- */

static char *text_of(const char *a, const char *b)
{
    char *out = malloc(strlen(a) + strlen(b) + 1);
    if (out != NULL)
        (void)strcat(strcpy(out, a), b);
    return out;
}

static char *find_folder(void)
{
    const char *given = getenv("XDG_CACHE_HOME");
    if (given != NULL && given[0] == '/') /* the XDG rules ignore relative paths */
        return text_of(given, "/cnnrun/vulkan");
    const char *home = getenv("HOME");
    return home != NULL && home[0] == '/' ? text_of(home, "/.cache/cnnrun/vulkan") : NULL;
}

/* With all folders above it; errno says why not. */
static bool make_folder(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const bool there = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!there)
            return false;
    }
    return (mkdir(path, 0700) == 0 || errno == EEXIST) && access(path, W_OK) == 0;
}

static void say_not_writable(const cnn_host *host, const char *folder)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "vulkan: '%.300s' cannot be written (%s): kernels are compiled anew each time",
                   folder, strerror(errno));
    host->log(host, CNN_DEBUG, text);
}

void vk_cache_open(const cnn_host *host, vk_cache *cache)
{
    const char *wish = getenv("CNNRUN_VK_CACHE");
    const bool off = wish != NULL && strcmp(wish, "off") == 0;
    cache->folder = off ? NULL : find_folder();
    if (cache->folder != NULL && !make_folder(cache->folder))
        say_not_writable(host, cache->folder);
}

void vk_cache_close(vk_cache *cache)
{
    free(cache->folder);
    cache->folder = NULL;
}

/* FOLDER/KEY.KIND, to be freed; NULL without a folder or memory. */
static char *path_of(const vk_cache *cache, hash128 key, const char *kind)
{
    char name[64];
    if (cache->folder == NULL)
        return NULL;
    (void)snprintf(name, sizeof name, "/%016" PRIx64 "%016" PRIx64 ".%s", key.high, key.low, kind);
    return text_of(cache->folder, name);
}

/* ---- entries ---- */

static header header_of(hash128 key, const void *data, size_t bytes)
{
    header h = { .format = FORMAT, .key = key, .bytes = bytes };
    memcpy(h.magic, magic, sizeof magic);
    h.checksum = hash_of(key, data, bytes);
    return h;
}

static bool read_fully(int fd, void *to, size_t bytes)
{
    char *at = to;
    while (bytes > 0) {
        const ssize_t n = read(fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool write_fully(int fd, const void *from, size_t bytes)
{
    const char *at = from;
    while (bytes > 0) {
        const ssize_t n = write(fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool is_header(const header *h, hash128 key, int fd)
{
    const uint64_t most = 1u << 30;
    struct stat info;
    return memcmp(h->magic, magic, sizeof magic) == 0 && h->format == FORMAT &&
           is_same(h->key, key) && h->bytes > 0 && h->bytes <= most && fstat(fd, &info) == 0 &&
           S_ISREG(info.st_mode) && (uint64_t)info.st_size == sizeof *h + h->bytes;
}

static void *read_entry(int fd, hash128 key, size_t *bytes)
{
    header h;
    if (!read_fully(fd, &h, sizeof h) || !is_header(&h, key, fd))
        return NULL;
    void *data = malloc((size_t)h.bytes);
    if (data == NULL || !read_fully(fd, data, (size_t)h.bytes) ||
        !is_same(h.checksum, hash_of(key, data, (size_t)h.bytes))) {
        free(data);
        return NULL;
    }
    *bytes = (size_t)h.bytes;
    return data;
}

static void *read_file(const char *path, hash128 key, size_t *bytes)
{
    const int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* nor waits for a pipe's writer */
    *bytes = 0;
    if (fd < 0)
        return NULL;
    void *data = read_entry(fd, key, bytes);
    (void)close(fd);
    return data;
}

/* What cannot be written is not: the next run does the work again. */
static void write_file(const char *path, hash128 key, const void *data, size_t bytes)
{
    const header h = header_of(key, data, bytes);
    char *aside = text_of(path, ".XXXXXX");
    const int fd = aside != NULL ? mkstemp(aside) : -1;
    if (fd >= 0) {
        bool ok = write_fully(fd, &h, sizeof h) && write_fully(fd, data, bytes) && fsync(fd) == 0;
        ok = close(fd) == 0 && ok;
        if (!ok || rename(aside, path) != 0)
            (void)unlink(aside);
    }
    free(aside);
}

/* ---- SPIR-V ---- */

cnn_status vk_spirv_of(const vk_cache *cache, const char *name, const char *text, uint32_t **words,
                       size_t *n_words, cnn_error *err)
{
    const hash128 key = key_of(vk_compiler_identity(), text);
    char *path = path_of(cache, key, "spv");
    size_t bytes = 0;
    cnn_status status = CNN_OK;
    *words = path != NULL ? read_file(path, key, &bytes) : NULL;
    *n_words = bytes / sizeof **words;
    if (*words == NULL) {
        status = vk_compile(name, text, words, n_words, err);
        if (status == CNN_OK && path != NULL)
            write_file(path, key, *words, *n_words * sizeof **words);
    }
    free(path);
    return status;
}

/* ---- the driver's cache ---- */

static const char pipelines[] = "pipelines";

void *vk_cache_read(const vk_cache *cache, const char *identity, size_t *bytes)
{
    const hash128 key = key_of(pipelines, identity);
    char *path = path_of(cache, key, pipelines);
    *bytes = 0;
    void *data = path != NULL ? read_file(path, key, bytes) : NULL;
    free(path);
    return data;
}

void vk_cache_write(const vk_cache *cache, const char *identity, const void *data, size_t bytes)
{
    const hash128 key = key_of(pipelines, identity);
    char *path = path_of(cache, key, pipelines);
    if (path != NULL && bytes > 0)
        write_file(path, key, data, bytes);
    free(path);
}
