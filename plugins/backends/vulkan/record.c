/* Steps -> descriptor sets and command buffers, for one set of bindings. */
#include <stdlib.h>
#include <string.h>

#include "exec.h"

/* A command buffer ends after about so many multiply-adds or bytes: drivers kill what keeps a GPU
 * for seconds, and a slow one does 10^11 multiply-adds in one. */
static const double most_macs = 2e10, most_bytes = 2e10;

/* ---- descriptors ---- */

static bool is_texels(const vk_step *step, uint32_t binding)
{
    return vk_descriptor_type(step->kernel.texels, binding) != VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

static uint32_t count_texels(const vk_plan *plan)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < plan->n_steps; s++)
        for (uint32_t i = 0; i < plan->steps[s].kernel.n_bindings; i++)
            n += is_texels(&plan->steps[s], i);
    return n;
}

static cnn_status make_pool(cnn_exec *exec, vk_recording *r, cnn_error *err)
{
    cnn_device *d = exec->device;
    const vk_plan *plan = exec->plan;
    const uint32_t texels = count_texels(plan);
    uint32_t buffers = 1;
    for (uint32_t s = 0; s < plan->n_steps; s++)
        buffers += plan->steps[s].kernel.n_bindings;
    const VkDescriptorPoolSize sizes[] = {
        { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, buffers - texels },
        { VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, texels },
    };
    const VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = plan->n_steps + 1,
        .poolSizeCount = texels > 0 ? 2 : 1,
        .pPoolSizes = sizes,
    };
    return vk_check(d->vk.CreateDescriptorPool(d->device, &info, NULL, &r->pool),
                    "making a pool of descriptors", err);
}

static VkDescriptorBufferInfo bound_to(const cnn_exec *exec, cnn_buffer *const *bindings,
                                       const vk_operand *o)
{
    const vk_place *place = &exec->plan->places[exec->plan->root[o->value]];
    const vk_range *range = place->space == VK_EXTERNAL ? &bindings[place->external]->range
                            : place->space == VK_CONST  ? &exec->constants
                                                        : &exec->arena;
    return (VkDescriptorBufferInfo){ range->buffer, range->offset + place->offset + o->offset,
                                     o->bytes };
}

static cnn_status make_view(const cnn_device *d, vk_recording *r, const VkDescriptorBufferInfo *b,
                            bool fours, cnn_error *err)
{
    const VkDeviceSize texel = fours ? 16 : 4;
    const VkBufferViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = b->buffer,
        .format = fours ? VK_FORMAT_R32G32B32A32_SFLOAT : VK_FORMAT_R32_SFLOAT,
        .offset = b->offset,
        .range = b->range / texel * texel,
    };
    return vk_check(d->vk.CreateBufferView(d->device, &info, NULL, &r->views[r->n_views++]),
                    "making a view of a buffer", err);
}

static cnn_status make_set(cnn_exec *exec, vk_recording *r, uint32_t s, VkDescriptorSet *set,
                           cnn_error *err)
{
    cnn_device *d = exec->device;
    const vk_step *step = &exec->plan->steps[s];
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = r->pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &exec->pipelines[s]->set,
    };
    VkDescriptorBufferInfo buffers[VK_MOST_BINDINGS];
    VkWriteDescriptorSet writes[VK_MOST_BINDINGS];
    cnn_status status =
        vk_check(d->vk.AllocateDescriptorSets(d->device, &info, set), "making descriptors", err);
    if (status != CNN_OK)
        return status;
    for (uint32_t i = 0; i < step->kernel.n_bindings && status == CNN_OK; i++) {
        buffers[i] = bound_to(exec, r->bindings, &step->operands[i]);
        vk_narrow(d, &buffers[i]);
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = *set,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = vk_descriptor_type(step->kernel.texels, i),
            .pBufferInfo = &buffers[i],
        };
        if (!is_texels(step, i))
            continue;
        writes[i].pTexelBufferView = &r->views[r->n_views];
        status = make_view(d, r, &buffers[i], (step->kernel.fours >> i & 1) != 0, err);
    }
    if (status == CNN_OK)
        d->vk.UpdateDescriptorSets(d->device, step->kernel.n_bindings, writes, 0, NULL);
    return status;
}

/* ---- commands ---- */

static void barrier(const cnn_device *d, VkCommandBuffer commands)
{
    const VkMemoryBarrier all = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
    };
    const VkPipelineStageFlags compute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    d->vk.CmdPipelineBarrier(commands, compute, compute, 0, 1, &all, 0, NULL, 0, NULL);
}

