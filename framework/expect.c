/* expect: what a pipeline says about itself, compared with what came out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "params.h"
#include "run_internal.h"

static void differ(FILE *out, bool *met, const char *what, double got, const char *relation,
                   double want)
{
    (void)fprintf(out, "expect: %s is %.10g, but should be %s%.10g\n", what, got, relation, want);
    *met = false;
}

/* Trained numbers and multiply-adds of one sample's forward pass. */
static void check_size(const cnn_expect_config *expect, const cnn_graph *graph, FILE *out,
                       bool *met)
{
    double params = (double)cnn_graph_params(graph);
    double macs = cnn_graph_macs(graph, 0, graph->n_nodes);
    if (expect->params >= 0 && params != (double)expect->params)
        differ(out, met, "the number of parameters", params, "", (double)expect->params);
    if (expect->macs >= 0 && macs != (double)expect->macs)
        differ(out, met, "the number of multiply-adds", macs, "", (double)expect->macs);
}

/* Loss and accuracy of the last test; tests first if nothing was tested. */
static cnn_status check_quality(cnn_run *run, FILE *out, bool *met, cnn_error *err)
{
    const cnn_expect_config *expect = &run->config->expect;
    if (isnan(expect->accuracy) && isnan(expect->loss))
        return CNN_OK;
    if (!run->result.present) {
        cnn_status status = cnn_run_test(run, cnn_run_test_split(run), err);
        if (status != CNN_OK)
            return status;
    }
    double accuracy = NAN;
    for (uint32_t i = 0; i < run->result.n_metrics; i++)
        if (strcmp(run->result.metrics[i].name, "accuracy") == 0)
            accuracy = 100 * run->result.metrics[i].values[0];
    if (!isnan(expect->accuracy) && !(accuracy >= expect->accuracy))
        differ(out, met, "the accuracy", accuracy, "at least ", expect->accuracy);
    if (!isnan(expect->loss) && !(run->result.loss <= expect->loss))
        differ(out, met, "the loss", run->result.loss, "at most ", expect->loss);
    return CNN_OK;
}

/* Does `shape` name the type, with or without the batch axis? */
static bool shape_fits(const cnn_ints *shape, const cnn_type *type)
{
    uint32_t skip = type->rank > shape->count ? type->rank - shape->count : 0;
    if (skip + shape->count != type->rank || (skip > 0 && cnn_span(type, 0, skip) != 1))
        return skip == 1 && shape->count + 1 == type->rank &&
               memcmp(shape->v, type->dim + 1, shape->count * sizeof *shape->v) == 0;
    return memcmp(shape->v, type->dim + skip, shape->count * sizeof *shape->v) == 0;
}

static void check_shape(const cnn_expect_config *expect, const cnn_type *type, FILE *out, bool *met)
{
    char got[96];
    if (expect->shape.count == 0 || shape_fits(&expect->shape, type))
        return;
    cnn_type_text(type, false, got, sizeof got);
    (void)fprintf(out, "expect: the output's shape is %s, but should be [", got);
    for (uint32_t i = 0; i < expect->shape.count; i++)
        (void)fprintf(out, "%s%lld", i > 0 ? ", " : "", (long long)expect->shape.v[i]);
    (void)fprintf(out, "]\n");
    *met = false;
}

static void check_numbers(const cnn_expect_config *expect, const cnn_array *want,
                          const cnn_type *type, const float *got, FILE *out, bool *met)
{
    int64_t wrong = 0, first = 0, count = cnn_count(type);
    double largest = 0;
    if (cnn_count(&want->type) != count) {
        differ(out, met, "the number of output values", (double)count, "",
               (double)cnn_count(&want->type));
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        double error = fabs((double)got[i] - (double)want->v[i]);
        if (error <= expect->tolerance)
            continue;
        if (wrong++ == 0)
            first = i;
        largest = error > largest || isnan(error) ? error : largest;
    }
    if (wrong == 0)
        return;
    (void)fprintf(out,
                  "expect: %lld of %lld output values differ by more than %g (largest difference "
                  "%g); the first is number %lld: %.9g instead of %.9g\n",
                  (long long)wrong, (long long)count, expect->tolerance, largest, (long long)first,
                  (double)got[first], (double)want->v[first]);
    *met = false;
}

typedef struct expected {
    cnn_array output;
} expected;

/* The output for the first samples: as many as the expected values are for, all of them for a
 * small data set. */
static cnn_status check_output(cnn_run *run, FILE *out, bool *met, cnn_error *err)
{
    static const cnn_param table[] = {
        { CNN_FIELD(expected, output, ARRAY), .help = "expected values" },
    };
    static const cnn_table params = CNN_TABLE(table);
    const cnn_expect_config *expect = &run->config->expect;
    if (expect->output == NULL)
        return CNN_OK;
    cnn_type type;
    float *got;
    uint32_t split = cnn_run_test_split(run);
    int64_t count = cnn_data_count(run->data, split);
    count = count < run->config->train.batch ? count : run->config->train.batch;
    cnn_status status = cnn_run_predict(run, split, 0, count, &type, &got, NULL, err);
    if (status != CNN_OK)
        return status;
    const expected *want = cnn_params_read("expect", &params, sizeof(expected), expect->output,
                                           expect->output->place, NULL, run->arena, run->diags);
    if (want != NULL)
        check_numbers(expect, &want->output, &type, got, out, met);
    else
        status = cnn_fail(err, CNN_INVALID, "%s", "");
    free(got);
    return status;
}

cnn_status cnn_expect_model(const cnn_config *config, cnn_registry *registry,
                            const cnn_data_shape *data, cnn_arena *arena, cnn_diags *diags,
                            FILE *out, bool *met)
{
    const cnn_expect_config *expect = &config->expect;
    *met = true;
    if (expect->params < 0 && expect->macs < 0 && expect->shape.count == 0)
        return CNN_OK;
    cnn_step *step = cnn_step_build(config, registry, data, CNN_PREDICT, 1, arena, diags);
    if (step == NULL)
        return CNN_INVALID;
    cnn_type type = cnn_value_at(&step->program, step->output)->type;
    if (expect->shape.count == type.rank)
        type.dim[0] = expect->shape.v[0]; /* a batch of any size */
    check_size(expect, step->graph, out, met);
    check_shape(expect, &type, out, met);
    return CNN_OK;
}

cnn_status cnn_run_expect(cnn_run *run, FILE *out, bool *met, cnn_error *err)
{
    *met = true;
    if (!run->config->expect.present)
        return CNN_OK;
    cnn_status status = cnn_expect_model(run->config, run->registry, cnn_data_shape_of(run->data),
                                         run->arena, run->diags, out, met);
    if (status != CNN_OK)
        return cnn_fail(err, status, "%s", "");
    status = check_output(run, out, met, err);
    if (status == CNN_OK)
        status = check_quality(run, out, met, err);
    return status;
}
