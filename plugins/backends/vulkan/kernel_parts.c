/* Shader modules and layouts, each found again by what it is made of. */
#include "kernel_parts.h"

#include <stdlib.h>
#include <string.h>

static cnn_status no_memory(cnn_error *err)
{
    return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for kernels");
}

const uint64_t vk_hash_start = 0xcbf29ce484222325u;

uint64_t vk_hash_more(uint64_t hash, const void *data, size_t n)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

/* ---- texts ---- */

static const vk_shader *shader_named(const char *name)
{
    for (uint32_t i = 0; i < vk_n_shaders; i++)
        if (strcmp(vk_shaders[i]->name, name) == 0)
            return vk_shaders[i];
    return NULL;
}

/* The line "//$code", indented or not; its end is before the newline. */
static const char *find_mark(const char *text, const char **end)
{
    static const char mark[] = "//$code";
    for (const char *line = text; line != NULL;) {
        const char *at = line + strspn(line, " \t");
        *end = line + strcspn(line, "\n");
        const size_t n = strcspn(at, " \t\r\n");
        if (n == strlen(mark) && memcmp(at, mark, n) == 0)
            return line;
        line = **end != '\0' ? *end + 1 : NULL;
    }
    return NULL;
}

/* The shader's text with code in its place, to be freed. */
static cnn_status text_with(const vk_shader *shader, const char *code, char **out, cnn_error *err)
{
    const char *end, *at = find_mark(shader->text, &end);
    if (at == NULL)
        return cnn_fail(err, CNN_INTERNAL, "vulkan: shader %s has no line //$code for code",
                        shader->name);
    const size_t before = (size_t)(at - shader->text), n = strlen(code), after = strlen(end);
    char *text = malloc(before + n + after + 1);
    if (text == NULL)
        return no_memory(err);
    memcpy(text, shader->text, before);
    memcpy(text + before, code, n);
    memcpy(text + before + n, end, after + 1);
    *out = text;
    return CNN_OK;
}

/* ---- shader modules ---- */

static cnn_status create_module(cnn_device *d, vk_module *m, const uint32_t *words, size_t n_words,
                                cnn_error *err)
{
    char doing[160];
    const VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = n_words * sizeof *words,
        .pCode = words,
    };
    (void)snprintf(doing, sizeof doing, "loading shader %.100s", m->name);
    return vk_check(d->vk.CreateShaderModule(d->device, &info, NULL, &m->module), doing, err);
}

cnn_status vk_make_module(cnn_device *d, const vk_cache *files, vk_module *m, cnn_error *err)
{
    if (m->code == NULL)
        return create_module(d, m, m->words, m->n_words, err);
    char *text = NULL;
    uint32_t *words = NULL;
    size_t n_words = 0;
    cnn_status status = text_with(m->shader, m->code, &text, err);
    if (status == CNN_OK)
        status = vk_spirv_of(files, m->name, text, &words, &n_words, err);
    if (status == CNN_OK)
        status = create_module(d, m, words, n_words, err);
    free(words);
    free(text);
    return status;
}

/* All but the VkShaderModule; the code is the kernel's. */
static cnn_status describe(const vk_kernel *kernel, vk_module *m, cnn_error *err)
{
    *m = (vk_module){
        .name = kernel->shader,
        .words = kernel->code_words,
        .n_words = kernel->n_code_words,
    };
    if (m->words == NULL) {
        m->shader = shader_named(kernel->shader);
        if (m->shader == NULL)
            return cnn_fail(err, CNN_INTERNAL, "vulkan: there is no shader %s", kernel->shader);
        m->code = kernel->code;
        m->words = m->shader->words;
        m->n_words = m->shader->n_words;
    }
    m->hash = vk_hash_more(vk_hash_start, &m->words, sizeof(void *));
    if (m->code != NULL)
        m->hash = vk_hash_more(m->hash, m->code, strlen(m->code) + 1);
    return CNN_OK;
}

static bool is_same(const vk_module *a, const vk_module *b)
{
    return a->hash == b->hash && a->words == b->words && a->n_words == b->n_words &&
           (a->code == NULL || b->code == NULL ? a->code == b->code
                                               : strcmp(a->code, b->code) == 0);
}

