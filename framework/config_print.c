/* The configuration as YAML that means the same, defaults written out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "params.h"

static void print_use(const cnn_use *use, FILE *out)
{
    const cnn_component *c = use->component;
    if (c->params.count == 0) {
        (void)fprintf(out, "%s", c->name);
        return;
    }
    (void)fprintf(out, "{%s: {", c->name);
    cnn_params_print(&c->params, use->params, true, out);
    (void)fprintf(out, "}}");
}

static void print_uses(const char *key, const cnn_uses *uses, FILE *out)
{
    (void)fprintf(out, "  %s: [", key);
    for (uint32_t i = 0; i < uses->count; i++) {
        (void)fprintf(out, "%s", i > 0 ? ", " : "");
        print_use(&uses->items[i], out);
    }
    (void)fprintf(out, "]\n");
}

/* One line per option, indented. */
static void print_table(const cnn_table *table, const void *values, int indent, FILE *out)
{
    for (uint32_t i = 0; i < table->count; i++) {
        char *line = NULL;
        size_t size = 0;
        cnn_table one = { cnn_table_at(table, i), 1, table->stride };
        FILE *memory = open_memstream(&line, &size);
        if (memory == NULL)
            return;
        cnn_params_print(&one, values, true, memory);
        (void)fclose(memory);
        if (size > 0)
            (void)fprintf(out, "%*s%s\n", indent, "", line);
        free(line);
    }
}

static void print_data(const cnn_data_config *data, FILE *out)
{
    if (data->source.component == NULL)
        return;
    (void)fprintf(out, "data:\n  source: ");
    print_use(&data->source, out);
    (void)fprintf(out, "\n");
    print_uses("transform", &data->transform, out);
    print_uses("augment", &data->augment, out);
    if (data->degrade.count > 0)
        print_uses("degrade", &data->degrade, out);
    if (data->target_transform.count > 0)
        print_uses("target_transform", &data->target_transform, out);
    print_table(cnn_config_data_table(), data, 2, out);
}

/* Models and blocks are printed as they were written: their formulas need the shapes. */
static void print_written(const cnn_doc *doc, const char *key, FILE *out)
{
    cnn_doc *value = cnn_doc_get(doc, key), name = { .text = key };
    if (value == NULL)
        return;
    cnn_doc *names[] = { &name };
    const cnn_doc section = { .kind = CNN_DOC_MAP, .count = 1, .keys = names, .items = &value };
    cnn_doc_print(&section, false, out);
}

static void print_train(const cnn_train_config *train, FILE *out)
{
    if (train->loss.component == NULL || train->optimizer.component == NULL)
        return;
    (void)fprintf(out, "train:\n  loss: ");
    print_use(&train->loss, out);
    (void)fprintf(out, "\n  optimizer: ");
    print_use(&train->optimizer, out);
    (void)fprintf(out, "\n");
    if (train->schedule.count > 0)
        print_uses("schedule", &train->schedule, out);
    print_table(cnn_config_table("train"), train, 2, out);
}

static void print_expect(const cnn_expect_config *expect, FILE *out)
{
    cnn_expect_config shown = *expect;
    if (!expect->present)
        return;
    if (isnan(shown.accuracy))
        shown.accuracy = -1;
    if (isnan(shown.loss))
        shown.loss = -1;
    (void)fprintf(out, "expect:\n");
    print_table(cnn_config_table("expect"), &shown, 2, out);
    if (expect->output != NULL) {
        char *text = NULL;
        size_t size = 0;
        FILE *memory = open_memstream(&text, &size);
        if (memory == NULL)
            return;
        cnn_doc_print(expect->output, false, memory);
        (void)fclose(memory);
        (void)fprintf(out, "  output:\n");
        for (char *line = text, *end; line != NULL && *line != '\0'; line = end) {
            end = strchr(line, '\n');
            int n = end != NULL ? (int)(end - line) : (int)strlen(line);
            (void)fprintf(out, "    %.*s\n", n, line);
            end = end != NULL ? end + 1 : line + n;
        }
        free(text);
    }
}

static void print_steps(const uint32_t *steps, FILE *out)
{
    (void)fprintf(out, "steps: [");
    for (uint32_t i = 0; steps[i] != 0; i++)
        (void)fprintf(out, "%s%s", i > 0 ? ", " : "",
                      steps[i] == CNN_STEP_TRAIN ? "train" : "test");
    (void)fprintf(out, "]\n");
}

void cnn_config_print(const cnn_config *config, FILE *out)
{
    const cnn_config_top top = { 1, config->name, config->backend, config->forbid_fallback };
    print_table(cnn_config_table("top"), &top, 0, out);
    print_data(&config->data, out);
    print_written(config->doc, "blocks", out);
    print_written(config->doc, "model", out);
    print_train(&config->train, out);
    (void)fprintf(out, "test:\n");
    print_uses("metrics", &config->test.metrics, out);
    print_table(cnn_config_table("test"), &config->test, 2, out);
    (void)fprintf(out, "output:\n");
    print_table(cnn_config_table("output"), &config->output, 2, out);
    (void)fprintf(out, "  checkpoint:\n");
    print_table(cnn_config_table("checkpoint"), &config->output, 4, out);
    print_uses("report", &config->output.report, out);
    print_steps(config->steps, out);
    print_expect(&config->expect, out);
}