static void dispatch(const cnn_exec *exec, VkCommandBuffer commands, uint32_t s,
                     VkDescriptorSet set)
{
    const vk_api *vk = &exec->device->vk;
    const vk_step *step = &exec->plan->steps[s];
    const vk_pipeline *pipeline = exec->pipelines[s];
    const VkPipelineBindPoint compute = VK_PIPELINE_BIND_POINT_COMPUTE;
    vk->CmdBindPipeline(commands, compute, pipeline->pipeline);
    vk->CmdBindDescriptorSets(commands, compute, pipeline->layout, 0, 1, &set, 0, NULL);
    if (step->kernel.n_push > 0)
        vk->CmdPushConstants(commands, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                             step->kernel.n_push * (uint32_t)sizeof(uint32_t), step->push);
    vk->CmdDispatch(commands, step->groups[0], step->groups[1], step->groups[2]);
}

/* Two timestamps around a step that runs alone. */
static void dispatch_timed(const cnn_exec *exec, VkCommandBuffer commands, uint32_t s,
                           VkDescriptorSet set, VkQueryPool queries)
{
    const vk_api *vk = &exec->device->vk;
    barrier(exec->device, commands);
    vk->CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries, 2 * s);
    dispatch(exec, commands, s, set);
    vk->CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries, 2 * s + 1);
}

/* The first step after `first` that goes to another command buffer. */
static uint32_t cut_after(const vk_plan *plan, uint32_t first)
{
    double macs = 0, bytes = 0;
    uint32_t s = first;
    for (; s < plan->n_steps && macs < most_macs && bytes < most_bytes; s++) {
        const vk_step *step = &plan->steps[s];
        macs += step->macs;
        for (uint32_t i = 0; i < step->kernel.n_bindings; i++)
            bytes += (double)step->operands[i].bytes;
    }
    return s;
}

static cnn_status record_steps(cnn_exec *exec, vk_recording *r, uint32_t first, uint32_t end,
                               VkQueryPool queries, cnn_error *err)
{
    cnn_device *d = exec->device;
    VkCommandBuffer commands;
    cnn_status status = vk_commands_begin(d, &commands, err);
    if (status != CNN_OK)
        return status;
    r->commands[r->n_commands++] = commands;
    vk_barrier_all(d, commands);
    if (queries != VK_NULL_HANDLE && first == 0)
        d->vk.CmdResetQueryPool(commands, queries, 0, 2 * exec->plan->n_steps);
    for (uint32_t s = first; s < end && status == CNN_OK; s++) {
        VkDescriptorSet set;
        status = make_set(exec, r, s, &set, err);
        if (status != CNN_OK)
            break;
        if (exec->plan->steps[s].barrier && queries == VK_NULL_HANDLE)
            barrier(d, commands);
        if (queries != VK_NULL_HANDLE)
            dispatch_timed(exec, commands, s, set, queries);
        else
            dispatch(exec, commands, s, set);
    }
    vk_barrier_all(d, commands);
    const cnn_status ended = vk_commands_end(d, commands, status == CNN_OK ? err : NULL);
    return status == CNN_OK ? ended : status;
}

cnn_status vk_record(cnn_exec *exec, cnn_buffer *const *bindings, VkQueryPool timed,
                     vk_recording **out, cnn_error *err)
{
    const vk_plan *plan = exec->plan;
    const uint32_t n_externals = plan->program->n_externals;
    vk_recording *r = calloc(1, sizeof *r);
    if (r != NULL) {
        r->bindings = calloc(n_externals + 1, sizeof(cnn_buffer *));
        r->commands = calloc(plan->n_steps + 1, sizeof(VkCommandBuffer));
        r->views = calloc((size_t)count_texels(plan) + 1, sizeof(VkBufferView));
    }
    if (r == NULL || r->bindings == NULL || r->commands == NULL || r->views == NULL) {
        vk_recording_free(exec, r);
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory to record a program");
    }
    memcpy(r->bindings, bindings, n_externals * sizeof(cnn_buffer *));
    cnn_status status = make_pool(exec, r, err);
    for (uint32_t first = 0, end; first < plan->n_steps && status == CNN_OK; first = end) {
        end = cut_after(plan, first);
        status = record_steps(exec, r, first, end, timed, err);
    }
    if (status != CNN_OK) {
        vk_recording_free(exec, r);
        return status;
    }
    *out = r;
    return CNN_OK;
}

void vk_recording_free(cnn_exec *exec, vk_recording *r)
{
    cnn_device *d = exec->device;
    if (r == NULL)
        return;
    if (r->n_commands > 0)
        d->vk.FreeCommandBuffers(d->device, d->queue.pool, r->n_commands, r->commands);
    if (r->pool != VK_NULL_HANDLE)
        d->vk.DestroyDescriptorPool(d->device, r->pool, NULL);
    for (uint32_t i = 0; i < r->n_views; i++)
        d->vk.DestroyBufferView(d->device, r->views[i], NULL);
    free(r->views);
    free(r->bindings);
    free(r->commands);
    free(r);
}
