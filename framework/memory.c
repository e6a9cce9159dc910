/* Where the temporaries of a program lie: largest first, by their lifetimes. */
#include <stdlib.h>
#include <string.h>

#include <cnnrun/placer.h>

#include "program.h"

enum { ALIGNMENT = 256 };

/* Values that share one place: a temporary and its reshapes. */
typedef struct block {
    int32_t value;       /* the first of them */
    int32_t first, last; /* nodes */
    uint64_t bytes, offset;
} block;

static void find_last_uses(cnn_program *p, cnn_value_info *values)
{
    for (uint32_t v = 0; v < p->n_values; v++)
        values[v].last_use = -1;
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(p, n);
        for (uint32_t i = 0; i < node->n_in; i++)
            values[node->in[i]].last_use = (int32_t)n;
    }
}

/* The value whose place v shares. */
static int32_t root_of(const cnn_program *p, int32_t v)
{
    const cnn_value_info *value = cnn_value_at(p, v);
    while (value->kind == CNN_VALUE_TEMP && value->producer >= 0) {
        const cnn_node *node = cnn_node_at(p, (uint32_t)value->producer);
        if (strcmp(node->op->c.name, "reshape") != 0 ||
            cnn_value_at(p, node->in[0])->kind != CNN_VALUE_TEMP)
            break;
        v = node->in[0];
        value = cnn_value_at(p, v);
    }
    return v;
}

static uint32_t make_blocks(const cnn_program *p, block *blocks, int32_t *block_of)
{
    uint32_t count = 0;
    for (uint32_t v = 0; v < p->n_values; v++) {
        const cnn_value_info *value = cnn_value_at(p, (int32_t)v);
        int32_t last = value->last_use > value->producer ? value->last_use : value->producer;
        int32_t root = root_of(p, (int32_t)v);
        block_of[v] = -1;
        if (value->kind != CNN_VALUE_TEMP)
            continue;
        if (root == (int32_t)v) {
            uint64_t bytes = (uint64_t)cnn_bytes(&value->type);
            bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
            block_of[v] = (int32_t)count;
            blocks[count++] = (block){ (int32_t)v, value->producer, last, bytes, 0 };
        } else {
            block_of[v] = block_of[root];
            if (blocks[block_of[v]].last < last)
                blocks[block_of[v]].last = last;
        }
    }
    return count;
}

static int larger_first(const void *a, const void *b)
{
    const block *x = *(const block *const *)a, *y = *(const block *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->value < y->value ? -1 : 1;
}

void cnn_plan_memory(cnn_program *p, cnn_value_info *values, cnn_arena *arena)
{
    block *blocks = CNN_NEW_ARRAY(arena, block, p->n_values);
    int32_t *block_of = CNN_NEW_ARRAY(arena, int32_t, p->n_values);
    uint64_t *offsets = CNN_NEW_ARRAY(arena, uint64_t, p->n_values);
    find_last_uses(p, values);
    uint32_t count = make_blocks(p, blocks, block_of);
    block **order = CNN_NEW_ARRAY(arena, block *, count);
    cnn_placer placer = { CNN_NEW_ARRAY(arena, cnn_placed, count), 0, 0 };
    for (uint32_t i = 0; i < count; i++)
        order[i] = &blocks[i];
    qsort(order, count, sizeof *order, larger_first);
    for (uint32_t i = 0; i < count; i++)
        order[i]->offset =
            cnn_placer_add(&placer, order[i]->bytes, order[i]->first, order[i]->last);
    p->arena_bytes = placer.size;
    for (uint32_t v = 0; v < p->n_values; v++)
        offsets[v] = block_of[v] >= 0 ? blocks[block_of[v]].offset : 0;
    p->offsets = offsets;
}
