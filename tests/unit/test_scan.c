/* The cache of verdicts as text, and what a child writes. */
#include "scan.h"

#include "test.h"

#define HOST "0.1.0/0.1/1-2"

static cnn_candidate candidate(const char *path)
{
    return (cnn_candidate){ .path = path, .size = 4096, .mtime_ns = 123456789 };
}

static cnn_candidate verdict(const char *path, const char *refusal, const char *hint)
{
    cnn_candidate c = candidate(path);
    c.known = true;
    c.refusal = refusal;
    c.hint = hint;
    return c;
}

static void apply(const char *text, const char *host, cnn_candidate *c, size_t n, cnn_arena *arena)
{
    cnn_scan_cache_apply(text, strlen(text), host, c, n, arena);
}

static void verdicts_come_back_with_their_reasons(void)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_text text = { 0 };
    const char *odd = "/a/50% odd\tname\n.so";
    const cnn_candidate written[] = { verdict("/a/good.so", NULL, NULL),
                                      verdict("/a/bad.so", "has a\ttab", "remove\nit"),
                                      verdict(odd, "no reason", NULL) };
    cnn_candidate read[] = { candidate(odd), candidate("/a/bad.so"), candidate("/a/good.so") };
    cnn_scan_cache_format(NULL, 0, HOST, written, 3, &text);
    apply(cnn_text_get(&text), HOST, read, 3, arena);
    CHECK(read[0].known && read[1].known && read[2].known);
    CHECK_STR(read[0].refusal, "no reason");
    CHECK(read[0].hint == NULL);
    CHECK_STR(read[1].refusal, "has a\ttab");
    CHECK_STR(read[1].hint, "remove\nit");
    CHECK(read[2].refusal == NULL);
    cnn_text_free(&text);
    cnn_arena_destroy(arena);
}

static void another_size_time_path_or_host_is_not_known(void)
{
    cnn_arena *arena = cnn_arena_create();
    cnn_text text = { 0 };
    const cnn_candidate written = verdict("/a/x.so", NULL, NULL);
    cnn_candidate read[] = { written, written, candidate("/a/x.s"), candidate("/a/x.so") };
    cnn_scan_cache_format(NULL, 0, HOST, &written, 1, &text);
    read[0].known = read[1].known = false;
    read[0].size++;
    read[1].mtime_ns++;
    apply(cnn_text_get(&text), HOST, read, 3, arena);
    CHECK(!read[0].known && !read[1].known && !read[2].known);
    apply(cnn_text_get(&text), HOST "3", &read[3], 1, arena);
    CHECK(!read[3].known);
    apply(cnn_text_get(&text), HOST, &read[3], 1, arena);
    CHECK(read[3].known);
    cnn_text_free(&text);
    cnn_arena_destroy(arena);
}

static void damaged_texts_are_as_if_they_were_not_there(void)
{
#define FIRST "cnnrun plugin cache 1\n"
#define KEY HOST "\t/a/x.so\t4096\t123456789\t"
    static const char *const texts[] = {
        "",
        "\n",
        "cnnrun plugin cache 2\n" KEY "ok\n",
        FIRST KEY "ok",            /* no newline: cut off */
        FIRST KEY "okay\n",        /* unknown verdict */
        FIRST KEY "\n",            /* none */
        FIRST KEY "refused\n",     /* no reason */
        FIRST KEY "refused\t\t\n", /* an empty one */
        FIRST KEY "refused\treason\n",
        FIRST KEY "refused\tbad %\thint\n", /* escapes that are none */
        FIRST KEY "refused\tbad %4\thint\n",
        FIRST KEY "refused\tbad %00\thint\n",
        FIRST "\t\t\t\n" HOST "\n" HOST "\t/a/x.so\t\n",
    };
    cnn_arena *arena = cnn_arena_create();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cnn_candidate c = candidate("/a/x.so");
        apply(texts[i], HOST, &c, 1, arena);
        if (!CHECK(!c.known))
            fprintf(stderr, "  text %zu: %s\n", i, texts[i]);
    }
    cnn_candidate c = candidate("/a/x.so");
    apply(FIRST "garbage\n" KEY "ok\n", HOST, &c, 1, arena);
    CHECK(c.known);
    cnn_scan_cache_apply(NULL, 0, HOST, &c, 1, arena);
    cnn_arena_destroy(arena);
}

