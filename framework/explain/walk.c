/* All steps from what is known to one element: each is worked out and checked. */
#include <math.h>
#include <string.h>

#include "explain/lesson.h"

/* Float rounding of a result, relative to the sum of the sizes of its parts. */
#define ROUNDING 2e-6

enum { CHECK_WORDS = sizeof "   =   reference backend:  v" };

static const struct {
    const char *op, *title;
    cnn_work work;
} ops[] = {
    { "conv2d", "convolution", cnn_work_conv2d },
    { "conv2d_input_grad", "gradient of a convolution's input", cnn_work_conv2d_input_grad },
    { "conv2d_weight_grad", "gradient of a convolution's kernel", cnn_work_conv2d_weight_grad },
    { "max_pool2d", "maximum of a window", cnn_work_max_pool2d },
    { "max_pool2d_grad", "gradient of maxima", cnn_work_max_pool2d_grad },
    { "avg_pool2d", "mean of a window", cnn_work_avg_pool2d },
    { "avg_pool2d_grad", "gradient of means", cnn_work_avg_pool2d_grad },
    { "pad2d", "padding", cnn_work_pad2d },
    { "pad2d_grad", "gradient of padding", cnn_work_pad2d_grad },
    { "resize2d", "resizing", cnn_work_resize2d },
    { "resize2d_grad", "gradient of resizing", cnn_work_resize2d_grad },
    { "matmul", "sum of products", cnn_work_matmul },
    { "reduce", "reduction", cnn_work_reduce },
    { "softmax", "softmax", cnn_work_softmax },
    { "softmax_grad", "gradient of softmax", cnn_work_softmax_grad },
    { "cross_entropy", "cross-entropy", cnn_work_cross_entropy },
    { "cross_entropy_grad", "gradient of cross-entropy", cnn_work_cross_entropy_grad },
    { "argmax", "place of the largest", cnn_work_argmax },
    { "batch_norm", "normalisation by the batch", cnn_work_batch_norm },
    { "batch_norm_grad", "gradient of a normalisation", cnn_work_batch_norm_grad },
    { "map", "formula", cnn_work_map },
    { "reshape", "another shape", cnn_work_move },
    { "transpose", "axes in another order", cnn_work_move },
    { "slice", "a part", cnn_work_move },
    { "concat", "side by side", cnn_work_move },
    { "cast", "another type", cnn_work_move },
};

enum { OPS = sizeof ops / sizeof ops[0] };

static size_t op_of(const cnn_node *node)
{
    size_t i = 0;
    while (i < OPS && !cnn_node_is(node, ops[i].op))
        i++;
    return i;
}

/* ---- which steps ---- */

/* Where the image itself lies in the padded one, if it does. */
static void add_padding(const cnn_pad2d_attrs *a, const cnn_type *padded, cnn_spot *spot)
{
    for (int axis = 2; axis < 4; axis++) {
        int64_t at = spot->at[axis] + a->pad[2 * (axis - 2)];
        spot->at[axis] = at >= 0 && at < padded->dim[axis] ? at : 0;
    }
}

/* An element that is representative of all that a node reads of a value: at the same place, as far
 * as that goes. */
static cnn_spot example_of(const cnn_lesson *lesson, const cnn_node *node, int32_t value,
                           const cnn_spot *spot)
{
    const cnn_type *in = cnn_lesson_type(lesson, value),
                   *out = cnn_lesson_type(lesson, spot->value);
    cnn_spot example = { .value = value };
    for (uint32_t i = 0; i < in->rank && i < out->rank; i++)
        example.at[i] = spot->at[i] < in->dim[i] ? spot->at[i] : 0;
    if (cnn_node_is(node, "pad2d_grad"))
        add_padding(node->attrs, in, &example);
    return example;
}

static bool is_known(const cnn_lesson *lesson, const cnn_spot *spot, bool exactly)
{
    for (uint32_t i = 0; i < lesson->n_steps; i++)
        if (lesson->steps[i].value == spot->value &&
            (!exactly ||
             cnn_lesson_offset(lesson, &lesson->steps[i]) == cnn_lesson_offset(lesson, spot)))
            return true;
    return false;
}

