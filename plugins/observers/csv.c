/* csv: metrics.csv in the run's folder, one number a row: epoch, step, split, metric, value. Tables
 * such as a confusion matrix are left to the other logs. */
#define _POSIX_C_SOURCE 200809L
#include "lines.h"

/* Quoted where a comma, a quote or a line's end would break the row. */
static void cell(FILE *f, const char *s)
{
    if (strpbrk(s, ",\"\r\n") == NULL) {
        fputs(s, f);
        return;
    }
    putc('"', f);
    for (; *s != '\0'; s++)
        fprintf(f, *s == '"' ? "\"%c" : "%c", *s);
    putc('"', f);
}

static void row(FILE *f, const cnn_event *e, const char *split, const char *metric, double value)
{
    fprintf(f, "%" PRId64 ",%" PRId64 ",", e->epoch, e->step);
    cell(f, split);
    putc(',', f);
    cell(f, metric);
    fprintf(f, ",%.9g\n", value);
}

static void print(const cnn_event *e, FILE *f)
{
    const char *split = e->split != NULL ? e->split : "test";
    if (e->kind == CNN_EVENT_LOG) {
        row(f, e, "train", "loss", e->loss);
        row(f, e, "train", "lr", e->lr);
    } else if (e->kind == CNN_EVENT_EPOCH_END) {
        row(f, e, "train", "epoch_loss", e->loss);
        row(f, e, "train", "epoch_seconds", e->seconds);
    } else if (e->kind == CNN_EVENT_EVAL_END) {
        row(f, e, split, "loss", e->loss);
        for (uint32_t i = 0; i < e->n_metrics; i++)
            if (e->metrics[i].type.rank == 0)
                row(f, e, split, e->metrics[i].name, e->metrics[i].values[0]);
    }
}

static cnn_status csv_open(const cnn_host *host, const void *params, const char *dir,
                           cnn_observer_state **out, cnn_error *err)
{
    static const char head[] = "epoch,step,split,metric,value\n";
    (void)host;
    (void)params;
    cnn_status status = lines_open(dir, "metrics.csv", out, err);
    if (status == CNN_OK && (*out)->empty)
        status = lines_add(*out, head, sizeof head - 1, err);
    if (status != CNN_OK && *out != NULL) {
        lines_close(*out);
        *out = NULL;
    }
    return status;
}

static cnn_status csv_event(cnn_observer_state *s, const cnn_event *e, cnn_error *err)
{
    return lines_print(s, e, print, err);
}

static const cnn_observer observers[] = {
    { .c = CNN_COMPONENT(cnn_observer, "csv", 0, CNN_NO_PARAMS,
                         "metrics.csv in the run's folder: losses and metrics, one a row.",
                         "report: [terminal, csv]"),
      .open = csv_open,
      .close = lines_close,
      .on_event = csv_event },
};

CNN_PLUGIN(.name = "csv", .version = "0.1.0", .license = "MIT",
           .summary = "Writes a run's numbers as CSV", .observers = CNN_TABLE(observers));
