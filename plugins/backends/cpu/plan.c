/* Values and steps of a plan, and the order in which it is made. */
#include "plan.h"
#include "small.h"

#include <stdlib.h>
#include <string.h>

void *cpu_plan_alloc(cpu_plan *plan, size_t count, size_t size)
{
    if (plan->n_blocks == plan->block_cap) {
        uint32_t cap = plan->block_cap > 0 ? 2 * plan->block_cap : 64;
        void **blocks = realloc(plan->blocks, cap * sizeof *blocks);
        if (blocks == NULL) {
            plan->out_of_memory = true;
            return NULL;
        }
        plan->blocks = blocks;
        plan->block_cap = cap;
    }
    void *block = calloc(count > 0 ? count : 1, size);
    plan->out_of_memory = plan->out_of_memory || block == NULL;
    if (block != NULL)
        plan->blocks[plan->n_blocks++] = block;
    return block;
}

void cpu_plan_free(cpu_plan *plan)
{
    if (plan == NULL)
        return;
    for (uint32_t i = 0; i < plan->n_blocks; i++)
        free(plan->blocks[i]);
    free(plan->blocks);
    free(plan->values);
    free(plan->steps);
    free(plan);
}

/* ---- values ---- */

/* Number 0 is nobody's: what could not be made is written there, and the plan is thrown away. */
int32_t cpu_add_value(cpu_plan *plan, const cnn_type *type)
{
    if (plan->n_values == plan->value_cap) {
        uint32_t cap = 2 * plan->value_cap + 64;
        cpu_value *values = realloc(plan->values, cap * sizeof *values);
        if (values == NULL) {
            plan->out_of_memory = true;
            return 0;
        }
        plan->values = values;
        plan->value_cap = cap;
    }
    cpu_value *value = &plan->values[plan->n_values];
    memset(value, 0, sizeof *value);
    value->type = *type;
    value->parent = -1;
    value->external = -1;
    value->bytes = (uint64_t)cnn_bytes(type);
    return (int32_t)plan->n_values++;
}

int32_t cpu_add_partial(cpu_plan *plan, int64_t count, size_t size)
{
    const cnn_type type = cnn_type1(CNN_F32, count);
    int32_t v = cpu_add_value(plan, &type);
    plan->values[v].space = CPU_PARTIAL;
    plan->values[v].bytes = (uint64_t)count * size;
    return v;
}

int32_t cpu_add_temp(cpu_plan *plan, int64_t floats)
{
    const cnn_type type = cnn_type1(CNN_F32, floats);
    int32_t v = cpu_add_value(plan, &type);
    plan->values[v].space = CPU_PLAIN;
    return v;
}

bool cpu_is_batched(const cnn_program *program, int32_t value)
{
    return cnn_value_at(program, value)->batched != 0;
}

int32_t cpu_new_plain(cpu_plan *plan, int32_t program_value)
{
    const cnn_value_info *info = cnn_value_at(plan->program, program_value);
    int32_t v = cpu_add_value(plan, &info->type);
    cpu_value *value = &plan->values[v];
    value->space = info->external >= 0             ? CPU_BOUND
                   : info->kind == CNN_VALUE_CONST ? CPU_CONSTANT
                                                   : CPU_PLAIN;
    value->external = info->external;
    value->data = info->data;
    value->frozen = info->kind == CNN_VALUE_CONST || info->kind == CNN_VALUE_STATE;
    plan->plain[program_value] = v;
    return v;
}

int32_t cpu_new_tile(cpu_plan *plan, int32_t program_value)
{
    const cnn_value_info *info = cnn_value_at(plan->program, program_value);
    int32_t v = cpu_add_value(plan, &info->type);
    cpu_value *value = &plan->values[v];
    value->tiled = true;
    value->left = plan->margins[program_value][0];
    value->right = plan->margins[program_value][1];
    plan->tile[program_value] = v;
    return v;
}

int32_t cpu_plain_of(cpu_plan *plan, int32_t program_value)
{
    if (plan->plain[program_value] >= 0)
        return plan->plain[program_value];
    if (plan->small && (plan->image[program_value] >= 0 || plan->tile[program_value] >= 0))
        return cpu_small_dense(plan, program_value);
    return cpu_new_plain(plan, program_value);
}

int32_t cpu_tile_of(cpu_plan *plan, uint32_t node, int32_t program_value)
{
    if (plan->tile[program_value] >= 0)
        return plan->tile[program_value];
    int32_t from = cpu_plain_of(plan, program_value), to = cpu_new_tile(plan, program_value);
    cpu_step *step = cpu_add_kernel(plan, node, plan->kernels->gather, NULL);
    cpu_step_in(plan, step, from);
    cpu_step_out(plan, step, to);
    return to;
}

/* ---- steps ---- */

cpu_step *cpu_add_step(cpu_plan *plan, uint32_t node)
{
    if (plan->n_steps == plan->step_cap) {
        uint32_t cap = 2 * plan->step_cap + 64;
        cpu_step *steps = realloc(plan->steps, cap * sizeof *steps);
        if (steps == NULL) {
            plan->out_of_memory = true;
            plan->n_steps--;
        } else {
            plan->steps = steps;
            plan->step_cap = cap;
        }
    }
    cpu_step *step = &plan->steps[plan->n_steps++];
    memset(step, 0, sizeof *step);
    step->node = (int32_t)node;
    step->overwrites = -1;
    return step;
}

void cpu_step_in(cpu_plan *plan, cpu_step *step, int32_t value)
{
    (void)plan;
    step->in[step->n_in++] = value;
}

void cpu_step_out(cpu_plan *plan, cpu_step *step, int32_t value)
{
    plan->values[value].makers++;
    step->out[step->n_out++] = value;
}

