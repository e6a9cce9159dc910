#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "safetensors.h"

static char path[] = "/tmp/cnnrun-test-safetensors-XXXXXX";

static const float weights[6] = { 1, -2, 3.5f, 0, 1e-30f, 6 };
static const uint8_t pixels[3] = { 1, 2, 255 };
static const int32_t step = -7;

static void write_example(void)
{
    const cnn_stored tensors[] = {
        { "2.weight", cnn_type2(CNN_F32, 2, 3), weights },
        { "\xe6\x95\xb0 \"x\"", cnn_type1(CNN_U8, 3), pixels },
        { "step", cnn_scalar_type(CNN_I32), &step },
        { "none", cnn_type2(CNN_F32, 0, 4), weights },
    };
    const cnn_meta meta[] = { { "epoch", "3" }, { "note", "a\nb" } };
    cnn_error err;
    CHECK(cnn_safetensors_write(path, tensors, 4, meta, 2, &err) == CNN_OK);
}

static void what_is_written_is_read(void)
{
    cnn_arena *a = cnn_arena_create();
    cnn_safetensors st;
    cnn_error err = { { 0 }, { 0 } };
    write_example();
    CHECK(cnn_safetensors_read(path, a, &st, &err) == CNN_OK);
    CHECK_STR(err.text, "");
    CHECK_INT(st.n_tensors, 4);
    CHECK_INT(st.n_meta, 2);
    CHECK_STR(st.tensors[0].name, "2.weight");
    cnn_type want = cnn_type2(CNN_F32, 2, 3);
    CHECK(cnn_same_type(&st.tensors[0].type, &want));
    CHECK(memcmp(st.tensors[0].data, weights, sizeof weights) == 0);
    CHECK_STR(st.tensors[1].name, "\xe6\x95\xb0 \"x\"");
    CHECK(memcmp(st.tensors[1].data, pixels, 3) == 0);
    CHECK_INT(*(const int32_t *)st.tensors[2].data, -7);
    CHECK_INT(st.tensors[2].type.rank, 0);
    CHECK_INT(cnn_count(&st.tensors[3].type), 0);
    CHECK_STR(st.meta[0].key, "epoch");
    CHECK_STR(st.meta[1].value, "a\nb");
    cnn_arena_destroy(a);
}

/* The layout that Python's library reads, byte by byte. */
static void the_layout_is_the_format_s(void)
{
    cnn_arena *a = cnn_arena_create();
    cnn_error err;
    char *data;
    size_t size;
    const cnn_stored tensor = { "w", cnn_type1(CNN_U8, 3), pixels };
    const cnn_meta meta = { "k", "v" };
    CHECK(cnn_safetensors_write(path, &tensor, 1, &meta, 1, &err) == CNN_OK);
    CHECK(cnn_file_read(path, 1000, a, &data, &size, &err) == CNN_OK);
    static const char json[] = "{\"__metadata__\":{\"k\":\"v\"},\"w\":{\"dtype\":\"U8\","
                               "\"shape\":[3],\"data_offsets\":[0,3]}}";
    size_t padded = (sizeof json - 1 + 7) / 8 * 8;
    CHECK_INT(size, 8 + padded + 3);
    CHECK_INT((unsigned char)data[0], padded);
    CHECK(memcmp(data + 1, "\0\0\0\0\0\0\0", 7) == 0);
    CHECK(memcmp(data + 8, json, sizeof json - 1) == 0);
    for (size_t i = sizeof json - 1; i < padded; i++)
        CHECK(data[8 + i] == ' ');
    CHECK(memcmp(data + 8 + padded, pixels, 3) == 0);
    cnn_arena_destroy(a);
}

static void equal_contents_give_equal_bytes(void)
{
    cnn_arena *a = cnn_arena_create();
    cnn_error err;
    char *first, *second;
    size_t n, m;
    write_example();
    CHECK(cnn_file_read(path, 10000, a, &first, &n, &err) == CNN_OK);
    write_example();
    CHECK(cnn_file_read(path, 10000, a, &second, &m, &err) == CNN_OK);
    CHECK(n == m && memcmp(first, second, n) == 0);
    cnn_arena_destroy(a);
}

/* Parses a header with `data_bytes` zero bytes behind it. */
static cnn_status parse(const char *json, size_t data_bytes, cnn_arena *a, cnn_safetensors *out,
                        cnn_error *err)
{
    cnn_text file = { 0 };
    size_t length = strlen(json);
    for (int i = 0; i < 8; i++)
        cnn_text_add_bytes(&file, &(char){ (char)(length >> (8 * i)) }, 1);
    cnn_text_add_bytes(&file, json, length);
    for (size_t i = 0; i < data_bytes; i++)
        cnn_text_add_bytes(&file, "", 1);
    cnn_status status = cnn_safetensors_parse("f", file.data, file.length, a, out, err);
    cnn_text_free(&file);
    return status;
}

static void check_bad(const char *json, size_t data_bytes, const char *part)
{
    cnn_arena *a = cnn_arena_create();
    cnn_safetensors st;
    cnn_error err = { { 0 }, { 0 } };
    cnn_status status = parse(json, data_bytes, a, &st, &err);
    CHECK(status == CNN_INVALID || status == CNN_UNSUPPORTED);
    CHECK_INT(st.n_tensors, 0);
    CHECK_HAS(err.text, part);
    cnn_arena_destroy(a);
}

