/* Writing: the header's text, then the tensors' bytes, one after the other. Reading: nothing in the
 * file is believed before it is checked; the header is JSON, and JSON is YAML, so doc reads it. */
#include "safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "doc.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian; this machine needs a conversion here"
#endif

#define LENGTH_BYTES 8u
#define MAX_HEADER 100000000u /* as in the format's own library */

typedef struct dtype_name {
    uint32_t dtype;
    const char *name;
} dtype_name;

static const dtype_name dtypes[] = { { CNN_F32, "F32" }, { CNN_I32, "I32" }, { CNN_U8, "U8" } };
#define N_DTYPES (sizeof dtypes / sizeof dtypes[0])

/* ---- writing ---- */

static const char *text_of_dtype(uint32_t dtype)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (dtypes[i].dtype == dtype)
            return dtypes[i].name;
    return "";
}

static void add_meta(cnn_text *json, const cnn_meta *meta, uint32_t n_meta)
{
    cnn_text_add(json, "\"__metadata__\":{");
    for (uint32_t i = 0; i < n_meta; i++) {
        cnn_text_add(json, i > 0 ? "," : "");
        cnn_text_add_json(json, meta[i].key);
        cnn_text_add(json, ":");
        cnn_text_add_json(json, meta[i].value);
    }
    cnn_text_add(json, "}");
}

static void add_tensor(cnn_text *json, const cnn_stored *t, uint64_t begin)
{
    cnn_text_add_json(json, t->name);
    cnn_text_add(json, ":{\"dtype\":\"%s\",\"shape\":[", text_of_dtype(t->type.dtype));
    for (uint32_t i = 0; i < t->type.rank; i++)
        cnn_text_add(json, "%s%lld", i > 0 ? "," : "", (long long)t->type.dim[i]);
    cnn_text_add(json, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                 (unsigned long long)(begin + (uint64_t)cnn_bytes(&t->type)));
}

/* Length and header as they stand in the file; blanks at the end keep the tensors 8-byte aligned.
 */
static void make_header(cnn_text *out, const cnn_stored *tensors, uint32_t n_tensors,
                        const cnn_meta *meta, uint32_t n_meta)
{
    cnn_text json = { 0 };
    uint64_t begin = 0;
    cnn_text_add(&json, "{");
    if (n_meta > 0)
        add_meta(&json, meta, n_meta);
    for (uint32_t i = 0; i < n_tensors; i++) {
        cnn_text_add(&json, i > 0 || n_meta > 0 ? "," : "");
        add_tensor(&json, &tensors[i], begin);
        begin += (uint64_t)cnn_bytes(&tensors[i].type);
    }
    cnn_text_add(&json, "}");
    while (json.length % 8 != 0)
        cnn_text_add(&json, " ");
    for (unsigned i = 0; i < LENGTH_BYTES; i++) {
        char byte = (char)(unsigned char)((uint64_t)json.length >> (8 * i));
        cnn_text_add_bytes(out, &byte, 1);
    }
    cnn_text_add_bytes(out, cnn_text_get(&json), json.length);
    cnn_text_free(&json);
}

cnn_status cnn_safetensors_write(const char *path, const cnn_stored *tensors, uint32_t n_tensors,
                                 const cnn_meta *meta, uint32_t n_meta, cnn_error *err)
{
    cnn_writer *writer;
    cnn_status status = cnn_writer_open(path, &writer, err);
    if (status != CNN_OK)
        return status;
    cnn_text header = { 0 };
    make_header(&header, tensors, n_tensors, meta, n_meta);
    status = cnn_writer_add(writer, header.data, header.length, err);
    cnn_text_free(&header);
    for (uint32_t i = 0; i < n_tensors && status == CNN_OK; i++)
        status = cnn_writer_add(writer, tensors[i].data, (size_t)cnn_bytes(&tensors[i].type), err);
    if (status == CNN_OK)
        return cnn_writer_commit(writer, err);
    cnn_writer_abort(writer);
    return status;
}

/* ---- reading ---- */

/* Where a tensor's bytes lie, from the end of the header. */
typedef struct extent {
    uint64_t begin, end;
    const char *name;
} extent;

typedef struct reader {
    const char *name; /* of the file */
    const char *data; /* behind the header */
    uint64_t data_bytes;
    cnn_arena *arena;
    cnn_safetensors *out;
    extent *extents;
    cnn_error *err;
} reader;

static cnn_status bad(const reader *r, const char *tensor, const char *what)
{
    return cnn_fail(r->err, CNN_INVALID, "'%s' is damaged: tensor '%s': %s", r->name, tensor, what);
}

