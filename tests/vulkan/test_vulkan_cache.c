/* GLSL compiled, and kept in files that may be lost, cut, changed or out of reach. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, setenv, stat's st_mtim */
#include "vulkan/kernel.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#define HEAD "#version 450\nlayout(local_size_x = 64) in;\n"

static const char doubles[] = HEAD "layout(binding = 0) buffer b { float x[]; };\n"
                                   "void main()\n"
                                   "{\n"
                                   "    x[gl_GlobalInvocationID.x] *= 2.0;\n"
                                   "}\n";

/* ---- a home of its own for each test ---- */

static char home[] = "/tmp/cnnrun-test-XXXXXX";

static void remember(const cnn_host *host, uint32_t level, const char *text);

static const cnn_host host = { .size = sizeof host, .threads = 1, .log = remember };
static char said[512];
static uint32_t said_level, said_times;

static void remember(const cnn_host *unused, uint32_t level, const char *text)
{
    (void)unused;
    (void)snprintf(said, sizeof said, "%s", text);
    said_level = level;
    said_times++;
}

/* Calls visit(path) for each file of the cache; how many there are. */
static uint32_t each_file(const vk_cache *cache, void (*visit)(const char *path))
{
    uint32_t n = 0;
    char path[512];
    DIR *folder = opendir(cache->folder);
    for (struct dirent *e; folder != NULL && (e = readdir(folder)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        n++;
        (void)snprintf(path, sizeof path, "%s/%s", cache->folder, e->d_name);
        if (visit != NULL)
            visit(path);
    }
    if (folder != NULL)
        (void)closedir(folder);
    return n;
}

static void delete_file(const char *path)
{
    (void)unlink(path);
}

static vk_cache opened(void)
{
    vk_cache cache;
    said_times = 0;
    (void)setenv("XDG_CACHE_HOME", home, 1);
    (void)unsetenv("CNNRUN_VK_CACHE");
    vk_cache_open(&host, &cache);
    (void)each_file(&cache, delete_file);
    return cache;
}

/* ---- the one file of a cache ---- */

static char file_path[512];

static void take_path(const char *path)
{
    (void)snprintf(file_path, sizeof file_path, "%s", path);
}

static const char *only_file(const vk_cache *cache)
{
    CHECK_INT(each_file(cache, take_path), 1);
    return file_path;
}

static size_t file_read(const char *path, char *to, size_t most)
{
    FILE *file = fopen(path, "rb");
    const size_t n = file != NULL ? fread(to, 1, most, file) : 0;
    if (file != NULL)
        (void)fclose(file);
    return n;
}

static void file_write(const char *path, const char *from, size_t n)
{
    FILE *file = fopen(path, "wb");
    if (!CHECK(file != NULL))
        return;
    CHECK_INT(fwrite(from, 1, n, file), n);
    (void)fclose(file);
}

static bool is_spirv(const uint32_t *words, size_t n)
{
    return words != NULL && n > 5 && words[0] == 0x07230203 && words[1] == 0x00010300;
}

/* The SPIR-V of `doubles` comes, and what is left in the cache is one file with `wanted`. */
static void gives_and_leaves(const vk_cache *cache, const char *wanted, size_t n)
{
    static char now[65536];
    uint32_t *words = NULL;
    size_t n_words = 0;
    cnn_error err = { "", "" };
    CHECK_INT(vk_spirv_of(cache, "doubles", doubles, &words, &n_words, &err), CNN_OK);
    CHECK(is_spirv(words, n_words));
    CHECK_INT(file_read(only_file(cache), now, sizeof now), n);
    CHECK(memcmp(now, wanted, n) == 0);
    free(words);
}

/* ---- compiling ---- */

static void a_text_becomes_spirv(void)
{
    uint32_t *words = NULL;
    size_t n = 0;
    cnn_error err = { "", "" };
    CHECK_INT(vk_compile("doubles", doubles, &words, &n, &err), CNN_OK);
    CHECK_STR(err.text, "");
    CHECK(is_spirv(words, n));
    free(words);
}

static void an_error_shows_the_message_and_its_line(void)
{
    static const char text[] = HEAD "\n"
                                    "// more\n"
                                    "void main()\n"
                                    "{\n"
                                    "    float y = lost + 1.0;\r\n"
                                    "}\n";
    uint32_t *words = NULL;
    size_t n = 0;
    cnn_error err = { "", "" };
    CHECK_INT(vk_compile("map", text, &words, &n, &err), CNN_INTERNAL);
    CHECK_STR(err.text, "vulkan: shader map does not compile: 'lost' : undeclared identifier in "
                        "line 7: float y = lost + 1.0;");
    CHECK(words == NULL);
}

static void errors_elsewhere_are_shown_too(void)
{
    static const char *const texts[] = {
        HEAD,                                 /* nothing to run */
        HEAD "#error no way\nvoid main() {}", /* while preprocessing */
        HEAD "void main() {",                 /* at the very end, without a newline */
        "",
        "void f(); void main() { f(); }", /* while linking */
        HEAD "#line 4000000000\nvoid main() { lost; }",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint32_t *words = NULL;
        size_t n = 0;
        cnn_error err = { "", "" };
        if (!CHECK(vk_compile("map", texts[i], &words, &n, &err) == CNN_INTERNAL))
            fprintf(stderr, "  text %zu\n", i);
        CHECK_HAS(err.text, "vulkan: shader map does not compile: ");
        CHECK(strchr(err.text, '\n') == NULL);
        free(words);
    }
}

/* ---- SPIR-V in files ---- */

static void a_second_time_the_file_is_read(void)
{
    vk_cache cache = opened();
    struct stat before, after;
    uint32_t *first = NULL, *second = NULL;
    size_t n = 0, m = 0;
    CHECK_INT(vk_spirv_of(&cache, "doubles", doubles, &first, &n, NULL), CNN_OK);
    CHECK_INT(stat(only_file(&cache), &before), 0);
    CHECK_INT(vk_spirv_of(&cache, "other name", doubles, &second, &m, NULL), CNN_OK);
    CHECK_INT(stat(only_file(&cache), &after), 0);
    CHECK(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    CHECK(n == m && is_spirv(first, n) && memcmp(first, second, n * sizeof *first) == 0);
    CHECK_INT(said_times, 0);
    free(first);
    free(second);
    vk_cache_close(&cache);
}

static void every_text_has_its_file(void)
{
    vk_cache cache = opened();
    char text[sizeof doubles];
    memcpy(text, doubles, sizeof text);
    for (char k = '2'; k <= '9'; k++) {
        uint32_t *words = NULL;
        size_t n = 0;
        strstr(text, ".0;")[-1] = k;
        CHECK_INT(vk_spirv_of(&cache, "times", text, &words, &n, NULL), CNN_OK);
        free(words);
    }
    CHECK_INT(each_file(&cache, NULL), 8);
    vk_cache_close(&cache);
}

static void what_does_not_compile_leaves_no_file(void)
{
    vk_cache cache = opened();
    uint32_t *words = NULL;
    size_t n = 0;
    cnn_error err = { "", "" };
    CHECK_INT(vk_spirv_of(&cache, "map", HEAD "void main() { lost; }", &words, &n, &err),
              CNN_INTERNAL);
    CHECK_HAS(err.text, "'lost'");
    CHECK_INT(each_file(&cache, NULL), 0);
    vk_cache_close(&cache);
}

static void damaged_files_are_replaced(void)
{
    static char good[65536], bad[65536];
    vk_cache cache = opened();
    uint32_t *words = NULL;
    size_t n_words = 0;
    CHECK_INT(vk_spirv_of(&cache, "doubles", doubles, &words, &n_words, NULL), CNN_OK);
    const char *path = only_file(&cache);
    const size_t n = file_read(path, good, sizeof good - 1);
    CHECK(n > n_words * sizeof *words && n < sizeof good - 1);
    for (size_t i = 0; i < n; i += i < 64 ? 1 : n / 20) {
        memcpy(bad, good, n);
        bad[i] ^= 4;
        file_write(path, bad, n);
        gives_and_leaves(&cache, good, n);
        file_write(path, good, i); /* cut off */
        gives_and_leaves(&cache, good, n);
    }
    memcpy(bad, good, n);
    file_write(path, bad, n + 1); /* longer */
    gives_and_leaves(&cache, good, n);
    free(words);
    vk_cache_close(&cache);
}

static void a_file_under_another_name_is_not_taken(void)
{
    static char other[65536], good[65536];
    vk_cache cache = opened();
    uint32_t *words = NULL;
    size_t n_words = 0;
    CHECK_INT(vk_spirv_of(&cache, "doubles", doubles, &words, &n_words, NULL), CNN_OK);
    free(words);
    const size_t n = file_read(only_file(&cache), good, sizeof good);
    (void)each_file(&cache, delete_file);
    CHECK_INT(vk_spirv_of(&cache, "empty", HEAD "void main() {}", &words, &n_words, NULL), CNN_OK);
    free(words);
    const size_t m = file_read(only_file(&cache), other, sizeof other);
    (void)each_file(&cache, delete_file);
    CHECK_INT(vk_spirv_of(&cache, "doubles", doubles, &words, &n_words, NULL), CNN_OK);
    free(words);
    file_write(only_file(&cache), other, m);
    gives_and_leaves(&cache, good, n);
    vk_cache_close(&cache);
}

/* ---- folders ---- */

static void works_without_files(const vk_cache *cache)
{
    uint32_t *words = NULL;
    size_t n = 0, bytes = 1;
    CHECK_INT(vk_spirv_of(cache, "doubles", doubles, &words, &n, NULL), CNN_OK);
    CHECK(is_spirv(words, n));
    free(words);
    vk_cache_write(cache, "device", "data", 4);
    CHECK(vk_cache_read(cache, "device", &bytes) == NULL);
    CHECK_INT(bytes, 0);
}

static void a_folder_out_of_reach_is_said_quietly(void)
{
    vk_cache cache;
    said_times = 0;
    (void)setenv("XDG_CACHE_HOME", "/dev/null/cache", 1);
    vk_cache_open(&host, &cache);
    CHECK_INT(said_times, 1);
    CHECK_INT(said_level, CNN_DEBUG);
    CHECK_HAS(said, "'/dev/null/cache/cnnrun/vulkan' cannot be written (Not a directory)");
    works_without_files(&cache);
    CHECK_INT(said_times, 1);
    vk_cache_close(&cache);
}

static void a_folder_that_vanishes_does_no_harm(void)
{
    vk_cache cache = opened();
    CHECK_INT(rmdir(cache.folder), 0);
    works_without_files(&cache);
    vk_cache_close(&cache);
}

static void off_means_no_folder(void)
{
    vk_cache cache = opened();
    vk_cache_close(&cache);
    said_times = 0;
    (void)setenv("CNNRUN_VK_CACHE", "off", 1);
    vk_cache_open(&host, &cache);
    CHECK(cache.folder == NULL);
    works_without_files(&cache);
    CHECK_INT(said_times, 0);
    vk_cache_close(&cache);
    (void)unsetenv("CNNRUN_VK_CACHE");
}

static void without_a_cache_folder_home_has_one(void)
{
    char wanted[512];
    vk_cache cache;
    (void)setenv("XDG_CACHE_HOME", "relative", 1); /* is ignored */
    (void)setenv("HOME", home, 1);
    vk_cache_open(&host, &cache);
    (void)snprintf(wanted, sizeof wanted, "%s/.cache/cnnrun/vulkan", home);
    CHECK_STR(cache.folder, wanted);
    CHECK_INT(access(wanted, W_OK), 0);
    vk_cache_close(&cache);
    (void)setenv("HOME", "", 1);
    vk_cache_open(&host, &cache);
    CHECK(cache.folder == NULL);
    vk_cache_close(&cache);
}

/* ---- the driver's cache ---- */

static void pipelines_are_kept_by_device(void)
{
    vk_cache cache = opened();
    size_t n;
    CHECK(vk_cache_read(&cache, "device 1", &n) == NULL);
    vk_cache_write(&cache, "device 1", "first", 5);
    vk_cache_write(&cache, "device 1", "second!", 7);
    vk_cache_write(&cache, "device 2", "third", 5);
    vk_cache_write(&cache, "device 3", "", 0);
    CHECK_INT(each_file(&cache, NULL), 2);
    char *data = vk_cache_read(&cache, "device 1", &n);
    CHECK(data != NULL && n == 7 && memcmp(data, "second!", 7) == 0);
    free(data);
    CHECK(vk_cache_read(&cache, "device 3", &n) == NULL);
    vk_cache_close(&cache);
}

static void damaged_pipelines_are_none(void)
{
    static char bytes[512];
    vk_cache cache = opened();
    size_t n;
    vk_cache_write(&cache, "device", "data", 4);
    const char *path = only_file(&cache);
    const size_t all = file_read(path, bytes, sizeof bytes);
    bytes[all - 1] ^= 1;
    file_write(path, bytes, all);
    CHECK(vk_cache_read(&cache, "device", &n) == NULL);
    CHECK_INT(n, 0);
    vk_cache_write(&cache, "device", "data", 4);
    char *data = vk_cache_read(&cache, "device", &n);
    CHECK(data != NULL && n == 4);
    free(data);
    vk_cache_close(&cache);
}

/* ---- threads ---- */

enum { THREADS = 4, TEXTS = 6 };

static void *compile_all(void *context)
{
    const vk_cache *cache = context;
    size_t good = 0;
    for (int i = 0; i < TEXTS; i++) {
        char text[512];
        uint32_t *words = NULL;
        size_t n = 0;
        (void)snprintf(text, sizeof text, "%s// %d\n", doubles, i);
        good +=
            vk_spirv_of(cache, "doubles", text, &words, &n, NULL) == CNN_OK && is_spirv(words, n);
        free(words);
    }
    return good == TEXTS ? context : NULL;
}

static void many_threads_may_ask(void)
{
    vk_cache cache = opened();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, compile_all, &cache), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        CHECK_INT(pthread_join(threads[i], &result), 0);
        CHECK(result == &cache);
    }
    CHECK_INT(each_file(&cache, NULL), TEXTS);
    vk_cache_close(&cache);
}

