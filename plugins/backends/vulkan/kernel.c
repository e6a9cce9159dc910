/* Pipelines by kernel: found again, or made, many at a time. */
#include "kernel_parts.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    struct entry *next;
    uint64_t hash;
    vk_module *module;
    const vk_layout *layout;
    bool in_parts;
    uint32_t n_specs, specs[VK_MOST_SPECS];
    vk_pipeline result;
    bool taken; /* by a job that makes it */
} entry;

struct vk_kernels {
    vk_parts parts;
    entry *entries[VK_CHAINS];
    vk_cache files;
    VkPipelineCache cache;
    size_t cache_bytes; /* when it was opened */
};

static cnn_status no_memory(cnn_error *err)
{
    return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for kernels");
}

/* ---- pipelines ---- */

static cnn_status make_pipeline(cnn_device *d, entry *e, cnn_error *err)
{
    char doing[160];
    VkSpecializationMapEntry map[VK_MOST_SPECS];
    for (uint32_t i = 0; i < e->n_specs; i++)
        map[i] = (VkSpecializationMapEntry){ i, i * (uint32_t)sizeof *e->specs, sizeof *e->specs };
    const VkSpecializationInfo specs = { e->n_specs, map, e->n_specs * sizeof *e->specs, e->specs };
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                   .module = e->module->module,
                   .pName = "main",
                   .pSpecializationInfo = e->n_specs > 0 ? &specs : NULL },
        .flags = e->in_parts ? VK_PIPELINE_CREATE_DISPATCH_BASE_BIT : 0,
        .layout = e->layout->pipeline,
        .basePipelineIndex = -1,
    };
    (void)snprintf(doing, sizeof doing, "making the pipeline of shader %.100s", e->module->name);
    return vk_check(d->vk.CreateComputePipelines(d->device, d->kernels->cache, 1, &info, NULL,
                                                 &e->result.pipeline),
                    doing, err);
}

static cnn_status check_counts(const cnn_device *d, const vk_kernel *k, cnn_error *err)
{
    const uint32_t most = vk_most_bindings(d);
    if (k->n_bindings > most || k->n_push > VK_MOST_PUSH || k->n_specs > VK_MOST_SPECS)
        return cnn_fail(err, CNN_INTERNAL,
                        "vulkan: shader %s wants %u bindings, %u push constants and %u "
                        "specialisation constants; %u, %d and %d are the most",
                        k->shader, k->n_bindings, k->n_push, k->n_specs, most, VK_MOST_PUSH,
                        VK_MOST_SPECS);
    return CNN_OK;
}

static bool is_entry(const entry *e, const vk_module *m, const vk_layout *l, const vk_kernel *k)
{
    return e->module == m && e->layout == l && e->in_parts == k->in_parts &&
           e->n_specs == k->n_specs &&
           memcmp(e->specs, k->specs, k->n_specs * sizeof *k->specs) == 0;
}

/* Found, or put there with nothing made of it yet, nor perhaps of its module. */
static cnn_status place_entry(cnn_device *d, const vk_kernel *kernel, entry **out, cnn_error *err)
{
    vk_module *m;
    const vk_layout *l;
    cnn_status status = check_counts(d, kernel, err);
    if (status == CNN_OK)
        status = vk_place_module(&d->kernels->parts, kernel, &m, err);
    if (status == CNN_OK)
        status = vk_layout_of(d, &d->kernels->parts, kernel, &l, err);
    if (status != CNN_OK)
        return status;
    uint64_t hash = vk_hash_more(vk_hash_start, &m, sizeof(void *));
    hash = vk_hash_more(hash, &l, sizeof(void *));
    hash = vk_hash_more(hash, kernel->specs, kernel->n_specs * sizeof *kernel->specs);
    entry **chain = &d->kernels->entries[hash % VK_CHAINS];
    for (entry *e = *chain; e != NULL; e = e->next) {
        *out = e;
        if (e->hash == hash && is_entry(e, m, l, kernel))
            return CNN_OK;
    }
    entry *e = calloc(1, sizeof *e);
    if (e == NULL)
        return no_memory(err);
    *e = (entry){ .next = *chain,
                  .hash = hash,
                  .module = m,
                  .layout = l,
                  .in_parts = kernel->in_parts,
                  .n_specs = kernel->n_specs,
                  .result = { .layout = l->pipeline, .set = l->set } };
    memcpy(e->specs, kernel->specs, kernel->n_specs * sizeof *kernel->specs);
    *chain = *out = e;
    return CNN_OK;
}

/* ---- many at a time ---- */

typedef cnn_status make_fn(cnn_device *, void *, cnn_error *);

typedef struct job {
    void *what;
    cnn_status status;
    cnn_error err;
} job;

typedef struct work {
    cnn_device *device;
    make_fn *make;
    job *jobs;
    uint32_t n;
} work;

static cnn_status make_module_job(cnn_device *d, void *what, cnn_error *err)
{
    return vk_make_module(d, &d->kernels->files, what, err);
}

static cnn_status make_pipeline_job(cnn_device *d, void *what, cnn_error *err)
{
    return make_pipeline(d, what, err);
}

static void run_job(void *context, uint32_t i)
{
    const work *w = context;
    job *j = &w->jobs[i];
    j->status = w->make(w->device, j->what, &j->err);
}

