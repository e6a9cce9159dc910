/* terminal: the run as lines of text, with a progress line where somebody watches.
 *
 * This observer is the one plugin that owns standard output. Lines that stay are the same on a
 * terminal and in a file; only the progress line differs. */
#define _POSIX_C_SOURCE 200809L
#include <cnnrun/plugin.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

typedef struct terminal_params {
    int32_t progress;
} terminal_params;

enum { PROGRESS_AUTO, PROGRESS_ON, PROGRESS_OFF };

enum {
    BAR_CELLS = 24,
    MAX_TABLE = 32, /* classes of a table that still fits a screen */
};

static const double redraw_seconds = 0.1;

struct cnn_observer_state {
    char *dir;        /* of the run, "" if nothing is written */
    char *checkpoint; /* the last one, or NULL */
    bool progress;    /* draw the progress line */
    bool drawn;       /* it is on the screen now */
    double drawn_at;  /* seconds of the monotonic clock */
};

static const cnn_param params[] = {
    { CNN_FIELD(terminal_params, progress, CHOICE), .def = "auto", .choices = "auto|on|off",
      .help = "draw a progress line; auto: where standard output is a terminal" },
};

static double now(void)
{
    struct timespec t = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- the progress line */

static void erase(cnn_observer_state *s)
{
    if (s->drawn)
        fputs("\r\033[K", stdout);
    s->drawn = false;
}

/* "12s", "3:05", "2:10:00" */
static const char *duration(double seconds, char *out, size_t size)
{
    int64_t s = seconds > 0 && seconds < 1e9 ? (int64_t)(seconds + 0.5) : 0;
    if (s < 60)
        (void)snprintf(out, size, "%" PRId64 "s", s);
    else if (s < 3600)
        (void)snprintf(out, size, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
    else
        (void)snprintf(out, size, "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60,
                       s % 60);
    return out;
}

static size_t screen_width(void)
{
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1)
        return w.ws_col - 1u;
    return 79;
}

/* "[=======>      ] 450/938" */
static void bar(const cnn_event *e, char *out, size_t size)
{
    char cells[BAR_CELLS + 1];
    int full = e->batches > 0 ? (int)(e->batch * BAR_CELLS / e->batches) : 0;
    for (int i = 0; i < BAR_CELLS; i++)
        cells[i] = i < full ? '=' : i == full ? '>' : ' ';
    cells[BAR_CELLS] = '\0';
    (void)snprintf(out, size, "[%s] %" PRId64 "/%" PRId64, cells, e->batch, e->batches);
}

/* Batches that are still to come: in this pass, and in training also in the epochs after it. */
static double batches_left(const cnn_event *e)
{
    double left = (double)(e->batches - e->batch);
    if (e->kind == CNN_EVENT_STEP && e->epochs > e->epoch)
        left += (double)(e->epochs - e->epoch) * (double)e->batches;
    return left;
}

static void draw(cnn_observer_state *s, const cnn_event *e)
{
    char cells[BAR_CELLS + 64], title[64], left[32], line[256];
    double t = now();
    if (!s->progress || (s->drawn && t - s->drawn_at < redraw_seconds))
        return;
    if (e->kind == CNN_EVENT_STEP)
        (void)snprintf(title, sizeof title, "epoch %" PRId64 "/%" PRId64, e->epoch, e->epochs);
    else
        (void)snprintf(title, sizeof title, "%s", e->split != NULL ? e->split : "test");
    bar(e, cells, sizeof cells);
    int n = snprintf(line, sizeof line, "%s %s", title, cells);
    if (n > 0 && e->seconds > 0 && e->batch > 0)
        n += snprintf(line + n, sizeof line - (size_t)n, "  %.0f img/s  %s left",
                      (double)e->samples / e->seconds,
                      duration(batches_left(e) * e->seconds / (double)e->batch, left, sizeof left));
    if (n > 0 && e->kind == CNN_EVENT_STEP && isfinite(e->loss))
        (void)snprintf(line + n, sizeof line - (size_t)n, "  loss %.3f", e->loss);
    fprintf(stdout, "\r%.*s\033[K", (int)screen_width(), line);
    s->drawn = true;
    s->drawn_at = t;
}

/* ---- lines that stay */

static void run_begin(const cnn_event *e)
{
    printf("%s on %s", e->pipeline != NULL ? e->pipeline : "pipeline",
           e->backend != NULL ? e->backend : "an unnamed backend");
    if (e->epochs > 0)
        printf(": %" PRId64 " epoch%s of %" PRId64 " batch%s", e->epochs, e->epochs == 1 ? "" : "s",
               e->batches, e->batches == 1 ? "" : "es");
    putchar('\n');
}

static void epoch_end(const cnn_event *e)
{
    char took[32];
    printf("epoch %" PRId64 "/%" PRId64 ": loss %.4f in %s", e->epoch, e->epochs, e->loss,
           duration(e->seconds, took, sizeof took));
    if (e->seconds > 0)
        printf(", %.0f img/s", (double)e->samples / e->seconds);
    putchar('\n');
}

/* Characters of UTF-8 text. */
static int length(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static const char *class_name(const cnn_event *e, int64_t i, char *number, size_t size)
{
    if (e->class_names != NULL && i < e->classes)
        return e->class_names[i];
    (void)snprintf(number, size, "%" PRId64, i);
    return number;
}

static void counts(const cnn_event *e, const cnn_metric_value *m)
{
    char number[24];
    int64_t rows = m->type.dim[0], columns = m->type.dim[1];
    int label = 1, cell = 4;
    if (rows > MAX_TABLE || columns > MAX_TABLE) {
        printf("%s: a table of %" PRId64 " x %" PRId64 ", too large to show here\n", m->name, rows,
               columns);
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        int n = length(class_name(e, i, number, sizeof number));
        label = n > label ? n : label;
    }
    for (int64_t i = 0; i < rows * columns; i++) {
        int n = snprintf(number, sizeof number, "%.0f", m->values[i]);
        cell = n > cell ? n : cell;
    }
    printf("%s (rows: truth, columns: prediction)\n%*s", m->name, label + 2, "");
    for (int64_t k = 0; k < columns; k++)
        printf(" %*" PRId64, cell, k);
    putchar('\n');
    for (int64_t i = 0; i < rows; i++) {
        const char *name = class_name(e, i, number, sizeof number);
        printf("  %s%*s", name, label - length(name), "");
        for (int64_t k = 0; k < columns; k++)
            printf(" %*.0f", cell, m->values[i * columns + k]);
        putchar('\n');
    }
}

static void metric(const cnn_event *e, const cnn_metric_value *m)
{
    const char *split = e->split != NULL ? e->split : "test";
    if (m->kind == CNN_METRIC_COUNTS && m->type.rank == 2)
        counts(e, m);
    else if (m->type.rank != 0)
        printf("%s on %s set: %" PRId64 " numbers\n", m->name, split, cnn_count(&m->type));
    else if (strcmp(m->name, "accuracy") == 0)
        printf("Accuracy on %s set:%.2f%%\n", split, 100 * m->values[0]);
    else if (m->kind == CNN_METRIC_PERCENT)
        printf("%s on %s set: %.2f%%\n", m->name, split, 100 * m->values[0]);
    else
        printf("%s on %s set: %.6g\n", m->name, split, m->values[0]);
}

static void eval_end(const cnn_event *e)
{
    if (isfinite(e->loss))
        printf("Loss on %s set:%.4f\n", e->split != NULL ? e->split : "test", e->loss);
    for (uint32_t i = 0; i < e->n_metrics; i++)
        metric(e, &e->metrics[i]);
}

static void run_end(const cnn_observer_state *s, const cnn_event *e)
{
    char took[32];
    static const char *const ways[] = { [CNN_OK] = "Done", [CNN_INTERRUPTED] = "Interrupted" };
    const char *way = e->status < sizeof ways / sizeof ways[0] ? ways[e->status] : NULL;
    printf("%s after %s.", way != NULL ? way : "Stopped", duration(e->seconds, took, sizeof took));
    if (s->dir[0] != '\0')
        printf(" Results are in %s", s->dir);
    putchar('\n');
    if (s->checkpoint != NULL && e->status == CNN_OK)
        printf("Next: cnnrun predict %s IMAGE\n", s->dir);
}

/* ---- the observer */

static void terminal_close(cnn_observer_state *s)
{
    if (s == NULL)
        return;
    erase(s);
    (void)fflush(stdout);
    free(s->dir);
    free(s->checkpoint);
    free(s);
}

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *to = malloc(size);
    return to != NULL ? memcpy(to, text, size) : NULL;
}

static cnn_status terminal_open(const cnn_host *host, const void *params_, const char *dir,
                                cnn_observer_state **out, cnn_error *err)
{
    const terminal_params *p = params_;
    (void)host;
    cnn_observer_state *s = calloc(1, sizeof *s);
    if (s != NULL)
        s->dir = copy(dir);
    if (s == NULL || s->dir == NULL) {
        free(s);
        return cnn_fail(err, CNN_MEMORY, "not enough memory for the terminal observer");
    }
    s->progress =
        p->progress == PROGRESS_ON || (p->progress == PROGRESS_AUTO && isatty(STDOUT_FILENO) == 1);
    *out = s;
    return CNN_OK;
}

static void remember(cnn_observer_state *s, const char *path)
{
    free(s->checkpoint);
    s->checkpoint = path != NULL ? copy(path) : NULL;
}

static cnn_status terminal_event(cnn_observer_state *s, const cnn_event *e, cnn_error *err)
{
    if (e->kind == CNN_EVENT_STEP || e->kind == CNN_EVENT_EVAL_STEP)
        draw(s, e);
    else
        erase(s);
    switch (e->kind) {
    case CNN_EVENT_RUN_BEGIN:
        run_begin(e);
        break;
    case CNN_EVENT_LOG:
        printf("[%" PRId64 ", %5" PRId64 "] loss:%.3f\n", e->epoch, e->batch, e->loss);
        break;
    case CNN_EVENT_EPOCH_END:
        epoch_end(e);
        break;
    case CNN_EVENT_EVAL_END:
        eval_end(e);
        break;
    case CNN_EVENT_CHECKPOINT:
        remember(s, e->path);
        break;
    case CNN_EVENT_RUN_END:
        run_end(s, e);
        break;
    default:
        break;
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        return cnn_fail(err, CNN_IO, "cannot write to standard output: %s", strerror(errno));
    return CNN_OK;
}

static const cnn_observer observers[] = {
    { .c = CNN_COMPONENT(cnn_observer, "terminal", sizeof(terminal_params), CNN_TABLE(params),
                         "The run as lines of text, with a progress line on a terminal.",
                         "report: [terminal]"),
      .open = terminal_open,
      .close = terminal_close,
      .on_event = terminal_event },
};

CNN_PLUGIN(.name = "terminal", .version = "0.1.0", .license = "MIT",
           .summary = "Shows a run on the terminal", .observers = CNN_TABLE(observers));
