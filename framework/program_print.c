/* The program as text: externals, then the nodes by phase. */
#include <string.h>

#include "program.h"

static const char *phase_name(uint32_t phase)
{
    static const char *const names[] = { "", "forward", "loss", "backward", "update" };
    return phase < sizeof names / sizeof names[0] ? names[phase] : "";
}

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = { "", "input", "state", "const", "temp", "output" };
    return kind < sizeof names / sizeof names[0] ? names[kind] : "";
}

static void print_leaves(const cnn_program *p, FILE *out)
{
    char type[128];
    for (uint32_t v = 0; v < p->n_values; v++) {
        const cnn_value_info *value = cnn_value_at(p, (int32_t)v);
        if (value->producer >= 0)
            continue;
        cnn_type_text(&value->type, true, type, sizeof type);
        (void)fprintf(out, "%%%u = %s %s : %s%s\n", v, kind_name(value->kind), value->name, type,
                      value->trained != 0 ? " trained" : "");
    }
}

void cnn_program_print(const cnn_step *step, FILE *out)
{
    const cnn_program *p = &step->program;
    static const char *const modes[] = { "", "train", "eval", "predict" };
    const char *layer = "";
    uint32_t phase = 0;
    (void)fprintf(out, "program %s, batch %lld, %u values, %u nodes\n", modes[p->mode],
                  (long long)p->batch, p->n_values, p->n_nodes);
    print_leaves(p, out);
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const cnn_node *node = cnn_node_at(p, n);
        if (node->phase != phase)
            (void)fprintf(out, "\n%s\n", phase_name(node->phase));
        if (node->phase != phase || strcmp(layer, node->layer) != 0)
            (void)fprintf(out, "# %s\n", node->layer);
        phase = node->phase;
        layer = node->layer;
        cnn_node_print(node, p->values, p->value_stride, out);
        (void)fputc('\n', out);
    }
    (void)fprintf(out, "\n");
    for (uint32_t i = 0; i < p->n_externals; i++)
        if (cnn_value_at(p, p->externals[i])->kind == CNN_VALUE_OUTPUT)
            (void)fprintf(out, "output %%%d\n", p->externals[i]);
}
