#include "test.h"

#include "base/text.h"

static void an_empty_text_is_the_empty_string(void)
{
    cnn_text t = { 0 };
    CHECK_STR(cnn_text_get(&t), "");
    cnn_text_add(&t, "%s", "");
    CHECK_STR(cnn_text_get(&t), "");
    cnn_text_free(&t);
}

static void pieces_are_appended(void)
{
    cnn_text t = { 0 };
    cnn_text_add(&t, "%d", 12);
    cnn_text_add_bytes(&t, "abcdef", 3);
    cnn_text_add(&t, "%s", "!");
    CHECK_STR(cnn_text_get(&t), "12abc!");
    CHECK_INT(t.length, 6);
    cnn_text_free(&t);
    CHECK_INT(t.length, 0);
    CHECK_STR(cnn_text_get(&t), "");
}

static void it_grows_over_every_capacity(void)
{
    cnn_text t = { 0 };
    for (int i = 0; i < 3000; i++)
        cnn_text_add(&t, "%c", 'a' + i % 26);
    CHECK_INT(t.length, 3000);
    CHECK_INT(strlen(cnn_text_get(&t)), 3000);
    CHECK(t.data[2999] == 'a' + 2999 % 26);
    cnn_text_free(&t);
}

static void json_escapes_what_json_must(void)
{
    cnn_text t = { 0 };
    cnn_text_add_json(&t, "a\"b\\c\n\t\r\b\f\x01/\xe6\x95\xb0");
    CHECK_STR(cnn_text_get(&t), "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001/\xe6\x95\xb0\"");
    cnn_text_free(&t);
    cnn_text_add_json(&t, "");
    CHECK_STR(cnn_text_get(&t), "\"\"");
    cnn_text_free(&t);
}

int main(void)
{
    return RUN_TESTS(TEST(an_empty_text_is_the_empty_string), TEST(pieces_are_appended),
                     TEST(it_grows_over_every_capacity), TEST(json_escapes_what_json_must));
}
