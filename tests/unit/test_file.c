#include "test.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

static char folder[] = "/tmp/cnnrun-test-file-XXXXXX";
static cnn_arena *arena;

static const char *in_folder(const char *name)
{
    return cnn_arena_printf(arena, "%s/%s", folder, name);
}

static int entries(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n - 2;
}

static void what_is_written_is_read(void)
{
    cnn_error err;
    char *data;
    size_t size;
    const char *path = in_folder("a.bin");
    CHECK(cnn_file_write(path, "a\0b", 3, &err) == CNN_OK);
    CHECK(cnn_file_read(path, 3, arena, &data, &size, &err) == CNN_OK);
    CHECK_INT(size, 3);
    CHECK(memcmp(data, "a\0b", 4) == 0);
    CHECK(cnn_file_write(path, "", 0, &err) == CNN_OK);
    CHECK(cnn_file_read(path, 3, arena, &data, &size, &err) == CNN_OK);
    CHECK_INT(size, 0);
    CHECK_STR(data, "");
    CHECK(unlink(path) == 0);
}

static void reading_names_what_is_wrong(void)
{
    cnn_error err;
    char *data;
    size_t size;
    CHECK(cnn_file_read(in_folder("none"), 10, arena, &data, &size, &err) == CNN_IO);
    CHECK_HAS(err.text, "/none': No such file");
    CHECK(cnn_file_read(folder, 10, arena, &data, &size, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "is a directory");
    const char *path = in_folder("long");
    CHECK(cnn_file_write(path, "12345678901", 11, &err) == CNN_OK);
    CHECK(cnn_file_read(path, 10, arena, &data, &size, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "larger than the 10 bytes");
    CHECK(unlink(path) == 0);
}

static void files_without_a_size_are_read_too(void)
{
    cnn_error err;
    char *data;
    size_t size;
    CHECK(cnn_file_read("/proc/self/status", 1u << 20, arena, &data, &size, &err) == CNN_OK);
    CHECK(size > 100 && data[size] == '\0');
    CHECK(cnn_file_read("/proc/self/status", 10, arena, &data, &size, &err) == CNN_INVALID);
    CHECK(cnn_file_read("/dev/zero", 100000, arena, &data, &size, &err) == CNN_INVALID);
}

static void an_aborted_write_leaves_the_old_file_alone(void)
{
    cnn_error err;
    cnn_writer *w;
    char *data;
    size_t size;
    const char *path = in_folder("keep");
    CHECK(cnn_file_write(path, "old", 3, &err) == CNN_OK);
    CHECK(cnn_writer_open(path, &w, &err) == CNN_OK);
    CHECK(cnn_writer_add(w, "new", 3, &err) == CNN_OK);
    CHECK_INT(entries(folder), 2);
    cnn_writer_abort(w);
    CHECK_INT(entries(folder), 1);
    CHECK(cnn_file_read(path, 10, arena, &data, &size, &err) == CNN_OK);
    CHECK_STR(data, "old");
    CHECK(unlink(path) == 0);
    cnn_writer_abort(NULL);
}

static void a_write_that_cannot_end_leaves_nothing(void)
{
    cnn_error err;
    cnn_writer *w;
    CHECK(cnn_file_write(in_folder("no/such/place"), "x", 1, &err) == CNN_IO);
    CHECK_HAS(err.text, "cannot write");
    const char *path = in_folder("taken");
    CHECK(cnn_writer_open(path, &w, &err) == CNN_OK);
    CHECK(mkdir(path, 0700) == 0);
    CHECK(cnn_writer_add(w, "x", 1, &err) == CNN_OK);
    CHECK(cnn_writer_commit(w, &err) == CNN_IO);
    CHECK_INT(entries(folder), 1);
    CHECK(rmdir(path) == 0);
}

static void a_device_is_written_and_not_replaced(void)
{
    cnn_error err;
    struct stat info;
    CHECK(cnn_file_write("/dev/null", "x", 1, &err) == CNN_OK);
    CHECK(stat("/dev/null", &info) == 0 && S_ISCHR(info.st_mode));
    CHECK(cnn_file_write("/dev/full", "x", 1, &err) == CNN_IO);
    CHECK_HAS(err.text, "No space left");
}

static void folders_are_made_on_the_way(void)
{
    cnn_error err;
    struct stat info;
    const char *deep = in_folder("a/\xe6\x95\xb0/c/");
    CHECK(cnn_make_dirs(deep, &err) == CNN_OK);
    CHECK(stat(deep, &info) == 0 && S_ISDIR(info.st_mode));
    CHECK(cnn_make_dirs(deep, &err) == CNN_OK);
    CHECK(cnn_file_write(in_folder("file"), "x", 1, &err) == CNN_OK);
    CHECK(cnn_make_dirs(in_folder("file/x"), &err) == CNN_IO);
    CHECK_HAS(err.text, "cannot make the directory");
    CHECK(unlink(in_folder("file")) == 0);
    CHECK(rmdir(in_folder("a/\xe6\x95\xb0/c")) == 0 && rmdir(in_folder("a/\xe6\x95\xb0")) == 0 &&
          rmdir(in_folder("a")) == 0);
}

int main(void)
{
    arena = cnn_arena_create();
    if (mkdtemp(folder) == NULL)
        return 1;
    int status = RUN_TESTS(
        TEST(what_is_written_is_read), TEST(reading_names_what_is_wrong),
        TEST(files_without_a_size_are_read_too), TEST(an_aborted_write_leaves_the_old_file_alone),
        TEST(a_write_that_cannot_end_leaves_nothing), TEST(a_device_is_written_and_not_replaced),
        TEST(folders_are_made_on_the_way));
    cnn_arena_destroy(arena);
    return rmdir(folder) == 0 ? status : 1;
}
