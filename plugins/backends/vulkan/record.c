/* Steps -> descriptor sets and command buffers, for one set of bindings. */
#include <stdlib.h>
#include <string.h>

#include "exec.h"

/* A command buffer ends after about so many bytes, or limits.submission_macs: drivers kill what
 * keeps a GPU for seconds. */
static const double most_bytes = 2e10;

/* Command buffers under way. */
typedef struct recorder {
    cnn_exec *exec;
    vk_recording *r;
    VkQueryPool queries; /* or none */
    VkCommandBuffer commands;
    double macs, bytes; /* in the last command buffer */
} recorder;

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

/* One of the step's parts: some rows of work groups. */
static void dispatch(const recorder *rec, uint32_t s, uint32_t part, VkDescriptorSet set)
{
    const vk_api *vk = &rec->exec->device->vk;
    const vk_step *step = &rec->exec->plan->steps[s];
    const vk_pipeline *pipeline = rec->exec->pipelines[s];
    const VkPipelineBindPoint compute = VK_PIPELINE_BIND_POINT_COMPUTE;
    const uint32_t axis = vk_axis_of_parts(step);
    uint32_t base[3] = { 0, 0, 0 }, groups[3];
    memcpy(groups, step->groups, sizeof groups);
    base[axis] = (uint32_t)((uint64_t)step->groups[axis] * part / step->parts);
    groups[axis] = (uint32_t)((uint64_t)step->groups[axis] * (part + 1) / step->parts) - base[axis];
    vk->CmdBindPipeline(rec->commands, compute, pipeline->pipeline);
    vk->CmdBindDescriptorSets(rec->commands, compute, pipeline->layout, 0, 1, &set, 0, NULL);
    if (step->kernel.n_push > 0)
        vk->CmdPushConstants(rec->commands, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                             step->kernel.n_push * (uint32_t)sizeof(uint32_t), step->push);
    if (step->parts > 1)
        vk->CmdDispatchBase(rec->commands, base[0], base[1], base[2], groups[0], groups[1],
                            groups[2]);
    else
        vk->CmdDispatch(rec->commands, groups[0], groups[1], groups[2]);
}

static void time_stamp(const recorder *rec, uint32_t query)
{
    rec->exec->device->vk.CmdWriteTimestamp(rec->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                            rec->queries, query);
}

/* What the host reads after each run: copied to where it sees it. */
static cnn_status mirror_outputs(cnn_exec *exec, const vk_recording *r, VkCommandBuffer commands,
                                 cnn_error *err)
{
    cnn_device *d = exec->device;
    const cnn_program *program = exec->plan->program;
    cnn_status status = CNN_OK;
    bool is_first = true;
    for (uint32_t i = 0; i < program->n_externals && status == CNN_OK; i++) {
        cnn_buffer *buffer = r->bindings[i];
        if (cnn_value_at(program, program->externals[i])->kind != CNN_VALUE_OUTPUT)
            continue;
        status = vk_buffer_mirror(d, buffer, err);
        if (status != CNN_OK || buffer->copy.buffer == VK_NULL_HANDLE)
            continue;
        if (is_first)
            vk_barrier_all(d, commands);
        is_first = false;
        const VkBufferCopy copy = { buffer->range.offset, buffer->copy.offset,
                                    buffer->range.bytes };
        d->vk.CmdCopyBuffer(commands, buffer->range.buffer, buffer->copy.buffer, 1, &copy);
    }
    return status;
}

static cnn_status begin(recorder *rec, cnn_error *err)
{
    cnn_device *d = rec->exec->device;
    cnn_status status = vk_commands_begin(d, &rec->commands, err);
    if (status != CNN_OK)
        return status;
    rec->r->commands[rec->r->n_commands++] = rec->commands;
    rec->macs = rec->bytes = 0;
    vk_barrier_all(d, rec->commands);
    return CNN_OK;
}

