/* Kernels: a shader of shaders/ and how it is varied, as a pipeline. */
#ifndef VULKAN_KERNEL_H
#define VULKAN_KERNEL_H

#include "device.h"

enum { VK_MOST_BINDINGS = 16, VK_MOST_PUSH = 32, VK_MOST_SPECS = 16 };

/* Kernels with equal fields are one pipeline. All bindings are storage buffers of set 0. */
typedef struct vk_kernel {
    const char *shader;  /* file in shaders/ without its .comp */
    const char *code;    /* GLSL that takes the place of its line "//$code", or NULL */
    uint32_t n_bindings; /* 0 to n-1 */
    uint32_t n_push;     /* words of push constants, at most 32 (128 bytes) */
    uint32_t n_specs;    /* specialisation constants 0 to n-1; 0 is the work group's size in x */
    uint32_t specs[VK_MOST_SPECS]; /* their bits */
} vk_kernel;

typedef struct vk_pipeline {
    VkPipeline pipeline;
    VkPipelineLayout layout;
    VkDescriptorSetLayout set;
} vk_pipeline;

/* A shader as it was built in: SPIR-V of its text without code, and the text. */
typedef struct vk_shader {
    const char *name;
    const char *text;
    const uint32_t *words;
    size_t n_words;
} vk_shader;

/* All of shaders/, by name; made by the build. */
extern const vk_shader vk_shaders[];
extern const uint32_t vk_n_shaders;

/* ---- kernel.c: pipelines live as long as the device ---- */
cnn_status vk_kernels_open(cnn_device *, cnn_error *);
void vk_kernels_close(cnn_device *); /* writes the caches */

/* The pipeline of a kernel, made if it is new. The result stays where it is. */
cnn_status vk_pipeline_of(cnn_device *, const vk_kernel *, const vk_pipeline **, cnn_error *);

/* ---- compile.c: GLSL -> SPIR-V by glslang, for Vulkan 1.1 ---- */

/* Words to be freed with free(). An error shows glslang's message and the line of the text. */
cnn_status vk_compile(const char *name, const char *text, uint32_t **words, size_t *n_words,
                      cnn_error *);

/* ---- cache.c: files under $XDG_CACHE_HOME/cnnrun, written aside and renamed, ignored if they are
 * not what was written ---- */

/* The SPIR-V of a text, from its file or compiled (and then kept). */
cnn_status vk_spirv_of(const char *name, const char *text, uint32_t **words, size_t *n_words,
                       cnn_error *);

/* The driver's pipeline cache for a device's identity; *bytes 0 and NULL where there is none. */
void *vk_cache_read(const char *identity, size_t *bytes);
void vk_cache_write(const char *identity, const void *data, size_t bytes);

#endif