static void remove_home(void)
{
    static const char *const folders[] = { "/cnnrun/vulkan", "/cnnrun", "/.cache/cnnrun/vulkan",
                                           "/.cache/cnnrun", "/.cache", "" };
    char path[512];
    vk_cache cache = opened();
    vk_cache_close(&cache);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", home, folders[i]);
        (void)rmdir(path);
    }
}

int main(void)
{
    cnn_error err = { "", "" };
    if (mkdtemp(home) == NULL || vk_compiler_open(&err) != CNN_OK) {
        fprintf(stderr, "no folder in /tmp, or no compiler. %s\n", err.text);
        return 1;
    }
    int failed =
        RUN_TESTS(TEST(a_text_becomes_spirv), TEST(an_error_shows_the_message_and_its_line),
                  TEST(errors_elsewhere_are_shown_too), TEST(a_second_time_the_file_is_read),
                  TEST(every_text_has_its_file), TEST(what_does_not_compile_leaves_no_file),
                  TEST(damaged_files_are_replaced), TEST(a_file_under_another_name_is_not_taken),
                  TEST(a_folder_out_of_reach_is_said_quietly),
                  TEST(a_folder_that_vanishes_does_no_harm), TEST(off_means_no_folder),
                  TEST(without_a_cache_folder_home_has_one), TEST(pipelines_are_kept_by_device),
                  TEST(damaged_pipelines_are_none), TEST(many_threads_may_ask));
    vk_compiler_close();
    remove_home();
    return failed;
}
