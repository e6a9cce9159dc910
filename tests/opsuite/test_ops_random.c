/* test_ops_random FAMILY [--backend NAME] [--seed N] [--cases N] [--plugins DIR]: random programs
 * around one kind of op on a backend, `cpu` if none is named, against the reference. With --seed
 * that one case, in words. CNNRUN_CPU chooses the instruction set of `cpu`. 77 if the processor
 * lacks it, or the backend or its device is missing. */
#include "opsuite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, CASES = 300, MOST_SHOWN = 3 };

typedef struct arguments {
    const char *family, *backend, *plugins;
    uint64_t seed;
    uint32_t cases;
    bool single;
} arguments;

static const family *find_family(const char *name)
{
    static const family *const tables[] = { image_families, tensor_families, map_families,
                                            move_families };
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (const family *f = tables[t]; f->name != NULL; f++)
            if (strcmp(f->name, name) == 0)
                return f;
    return NULL;
}

static bool read_arguments(int argc, char **argv, arguments *a)
{
    *a = (arguments){ .backend = "cpu", .plugins = CNN_TEST_PLUGINS, .seed = 1, .cases = CASES };
    a->family = argc > 1 ? argv[1] : "";
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0) {
            a->seed = strtoull(argv[i + 1], NULL, 10);
            a->single = true;
        } else if (strcmp(argv[i], "--cases") == 0) {
            a->cases = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--backend") == 0) {
            a->backend = argv[i + 1];
        } else if (strcmp(argv[i], "--plugins") == 0) {
            a->plugins = argv[i + 1];
        } else {
            return false;
        }
    }
    return argc % 2 == 0;
}

static int run_cases(suite *t, const family *f, const arguments *a)
{
    uint32_t failures = 0, done = 0, cases = a->single ? 1 : a->cases;
    for (; done < cases && failures < MOST_SHOWN; done++)
        failures += !suite_case(t, f, a->seed + done, a->single);
    printf("%s: %u cases, %u of them with ops on the reference, %u failures\n", f->name, done,
           suite_fallbacks(t), failures);
    return failures == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    arguments a;
    bool missing;
    const family *f = read_arguments(argc, argv, &a) ? find_family(a.family) : NULL;
    if (f == NULL) {
        fprintf(stderr, "test_ops_random FAMILY [--backend NAME] [--seed N] [--cases N] "
                        "[--plugins DIR]\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    suite *t = suite_open(a.plugins, a.backend, &missing);
    if (t == NULL) {
        printf(missing ? "skipped\n" : "no backend to test\n");
        return missing ? SKIPPED : 1;
    }
    int status = run_cases(t, f, &a);
    suite_close(t);
    return status;
}
