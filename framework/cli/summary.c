/* summary: what each layer is, gives and costs, for one sample, without computing anything. */
#include <inttypes.h>
#include <string.h>

#include <cnnrun/ops.h>

#include "base/text.h"
#include "cli/summary.h"
#include "program.h"

/* How much of the input one element of a value sees, and how far apart neighbours look, in pixels.
 * Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", 2019. */
typedef struct field {
    double size[2], jump[2];
    bool whole; /* every element sees the whole input */
} field;

static void widen(field *f, const int64_t kernel[2], const int64_t stride[2],
                  const int64_t dilation[2])
{
    for (int i = 0; i < 2; i++) {
        f->size[i] += (double)((kernel[i] - 1) * dilation[i]) * f->jump[i];
        f->jump[i] *= (double)stride[i];
    }
}

/* An element of a join sees what its largest branch sees. */
static field union_of_inputs(const cnn_node *node, const field *fields)
{
    field f = { { 0, 0 }, { 0, 0 }, false };
    for (uint32_t i = 0; i < node->n_in; i++) {
        const field *in = &fields[node->in[i]];
        f.whole = f.whole || in->whole;
        for (int k = 0; k < 2; k++) {
            f.size[k] = in->size[k] > f.size[k] ? in->size[k] : f.size[k];
            f.jump[k] = in->jump[k] > f.jump[k] ? in->jump[k] : f.jump[k];
        }
    }
    return f;
}

static bool is_op(const cnn_node *node, const char *name)
{
    return strcmp(node->op->c.name, name) == 0;
}

static field field_of(const cnn_node *node, const cnn_graph *g, const field *fields)
{
    field f = union_of_inputs(node, fields);
    if (is_op(node, "conv2d")) {
        const cnn_conv2d_attrs *a = node->attrs;
        widen(&f, &g->values[node->in[1]].type.dim[2], a->stride, a->dilation);
    } else if (is_op(node, "max_pool2d") || is_op(node, "avg_pool2d")) {
        const cnn_pool2d_attrs *a = node->attrs;
        f.whole = f.whole || a->adaptive[0] > 0;
        widen(&f, a->kernel, a->stride, a->dilation);
    } else if (is_op(node, "matmul") || is_op(node, "reduce") || is_op(node, "batch_norm")) {
        f.whole = true;
    } else if (is_op(node, "conv2d_input_grad")) {
        const cnn_conv2d_attrs *a = node->attrs;
        for (int k = 0; k < 2; k++)
            f.jump[k] /= (double)a->stride[k];
    }
    return f;
}

static field *find_fields(const cnn_graph *g, cnn_arena *arena)
{
    field *fields = CNN_NEW_ARRAY(arena, field, g->n_values);
    fields[g->input] = (field){ { 1, 1 }, { 1, 1 }, false };
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const cnn_node *node = &g->nodes[n];
        for (uint32_t i = 0; i < node->n_out; i++)
            fields[node->out[i]] = field_of(node, g, fields);
    }
    return fields;
}

static void field_text(const field *f, char *out, size_t size)
{
    if (f->whole)
        (void)snprintf(out, size, "all");
    else
        (void)snprintf(out, size, "%.0fx%.0f", f->size[0], f->size[1]);
}

