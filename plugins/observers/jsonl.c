/* jsonl: log.jsonl in the run's folder, one JSON object a line for each event but single steps. */
#define _POSIX_C_SOURCE 200809L
#include "lines.h"

/* JSON knows no NaN and no infinity. */
static void number(FILE *f, double v)
{
    if (isfinite(v))
        fprintf(f, "%.9g", v);
    else
        fputs("null", f);
}

static void text(FILE *f, const char *s)
{
    putc('"', f);
    for (; s != NULL && *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            fprintf(f, "\\u%04x", (unsigned)(unsigned char)*s);
        else
            putc(*s, f);
    }
    putc('"', f);
}

/* Nested lists in the shape of the metric. */
static void values(FILE *f, const cnn_metric_value *m)
{
    int64_t count = cnn_count(&m->type);
    int64_t row = m->type.rank == 2 ? m->type.dim[1] : count;
    if (m->type.rank == 0) {
        number(f, m->values[0]);
        return;
    }
    fputs(m->type.rank == 2 ? "[[" : "[", f);
    for (int64_t i = 0; i < count; i++) {
        if (i > 0)
            fputs(i % row == 0 ? "],[" : ",", f);
        number(f, m->values[i]);
    }
    fputs(m->type.rank == 2 ? "]]" : "]", f);
}

enum { TEXT, INTEGER, NUMBER };

typedef struct field {
    const char *name;
    uint32_t events; /* bits 1 << kind: where it is written */
    uint32_t type;
    size_t offset;
} field;

#define ON(kind) (1u << CNN_EVENT_##kind)
#define FIELD(member, type, events)                        \
    {                                                      \
#member, events, type, offsetof(cnn_event, member) \
    }

static const field fields[] = {
    FIELD(pipeline, TEXT, ON(RUN_BEGIN)),
    FIELD(backend, TEXT, ON(RUN_BEGIN)),
    FIELD(epochs, INTEGER, ON(RUN_BEGIN)),
    FIELD(batches, INTEGER, ON(RUN_BEGIN)),
    FIELD(split, TEXT, ON(EVAL_END)),
    FIELD(epoch, INTEGER, ON(LOG) | ON(EPOCH_END) | ON(EVAL_END) | ON(CHECKPOINT)),
    FIELD(batch, INTEGER, ON(LOG)),
    FIELD(step, INTEGER, ON(LOG) | ON(EPOCH_END) | ON(EVAL_END) | ON(CHECKPOINT)),
    FIELD(samples, INTEGER, ON(LOG) | ON(EPOCH_END) | ON(EVAL_END)),
    FIELD(loss, NUMBER, ON(LOG) | ON(EPOCH_END) | ON(EVAL_END)),
    FIELD(lr, NUMBER, ON(LOG) | ON(EPOCH_END)),
    FIELD(seconds, NUMBER, ON(LOG) | ON(EPOCH_END) | ON(EVAL_END) | ON(RUN_END)),
    FIELD(path, TEXT, ON(CHECKPOINT)),
};

static const char *const event_names[] = {
    [CNN_EVENT_RUN_BEGIN] = "run_begin",   [CNN_EVENT_LOG] = "log",
    [CNN_EVENT_EPOCH_END] = "epoch_end",   [CNN_EVENT_EVAL_END] = "eval_end",
    [CNN_EVENT_CHECKPOINT] = "checkpoint", [CNN_EVENT_RUN_END] = "run_end",
};

static void write_field(FILE *f, const cnn_event *e, const field *field_)
{
    const char *at = (const char *)e + field_->offset;
    const char *t;
    int64_t i;
    double d;
    fprintf(f, ",\"%s\":", field_->name);
    if (field_->type == TEXT) {
        memcpy(&t, at, sizeof t);
        text(f, t);
    } else if (field_->type == INTEGER) {
        memcpy(&i, at, sizeof i);
        fprintf(f, "%" PRId64, i);
    } else {
        memcpy(&d, at, sizeof d);
        number(f, d);
    }
}

static const char *status_name(uint32_t status)
{
    static const char *const names[] = {
        [CNN_OK] = "ok",
        [CNN_DIVERGED] = "diverged",
        [CNN_INTERRUPTED] = "interrupted",
    };
    const char *name = status < sizeof names / sizeof names[0] ? names[status] : NULL;
    return name != NULL ? name : "failed";
}

static void print(const cnn_event *e, FILE *f)
{
    const size_t known = sizeof event_names / sizeof event_names[0];
    const char *name = e->kind < known ? event_names[e->kind] : NULL;
    if (name == NULL)
        return;
    fprintf(f, "{\"event\":\"%s\"", name);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].events >> e->kind & 1)
            write_field(f, e, &fields[i]);
    if (e->kind == CNN_EVENT_RUN_END)
        fprintf(f, ",\"status\":\"%s\"", status_name(e->status));
    for (uint32_t i = 0; e->kind == CNN_EVENT_EVAL_END && i < e->n_metrics; i++) {
        fputs(i == 0 ? ",\"metrics\":{" : ",", f);
        text(f, e->metrics[i].name);
        putc(':', f);
        values(f, &e->metrics[i]);
        if (i + 1 == e->n_metrics)
            putc('}', f);
    }
    fputs("}\n", f);
}

static cnn_status jsonl_open(const cnn_host *host, const void *params, const char *dir,
                             cnn_observer_state **out, cnn_error *err)
{
    (void)host;
    (void)params;
    return lines_open(dir, "log.jsonl", out, err);
}

static cnn_status jsonl_event(cnn_observer_state *s, const cnn_event *e, cnn_error *err)
{
    return lines_print(s, e, print, err);
}

static const cnn_observer observers[] = {
    { .c = CNN_COMPONENT(cnn_observer, "jsonl", 0, CNN_NO_PARAMS,
                         "log.jsonl in the run's folder: one JSON object a line.",
                         "report: [terminal, jsonl]"),
      .open = jsonl_open,
      .close = lines_close,
      .on_event = jsonl_event },
};

CNN_PLUGIN(.name = "jsonl", .version = "0.1.0", .license = "MIT",
           .summary = "Logs a run as JSON lines", .observers = CNN_TABLE(observers));