static void old_lines_are_kept_unless_the_file_has_a_new_verdict(void)
{
    cnn_text old = { 0 }, text = { 0 };
    const cnn_candidate before[] = { verdict("/a/x.so", "was bad", NULL),
                                     verdict("/b/y.so", NULL, NULL) };
    cnn_candidate now = verdict("/a/x.so", NULL, NULL);
    now.size = 5000;
    cnn_scan_cache_format(NULL, 0, HOST, before, 2, &old);
    cnn_text_add(&old, "other\t/a/x.so\t1\t2\tok\n");
    cnn_scan_cache_format(old.data, old.length, HOST, &now, 1, &text);
    CHECK_STR(cnn_text_get(&text),
              "cnnrun plugin cache 1\n" HOST "\t/a/x.so\t5000\t123456789\tok\n" HOST
              "\t/b/y.so\t4096\t123456789\tok\nother\t/a/x.so\t1\t2\tok\n");
    cnn_text_free(&old);
    cnn_text_free(&text);
}

static void what_may_pass_is_not_written(void)
{
    cnn_text text = { 0 };
    cnn_candidate list[] = { verdict("/a/x.so", "libfoo is missing", NULL), candidate("/a/y.so") };
    list[0].passing = true;
    cnn_scan_cache_format(NULL, 0, HOST, list, 2, &text);
    CHECK_STR(cnn_text_get(&text), "cnnrun plugin cache 1\n");
    cnn_text_free(&text);
}

static void the_text_stays_bounded(void)
{
    cnn_text old = { 0 }, text = { 0 };
    cnn_text_add(&old, "cnnrun plugin cache 1\n");
    for (int i = 0; i < 5000; i++)
        cnn_text_add(&old, "host%d\t/a/x.so\t1\t2\tok\n", i);
    const cnn_candidate now = verdict("/a/x.so", NULL, NULL);
    cnn_scan_cache_format(old.data, old.length, HOST, &now, 1, &text);
    size_t lines = 0;
    for (const char *p = cnn_text_get(&text); *p != '\0'; p++)
        lines += *p == '\n';
    CHECK_INT(lines, 2001);
    CHECK_HAS(cnn_text_get(&text), HOST "\t/a/x.so");
    CHECK_HAS(cnn_text_get(&text), "host1998\t");
    cnn_text_free(&old);
    cnn_text_free(&text);
}

static void a_verdict_is_lines_that_end_with_end(void)
{
    cnn_text text = { 0 };
    cnn_error err = { .text = "two\nlines", .hint = "" };
    cnn_verdict_format(CNN_OK, false, &err, &text);
    CHECK_STR(cnn_text_get(&text), "ok\nend\n");
    cnn_text_free(&text);
    cnn_verdict_format(CNN_INVALID, false, &err, &text);
    CHECK_STR(cnn_text_get(&text), "refused\ntwo lines\n\nend\n");
    cnn_text_free(&text);
    cnn_verdict_format(CNN_INVALID, true, &err, &text);
    CHECK_HAS(cnn_text_get(&text), "passing\n");
    cnn_text_free(&text);
}

int main(void)
{
    return RUN_TESTS(TEST(verdicts_come_back_with_their_reasons),
                     TEST(another_size_time_path_or_host_is_not_known),
                     TEST(damaged_texts_are_as_if_they_were_not_there),
                     TEST(old_lines_are_kept_unless_the_file_has_a_new_verdict),
                     TEST(what_may_pass_is_not_written), TEST(the_text_stays_bounded),
                     TEST(a_verdict_is_lines_that_end_with_end));
}
