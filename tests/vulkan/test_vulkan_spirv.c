/* SPIR-V of plugins: what fits its op is taken, what does not is refused with its reason. */
#include "vulkan/spirv.h"

#include <stdlib.h>

#include "test.h"
#include "vulkan/kernel.h"

#define HEAD "#version 450\nlayout(local_size_x = 64) in;\nlayout(local_size_x_id = 0) in;\n"
#define INPUT "layout(set = 0, binding = 0) readonly buffer a { float x[]; };\n"
#define RESULT "layout(set = 0, binding = 1) writeonly buffer b { float y[]; };\n"
#define MAIN "void main() { y[gl_GlobalInvocationID.x] = x[gl_GlobalInvocationID.x]; }\n"

static const vk_spirv_limits two_tensors = {
    .n_bindings = 2, .n_inputs = 1, .push_bytes = 8, .subgroups = false
};

/* What is said of a shader's words, cut after `most`; "" where they are taken. */
static const char *verdict_of(const char *text, size_t most, const vk_spirv_limits *limits)
{
    static cnn_error err;
    uint32_t *words = NULL;
    size_t n = 0;
    err = (cnn_error){ "", "" };
    if (!CHECK(vk_compile("test", text, &words, &n, &err) == CNN_OK)) {
        printf("%s\n", err.text);
        return err.text;
    }
    err.text[0] = '\0';
    const cnn_status status = vk_check_spirv(words, n < most ? n : most, limits, &err);
    CHECK((status == CNN_OK) == (err.text[0] == '\0'));
    free(words);
    return err.text;
}

static const char *verdict(const char *text)
{
    return verdict_of(text, SIZE_MAX, &two_tensors);
}

static void what_fits_is_taken(void)
{
    CHECK_STR(verdict(HEAD INPUT RESULT MAIN), "");
    CHECK_STR(verdict(HEAD "layout(push_constant) uniform p { uint n, m; };\n" INPUT RESULT
                           "void main() { if (m < n) y[n] = x[m]; }\n"),
              "");
    CHECK_STR(
        verdict(HEAD INPUT RESULT
                "shared float s[64];\n"
                "void main() { s[gl_LocalInvocationID.x] = x[0]; barrier(); y[0] = s[1]; }\n"),
        "");
}

static void bindings_are_the_tensors(void)
{
    CHECK_HAS(verdict(HEAD INPUT
                      "layout(set = 0, binding = 2) writeonly buffer b { float y[]; };\n" MAIN),
              "a binding 2, but the op has 2 tensors: bindings 0 to 1");
    CHECK_HAS(verdict(HEAD INPUT
                      "layout(set = 1, binding = 1) writeonly buffer b { float y[]; };\n" MAIN),
              "must be bindings of set 0");
    CHECK_HAS(verdict(HEAD "layout(set = 0, binding = 0) buffer a { float x[]; };\n" RESULT MAIN),
              "binding 0 is an input: it must be readonly");
    CHECK_HAS(verdict(HEAD "layout(set = 0, binding = 0) uniform a { float x[4]; };\n" RESULT
                           "void main() { y[0] = x[gl_LocalInvocationID.x & 3u]; }\n"),
              "uniform buffer");
    CHECK_HAS(verdict(HEAD "layout(set = 0, binding = 0, r32f) readonly uniform image2D a;\n" RESULT
                           "void main() { y[0] = imageLoad(a, ivec2(0)).x; }\n"),
              "(an image?)");
}

static void push_constants_are_set(void)
{
    CHECK_HAS(verdict(HEAD "layout(push_constant) uniform p { uint from, by, n; };\n" INPUT RESULT
                           "void main() { y[n] = x[from + by]; }\n"),
              "a push constant at byte 8, but its dispatch sets 8 bytes");
}

static void groups_have_the_backends_size(void)
{
    CHECK_HAS(verdict("#version 450\nlayout(local_size_x = 64) in;\n" INPUT RESULT MAIN),
              "specialisation constant 0");
}

static void features_must_be_there(void)
{
    static const char sums[] =
        "#version 450\n#extension GL_KHR_shader_subgroup_arithmetic : require\n"
        "layout(local_size_x = 64) in;\nlayout(local_size_x_id = 0) in;\n" INPUT RESULT
        "void main() { y[gl_GlobalInvocationID.x] = subgroupAdd(x[gl_GlobalInvocationID.x]); }\n";
    vk_spirv_limits with = two_tensors;
    with.subgroups = true;
    CHECK_HAS(verdict(sums), "which this device lacks");
    CHECK_STR(verdict_of(sums, SIZE_MAX, &with), "");
    CHECK_HAS(verdict(HEAD INPUT RESULT "void main() { y[0] = float(double(x[0]) / 3.0lf); }\n"),
              "capability 10 of SPIR-V");
}

static void damage_is_seen(void)
{
    static const uint32_t text[] = { 0x6c6c6568, 0x6f77206f, 0x21646c72, 0, 0, 0 };
    cnn_error err;
    CHECK(vk_check_spirv(text, 6, &two_tensors, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "no SPIR-V");
    CHECK(vk_check_spirv(NULL, 0, &two_tensors, &err) == CNN_INVALID);
    CHECK_HAS(verdict_of(HEAD INPUT RESULT MAIN, 3, &two_tensors), "no SPIR-V");
    for (size_t most = 6; most < 60; most++)
        (void)verdict_of(HEAD INPUT RESULT MAIN, most,
                         &two_tensors); /* reads nothing past the end */
    CHECK_HAS(verdict_of(HEAD INPUT RESULT MAIN, 6, &two_tensors), "cut off or damaged");
}

static void newer_versions_and_great_numbers_are_refused(void)
{
    uint32_t words[5] = { 0x07230203, 0x00010400, 0, 10, 0 };
    cnn_error err;
    CHECK(vk_check_spirv(words, 5, &two_tensors, &err) == CNN_UNSUPPORTED);
    CHECK_HAS(err.text, "SPIR-V 1.4");
    words[1] = 0x00010300;
    words[3] = UINT32_MAX;
    CHECK(vk_check_spirv(words, 5, &two_tensors, &err) == CNN_INVALID);
    words[3] = 10;
    CHECK(vk_check_spirv(words, 5, &two_tensors, &err) == CNN_INVALID);
    CHECK_HAS(err.text, "no entry point");
}

int main(void)
{
    cnn_error err;
    if (vk_compiler_open(&err) != CNN_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    const int status = RUN_TESTS(TEST(what_fits_is_taken), TEST(bindings_are_the_tensors),
                                 TEST(push_constants_are_set), TEST(groups_have_the_backends_size),
                                 TEST(features_must_be_there), TEST(damage_is_seen),
                                 TEST(newer_versions_and_great_numbers_are_refused));
    vk_compiler_close();
    return status;
}
