/* Runs a fuzz target on every file of a folder and on damaged copies of each: cut off at many
 * lengths, single bits flipped, bytes replaced. The same copies in every run. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

#define MAX_CUTS 256u
#define MAX_FLIPS 512u
#define MAX_SEED_BYTES (1u << 20)

/* The target gets memory of exactly this size, so that a sanitizer sees one byte too many. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_cuts(const uint8_t *data, size_t size)
{
    size_t step = size / MAX_CUTS + 1;
    for (size_t length = 0; length < size; length += step)
        run(data, length);
}

static void run_flips(uint8_t *data, size_t size)
{
    size_t bits = 8 * size, step = bits / MAX_FLIPS + 1;
    for (size_t bit = 0; bit < bits; bit += step) {
        uint8_t mask = (uint8_t)(1u << bit % 8);
        data[bit / 8] ^= mask;
        run(data, size);
        data[bit / 8] ^= mask;
    }
}

/* Bytes that matter in some format, at places all over the file. */
static void run_replacements(uint8_t *data, size_t size)
{
    static const uint8_t bytes[] = {
        0x00, 0x7f, 0x80, 0xff, ' ', '\n', '"', '{', '[', ':', '&', '9'
    };
    size_t step = size / 32 + 1;
    for (size_t at = 0; at < size; at += step)
        for (size_t i = 0; i < sizeof bytes; i++) {
            uint8_t old = data[at];
            data[at] = bytes[i];
            run(data, size);
            data[at] = old;
        }
}

static int replay(const char *folder, const char *name)
{
    static uint8_t data[MAX_SEED_BYTES];
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot open %s\n", path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    run(data, size);
    run_cuts(data, size);
    run_flips(data, size);
    run_replacements(data, size);
    printf("ok %s\n", name);
    return 0;
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **seeds;
    int n = argc == 2 ? scandir(argv[1], &seeds, is_seed, alphasort) : -1;
    if (n <= 0) {
        fprintf(stderr, "usage: %s FOLDER, with at least one file in it\n", argv[0]);
        return 1;
    }
    int failures = 0;
    for (int i = 0; i < n; i++) {
        failures += replay(argv[1], seeds[i]->d_name);
        free(seeds[i]);
    }
    free(seeds);
    return failures == 0 ? 0 : 1;
}