/* With a copy of the code behind it. */
static vk_module *copied(const vk_module *m)
{
    const size_t n = m->code != NULL ? strlen(m->code) + 1 : 0;
    vk_module *copy = malloc(sizeof *copy + n);
    if (copy == NULL)
        return NULL;
    *copy = *m;
    if (n > 0)
        copy->code = memcpy(copy + 1, m->code, n);
    return copy;
}

cnn_status vk_place_module(vk_parts *parts, const vk_kernel *kernel, vk_module **out,
                           cnn_error *err)
{
    vk_module wanted;
    cnn_status status = describe(kernel, &wanted, err);
    if (status != CNN_OK)
        return status;
    vk_module **chain = &parts->modules[wanted.hash % VK_CHAINS];
    vk_module *m = *chain;
    while (m != NULL && !is_same(m, &wanted))
        m = m->next;
    if (m == NULL) {
        m = copied(&wanted);
        if (m == NULL)
            return no_memory(err);
        m->next = *chain;
        *chain = m;
    }
    *out = m;
    return CNN_OK;
}

/* ---- layouts ---- */

static cnn_status make_set_layout(cnn_device *d, vk_layout *l, cnn_error *err)
{
    VkDescriptorSetLayoutBinding bindings[VK_MOST_BINDINGS];
    for (uint32_t i = 0; i < l->n_bindings; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = vk_descriptor_type(l->texels, i),
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = l->n_bindings,
        .pBindings = bindings,
    };
    return vk_check(d->vk.CreateDescriptorSetLayout(d->device, &info, NULL, &l->set),
                    "making a descriptor set layout", err);
}

static cnn_status make_pipeline_layout(cnn_device *d, vk_layout *l, cnn_error *err)
{
    const VkPushConstantRange push = {
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        .size = l->n_push * (uint32_t)sizeof(uint32_t),
    };
    const VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &l->set,
        .pushConstantRangeCount = l->n_push > 0,
        .pPushConstantRanges = &push,
    };
    return vk_check(d->vk.CreatePipelineLayout(d->device, &info, NULL, &l->pipeline),
                    "making a pipeline layout", err);
}

cnn_status vk_layout_of(cnn_device *d, vk_parts *parts, const vk_kernel *kernel,
                        const vk_layout **out, cnn_error *err)
{
    vk_layout *l = parts->layouts;
    while (l != NULL && (l->n_bindings != kernel->n_bindings || l->texels != kernel->texels ||
                         l->n_push != kernel->n_push))
        l = l->next;
    *out = l;
    if (l != NULL)
        return CNN_OK;
    if ((l = calloc(1, sizeof *l)) == NULL)
        return no_memory(err);
    l->n_bindings = kernel->n_bindings;
    l->texels = kernel->texels;
    l->n_push = kernel->n_push;
    l->next = parts->layouts;
    cnn_status status = make_set_layout(d, l, err);
    if (status == CNN_OK)
        status = make_pipeline_layout(d, l, err);
    if (status == CNN_OK) {
        *out = parts->layouts = l;
        return CNN_OK;
    }
    d->vk.DestroyDescriptorSetLayout(d->device, l->set, NULL);
    free(l);
    return status;
}

/* ---- the end ---- */

static void free_modules(cnn_device *d, vk_module *m)
{
    while (m != NULL) {
        vk_module *next = m->next;
        d->vk.DestroyShaderModule(d->device, m->module, NULL);
        free(m);
        m = next;
    }
}

static void free_layouts(cnn_device *d, vk_layout *l)
{
    while (l != NULL) {
        vk_layout *next = l->next;
        d->vk.DestroyPipelineLayout(d->device, l->pipeline, NULL);
        d->vk.DestroyDescriptorSetLayout(d->device, l->set, NULL);
        free(l);
        l = next;
    }
}

void vk_parts_free(cnn_device *d, vk_parts *parts)
{
    for (uint32_t i = 0; i < VK_CHAINS; i++)
        free_modules(d, parts->modules[i]);
    free_layouts(d, parts->layouts);
    memset(parts, 0, sizeof *parts);
}