const char *summary_grouped(double number, char *out, size_t size)
{
    char digits[40];
    int n = snprintf(digits, sizeof digits, "%.0f", number);
    size_t used = 0;
    for (int i = 0; i < n && used + 2 < size; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

typedef struct row {
    const cnn_layer_record *layer;
    char shape[96], field[32];
    double params, macs, bytes;
} row;

static row row_of(const cnn_graph *g, const cnn_layer_record *layer, const field *fields)
{
    row r = { .layer = layer, .params = (double)layer->params };
    const cnn_value_info *out = &g->values[layer->out];
    cnn_shape_text(&out->type, out->batched != 0, r.shape, sizeof r.shape);
    field_text(&fields[layer->out], r.field, sizeof r.field);
    r.macs = cnn_graph_macs(g, layer->first_node, layer->end_node);
    r.bytes = (double)cnn_bytes(&out->type);
    return r;
}

static void print_row(const row *r, int width)
{
    char params[40], macs[40], bytes[40];
    (void)printf("%-*s  %14s  %12s  %15s  %13s  %9s\n", width, r->layer->path, r->shape,
                 summary_grouped(r->params, params, sizeof params),
                 summary_grouped(r->macs, macs, sizeof macs),
                 summary_grouped(r->bytes, bytes, sizeof bytes), r->field);
}

static void print_table(const cnn_graph *g, const field *fields)
{
    char shape[96], params[40], macs[40], bytes[40];
    double all_bytes = 0;
    int width = 12;
    for (uint32_t i = 0; i < g->n_layers; i++)
        if ((int)strlen(g->layers[i].path) > width)
            width = (int)strlen(g->layers[i].path);
    (void)printf("%-*s  %14s  %12s  %15s  %13s  %9s\n", width, "layer", "output", "params",
                 "multiply-adds", "bytes", "sees");
    const cnn_value_info *in = &g->values[g->input];
    cnn_shape_text(&in->type, in->batched != 0, shape, sizeof shape);
    (void)printf("%-*s  %14s\n", width, "input", shape);
    for (uint32_t i = 0; i < g->n_layers; i++) {
        row r = row_of(g, &g->layers[i], fields);
        all_bytes += r.bytes;
        print_row(&r, width);
    }
    (void)printf("%-*s  %14s  %12s  %15s  %13s\n", width, "total", "",
                 summary_grouped((double)cnn_graph_params(g), params, sizeof params),
                 summary_grouped(cnn_graph_macs(g, 0, g->n_nodes), macs, sizeof macs),
                 summary_grouped(all_bytes, bytes, sizeof bytes));
    (void)printf("\nfor one sample; bytes are the layers' outputs; sees: how many input pixels one "
                 "output element depends on\n");
}

static void print_json(const cnn_graph *g, const field *fields)
{
    cnn_text out = { 0 };
    cnn_text_add(&out, "{\"params\": %" PRId64 ", \"macs\": %.0f, \"layers\": [",
                 cnn_graph_params(g), cnn_graph_macs(g, 0, g->n_nodes));
    for (uint32_t i = 0; i < g->n_layers; i++) {
        row r = row_of(g, &g->layers[i], fields);
        cnn_text_add(&out, "%s\n  {\"layer\": ", i > 0 ? "," : "");
        cnn_text_add_json(&out, r.layer->path);
        cnn_text_add(&out, ", \"type\": ");
        cnn_text_add_json(&out, r.layer->type);
        cnn_text_add(&out, ", \"output\": ");
        cnn_text_add_json(&out, r.shape);
        cnn_text_add(&out,
                     ", \"params\": %.0f, \"macs\": %.0f, \"bytes\": %.0f, \"receptive_field\": ",
                     r.params, r.macs, r.bytes);
        cnn_text_add_json(&out, r.field);
        cnn_text_add(&out, "}");
    }
    (void)printf("%s]}\n", cnn_text_get(&out));
    cnn_text_free(&out);
}

cnn_status summary_graph(cnn_context *context, cnn_graph **graph)
{
    cnn_data_shape shape;
    cnn_status status = cnn_context_config(context);
    if (status == CNN_OK)
        status = cnn_context_shape(context, &shape);
    if (status != CNN_OK)
        return status;
    *graph = cnn_graph_create(&context->registry, &shape, CNN_PREDICT, 1, context->arena,
                              &context->diags);
    return cnn_graph_build(*graph, context->config) ? CNN_OK : CNN_INVALID;
}

static cnn_status summary(cnn_context *context)
{
    cnn_graph *graph;
    if (context->command.n_arguments > 1)
        return summary_pair(context);
    cnn_status status = summary_graph(context, &graph);
    if (status != CNN_OK)
        return status;
    const field *fields = find_fields(graph, context->arena);
    if (cnn_command_option(&context->command, "json") != NULL)
        print_json(graph, fields);
    else
        print_table(graph, fields);
    return CNN_OK;
}

static const cnn_option options[] = {
    { "json", NULL, "as JSON" },
    { NULL, NULL, NULL },
};

const cnn_verb cnn_verb_summary = {
    .name = "summary",
    .arguments = "PIPELINE [PIPELINE] [PATH=VALUE ...]",
    .summary = "what each layer gives and costs: shape, params, multiply-adds, bytes",
    .details =
        "Of two pipelines, both stand side by side, and below them how many times the second the\n"
        "first is. PATH=VALUE changes both.",
    .options = options,
    .min_arguments = 1,
    .max_arguments = 2,
    .run = summary,
};
