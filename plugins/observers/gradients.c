/* gradients: how large the gradients of the weights are, layer by layer, while a network learns.
 * gradients.csv in the run's folder gets a row for each weight every so many steps; at the end a
 * table with a bar for each layer is said. */
#define _POSIX_C_SOURCE 200809L
#include "lines.h"

typedef struct gradients_params {
    int64_t every;
} gradients_params;

static const cnn_param params[] = {
    { CNN_FIELD(gradients_params, every, INT), .def = "10", .min = 1, .max = 1e9, .unit = "steps",
      .help = "report step 1 and every multiple of this" },
};

enum {
    NAME_CELLS = 26, /* of a layer's name in the table */
    BAR_CELLS = 26,  /* name, two numbers and the bar fit 80 columns behind "cnnrun: " */
};

/* A layer's norm: the root of the sum of its weights' squares. */
typedef struct layer {
    const char *name; /* lives as long as the run */
    double first, last;
} layer;

/* Of one observer; `layers` has room for one layer per weight and is the memory behind it. */
typedef struct own {
    const cnn_host *host;
    int64_t every;
    int64_t first_step, last_step; /* that were reported; 0: none */
    uint32_t n_layers, room;
    layer layers[];
} own;

/* ---- while it learns */

static own *own_of(const cnn_observer_state *s)
{
    return s->own;
}

static layer *layer_of(own *o, const char *name)
{
    for (uint32_t i = o->n_layers; i > 0; i--)
        if (strcmp(o->layers[i - 1].name, name) == 0)
            return &o->layers[i - 1];
    layer *fresh = &o->layers[o->n_layers++];
    *fresh = (layer){ name, 0, 0 };
    return fresh;
}

/* The number of weights is known with the first step. */
static cnn_status make_room(cnn_observer_state *s, uint32_t weights, cnn_error *err)
{
    if (own_of(s)->room >= weights)
        return CNN_OK;
    own *larger = realloc(s->own, sizeof(own) + weights * sizeof(layer));
    if (larger == NULL)
        return cnn_fail(err, CNN_MEMORY, "no memory for the gradients of %u weights", weights);
    larger->room = weights;
    s->own = larger;
    return CNN_OK;
}

static void sum_up(own *o, const cnn_event *e)
{
    for (uint32_t i = 0; i < o->n_layers; i++)
        o->layers[i].last = 0;
    for (uint32_t i = 0; i < e->gradients.count; i++) {
        const cnn_gradient *g = cnn_table_at(&e->gradients, i);
        layer *l = layer_of(o, g->layer);
        l->last = hypot(l->last, g->norm);
    }
    for (uint32_t i = 0; i < o->n_layers && o->first_step == 0; i++)
        o->layers[i].first = o->layers[i].last;
    if (o->first_step == 0)
        o->first_step = e->step;
    o->last_step = e->step;
}

/* Names are of letters, digits, points and lines: no cell needs quotes. */
static void print_rows(const cnn_event *e, FILE *f)
{
    for (uint32_t i = 0; i < e->gradients.count; i++) {
        const cnn_gradient *g = cnn_table_at(&e->gradients, i);
        fprintf(f, "%" PRId64 ",%s,%s,%" PRId64 ",%.6g\n", e->step, g->layer, g->weight, g->count,
                g->norm);
    }
}

/* ---- the table */

static void say(const own *o, const char *text)
{
    o->host->log(o->host, CNN_INFO, text);
}

/* Powers of ten that hold all layers' last norms, at least one apart; false: none is above 0. */
static bool scale_of(const own *o, double *low, double *high)
{
    double least = INFINITY, most = 0;
    for (uint32_t i = 0; i < o->n_layers; i++) {
        double x = o->layers[i].last;
        if (x > 0 && isfinite(x)) {
            least = x < least ? x : least;
            most = x > most ? x : most;
        }
    }
    if (most <= 0)
        return false;
    *low = floor(log10(least));
    *high = ceil(log10(most));
    if (*high <= *low)
        *high = *low + 1;
    return true;
}