static cnn_status end(const recorder *rec, cnn_error *err)
{
    cnn_device *d = rec->exec->device;
    vk_barrier_all(d, rec->commands);
    return vk_commands_end(d, rec->commands, err);
}

/* Goes on in another command buffer if this one would run too long. */
static cnn_status make_room(recorder *rec, double macs, cnn_error *err)
{
    const double most_macs = (double)rec->exec->device->limits.submission_macs;
    const bool empty = rec->macs <= 0 && rec->bytes <= 0;
    if (empty || (rec->macs + macs <= most_macs && rec->bytes <= most_bytes))
        return CNN_OK;
    cnn_status status = end(rec, err);
    return status == CNN_OK ? begin(rec, err) : status;
}

static double bytes_of(const vk_step *step)
{
    double bytes = 0;
    for (uint32_t i = 0; i < step->kernel.n_bindings; i++)
        bytes += (double)step->operands[i].bytes;
    return bytes;
}

/* Timed steps run alone, between two timestamps. */
static cnn_status record_step(recorder *rec, uint32_t s, cnn_error *err)
{
    const vk_step *step = &rec->exec->plan->steps[s];
    const double macs = step->macs / step->parts, bytes = bytes_of(step) / step->parts;
    const bool is_timed = rec->queries != VK_NULL_HANDLE;
    VkDescriptorSet set;
    cnn_status status = make_set(rec->exec, rec->r, s, &set, err);
    for (uint32_t part = 0; part < step->parts && status == CNN_OK; part++) {
        status = make_room(rec, macs, err);
        if (status != CNN_OK)
            break;
        if (part == 0 && (step->barrier || is_timed))
            barrier(rec->exec->device, rec->commands);
        if (part == 0 && is_timed)
            time_stamp(rec, 2 * s);
        dispatch(rec, s, part, set);
        rec->macs += macs;
        rec->bytes += bytes;
    }
    if (status == CNN_OK && is_timed)
        time_stamp(rec, 2 * s + 1);
    return status;
}

static cnn_status record_all(recorder *rec, cnn_error *err)
{
    const vk_plan *plan = rec->exec->plan;
    cnn_device *d = rec->exec->device;
    cnn_status status = begin(rec, err);
    if (status != CNN_OK)
        return status;
    if (rec->queries != VK_NULL_HANDLE)
        d->vk.CmdResetQueryPool(rec->commands, rec->queries, 0, 2 * plan->n_steps);
    for (uint32_t s = 0; s < plan->n_steps && status == CNN_OK; s++)
        status = record_step(rec, s, err);
    if (status == CNN_OK)
        status = mirror_outputs(rec->exec, rec->r, rec->commands, err);
    const cnn_status ended = end(rec, status == CNN_OK ? err : NULL);
    return status == CNN_OK ? ended : status;
}

static uint32_t count_parts(const vk_plan *plan)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < plan->n_steps; s++)
        n += plan->steps[s].parts;
    return n;
}

cnn_status vk_record(cnn_exec *exec, cnn_buffer *const *bindings, VkQueryPool timed,
                     vk_recording **out, cnn_error *err)
{
    const vk_plan *plan = exec->plan;
    const uint32_t n_externals = plan->program->n_externals;
    vk_recording *r = calloc(1, sizeof *r);
    if (r != NULL) {
        r->bindings = calloc(n_externals + 1, sizeof(cnn_buffer *));
        r->commands = calloc((size_t)count_parts(plan) + 1, sizeof(VkCommandBuffer));
        r->views = calloc((size_t)count_texels(plan) + 1, sizeof(VkBufferView));
    }
    if (r == NULL || r->bindings == NULL || r->commands == NULL || r->views == NULL) {
        vk_recording_free(exec, r);
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory to record a program");
    }
    memcpy(r->bindings, bindings, n_externals * sizeof(cnn_buffer *));
    cnn_status status = make_pool(exec, r, err);
    recorder rec = { .exec = exec, .r = r, .queries = timed };
    if (status == CNN_OK)
        status = record_all(&rec, err);
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
