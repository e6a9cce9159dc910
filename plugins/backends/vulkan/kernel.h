/* Kernels: a shader of shaders/ and how it is varied, as a pipeline. */
#ifndef VULKAN_KERNEL_H
#define VULKAN_KERNEL_H

#include "device.h"

enum { VK_MOST_BINDINGS = 16, VK_MOST_PUSH = 32, VK_MOST_SPECS = 16 };

/* Kernels with equal fields are one pipeline. All bindings are of set 0, and storage
 * buffers but for `texels`. */
typedef struct vk_kernel {
    const char *shader;         /* file in shaders/ without its .comp */
    const char *code;           /* GLSL that takes the place of its line "//$code", or NULL */
    const uint32_t *code_words; /* a plugin's SPIR-V in place of a file, or NULL; `shader` is then a
                                   name for messages. Constant data of the plugin */
    size_t n_code_words;
    uint32_t n_bindings; /* 0 to n-1 */
    uint32_t texels;     /* of them, a bit each: those that are uniform texel buffers of floats */
    uint32_t fours;      /* of these, those with texels of four floats */
    bool in_parts;       /* dispatched from work groups other than 0 on, too */
    uint32_t n_push;     /* words of push constants, at most 32 (128 bytes) */
    uint32_t n_specs;    /* specialisation constants 0 to n-1; 0 is the work group's size in x */
    uint32_t specs[VK_MOST_SPECS]; /* their bits */
} vk_kernel;

static inline VkDescriptorType vk_descriptor_type(uint32_t texels, uint32_t binding)
{
    return (texels >> binding & 1) != 0 ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                        : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

/* Bindings that a kernel may have on a device. */
static inline uint32_t vk_most_bindings(const cnn_device *device)
{
    const uint32_t most = device->limits.storage_buffers;
    return most < VK_MOST_BINDINGS ? most : VK_MOST_BINDINGS;
}

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

/* All of shaders/; made by the build. */
extern const vk_shader *const vk_shaders[];
extern const uint32_t vk_n_shaders;

/* ---- kernel.c: pipelines live as long as the device ---- */
cnn_status vk_kernels_open(cnn_device *, cnn_error *);
void vk_kernels_close(cnn_device *); /* writes the driver's cache */

/* The pipeline of each kernel; what is new is made on all threads. The results stay where they are.
 */
cnn_status vk_pipelines_of(cnn_device *, const vk_kernel *const *kernels, uint32_t n,
                           const vk_pipeline **out, cnn_error *);

/* ---- compile.c: GLSL -> SPIR-V by glslang, for Vulkan 1.1 ---- */

/* Each open has its close; vk_compile runs between them. [main] */
cnn_status vk_compiler_open(cnn_error *);
void vk_compiler_close(void);

/* Names the compiler, its version and what it compiles for: what the result depends on beside the
 * text. */
const char *vk_compiler_identity(void);

/* Words to be freed with free(). An error shows glslang's message and the line of the text. Any
 * thread. */
cnn_status vk_compile(const char *name, const char *text, uint32_t **words, size_t *n_words,
                      cnn_error *);

/* ---- cache.c: files in $XDG_CACHE_HOME/cnnrun/vulkan, written aside and renamed, ignored if they
 * are not what was written; $CNNRUN_VK_CACHE=off: none ---- */
typedef struct vk_cache {
    char *folder; /* NULL: nothing is kept */
} vk_cache;

/* A folder that cannot be written is said at level debug. */
void vk_cache_open(const cnn_host *, vk_cache *);
void vk_cache_close(vk_cache *);

/* The SPIR-V of a text, from its file or compiled (and then kept). Any thread. */
cnn_status vk_spirv_of(const vk_cache *, const char *name, const char *text, uint32_t **words,
                       size_t *n_words, cnn_error *);

/* The driver's pipeline cache for a device's identity, to be freed with free(); *bytes 0 and NULL
 * where there is none. */
void *vk_cache_read(const vk_cache *, const char *identity, size_t *bytes);
void vk_cache_write(const vk_cache *, const char *identity, const void *data, size_t bytes);

#endif