#define T(dtype, shape, offsets) \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void lying_headers_are_refused(void)
{
    check_bad("[]", 0, "it is no JSON object");
    check_bad(" {}", 0, "it is no JSON object");
    check_bad("{\"a\":", 0, "in the header");
    check_bad("{\"a\":1}", 0, "tensor 'a': no description");
    check_bad("{\"a\":{}}", 0, "tensor 'a': no dtype");
    check_bad("{\"a\":{\"dtype\":\"F32\"}}", 0, "no shape");
    check_bad("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "no data_offsets");
    check_bad("{\"a\":" T("F16", "[1]", "[0,2]") "}", 2, "the type F16");
    check_bad("{\"a\":" T("F32", "[1,1,1,1,1,1,1]", "[0,4]") "}", 4, "7 axes, more than 6");
    check_bad("{\"a\":" T("F32", "[-1]", "[0,4]") "}", 4, "is no number");
    check_bad("{\"a\":" T("F32", "[\"1\"]", "[0,4]") "}", 4, "is no number");
    check_bad("{\"a\":" T("F32", "[1.5]", "[0,4]") "}", 4, "is no number");
    check_bad("{\"a\":" T("F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "too large");
    check_bad("{\"a\":" T("F32", "[99999999999999999999]", "[0,0]") "}", 0, "is no number");
    check_bad("{\"a\":" T("F32", "[1]", "[0,8]") "}", 8, "shape and data_offsets disagree");
    check_bad("{\"a\":" T("F32", "[1]", "[4,0]") "}", 4, "outside the file");
    check_bad("{\"a\":" T("F32", "[2]", "[0,8]") "}", 4, "outside the file");
    check_bad("{\"a\":" T("F32", "[1]", "[4]") "}", 4, "no data_offsets");
    check_bad("{\"a\":" T("F32", "[1]", "[0,4]") "}", 5, "1 bytes follow the last tensor");
    check_bad("{}", 5, "5 bytes follow");
    check_bad("{\"a\":" T("F32", "[1]", "[4,8]") "}", 8, "a hole lies before it");
    check_bad("{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[1]", "[4,8]") "}", 8,
              "'b': its bytes overlap");
    check_bad("{\"a\":" T("U8", "[1]", "[0,1]") ",\"a\":" T("U8", "[1]", "[0,1]") "}", 1,
              "the key 'a' stands here a second time");
    check_bad("{\"__metadata__\":[]}", 0, "__metadata__ is no map");
    check_bad("{\"__metadata__\":{\"a\":[]}}", 0, "'a' is no text");
}

static void short_and_lying_files_are_refused(void)
{
    cnn_arena *a = cnn_arena_create();
    cnn_safetensors st;
    cnn_error err;
    CHECK(cnn_safetensors_parse("f", "", 0, a, &st, &err) == CNN_INVALID);
    CHECK(cnn_safetensors_parse("f", "\2\0\0\0\0\0\0\0{", 9, a, &st, &err) == CNN_INVALID);
    CHECK(cnn_safetensors_parse("f", "\3\0\0\0\0\0\0\0{}", 10, a, &st, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "a header of 3 bytes in a file of 10");
    CHECK(cnn_safetensors_parse("f", "\377\377\377\377\377\377\377\377{}", 10, a, &st, &err) ==
          CNN_INVALID);
    CHECK(cnn_safetensors_parse("f", "\0\0\0\0\0\0\0\0{}", 10, a, &st, &err) == CNN_INVALID);
    CHECK(cnn_safetensors_parse("f", "\2\0\0\0\0\0\0\0{}", 10, a, &st, &err) == CNN_OK);
    CHECK_INT(st.n_tensors, 0);
    CHECK(cnn_safetensors_read("/nowhere/x", a, &st, &err) == CNN_IO);
    cnn_arena_destroy(a);
}

static void tensors_may_lie_in_any_order_and_at_any_address(void)
{
    cnn_arena *a = cnn_arena_create();
    cnn_safetensors st;
    cnn_error err;
    CHECK(parse("{\"f\":" T("F32", "[2]", "[1,9]") ",\"u\":" T("U8", "[1]", "[0,1]") "}  ", 9, a,
                &st, &err) == CNN_OK);
    CHECK_INT(st.n_tensors, 2);
    CHECK_STR(st.tensors[0].name, "f");
    CHECK((uintptr_t)st.tensors[0].data % 4 == 0);
    CHECK(((const float *)st.tensors[0].data)[1] == 0.0f);
    cnn_arena_destroy(a);
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    (void)close(fd);
    int status = RUN_TESTS(TEST(what_is_written_is_read), TEST(the_layout_is_the_format_s),
                           TEST(equal_contents_give_equal_bytes), TEST(lying_headers_are_refused),
                           TEST(short_and_lying_files_are_refused),
                           TEST(tensors_may_lie_in_any_order_and_at_any_address));
    (void)unlink(path);
    return status;
}
