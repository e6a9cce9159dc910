/* GLSL -> SPIR-V through glslang's C interface.
 *
 * SPIR-V is not optimised here: the drivers do that, and SPIRV-Tools folds x * 0 to 0, which is
 * wrong where x is NaN or infinite. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#include <glslang/Include/glslang_c_interface.h>
#include <glslang/Public/resource_limits_c.h>
#include <glslang/build_info.h>

#define DOTTED(a, b, c) #a "." #b "." #c
#define VERSION(a, b, c) DOTTED(a, b, c)

/* glslang counts the calls; what it shares between shaders is made at the first of them. */
cnn_status vk_compiler_open(cnn_error *err)
{
    if (glslang_initialize_process() == 0)
        return cnn_fail(err, CNN_INTERNAL, "vulkan: the compiler glslang cannot be started");
    return CNN_OK;
}

void vk_compiler_close(void)
{
    glslang_finalize_process();
}

const char *vk_compiler_identity(void)
{
    return "glslang " VERSION(GLSLANG_VERSION_MAJOR, GLSLANG_VERSION_MINOR,
                              GLSLANG_VERSION_PATCH) ", Vulkan 1.1, SPIR-V 1.3";
}

/* ---- errors ---- */

/* "ERROR: 0:LINE: MESSAGE"; false if the log has none of that form. */
static bool first_message(const char *log, unsigned long *line, const char **message)
{
    static const char before[] = "ERROR: 0:";
    const char *at = strstr(log, before);
    if (at == NULL)
        return false;
    char *end;
    *line = strtoul(at + strlen(before), &end, 10);
    if (end == at + strlen(before) || *end != ':')
        return false;
    *message = end + 1 + strspn(end + 1, " ");
    return true;
}

/* Without blanks at its end. */
static int length_of_line(const char *text)
{
    const size_t most = 300;
    size_t n = strcspn(text, "\r\n");
    while (n > 0 && text[n - 1] == ' ')
        n--;
    return (int)(n < most ? n : most);
}

/* Lines count from 1; "" if there is no such line. */
static const char *line_of_text(const char *text, unsigned long line)
{
    for (unsigned long i = 1; i < line && text != NULL; i++) {
        text = strchr(text, '\n');
        text = text != NULL ? text + 1 : NULL;
    }
    return line > 0 && text != NULL ? text + strspn(text, " \t") : "";
}

static cnn_status refused(const char *name, const char *text, const char *log, cnn_error *err)
{
    unsigned long line;
    const char *message;
    if (!first_message(log, &line, &message))
        return cnn_fail(err, CNN_INTERNAL, "vulkan: shader %s does not compile: %.*s", name,
                        length_of_line(log), log);
    const char *source = line_of_text(text, line);
    return cnn_fail(err, CNN_INTERNAL, "vulkan: shader %s does not compile: %.*s in line %lu: %.*s",
                    name, length_of_line(message), message, line, length_of_line(source), source);
}

/* ---- compiling ---- */

static glslang_input_t input_of(const char *text)
{
    return (glslang_input_t){
        .language = GLSLANG_SOURCE_GLSL,
        .stage = GLSLANG_STAGE_COMPUTE,
        .client = GLSLANG_CLIENT_VULKAN,
        .client_version = GLSLANG_TARGET_VULKAN_1_1,
        .target_language = GLSLANG_TARGET_SPV,
        .target_language_version = GLSLANG_TARGET_SPV_1_3,
        .code = text,
        .default_version = 450,
        .default_profile = GLSLANG_NO_PROFILE,
        .messages = GLSLANG_MSG_SPV_RULES_BIT | GLSLANG_MSG_VULKAN_RULES_BIT,
        .resource = glslang_default_resource(),
    };
}

static cnn_status copy_words(glslang_program_t *program, const char *name, uint32_t **words,
                             size_t *n_words, cnn_error *err)
{
    const size_t n = glslang_program_SPIRV_get_size(program);
    if (n == 0)
        return cnn_fail(err, CNN_INTERNAL, "vulkan: glslang made nothing of shader %s", name);
    *words = malloc(n * sizeof **words);
    if (*words == NULL)
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for shader %s", name);
    glslang_program_SPIRV_get(program, *words);
    *n_words = n;
    return CNN_OK;
}

static cnn_status link_and_generate(glslang_shader_t *shader, const glslang_input_t *input,
                                    const char *name, uint32_t **words, size_t *n_words,
                                    cnn_error *err)
{
    glslang_program_t *program = glslang_program_create();
    glslang_program_add_shader(program, shader);
    cnn_status status;
    if (glslang_program_link(program, (int)input->messages) == 0) {
        status = refused(name, input->code, glslang_program_get_info_log(program), err);
    } else {
        glslang_program_SPIRV_generate(program, GLSLANG_STAGE_COMPUTE);
        status = copy_words(program, name, words, n_words, err);
    }
    glslang_program_delete(program);
    return status;
}

cnn_status vk_compile(const char *name, const char *text, uint32_t **words, size_t *n_words,
                      cnn_error *err)
{
    const glslang_input_t input = input_of(text);
    glslang_shader_t *shader = glslang_shader_create(&input);
    if (shader == NULL)
        return cnn_fail(err, CNN_INTERNAL, "vulkan: glslang does not take shader %s", name);
    cnn_status status;
    if (glslang_shader_preprocess(shader, &input) == 0 || glslang_shader_parse(shader, &input) == 0)
        status = refused(name, text, glslang_shader_get_info_log(shader), err);
    else
        status = link_and_generate(shader, &input, name, words, n_words, err);
    glslang_shader_delete(shader);
    return status;
}
