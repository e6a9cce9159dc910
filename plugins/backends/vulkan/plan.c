/* A program's steps, and where its values lie. */
#include "plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnnrun/placer.h>

#include "fuse.h"

enum { ALIGNMENT = 256, CHUNK_BYTES = 1 << 16 };

/* ---- memory of the plan ---- */

struct vk_chunk {
    vk_chunk *next;
    size_t used, size;
    max_align_t bytes[];
};

static vk_chunk *add_chunk(vk_plan *plan, size_t bytes)
{
    const size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    vk_chunk *chunk = calloc(1, sizeof *chunk + size);
    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    chunk->next = plan->memory;
    plan->memory = chunk;
    return chunk;
}

void *vk_plan_alloc(vk_plan *plan, size_t bytes)
{
    vk_chunk *chunk = plan->memory;
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (chunk == NULL || chunk->size - chunk->used < bytes)
        chunk = add_chunk(plan, bytes);
    if (chunk == NULL) {
        plan->failed = true;
        return plan->spill;
    }
    void *memory = (char *)chunk->bytes + chunk->used;
    chunk->used += bytes;
    return memory;
}

char *vk_plan_text(vk_plan *plan, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    char *text = vk_plan_alloc(plan, length > 0 ? (size_t)length + 1 : 1);
    if (length > 0 && !plan->failed)
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void vk_plan_free(vk_plan *plan)
{
    while (plan != NULL && plan->memory != NULL) {
        vk_chunk *next = plan->memory->next;
        free(plan->memory);
        plan->memory = next;
    }
    free(plan);
}

int32_t vk_scratch(vk_plan *plan, uint64_t bytes)
{
    const uint32_t v = plan->n_values;
    if (v == plan->cap_values) {
        plan->failed = true; /* the number of scratch values of a node is bounded */
        return 0;
    }
    plan->root[v] = (int32_t)v;
    plan->bytes[v] = bytes;
    plan->n_values++;
    return (int32_t)v;
}

int32_t vk_constant(vk_plan *plan, const uint32_t *words, uint32_t n)
{
    const int32_t value = vk_scratch(plan, n * sizeof *words);
    void *data = vk_plan_alloc(plan, n * sizeof *words);
    if (!plan->failed) {
        memcpy(data, words, n * sizeof *words);
        plan->data[value] = data;
    }
    return value;
}

/* ---- values that share a place ---- */

static bool is_op(const cnn_node *node, const char *name)
{
    return strcmp(node->op->c.name, name) == 0;
}

/* Node that assigns to a state, or -1. */
static int32_t assigned_at(const cnn_program *p, int32_t state)
{
    for (uint32_t n = p->update_begin; n < p->n_nodes; n++)
        if (is_op(cnn_node_at(p, n), "assign") && cnn_node_at(p, n)->in[0] == state)
            return (int32_t)n;
    for (uint32_t n = 0; n < p->update_begin; n++)
        if (is_op(cnn_node_at(p, n), "assign") && cnn_node_at(p, n)->in[0] == state)
            return (int32_t)n;
    return -1;
}

/* A reshape lies where its operand lies, unless somebody reads it after that was overwritten. */
static void share_reshape(vk_plan *plan, const cnn_node *node)
{
    const int32_t in = node->in[0], out = node->out[0], root = plan->root[in];
    const cnn_value_info *from = cnn_value_at(plan->program, root);
    const cnn_value_info *to = cnn_value_at(plan->program, out);
    if (to->kind != CNN_VALUE_TEMP)
        return;
    if (from->kind == CNN_VALUE_STATE && assigned_at(plan->program, root) >= 0 &&
        to->last_use >= assigned_at(plan->program, root))
        return;
    plan->root[out] = root;
}

static bool reads_at_same_index(const vk_plan *plan, const cnn_node *node, int32_t state,
                                const cnn_type *type)
{
    for (uint32_t i = 0; i < node->n_in; i++)
        if (plan->root[node->in[i]] == state && !cnn_same_shape(vk_type(plan, node->in[i]), type))
            return false;
    return true;
}

/* Does a node in (from, to) read what lies in the state's place? */
static bool is_read_between(const vk_plan *plan, int32_t state, int32_t from, int32_t to)
{
    for (int32_t n = from + 1; n < to; n++) {
        const cnn_node *node = cnn_node_at(plan->program, (uint32_t)n);
        for (uint32_t i = 0; i < node->n_in; i++)
            if (plan->root[node->in[i]] == state)
                return true;
    }
    return false;
}

/* state <- value of a map that nobody else reads: the map writes the state itself. Each of its
 * invocations reads the state only where it then writes. */
static void share_assignment(vk_plan *plan, uint32_t n)
{
    const cnn_program *p = plan->program;
    const cnn_node *node = cnn_node_at(p, n);
    const int32_t state = node->in[0], v = node->in[1];
    const cnn_value_info *value = cnn_value_at(p, v);
    if (value->kind != CNN_VALUE_TEMP || value->producer < 0 || plan->root[v] != v ||
        value->last_use != (int32_t)n || is_read_between(plan, v, value->producer, (int32_t)n))
        return;
    const cnn_node *producer = cnn_node_at(p, (uint32_t)value->producer);
    if (is_op(producer, "map") && reads_at_same_index(plan, producer, state, &value->type) &&
        !is_read_between(plan, state, value->producer, (int32_t)n))
        plan->root[v] = state;
}

static void share_places(vk_plan *plan)
{
    const cnn_program *p = plan->program;
    for (uint32_t n = 0; n < p->n_nodes; n++)
        if (is_op(cnn_node_at(p, n), "reshape"))
            share_reshape(plan, cnn_node_at(p, n));
    for (uint32_t n = 0; n < p->n_nodes; n++)
        if (is_op(cnn_node_at(p, n), "assign"))
            share_assignment(plan, n);
    vk_fuse(plan);
}

/* ---- steps ---- */

static cnn_status lower_node(vk_plan *plan, uint32_t n, cnn_error *err)
{
    const cnn_op *op = cnn_node_at(plan->program, n)->op;
    const vk_lowering *lowering = vk_lowering_of(op);
    return lowering != NULL
               ? lowering->lower(plan, n, err)
               : cnn_fail(err, CNN_INTERNAL, "vulkan: op '%s' has no kernel", op->c.name);
}

/* An op that ends with a map runs where the map stands. */
static cnn_status lower_nodes(vk_plan *plan, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (uint32_t n = 0; n < plan->program->n_nodes && status == CNN_OK && !plan->failed; n++)
        if (plan->ending[n] < 0)
            status = lower_node(plan, plan->absorbs[n] >= 0 ? (uint32_t)plan->absorbs[n] : n, err);
    return status;
}

/* ---- places ---- */

/* A value of the arena, alive from its first to its last step. */
typedef struct life {
    int32_t value, first, last;
    uint64_t bytes;
} life;

static uint64_t padded(uint64_t bytes)
{
    return bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void place_fixed(vk_plan *plan)
{
    const cnn_program *p = plan->program;
    for (uint32_t v = 0; v < plan->n_values; v++) {
        const int32_t external = v < p->n_values ? cnn_value_at(p, (int32_t)v)->external : -1;
        if (external >= 0) {
            plan->places[v] = (vk_place){ VK_EXTERNAL, (uint32_t)external, 0 };
        } else if (plan->data[v] != NULL) {
            plan->places[v] = (vk_place){ VK_CONST, 0, plan->const_bytes };
            plan->const_bytes += padded(plan->bytes[v]);
        }
    }
}

static void find_lives(const vk_plan *plan, life *lives)
{
    for (uint32_t v = 0; v < plan->n_values; v++)
        lives[v] = (life){ (int32_t)v, -1, -1, padded(plan->bytes[v]) };
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const vk_step *step = &plan->steps[s];
        for (uint32_t i = 0; i < step->kernel.n_bindings; i++) {
            life *l = &lives[plan->root[step->operands[i].value]];
            l->first = l->first < 0 ? (int32_t)s : l->first;
            l->last = (int32_t)s;
        }
    }
}

static int larger_first(const void *a, const void *b)
{
    const life *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->value < y->value ? -1 : 1;
}

static void place_arena(vk_plan *plan)
{
    life *lives = vk_plan_alloc(plan, plan->n_values * sizeof *lives);
    cnn_placer placer = { vk_plan_alloc(plan, plan->n_values * sizeof *placer.list), 0, 0 };
    if (plan->failed)
        return;
    find_lives(plan, lives);
    qsort(lives, plan->n_values, sizeof *lives, larger_first);
    for (uint32_t i = 0; i < plan->n_values; i++) {
        const life *l = &lives[i];
        if (l->first < 0 || plan->places[l->value].space != VK_NOWHERE)
            continue;
        const uint64_t at = cnn_placer_add(&placer, l->bytes, l->first, l->last);
        plan->places[l->value] = (vk_place){ VK_ARENA, 0, at };
    }
    plan->arena_bytes = placer.size;
}

/* ---- the whole ---- */

static bool make_lists(vk_plan *plan)
{
    enum { MOST_SCRATCH = 16 }; /* of a node, constants included */
    const cnn_program *p = plan->program;
    plan->n_values = p->n_values;
    plan->cap_values = p->n_values + MOST_SCRATCH * p->n_nodes + 1;
    plan->root = vk_plan_alloc(plan, plan->cap_values * sizeof *plan->root);
    plan->bytes = vk_plan_alloc(plan, plan->cap_values * sizeof *plan->bytes);
    plan->data = vk_plan_alloc(plan, plan->cap_values * sizeof(const void *));
    plan->places = vk_plan_alloc(plan, plan->cap_values * sizeof *plan->places);
    plan->ending = vk_plan_alloc(plan, p->n_nodes * sizeof *plan->ending);
    plan->absorbs = vk_plan_alloc(plan, p->n_nodes * sizeof *plan->absorbs);
    for (uint32_t v = 0; v < p->n_values && !plan->failed; v++) {
        const cnn_value_info *value = cnn_value_at(p, (int32_t)v);
        plan->root[v] = (int32_t)v;
        plan->bytes[v] = (uint64_t)cnn_bytes(&value->type);
        plan->data[v] = value->kind == CNN_VALUE_CONST ? value->data : NULL;
    }
    return !plan->failed;
}

/* Steps that take too long for one submission are dispatched in parts; not a plugin's, whose kernel
 * may count its groups in any direction. */
static void cut_long_steps(const vk_plan *plan)
{
    const double most = (double)plan->device->limits.submission_macs;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        vk_step *step = &plan->steps[s];
        const uint32_t rows = step->groups[vk_axis_of_parts(step)];
        if (step->macs <= most || step->kernel.code_words != NULL)
            continue;
        const double parts = ceil(step->macs / most);
        step->parts = parts < rows ? (uint32_t)parts : rows;
        step->kernel.in_parts = step->parts > 1;
    }
}

static cnn_status fill(vk_plan *plan, cnn_error *err)
{
    if (!make_lists(plan))
        return CNN_OK;
    share_places(plan);
    cnn_status status = lower_nodes(plan, err);
    if (status != CNN_OK || plan->failed)
        return status;
    place_fixed(plan);
    place_arena(plan);
    vk_place_barriers(plan);
    cut_long_steps(plan);
    return CNN_OK;
}

cnn_status vk_plan_make(cnn_device *device, const cnn_program *program, vk_plan **out,
                        cnn_error *err)
{
    vk_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        return cnn_fail(err, CNN_MEMORY, "vulkan: no memory for a plan");
    plan->program = program;
    plan->device = device;
    cnn_status status = fill(plan, err);
    if (status == CNN_OK && plan->failed)
        status = cnn_fail(err, CNN_MEMORY, "vulkan: no memory for a plan");
    if (status == CNN_OK && getenv("CNNRUN_VK_CHECK") != NULL)
        status = vk_check_hazards(plan, err);
    if (status != CNN_OK) {
        vk_plan_free(plan);
        return status;
    }
    *out = plan;
    return CNN_OK;
}
