/* Placement and memory plan as text. Values and nodes have their numbers in the whole program. */
#include <string.h>

#include "place.h"

static const char *backend_name(const cnn_stack *stack, uint32_t opened)
{
    return stack->items[opened].name;
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

/* "part 1 on cpu: nodes 3 to 17" */
static void print_part(const cnn_placement *placement, uint32_t i, const cnn_stack *stack,
                       FILE *out)
{
    const cnn_part *part = &placement->parts[i];
    (void)fprintf(out, "part %u on %s: node", i, backend_name(stack, part->opened));
    if (part->end_node - part->first_node == 1)
        (void)fprintf(out, " %u\n", part->first_node);
    else
        (void)fprintf(out, "s %u to %u\n", part->first_node, part->end_node - 1);
}

/* ---- placement ---- */

/* What is copied before the part runs: values that another backend has made. */
static void print_crossings(const cnn_placement *placement, const cnn_part *part,
                            const cnn_stack *stack, FILE *out)
{
    char type[128];
    const cnn_program *p = &part->program;
    for (uint32_t i = 0; i < p->n_externals; i++) {
        int32_t whole = part->values[p->externals[i]];
        const cnn_value_info *value = cnn_value_at(&placement->step->program, whole);
        if (value->producer < 0 || value->producer >= (int32_t)part->first_node ||
            placement->node_backend[value->producer] == part->opened)
            continue;
        cnn_type_text(&value->type, true, type, sizeof type);
        (void)fprintf(out, "    takes %%%d : %s from %s\n", whole, type,
                      backend_name(stack, placement->node_backend[value->producer]));
    }
}

void cnn_placement_print(const cnn_placement *placement, const cnn_stack *stack, FILE *out)
{
    const cnn_program *p = &placement->step->program;
    for (uint32_t i = 0; i < placement->n_parts; i++) {
        print_part(placement, i, stack, out);
        print_crossings(placement, &placement->parts[i], stack, out);
    }
    for (uint32_t n = 0; n < p->n_nodes; n++)
        if (placement->reasons[n] != NULL)
            (void)fprintf(out, "node %u, layer %s, op %s runs on %s: %s\n", n,
                          cnn_node_at(p, n)->layer, cnn_node_at(p, n)->op->c.name,
                          backend_name(stack, placement->node_backend[n]), placement->reasons[n]);
    (void)fprintf(out, "%u fallback%s, %.1f%% of the multiply-adds\n", placement->n_fallbacks,
                  plural(placement->n_fallbacks), 100 * placement->fallback_share);
}

/* ---- plan ---- */

/* ", 3 inputs of 608 bytes" */
static bool print_sum(const cnn_program *p, uint32_t kind, const char *name, bool first, FILE *out)
{
    uint64_t bytes = 0;
    uint32_t n = 0;
    for (uint32_t v = 0; v < p->n_values; v++)
        if (cnn_value_at(p, (int32_t)v)->kind == kind) {
            bytes += (uint64_t)cnn_bytes(&cnn_value_at(p, (int32_t)v)->type);
            n++;
        }
    if (n > 0)
        (void)fprintf(out, "%s%u %s%s of %llu bytes", first ? "    " : ", ", n, name, plural(n),
                      (unsigned long long)bytes);
    return first && n == 0;
}

static void print_totals(const cnn_program *p, FILE *out)
{
    static const struct {
        uint32_t kind;
        const char *name;
    } kinds[] = { { CNN_VALUE_INPUT, "input" },
                  { CNN_VALUE_STATE, "state" },
                  { CNN_VALUE_CONST, "constant" },
                  { CNN_VALUE_OUTPUT, "output" },
                  { CNN_VALUE_TEMP, "temporary tensor" } };
    bool first = true;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        first = print_sum(p, kinds[i].kind, kinds[i].name, first, out);
    if (p->arena_bytes > 0)
        (void)fprintf(out, " in an arena of %llu", (unsigned long long)p->arena_bytes);
    (void)fputc('\n', out);
}

/* One line per temporary: where it lies, the nodes between which it lives, who makes it. */
static void print_temporaries(const cnn_part *part, FILE *out)
{
    char type[128];
    const cnn_program *p = &part->program;
    const int32_t first = (int32_t)part->first_node;
    for (uint32_t v = 0; v < p->n_values; v++) {
        const cnn_value_info *value = cnn_value_at(p, (int32_t)v);
        if (value->kind != CNN_VALUE_TEMP)
            continue;
        int32_t last = value->last_use > value->producer ? value->last_use : value->producer;
        cnn_type_text(&value->type, true, type, sizeof type);
        (void)fprintf(out, "%10llu %10lld %5d - %-5d %%%d : %s  %s\n",
                      (unsigned long long)p->offsets[v], (long long)cnn_bytes(&value->type),
                      first + value->producer, first + last, part->values[v], type,
                      cnn_node_at(p, (uint32_t)value->producer)->layer);
    }
}

void cnn_plan_print(const cnn_placement *placement, const cnn_stack *stack, FILE *out)
{
    for (uint32_t i = 0; i < placement->n_parts; i++) {
        const cnn_program *p = &placement->parts[i].program;
        print_part(placement, i, stack, out);
        if (p->arena_bytes > 0)
            (void)fprintf(out, "%10s %10s %13s value\n", "offset", "bytes", "nodes   ");
        print_temporaries(&placement->parts[i], out);
        print_totals(p, out);
    }
}
