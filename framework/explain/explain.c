/* From a request to a page: the step is run, then told. */
#include <string.h>

#include "explain/probe.h"

static int32_t mapped(const cnn_probe *p, cnn_value v)
{
    return v == CNN_NONE ? -1 : p->step->map[v];
}

static int32_t gradient_of(const cnn_probe *p, cnn_value v)
{
    return v != CNN_NONE && (uint32_t)v < p->grads.count ? mapped(p, p->grads.values[v]) : -1;
}

static cnn_lesson lesson_of(const cnn_probe *p, FILE *out)
{
    const cnn_explain_request *r = p->request;
    return (cnn_lesson){ .page = { out, p->arena, r->colour, r->all },
                         .request = r,
                         .registry = p->registry,
                         .program = &p->step->program,
                         .data = p->data,
                         .layer = p->subject->path,
                         .what = p->what,
                         .phase = r->gradient != NULL ? CNN_PHASE_BACKWARD : CNN_PHASE_FORWARD,
                         .in = mapped(p, p->subject->in),
                         .out = mapped(p, p->subject->out),
                         .d_in = gradient_of(p, p->subject->in),
                         .d_out = gradient_of(p, p->subject->out),
                         .target = mapped(p, p->target),
                         .agrees = true };
}

/* ---- what stands above ---- */

static const char *shape_of(const cnn_probe *p, cnn_value v, char *out, size_t size)
{
    const cnn_value_info *info = &p->graph->values[v];
    cnn_shape_text(&info->type, info->batched != 0, out, size);
    return out;
}

static const char *mode_text(const cnn_probe *p)
{
    if (p->mode != CNN_TRAIN)
        return "";
    return ", in training";
}

static void print_title(const cnn_probe *p, const cnn_page *page)
{
    static const char *const splits[] = { "train", "val", "test" };
    const cnn_explain_request *r = p->request;
    char in[128], out[128];
    const char *path = p->subject->path, *options = p->subject->options;
    if (strlen(path) + strlen(options) + 2 > CNN_PAGE_WIDTH) {
        cnn_page_heading(page, "%s", path);
        cnn_page_text(page, "%s", options);
    } else {
        cnn_page_heading(page, "%s%s%s", path, options[0] != '\0' ? "  " : "", options);
    }
    (void)shape_of(p, p->subject->in, in, sizeof in);
    (void)shape_of(p, p->subject->out, out, sizeof out);
    if (r->batch > 1)
        cnn_page_text(page, "input %s, output %s; samples %lld to %lld of the %s split%s", in, out,
                      (long long)r->sample, (long long)(r->sample + r->batch - 1), splits[p->split],
                      mode_text(p));
    else
        cnn_page_text(page, "input %s, output %s; sample %lld of the %s split%s", in, out,
                      (long long)r->sample, splits[p->split], mode_text(p));
    if (p->sum_as_loss)
        cnn_page_text(page, "The pipeline has no loss: L is the sum of all outputs.");
}

/* ---- what stands below ---- */

static void print_gradients(const cnn_probe *p, const cnn_page *page, const char *command)
{
    const cnn_subject *s = p->subject;
    size_t length = strlen(s->prefix);
    cnn_page_add(page, "\nits gradients:\n  %s %s --gradient input\n", command, s->path);
    for (uint32_t i = 0; i < p->graph->n_states; i++) {
        const cnn_value_info *state = &p->graph->values[p->graph->states[i].value];
        if (state->trained != 0 && strncmp(state->name, s->prefix, length) == 0 &&
            state->name[length] == '.' && strchr(state->name + length + 1, '.') == NULL)
            cnn_page_add(page, "  %s %s --gradient %s\n", command, s->path,
                         state->name + length + 1);
    }
}

/* The other layers, when none was asked for. */
static void print_others(const cnn_probe *p, const cnn_page *page)
{
    const char *command = cnn_arena_printf(p->arena, "cnnrun explain %s", p->request->pipeline);
    char shape[128];
    int width = 0;
    for (uint32_t i = 0; i < p->n_subjects; i++)
        if ((int)strlen(p->subjects[i].path) > width)
            width = (int)strlen(p->subjects[i].path);
    if (p->n_subjects > 1)
        cnn_page_add(page, "\nother layers:\n");
    for (uint32_t i = 0; i < p->n_subjects; i++)
        if (&p->subjects[i] != p->subject)
            cnn_page_add(page, "  %s %-*s  %s\n", command, width, p->subjects[i].path,
                         shape_of(p, p->subjects[i].out, shape, sizeof shape));
    if (p->request->gradient == NULL)
        print_gradients(p, page, command);
}

static cnn_status tell(const cnn_probe *p, FILE *out, bool *agrees, cnn_error *err)
{
    cnn_lesson lesson = lesson_of(p, out);
    cnn_spot spot;
    cnn_status status = cnn_element_read(&lesson, p->request, &spot, err);
    if (status != CNN_OK)
        return status;
    print_title(p, &lesson.page);
    cnn_lesson_walk(&lesson, &spot);
    if (p->request->layer == NULL)
        print_others(p, &lesson.page);
    *agrees = lesson.agrees;
    return CNN_OK;
}

cnn_status cnn_explain(cnn_config *config, cnn_registry *registry, const cnn_data_shape *shape,
                       const cnn_explain_request *request, cnn_arena *arena, cnn_diags *diags,
                       FILE *out, bool *agrees, cnn_error *err)
{
    cnn_probe probe = { .config = config,
                        .registry = registry,
                        .request = request,
                        .arena = arena,
                        .diags = diags,
                        .err = err };
    cnn_status status = cnn_probe_build(&probe, shape);
    if (status == CNN_OK)
        status = cnn_probe_choose(&probe);
    if (status == CNN_OK)
        status = cnn_probe_run(&probe);
    if (status == CNN_OK)
        status = tell(&probe, out, agrees, err);
    cnn_probe_close(&probe);
    return status;
}
