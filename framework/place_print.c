/* Placement and memory plan as text. */
#include <string.h>

#include "place.h"

void cnn_placement_print(const cnn_placement *placement, const cnn_stack *stack, FILE *out)
{
    const cnn_program *p = &placement->step->program;
    for (uint32_t i = 0; i < placement->n_parts; i++) {
        const cnn_part *part = &placement->parts[i];
        (void)fprintf(out, "part %u on %s: nodes %u to %u\n", i, stack->items[part->opened].name,
                      part->first_node, part->end_node - 1);
    }
    for (uint32_t n = 0; n < p->n_nodes; n++)
        if (placement->reasons[n] != NULL)
            (void)fprintf(out, "node %u, layer %s, op %s runs on %s: %s\n", n,
                          cnn_node_at(p, n)->layer, cnn_node_at(p, n)->op->c.name,
                          stack->items[placement->node_backend[n]].name, placement->reasons[n]);
    (void)fprintf(out, "%u fallbacks, %.1f%% of the multiply-adds\n", placement->n_fallbacks,
                  100 * placement->fallback_share);
}

/* Bytes of all values of a kind. */
static uint64_t bytes_of(const cnn_program *p, uint32_t kind)
{
    uint64_t bytes = 0;
    for (uint32_t v = 0; v < p->n_values; v++)
        if (cnn_value_at(p, (int32_t)v)->kind == kind)
            bytes += (uint64_t)cnn_bytes(&cnn_value_at(p, (int32_t)v)->type);
    return bytes;
}

static void print_temporaries(const cnn_program *p, FILE *out)
{
    char type[128];
    (void)fprintf(out, "%8s  %-28s %12s %10s  %s\n", "value", "type", "offset", "bytes", "nodes");
    for (uint32_t v = 0; v < p->n_values; v++) {
        const cnn_value_info *value = cnn_value_at(p, (int32_t)v);
        if (value->kind != CNN_VALUE_TEMP)
            continue;
        cnn_type_text(&value->type, true, type, sizeof type);
        (void)fprintf(out, "%7s%u  %-28s %12llu %10lld  %d to %d\n", "%", v, type,
                      (unsigned long long)p->offsets[v], (long long)cnn_bytes(&value->type),
                      value->producer, value->last_use);
    }
}

void cnn_plan_print(const cnn_placement *placement, const cnn_stack *stack, FILE *out)
{
    for (uint32_t i = 0; i < placement->n_parts; i++) {
        const cnn_program *p = &placement->parts[i].program;
        (void)fprintf(out, "part %u on %s\n", i, stack->items[placement->parts[i].opened].name);
        print_temporaries(p, out);
        (void)fprintf(out, "inputs %llu, states %llu, outputs %llu, arena %llu bytes for %llu\n",
                      (unsigned long long)bytes_of(p, CNN_VALUE_INPUT),
                      (unsigned long long)bytes_of(p, CNN_VALUE_STATE),
                      (unsigned long long)bytes_of(p, CNN_VALUE_OUTPUT),
                      (unsigned long long)p->arena_bytes,
                      (unsigned long long)bytes_of(p, CNN_VALUE_TEMP));
    }
}