/* Windows show padding of their own layer themselves. */
static bool is_absorbed(const cnn_node *user, const cnn_node *node)
{
    return cnn_node_is(node, "pad2d") && cnn_node_is(user, "conv2d");
}

static void visit(cnn_lesson *lesson, cnn_spot spot, bool exactly);

static void visit_inputs(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    bool map = cnn_node_is(node, "map");
    for (uint32_t i = 0; i < node->n_in; i++) {
        const cnn_node *maker = cnn_lesson_producer(lesson, node->in[i]);
        if (maker == NULL || is_absorbed(node, maker))
            continue;
        visit(lesson,
              map ? cnn_lesson_broadcast(lesson, node->in[i], spot)
                  : example_of(lesson, node, node->in[i], spot),
              map);
    }
}

static void visit(cnn_lesson *lesson, cnn_spot spot, bool exactly)
{
    spot = cnn_lesson_source(lesson, spot);
    const cnn_node *node = cnn_lesson_producer(lesson, spot.value);
    if (node == NULL || !cnn_op_computes(node->op->c.name) || is_known(lesson, &spot, exactly) ||
        cnn_node_is(node, "random") || lesson->n_steps == CNN_MAX_LESSON_STEPS)
        return;
    if (cnn_node_is(node, "map") && node->n_in == 0)
        return; /* a constant */
    visit_inputs(lesson, node, &spot);
    if (lesson->n_steps == CNN_MAX_LESSON_STEPS)
        return;
    lesson->is_example[lesson->n_steps] =
        !exactly && cnn_count(cnn_lesson_type(lesson, spot.value)) > 1;
    lesson->steps[lesson->n_steps++] = spot;
}

/* ---- one step ---- */

static bool agrees(cnn_worked worked, double reference)
{
    if (worked.value == reference || (isnan(worked.value) && isnan(reference)))
        return true;
    return fabs(worked.value - reference) <= ROUNDING * (worked.scale + fabs(worked.value)) + 1e-30;
}

static void check(cnn_lesson *lesson, const char *name, cnn_worked worked, double reference)
{
    char a[CNN_NUMBER_SIZE], b[CNN_NUMBER_SIZE], c[CNN_NUMBER_SIZE];
    bool fine = agrees(worked, reference);
    const char *colour = !lesson->page.colour ? "" : fine ? "\033[32m" : "\033[1;31m";
    (void)cnn_digits(worked.value, a);
    (void)cnn_digits(reference, b);
    bool broken = strlen(name) + strlen(a) + strlen(b) + CHECK_WORDS > CNN_PAGE_WIDTH;
    cnn_page_add(&lesson->page, "\n  %s = %s%s%sreference backend: %s %s%s\n", name, a,
                 broken ? "\n  " : "   ", colour, b, fine ? "✓" : "✗",
                 lesson->page.colour ? "\033[0m" : "");
    if (!fine)
        cnn_page_text(&lesson->page, "They differ by %s: more than rounding.",
                      cnn_digits(fabs(worked.value - reference), c));
    lesson->agrees = lesson->agrees && fine;
}

static const char *plugin_of(const cnn_lesson *lesson, const cnn_op *op)
{
    const cnn_registry *r = lesson->registry;
    for (size_t i = 0; i < r->n_entries; i++)
        if (r->entries[i].kind == CNN_KIND_OP &&
            strcmp(r->entries[i].component->name, op->c.name) == 0)
            return r->entries[i].module->plugin->name;
    return "?";
}

static void work_step(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot,
                      const char *name)
{
    size_t op = op_of(node);
    double reference = cnn_lesson_read(lesson, spot);
    char number[CNN_NUMBER_SIZE];
    if (op == OPS) {
        cnn_page_text(&lesson->page, "%s, an op of plugin %s; its value is %s.", node->op->c.name,
                      plugin_of(lesson, node->op), cnn_digits(reference, number));
        return;
    }
    check(lesson, name, ops[op].work(lesson, node, spot), reference);
}