/* A JSON integer from 0 up; false for anything else. */
static bool read_integer(const cnn_doc *doc, uint64_t *value)
{
    *value = 0;
    if (doc->kind != CNN_DOC_SCALAR || doc->quoted || doc->text[0] == '\0' ||
        strlen(doc->text) > 18)
        return false;
    for (const char *p = doc->text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9')
            return false;
        *value = *value * 10 + (uint64_t)(*p - '0');
    }
    return true;
}

static cnn_status read_dtype(const reader *r, const char *tensor, const cnn_doc *doc,
                             uint32_t *dtype)
{
    if (doc == NULL || doc->kind != CNN_DOC_SCALAR)
        return bad(r, tensor, "no dtype");
    for (size_t i = 0; i < N_DTYPES; i++) {
        if (strcmp(doc->text, dtypes[i].name) == 0) {
            *dtype = dtypes[i].dtype;
            return CNN_OK;
        }
    }
    cnn_status status = cnn_fail(r->err, CNN_UNSUPPORTED, "'%s': tensor '%s' has the type %.16s",
                                 r->name, tensor, doc->text);
    cnn_hint(r->err, "F32, I32 and U8 can be read: convert it first");
    return status;
}

/* Shape and the bytes it takes. */
static cnn_status read_shape(const reader *r, const char *tensor, const cnn_doc *doc,
                             cnn_type *type, uint64_t *bytes)
{
    if (doc == NULL || doc->kind != CNN_DOC_LIST)
        return bad(r, tensor, "no shape");
    if (doc->count > CNN_MAX_RANK)
        return cnn_fail(r->err, CNN_UNSUPPORTED, "'%s': tensor '%s' has %u axes, more than %d",
                        r->name, tensor, doc->count, CNN_MAX_RANK);
    type->rank = doc->count;
    *bytes = (uint64_t)cnn_dtype_size(type->dtype);
    for (uint32_t i = 0; i < doc->count; i++) {
        uint64_t dim;
        if (!read_integer(doc->items[i], &dim))
            return bad(r, tensor, "a length in the shape is no number");
        if (__builtin_mul_overflow(*bytes, dim, bytes) || *bytes > INT64_MAX)
            return bad(r, tensor, "the shape is too large");
        type->dim[i] = (int64_t)dim;
    }
    return CNN_OK;
}

static cnn_status read_offsets(const reader *r, const char *tensor, const cnn_doc *doc,
                               uint64_t bytes, extent *e)
{
    if (doc == NULL || doc->kind != CNN_DOC_LIST || doc->count != 2 ||
        !read_integer(doc->items[0], &e->begin) || !read_integer(doc->items[1], &e->end))
        return bad(r, tensor, "no data_offsets");
    if (e->begin > e->end || e->end > r->data_bytes)
        return bad(r, tensor, "its bytes lie outside the file");
    if (e->end - e->begin != bytes)
        return bad(r, tensor, "shape and data_offsets disagree");
    e->name = tensor;
    return CNN_OK;
}

static cnn_status read_tensor(const reader *r, const char *name, const cnn_doc *doc, uint32_t index)
{
    cnn_stored *t = &r->out->tensors[index];
    uint64_t bytes = 0;
    extent *e = &r->extents[index];
    t->name = name;
    if (doc->kind != CNN_DOC_MAP)
        return bad(r, name, "no description");
    cnn_status status = read_dtype(r, name, cnn_doc_get(doc, "dtype"), &t->type.dtype);
    if (status == CNN_OK)
        status = read_shape(r, name, cnn_doc_get(doc, "shape"), &t->type, &bytes);
    if (status == CNN_OK)
        status = read_offsets(r, name, cnn_doc_get(doc, "data_offsets"), bytes, e);
    if (status != CNN_OK)
        return status;
    t->data = r->data + e->begin;
    if ((uintptr_t)t->data % (uintptr_t)cnn_dtype_size(t->type.dtype) != 0)
        t->data = cnn_arena_copy(r->arena, t->data, (size_t)bytes);
    return CNN_OK;
}

