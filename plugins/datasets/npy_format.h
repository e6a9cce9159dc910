/* NumPy's .npy format, versions 1 to 3 (numpy.lib.format): "\x93NUMPY", version, length of the
 * header, a Python dict such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, then
 * the elements. */
#ifndef CNNRUN_PLUGINS_NPY_FORMAT_H
#define CNNRUN_PLUGINS_NPY_FORMAT_H

#include "datasets.h"

enum { NPY_MAX_RANK = 5, NPY_MAX_HEADER = 65536 };

typedef enum npy_element { NPY_U8, NPY_F32, NPY_F64, NPY_I32, NPY_I64 } npy_element;

typedef struct npy_header {
    uint32_t element; /* npy_element */
    uint32_t rank;
    int64_t dim[NPY_MAX_RANK];
    uint64_t count;  /* of elements */
    uint64_t offset; /* of the first one */
} npy_header;

static inline size_t npy_size(uint32_t element)
{
    static const size_t sizes[] = {
        [NPY_U8] = 1, [NPY_F32] = 4, [NPY_F64] = 8, [NPY_I32] = 4, [NPY_I64] = 8
    };
    return sizes[element];
}

/* The dict, as it is read from left to right. */
typedef struct npy_text {
    const char *at, *end;
} npy_text;

static inline void npy_blank(npy_text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t'))
        t->at++;
}

/* Skips blanks and takes `c` if it is next. */
static inline bool npy_take(npy_text *t, char c)
{
    npy_blank(t);
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

/* A string in single or double quotes, without escapes. */
static inline bool npy_string(npy_text *t, char *out, size_t size)
{
    npy_blank(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"'))
        return false;
    char quote = *t->at++;
    size_t n = 0;
    while (t->at < t->end && *t->at != quote && n + 1 < size)
        out[n++] = *t->at++;
    out[n] = '\0';
    return npy_take(t, quote);
}

static inline bool npy_word(npy_text *t, const char *word)
{
    size_t n = strlen(word);
    npy_blank(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0)
        return false;
    t->at += n;
    return true;
}

static inline bool npy_integer(npy_text *t, int64_t *out)
{
    npy_blank(t);
    const char *first = t->at;
    *out = 0;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9') {
        if (*out > (INT64_MAX - 9) / 10)
            return false;
        *out = 10 * *out + (*t->at++ - '0');
    }
    return t->at > first;
}

/* (), (3,), (3, 4) */
static inline bool npy_shape(npy_text *t, npy_header *h)
{
    h->rank = 0;
    h->count = 1;
    if (!npy_take(t, '('))
        return false;
    while (!npy_take(t, ')')) {
        if (h->rank == NPY_MAX_RANK || !npy_integer(t, &h->dim[h->rank]))
            return false;
        if (!dataset_multiply(&h->count, (uint64_t)h->dim[h->rank++]))
            return false;
        if (!npy_take(t, ',')) {
            if (!npy_take(t, ')'))
                return false;
            break;
        }
    }
    return true;
}

static inline bool npy_descr(const char *descr, uint32_t *element)
{
    static const char *const names[] = {
        [NPY_U8] = "|u1", [NPY_F32] = "<f4", [NPY_F64] = "<f8", [NPY_I32] = "<i4", [NPY_I64] = "<i8"
    };
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(descr, names[i]) != 0)
            continue;
        *element = i;
        return true;
    }
    return false;
}

static inline cnn_status npy_dict(npy_text *t, const char *file, npy_header *h, cnn_error *err)
{
    char key[32], descr[32] = "";
    bool known = false, fortran = false, shape = false, ok = npy_take(t, '{');
    while (ok && !npy_take(t, '}')) {
        ok = npy_string(t, key, sizeof key) && npy_take(t, ':');
        if (ok && strcmp(key, "descr") == 0) {
            ok = npy_string(t, descr, sizeof descr);
            known = ok && npy_descr(descr, &h->element);
        } else if (ok && strcmp(key, "fortran_order") == 0) {
            fortran = npy_word(t, "True");
            ok = fortran || npy_word(t, "False");
        } else if (ok && strcmp(key, "shape") == 0) {
            ok = shape = npy_shape(t, h);
        } else {
            ok = false;
        }
        (void)npy_take(t, ',');
    }
    if (ok && !known)
        return cnn_fail(err, CNN_INVALID,
                        "%s has elements of type '%s'; '|u1', '<f4', '<f8', '<i4' and '<i8' can be "
                        "read",
                        file, descr);
    if (ok && fortran)
        return cnn_fail(err, CNN_INVALID,
                        "%s is in Fortran order; save it with numpy.ascontiguousarray", file);
    if (!ok || !shape)
        return cnn_fail(err, CNN_INVALID, "%s has a header that makes no sense", file);
    return CNN_OK;
}

/* Reads the header from the first `size` bytes of a file of `total` bytes, and checks that the
 * elements it promises are there. */
static inline cnn_status npy_parse(const uint8_t *bytes, size_t size, uint64_t total,
                                   const char *file, npy_header *h, cnn_error *err)
{
    memset(h, 0, sizeof *h);
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return cnn_fail(err, CNN_INVALID, "%s is no .npy file", file);
    bool wide = bytes[6] >= 2;
    if (bytes[6] < 1 || bytes[6] > 3 || (wide && size < 12))
        return cnn_fail(err, CNN_INVALID, "%s has version %d of the format; 1 to 3 can be read",
                        file, bytes[6]);
    size_t start = wide ? 12 : 10;
    uint64_t length =
        wide ? dataset_u32le(bytes + 8) : (uint64_t)bytes[8] | (uint64_t)bytes[9] << 8;
    if (length > NPY_MAX_HEADER || length > size - start || total < start + length)
        return cnn_fail(err, CNN_INVALID, "%s ends inside its header of %" PRIu64 " bytes", file,
                        length);
    npy_text text = { (const char *)bytes + start, (const char *)bytes + start + length };
    cnn_status status = npy_dict(&text, file, h, err);
    if (status != CNN_OK)
        return status;
    uint64_t want = h->count;
    h->offset = start + length;
    if (!dataset_multiply(&want, npy_size(h->element)) || want != total - h->offset)
        return cnn_fail(err, CNN_INVALID,
                        "%s should have %" PRIu64 " elements by its header, but %" PRIu64
                        " bytes follow it",
                        file, h->count, total - h->offset);
    return CNN_OK;
}

#endif
