/* Which maps end the kernel before them, and how. */
#include "fuse.h"

#include <stdlib.h>
#include <string.h>

#include "glsl.h"

/* ---- who ends with whom ---- */

/* The one node that reads a value, or -1. */
static int32_t only_reader(const cnn_program *p, int32_t value)
{
    int32_t reader = -1;
    const cnn_value_info *info = cnn_value_at(p, value);
    for (int32_t n = info->producer + 1; n <= info->last_use; n++) {
        const cnn_node *node = cnn_node_at(p, (uint32_t)n);
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i] == value) {
                if (reader >= 0)
                    return -1;
                reader = n;
            }
    }
    return reader;
}

/* What node n reads is still there when node m runs: nothing that it reads is assigned between. */
static bool may_wait(const vk_plan *plan, uint32_t n, int32_t m)
{
    const cnn_program *p = plan->program;
    const cnn_node *node = cnn_node_at(p, n);
    for (int32_t k = (int32_t)n + 1; k < m; k++) {
        const cnn_node *between = cnn_node_at(p, (uint32_t)k);
        for (uint32_t i = 0; i < node->n_in; i++)
            if (strcmp(between->op->c.name, "assign") == 0 &&
                plan->root[between->in[0]] == plan->root[node->in[i]])
                return false;
    }
    return true;
}

static cnn_status express(const vk_plan *plan, const cnn_node *map, int32_t result,
                          uint32_t first_binding, vk_expression *e, vk_glsl *g)
{
    cnn_status status = vk_read_map(plan->program, map, plan->root, e, NULL);
    if (status != CNN_OK)
        return status;
    for (uint32_t i = 0; i < map->n_in; i++)
        if (map->in[i] == result)
            e->result = (int32_t)i;
    return vk_glsl_make(e, first_binding, g, NULL);
}

/* Bindings: two operands and the result of the op, those of the map, and a block of words. */
static bool fits(const vk_plan *plan, const cnn_node *map, int32_t result)
{
    enum { OWN = 3, WORDS = 1 };
    const vk_limits *limits = &plan->device->limits;
    const uint32_t most = vk_most_bindings(plan->device);
    vk_expression e;
    vk_glsl g;
    if (express(plan, map, result, OWN, &e, &g) != CNN_OK)
        return false;
    bool ok = OWN + g.n_bindings + WORDS <= most;
    for (uint32_t o = 0; o < g.n_bindings; o++)
        ok = ok && (uint64_t)cnn_bytes(&e.types[g.input[o]]) <= limits->storage_range;
    free(g.text);
    return ok;
}

static bool may_end(const vk_plan *plan, uint32_t n, int32_t m)
{
    const cnn_program *p = plan->program;
    const int32_t result = cnn_node_at(p, n)->out[0];
    const cnn_node *map = cnn_node_at(p, (uint32_t)m);
    const int32_t out = map->out[0];
    return strcmp(map->op->c.name, "map") == 0 && plan->root[out] == out &&
           cnn_same_shape(vk_type(plan, result), vk_type(plan, out)) && may_wait(plan, n, m) &&
           fits(plan, map, result);
}

static void fuse_node(vk_plan *plan, uint32_t n)
{
    const cnn_program *p = plan->program;
    const cnn_node *node = cnn_node_at(p, n);
    const vk_lowering *lowering = vk_lowering_of(node->op);
    if (lowering == NULL || !lowering->ends_with_map)
        return;
    const int32_t result = node->out[0];
    if (cnn_value_at(p, result)->kind != CNN_VALUE_TEMP || plan->root[result] != result)
        return;
    const int32_t m = only_reader(p, result);
    if (m < 0 || plan->absorbs[m] >= 0 || !may_end(plan, n, m))
        return;
    plan->ending[n] = m;
    plan->absorbs[m] = (int32_t)n;
    plan->root[result] = cnn_node_at(p, (uint32_t)m)->out[0];
}

void vk_fuse(vk_plan *plan)
{
    for (uint32_t n = 0; n < plan->program->n_nodes; n++)
        plan->ending[n] = plan->absorbs[n] = -1;
    for (uint32_t n = 0; n < plan->program->n_nodes; n++)
        fuse_node(plan, n);
}

/* ---- the step's end ---- */

/* Divisors and factors do not fit beside the push constants of every kernel: they lie in a block of
 * constants. */
static void bind_words(vk_plan *plan, vk_step *step, const vk_glsl *g, uint64_t first)
{
    vk_step words = { 0 };
    vk_glsl_push(&words, g, first);
    vk_reads(plan, step, vk_constant(plan, words.push, words.kernel.n_push));
}

static const char *code_of(vk_plan *plan, const vk_glsl *g, uint32_t words_binding)
{
    if (vk_glsl_words(g) == 0)
        return vk_plan_text(plan, "%s", g->text);
    return vk_plan_text(plan,
                        "%s\nlayout(set = 0, binding = %u, std430) restrict readonly buffer "
                        "epilogue_words {\n    EPILOGUE_PUSH\n};\n",
                        g->text, words_binding);
}

void vk_end_step(vk_plan *plan, vk_step *step, uint64_t first, uint64_t count)
{
    enum { FLOAT = 4 };
    const int32_t m = plan->ending[step->node];
    vk_expression e;
    vk_glsl g;
    if (m < 0)
        return;
    const cnn_node *node = cnn_node_at(plan->program, step->node);
    const cnn_node *map = cnn_node_at(plan->program, (uint32_t)m);
    if (express(plan, map, node->out[0], step->kernel.n_bindings, &e, &g) != CNN_OK) {
        plan->failed = true; /* it fitted before: memory is short */
        return;
    }
    step->kernel.code = code_of(plan, &g, step->kernel.n_bindings + g.n_bindings);
    for (uint32_t o = 0; o < g.n_bindings; o++) {
        const int32_t in = map->in[g.input[o]];
        if (g.follows[o])
            vk_binds_part(step, in, VK_READ, first * FLOAT, count * FLOAT);
        else
            vk_reads(plan, step, in);
    }
    if (vk_glsl_words(&g) > 0)
        bind_words(plan, step, &g, first);
    free(g.text);
}
