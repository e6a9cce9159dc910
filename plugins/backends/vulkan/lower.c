/* Which family lowers an op, and the limits that all have. */
#include <string.h>

#include "plan.h"

static const vk_lowering *const families[] = {
    vk_map_lowerings,     vk_conv_lowerings,  vk_pool_lowerings,   vk_norm_lowerings,
    vk_softmax_lowerings, vk_shape_lowerings, vk_reduce_lowerings, vk_random_lowerings,
};

static const vk_lowering of_plugins = { .op = "",
                                        .lower = vk_lower_plugin,
                                        .covers = vk_plugin_covers };

const vk_lowering *vk_lowering_of(const cnn_op *op)
{
    if (vk_plugin_kernel(op) != NULL)
        return &of_plugins;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        for (const vk_lowering *l = families[i]; l->op != NULL; l++)
            if (strcmp(l->op, op->c.name) == 0)
                return l;
    return NULL;
}

static cnn_status check_operand(const cnn_device *device, const vk_lowering *lowering,
                                const cnn_value_info *value, cnn_error *why)
{
    const uint64_t bytes = (uint64_t)cnn_bytes(&value->type);
    if (cnn_count(&value->type) > INT32_MAX)
        return cnn_fail(why, CNN_UNSUPPORTED, "a tensor of more than 2^31 elements");
    if (bytes > device->limits.storage_range && !lowering->slices)
        return cnn_fail(why, CNN_UNSUPPORTED,
                        "a tensor of %llu MiB, and a kernel of this device reaches %llu MiB",
                        (unsigned long long)(bytes >> 20),
                        (unsigned long long)(device->limits.storage_range >> 20));
    return CNN_OK;
}

cnn_status vk_supports(cnn_device *device, const cnn_program *program, uint32_t n, cnn_error *why)
{
    const cnn_node *node = cnn_node_at(program, n);
    const vk_lowering *lowering = vk_lowering_of(node->op);
    cnn_status status = CNN_OK;
    if (lowering == NULL)
        return cnn_fail(why, CNN_UNSUPPORTED, "no kernel for this op");
    for (uint32_t i = 0; i < node->n_in + node->n_out && status == CNN_OK; i++) {
        const int32_t v = i < node->n_in ? node->in[i] : node->out[i - node->n_in];
        status = check_operand(device, lowering, cnn_value_at(program, v), why);
    }
    return status == CNN_OK && lowering->covers != NULL
               ? lowering->covers(device, program, node, why)
               : status;
}
