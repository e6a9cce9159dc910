/* Asks every backend about every node of the samples. */
#include "matrix.h"

#include <string.h>

#include "place.h"
#include "samples.h"

static cnn_matrix_row *find_row(cnn_matrix *m, const char *op)
{
    for (uint32_t i = 0; i < m->n_rows; i++)
        if (strcmp(m->rows[i].op, op) == 0)
            return &m->rows[i];
    return NULL;
}

static void note(cnn_matrix_row *row, uint32_t backend, bool runs, const char *why,
                 cnn_arena *arena)
{
    cnn_cell *cell = &row->cells[backend];
    const cnn_cell now = runs ? CNN_CELL_RUNS : CNN_CELL_REFUSES;
    *cell = *cell == CNN_CELL_NONE || *cell == now ? now : CNN_CELL_PARTLY;
    if (!runs && row->why[backend] == NULL)
        row->why[backend] = cnn_arena_string(arena, why);
}

static void ask(cnn_matrix *m, const cnn_opened *opened, uint32_t backend, const cnn_program *p,
                cnn_arena *arena)
{
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        cnn_error why = { "", "" };
        cnn_matrix_row *row = find_row(m, cnn_node_at(p, n)->op->c.name);
        bool runs = opened->backend->supports(opened->device, p, n, &why) == CNN_OK;
        if (row != NULL)
            note(row, backend, runs, why.text, arena);
    }
}

static void list_rows(cnn_matrix *m, cnn_registry *registry)
{
    m->rows = CNN_NEW_ARRAY(registry->arena, cnn_matrix_row, registry->n_entries);
    m->backends = CNN_NEW_ARRAY(registry->arena, const char *, registry->n_entries);
    m->missing = CNN_NEW_ARRAY(registry->arena, const char *, registry->n_entries);
    for (size_t i = 0; i < registry->n_entries; i++)
        if (registry->entries[i].kind == CNN_KIND_BACKEND)
            m->backends[m->n_backends++] = registry->entries[i].component->name;
    for (size_t i = 0; i < registry->n_entries; i++) {
        const cnn_entry *entry = &registry->entries[i];
        if (entry->kind != CNN_KIND_OP)
            continue;
        const cnn_op *op = (const cnn_op *)(const void *)entry->component;
        cnn_matrix_row *row = &m->rows[m->n_rows++];
        row->op = op->c.name;
        row->has_gradient =
            op->grad != NULL || op->differentiable == 0 || strcmp(op->c.name, "map") == 0;
        row->cells = CNN_NEW_ARRAY(registry->arena, cnn_cell, m->n_backends);
        row->why = CNN_NEW_ARRAY(registry->arena, const char *, m->n_backends);
    }
}

cnn_matrix *cnn_matrix_make(cnn_registry *registry)
{
    cnn_matrix *m = CNN_NEW(registry->arena, cnn_matrix);
    cnn_sample samples[CNN_MOST_SAMPLES];
    list_rows(m, registry);
    const uint32_t n_samples = cnn_samples_build(registry, samples);
    for (uint32_t b = 0; b < m->n_backends; b++) {
        cnn_stack stack;
        cnn_error err = { "", "" };
        if (cnn_stack_open(registry, m->backends[b], true, &stack, &err) != CNN_OK) {
            m->missing[b] = cnn_arena_string(registry->arena, err.text);
            continue;
        }
        for (uint32_t i = 0; i < n_samples; i++)
            ask(m, &stack.items[0], b, &samples[i].step->program, registry->arena);
        cnn_stack_close(&stack);
    }
    return m;
}