/* ---- making a plan ---- */

static void count_uses(cpu_plan *plan)
{
    const cnn_program *p = plan->program;
    for (uint32_t n = 0; n < p->n_nodes; n++)
        for (uint32_t i = 0; i < cnn_node_at(p, n)->n_in; i++)
            plan->uses[cnn_node_at(p, n)->in[i]]++;
}

/* Parts of a concatenation lie in it, slices of channels in what they are cut from: one row has
 * the margins of all. */
static bool share_margins(cpu_plan *plan, const cnn_node *node)
{
    bool changed = false;
    bool joins = strcmp(node->op->c.name, "concat") == 0 || strcmp(node->op->c.name, "slice") == 0;
    if (!joins || !cpu_is_batched(plan->program, node->out[0]) ||
        cnn_value_at(plan->program, node->out[0])->type.rank != 4)
        return false;
    for (uint32_t i = 0; i < node->n_in; i++)
        for (int side = 0; side < 2; side++) {
            int32_t *a = &plan->margins[node->in[i]][side], *b = &plan->margins[node->out[0]][side];
            int32_t most = *a > *b ? *a : *b;
            changed = changed || *a != *b;
            *a = *b = most;
        }
    return changed;
}

static void find_margins(cpu_plan *plan)
{
    const cnn_program *p = plan->program;
    bool changed = true;
    for (uint32_t n = 0; n < p->n_nodes; n++)
        cpu_conv_margins(cnn_node_at(p, n), p, 1, plan->margins);
    while (changed) {
        changed = false;
        for (uint32_t n = 0; n < p->n_nodes; n++)
            changed = share_margins(plan, cnn_node_at(p, n)) || changed;
    }
}

/* Batched results that the host reads leave their tiles. */
static void scatter_outputs(cpu_plan *plan)
{
    const cnn_program *p = plan->program;
    for (uint32_t v = 0; v < p->n_values; v++) {
        const cnn_value_info *info = cnn_value_at(p, (int32_t)v);
        if (info->kind != CNN_VALUE_OUTPUT || plan->plain[v] >= 0)
            continue;
        if (plan->small && (plan->image[v] >= 0 || plan->tile[v] >= 0)) {
            (void)cpu_small_dense(plan, (int32_t)v);
            continue;
        }
        if (plan->tile[v] < 0)
            continue;
        int32_t to = cpu_new_plain(plan, (int32_t)v);
        cpu_step *step =
            cpu_add_kernel(plan, (uint32_t)info->producer, plan->kernels->scatter, NULL);
        cpu_step_in(plan, step, plan->tile[v]);
        cpu_step_out(plan, step, to);
    }
}

/* Many groups share the work well; each has its own copy of every sum. */
static int64_t count_groups(int64_t tiles)
{
    enum { MOST = 16 };
    return tiles < MOST ? tiles : MOST;
}

static cpu_plan *start(const cnn_program *program, const cpu_kernels *kernels, const cnn_host *host)
{
    cpu_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        return NULL;
    plan->program = program;
    plan->kernels = kernels;
    plan->host = host;
    plan->tiles = cpu_divided_up(program->batch, kernels->lanes);
    plan->groups = count_groups(plan->tiles);
    plan->plain = cpu_plan_alloc(plan, program->n_values, sizeof *plan->plain);
    plan->tile = cpu_plan_alloc(plan, program->n_values, sizeof *plan->tile);
    plan->image = cpu_plan_alloc(plan, program->n_values, sizeof *plan->image);
    plan->uses = cpu_plan_alloc(plan, program->n_values, sizeof *plan->uses);
    plan->margins = cpu_plan_alloc(plan, program->n_values, sizeof *plan->margins);
    plan->steps = calloc(64, sizeof *plan->steps);
    plan->step_cap = 64;
    plan->out_of_memory = plan->out_of_memory || plan->steps == NULL;
    for (uint32_t v = 0; v < program->n_values && !plan->out_of_memory; v++)
        plan->plain[v] = plan->tile[v] = plan->image[v] = -1;
    return plan;
}

static cnn_status finish_steps(cpu_plan *plan, cnn_error *err)
{
    cnn_status status = CNN_OK;
    for (uint32_t s = 0; s < plan->n_steps && status == CNN_OK; s++)
        if (plan->steps[s].finish != NULL)
            status = plan->steps[s].finish(plan, &plan->steps[s], err);
    return status;
}

cnn_status cpu_plan_make(const cnn_program *program, const cpu_kernels *kernels,
                         const cnn_host *host, cpu_plan **out, cnn_error *err)
{
    cpu_plan *plan = start(program, kernels, host);
    cnn_status status = CNN_OK;
    const cnn_type nothing = cnn_scalar_type(CNN_F32);
    if (plan == NULL)
        return cnn_fail(err, CNN_MEMORY, "cpu: no memory for a plan");
    if (!plan->out_of_memory) {
        (void)cpu_add_value(plan, &nothing);
        count_uses(plan);
        find_margins(plan);
        cpu_small_prepare(plan);
        for (uint32_t n = 0; n < program->n_nodes && !plan->out_of_memory; n++)
            cpu_lower(plan, n);
        scatter_outputs(plan);
        status = plan->out_of_memory ? CNN_OK : cpu_schedule(plan, err);
        if (status == CNN_OK && !plan->out_of_memory) {
            cpu_layout(plan);
            status = finish_steps(plan, err);
        }
    }
    if (plan->out_of_memory && status == CNN_OK)
        status = cnn_fail(err, CNN_MEMORY, "cpu: no memory for a plan");
    if (status != CNN_OK) {
        cpu_plan_free(plan);
        plan = NULL;
    }
    *out = plan;
    return status;
}
