/* map: one kernel made of its expression. assign: nothing, where the new value was computed in the
 * state's place, else a copy. */
#include <stdlib.h>

#include "glsl.h"

enum { EACH = 4, FLOAT = 4, ALIGNED_FLOATS = 64 };

/* ---- map ---- */

cnn_status vk_read_map(const cnn_program *program, const cnn_node *node, const int32_t *root,
                       vk_expression *out, cnn_error *err)
{
    const cnn_map_attrs *attrs = node->attrs;
    if (node->n_in > VK_MOST_INPUTS)
        return cnn_fail(err, CNN_UNSUPPORTED, "an expression of %u inputs, more than %d",
                        node->n_in, VK_MOST_INPUTS);
    out->expr = attrs->expr;
    out->n_in = node->n_in;
    out->out = cnn_value_at(program, node->out[0])->type;
    out->result = -1;
    out->begins = false;
    out->written = root != NULL ? root[node->out[0]] : node->out[0];
    for (uint32_t i = 0; i < node->n_in; i++) {
        out->in[i] = root != NULL ? root[node->in[i]] : node->in[i];
        out->types[i] = cnn_value_at(program, node->in[i])->type;
    }
    return CNN_OK;
}

/* What is cut into parts with the result may be of any size. */
static cnn_status check_operands(const cnn_device *device, const vk_expression *e, const vk_glsl *g,
                                 cnn_error *why)
{
    const uint32_t most = vk_most_bindings(device);
    if (1 + g->n_bindings > most)
        return cnn_fail(why, CNN_UNSUPPORTED,
                        "an expression of %u operands, and a kernel of this device reaches %u",
                        g->n_bindings, most - 1);
    if (1 + vk_glsl_words(g) > VK_MOST_PUSH)
        return cnn_fail(why, CNN_UNSUPPORTED, "operands that are broadcast in too many ways");
    for (uint32_t o = 0; o < g->n_bindings; o++) {
        const uint64_t bytes = (uint64_t)cnn_bytes(&e->types[g->input[o]]);
        if (!g->follows[o] && bytes > device->limits.storage_range)
            return cnn_fail(why, CNN_UNSUPPORTED,
                            "an operand of %llu MiB that is broadcast, and a kernel of this device "
                            "reaches %llu MiB",
                            (unsigned long long)(bytes >> 20),
                            (unsigned long long)(device->limits.storage_range >> 20));
    }
    return CNN_OK;
}

static cnn_status covers_map(const cnn_device *device, const cnn_program *program,
                             const cnn_node *node, cnn_error *why)
{
    vk_expression e;
    vk_glsl g;
    cnn_status status = vk_read_map(program, node, NULL, &e, why);
    if (status != CNN_OK)
        return status;
    e.begins = true;
    status = vk_glsl_make(&e, 1, &g, why);
    if (status != CNN_OK)
        return status;
    status = check_operands(device, &e, &g, why);
    free(g.text);
    return status;
}

static void bind_part(vk_step *step, int32_t value, uint32_t access, uint64_t first, uint64_t n)
{
    vk_binds_part(step, value, access, first * FLOAT, n * FLOAT);
}

/* Elements [first, first + count) of the result. */
static void add_part(vk_plan *plan, uint32_t n, const vk_glsl *g, const char *code, uint64_t first,
                     uint64_t count)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    vk_step *step = vk_begin(plan, n, "map");
    step->kernel.code = code;
    bind_part(step, node->out[0], VK_WRITE, first, count);
    for (uint32_t o = 0; o < g->n_bindings; o++) {
        const int32_t in = node->in[g->input[o]];
        if (g->follows[o])
            bind_part(step, in, VK_READ, first, count);
        else
            vk_reads(plan, step, in);
    }
    vk_push(step, count);
    vk_glsl_push(step, g, first);
    vk_spec(step, EACH);
    vk_cover(plan, step, (count + EACH - 1) / EACH);
}

static cnn_status lower_map(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const uint64_t count = (uint64_t)cnn_count(vk_type(plan, node->out[0]));
    const uint64_t most =
        plan->device->limits.storage_range / FLOAT / ALIGNED_FLOATS * ALIGNED_FLOATS;
    vk_expression e;
    vk_glsl g;
    cnn_status status = vk_read_map(plan->program, node, plan->root, &e, err);
    if (status != CNN_OK)
        return status;
    e.begins = true;
    status = vk_glsl_make(&e, 1, &g, err);
    if (status != CNN_OK)
        return status;
    const char *code = vk_plan_text(plan, "%s", g.text);
    free(g.text);
    for (uint64_t first = 0; first < count && !plan->failed; first += most)
        add_part(plan, n, &g, code, first, count - first < most ? count - first : most);
    return CNN_OK;
}

void vk_glsl_push(vk_step *step, const vk_glsl *g, uint64_t first)
{
    if (g->places)
        vk_push(step, first);
    for (uint32_t k = 0; k < g->n_divisors; k++)
        vk_push_divisor(step, g->divisors[k]);
    for (uint32_t f = 0; f < g->n_factors; f++)
        vk_push(step, g->factors[f]);
}

/* ---- assign ---- */

static cnn_status lower_assign(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_node *node = cnn_node_at(plan->program, n);
    const int32_t state = node->in[0], value = node->in[1];
    (void)err;
    if (plan->root[value] != plan->root[state])
        vk_copy(plan, n, value, state, plan->bytes[state]);
    return CNN_OK;
}

const vk_lowering vk_map_lowerings[] = {
    { .op = "map", .lower = lower_map, .covers = covers_map, .slices = true },
    { .op = "assign", .lower = lower_assign, .slices = true },
    { .op = NULL },
};
