/* Ops of plugins that bring SPIR-V: one dispatch among the others. */
#include <string.h>

#include "plan.h"
#include "spirv.h"

const cnn_kernel *vk_plugin_kernel(const cnn_op *op)
{
    for (uint32_t i = 0; i < op->kernels.count; i++) {
        const cnn_kernel *kernel = cnn_table_at(&op->kernels, i);
        if (strcmp(kernel->target, "spirv") == 0)
            return kernel;
    }
    return NULL;
}

/* What the plugin wants for this node. */
static cnn_status ask(const cnn_program *p, const cnn_node *node, cnn_dispatch *d, cnn_error *err)
{
    cnn_type in[VK_MOST_BINDINGS], out[VK_MOST_BINDINGS];
    memset(d, 0, sizeof *d);
    if (node->n_in + node->n_out > VK_MOST_BINDINGS)
        return cnn_fail(err, CNN_UNSUPPORTED, "more than %d tensors", VK_MOST_BINDINGS);
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = cnn_value_at(p, node->in[i])->type;
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] = cnn_value_at(p, node->out[i])->type;
    return vk_plugin_kernel(node->op)->dispatch(node->attrs, in, node->n_in, out, node->n_out, d,
                                                err);
}

static cnn_status check_dispatch(const cnn_device *device, const cnn_dispatch *d, cnn_error *err)
{
    const uint64_t most = 64ull * device->limits.groups[0] * device->limits.groups[1];
    if (d->items < 1 || d->items > most || d->items > UINT32_MAX)
        return cnn_fail(err, CNN_INVALID, "its dispatch wants %llu invocations",
                        (unsigned long long)d->items);
    if (d->n_push > CNN_MAX_PUSH || d->n_specs > CNN_MAX_SPECS)
        return cnn_fail(err, CNN_INVALID, "its dispatch has %u push constants and %u others",
                        d->n_push, d->n_specs);
    return CNN_OK;
}

cnn_status vk_plugin_covers(const cnn_device *device, const cnn_program *p, const cnn_node *node,
                            cnn_error *why)
{
    const cnn_kernel *kernel = vk_plugin_kernel(node->op);
    cnn_error inner = { "", "" };
    cnn_dispatch d;
    cnn_status status = ask(p, node, &d, &inner);
    if (status == CNN_OK)
        status = check_dispatch(device, &d, &inner);
    const vk_spirv_limits limits = { node->n_in + node->n_out, node->n_in, 4 * d.n_push,
                                     device->limits.has_subgroup_ops };
    if (status == CNN_OK)
        status = vk_check_spirv(kernel->code, (size_t)(kernel->code_bytes / 4), &limits, &inner);
    return status == CNN_OK ? CNN_OK
                            : cnn_fail(why, CNN_UNSUPPORTED,
                                       "its spirv kernel is of no use here: %s", inner.text);
}

cnn_status vk_lower_plugin(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const cnn_kernel *kernel = vk_plugin_kernel(node->op);
    cnn_dispatch d;
    cnn_status status = ask(plan->program, node, &d, err);
    if (status != CNN_OK)
        return status;
    vk_step *step = vk_begin(plan, n, node->op->c.name);
    step->kernel.code_words = kernel->code;
    step->kernel.n_code_words = (size_t)(kernel->code_bytes / 4);
    for (uint32_t i = 0; i < node->n_in; i++)
        vk_reads(plan, step, node->in[i]);
    for (uint32_t i = 0; i < node->n_out; i++)
        vk_writes(plan, step, node->out[i]);
    for (uint32_t i = 0; i < d.n_push; i++)
        vk_push(step, d.push[i]);
    for (uint32_t i = 0; i < d.n_specs; i++)
        vk_spec(step, d.specs[i]);
    vk_cover(plan, step, d.items);
    step->macs = d.macs;
    return CNN_OK;
}