static void heading(const cnn_lesson *lesson, const cnn_node *node, uint32_t step, uint32_t steps,
                    const char *name)
{
    size_t op = op_of(node);
    const char *title = op < OPS ? ops[op].title : node->op->c.name;
    if (node->phase != CNN_PHASE_BACKWARD && cnn_node_is(node, "conv2d_input_grad"))
        title = "transposed convolution";
    cnn_page_add(&lesson->page, "\n");
    if (steps == 1)
        cnn_page_heading(&lesson->page, "%s: %s", name, title);
    else if (step == steps)
        cnn_page_heading(&lesson->page, "step %u of %u, %s: %s", step, steps, name, title);
    else
        cnn_page_heading(&lesson->page, "step %u of %u: %s", step, steps, title);
}

/* What is explained is merely moved here, or given on as it is. */
static void walk_moved(cnn_lesson *lesson, const cnn_spot *spot)
{
    bool through = lesson->target == lesson->in || lesson->target == lesson->d_out;
    const cnn_node *node = through ? NULL : cnn_lesson_producer(lesson, spot->value);
    char number[CNN_NUMBER_SIZE], place[CNN_SPOT_SIZE];
    const char *title = cnn_arena_printf(lesson->page.arena, "%s%s", lesson->what,
                                         cnn_spot_place(lesson, spot, place));
    if (node != NULL && op_of(node) < OPS && !cnn_op_computes(node->op->c.name)) {
        heading(lesson, node, 1, 1, title);
        work_step(lesson, node, spot, title);
        return;
    }
    cnn_page_add(&lesson->page, "\n");
    cnn_page_heading(&lesson->page, "%s", title);
    cnn_page_text(&lesson->page, "The layer gives %s on as it is: %s.",
                  lesson->phase == CNN_PHASE_BACKWARD ? "the gradient" : "its input",
                  cnn_digits(cnn_lesson_read(lesson, spot), number));
}

/* "Channel 0, row 1, column 2." */
static const char *place_words(const cnn_lesson *lesson, const cnn_spot *spot, char *out)
{
    const cnn_value_info *info = cnn_value_at(lesson->program, spot->value);
    const long long a = spot->at[0], b = spot->at[1], c = spot->at[2], d = spot->at[3];
    out[0] = '\0';
    if (info->type.rank == 4 && info->batched != 0)
        (void)snprintf(out, CNN_SPOT_SIZE, "Channel %lld, row %lld, column %lld.", b, c, d);
    else if (info->type.rank == 4)
        (void)snprintf(out, CNN_SPOT_SIZE,
                       "Output channel %lld, input channel %lld, row %lld, column %lld.", a, b, c,
                       d);
    return out;
}

void cnn_lesson_walk(cnn_lesson *lesson, const cnn_spot *spot)
{
    char place[CNN_SPOT_SIZE];
    char words[CNN_SPOT_SIZE];
    const char *target = cnn_arena_printf(lesson->page.arena, "%s%s", lesson->what,
                                          cnn_spot_place(lesson, spot, place));
    bool through = lesson->target == lesson->in || lesson->target == lesson->d_out;
    lesson->agrees = true;
    if (!through)
        visit(lesson, *spot, true);
    if (lesson->n_steps == 0) {
        walk_moved(lesson, spot);
        return;
    }
    for (uint32_t i = 0; i < lesson->n_steps; i++) {
        const cnn_spot *at = &lesson->steps[i];
        const cnn_node *node = cnn_lesson_producer(lesson, at->value);
        bool last = i + 1 == lesson->n_steps;
        const char *name = last ? target : cnn_arena_printf(lesson->page.arena, "step %u", i + 1);
        heading(lesson, node, i + 1, lesson->n_steps, name);
        if (last && place_words(lesson, spot, words)[0] != '\0')
            cnn_page_text(&lesson->page, "%s", words);
        if (lesson->is_example[i])
            cnn_page_text(&lesson->page, "As an example for all that a later step reads: %s.",
                          cnn_spot_place(lesson, at, place));
        work_step(lesson, node, at, name);
    }
}