/* Runs the jobs. The first error by their order, whichever came first. */
static cnn_status run_all(work *w, cnn_error *err)
{
    const cnn_host *host = w->device->host;
    host->parallel(host, w->n, run_job, w);
    for (uint32_t i = 0; i < w->n; i++)
        if (w->jobs[i].status != CNN_OK) {
            if (err != NULL)
                *err = w->jobs[i].err;
            return w->jobs[i].status;
        }
    return CNN_OK;
}

/* What failed stays in the tables unmade, for the next that asks. */
static cnn_status make_modules(work *w, entry *const *entries, uint32_t n, cnn_error *err)
{
    w->make = make_module_job;
    w->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        vk_module *m = entries[i]->module;
        if (m->module == VK_NULL_HANDLE && !m->taken)
            w->jobs[w->n++].what = m;
        m->taken = true;
    }
    for (uint32_t i = 0; i < n; i++)
        entries[i]->module->taken = false;
    return run_all(w, err);
}

static cnn_status make_pipelines(work *w, entry *const *entries, uint32_t n, cnn_error *err)
{
    w->make = make_pipeline_job;
    w->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        entry *e = entries[i];
        if (e->result.pipeline == VK_NULL_HANDLE && !e->taken)
            w->jobs[w->n++].what = e;
        e->taken = true;
    }
    for (uint32_t i = 0; i < n; i++)
        entries[i]->taken = false;
    return run_all(w, err);
}

cnn_status vk_pipelines_of(cnn_device *d, const vk_kernel *const *kernels, uint32_t n,
                           const vk_pipeline **out, cnn_error *err)
{
    entry **entries = calloc((size_t)n + 1, sizeof *entries);
    work w = { .device = d, .jobs = calloc((size_t)n + 1, sizeof *w.jobs) };
    cnn_status status = entries != NULL && w.jobs != NULL ? CNN_OK : no_memory(err);
    for (uint32_t i = 0; i < n && status == CNN_OK; i++)
        status = place_entry(d, kernels[i], &entries[i], err);
    if (status == CNN_OK)
        status = make_modules(&w, entries, n, err);
    if (status == CNN_OK)
        status = make_pipelines(&w, entries, n, err);
    for (uint32_t i = 0; i < n && status == CNN_OK; i++)
        out[i] = &entries[i]->result;
    free(w.jobs);
    free(entries);
    return status;
}

/* ---- open and close ---- */

static size_t cache_size(cnn_device *d)
{
    size_t bytes = 0;
    const VkResult result = d->vk.GetPipelineCacheData(d->device, d->kernels->cache, &bytes, NULL);
    return result == VK_SUCCESS ? bytes : 0;
}

/* Drivers check the data themselves and start empty if it is not theirs. */
static cnn_status open_cache(cnn_device *d, cnn_error *err)
{
    vk_kernels *k = d->kernels;
    VkPipelineCacheCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };
    size_t bytes;
    void *data = vk_cache_read(&k->files, d->identity, &bytes);
    info.pInitialData = data;
    info.initialDataSize = bytes;
    VkResult result = d->vk.CreatePipelineCache(d->device, &info, NULL, &k->cache);
    if (result != VK_SUCCESS && data != NULL) {
        info.pInitialData = NULL;
        info.initialDataSize = 0;
        result = d->vk.CreatePipelineCache(d->device, &info, NULL, &k->cache);
    }
    free(data);
    if (result == VK_SUCCESS)
        k->cache_bytes = cache_size(d);
    return vk_check(result, "making a pipeline cache", err);
}

static void write_cache(cnn_device *d)
{
    size_t bytes = cache_size(d);
    if (bytes <= d->kernels->cache_bytes)
        return;
    void *data = malloc(bytes);
    if (data != NULL &&
        d->vk.GetPipelineCacheData(d->device, d->kernels->cache, &bytes, data) == VK_SUCCESS)
        vk_cache_write(&d->kernels->files, d->identity, data, bytes);
    free(data);
}

cnn_status vk_kernels_open(cnn_device *d, cnn_error *err)
{
    cnn_status status = vk_compiler_open(err);
    if (status != CNN_OK)
        return status;
    d->kernels = calloc(1, sizeof *d->kernels);
    if (d->kernels == NULL) {
        vk_compiler_close();
        return no_memory(err);
    }
    vk_cache_open(d->host, &d->kernels->files);
    status = open_cache(d, err);
    if (status != CNN_OK)
        vk_kernels_close(d);
    return status;
}

static void free_entries(cnn_device *d, entry *e)
{
    while (e != NULL) {
        entry *next = e->next;
        d->vk.DestroyPipeline(d->device, e->result.pipeline, NULL);
        free(e);
        e = next;
    }
}

void vk_kernels_close(cnn_device *d)
{
    vk_kernels *k = d->kernels;
    if (k == NULL)
        return;
    if (k->cache != VK_NULL_HANDLE)
        write_cache(d);
    for (uint32_t i = 0; i < VK_CHAINS; i++)
        free_entries(d, k->entries[i]);
    vk_parts_free(d, &k->parts);
    d->vk.DestroyPipelineCache(d->device, k->cache, NULL);
    vk_cache_close(&k->files);
    free(k);
    d->kernels = NULL;
    vk_compiler_close();
}
