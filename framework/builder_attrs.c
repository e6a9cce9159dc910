/* Attributes of ops outlive the call that gave them: a copy in the arena, with all they point to.
 */
#include "graph_internal.h"

#include <string.h>

static void copy_ints(cnn_ints *field, cnn_arena *arena)
{
    field->v = cnn_arena_copy(arena, field->v, field->count * sizeof *field->v);
}

static void copy_floats(cnn_floats *field, cnn_arena *arena)
{
    field->v = cnn_arena_copy(arena, field->v, field->count * sizeof *field->v);
}

static void copy_text(const char **field, cnn_arena *arena)
{
    if (*field != NULL)
        *field = cnn_arena_string(arena, *field);
}

static void copy_array(cnn_array *field, cnn_arena *arena)
{
    if (field->v != NULL)
        field->v = cnn_arena_copy(arena, field->v, (size_t)cnn_bytes(&field->type));
}

/* Fields without pointers came with the struct. */
static void copy_field(uint32_t type, void *field, cnn_arena *arena)
{
    if (type == CNN_PARAM_INTS)
        copy_ints(field, arena);
    else if (type == CNN_PARAM_FLOATS)
        copy_floats(field, arena);
    else if (type == CNN_PARAM_TEXT || type == CNN_PARAM_PATH)
        copy_text(field, arena);
    else if (type == CNN_PARAM_ARRAY)
        copy_array(field, arena);
}

void *cnn_attrs_copy(const cnn_op *op, const void *attrs, cnn_arena *arena)
{
    void *copy = cnn_arena_copy(arena, attrs, op->c.params_size);
    for (uint32_t i = 0; i < op->c.params.count; i++) {
        const cnn_param *p = cnn_table_at(&op->c.params, i);
        copy_field(p->type, (char *)copy + p->offset, arena);
    }
    if (strcmp(op->c.name, "map") == 0) {
        cnn_expr *expr = &((cnn_map_attrs *)copy)->expr;
        expr->terms = cnn_arena_copy(arena, expr->terms, expr->count * sizeof *expr->terms);
    }
    return copy;
}