static void say_layer(const own *o, const layer *l, double low, double high)
{
    char line[128], bar[BAR_CELLS + 1], name[NAME_CELLS + 1];
    size_t length = strlen(l->name), cells = 0;
    bool cut = length > NAME_CELLS; /* the end says more than the beginning */
    (void)snprintf(name, sizeof name, "%s%s", cut ? "..." : "",
                   cut ? l->name + length - (NAME_CELLS - 3) : l->name);
    if (l->last > 0 && isfinite(l->last))
        cells = 1 + (size_t)((log10(l->last) - low) / (high - low) * (BAR_CELLS - 1) + 0.5);
    memset(bar, '#', cells);
    bar[cells] = '\0';
    (void)snprintf(line, sizeof line, "%-*s %8.1e %8.1e %s", NAME_CELLS, name, l->first, l->last,
                   bar);
    say(o, line);
}

static void say_extremes(const own *o)
{
    const layer *front = &o->layers[0], *back = &o->layers[o->n_layers - 1];
    const layer *least = front, *most = front;
    char line[256];
    for (uint32_t i = 1; i < o->n_layers; i++) {
        least = o->layers[i].last < least->last ? &o->layers[i] : least;
        most = o->layers[i].last > most->last ? &o->layers[i] : most;
    }
    (void)snprintf(line, sizeof line, "smallest %.1e (%.40s), largest %.1e (%.40s)", least->last,
                   least->name, most->last, most->name);
    say(o, line);
    if (back->last > 0)
        (void)snprintf(line, sizeof line, "first layer / last layer: %.1e",
                       front->last / back->last);
    else
        (void)snprintf(line, sizeof line, "the last layer has no gradient at all");
    say(o, line);
}

static void say_table(const own *o)
{
    double low = 0, high = 1;
    char line[192], steps[2][32], scale[40] = "";
    bool any = scale_of(o, &low, &high);
    for (int i = 0; i < 2; i++)
        (void)snprintf(steps[i], sizeof steps[i], "step %" PRId64,
                       i == 0 ? o->first_step : o->last_step);
    if (any)
        (void)snprintf(scale, sizeof scale, "1e%+03.0f%*s1e%+03.0f", low, BAR_CELLS - 10, "", high);
    (void)snprintf(line, sizeof line, "%-*s %8s %8s %s", NAME_CELLS, "gradients (L2 norm)",
                   steps[0], steps[1], scale);
    say(o, line);
    for (uint32_t i = 0; i < o->n_layers; i++)
        say_layer(o, &o->layers[i], low, high);
    say_extremes(o);
}

/* ---- the observer */

static cnn_status gradients_open(const cnn_host *host, const void *params_, const char *dir,
                                 cnn_observer_state **out, cnn_error *err)
{
    static const char head[] = "step,layer,weight,numbers,norm\n";
    const gradients_params *p = params_;
    cnn_status status = lines_open(dir, "gradients.csv", out, err);
    if (status != CNN_OK)
        return status;
    own *o = calloc(1, sizeof *o);
    (*out)->own = o;
    if (o == NULL) {
        status = cnn_fail(err, CNN_MEMORY, "not enough memory for the gradients observer");
    } else {
        o->host = host;
        o->every = p->every;
        if ((*out)->empty)
            status = lines_add(*out, head, sizeof head - 1, err);
    }
    if (status != CNN_OK) {
        lines_close(*out);
        *out = NULL;
    }
    return status;
}

static cnn_status gradients_event(cnn_observer_state *s, const cnn_event *e, cnn_error *err)
{
    const own *o = own_of(s);
    if (e->kind == CNN_EVENT_RUN_END && o->n_layers > 0)
        say_table(o);
    if (e->kind != CNN_EVENT_STEP || (e->step != 1 && e->step % o->every != 0))
        return CNN_OK;
    cnn_status status = make_room(s, e->gradients.count, err);
    if (status != CNN_OK)
        return status;
    sum_up(own_of(s), e);
    return lines_print(s, e, print_rows, err);
}

static const cnn_observer observers[] = {
    { .c = CNN_COMPONENT(cnn_observer, "gradients", sizeof(gradients_params), CNN_TABLE(params),
                         "gradients.csv in the run's folder: the norm of each weight's gradient.",
                         "report: [terminal, gradients: {every: 10}]"),
      .open = gradients_open,
      .close = lines_close,
      .on_event = gradients_event,
      .wants = CNN_WANT_GRADIENTS },
};

CNN_PLUGIN(.name = "gradients", .version = "0.1.0", .license = "MIT",
           .summary = "Writes and sums up the size of the weights' gradients",
           .observers = CNN_TABLE(observers));
