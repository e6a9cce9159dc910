/* A test program in one header: TEST functions in a table, CHECKs that count, a summary, an exit
 * status.
 *
 *     static void arena_returns_zeroed_memory(void) { CHECK(...); }
 *     int main(void) { return RUN_TESTS(TEST(arena_returns_zeroed_memory), ...); }
 */
#ifndef CNNRUN_TEST_H
#define CNNRUN_TEST_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct test_case {
    const char *name;
    void (*run)(void);
} test_case;

static int test_failures;
static int test_checks;

static inline bool test_check(bool ok, const char *file, int line, const char *what)
{
    test_checks++;
    if (!ok) {
        test_failures++;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
    return ok;
}

static inline bool test_check_str(const char *got, const char *want, const char *file, int line)
{
    bool ok = got != NULL && want != NULL && strcmp(got, want) == 0;
    if (!ok)
        fprintf(stderr, "  got:  %s\n  want: %s\n", got ? got : "(null)", want ? want : "(null)");
    return test_check(ok, file, line, "equal texts");
}

static inline bool test_check_near(double got, double want, double tolerance, const char *file,
                                   int line)
{
    bool ok = fabs(got - want) <= tolerance || (isnan(got) && isnan(want));
    if (!ok)
        fprintf(stderr, "  got:  %.9g\n  want: %.9g (tolerance %.3g)\n", got, want, tolerance);
    return test_check(ok, file, line, "near numbers");
}

#define CHECK(condition) test_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_STR(got, want) test_check_str((got), (want), __FILE__, __LINE__)
#define CHECK_INT(got, want) test_check_near((double)(got), (double)(want), 0.0, __FILE__, __LINE__)
#define CHECK_NEAR(got, want, tolerance) \
    test_check_near((got), (want), (tolerance), __FILE__, __LINE__)
/* The text contains the part. */
#define CHECK_HAS(text, part)                                            \
    (strstr((text), (part)) != NULL                                      \
         ? test_check(true, __FILE__, __LINE__, "")                      \
         : (fprintf(stderr, "  text: %s\n  part: %s\n", (text), (part)), \
            test_check(false, __FILE__, __LINE__, "text contains part")))

static inline int test_run(const test_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int checks = test_checks, failures = test_failures;
        cases[i].run();
        if (test_checks == checks)
            test_check(false, cases[i].name, 0, "a test without a check");
        printf("%s %s\n", test_failures == failures ? "ok    " : "FAILED", cases[i].name);
    }
    printf("%zu tests, %d checks, %d failures\n", count, test_checks, test_failures);
    return test_failures == 0 ? 0 : 1;
}

#define TEST(function)      \
    {                       \
#function, function \
    }
#define RUN_TESTS(...)                           \
    test_run((const test_case[]){ __VA_ARGS__ }, \
             sizeof((const test_case[]){ __VA_ARGS__ }) / sizeof(test_case))

#endif