static cnn_status read_meta(const reader *r, const cnn_doc *doc)
{
    if (doc->kind != CNN_DOC_MAP)
        return cnn_fail(r->err, CNN_INVALID, "'%s' is damaged: __metadata__ is no map", r->name);
    r->out->meta = CNN_NEW_ARRAY(r->arena, cnn_meta, doc->count);
    r->out->n_meta = doc->count;
    for (uint32_t i = 0; i < doc->count; i++) {
        if (doc->items[i]->kind != CNN_DOC_SCALAR)
            return cnn_fail(r->err, CNN_INVALID, "'%s' is damaged: __metadata__: '%s' is no text",
                            r->name, doc->keys[i]->text);
        r->out->meta[i] = (cnn_meta){ doc->keys[i]->text, doc->items[i]->text };
    }
    return CNN_OK;
}

static int compare_extents(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Together the tensors cover the data exactly once. */
static cnn_status check_extents(const reader *r, uint32_t count)
{
    uint64_t at = 0;
    qsort(r->extents, count, sizeof *r->extents, compare_extents);
    for (uint32_t i = 0; i < count; i++) {
        const extent *e = &r->extents[i];
        if (e->begin != at)
            return bad(r, e->name,
                       e->begin < at ? "its bytes overlap another tensor's"
                                     : "a hole lies before it");
        at = e->end;
    }
    if (at != r->data_bytes)
        return cnn_fail(r->err, CNN_INVALID, "'%s' is damaged: %llu bytes follow the last tensor",
                        r->name, (unsigned long long)(r->data_bytes - at));
    return CNN_OK;
}

static cnn_status read_header(const reader *r, const cnn_doc *header)
{
    cnn_safetensors *out = r->out;
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < header->count && status == CNN_OK; i++) {
        const char *name = header->keys[i]->text;
        if (strcmp(name, "__metadata__") == 0)
            status = read_meta(r, header->items[i]);
        else
            status = read_tensor(r, name, header->items[i], out->n_tensors++);
    }
    return status == CNN_OK ? check_extents(r, out->n_tensors) : status;
}

static cnn_doc *parse_header(const char *name, const char *json, size_t length, cnn_arena *arena,
                             cnn_error *err)
{
    cnn_diags diags = { .arena = arena };
    cnn_doc *doc = json[0] == '{' ? cnn_doc_parse(name, json, length, arena, &diags) : NULL;
    if (doc != NULL && doc->kind == CNN_DOC_MAP)
        return doc;
    const char *why = "it is no JSON object";
    for (size_t i = 0; i < diags.count; i++)
        if (!diags.items[i].warning)
            why = diags.items[i].text;
    (void)cnn_fail(err, CNN_INVALID, "'%s' is damaged: in the header: %s", name, why);
    return NULL;
}

/* `bytes` live in the arena. */
static cnn_status parse(const char *name, const char *bytes, size_t size, cnn_arena *arena,
                        cnn_safetensors *out, cnn_error *err)
{
    uint64_t length = 0;
    *out = (cnn_safetensors){ 0 };
    if (size < LENGTH_BYTES + 2)
        return cnn_fail(err, CNN_INVALID, "'%s' is no safetensors file: it has %zu bytes", name,
                        size);
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    if (length > MAX_HEADER || length > size - LENGTH_BYTES)
        return cnn_fail(err, CNN_INVALID,
                        "'%s' is no safetensors file: a header of %llu bytes in a file of %zu",
                        name, (unsigned long long)length, size);
    const cnn_doc *header = parse_header(name, bytes + LENGTH_BYTES, (size_t)length, arena, err);
    if (header == NULL)
        return CNN_INVALID;
    out->tensors = CNN_NEW_ARRAY(arena, cnn_stored, header->count);
    const reader r = {
        .name = name,
        .data = bytes + LENGTH_BYTES + length,
        .data_bytes = size - LENGTH_BYTES - length,
        .arena = arena,
        .out = out,
        .extents = CNN_NEW_ARRAY(arena, extent, header->count),
        .err = err,
    };
    cnn_status status = read_header(&r, header);
    if (status != CNN_OK)
        *out = (cnn_safetensors){ 0 };
    return status;
}

cnn_status cnn_safetensors_parse(const char *name, const void *bytes, size_t size, cnn_arena *arena,
                                 cnn_safetensors *out, cnn_error *err)
{
    return parse(name, cnn_arena_copy(arena, bytes, size), size, arena, out, err);
}

cnn_status cnn_safetensors_read(const char *path, cnn_arena *arena, cnn_safetensors *out,
                                cnn_error *err)
{
    char *bytes;
    size_t size;
    *out = (cnn_safetensors){ 0 };
    cnn_status status = cnn_file_read(path, SIZE_MAX / 2, arena, &bytes, &size, err);
    return status == CNN_OK ? parse(path, bytes, size, arena, out, err) : status;
}
